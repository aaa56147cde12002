# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Task cancellation: at every await, in storms, in the middle of results. Answers are never mixed up."""

from __future__ import annotations

import asyncio
import inspect
import random
import time

import pytest

import pgstride


async def cancel(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("method", ["fetch", "fetchrow", "fetchval", "execute"])
async def test_running_query(connection, observer, usable, method):
    pid = connection.get_server_pid()
    task = asyncio.create_task(getattr(connection, method)("select pg_sleep(600)"))
    await observer.sleeps(pid)
    started = time.monotonic()
    await cancel(task)
    await usable(connection)
    assert time.monotonic() - started < 15
    await observer.rests(pid)


OPERATIONS = {
    "fetch": lambda c, i: c.fetch("select $1::int4, generate_series(1, 20)", i),
    "fetch anew": lambda c, i: c.fetch(f"select {i}, generate_series(1, 20)"),
    "fetchrow": lambda c, i: c.fetchrow("select $1::int4", i),
    "fetchval": lambda c, i: c.fetchval("select $1::int4", i),
    "script": lambda c, i: c.execute("select 1; select 2"),
    "execute": lambda c, i: c.execute("select $1::int4", i),
    "prepare": lambda c, i: c.prepare(f"select {i}"),
    "cursor": lambda c, i: iterate(c, i),
    "cursor by hand": lambda c, i: by_hand(c, i),
    "stream": lambda c, i: stream(c, i),
    "transaction": lambda c, i: in_transaction(c, i),
    "transaction with settings": lambda c, i: in_transaction(c, i, settings={"app.i": str(i)}),
    "transact": lambda c, i: c.transact(lambda c: c.fetchval("select $1::int4", i)),
    "executemany": lambda c, i: c.executemany("select $1::int4", [(i,)] * 20),
    "fetchmany": lambda c, i: c.fetchmany("select $1::int4", [(i,)] * 20),
    "copy_from_query": lambda c, i: c.copy_from_query("select generate_series(1, 100)", output=sink),
    "copy_from_table": lambda c, i: c.copy_from_table("pg_am", output=sink),
    "copy_to_table": lambda c, i: c.copy_to_table("cancelled", source=b"1\n" * 100),
    "copy_records_to_table": lambda c, i: c.copy_records_to_table("cancelled", records=[(i,)] * 100),
    "add_listener": lambda c, i: c.add_listener(f"channel {i}", print),
    "remove_listener": lambda c, i: c.remove_listener(f"channel {i - 1}", print),
    "set_type_codec": lambda c, i: c.set_type_codec("int4", schema="pg_catalog", encoder=str, decoder=int),
    "reset_type_codec": lambda c, i: c.reset_type_codec("int4", schema="pg_catalog"),
    "set_builtin_type_codec": lambda c, i: c.set_builtin_type_codec(
        "yes_or_no", schema="information_schema", codec_name="text"
    ),
    "reload_schema_state": lambda c, i: c.reload_schema_state(),
    "reset": lambda c, i: c.reset(),
}
ONLY_ONCE = {"close"}
"""What ends a connection; test_connect.py and test_pool_cancel.py have that."""


def test_each_coroutine_is_there():  # DT-17
    coroutines = dict(inspect.getmembers(pgstride.Connection, inspect.iscoroutinefunction))
    assert {name for name in coroutines if not name.startswith("_")} - ONLY_ONCE <= OPERATIONS.keys()


async def sink(data):
    await asyncio.sleep(0)


async def iterate(connection, i):
    async with connection.transaction():
        return [row async for row in connection.cursor("select $1::int4, generate_series(1, 30)", i, prefetch=10)]


async def by_hand(connection, i):
    async with connection.transaction():
        cursor = await connection.cursor("select $1::int4, generate_series(1, 30)", i)
        await cursor.fetch(5)
        await cursor.forward(5)
        return await cursor.fetchrow()


async def stream(connection, i):
    return [row async for row in connection.stream("select $1::int4, generate_series(1, 10000)", i)]


async def in_transaction(connection, i, **options):
    async with connection.transaction(**options):
        async with connection.transaction():
            return await connection.fetchval("select $1::int4", i)


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
async def test_after_each_turn_of_the_loop(runner, connect, usable, operation, debug):  # CX-3, DT-17
    runner.loop.set_debug(debug)  # where a task goes on a turn after its reply has come
    connection = await connect()
    await connection.execute("create temp table cancelled (a int)")
    for count in range(150):
        task = asyncio.create_task(operation(connection, count))
        await turns(count)
        if count > 100:  # turns are short, and the server may be busy
            await asyncio.sleep(0.002 * (count - 100))
        ended = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and task.exception():
            raise task.exception()
        await usable(connection)
        if connection.is_in_transaction():
            await connection.execute("rollback")
        if ended:
            return
    pytest.fail("never came to its end")


async def test_twice(connection, observer, usable):
    task = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
    await observer.sleeps(connection.get_server_pid())
    task.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not task.cancel()
    await usable(connection)


async def test_before_it_starts(connection, usable):
    task = asyncio.create_task(connection.fetch("select 1"))
    await cancel(task)
    await usable(connection)


async def test_the_waiter_of_a_cancellation_is_cancelled(connection, observer, usable):
    task = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
    await observer.sleeps(connection.get_server_pid())
    await cancel(task)
    for _ in range(10):
        task = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
        await turns(1)
        await cancel(task)
    await usable(connection)


async def test_swallowed(connection, observer):
    """A task that goes on after its cancellation uses the connection at once."""

    async def stubborn():
        try:
            await connection.fetch("select pg_sleep(600)")
        except asyncio.CancelledError:
            return await connection.fetchval("select 'still here'")

    task = asyncio.create_task(stubborn())
    await observer.sleeps(connection.get_server_pid())
    task.cancel()
    assert await task == "still here"


async def test_message(connection, observer):
    task = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
    await observer.sleeps(connection.get_server_pid())
    task.cancel("because")
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_in_the_middle_of_rows(connection, usable):
    for _ in range(10):
        task = asyncio.create_task(connection.fetch("select i, repeat('x', 500) from generate_series(1, 200000) as i"))
        await turns(random.randrange(3, 60))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await usable(connection)


async def test_large_request_half_sent(connection, usable):  # R-C10
    """What has begun to be sent is sent as a whole."""
    text = "x" * (16 << 20)
    for count in range(0, 12):
        task = asyncio.create_task(connection.fetchval("select length($1::text)", text))
        await turns(count)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await usable(connection)


async def test_effects_of_a_cancelled_statement_are_whole(connection, usable):
    await connection.execute("create temp table t (a int)")
    for i in range(60):
        task = asyncio.create_task(connection.execute("insert into t select $1 from generate_series(1, 10)", i))
        await turns(i % 12)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    for row in await connection.fetch("select count(*)::int4 from t group by a"):
        assert row[0] == 10


async def test_never_hits_a_later_statement(connection, usable):
    """The cancel fence: a request to cancel that arrives late finds nothing else to cancel."""
    for i in range(200):
        task = asyncio.create_task(connection.fetchval("select $1::int4", i))
        await turns(1 + i % 4)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await connection.fetchval("select 'after ' || $1::text from pg_sleep(0.001)", str(i)) == f"after {i}"


async def test_storm(connect):  # CX-7
    """Several connections, tasks cancelled at random: what arrives is always what was asked for."""
    dice = random.Random(20)
    connections = [await connect(statement_cache_size=10) for _ in range(4)]
    seconds = 4.0
    end = time.monotonic() + seconds
    outcomes = {"done": 0, "cancelled": 0, "late": 0}

    async def ask(connection, token):
        kind = dice.randrange(5)
        timeout = dice.choice([None, None, 0.0005, 0.002])
        if kind == 0:
            rows = await connection.fetch(
                "select $1::text as token, i from generate_series(1, 200) as i", token, timeout=timeout
            )
            assert [tuple(row) for row in rows] == [(token, i) for i in range(1, 201)]
        elif kind == 1:
            assert await connection.fetchval(f"select '{token}'", timeout=timeout) == token
        elif kind == 2:
            assert await connection.fetchrow("select $1::text, pg_sleep(0.002)::text", token, timeout=timeout) == (token, "")
        elif kind == 3:
            assert await connection.execute("select 1; select $$" + token + "$$", timeout=timeout) == "SELECT 1"
        else:
            async with connection.transaction():
                got = [row[0] async for row in connection.cursor("select $1::text", token, timeout=timeout)]
                assert got == [token]

    async def use(number, connection):
        asked = 0
        while time.monotonic() < end:
            asked += 1
            task = asyncio.create_task(ask(connection, f"{number}/{asked}"))
            if dice.random() < 0.6:
                await (turns(dice.randrange(8)) if dice.random() < 0.5 else asyncio.sleep(dice.random() * 0.004))
                task.cancel()
            try:
                await task
                outcomes["done"] += 1
            except asyncio.CancelledError:
                outcomes["cancelled"] += 1
            except asyncio.TimeoutError:
                outcomes["late"] += 1
            except pgstride.InFailedSQLTransactionError:
                pass  # the commit of a transaction whose statement was cancelled
            assert await connection.fetchval("select $1::text", f"check {number}/{asked}") == f"check {number}/{asked}"
            if connection.is_in_transaction():  # a cancelled BEGIN or ROLLBACK
                await connection.execute("rollback")

    await asyncio.gather(*(use(number, connection) for number, connection in enumerate(connections)))
    assert all(outcomes.values()), outcomes


async def test_from_another_thread_in_debug_mode(runner, connect, usable):
    """asyncio refuses to wake a task from there; the request goes on as if nothing had been asked."""
    runner.loop.set_debug(True)
    connection = await connect()
    task = asyncio.create_task(connection.fetchval("select 3 from pg_sleep(0.1)"))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="Non-thread-safe operation"):
        await asyncio.to_thread(task.cancel)
    assert await asyncio.wait_for(task, 30) == 3
    await usable(connection)
    runner.loop.set_debug(False)
