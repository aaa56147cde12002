# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Small requests on the loop on which a large one is running (R-M6, SK-10)."""

from __future__ import annotations

import asyncio

import pytest
from postconditions import STALL, Ticker

SMALL = 5
"""Connections with nothing but small requests."""


async def copies_out(connection):
    async def output(data):
        pass

    await connection.copy_from_query("select repeat('x', 65536) from generate_series(1, 1024)", output=output)


async def copies_in(connection):
    await connection.execute("create temp table large (a text)")
    await connection.copy_to_table("large", source=(b"x" * 8191 + b"\n") * (4 << 10))


async def fetches(connection):
    await connection.fetch("select i, i::text, repeat('x', 100) from generate_series(1, 200000) as i")


@pytest.mark.parametrize("large", [copies_out, copies_in, fetches])
async def test_small_requests_beside_a_large_one(connect, connection, large):
    small = [await connect() for _ in range(SMALL)]
    running = asyncio.ensure_future(large(connection))
    answered = [0] * SMALL

    async def asks(number):
        while not running.done():
            assert await small[number].fetchval("select $1::int", answered[number]) == answered[number]
            answered[number] += 1

    ticker = Ticker(asyncio.get_running_loop())
    await asyncio.gather(running, *map(asks, range(SMALL)))
    ticker.stop()
    print(f"answered {answered}, the longest turn of the loop took {ticker.longest * 1000:.1f} ms")
    assert min(answered) > 10
    assert ticker.longest < STALL
