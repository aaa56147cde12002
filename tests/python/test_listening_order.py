# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Listeners hear of what a request has caused before whoever waits for the request goes on, as in asyncpg."""

from __future__ import annotations

import io

import pytest

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
