# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What a server under strain says: errors of one request, after which the connection goes on (FO-10)."""

from __future__ import annotations

import asyncio

import pytest

import pgstride

pytestmark = pytest.mark.parametrize("runner", ["asyncio"], indirect=True)


async def test_no_room_for_temporary_files(connection, usable):
    await connection.execute("set temp_file_limit = '1MB'; set work_mem = '64kB'")
    with pytest.raises(pgstride.InsufficientResourcesError) as caught:
        await connection.fetch("select g from generate_series(1, 1000000) as g order by -g")
    assert caught.value.sqlstate == "53400"
    await usable(connection)


async def test_no_shared_memory(connection, usable):
    with pytest.raises(pgstride.OutOfMemoryError):
        await connection.fetch("select pg_advisory_xact_lock(g) from generate_series(1, 10000000) as g")
    await usable(connection)


async def test_a_deadlock(connect, usable):
    one, other = await connect(), await connect()
    for each in (one, other):
        await each.execute("set deadlock_timeout = '20ms'")

    async def lock(connection, first, second, meeting):
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", first)
            await meeting()
            await connection.execute("select pg_advisory_xact_lock($1)", second)

    both = asyncio.Event()
    arrived = []

    async def meeting():
        arrived.append(1)
        if len(arrived) == 2:
            both.set()
        await both.wait()

    endings = await asyncio.gather(
        lock(one, 1, 2, meeting), lock(other, 2, 1, meeting), return_exceptions=True
    )
    assert sorted(map(type, endings), key=str) == sorted([type(None), pgstride.DeadlockDetectedError], key=str)
    for each in (one, other):
        await usable(each)


async def test_a_serialization_failure(connect, usable):
    one, other = await connect(), await connect()
    await one.execute("drop table if exists strain; create table strain (a int); insert into strain values (0)")
    try:
        async with one.transaction(isolation="repeatable_read"):
            assert await one.fetchval("select a from strain") == 0
            await other.execute("update strain set a = 1")
            with pytest.raises(pgstride.SerializationError):
                await one.execute("update strain set a = 2")
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    await usable(one)
    assert await one.fetchval("select a from strain") == 1
    await one.execute("drop table strain")
