# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connections of a pool that are never given back, and those that are not to be taken for such."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings

import pytest


@pytest.mark.parametrize("debug", [False, True])
async def test_forgotten_connection(create_pool, observer, debug):  # DT-29
    asyncio.get_running_loop().set_debug(debug)
    pool = await create_pool()
    proxy = await pool.acquire()
    pid = proxy.get_server_pid()
    with pytest.warns(ResourceWarning, match="was never released to its pool") as warned:
        del proxy
        gc.collect()
    assert ("test_forgotten_connection" in str(warned[0].message)) == debug
    await observer.gone(pid)
    assert await pool.fetchval("select 1") == 1


async def test_forgotten_while_it_runs(create_pool):  # DT-29
    """What runs comes to its end."""
    pool = await create_pool()
    with pytest.warns(ResourceWarning, match="was never released to its pool"):
        assert await (await pool.acquire()).fetchval("select 1 from pg_sleep(0.05)") == 1
        running = asyncio.create_task((await pool.acquire()).fetchval("select 1 from pg_sleep(0.05)"))
    assert await running == 1
    assert await pool.fetchval("select 2") == 2


async def test_forgotten_where_warnings_are_errors(create_pool, observer, monkeypatch):
    pool = await create_pool()
    proxy = await pool.acquire()
    pid = proxy.get_server_pid()
    raised = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: raised.append(what.exc_type))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del proxy
        gc.collect()
    assert raised == [ResourceWarning]
    await observer.gone(pid)
    assert await pool.fetchval("select 1") == 1


async def test_released_ones_are_not_missed(create_pool):
    pool = await create_pool()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with pool.acquire() as proxy:
            pass
        del proxy
        gc.collect()


async def test_one_whose_release_was_cancelled_is_not_missed(create_pool):
    """Nobody holds the proxy any more while the reset goes on."""

    async def reset(connection):
        await connection.execute("select pg_sleep(0.05)")

    async def use():
        async with pool.acquire() as proxy:
            pids.append(proxy.get_server_pid())

    pool, pids = await create_pool(reset=reset), []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        using = asyncio.create_task(use())
        while not pids or pool._holders[0]._releasing is None:
            await asyncio.sleep(0)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        del using
        gc.collect()
        assert await pool.fetchval("select pg_backend_pid()") == pids[0]
