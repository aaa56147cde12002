# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""executemany and fetchmany: all or nothing, lazily, and side by side with asyncpg."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

import pgstride


@pytest.fixture
def table(runner, connection):
    runner(connection.execute("set lock_timeout = 3000; drop table if exists many; create table many (a int, b text)"))
    yield "many"
    runner(connection.execute("drop table many"))


@pytest.fixture
def oracle(runner, dsn):
    oracle = runner(asyncpg.connect(dsn))
    yield oracle
    runner(oracle.close())


async def test_rows_arrive(connection, table):
    assert await connection.executemany("insert into many values ($1, $2)", [(1, "x"), [2, None], (3, "z")]) is None
    assert await connection.fetch("select * from many order by a") == [(1, "x"), (2, None), (3, "z")]


async def test_any_iterable(connection, table):
    await connection.executemany("insert into many values ($1)", ((i,) for i in range(100)))
    await connection.executemany("insert into many values ($1)", iter([[100]]))
    await connection.executemany("insert into many values ($1)", [])
    assert await connection.fetchval("select count(*) from many") == 101
    statement = await connection.prepare("insert into many values ($1)")
    await statement.executemany([(200,), (201,)])
    assert await connection.fetchval("select max(a) from many") == 201


async def test_far_more_than_fits_into_the_socket(connection, table):
    """Asked for as the wire takes it; the server answers meanwhile."""
    rows = 50_000
    await connection.executemany("insert into many values ($1, $2)", ((i, "x" * 100) for i in range(rows)))
    assert await connection.fetchrow("select count(*), sum(length(b)) from many") == (rows, rows * 100)


async def test_others_run_meanwhile(connection, connect, table):
    other = await connect()
    turns = 0

    async def count():
        nonlocal turns
        while True:
            await other.fetchval("select 1")
            turns += 1

    counting = asyncio.ensure_future(count())
    await connection.executemany("insert into many values ($1, $2)", ((i, "x" * 1000) for i in range(20_000)))
    counting.cancel()
    await asyncio.wait([counting])
    assert turns > 10


async def test_fetchmany(connection, oracle):
    query, sets = "select g, $2::text from generate_series(1, $1) g", [(2, "x"), (0, "y"), (1, None)]
    rows = await connection.fetchmany(query, sets)
    assert [tuple(row) for row in rows] == [tuple(row) for row in await oracle.fetchmany(query, sets)]
    assert await connection.fetchmany(query, []) == []

    class Row(pgstride.Record):
        pass

    assert [type(row) for row in await connection.fetchmany(query, sets, record_class=Row)] == [Row] * 3
    statement = await connection.prepare(query)
    assert await statement.fetchmany(sets) == rows


WRONG = {
    "an argument": [(1, "x"), ("one", "y")],
    "too few": [(1, "x"), (2,)],
    "too many": [(1, "x", 3)],
    "no sequence": [(1, "x"), 5],
    "a dict": [{"a": 1}],
    "a set": [(1, "x"), {2}],
    "not iterable": 5,
    "refused by the server": [(1, "x"), (2, "a\0b")],
    "none": None,
}


@pytest.mark.parametrize("sets", WRONG.values(), ids=WRONG)
async def test_nothing_remains_of_what_went_wrong(connection, oracle, table, usable, sets):
    outcomes = []
    for client in (connection, oracle):
        with pytest.raises(Exception) as raised:
            await client.executemany("insert into many values ($1, $2)", sets)
        error = raised.value
        outcomes.append((type(error).__name__, str(error), type(error.__cause__).__name__))
        assert await client.fetchval("select count(*) from many") == 0  # and it lets go of its locks
    await usable(connection)
    assert outcomes[0] == outcomes[1]


async def test_the_iterable_fails(connection, table, usable):
    def broken(after):
        for i in range(after):
            yield i, "x" * 1000
        raise ZeroDivisionError

    for after in (0, 1, 1000, 5000):
        with pytest.raises(ZeroDivisionError):
            await connection.executemany("insert into many values ($1, $2)", broken(after))
        assert await connection.fetchval("select count(*) from many") == 0
        await usable(connection)


async def test_in_a_transaction_what_was_sent_stays(connection, oracle, table):
    """Four buffers of 32 KiB leave together; what was not sent when the input failed is dropped."""

    def ten():
        for i in range(10):
            if i == 9:
                raise ZeroDivisionError
            yield i, "x" * 32768

    counts = []
    for client in (connection, oracle):
        transaction = client.transaction()
        await transaction.start()
        with pytest.raises(ZeroDivisionError):
            await client.executemany("insert into many values ($1, $2)", ten())
        counts.append(await client.fetchval("select count(*) from many"))
        await transaction.rollback()
    assert counts[0] == counts[1] == 8


async def test_the_servers_error_wins_and_the_input_is_left_alone(connection, table, usable):
    await connection.execute("create unique index on many (a)")
    taken = 0

    def sets():
        nonlocal taken
        while True:
            taken += 1
            yield taken // 2, "x" * 1000

    with pytest.raises(pgstride.UniqueViolationError):
        await connection.executemany("insert into many values ($1, $2)", sets())
    assert taken < 100_000
    assert await connection.fetchval("select count(*) from many") == 0
    await usable(connection)


async def test_timeout_and_cancellation(connection, table, usable):
    def endless():
        while True:
            yield 1, "x" * 1000

    with pytest.raises(asyncio.TimeoutError):
        await connection.executemany("insert into many values ($1, $2)", endless(), timeout=0.3)
    assert await connection.fetchval("select count(*) from many") == 0
    task = asyncio.ensure_future(connection.executemany("insert into many values ($1, $2)", endless()))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await connection.fetchval("select count(*) from many") == 0
    await usable(connection)


async def test_an_iterable_that_closes_the_connection(connect, table):
    connection = await connect()

    def sets():
        yield 1, "x"
        connection.terminate()
        yield 2, "y"

    with pytest.raises(pgstride.ConnectionDoesNotExistError):
        await connection.executemany("insert into many values ($1, $2)", sets())
    assert connection.is_closed()


async def test_an_iterable_that_uses_the_connection(connection, table, usable):
    async def use():
        return await connection.fetchval("select 1")

    def sets():
        yield 1, "x"
        coroutine = use()
        try:
            coroutine.send(None)
        finally:
            coroutine.close()

    with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
        await connection.executemany("insert into many values ($1, $2)", sets())
    await usable(connection)


async def test_a_stale_plan_is_made_anew(connection, connect, table):
    other = await connect()
    query, sets = "select * from many where a = $1", [(1,), (2,)]
    await connection.executemany("insert into many values ($1)", sets)
    assert len(await connection.fetchmany(query, sets)) == 2
    await other.execute("alter table many add column c int")
    assert await connection.fetchmany(query, sets) == [(1, None, None), (2, None, None)]
