# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Keys derived from passwords are kept for those who come back (R-A3)."""

from __future__ import annotations

import asyncio

import pytest

import pgstride

SCRAM = {"user": "pgstride_scram", "password": "secret"}


@pytest.fixture
def derivations(runner, monkeypatch):
    """One item for each piece of work done away from the loop. There is no other here: the host is an address."""
    done = []
    run = runner.loop.run_in_executor

    def counting(*args):
        done.append(args)
        return run(*args)

    monkeypatch.setattr(runner.loop, "run_in_executor", counting)
    return done


async def test_each_connection_derives_its_own(connect, dsn, derivations) -> None:
    for _ in range(3):
        await connect(dsn, **SCRAM)
    assert len(derivations) == 3


async def test_a_pool_derives_once(create_pool, derivations) -> None:
    pool = await create_pool(min_size=4, max_size=4, **SCRAM)
    before = set(await asyncio.gather(*(pool.fetchval("select pg_backend_pid()") for _ in range(4))))
    await pool.expire_connections()
    after = set(await asyncio.gather(*(pool.fetchval("select pg_backend_pid()") for _ in range(4))))
    assert not before & after
    assert len(derivations) == 1


async def test_a_pool_with_a_connect_of_its_owner(create_pool, derivations) -> None:
    async def connect(*args, **kwargs):
        return await pgstride.connect(*args, **kwargs)

    await create_pool(min_size=3, max_size=3, connect=connect, **SCRAM)
    assert len(derivations) == 1


async def test_another_password_is_another_key(create_pool, derivations) -> None:
    """The cache does not let anybody in: it spares work, for the same password only."""
    passwords = iter(["secret", "wrong"])
    pool = await create_pool(min_size=1, max_size=2, user="pgstride_scram", password=lambda: next(passwords))
    async with pool.acquire():
        with pytest.raises(pgstride.InvalidPasswordError):
            await pool.acquire()
    assert len(derivations) == 2
