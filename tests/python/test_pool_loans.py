# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Who has connections of a pool: loans(), and what those are told who wait in vain."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest

import pgstride
from pgstride import pool as pool_module

NUMBER = r"\d+\.\d{3}"


async def test_loans(runner, create_pool):
    pool = await create_pool(min_size=0, max_size=3)
    assert pool.loans() == []
    first = await pool.acquire()
    await asyncio.sleep(0.02)
    asyncio.current_task().set_name("another")
    runner.loop.set_debug(True)
    async with pool.acquire(timeout=60) as second:
        await pool.fetchval("select 1")  # is over
        loans = pool.loans()
        assert [loan.backend_pid for loan in loans] == [first.get_server_pid(), second.get_server_pid()]
        assert 0.02 < loans[0].seconds and 0 <= loans[1].seconds < loans[0].seconds
        assert loans[0].task.startswith("Task-") and loans[1].task == "another"
        assert loans[0].where is None and "test_pool_loans.py" in loans[1].where
    runner.loop.set_debug(False)
    assert [loan.backend_pid for loan in pool.loans()] == [first.get_server_pid()]
    first.terminate()
    assert pool.loans() == []
    assert pgstride.create_pool().loans() == []


async def test_a_timeout_of_acquire_says_why(create_pool):
    pool = await create_pool(max_size=2)
    asyncio.current_task().set_name("greedy")
    waiting = []
    async with pool.acquire(), pool.acquire(timeout=60):
        waiting.append(asyncio.create_task(pool.fetchval("select 1")))
        await asyncio.sleep(0)
        for call in (pool.acquire(timeout=0.02), pool.fetchval("select 1", timeout=0.02), pool.executemany("", [], timeout=0.02)):
            with pytest.raises(asyncio.TimeoutError) as caught:
                await call
            assert re.fullmatch(
                r"no connection of the pool in 0\.02 s: of at most 2, 2 are in use and 0 are being opened; 1 others wait; "
                rf"longest in use: by 'greedy' for {NUMBER} s",
                str(caught.value),
            )
    await asyncio.gather(*waiting)


async def test_a_server_that_does_not_answer(create_pool):
    async def connect(*args, **options):
        await asyncio.sleep(60)

    pool = await create_pool(min_size=0, max_size=2, connect=connect)
    with pytest.raises(asyncio.TimeoutError, match="of at most 2, 0 are in use and [01] are being opened; 0 others wait$"):
        await pool.acquire(timeout=0.02)


async def test_other_timeouts_are_left_alone(create_pool):
    async def setup(connection):
        raise asyncio.TimeoutError

    pool = await create_pool(setup=setup)
    for call in (pool.acquire(timeout=60), pool.fetchval("select 1", timeout=60), pool.acquire(timeout=0)):
        with pytest.raises(asyncio.TimeoutError) as caught:
            await call
        assert str(caught.value) == ""
    pool = await create_pool()
    with pytest.raises(asyncio.TimeoutError) as caught:
        await pool.fetchval("select pg_sleep(60)", timeout=0.05)
    assert str(caught.value) == ""  # it had a connection


async def test_a_long_close_names_whom_it_waits_for(create_pool, monkeypatch, caplog):
    monkeypatch.setattr(pool_module, "_CLOSING_IS_LONG", 0.01)
    asyncio.current_task().set_name("keeper")
    pool = await create_pool(max_size=12)
    lent = [await pool.acquire() for _ in range(12)]
    closing = asyncio.create_task(pool.close())
    with caplog.at_level(logging.WARNING, "pgstride.pool"):
        while not caplog.records:
            await asyncio.sleep(0.01)
    for each in lent:
        await pool.release(each)
    await closing
    one = rf"by 'keeper' for {NUMBER} s"
    assert re.search(rf"Pool\.close\(\)\. In use: ({one}, ){{9}}{one} and 2 more\.$", caplog.records[0].getMessage())
