# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Through PgBouncer with TLS on either side of it, and on both."""

from __future__ import annotations

import asyncio
import os
import urllib.parse

import absent
import certificates
import pgbouncer
import pytest

import pgstride

if pgbouncer.find() is None:
    absent.skip("pgbouncer", "there is none on this machine")
absent.skip_without_tls()

ROOT = os.environ["PGSTRIDE_TEST_ROOT"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("bouncer") / "ca", "PgBouncer's authority")


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue("bouncer", names=["IP:127.0.0.1"])


@pytest.fixture(scope="module")
def server_port(dsn):
    return urllib.parse.urlsplit(dsn).port


@pytest.fixture(scope="module", params=["session", "transaction"])
def mode(request):
    return request.param


@pytest.fixture(scope="module", params=["clients", "server", "both"])
def bouncer(request, mode, server_port, certificate):
    with pgbouncer.Bouncer(
        server_port,
        mode,
        certificate=None if request.param == "server" else certificate,
        server_root=None if request.param == "clients" else ROOT,
    ) as running:
        running.does_tls = request.param != "server"
        running.user = "postgres" if request.param == "clients" else "pgstride_ssl"
        yield running


async def test_it(connect, bouncer, authority, usable) -> None:
    where = bouncer.dsn.replace("postgres@", f"{bouncer.user}@")
    security = {"sslmode": "verify-full", "sslrootcert": authority.root} if bouncer.does_tls else {}
    connection = await connect(where, statement_cache_size=0, **security)
    assert (connection.tls is not None) == bouncer.does_tls
    async with connection.transaction():
        rows = await connection.fetch("select i, repeat('x', 1000) from generate_series(1, 2000) i")
        assert [row[0] for row in rows] == list(range(1, 2001))
        big = "y" * 300_000
        assert await connection.fetchval("select $1::text", big) == big
    with pytest.raises(asyncio.TimeoutError):
        await connection.execute("select pg_sleep(60)", timeout=0.2)
    await usable(connection)


def test_it_from_cpp(tour, mode, bouncer, authority) -> None:
    if mode == "transaction":
        pytest.skip("the tour has a temporary table")
    where = bouncer.dsn.replace("postgres@", f"{bouncer.user}@")
    if bouncer.does_tls:
        where += f"?sslmode=verify-full&sslrootcert={authority.root}"
    assert "the first 1000 square roots add up to 21097.456" in tour(where)


async def test_it_must_be_the_one(connect, bouncer) -> None:
    if not bouncer.does_tls:
        with pytest.raises(ConnectionError, match="rejected SSL upgrade: it is not set up for it"):
            await connect(bouncer.dsn, sslmode="require")
        return
    with pytest.raises(pgstride.PostgresError, match="SSL required"):
        await connect(bouncer.dsn, sslmode="disable")
    with pytest.raises(OSError, match="certificate verify failed"):
        await connect(bouncer.dsn, sslmode="verify-ca", sslrootcert=ROOT)


async def test_scram_can_not_be_bound_to_it(connect, server_port, mode, certificate, authority) -> None:
    """It offers no SCRAM-SHA-256-PLUS, and takes our word that we could (R-A5)."""
    with pgbouncer.Bouncer(server_port, mode, auth_type="scram-sha-256", certificate=certificate) as bouncer:
        where = bouncer.dsn.replace("postgres@", "pgstride_scram@")
        options = {"password": "secret", "sslmode": "verify-full", "sslrootcert": authority.root}
        connection = await connect(where, statement_cache_size=0, **options)
        assert await connection.fetchval("select 1") == 1
        with pytest.raises(pgstride.InterfaceError, match="channel binding is required, and the server does not offer"):
            await connect(where, channel_binding="require", **options)
