# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Pools of connections of a class of the user's own, and proxies in the hands of those who look inside."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import warnings
from unittest import mock

import pytest

import pgstride
from pgstride import pool as pool_module
from pgstride.exceptions import InterfaceError


class Stubborn(pgstride.Connection):
    """Closes, and says that it does not."""

    failure: BaseException = ValueError("no")

    async def close(self):
        await super().close()
        raise self.failure


@pytest.mark.parametrize("failure", [ValueError("no"), asyncio.TimeoutError(), asyncio.CancelledError()])
async def test_what_a_close_of_the_users_own_raises(create_pool, monkeypatch, failure):
    monkeypatch.setattr(Stubborn, "failure", failure)
    pool = await create_pool(connection_class=Stubborn, min_size=2, max_size=2)
    raws = [holder._con for holder in pool._holders]
    with pytest.raises(type(failure)):
        await pool.close()
    assert pool.is_closing() and pool.get_size() == 0
    assert all(raw.is_closed() for raw in raws)
    await pool.close()


async def test_a_close_that_never_ends(create_pool, monkeypatch):
    class Endless(pgstride.Connection):
        async def close(self):
            await asyncio.sleep(3600)

    monkeypatch.setattr("pgstride._pool_holder._CLOSE_LIMIT", 0.01)
    pool = await create_pool(connection_class=Endless)
    raw = pool._holders[0]._con
    with pytest.raises(asyncio.TimeoutError):
        await pool.close()
    assert raw.is_closed()


async def test_replaced_connections_may_fail_to_close(create_pool):
    pool = await create_pool(connection_class=Stubborn)
    pid = await pool.fetchval("select pg_backend_pid()")
    await pool.expire_connections()
    assert await pool.fetchval("select pg_backend_pid()") != pid
    pool.terminate()


async def test_what_closes_by_itself_is_not_terminated(create_pool):
    terminated = []

    class Watched(pgstride.Connection):
        def terminate(self):
            terminated.append(self)
            super().terminate()

    pool = await create_pool(connection_class=Watched)
    await pool.close()
    assert terminated == []


async def test_reset_by_way_of_a_plain_execute(create_pool):
    """Who has no use for a timeout need not take one."""
    scripts = []

    class Counting(pgstride.Connection):
        async def execute(self, query, *args):
            scripts.append(query)
            return await super().execute(query, *args)

    pool = await create_pool(connection_class=Counting)
    await pool._holders[0]._con.reset()
    assert len(scripts) == 1 and "RESET ALL" in scripts[0]


async def test_sizes_that_are_no_integers(dsn):
    pool = pgstride.create_pool(dsn, min_size=1, max_size=1.5)
    for _ in range(2):
        with pytest.raises(TypeError):
            await pool
        with pytest.raises(InterfaceError, match="^pool is not initialized$"):
            await pool.fetchval("select 1")


async def test_a_proxy_is_not_copied(create_pool):
    pool = await create_pool()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with pool.acquire() as proxy:
            for copies in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError):
                    copies(proxy)
            with pytest.raises(InterfaceError, match="connection is already proxied$"):
                pool_module.PoolConnectionProxy(proxy._holder, proxy._con)
            gc.collect()
            assert await proxy.fetchval("select 1") == 1
        assert await pool.fetchval("select pg_backend_pid()") == pool._holders[0]._con.get_server_pid()


@pytest.mark.parametrize("name", ["acquire", "release"])
async def test_methods_that_are_replaced_are_gone_through(create_pool, name):
    """Also when that happens while the pool is in use, as tests and tracing packages do."""
    original = getattr(pgstride.Pool, name)

    class Own(pgstride.Pool):
        pass

    pools = await create_pool(), await Own(
        *(await create_pool())._connect_args,
        **dict(min_size=1, max_size=1, max_queries=9, max_inactive_connection_lifetime=0, loop=None),
        **dict(connection_class=pgstride.Connection, record_class=pgstride.Record),
    )
    for pool in pools:
        for cls in {type(pool), pgstride.Pool}:
            with mock.patch.object(cls, name, autospec=True, side_effect=original) as replacement:
                assert await pool.fetchval("select 1") == 1
                assert await pool.execute("select 1") == "SELECT 1"
                assert replacement.call_count == 2
                assert not pgstride.Connection._hooked
        assert not pool._hooked
        assert await pool.fetchval("select 1") == 1
    await pools[1].close()
