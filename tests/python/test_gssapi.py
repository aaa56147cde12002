# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Logging in by GSSAPI, in a Kerberos realm of our own. Proves R-A1, R-A6."""

from __future__ import annotations

import os
import urllib.parse

import absent
import kerberos
import pytest

import pgstride

REALM = os.environ.get("PGSTRIDE_TEST_REALM")
if REALM is None:
    absent.skip("kdc", "Debian: krb5-kdc, krb5-admin-server; or the server does no GSSAPI")


@pytest.fixture(autouse=True)
def ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in kerberos.environment(REALM).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def login(connect, dsn):
    async def login(user: str = "pgstride_gss", host: str = "localhost", **options) -> pgstride.Connection:
        port = urllib.parse.urlsplit(dsn).port
        return await connect(host=host, port=port, user=user, database="pgstride", **options)

    return login


async def test_it(login) -> None:
    connection = await login(require_auth="gss")
    assert await connection.fetchval("select session_user") == "pgstride_gss"
    authenticated, principal, encrypted = await connection.fetchrow(
        "select gss_authenticated, principal, encrypted from pg_stat_gssapi where pid = pg_backend_pid()"
    )
    assert (authenticated, principal, encrypted) == (True, "pgstride_gss@PGSTRIDE.TEST", False)


async def test_under_tls(login) -> None:
    absent.skip_without_tls()
    connection = await login(ssl="verify-full", sslrootcert=os.environ["PGSTRIDE_TEST_ROOT"])
    assert connection.tls is not None
    with pytest.raises(pgstride.InterfaceError, match="channel binding is required"):
        await login(ssl="require", channel_binding="require")


async def test_as_whom_the_server_is_known(login, monkeypatch) -> None:
    assert await (await login(krbsrvname="till")).fetchval("select 1") == 1
    with pytest.raises(pgstride.InterfaceError, match="nobody@localhost by GSSAPI.*not found in Kerberos database"):
        await login(krbsrvname="nobody")
    monkeypatch.setenv("PGKRBSRVNAME", "till")
    assert await (await login()).fetchval("select 1") == 1
    with pytest.raises(pgstride.InterfaceError, match="by GSSAPI"):
        await login(host="127.0.0.1")  # the name counts, and no address


async def test_as_somebody_else(login) -> None:
    connection = await login("pgstride_trust")
    await connection.execute("select 1")
    with pytest.raises(pgstride.InterfaceError, match="by gss, which require_auth does not allow"):
        await login(require_auth="scram-sha-256")


async def test_without_a_ticket(login, monkeypatch) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", "FILE:/nonexistent")
    monkeypatch.setenv("KRB5CCNAME", "MEMORY:nobody")
    with pytest.raises(pgstride.InterfaceError, match="could not log in to postgres@localhost by GSSAPI: "):
        await login()


async def test_encryption_is_not_there(login) -> None:
    """R-T13"""
    for mode in ("disable", "prefer"):
        await login(gssencmode=mode)
    with pytest.raises(pgstride.ClientConfigurationError, match="gssencmode.*must not be require"):
        await login(gssencmode="require")
