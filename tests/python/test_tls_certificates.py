# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Certificates of servers and clients, against a real server and as psql has it.

R-T5, R-T8, R-T9, R-A5, R-A6, R-C9, R-K4; the tables TA-M1, TA-M2, TA-M3, TA-M4, TA-M5, TA-M6, TA-C.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import shutil
import ssl
import subprocess
import typing

import absent
import certificates
import cpp_tour
import pytest
from tls_postgres import TlsPostgres

import pgstride

absent.skip_without_tls()

PSQL = shutil.which("psql")
MODES = ("require", "verify-ca", "verify-full")


@pytest.fixture(scope="module")
def server() -> typing.Iterator[TlsPostgres]:
    with TlsPostgres() as running:
        yield running


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PGSSL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")


class Issued:
    """Certificates under the name of what is special about them; each is made once."""

    MAKE: dict[str, typing.Any] = {
        "common name": dict(common_name="localhost"),
        "name": dict(common_name="ignored", names=["DNS:localhost"]),
        "other name": dict(common_name="localhost", names=["DNS:other.test"]),
        "address": dict(names=["IP:127.0.0.1"]),
        "address as a name": dict(names=["DNS:127.0.0.1"]),
        "address and common name": dict(common_name="localhost", names=["IP:127.0.0.1"]),
        "wildcard": dict(names=["DNS:*.db.test"]),
        "nobody": dict(),
        "expired": dict(names=["DNS:localhost"], expired=True),
        "revoked": dict(names=["DNS:localhost"]),
        "384 bits": dict(names=["DNS:localhost"], key="ec384", digest="sha384"),
        "rsa": dict(names=["DNS:localhost"], key="rsa"),
        "nul": dict(extension="2.5.29.17=DER:30:12:82:10:6c:6f:63:61:6c:68:6f:73:74:00:2e:65:76:69:6c:78"),
    }

    def __init__(self, authority: certificates.Authority) -> None:
        self._authority = authority
        self._made: dict[str, certificates.Certificate] = {}

    def __getitem__(self, what: str) -> certificates.Certificate:
        if what not in self._made:
            self._made[what] = self._authority.issue(what.replace(" ", "-"), **self.MAKE[what])
            if what == "revoked":
                self._authority.revoke(self._made[what])
        return self._made[what]


@pytest.fixture(scope="module")
def issued(server: TlsPostgres) -> Issued:
    return Issued(server.authority)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> certificates.Authority:
    return certificates.Authority(tmp_path_factory.mktemp("stranger") / "ca", "somebody else")


def dsn(server: TlsPostgres, host: str = "localhost", user: str = "postgres", **options: object) -> str:
    given = {"sslrootcert": server.authority.root, **options}
    query = "&".join(f"{key}={value}" for key, value in given.items() if value is not None)
    return f"postgresql://{user}@{host}:{server.port}/pgstride?{query}"


