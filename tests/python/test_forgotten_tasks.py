# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Tasks that nobody keeps: asyncio does not, so what they wait for has to."""

import asyncio
import gc

import pytest

import pgstride


async def sleeps(connection):
    return await connection.fetchval("select 3 from pg_sleep(0.2)")


async def decodes(connection):
    await connection.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=lambda text: gc.collect() and 1)
    return len(await connection.fetch("select '1'::json from generate_series(1, 3)"))


def numbers():
    for i in range(20000):
        if i % 10000 == 9999:
            gc.collect()
        yield (i,)


async def executes(connection):
    await connection.executemany("select $1::int", numbers())
    return 3


async def copies(connection):
    await connection.execute("create temp table t (a int)")
    await connection.copy_records_to_table("t", records=numbers())
    return 3


@pytest.mark.parametrize("act", [sleeps, decodes, executes, copies])
async def test_on_a_connection_of_its_own(dsn, act):
    done = []

    async def work():
        connection = await pgstride.connect(dsn)
        done.append(await act(connection))
        await connection.close()
        done.append("closed")

    asyncio.ensure_future(work())
    for _ in range(300):
        await asyncio.sleep(0.02)
        gc.collect()
        if done[1:]:
            break
    assert done == [3, "closed"]


async def test_that_waits_for_a_pool(create_pool):
    pool = await create_pool(min_size=1, max_size=1)
    done = []

    async def work():
        async with pool.acquire() as connection:
            done.append(await connection.fetchval("select 3"))

    async with pool.acquire():
        asyncio.ensure_future(work())
        await asyncio.sleep(0.02)
        gc.collect()
    for _ in range(300):
        await asyncio.sleep(0.02)
        if done:
            break
    assert done == [3]
