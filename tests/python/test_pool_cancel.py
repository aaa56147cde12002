# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Cancelled or timed out anywhere, in hooks that fail or hang: the pool loses nothing and lends nothing dirty.

R-L4, R-L5, R-L9, CX-6.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time

import pytest

import pgstride

# How often the marathon acquires and releases. The full distance is 100000.
DISTANCE = int(os.environ.get("PGSTRIDE_POOL_DISTANCE", "3000"))


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def check(pool):
    """Everything has come back, and all of it works."""
    deadline = time.monotonic() + 30
    while pool._queue.qsize() != pool.get_max_size() or pool._core.counts()["retiring"]:
        assert time.monotonic() < deadline, pool._core.counts()
        await asyncio.sleep(0.001)
    lent = [await pool.acquire(timeout=30) for _ in range(pool.get_max_size())]
    for i, connection in enumerate(lent):
        assert not connection.is_in_transaction()
        row = await connection.fetchrow("select $1::int, current_user::text, current_setting('application_name')", i)
        assert row[0] == i and row[1] != "pg_monitor" and row[2] != "dirty"
    for connection in lent:
        await pool.release(connection)
    assert pool._queue.qsize() == pool.get_max_size()


async def lend(pool):
    async with pool.acquire() as connection:
        await connection.execute("set application_name = 'dirty'; set role pg_monitor; begin")
        await connection.fetchval("select 1")


async def lend_within(pool):
    async with pool.acquire(timeout=30) as connection:
        async with connection.transaction():
            await connection.execute("set application_name = 'dirty'")


async def by_hand(pool):
    connection = await pool.acquire()
    try:
        await connection.fetchval("select set_config('application_name', 'dirty', false)")
    finally:
        await pool.release(connection)


async def request(pool):
    await pool.fetchval("select set_config('application_name', 'dirty', false)")


async def script(pool):
    await pool.execute("set application_name = 'dirty'; select 1; begin")


async def many(pool):
    await pool.executemany("select set_config('application_name', $1, false)", [("dirty",)] * 20)


SCENES = [lend, lend_within, by_hand, request, script, many]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("min_size", [0, 1])
async def test_after_each_turn_of_the_loop(create_pool, runner, scene, min_size):  # CX-3, DT-17, DT-26
    ended = 0
    for count in range(60):
        pool = await create_pool(min_size=min_size)
        task = asyncio.create_task(scene(pool))
        await turns(count)
        if count > 20:  # turns are short, and the server may be busy
            await asyncio.sleep(0.0005 * 1.15 ** (count - 20))
        ended += task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and task.exception():
            raise task.exception()
        await check(pool)
        await pool.close()
        if ended == 2:
            break
    else:
        pytest.fail("never came to its end")
    runner.complaints.clear()  # of transactions that were left open


@pytest.mark.parametrize("scene", [lend, by_hand])
async def test_with_hooks(create_pool, runner, scene):
    async def hook(connection):
        await connection.execute("select 1")
        await asyncio.sleep(0)
        await connection.fetchval("select 2")

    async def reset(connection):
        await hook(connection)
        await connection.reset()

    for count in range(0, 60, 2):
        pool = await create_pool(min_size=0, init=hook, setup=hook, reset=reset)
        task = asyncio.create_task(scene(pool))
        await turns(count)
        if count > 20:
            await asyncio.sleep(0.0005 * 1.15 ** (count - 20))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await check(pool)
        await pool.close()
    runner.complaints.clear()


@pytest.mark.parametrize("which", ["init", "setup", "reset"])
@pytest.mark.parametrize("how", ["raises", "hangs"])
async def test_hooks_that_fail(create_pool, which, how):
    faulty = True

    async def hook(connection):
        if faulty and how == "raises":
            raise ZeroDivisionError
        if faulty:
            await connection.execute("select pg_sleep(600)")
        elif which == "reset":
            await connection.reset()

    pool = await create_pool(min_size=0, **{which: hook})
    for _ in range(3):
        with pytest.raises(ZeroDivisionError if how == "raises" else asyncio.TimeoutError):
            async with pool.acquire(timeout=0.1 if how == "hangs" else None) as connection:
                await connection.execute("select 1")
        assert (pool.get_size(), pool._queue.qsize()) == (0, 1)
    faulty = False
    await check(pool)


async def test_connect_that_returns_something_else(create_pool, dsn):
    async def connect(*args, **kwargs):
        return 3

    with pytest.raises(pgstride.InterfaceError) as caught:
        await create_pool(connect=connect)
    assert str(caught.value) == (
        "expected pool connect callback to return an instance of 'pgstride.connection.Connection', got 'int'"
    )


