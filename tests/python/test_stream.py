# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""stream(): rows as they arrive, however many, and what becomes of those that nobody wants."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import weakref

import pytest

import pgstride
from pgstride.exceptions import InterfaceError

MANY = "select generate_series(1, 1000000) as i, repeat('x', 1000)"


async def test_rows(connection):
    assert [row["i"] async for row in connection.stream("select i from generate_series(1, $1) i", 10000)] == list(
        range(1, 10001)
    )
    assert [tuple(row) async for row in connection.stream("select 1 where false")] == []
    await connection.execute("create temp table t (a int)")
    assert [row async for row in connection.stream("insert into t values (1), (2)")] == []
    stream = connection.stream("update t set a = a + $1 returning a", 10)
    assert [row["a"] async for row in stream] == [11, 12]
    assert [row async for row in stream] == []  # as with a generator: it is exhausted
    assert await connection.fetch("select a from t order by a") == [(11,), (12,)]


async def test_record_class(connection, connect):
    class Mine(pgstride.Record):
        pass

    assert [type(row) async for row in connection.stream("select 1", record_class=Mine)] == [Mine]
    other = await connect(record_class=Mine)
    assert [type(row) async for row in other.stream("select 1")] == [Mine]
    with pytest.raises(InterfaceError, match="record_class is expected"):
        connection.stream("select 1", record_class=int)


async def test_types_that_are_looked_up(connection):
    await connection.execute("create type pg_temp.mood as enum ('glad', 'sad')")
    query = "select i, row(i, 'glad'::pg_temp.mood) from generate_series(1, 20000) i"
    rows = [tuple(row) async for row in connection.stream(query)]
    assert rows == [(i, (i, "glad")) for i in range(1, 20001)]
    assert [row[0] async for row in connection.stream("select 'sad'::pg_temp.mood")] == ["sad"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("select generate_series(1, $1::int), repeat('x', 1000)", 50000),
        ("select from generate_series(1, $1::int)", 1500000),
    ],
)
async def test_no_more_is_received_than_is_taken(connection, observer, query, count):
    pid = connection.get_server_pid()
    stream = connection.stream(query, count)
    await anext(stream)
    await observer.until("select count(*) from pg_stat_activity where pid = $1 and wait_event = 'ClientWrite'", pid)
    assert stream._rows.__length_hint__() < 6000
    got = 1
    async for _ in stream:
        got += 1
        assert stream._rows.__length_hint__() < 6000
    assert got == count


# --- the end --------------------------------------------------------------------------------------------


async def broken_off(connection):
    async for row in connection.stream(MANY):
        break
    return row["i"]


async def returned(connection):
    async for row in connection.stream(MANY):
        return row["i"]


async def raised(connection):
    with pytest.raises(ZeroDivisionError):
        async for row in connection.stream(MANY):
            raise ZeroDivisionError
    return row["i"]


async def left(connection):
    async with connection.stream(MANY) as rows:
        async for row in rows:
            break
    return row["i"]


async def closed(connection):
    stream = connection.stream(MANY)
    row = await anext(stream)
    stream.close()
    stream.close()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    return row["i"]


async def collected(connection):
    cycle = [connection.stream(MANY)]
    cycle.append(cycle)
    row = await anext(cycle[0])
    del cycle
    gc.collect()
    return row["i"]


@pytest.mark.parametrize("leave", [broken_off, returned, raised, left, closed, collected])
async def test_what_is_left_early(connection, observer, usable, leave):
    """It is cancelled on the server, and the connection may be used in the same breath."""
    assert await leave(connection) == 1
    await usable(connection)
    assert await leave(connection) == 1
    await observer.rests(connection.get_server_pid())
    await usable(connection)


async def test_one_that_never_began(connection, usable):
    stream = connection.stream(MANY)
    await usable(connection)
    stream.close()
    assert [row async for row in stream] == []
    await usable(connection)


async def test_one_that_has_ended_does_not_end_the_next(connection):
    first = connection.stream("select generate_series(1, 3)")
    await anext(first)
    while connection._core.busy:
        await asyncio.sleep(0)
    second = connection.stream(MANY)
    await anext(second)
    del first  # not all of its rows were taken
    count = 1
    async for _ in second:
        count += 1
        if count == 20000:
            break
    assert count == 20000


