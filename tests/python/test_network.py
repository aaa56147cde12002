# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A real server behind a bad network: NF-01 to NF-07 as far as they need a kernel. Whatever byte it happens at, every
await ends: with the right answer, or with an error that is not a timeout, or, on a dead line, at its deadline (R-C2,
R-C3)."""

from __future__ import annotations

import asyncio
import random
import time
from urllib.parse import urlsplit

import pytest
from postconditions import HANG, nothing_lost
from proxy import TO_CLIENT, TO_SERVER, Fault, Proxy

import pgstride

POINTS = 10
"""At so many bytes, evenly spread over a conversation, a fault is tried."""
LAST_WORDS = 32
"""So many bytes at a conversation's end are left alone: a Terminate is 5."""


@pytest.fixture
def target(dsn):
    parts = urlsplit(dsn)
    return parts.hostname, parts.port


def connect(proxy, **options):
    given = {"user": "pgstride_scram", "password": "secret", "database": "pgstride", "timeout": HANG} | options
    return pgstride.connect(host="127.0.0.1", port=proxy.port, **given)


async def converse(proxy, timeout=None):
    """Logging in with SCRAM, preparing, executing, a few packets of rows, good-bye."""
    connection = await connect(proxy, timeout=timeout or HANG)
    try:
        assert await connection.fetchval("select $1::text", "hello", timeout=timeout) == "hello"
        await connection.execute("create temp table t (a int)", timeout=timeout)
        await connection.executemany("insert into t values ($1)", [(i,) for i in range(100)], timeout=timeout)
        assert await connection.fetchval("select sum(a) from t", timeout=timeout) == 4950
        rows = await connection.fetch("select i, repeat('x', 100) from generate_series(1, 300) as i", timeout=timeout)
        assert [row[0] for row in rows] == list(range(1, 301))
        await connection.close(timeout=timeout or HANG)
    finally:
        connection.terminate()


async def points(target, direction):
    """Where to spoil a conversation; its length may differ by a few bytes from one to the next. Not in its last words:
    those are the good-bye, after which nobody misses anything."""
    with Proxy(target) as proxy:
        await converse(proxy)
        length = proxy.passed[direction]
    shift = random.randrange(length // POINTS - LAST_WORDS)
    print(f"shifted by {shift}")
    return [length * i // POINTS + shift for i in range(POINTS)]


LOST = (pgstride.ConnectionDoesNotExistError, pgstride.InterfaceError, OSError, pgstride.PostgresError)


@pytest.mark.parametrize("direction", [TO_CLIENT, TO_SERVER])
async def test_byte_by_byte(target, direction):  # NF-01, NF-02
    async with nothing_lost():
        with Proxy(target, Fault("trickle", direction)) as proxy:
            await converse(proxy)


@pytest.mark.parametrize("direction", [TO_CLIENT, TO_SERVER])
@pytest.mark.parametrize("kind", ["reset", "end"])
async def test_a_connection_that_breaks(target, kind, direction):  # NF-04
    async with nothing_lost():
        for at in await points(target, direction):
            with Proxy(target, Fault(kind, direction, at)) as proxy:
                with pytest.raises(LOST) as raised:
                    await asyncio.wait_for(converse(proxy), HANG)
                assert not isinstance(raised.value, asyncio.TimeoutError), at


@pytest.mark.parametrize("direction", [TO_CLIENT, TO_SERVER])
async def test_a_line_that_goes_dead(target, direction):  # NF-05
    async with nothing_lost():
        for at in await points(target, direction):
            with Proxy(target, Fault("stall", direction, at), later=Fault("stall", TO_SERVER)) as proxy:
                started = time.monotonic()
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(converse(proxy, timeout=0.2), HANG)
                assert time.monotonic() - started < HANG / 2, at


async def test_a_slow_trickle_does_not_hold_off_a_deadline(target):  # NF-06
    async with nothing_lost():
        with Proxy(target, Fault("trickle", TO_CLIENT, 40, pause=0.05)) as proxy:
            with pytest.raises(asyncio.TimeoutError):
                await connect(proxy, timeout=0.4)


@pytest.mark.parametrize("direction", [TO_CLIENT, TO_SERVER])
async def test_what_became_of_a_commit_is_told_or_said_to_be_unknown(target, connection, direction):  # FO-7, R-X2
    await connection.execute("drop table if exists outcomes; create table outcomes (token text)")

    async def insert(proxy, token):
        other = await connect(proxy, user="postgres")
        try:
            await other.execute("select 1")
            before = proxy.passed[direction]
            await other.execute(f"insert into outcomes values ('{token}')")
            return before, proxy.passed[direction]
        finally:
            other.terminate()

    with Proxy(target) as proxy:
        first, last = await insert(proxy, "whole")
    unknown = 0
    for at in range(first - 4, last, 2):
        for kind in ("reset", "end"):
            token = f"{kind} {at}"
            with Proxy(target, Fault(kind, direction, at)) as proxy:
                try:
                    await insert(proxy, token)
                    failure = None
                except LOST as error:
                    failure = error
            there = await connection.fetchval("select count(*) from outcomes where token = $1", token)
            if failure is None:
                assert there == 1
            elif getattr(failure, "outcome_unknown", False):
                unknown += 1
            else:
                assert there == 0, (at, kind, failure)
    assert unknown > 0
    await connection.execute("drop table outcomes")


async def test_a_dead_line_does_not_delay_its_neighbours(target, connection):  # NF-06
    with Proxy(target, Fault("trickle", TO_CLIENT, 1000, pause=0.01)) as proxy:
        slow = asyncio.ensure_future(converse(proxy))
        for i in range(200):
            assert await connection.fetchval("select $1::int4", i, timeout=HANG) == i
        slow.cancel()
        await asyncio.wait([slow])


async def test_memory_while_a_slow_reader_is_sent_much(target):  # NF-07
    async with nothing_lost(growth=96 << 20):
        with Proxy(target) as proxy:
            connection = await connect(proxy)
            async with connection.transaction():
                seen = 0
                async for row in connection.cursor("select repeat('x', 10000) from generate_series(1, 10000)"):
                    seen += len(row[0])
            assert seen == 10**8
            await connection.close()
