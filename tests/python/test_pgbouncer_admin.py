# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A PgBouncer whose administrator is at work, and whose limits are reached: nobody gets another's answer, errors are
told as what they are, and a pool goes on afterwards (FO-11)."""

from __future__ import annotations

import asyncio
import os

import absent
import pytest

import pgstride
from tests.support import pgbouncer

if pgbouncer.find() is None:
    absent.skip("pgbouncer", "there is none on this machine")

pytestmark = pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
GONE = (pgstride.ConnectionDoesNotExistError, pgstride.InterfaceError)


@pytest.fixture(scope="module", params=["session", "transaction"])
def bouncer(request):
    with pgbouncer.Bouncer(int(os.environ["PGPORT"]), request.param, pool_size=4) as bouncer:
        bouncer.mode = request.param
        yield bouncer


@pytest.fixture
def tell(runner, connect, bouncer):
    """Gives orders at PgBouncer's console."""
    return runner(connect(bouncer.console)).execute


@pytest.fixture
def create_pool(runner, bouncer):
    made = []

    async def create_pool(size=2):
        made.append(await pgstride.create_pool(bouncer.dsn, min_size=size, max_size=size, statement_cache_size=0))
        return made[-1]

    yield create_pool
    for pool in made:
        runner(asyncio.wait_for(pool.close(), 30))


async def goes_on(pool):
    """Each of its connections is lost at most once."""
    lost = 0
    answered = 0
    while answered < 10:
        try:
            assert await pool.fetchval("select $1::int", answered, timeout=30) == answered
            answered += 1
        except GONE:
            lost += 1
            assert lost <= 2


async def test_pause_and_resume(create_pool, tell, bouncer):
    pool = await create_pool()
    if bouncer.mode == "session":  # it would wait until all clients have gone
        await pool.expire_connections()
    assert await asyncio.wait_for(tell("PAUSE pgstride"), 30) == "PAUSE"
    waiting = asyncio.ensure_future(pool.fetchval("select 'waited'"))
    with pytest.raises(asyncio.TimeoutError):
        await pool.fetchval("select 1", timeout=0.1)
    assert not waiting.done()
    await tell("RESUME pgstride")
    assert await waiting == "waited"
    await goes_on(pool)


async def test_other_servers(create_pool, tell):
    """RECONNECT and RELOAD are not noticed."""
    pool = await create_pool(1)  # so that PgBouncer is not logging in elsewhere: what cuts that off it takes for a failure
    async with pool.acquire() as lent:
        before = await lent.fetchval("select pg_backend_pid()")
        await tell("RECONNECT pgstride")
        await tell("RELOAD")
        assert await lent.fetchval("select 1") == 1
    while await pool.fetchval("select pg_backend_pid()") == before:
        await pool.expire_connections()
    await goes_on(pool)


async def test_kill(create_pool, tell):
    pool = await create_pool()
    running = asyncio.ensure_future(pool.fetch("select pg_sleep(60)"))
    while not running.done():
        await asyncio.sleep(0.05)
        await tell("KILL pgstride")
    with pytest.raises(GONE) as caught:
        await running
    assert "database removed" in str(caught.value) and caught.value.__cause__.sqlstate == "08P01"
    await tell("RESUME pgstride")
    await goes_on(pool)


async def test_waiting_for_too_long(create_pool, tell):
    pool = await create_pool()
    await tell("SET query_wait_timeout = 1")
    try:
        await tell("KILL pgstride")
        with pytest.raises(GONE + (pgstride.PostgresError,), match="query_wait_timeout"):
            while True:
                try:
                    await pool.fetchval("select 1", timeout=30)
                except GONE as error:
                    if "database removed" not in str(error):
                        raise
    finally:
        await tell("SET query_wait_timeout = 120")
        await tell("RESUME pgstride")
    await goes_on(pool)


async def test_too_many_clients(create_pool, tell, bouncer):
    pool = await create_pool()
    await tell("SET max_client_conn = 1")
    try:
        with pytest.raises(pgstride.PostgresError, match="no more connections allowed"):
            await pgstride.connect(bouncer.dsn, timeout=30)
        await goes_on(pool)
    finally:
        await tell("SET max_client_conn = 100")


async def test_a_server_that_dies_behind_it(create_pool, observer):
    pool = await create_pool()
    running = asyncio.ensure_future(pool.fetch("select pg_sleep(60) -- behind"))
    # Not while it is only being prepared: that would be repeated.
    kill = """select count(pg_terminate_backend(pid)) from pg_stat_activity
        where query like '%pg_sleep(60) -- behind' and wait_event = 'PgSleep'"""
    while not await observer.connection.fetchval(kill):
        await asyncio.sleep(0.01)
    with pytest.raises(GONE):
        await running
    await goes_on(pool)