async def test_the_connection_does_nothing_else_meanwhile(connection, usable):
    async with connection.stream(MANY) as rows:
        await anext(rows)
        with pytest.raises(InterfaceError, match="another operation is in progress: .select generate_series"):
            await connection.fetchval("select 1")
        second = connection.stream(MANY)
        with pytest.raises(InterfaceError, match="another operation is in progress"):
            await anext(second)
        assert (await anext(rows))["i"] == 2
    await usable(connection)


async def test_in_a_transaction(connection):
    await connection.execute("create temp table t (a int)")
    async with connection.transaction():
        async for row in connection.stream("insert into t select generate_series(1, 3) returning a"):
            pass
        await connection.execute("insert into t values (4)")
    assert await connection.fetchval("select count(*) from t") == 4
    with pytest.raises(pgstride.InFailedSQLTransactionError):
        async with connection.transaction():
            async for row in connection.stream(MANY):
                break
            await connection.execute("insert into t values (5)")
    assert await connection.fetchval("select count(*) from t") == 4


# --- failures -------------------------------------------------------------------------------------------


async def test_an_error_behind_rows(connection, usable):
    stream, got = connection.stream("select 1 / (5000 - i) from generate_series(1, 10000) i"), 0
    with pytest.raises(pgstride.DivisionByZeroError):
        async for _ in stream:
            got += 1
    assert got == 4999
    assert [row async for row in stream] == []
    await usable(connection)


@pytest.mark.parametrize(
    ("query", "args", "error"),
    [
        ("selec", (), pgstride.PostgresSyntaxError),
        ("select $1::int", (), InterfaceError),
        ("select $1::int", ("a",), pgstride.DataError),
        ("select " + "$1," * 3 + "$65536", ("a",) * 65536, InterfaceError),
        (5, (), TypeError),
        ("select 'a\0b'", (), ValueError),
        ("copy (select 1) to stdout", (), InterfaceError),
    ],
)
async def test_what_can_not_begin(connection, usable, query, args, error):
    with pytest.raises(error):
        await anext(connection.stream(query, *args))
    await usable(connection)


async def test_a_value_that_can_not_be_read(connection, observer, usable):
    """The server is not asked for the rest."""

    def decode(text):
        if text == "5000":
            raise ZeroDivisionError
        return text

    await connection.set_type_codec("int4", encoder=str, decoder=decode, schema="pg_catalog")
    got = 0
    with pytest.raises(ZeroDivisionError):
        async for _ in connection.stream("select generate_series(1, 100000000)"):
            got += 1
    assert got == 4999
    await usable(connection)


async def test_a_timeout(connection, usable):
    with pytest.raises(asyncio.TimeoutError):
        await anext(connection.stream("select pg_sleep(60)", timeout=0.05))
    await usable(connection)
    with pytest.raises(asyncio.TimeoutError):
        async for row in connection.stream(MANY, timeout=0.2):
            if row["i"] == 1:
                await asyncio.sleep(0.2)  # its own time counts, too
    await usable(connection)


async def test_cancelled_while_it_waits(connection, observer, usable):
    stream = connection.stream("select i, pg_sleep(i / 2 * 60) from generate_series(1, 10) i")
    task = asyncio.create_task(anext(stream))
    await observer.sleeps(connection.get_server_pid())
    with pytest.raises(InterfaceError, match="another task waits for the stream's next row"):
        await anext(stream)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [row async for row in stream] == []
    await usable(connection)


async def test_closed_while_another_task_waits(connection, usable):
    stream = connection.stream("with late as materialized (select pg_sleep(0.1)) select generate_series(1, 1000000) from late")
    task = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    stream.close()
    with pytest.raises(StopAsyncIteration):
        await task
    await usable(connection)


async def test_a_lost_connection(connection, observer):
    stream = connection.stream(MANY)
    await anext(stream)
    await observer.connection.fetchval("select pg_terminate_backend($1)", connection.get_server_pid())
    with pytest.raises(pgstride.ConnectionDoesNotExistError):
        async for _ in stream:
            pass
    with pytest.raises(InterfaceError, match="connection is closed"):
        connection.stream("select 1")


