# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Cursors: iterated, awaited, moved."""

from __future__ import annotations

import asyncio
import decimal

import pytest

import pgstride
from pgstride import cursor as cursors


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 1001])
@pytest.mark.parametrize("prefetch", [None, 1, 50, 1000])
async def test_iterated(connection, count, prefetch):
    async with connection.transaction():
        query = "select i from generate_series(1, $1::int4) as i"
        assert [row[0] async for row in connection.cursor(query, count, prefetch=prefetch)] == list(range(1, count + 1))


async def test_iterated_from_a_statement(connection):
    statement = await connection.prepare("select i from generate_series(1, $1::int4) as i")
    async with connection.transaction():
        for _ in range(2):
            assert [row[0] async for row in statement.cursor(120)] == list(range(1, 121))


async def test_factory_is_reusable(connection):
    async with connection.transaction():
        factory = connection.cursor("select generate_series(1, 3)")
        assert isinstance(factory, cursors.CursorFactory)
        for _ in range(2):
            assert [row[0] async for row in factory] == [1, 2, 3]


async def test_several_at_once(connection):
    async with connection.transaction():
        first = aiter_of(connection.cursor("select i from generate_series(1, 100) as i", prefetch=3))
        second = aiter_of(connection.cursor("select -i from generate_series(1, 100) as i", prefetch=7))
        for i in range(1, 101):
            assert ((await first.__anext__())[0], (await second.__anext__())[0]) == (i, -i)
        for iterator in (first, second):
            for _ in range(2):
                with pytest.raises(StopAsyncIteration):
                    await iterator.__anext__()


def aiter_of(factory):
    iterator = factory.__aiter__()
    assert iterator.__aiter__() is iterator
    return iterator


async def test_queries_between_rows(connection):
    async with connection.transaction():
        seen = []
        async for row in connection.cursor("select i from generate_series(1, 200) as i", prefetch=10):
            seen.append(await connection.fetchval("select $1::int4", row[0]))
        assert seen == list(range(1, 201))


async def test_broken_off(connection, usable):
    async with connection.transaction():
        async for row in connection.cursor("select i from generate_series(1, 1000) as i", prefetch=10):
            if row[0] == 15:
                break
        await usable(connection)
    await usable(connection)


async def test_exhausted_cursor_lets_go_of_the_table(connection):
    async with connection.transaction():
        await connection.execute("create temp table t as select generate_series(1, 120) as a")
        assert len([row async for row in connection.cursor("select a from t")]) == 120
        await connection.execute("drop table t")


async def test_awaited(connection):
    async with connection.transaction():
        cursor = await connection.cursor("select i from generate_series(1, 20) as i")
        assert isinstance(cursor, cursors.Cursor)
        assert await cursor.fetchrow() == (1,)
        assert await cursor.fetch(3) == [(2,), (3,), (4,)]
        assert await cursor.forward(5) == 5
        assert await cursor.fetchrow(timeout=30) == (10,)
        assert await cursor.forward(3, timeout=30) == 3
        assert await cursor.fetch(100, timeout=30) == [(i,) for i in range(14, 21)]
        assert await cursor.fetch(1) == []
        assert await cursor.fetchrow() is None


async def test_forward_past_the_end(connection):
    async with connection.transaction():
        cursor = await connection.cursor("select generate_series(1, 10)")
        assert await cursor.forward(100) == 10
        assert await cursor.fetchrow() is None
        assert await cursor.fetch(5) == []


async def test_exact_end(connection):
    async with connection.transaction():
        cursor = await connection.cursor("select generate_series(1, 10)")
        assert len(await cursor.fetch(10)) == 10
        assert await cursor.fetch(10) == []
        assert await cursor.fetchrow() is None


async def test_record_class(connection):
    class Row(pgstride.Record):
        pass

    async with connection.transaction():
        assert [type(row) async for row in connection.cursor("select 1", record_class=Row)] == [Row]
        cursor = await connection.cursor("select 1", record_class=Row)
        assert type(await cursor.fetchrow()) is Row


async def test_counts_that_are_no_integers(connection):  # asyncpg cuts them off
    query = "select generate_series(1, 5)"
    async with connection.transaction():
        for prefetch in (0.5, 1.5, 2.0, decimal.Decimal(2)):
            assert [row[0] async for row in connection.cursor(query, prefetch=prefetch)] == [1, 2, 3, 4, 5]
        cursor = await connection.cursor(query)
        assert [row[0] for row in await cursor.fetch(1.5)] == [1]
        assert [row[0] for row in await cursor.fetch(2.0)] == [2, 3]
        for wrong in (float("inf"), float("nan")):
            with pytest.raises((OverflowError, ValueError)):
                await cursor.fetch(wrong)
        assert (await cursor.fetchrow())[0] == 4


