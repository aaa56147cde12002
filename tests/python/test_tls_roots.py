# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Whom to trust and whom no longer: the system's roots, directories of revocation lists (R-T12, TA-S, DT-12)."""

from __future__ import annotations

import os
import shutil
import typing

import absent
import certificates
import pytest
from tls_postgres import TlsPostgres

import pgstride

absent.skip_without_tls()


@pytest.fixture(scope="module")
def server() -> typing.Iterator[TlsPostgres]:
    with TlsPostgres() as running:
        yield running


@pytest.fixture
def login(connect, server, monkeypatch):
    for name in list(os.environ):
        if name.startswith("PGSSL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")

    async def login(host: str = "localhost", **options) -> pgstride.Connection:
        return await connect(host=host, port=server.port, user="postgres", database="pgstride", **options)

    return login


async def test_the_systems_roots(server, login, monkeypatch) -> None:
    server.show(server.authority.issue("good", names=["DNS:localhost"]))
    with pytest.raises(OSError, match="certificate verify failed"):
        await login(sslrootcert="system")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority.root))
    for mode in ({}, {"sslmode": "verify-full"}, {"ssl": True}):
        connection = await login(**({} if "ssl" in mode else {"sslrootcert": "system"}), **mode)
        assert connection.tls is not None
        with pytest.raises(OSError, match='is for "localhost", not for host "127.0.0.1"'):
            await login("127.0.0.1", **({} if "ssl" in mode else {"sslrootcert": "system"}), **mode)
    monkeypatch.setenv("PGSSLROOTCERT", "system")
    assert (await login()).tls is not None
    for mode in ("allow", "prefer", "require", "verify-ca"):
        with pytest.raises(pgstride.ClientConfigurationError, match="too weak for sslrootcert=system"):
            await login(sslrootcert="system", sslmode=mode)


async def test_a_directory_of_revocation_lists(server, login, tmp_path) -> None:
    good = server.authority.issue("kept", names=["DNS:localhost"])
    revoked = server.authority.issue("revoked", names=["DNS:localhost"])
    server.authority.revoke(revoked)
    shutil.copy(server.authority.revocations(), tmp_path / "revoked.crl")
    certificates.openssl("rehash", tmp_path)
    trust = {"sslrootcert": server.authority.root, "sslcrldir": tmp_path}
    server.show(good)
    for mode in ("require", "verify-ca", "verify-full"):
        assert (await login(sslmode=mode, **trust)).tls is not None
    server.show(revoked)
    for mode in ("require", "verify-ca", "verify-full"):
        with pytest.raises(OSError, match="certificate revoked"):
            await login(sslmode=mode, **trust)
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(OSError, match="unable to get certificate CRL"):
        await login(sslmode="verify-full", **{**trust, "sslcrldir": empty})