async def outcome(where: str, **arguments: typing.Any) -> str:
    """"", or why not."""
    try:
        connection = await pgstride.connect(where, **arguments)
    except (OSError, pgstride.PostgresError, pgstride.InterfaceError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    try:
        assert connection.tls is not None and connection._protocol.is_ssl
        assert await connection.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        return ""
    finally:
        await connection.close()


def of_psql(where: str) -> str:
    """The same by psql."""
    done = subprocess.run(
        [typing.cast(str, PSQL), "-w", "-X", "-At", "-c", "select 1", where],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr


async def check(where: str, expected: str | None) -> None:
    """Ends well (None), or with a text; from C++, too, and psql agrees. (DT-10)"""
    text = await outcome(where)
    assert text == "" if expected is None else expected in text
    if cpp_tour.is_due():
        went_well, said = cpp_tour.run(where)
        assert went_well if expected is None else expected in said, said
    if PSQL:
        assert bool(of_psql(where)) == bool(text)


# What the server shows, the host that is asked for, and what each mode comes to.
IDENTITIES: list[tuple[str, str, list[str | None]]] = [
    ("common name", "localhost", [None, None, None]),
    ("common name", "127.0.0.1", [None, None, 'is for "localhost", not for host "127.0.0.1"']),
    ("name", "localhost", [None, None, None]),
    ("name", "LOCALHOST", [None, None, None]),
    ("other name", "localhost", [None, None, 'is for "other.test", not for host "localhost"']),
    ("address", "127.0.0.1", [None, None, None]),
    ("address", "localhost", [None, None, "not for host"]),
    ("address as a name", "127.0.0.1", [None, None, None]),
    ("address and common name", "localhost", [None, None, None]),
    ("address and common name", "127.0.0.1", [None, None, None]),
    ("wildcard", "a.db.test", [None, None, None]),
    ("wildcard", "A.DB.test", [None, None, None]),
    ("wildcard", "a.b.db.test", [None, None, "not for host"]),
    ("wildcard", "db.test", [None, None, "not for host"]),
    ("name", "localhost.", [None, None, "not for host"]),
    ("nobody", "localhost", [None, None, "holds no name to compare with"]),
    ("expired", "localhost", ["certificate has expired"] * 3),
    ("rsa", "localhost", [None, None, None]),
    ("nul", "localhost", [None, None, "contains a NUL"]),
]


@pytest.mark.parametrize(("shown", "host", "outcomes"), IDENTITIES)
async def test_identity(
    server: TlsPostgres, issued: Issued, shown: str, host: str, outcomes: list[str | None]
) -> None:
    server.show(issued[shown])
    for mode, expected in zip(MODES, outcomes):
        await check(dsn(server, host, sslmode=mode, hostaddr="127.0.0.1"), expected)


async def test_each_host_is_held_against_its_own_name(server: TlsPostgres, issued: Issued) -> None:
    """TA-H"""
    for shown, chosen in (("address", "127.0.0.1"), ("name", "localhost")):
        server.show(issued[shown])
        for hosts in ("localhost,127.0.0.1", "127.0.0.1,localhost"):
            where = f"postgresql://postgres@/pgstride?host={hosts}&port={server.port}&sslmode=verify-full"
            connection = await pgstride.connect(where, sslrootcert=server.authority.root)
            assert connection._addr == (chosen, server.port)
            await connection.close()


async def test_strangers(server: TlsPostgres, issued: Issued, stranger: certificates.Authority) -> None:
    server.show(issued["name"])
    for mode in MODES:
        where = dsn(server, sslmode=mode, sslrootcert=stranger.root)
        text = await outcome(where)
        assert "SSLCertVerificationError" in text and "certificate verify failed" in text
        where = dsn(server, sslmode=mode)
        server.show(certificates.Certificate(stranger.root, stranger.root_key))
        await check(where, "certificate verify failed: self-signed certificate")
        server.show(issued["name"])
    # psql would go on in clear, to whomever (D2)
    assert "SSLCertVerificationError" in await outcome(dsn(server, sslmode="prefer", sslrootcert=stranger.root))


async def test_revoked(server: TlsPostgres, issued: Issued) -> None:
    server.show(issued["revoked"])
    await check(dsn(server, sslmode="verify-full"), None)
    revoked = server.authority.revocations()
    for mode in MODES:
        await check(dsn(server, sslmode=mode, sslcrl=revoked), "certificate revoked")
    server.show(issued["name"])
    await check(dsn(server, sslmode="verify-full", sslcrl=revoked), None)


async def test_root_files(server: TlsPostgres, issued: Issued, tmp_path: pathlib.Path) -> None:
    server.show(issued["name"])
    (tmp_path / "empty.crt").write_text("")
    (tmp_path / "garbage.crt").write_text("no certificate")
    for mode in MODES:
        for name in ("empty", "garbage"):
            await check(dsn(server, sslmode=mode, sslrootcert=tmp_path / f"{name}.crt"), "could not read root certificate")
        missing = dsn(server, sslmode=mode, sslrootcert=tmp_path / "nowhere.crt")
        await check(missing, None if mode == "require" else "does not exist or cannot be accessed")


async def test_default_files(
    server: TlsPostgres,
    issued: Issued,
    stranger: certificates.Authority,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.show(issued["name"])
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".postgresql"
    folder.mkdir()
    where = dsn(server, sslmode="require", sslrootcert=None)
    assert await outcome(where) == ""
    shutil.copy(stranger.root, folder / "root.crt")
    assert "certificate verify failed" in await outcome(where)
    shutil.copy(server.authority.root, folder / "root.crt")
    assert await outcome(where) == ""
    assert await outcome(dsn(server, sslmode="verify-full", sslrootcert=None)) == ""
    client = server.authority.issue("default-client", "pgstride_client")
    shutil.copy(client.crt, folder / "postgresql.crt")
    shutil.copy(client.key, folder / "postgresql.key")
    assert await outcome(dsn(server, user="pgstride_client", sslmode="require", sslrootcert=None)) == ""


async def test_client_certificates(server: TlsPostgres, issued: Issued, tmp_path: pathlib.Path) -> None:
    server.show(issued["name"])
    good = server.authority.issue("client", "pgstride_client")
    other = server.authority.issue("other-client", "somebody")
    locked = server.authority.issue("locked-client", "pgstride_client", key="rsa", password="open sesame")
    readable = tmp_path / "readable.key"
    shutil.copy(good.key, readable)
    readable.chmod(0o644)

    def to(**options: object) -> str:
        return dsn(server, user="pgstride_client", sslmode="verify-full", **options)

    await check(to(), "connection requires a valid client certificate")
    await check(to(sslcert=good.crt, sslkey=good.key), None)
    await check(to(sslcert=other.crt, sslkey=other.key), "certificate authentication failed")
    await check(to(sslcert=good.crt, sslkey=other.key), "certificate does not match private key file")
    await check(to(sslcert=good.crt, sslkey=tmp_path / "none.key"), "but not private key file")
    await check(to(sslcert=good.crt, sslkey=readable), "has group or world access")
    await check(to(sslcert=locked.crt, sslkey=locked.key, sslpassword="open%20sesame"), None)
    await check(to(sslcert=locked.crt, sslkey=locked.key, sslpassword="wrong"), "could not read private key file")
    await check(to(sslcert=locked.crt, sslkey=locked.key), "could not read private key file")
    assert "requires a valid client certificate" in await outcome(
        to(sslcert=good.crt, sslkey=good.key, sslcertmode="disable")
    )
    assert await outcome(to(sslcert=good.crt, sslkey=good.key, sslcertmode="require")) == ""


async def test_a_server_without_tls(server: TlsPostgres, issued: Issued) -> None:
    """TA-M1"""
    server.configure(ssl="off")
    try:
        while not await outcome(dsn(server, sslmode="require")):  # until it has been told
            await asyncio.sleep(0.01)
        for mode in MODES:
            await check(dsn(server, sslmode=mode), "it is not set up for it")
        for mode in ("disable", "allow", "prefer"):
            where = dsn(server, user="pgstride_nossl", sslmode=mode)
            connection = await pgstride.connect(where)
            assert connection.tls is None
            await connection.close()
            assert not PSQL or of_psql(where) == ""
    finally:
        server.configure(ssl="on")
        server.show(issued["name"])


async def test_versions(server: TlsPostgres, issued: Issued) -> None:
    server.show(issued["name"])
    for version in ("TLSv1.2", "TLSv1.3"):
        connection = await pgstride.connect(
            dsn(server, sslmode="require", ssl_min_protocol_version=version, ssl_max_protocol_version=version)
        )
        assert connection.tls is not None and connection.tls.version == version
        await connection.close()
    server.configure(ssl_max_protocol_version="TLSv1.2")
    try:
        for mode in ("prefer", "require"):  # D2: psql goes on in clear with prefer
            text = await outcome(dsn(server, sslmode=mode, ssl_min_protocol_version="TLSv1.3"))
            assert "SSLError" in text and "TLSv1.3 or newer" in text
    finally:
        server.configure(ssl_max_protocol_version="")


@pytest.mark.parametrize("shown", ["name", "384 bits", "rsa"])
async def test_channel_binding(server: TlsPostgres, issued: Issued, shown: str) -> None:
    server.show(issued[shown])

    def to(user: str, policy: str) -> str:
        return dsn(server, user=f"pgstride_{user}:secret", sslmode="verify-full", channel_binding=policy)

    for user in ("scram", "md5", "password", "trust"):
        for policy in ("disable", "prefer", "require"):
            refused = policy == "require" and user != "scram"
            await check(to(user, policy), "channel binding is required" if refused else None)


async def test_contexts(server: TlsPostgres, issued: Issued, stranger: certificates.Authority) -> None:
    server.show(issued["name"])
    where = f"postgresql://pgstride_scram:secret@localhost:{server.port}/pgstride"
    context = ssl.create_default_context(cafile=server.authority.root)
    for options in ("", "?sslmode=disable", "?channel_binding=require"):
        connection = await pgstride.connect(where + options, ssl=context)
        assert connection.tls is not None and connection.tls.version == "TLSv1.3"
        rows = await connection.fetch("select i, repeat('x', 100) from generate_series(1, 10000) i")
        assert [row[0] for row in rows] == list(range(1, 10001))
        big = "y" * 3_000_000
        assert await connection.fetchval("select $1::text", big) == big
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("select pg_sleep(60)", timeout=0.2)
        assert await connection.fetchval("select 1") == 1
        await connection.close()

    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        await pgstride.connect(where, ssl=ssl.create_default_context(cafile=stranger.root))
    assert caught.value.verify_message in ("unable to get local issuer certificate", "self-signed certificate in certificate chain")
    with pytest.raises(ssl.SSLCertVerificationError):
        server.show(issued["other name"])
        await pgstride.connect(where, ssl=context)
    with pytest.raises(ssl.SSLCertVerificationError):
        await pgstride.connect(where, ssl=True)


async def test_cancelling(server: TlsPostgres, issued: Issued) -> None:
    server.show(issued["name"])
    connection = await pgstride.connect(dsn(server, sslmode="verify-full"))
    for _ in range(3):
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("select pg_sleep(60)", timeout=0.2)
        assert await connection.fetchval("select 1") == 1
    await connection.close()


async def test_key_log(server: TlsPostgres, issued: Issued, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.show(issued["name"])
    asked, unasked = tmp_path / "asked", tmp_path / "unasked"
    monkeypatch.setenv("SSLKEYLOGFILE", str(unasked))
    assert await outcome(dsn(server, sslmode="require")) == ""
    assert not unasked.exists()
    assert await outcome(dsn(server, sslmode="require", sslkeylogfile=asked)) == ""
    assert "CLIENT_TRAFFIC_SECRET_0" in asked.read_text()
    assert asked.stat().st_mode & 0o077 == 0


@contextlib.contextmanager
def signed_by_ed25519(server: TlsPostgres, tmp_path: pathlib.Path) -> typing.Iterator[certificates.Authority]:
    authority = certificates.Authority(tmp_path / "ed25519", key="ed25519")
    server.show(authority.issue("ed25519", names=["DNS:localhost"], key="ed25519", digest="null"))
    yield authority


async def test_ed25519_has_nothing_to_bind_to(server: TlsPostgres, tmp_path: pathlib.Path) -> None:
    with signed_by_ed25519(server, tmp_path) as authority:
        for policy, expected in (("disable", ""), ("prefer", ""), ("require", "no hash to bind to")):
            text = await outcome(
                dsn(
                    server,
                    user="pgstride_scram:secret",
                    sslmode="verify-full",
                    channel_binding=policy,
                    sslrootcert=authority.root,
                )
            )
            assert expected in text and bool(expected) == bool(text)