async def test_bad_counts(connection, usable):
    async with connection.transaction():
        for prefetch in (0, -1):
            with pytest.raises(pgstride.InterfaceError, match="prefetch argument must be greater than zero"):
                async for _ in connection.cursor("select 1", prefetch=prefetch):
                    pass
        with pytest.raises(pgstride.InterfaceError, match="prefetch argument can only be specified for iterable cursor"):
            await connection.cursor("select 1", prefetch=10)
        cursor = await connection.cursor("select generate_series(1, 10)")
        for count in (0, -1):
            with pytest.raises(pgstride.InterfaceError, match="n must be greater than zero"):
                await cursor.fetch(count)
            with pytest.raises(pgstride.InterfaceError, match="n must be greater than zero"):
                await cursor.forward(count)
        for count in (2**31, 2**32, 2**32 + 5, 2**64, 2**70):
            with pytest.raises(OverflowError):
                await cursor.fetch(count)
        with pytest.raises(TypeError):
            await cursor.fetch("3")
        assert await cursor.fetch(2**31 - 1) == [(i,) for i in range(1, 11)]
        await usable(connection)


async def test_outside_a_transaction(connection, usable):
    message = "cursor cannot be created outside of a transaction"
    with pytest.raises(pgstride.NoActiveSQLTransactionError, match=message):
        await connection.cursor("select 1")
    with pytest.raises(pgstride.NoActiveSQLTransactionError, match=message):
        async for _ in connection.cursor("select 1"):
            pass
    await usable(connection)


async def test_in_a_transaction_begun_by_hand(connection, usable):
    await connection.execute("begin")
    assert [row[0] async for row in connection.cursor("select generate_series(1, 3)", prefetch=2)] == [1, 2, 3]
    cursor = await connection.cursor("select generate_series(1, 3)")
    assert await cursor.fetch(1) == [(1,)] and await cursor.forward(1) == 1
    await connection.execute("rollback")
    with pytest.raises(pgstride.NoActiveSQLTransactionError):
        await cursor.fetch(1)
    await usable(connection)


async def test_after_the_transaction(connection, usable):
    async with connection.transaction():
        cursor = await connection.cursor("select generate_series(1, 10)")
        await cursor.fetch(1)
    with pytest.raises(pgstride.NoActiveSQLTransactionError):
        await cursor.fetch(1)
    with pytest.raises(pgstride.InvalidCursorNameError):
        async with connection.transaction():
            await cursor.fetch(1)
    await usable(connection)


async def test_errors(connection, usable):
    async with connection.transaction():
        with pytest.raises(pgstride.InterfaceError, match="expects 1 argument for this query, 0 were passed"):
            await connection.cursor("select $1::int4")
        with pytest.raises(pgstride.DataError, match=r"argument \$1: 'x'"):
            await connection.cursor("select $1::int4", "x")
        await usable(connection)
    transaction = connection.transaction()
    await transaction.start()
    seen = []
    with pytest.raises(pgstride.DivisionByZeroError):
        async for row in connection.cursor("select 10 / (i - 30) from generate_series(1, 100) as i", prefetch=10):
            seen.append(row[0])
    assert len(seen) == 20  # the batch that fails gives no rows
    await transaction.rollback()
    await usable(connection)


async def test_timeout(connection, usable):
    transaction = connection.transaction()
    await transaction.start()
    with pytest.raises(asyncio.TimeoutError):
        async for _ in connection.cursor("select pg_sleep(60)", timeout=0.05):
            pass
    with pytest.raises(pgstride.InFailedSQLTransactionError):
        await connection.fetch("select 1")
    await transaction.rollback()
    await usable(connection)


async def test_busy(connection, observer, usable):
    async with connection.transaction():
        cursor = await connection.cursor("select i, case when i = 2 then pg_sleep(0.3) end from generate_series(1, 3) i")
        task = asyncio.create_task(cursor.fetch(3))
        await observer.sleeps(connection.get_server_pid())
        with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
            await cursor.fetch(1)
        assert [row[0] for row in await task] == [1, 2, 3]


async def test_closed_connection(connection):
    transaction = connection.transaction()
    await transaction.start()
    factory = connection.cursor("select 1")
    cursor = await factory
    await connection.close()
    for call, name in (
        (factory.__aiter__, "CursorFactory.__aiter__"),
        (factory.__await__, "CursorFactory.__await__"),
        (lambda: cursor.fetch(1), "Cursor.fetch"),
        (cursor.fetchrow, "Cursor.fetchrow"),
        (lambda: cursor.forward(1), "Cursor.forward"),
    ):
        with pytest.raises(
            pgstride.InterfaceError, match=rf"cannot call {name}\(\): the underlying connection is closed"
        ):
            call()
    with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
        connection.cursor("select 1")


async def test_of_something_else_than_a_query(connection):
    async with connection.transaction():
        with pytest.raises(TypeError, match="must be a str, not int"):
            await connection.cursor(5)
