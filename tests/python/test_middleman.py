# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Somebody between us and the server who ends TLS and begins it anew: channel binding is what he meets."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import typing

import absent
import certificates
import pytest
from tls_postgres import TlsPostgres

import pgstride

absent.skip_without_tls()

SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Middleman:
    """Shows a certificate of his own. `edits` is what he makes of what the server says."""

    def __init__(
        self, server_port: int, certificate: certificates.Certificate, edits: typing.Callable[[bytes], bytes] = bytes
    ) -> None:
        self._server_port = server_port
        self._edits = edits
        self._shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._shown.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> Middleman:
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _work(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):  # whoever sees through him hangs up
                self._sit_between(client)

    def _sit_between(self, client: socket.socket) -> None:
        assert client.recv(8) == SSL_REQUEST
        client.sendall(b"S")
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self._server_port)) as wire:
            wire.sendall(SSL_REQUEST)
            assert wire.recv(1) == b"S"
            with trusting.wrap_socket(wire) as server, self._shown.wrap_socket(client, server_side=True) as fooled:
                other = {server: fooled, fooled: server}
                while True:
                    for source in select.select(list(other), [], [])[0]:
                        data = source.recv(1 << 16)
                        if not data:
                            return
                        other[source].sendall(self._edits(data) if source is server else data)


def without_plus(said: bytes) -> bytes:
    if b"SCRAM-SHA-256-PLUS\0" not in said:
        return said
    body = said[5:].replace(b"SCRAM-SHA-256-PLUS\0", b"")
    return said[:1] + struct.pack("!i", len(body) + 4) + body


@pytest.fixture(scope="module")
def server() -> typing.Iterator[TlsPostgres]:
    with TlsPostgres() as running:
        running.show(running.authority.issue("server", names=["DNS:localhost"]))
        yield running


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificate:
    authority = certificates.Authority(tmp_path_factory.mktemp("middle") / "ca", "the middleman")
    return authority.issue("own", names=["DNS:localhost"])


@pytest.fixture
def login(connect, monkeypatch):
    monkeypatch.setenv("HOME", "/nonexistent")

    async def login(port: int, **options) -> pgstride.Connection:
        given = {"user": "pgstride_scram", "password": "secret", "database": "pgstride", "sslmode": "require"}
        return await connect(host="localhost", port=port, **{**given, **options})

    return login


async def test_he_can_not_pass_the_login_on(server, own, login) -> None:  # HS-032
    with Middleman(server.port, own) as middleman:
        with pytest.raises(pgstride.PostgresError, match="channel binding check failed"):
            await login(middleman.port)
        with pytest.raises(OSError, match="certificate verify failed"):
            await login(middleman.port, sslmode="verify-ca", sslrootcert=server.authority.root)
        # What channel binding is good for: without it, he is in.
        connection = await login(middleman.port, channel_binding="disable")
        assert await connection.fetchval("select 1") == 1
        await connection.close()


async def test_he_can_not_hide_that_the_server_binds(server, own, login) -> None:  # HS-033
    with Middleman(server.port, own, without_plus) as middleman:
        with pytest.raises(pgstride.PostgresError, match="SCRAM channel binding negotiation error"):
            await login(middleman.port)
        with pytest.raises(pgstride.InterfaceError, match="channel binding is required, and the server does not offer it"):
            await login(middleman.port, channel_binding="require")
