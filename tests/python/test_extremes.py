# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""More of everything than usual: caches stay bounded, large values whole (SK-5, SK-6, SK-7, small enough for each run;
`./dev soak` is the long one)."""

from __future__ import annotations

import asyncio
import os

import pytest
from postconditions import nothing_lost

import pgstride

pytestmark = pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
MiB = 1 << 20
FACTOR = int(os.environ.get("PGSTRIDE_EXTREMES", "1"))
"""So many times as much; 100 is what a night is for."""


async def test_ever_new_statements(connect):  # SK-5
    cache = 50
    connection = await connect(statement_cache_size=cache)
    kept = "select count(*)::int from pg_prepared_statements"
    async with nothing_lost(growth=8 * MiB):
        for i in range(5000 * FACTOR):
            assert await connection.fetchval(f"select {i} + $1::int", 1) == i + 1
            if i % 500 == 0:
                assert await connection.fetchval(kept) <= cache + 1
    assert await connection.fetchval(kept) <= cache + 1


async def test_ever_new_types(connection):  # SK-6
    async with nothing_lost(growth=8 * MiB):
        for i in range(200 * FACTOR):
            await connection.execute(
                f"create type ever_new as (a int, b text); create type ever_newer as enum ('l{i}')"
            )
            row = await connection.fetchrow(f"select (1, 'x')::ever_new, $1::ever_newer[] -- {i}", [f"l{i}"])
            assert row == ((1, "x"), [f"l{i}"])
            await connection.execute("drop type ever_new, ever_newer")


async def test_a_large_value_each_way(connection, usable):  # SK-7
    value = os.urandom(MiB) * (64 * FACTOR)
    async with nothing_lost(growth=5 * len(value)):
        assert await connection.fetchval("select $1::bytea", value) == value
    await usable(connection)


async def test_a_wide_row_of_large_values(connection):  # SK-7
    columns = ", ".join(f"repeat(chr(65 + {i} % 26), 20000) as c{i}" for i in range(1600))
    row = await connection.fetchrow("select " + columns)
    assert [value[0] * 20000 for value in row] == list(row) and len(row) == 1600


async def test_all_the_arguments_there_can_be(connection):  # SK-7
    count = 65535
    query = "select cardinality(array[" + ",".join(f"${i}::int" for i in range(1, count + 1)) + "])"
    assert await connection.fetchval(query, *range(count)) == count


async def test_very_many_rows(connection):  # SK-7
    rows = 300_000 * FACTOR
    async with nothing_lost(growth=32 * MiB):
        async with connection.transaction():
            seen = 0
            async for row in connection.cursor("select generate_series(1, $1)", rows, prefetch=1000):
                seen += 1
                assert row[0] == seen
    assert seen == rows


async def test_a_copy_each_way(connection):  # SK-7
    size = 64 * MiB * FACTOR
    piece = (b"x" * 1023 + b"\n") * 1024
    await connection.execute("create temp table extremes (a text)")

    async def pieces():
        for _ in range(size // len(piece)):
            yield piece

    received = 0

    async def output(data):
        nonlocal received
        received += len(data)

    async with nothing_lost(growth=32 * MiB):
        await connection.copy_to_table("extremes", source=pieces())
        await connection.copy_from_table("extremes", output=output)
    assert received == size


async def test_very_many_notifications(connection):  # SK-7
    heard = []
    await connection.add_listener("extremes", lambda *args: heard.append(args[-1]))
    count = 50_000 * FACTOR
    await connection.execute(f"select pg_notify('extremes', i::text) from generate_series(1, {count}) as i")
    while len(heard) < count:
        await asyncio.sleep(0.01)
    assert heard == [str(i) for i in range(1, count + 1)]


async def test_connecting_again_and_again(dsn):  # SK-2
    async def come_and_go(times, **options):
        for _ in range(times):
            connection = await pgstride.connect(dsn, **options)
            assert await connection.fetchval("select 1") == 1
            await connection.close()

    ways = [{}]
    if "PGSTRIDE_TEST_ROOT" in os.environ:
        ways.append({"user": "pgstride_scram", "password": "secret", "ssl": "require"})
    for options in ways:
        await come_and_go(20, **options)  # what is made once is made
        async with nothing_lost(growth=8 * MiB):
            await come_and_go(50 * FACTOR, **options)
