# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A pool whose server is given another configuration while it is used: what is open goes on, what is opened later
follows the new one (FO-9), and nobody writes where no writing is to be done (FO-4, R-L10)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime

import absent
import certificates
import pytest
import tls_postgres

import pgstride

absent.skip_without_tls()

pytestmark = pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
RULE = "hostssl    all  pgstride_scram   all  scram-sha-256\n"


@pytest.fixture(scope="module")
def server():
    with tls_postgres.TlsPostgres() as running:
        running.show(running.authority.issue("server", names=["DNS:localhost"]))
        yield running


@pytest.fixture
def create_pool(runner, server, monkeypatch):
    """Of two connections, one of which is open."""
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    made = []

    async def create_pool(user="postgres", **options):
        where = f"postgresql://{user}@localhost:{server.port}/pgstride?sslrootcert={server.authority.root}"
        made.append(await pgstride.create_pool(where, min_size=1, max_size=2, **options))
        return made[-1]

    yield create_pool
    for pool in made:
        runner(asyncio.wait_for(pool.close(), 30))


async def refusal(pool, lent):
    """Why no second connection can be opened. The first, which is lent, goes on."""
    while True:  # until the server has read what it was told
        assert await lent.fetchval("select 1") == 1
        try:
            second = await pool.acquire()
        except (OSError, pgstride.PostgresError, pgstride.InterfaceError) as error:
            return error
        second.terminate()
        await pool.release(second)
        await asyncio.sleep(0.01)


async def test_another_password(create_pool, server):  # FO-9, R-A9
    passwords = iter(["secret", "rotated"])
    asked = []

    def password():
        asked.append(next(passwords))
        return asked[-1]

    pool = await create_pool("pgstride_scram", password=password)
    with server.connect() as admin:
        admin.execute("alter role pgstride_scram password 'rotated'")
    try:
        async with pool.acquire() as lent, pool.acquire() as other:
            assert asked == ["secret", "rotated"]
            for each in (lent, other):
                assert await each.fetchval("select session_user") == "pgstride_scram"
    finally:
        with server.connect() as admin:
            admin.execute("alter role pgstride_scram password 'secret'")


async def test_another_time_zone(create_pool, server):  # FO-9, R-S5
    pool = await create_pool()
    async with pool.acquire() as lent:
        server.configure(timezone="Asia/Tokyo")
        try:
            while lent.get_settings().TimeZone != "Asia/Tokyo":
                await lent.fetchval("select 1")
            midnight = "timestamptz '2026-01-01 00:00+00'"
            assert await lent.fetchrow(f"select {midnight}::text, {midnight}") == (
                "2026-01-01 09:00:00+09",
                datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
            )
        finally:
            server.configure(timezone="UTC")


@contextlib.contextmanager
def access(server, rules):
    (server._files / "data" / "pg_hba.conf").write_text(rules)
    server.configure()
    try:
        yield
    finally:
        (server._files / "data" / "pg_hba.conf").write_text(server.access)
        server.configure()


async def test_other_rules_of_access(create_pool, server):  # FO-9
    pool = await create_pool("pgstride_scram", password="secret")
    async with pool.acquire() as lent:
        with access(server, server.access.replace(RULE, RULE.replace("scram-sha-256", "reject"))):
            assert isinstance(await refusal(pool, lent), pgstride.InvalidAuthorizationSpecificationError)
        while True:
            try:
                async with pool.acquire() as other:
                    assert await other.fetchval("select 1") == 1
                break
            except pgstride.InvalidAuthorizationSpecificationError:  # not reloaded yet
                await asyncio.sleep(0.01)


async def test_no_tls_any_more(create_pool, server):  # FO-9
    pool = await create_pool()
    async with pool.acquire() as lent:
        server.configure(ssl="off")
        try:
            assert "rejected SSL upgrade" in str(await refusal(pool, lent))
        finally:
            server.configure(ssl="on")
            server.show(server.authority.issue("again", names=["DNS:localhost"]))
        async with pool.acquire() as other:
            assert other.tls is not None


async def test_another_certificate(create_pool, server, tmp_path):  # FO-9
    pool = await create_pool()
    stranger = certificates.Authority(tmp_path / "ca", "somebody else")
    async with pool.acquire() as lent:
        try:
            server.show(stranger.issue("server", names=["DNS:localhost"]))
            assert "certificate verify failed" in str(await refusal(pool, lent))
        finally:
            server.show(server.authority.issue("server", names=["DNS:localhost"]))
        async with pool.acquire() as other:
            assert await other.fetchval("select 1") == 1


@pytest.mark.parametrize("how", ["lent", "asked"])
async def test_no_writes_any_more(create_pool, server, how):  # FO-4, R-L10
    """As of a primary that is about to become a standby. Each connection is used at most once more."""
    pool = await create_pool(target_session_attrs="read-write")

    async def write():
        if how == "asked":
            return await pool.execute("create temp table t (a int)")
        async with pool.acquire() as lent:
            return await lent.execute("create temp table t (a int)")

    async with pool.acquire(), pool.acquire():
        pass
    server.configure(default_transaction_read_only="on")
    try:
        endings = []
        while pgstride.TargetServerAttributeNotMatched not in endings:
            try:
                await write()
            except (pgstride.ReadOnlySQLTransactionError, pgstride.TargetServerAttributeNotMatched) as error:
                endings.append(type(error))
            assert len(endings) <= 3
        assert pool.get_size() == 0
    finally:
        server.configure(default_transaction_read_only="off")
    while True:
        try:
            await write()
            break
        except (pgstride.ReadOnlySQLTransactionError, pgstride.TargetServerAttributeNotMatched):
            await asyncio.sleep(0.01)
