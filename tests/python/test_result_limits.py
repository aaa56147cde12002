# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""max_rows and max_result_bytes: what is kept of a result is bounded, and the connection stays usable (R-M7, DT-21)."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

import pgstride

ENDLESS = "select repeat('x', 1000) from generate_series(1, 10000) a, generate_series(1, 10000) b"
ROW = 4 + 10  # on the wire: a length, and ten characters
TEN_CHARACTERS = "select repeat('x', 10) from generate_series(1, {})"


def exceeds(limit):
    return pytest.raises(pgstride.ResultTooLargeError, match=rf"^the result has more than {limit}$")


@pytest.mark.parametrize(
    "most, rows, allowed",
    [(1, 1, True), (1, 2, False), (500, 500, True), (500, 501, False), (500, 10000, False), (9999, 10000, False)],
)
async def test_rows(connect, usable, most, rows, allowed):
    connection = await connect(max_rows=most)
    if allowed:
        assert len(await connection.fetch(TEN_CHARACTERS.format(rows))) == rows
    else:
        with exceeds(rf"{most} rows \(max_rows\)"):
            await connection.fetch(TEN_CHARACTERS.format(rows))
    await usable(connection)


@pytest.mark.parametrize(
    "most, rows, allowed",
    [(ROW, 1, True), (ROW - 1, 1, False), (ROW * 500, 1000, False), (ROW * 999, 1000, False), (ROW * 1000, 1000, True)],
)
async def test_bytes(connect, most, rows, allowed):
    connection = await connect(max_result_bytes=most)
    for method in (connection.fetch, (await connection.prepare(TEN_CHARACTERS.format(rows))).fetch):
        arguments = [TEN_CHARACTERS.format(rows)] if method == connection.fetch else []
        if allowed:
            assert len(await method(*arguments)) == rows
        else:
            with exceeds(rf"{most} bytes \(max_result_bytes\)"):
                await method(*arguments)
    assert await connection.fetchval("select 1") == 1


async def test_a_single_row(connect):
    connection = await connect(max_result_bytes=1000)
    for method in (connection.fetchrow, connection.fetchval):
        with exceeds(r"1000 bytes .*"):
            await method("select repeat('x', 1000)")
        assert await method("select repeat('x', 996)")


async def test_the_rest_is_cancelled_on_the_server_and_not_kept(connect, observer, usable):
    connection = await connect(max_rows=1000)
    pid = connection.get_server_pid()
    tracemalloc.start()
    try:
        with exceeds("1000 rows .*") as caught:
            await asyncio.wait_for(connection.fetch(ENDLESS), 30)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    assert caught.value.outcome_unknown
    await usable(connection)
    await observer.rests(pid)


async def test_in_a_transaction_block(connect):
    connection = await connect(max_rows=3)
    with exceeds("3 rows .*"):
        async with connection.transaction():
            await connection.execute("create temporary table limited (x int4)")
            await connection.fetch("insert into limited select generate_series(1, 4) returning x")
    assert await connection.fetchval("select to_regclass('limited')") is None


async def test_fetchmany(connect, usable):
    connection = await connect(max_rows=5)
    sets = [(3,), (2,), (1,)]
    with exceeds("5 rows .*"):
        await connection.fetchmany("select generate_series(1, $1::int4)", sets)
    assert len(await connection.fetchmany("select generate_series(1, $1::int4)", sets[:2])) == 5
    await usable(connection)


async def test_rows_of_types_that_nobody_knows_yet(connect):
    connection = await connect(max_rows=2)
    await connection.execute("create type pg_temp.pair as (a int4, b int4)")
    query = "select array[row(x, x)::pg_temp.pair]::text, row(row(x, x)::pg_temp.pair) from generate_series(1, {}) x"
    with exceeds("2 rows .*"):
        await connection.fetch(query.format(3))
    assert len(await connection.fetch(query.format(2))) == 2


async def test_what_is_not_kept_is_not_limited(connect):
    connection = await connect(max_rows=1, max_result_bytes=50)
    assert await connection.execute("select generate_series(1, $1::int4)", 1000) == "SELECT 1000"
    assert await connection.execute("select generate_series(1, 1000)") == "SELECT 1000"
    async with connection.transaction():
        values = [row[0] async for row in connection.cursor("select generate_series(1, 1000)", prefetch=100)]
        cursor = await connection.cursor("select generate_series(1, 1000)")
        assert len(await cursor.fetch(500)) == 500
    assert len(values) == 1000
    copied = []

    async def output(data):
        copied.append(data)

    await connection.copy_from_query("select generate_series(1, 1000)", output=output)
    assert b"".join(copied).count(b"\n") == 1000
    await connection.execute("create type pg_temp.mood as enum ('sad', 'happy')")
    schema = await connection.fetchval("select pg_my_temp_schema()::regnamespace::text")
    await connection.set_type_codec("mood", schema=schema, encoder=str, decoder=str.upper)  # asks the catalogs
    assert await connection.fetchval("select 'sad'::pg_temp.mood") == "SAD"


async def test_connections_of_a_pool(create_pool, dsn):
    pool = await create_pool(max_rows=2)
    for _ in range(2):
        with exceeds("2 rows .*"):
            await pool.fetch(ENDLESS)
        assert len(await pool.fetch("select generate_series(1, 2)")) == 2
    async with pool.acquire() as connection:
        with exceeds("2 rows .*"):
            await connection.fetch(ENDLESS)


async def test_where_it_may_be_said(connect, dsn):
    connection = await connect(dsn + ("&" if "?" in dsn else "?") + "max_rows=1")
    with exceeds("1 rows .*"):
        await connection.fetch("select generate_series(1, 2)")
    await connect(max_rows=None, max_result_bytes=None)
    for option in ("max_rows", "max_result_bytes"):
        for bad in (0, -1, "many"):
            with pytest.raises(pgstride.ClientConfigurationError, match=f"{option}.*must be a number, 1 or more"):
                await connect(**{option: bad})
