# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Keys derived from passwords are kept for those who come back (R-A3)."""

from __future__ import annotations

import asyncio

import pytest

import pgstride

SCRAM = {"user": "pgstride_scram", "password": "secret"}


@pytest.fixture(autouse=True)
def new_salt(runner, connect, dsn):
    """Nobody in this process has logged in with that one."""

    async def choose() -> None:
        admin = await connect(dsn)
        await admin.execute("SET password_encryption = 'scram-sha-256'")
        await admin.execute("ALTER ROLE pgstride_scram PASSWORD 'secret'")

    runner(choose())


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


async def test_who_comes_back_is_spared_the_derivation(connect, dsn, derivations) -> None:
    for _ in range(3):
        await connect(dsn, **SCRAM)
    assert len(derivations) == 1


async def test_a_pool_derives_once(create_pool, derivations) -> None:
    pool = await create_pool(min_size=4, max_size=4, **SCRAM)
    before = set(await asyncio.gather(*(pool.fetchval("select pg_backend_pid()") for _ in range(4))))
    await pool.expire_connections()
    after = set(await asyncio.gather(*(pool.fetchval("select pg_backend_pid()") for _ in range(4))))
    assert not before & after
    assert len(derivations) == 1


async def test_another_password_is_another_key(connect, dsn, derivations) -> None:
    """The cache does not let anybody in: it spares work, for the same password only."""
    await connect(dsn, **SCRAM)
    for _ in range(2):
        with pytest.raises(pgstride.InvalidPasswordError):
            await connect(dsn, user="pgstride_scram", password="wrong")
    await connect(dsn, **SCRAM)
    assert len(derivations) == 2