async def test_connect_of_the_users_own(create_pool, dsn):
    called = []

    async def connect(*args, **kwargs):
        called.append((args, sorted(kwargs)))
        return await pgstride.connect(*args, **kwargs)

    pool = await create_pool(connect=connect, statement_cache_size=3)
    assert called == [((dsn,), ["connection_class", "loop", "record_class", "statement_cache_size"])]
    assert await pool.fetchval("select 1") == 1


async def test_release_goes_on_when_its_task_is_cancelled(create_pool):
    released = asyncio.Event()
    finished = []

    async def reset(connection):
        released.set()
        await connection.execute("select pg_sleep(0.1)")
        finished.append(connection)

    pool = await create_pool(reset=reset)
    connection = await pool.acquire()
    raw = connection._con
    task = asyncio.create_task(pool.release(connection))
    await released.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = asyncio.create_task(pool.release(connection))  # waits for the first
    await again
    assert finished == [raw]
    assert pool._holders[0]._con is raw
    await check(pool)


async def test_waiters_that_give_up(create_pool):
    pool = await create_pool(max_size=2)
    lent = [await pool.acquire() for _ in range(2)]
    waiting = [asyncio.create_task(pool.fetchval("select $1::int", i)) for i in range(100)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    for connection in lent:
        await pool.release(connection)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert results[1::2] == list(range(1, 100, 2))
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
    await check(pool)


async def test_cancelled_when_it_is_served(create_pool):
    """Between being handed a connection and running with it."""
    pool = await create_pool()
    for extra in range(4):
        lent = await pool.acquire()
        waiting = asyncio.create_task(pool.acquire().__aenter__())
        await asyncio.sleep(0)
        await pool.release(lent)  # untouched: handed over at once, the waiter runs in the next turn
        waiting.cancel()
        await turns(extra)
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        await check(pool)


async def test_exhausted_and_nested(create_pool):
    pool = await create_pool()
    async with pool.acquire() as connection:
        for use in (lambda: pool.acquire(timeout=0.05).__aenter__(), lambda: asyncio.wait_for(pool.fetch("select 1"), 0.05)):
            with pytest.raises(asyncio.TimeoutError):
                await use()
        assert await connection.fetchval("select 1") == 1
    await check(pool)


async def test_storm(create_pool, runner, observer):
    """Everything at once, backends killed among it."""
    dice = random.Random(7)
    pool = await create_pool(min_size=2, max_size=4)
    end = time.monotonic() + 3
    done = 0

    async def worker():
        nonlocal done
        while time.monotonic() < end:
            task = asyncio.create_task(dice.choice(SCENES)(pool))
            if dice.random() < 0.5:
                await asyncio.sleep(dice.random() * 0.005)
                task.cancel()
            try:
                await task
                done += 1
            except (asyncio.CancelledError, pgstride.PostgresError, pgstride.InterfaceError, OSError):
                pass

    async def killer():
        while time.monotonic() < end:
            await asyncio.sleep(0.1)
            victims = await observer.connection.fetch(
                "select pid, pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
                "and backend_type = 'client backend' order by random() limit 1"
            )
        for victim in victims:
            await observer.gone(victim["pid"])

    await asyncio.gather(killer(), *(worker() for _ in range(12)))
    assert done
    await asyncio.sleep(0.2)  # until the end of the last victim is noticed
    await check(pool)
    runner.complaints.clear()


async def test_marathon(create_pool):
    """Acquired and released, cancelled at random; nothing grows."""
    dice = random.Random(8)
    pool = await create_pool(min_size=2, max_size=4)
    left = DISTANCE

    async def lap():
        async with pool.acquire() as connection:
            if dice.random() < 0.5:
                await connection.fetchval("select 1")

    async def runner():
        nonlocal left
        while left > 0:
            left -= 1
            if dice.random() < 0.1:
                task = asyncio.create_task(lap())
                await turns(dice.randrange(8))
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            else:
                await lap()

    async def run():
        await asyncio.gather(*(runner() for _ in range(6)))
        await check(pool)
        gc.collect()
        return len(gc.get_objects())

    left = 300
    before = await run()
    left = DISTANCE
    after = await run()
    assert after - before < 50
    assert pool._core.counts()["opened"] <= 4


async def test_terminate_before_one_that_was_handed_over_is_claimed(create_pool):
    opened = []

    async def connect(*args, **options):
        opened.append(await pgstride.connect(*args, **options))
        return opened[-1]

    pool = await create_pool(connect=connect)
    lent = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire().__aenter__())
    await asyncio.sleep(0)
    lent.terminate()
    pool.terminate()
    with pytest.raises(pgstride.InterfaceError, match="^pool is closed$"):
        await waiting
    assert len(opened) == 1
