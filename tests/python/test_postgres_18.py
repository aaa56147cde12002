# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What only PostgreSQL 18 has: direct TLS, protocol 3.2 with its long cancel keys, OAuth.

Proves R-T12, R-A8; DT-12, TA-N, TA-A.
"""

from __future__ import annotations

import asyncio
import ssl
import typing

import absent
import certificates
import postgres_18
import pytest

import pgstride

if missing := postgres_18.why_not():
    absent.skip("postgres18", missing)


@pytest.fixture(scope="module")
def server() -> typing.Iterator[postgres_18.Postgres18]:
    with postgres_18.Postgres18() as running:
        running.show(running.authority.issue("server", names=["DNS:localhost"]))
        yield running


@pytest.fixture
def where(server: postgres_18.Postgres18, monkeypatch: pytest.MonkeyPatch) -> typing.Callable[..., str]:
    """The URL of a user, with options."""
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("PGSSLMODE", "verify-full")

    def where(user: str = "postgres", **options: object) -> str:
        said = {"sslrootcert": server.authority.root, **options}
        query = "&".join(f"{key}={value}" for key, value in said.items())
        return f"postgresql://{user}@localhost:{server.port}/pgstride?{query}"

    return where


async def cancels(connection: pgstride.Connection) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await connection.execute("select pg_sleep(60)", timeout=0.2)
    assert await connection.fetchval("select 1") == 1


@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
@pytest.mark.parametrize("protocol", ["3.0", "3.2", "latest"])
async def test_protocols(connect, where, negotiation: str, protocol: str) -> None:
    """Each with each; a cancel request goes the same way, with a key of whatever length."""
    connection = await connect(where(sslnegotiation=negotiation, max_protocol_version=protocol))
    assert connection.get_server_version().major >= 18
    assert connection.tls.alpn == "postgresql" and connection.tls.version == "TLSv1.3"
    assert await connection.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    await cancels(connection)


async def test_versions_that_must_be(connect, where) -> None:
    await connect(where(min_protocol_version="3.2", max_protocol_version="3.2"))
    await connect(where(min_protocol_version="3.2"))  # then the latest is asked for, as libpq does


async def test_contexts(connect, server, where) -> None:
    """Python's own TLS, which has to offer ALPN by itself for the direct way."""
    context = ssl.create_default_context(cafile=server.authority.root)
    connection = await connect(where(), ssl=context)
    assert connection.tls.alpn == ""
    with pytest.raises(OSError):
        await connect(where(), ssl=context, direct_tls=True)
    context.set_alpn_protocols(["postgresql"])
    for direct in (False, True):
        connection = await connect(where(max_protocol_version="3.2"), ssl=context, direct_tls=direct)
        assert connection.tls.alpn == "postgresql"
        await cancels(connection)


async def test_direct_tls_verifies(connect, where, tmp_path) -> None:
    stranger = certificates.Authority(tmp_path / "ca", "somebody else")
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(where(sslnegotiation="direct", sslrootcert=stranger.root))
    for mode in ("disable", "allow", "prefer"):
        with pytest.raises(pgstride.ClientConfigurationError, match="requires sslmode=require"):
            await connect(where(sslnegotiation="direct", sslmode=mode))


async def test_direct_tls_where_there_is_none(connect, server, where) -> None:
    server.configure(ssl="off")
    try:
        while True:
            try:
                with pytest.raises(OSError):
                    await connect(where(sslnegotiation="direct"))
                break
            except pytest.fail.Exception:  # not reloaded yet
                await asyncio.sleep(0.02)
        with pytest.raises(ConnectionError, match="rejected SSL upgrade"):
            await connect(where())
    finally:
        server.configure(ssl="on")
        server.show(server.authority.issue("again", names=["DNS:localhost"]))


@pytest.mark.parametrize("binding", ["disable", "prefer", "require"])
async def test_channel_binding(connect, where, binding: str) -> None:
    await connect(where("pgstride_scram:secret", sslnegotiation="direct", channel_binding=binding))


async def test_tokens(connect, where) -> None:
    calls = []

    async def token() -> str:
        calls.append(1)
        return "token-of-pgstride_oauth"

    for given in ("token-of-pgstride_oauth", lambda: "token-of-pgstride_oauth", token):
        connection = await connect(where("pgstride_oauth"), oauth_token=given, require_auth="oauth")
        assert await connection.fetchval("select session_user") == "pgstride_oauth"
    assert calls == [1]


def test_tokens_from_cpp(tour, where) -> None:
    said = tour(where("pgstride_oauth", oauth_token="token-of-pgstride_oauth", require_auth="oauth"))
    assert "the first 1000 square roots add up to 21097.456" in said
    assert "OAuth bearer authentication failed" in tour(where("pgstride_oauth", oauth_token="token-of-somebody"))
    assert "asks for an OAuth token, and none was given" in tour(where("pgstride_oauth"))


async def test_tokens_that_are_refused(connect, where) -> None:
    with pytest.raises(pgstride.InvalidAuthorizationSpecificationError) as caught:
        await connect(where("pgstride_oauth"), oauth_token="token-of-somebody")
    assert "OAuth bearer authentication failed" in str(caught.value) and "token-of" not in repr(caught.value)
    with pytest.raises(pgstride.InterfaceError, match="asks for an OAuth token, and none was given"):
        await connect(where("pgstride_oauth"))
    with pytest.raises(pgstride.InterfaceError, match="channel binding is required"):
        await connect(where("pgstride_oauth", channel_binding="require"), oauth_token="token-of-pgstride_oauth")
    with pytest.raises(pgstride.InterfaceError, match="by oauth, which require_auth does not allow"):
        await connect(where("pgstride_oauth", require_auth="!oauth"), oauth_token="token-of-pgstride_oauth")


async def test_tokens_go_nowhere_unencrypted(connect, server, where) -> None:
    """But through a socket of this machine."""
    with pytest.raises(pgstride.InterfaceError, match="OAuth token over an unencrypted connection"):
        await connect(where("pgstride_oauth", sslmode="disable"), oauth_token="token-of-pgstride_oauth")
    await connect(
        host=server.socket_dir,
        port=server.port,
        user="pgstride_oauth",
        database="pgstride",
        ssl=False,
        oauth_token="token-of-pgstride_oauth",
    )
