# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Listeners hear of what a request has caused before whoever waits for the request goes on, as in asyncpg."""

from __future__ import annotations

import asyncio
import io

import pytest
from hostile import BOUND, Hostile, Part, complete, notification, ready

import pgstride

NOTICES = """
    create temp table t (id int);
    create function pg_temp.shout() returns trigger language plpgsql
        as $$ begin raise notice 'x'; return new; end $$;
    create trigger shout before insert on t for each row execute function pg_temp.shout()
"""
INSERT = "insert into t values ($1)"


async def listen(connection):
    await connection.execute(NOTICES)
    events = []

    def listener(*_):
        events.append("listener")

    async def coroutine(*_):
        events.append("coroutine")

    for function in (listener, coroutine):
        connection.add_log_listener(function)
        connection.add_termination_listener(function)
        await connection.add_listener("mine", function)
    return events


async def prepared(connection):
    await (await connection.prepare(INSERT)).fetch(1)


async def in_a_cursor(connection):
    async with connection.transaction():
        await (await connection.cursor(INSERT + " returning id", 1)).fetch(1)


async def at_the_end_of_a_transaction(connection):
    async with connection.transaction():
        await connection.execute("notify mine")


@pytest.mark.parametrize(
    "cause",
    [
        lambda c: c.execute("insert into t values (1)"),
        lambda c: c.execute(INSERT, 1),
        lambda c: c.fetch(INSERT, 1),
        lambda c: c.fetchval(INSERT + " returning id", 1),
        lambda c: c.executemany(INSERT, [(1,)]),
        lambda c: c.fetchmany(INSERT, [(1,)]),
        lambda c: c.copy_to_table("t", source=io.BytesIO(b"1\n")),
        lambda c: c.copy_records_to_table("t", records=[(1,)]),
        lambda c: c.execute("notify mine"),
        lambda c: c.fetch("select pg_notify('mine', $1)", "x"),
        prepared,
        in_a_cursor,
        at_the_end_of_a_transaction,
    ],
)
async def test_what_a_request_says(connection, cause):
    events = await listen(connection)
    await cause(connection)
    assert sorted(events) == ["coroutine", "listener"]


async def test_what_a_request_says_that_fails(connection):
    events = await listen(connection)
    with pytest.raises(pgstride.RaiseError):
        await connection.execute("do $$ begin raise notice 'x'; raise exception 'y'; end $$")
    assert sorted(events) == ["coroutine", "listener"]


async def test_the_end(connection):
    events = await listen(connection)
    with pytest.raises(pgstride.ConnectionDoesNotExistError):
        await connection.execute("select pg_terminate_backend(pg_backend_pid())")
    assert sorted(events) == ["coroutine", "listener"]


async def test_the_first_comes_with_the_answer_to_listen():
    """Nothing is lost: it is told as soon as add_listener() has returned."""
    answer = BOUND + complete("LISTEN") + ready() + notification("jobs", "first")
    with Hostile(Part(answer, turn=2)) as server:
        connection = await pgstride.connect(host="127.0.0.1", port=server.port, user="me", ssl=False)
        heard = []
        await connection.add_listener("jobs", lambda *told: heard.append(told[3]))
        await asyncio.sleep(0)
        assert heard == ["first"]
        connection.terminate()


async def test_a_listener_whose_channel_is_refused_hears_nothing(connection, connect):
    heard = []
    other = await connect()
    with pytest.raises(pgstride.DivisionByZeroError):
        await connection.execute("begin; select 1/0")
    with pytest.raises(pgstride.InFailedSQLTransactionError):
        await connection.add_listener("jobs", lambda *told: heard.append(told[3]))
    await connection.execute("rollback; listen jobs")
    await other.execute("notify jobs, 'early'")
    await connection.fetchval("select 1")
    await connection.add_listener("jobs", lambda *told: heard.append(told[3]))
    await other.execute("notify jobs, 'late'")
    while not heard:
        await connection.fetchval("select 1")
    assert heard == ["late"]