async def test_a_statement_that_has_changed(connection):
    await connection.execute("create temp table t as select 1 as a")
    assert [tuple(row) async for row in connection.stream("select * from t")] == [(1,)]
    await connection.execute("alter table t add b text default 'x'")
    assert [tuple(row) async for row in connection.stream("select * from t")] == [(1, "x")]
    await connection.execute("deallocate all")
    assert [tuple(row) async for row in connection.stream("select * from t")] == [(1, "x")]


# --- beside -------------------------------------------------------------------------------------------


async def test_a_connection_that_is_given_back(create_pool, usable):
    pool = await create_pool()
    async with pool.acquire() as connection:
        pid = connection.get_server_pid()
        stream = connection.stream(MANY)
        await anext(stream)
        unused = connection.stream(MANY)
    assert await pool.fetchval("select pg_backend_pid()") == pid
    for each in (stream, unused):
        with pytest.raises(InterfaceError, match="released back to the pool"):
            async for _ in each:
                pass
    assert await pool.fetchval("select pg_backend_pid()") == pid


class Notes(pgstride.Observer):
    def __init__(self):
        self.told = []

    def on_query_start(self, event):
        self.told.append(("start", event.sql))

    def on_first_row(self, request):
        self.told.append("first row")

    def on_query_end(self, event):
        self.told.append(("end", event.tag, type(event.failure)))


async def test_an_observer_is_told(connect):
    notes = Notes()
    connection = await connect(observer=notes)
    query = "select generate_series(1, 3)"
    async for _ in connection.stream(query):
        pass
    assert notes.told == [("start", query), "first row", ("end", "SELECT 3", type(None))]
    notes.told.clear()
    async with connection.stream(MANY) as rows:
        await anext(rows)
    assert notes.told == [("start", MANY), "first row", ("end", "", GeneratorExit)]
    notes.told.clear()
    with pytest.raises(pgstride.DivisionByZeroError):
        await anext(connection.stream("select 1 / 0"))
    assert notes.told == [("start", "select 1 / 0"), ("end", "", pgstride.DivisionByZeroError)]


async def test_query_loggers_are_told(connection):
    told = []
    connection.add_query_logger(lambda query: told.append((*query[:3], type(query.exception))))
    async for _ in connection.stream("select $1::int", 1, timeout=60):
        pass
    with pytest.raises(pgstride.DivisionByZeroError):
        await anext(connection.stream("select 1 / 0"))
    async with connection.stream(MANY) as rows:
        await anext(rows)
    await asyncio.sleep(0)
    assert told == [
        ("select $1::int", (1,), 60, type(None)),
        ("select 1 / 0", (), None, pgstride.DivisionByZeroError),
        (MANY, (), None, GeneratorExit),
    ]


async def test_an_observer_is_told_whether_it_is_prepared(connect):
    notes = []

    class Starts(pgstride.Observer):
        def on_query_start(self, event):
            notes.append(event.prepares)

    connection = await connect(observer=Starts())
    for _ in range(2):
        async for _ in connection.stream("select 'a stream'"):
            pass
    assert notes == [True, False]


async def test_one_that_is_left_early_is_in_no_cycle(connection):
    class Text(str):
        pass

    argument = Text("x")
    alive = weakref.ref(argument)
    gc.disable()
    try:
        async with connection.stream("select generate_series(1, 100000), $1::text", argument) as stream:
            await anext(stream)
        del argument, stream
        await connection.fetchval("select 'the server has ended it'")
        assert alive() is None
    finally:
        gc.enable()


async def test_what_belongs_to_a_connection_is_not_copied(connection):
    statement = await connection.prepare("select 1")
    async with connection.stream("select generate_series(1, 100000)") as stream:
        await anext(stream)
        for thing in stream, statement, connection.transaction(), connection.cursor("select 1"), connection.pipeline():
            for copied in copy.copy, copy.deepcopy, pickle.dumps:
                with pytest.raises(TypeError, match=f"cannot copy or pickle a {type(thing).__name__}"):
                    copied(thing)
        assert len([row async for row in stream]) == 99999
