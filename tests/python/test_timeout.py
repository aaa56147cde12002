# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""timeout= and command_timeout: one deadline per call, and a connection that stays usable."""

from __future__ import annotations

import asyncio
import decimal
import time

import pytest

import pgstride

METHODS = ["fetch", "fetchrow", "fetchval", "execute"]


@pytest.mark.parametrize("method", METHODS)
async def test_expires(connection, usable, method):
    started = time.monotonic()
    with pytest.raises(asyncio.TimeoutError) as caught:
        await getattr(connection, method)("select pg_sleep(60)", timeout=0.1)
    assert 0.09 < time.monotonic() - started < 15
    assert caught.value.args == ()
    await usable(connection)
    assert time.monotonic() - started < 30


async def test_statement_with_arguments_expires(connection, usable):
    for _ in range(2):
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("select pg_sleep($1::int4)", 60, timeout=0.1)
        await usable(connection)


async def test_the_server_stops_too(connection, observer):
    pid = connection.get_server_pid()
    with pytest.raises(asyncio.TimeoutError):
        await connection.fetch("select pg_sleep(600)", timeout=0.05)
    await observer.rests(pid)


async def test_prepared_statement_expires(connection, usable):
    statement = await connection.prepare("select pg_sleep($1::int4)")
    for method in (statement.fetch, statement.fetchrow, statement.fetchval):
        with pytest.raises(asyncio.TimeoutError):
            await method(60, timeout=0.05)
    assert len(await statement.fetch(0)) == 1
    await usable(connection)


async def test_command_timeout(connect, usable):
    connection = await connect(command_timeout=0.2)
    for method in METHODS:
        with pytest.raises(asyncio.TimeoutError):
            await getattr(connection, method)("select pg_sleep(60)")
    assert len(await connection.fetch("select pg_sleep(0.4)", timeout=60)) == 1
    with pytest.raises(asyncio.TimeoutError):
        await (await connection.prepare("select pg_sleep(60)")).fetch()
    await usable(connection)


@pytest.mark.parametrize("timeout", [1e-10, 0.0001, 0, -1, -0.0, float("-inf"), -1e300])
async def test_no_time(connection, usable, timeout):  # CX-5
    for method in METHODS:
        with pytest.raises(asyncio.TimeoutError):
            await getattr(connection, method)("select pg_sleep(60)", timeout=timeout)
        await usable(connection)


async def test_what_is_no_number_is_no_limit(connect, create_pool, usable):
    """The loop is not told of it: asyncio's timers would be in disorder, and some never fire."""
    nan = float("nan")
    connection = await connect(timeout=nan)
    for method in METHODS:
        await getattr(connection, method)("select 1", timeout=nan)
    await connection.reset(timeout=nan)
    pool = await create_pool()
    async with pool.acquire(timeout=nan) as lent:
        assert await lent.fetchval("select 1") == 1
    assert await pool.fetchval("select 1", timeout=nan) == 1
    timers = getattr(asyncio.get_running_loop(), "_scheduled", [])  # uvloop refuses such a one
    assert not any(timer.when() != timer.when() for timer in timers)
    await connection.close(timeout=nan)


async def test_nothing_is_sent_without_time(connection):  # CX-5
    await connection.execute("create temp sequence s")
    for timeout in (0, -1):
        for method in METHODS:
            with pytest.raises(asyncio.TimeoutError):
                await getattr(connection, method)("select nextval('s')", timeout=timeout)
    assert await connection.fetchval("select nextval('s')::int4") == 1


@pytest.mark.parametrize("timeout", [1, 60.0, "3", "60.5", b"3", 10**9, 1e300, float("inf"), decimal.Decimal(5)])
async def test_enough_time(connection, timeout):
    for method in METHODS:
        await getattr(connection, method)("select 1", timeout=timeout)


@pytest.mark.parametrize(
    ("timeout", "error", "reason"),
    [
        *((given, ValueError, "expected non-negative float .got") for given in (True, False, "soon", b"x")),
        *((given, TypeError, "must be a string or a real number") for given in ([], {}, object)),
        (10**400, OverflowError, "too large"),
    ],
)
async def test_bad_timeout(connection, usable, timeout, error, reason):
    for method in METHODS:
        with pytest.raises(error, match=reason):
            await getattr(connection, method)("select 1", timeout=timeout)
    await usable(connection)


async def test_races_with_the_answer(connection, usable):  # CX-5
    for i in range(500):
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select 1", timeout=1e-10)
        assert await connection.fetchval("select $1::int4", i) == i


async def test_races_with_the_answer_more_closely(connection):
    """Deadlines around the time a query takes: either outcome, never somebody else's rows."""
    late = 0
    for i in range(300):
        try:
            assert await connection.fetchval("select $1::int4", i, timeout=0.00005 * (i % 20)) == i
        except asyncio.TimeoutError:
            late += 1
    assert late
    assert await connection.fetchval("select 1") == 1


async def test_covers_the_wait_for_an_earlier_cancellation(connection, usable):
    """The server cannot be interrupted here: the next call has to wait, within its own deadline."""
    await connection.execute(
        """create function pg_temp.stubborn() returns void language plpgsql as $$
           declare started timestamptz := clock_timestamp();
           begin
             loop
               begin
                 perform pg_sleep(0.05);
                 exit when clock_timestamp() > started + interval '2 s';
               exception when query_canceled then null;
               end;
             end loop;
           end $$"""
    )
    with pytest.raises(asyncio.TimeoutError):
        await connection.fetch("select pg_temp.stubborn()", timeout=0.3)  # by then it is in its loop
    started = time.monotonic()
    with pytest.raises(asyncio.TimeoutError):
        await connection.fetch("select 1", timeout=0.05)
    assert time.monotonic() - started < 1.5
    await usable(connection)


async def test_in_a_transaction(connection, usable):
    with pytest.raises(pgstride.InFailedSQLTransactionError):
        async with connection.transaction():
            with pytest.raises(asyncio.TimeoutError):
                await connection.fetch("select pg_sleep(60)", timeout=0.05)
            await connection.fetch("select 1")
    assert not connection.is_in_transaction()
    await usable(connection)


async def test_wait_for(connection, usable):
    for _ in range(20):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(connection.fetch("select pg_sleep(60)"), 0.01)
        await usable(connection)
    assert await asyncio.wait_for(connection.fetchval("select 1"), 60) == 1


async def test_prepare(connection, observer, usable):
    await connection.execute("create table if not exists locked_table (a int)")
    await observer.connection.execute("begin; lock locked_table")
    with pytest.raises(asyncio.TimeoutError):
        await connection.prepare("select * from locked_table", timeout=0.1)
    await observer.connection.execute("rollback")
    await usable(connection)
    assert (await connection.prepare("select * from locked_table", timeout=60)).get_attributes()
    await connection.execute("drop table locked_table")


async def test_first_use_has_one_budget(connection, observer, usable):
    """Preparing and executing share the deadline."""
    await connection.execute("create table if not exists locked_once (a int)")
    await observer.connection.execute("begin; lock locked_once")
    with pytest.raises(asyncio.TimeoutError):
        await connection.fetch("select * from locked_once", timeout=0.1)
    await observer.connection.execute("rollback")
    assert await connection.fetch("select * from locked_once") == []
    await connection.execute("drop table locked_once")
