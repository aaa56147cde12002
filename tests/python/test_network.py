# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A real server behind a bad network: NF-01 to NF-07 as far as they need a kernel, in clear and under TLS. Whatever
byte it happens at, every await ends: with the right answer, or with an error that is not a timeout, or, on a dead line,
at its deadline (R-C2, R-C3)."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import time
from urllib.parse import urlsplit

import pytest
from postconditions import HANG, nothing_lost
from proxy import TO_CLIENT, TO_SERVER, Fault, Proxy

import pgstride

ENCRYPTION = {"clear": False, "TLS": "require"}
if "PGSTRIDE_TEST_ROOT" not in os.environ:
    del ENCRYPTION["TLS"]
POINTS = 8
"""At so many bytes, evenly spread, of logging in and of what follows a fault is tried."""
LAST_WORDS = 32
"""So many bytes at a conversation's end are left alone: a Terminate is 5."""


@pytest.fixture
def target(dsn):
    parts = urlsplit(dsn)
    return parts.hostname, parts.port


@pytest.fixture(params=ENCRYPTION.values(), ids=ENCRYPTION)
def ssl(request):
    return request.param


def connect(proxy, **options):
    given = {"user": "pgstride_scram", "password": "secret", "database": "pgstride", "timeout": HANG} | options
    return pgstride.connect(host="127.0.0.1", port=proxy.port, **given)


async def converse(proxy, timeout=None, ssl=False):
    """Logging in with SCRAM, preparing, executing, a few packets of rows, good-bye."""
    connection = await connect(proxy, timeout=timeout or HANG, ssl=ssl)
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


async def points(target, direction, ssl):
    """Where to spoil a conversation; its length may differ by a few bytes from one to the next. Not in its last words:
    those are the good-bye, after which nobody misses anything."""
    with Proxy(target) as proxy:
        (await connect(proxy, ssl=ssl)).terminate()
        login = proxy.passed[direction]
    with Proxy(target) as proxy:
        await converse(proxy, ssl=ssl)
        length = proxy.passed[direction]
    shift = random.randrange(login // POINTS)
    print(f"shifted by {shift}")
    rest = length - LAST_WORDS - login - shift
    return [shift + at for part in ((0, login), (login, rest)) for at in evenly(*part)]


def evenly(first, length):
    return [first + length * i // POINTS for i in range(POINTS)]


async def endings(target, fault, ssl, timeout=None, later=Fault()):
    """How conversations end that meet the fault, each at another point, all at once."""

    async def spoiled(at):
        with Proxy(target, dataclasses.replace(fault, at=at), later) as proxy:
            await asyncio.wait_for(converse(proxy, timeout, ssl), HANG)

    at_each = [spoiled(at) for at in await points(target, fault.direction, ssl)]
    return await asyncio.gather(*at_each, return_exceptions=True)


LOST = (pgstride.ConnectionDoesNotExistError, pgstride.InterfaceError, OSError, pgstride.PostgresError)


@pytest.mark.parametrize("direction", [TO_CLIENT, TO_SERVER])
async def test_byte_by_byte(target, direction, ssl):  # NF-01, NF-02
    async with nothing_lost():
        with Proxy(target, Fault("trickle", direction)) as proxy:
            await converse(proxy, ssl=ssl)


@pytest.mark.parametrize("direction", [TO_CLIENT, TO_SERVER])
@pytest.mark.parametrize("kind", ["reset", "end"])
async def test_a_connection_that_breaks(target, kind, direction, ssl):  # NF-04
    async with nothing_lost():
        for ending in await endings(target, Fault(kind, direction), ssl):
            assert isinstance(ending, LOST) and not isinstance(ending, asyncio.TimeoutError), repr(ending)


@pytest.mark.parametrize("direction", [TO_CLIENT, TO_SERVER])
async def test_a_line_that_goes_dead(target, direction, ssl):  # NF-05
    async with nothing_lost():
        started = time.monotonic()
        dead = Fault("stall", direction)
        for ending in await endings(target, dead, ssl, timeout=0.2, later=Fault("stall", TO_SERVER)):
            assert isinstance(ending, asyncio.TimeoutError), repr(ending)
        assert time.monotonic() - started < HANG / 2


@pytest.mark.parametrize("at", [0, 40, 1000, 2000])
async def test_a_slow_trickle_does_not_hold_off_a_deadline(target, at, ssl):  # NF-06
    async with nothing_lost():
        with Proxy(target, Fault("trickle", TO_CLIENT, at, pause=0.02)) as proxy:
            with pytest.raises(asyncio.TimeoutError):
                await converse(proxy, timeout=0.3, ssl=ssl)


async def test_a_delay_before_each_message(target):  # NF-03
    with Proxy(target, Fault("delay", TO_CLIENT, pause=0.01)) as proxy:
        connection = await connect(proxy)
        assert await connection.fetchval("select $1::text", "hello", timeout=HANG) == "hello"
        await connection.close()


@pytest.mark.parametrize(("pause", "timeout"), [(0.1, 0.25), (1.0, 0.3)])
async def test_a_deadline_among_delays(target, pause, timeout):  # NF-03, R-C2
    """The answer has six messages. Its time is up in the midst of them, and neither earlier nor with the next."""
    with Proxy(target) as proxy:
        (await connect(proxy)).terminate()
        login = proxy.passed[TO_CLIENT]
    with Proxy(target, Fault("delay", TO_CLIENT, login, pause)) as proxy:
        connection = await connect(proxy)
        started = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select $1::text", "hello", timeout=timeout)
        assert timeout <= time.monotonic() - started < 6 * pause
        if pause < 1:  # the same connection, when all of that has arrived
            assert await connection.fetchval("select $1::text", "again", timeout=HANG) == "again"
        connection.terminate()


@pytest.mark.parametrize("held", [0.0, 0.1, 0.6])
async def test_a_cancel_that_is_held_up_hits_nobody_else(target, held):  # CX-11, R-C6
    """The statement ends by itself, perhaps before the request to cancel it has come."""
    with Proxy(target, later=Fault("hold", TO_SERVER, pause=held)) as proxy:
        connection = await connect(proxy)
        started = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select pg_sleep(0.3)", timeout=0.1)
        for i in range(10):  # an interval in which the late one would arrive
            assert await connection.fetchval("select $1::int from pg_sleep(0.03)", i, timeout=HANG) == i
            assert i or time.monotonic() - started >= 0.1 + held  # the first had to wait for it
        assert proxy.connections == 2
        await connection.close()


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


@pytest.mark.parametrize("call", ["executemany", "copy"])
async def test_a_server_that_waits_for_a_lock_is_not_taken_for_dead(connect, dsn, call):
    """Meanwhile it reads nothing, and TCP would end the connection after `tcp_user_timeout`."""
    holder = await connect()
    await holder.execute("create table locked (id int primary key, value text)")
    try:
        await holder.execute("begin; insert into locked values (5)")
        connection = await connect(dsn, tcp_user_timeout=1000)
        rows = ((i, "x" * 1000) for i in range(5000))
        if call == "copy":
            task = asyncio.ensure_future(connection.copy_records_to_table("locked", records=rows))
        else:
            task = asyncio.ensure_future(connection.executemany("insert into locked values ($1, $2)", rows))
        await asyncio.wait([task], timeout=4)
        assert not task.done()
        await holder.execute("rollback")
        await task
        assert await holder.fetchval("select count(*) from locked") == 5000
    finally:
        await holder.execute("rollback; drop table locked")
