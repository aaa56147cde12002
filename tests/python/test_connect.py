# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""connect(): what it accepts, what it refuses and how it says so."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import traceback

import absent
import pytest

import pgstride

CANARY = "hunter2-canary"


# --- success ------------------------------------------------------------------------------------------


async def test_by_dsn(connection, dsn):
    assert isinstance(connection, pgstride.Connection)
    assert not connection.is_closed()
    assert not connection.is_in_transaction()
    assert await connection.fetchval("select pg_backend_pid()") == connection.get_server_pid()


async def test_by_keywords(connect, parts):
    connection = await connect(None, **parts)
    assert await connection.fetchval("select current_database()::text") == parts["database"]


async def test_keywords_win_over_the_dsn(connect, dsn):
    connection = await connect(dsn, user="pgstride_trust")
    assert await connection.fetchval("select current_user::text") == "pgstride_trust"


async def test_environment(connect, parts, monkeypatch):
    monkeypatch.setenv("PGHOST", parts["host"])
    monkeypatch.setenv("PGPORT", str(parts["port"]))
    monkeypatch.setenv("PGUSER", "pgstride_trust")
    monkeypatch.setenv("PGDATABASE", parts["database"])
    connection = await connect(None)
    assert await connection.fetchval("select current_user::text") == "pgstride_trust"


async def test_unix_socket(connect, parts):
    folder = os.environ.get("PGSTRIDE_TEST_SOCKET")
    if not folder:
        absent.skip("unix socket", "the server has none")
    connection = await connect(None, **{**parts, "host": folder})
    assert await connection.fetchval("select 1") == 1


@pytest.mark.parametrize("user", ["pgstride_password", "pgstride_md5", "pgstride_scram"])
async def test_passwords(connect, dsn, user):  # TA-A
    connection = await connect(dsn, user=user, password="secret")
    assert await connection.fetchval("select current_user::text") == user


async def test_python_without_md5(connect, dsn, monkeypatch):
    """Where the interpreter may not use it, the core, which has an OpenSSL of its own, does not either."""

    def refused(*_, **__):
        raise ValueError("no md5")

    monkeypatch.setattr("hashlib.md5", refused)
    text = "^unexpected error while performing authentication: no md5$"
    with pytest.raises(pgstride.InternalClientError, match=text) as caught:
        await connect(dsn, user="pgstride_md5", password="secret")
    assert isinstance(caught.value.__cause__, ValueError)
    await connect(dsn, user="pgstride_scram", password="secret")


@pytest.mark.parametrize("kind", ["callable", "coroutine"])
async def test_password_is_asked_for(connect, dsn, kind):  # R-A9, DT-14
    asked = []

    def password():
        asked.append(1)
        return "secret"

    async def later():
        await asyncio.sleep(0)
        return password()

    await connect(dsn, user="pgstride_scram", password=password if kind == "callable" else later)
    assert asked == [1]


async def test_server_settings(connect):
    connection = await connect(server_settings={"application_name": "mine", "search_path": "naïve, b"})
    assert await connection.fetchval("select current_setting('application_name')") == "mine"
    assert await connection.fetchval("select current_setting('search_path')") == "naïve, b"


async def test_settings_and_version(connection):
    settings = connection.get_settings()
    assert settings.client_encoding == "UTF8"
    assert settings.TimeZone == await connection.fetchval("select current_setting('TimeZone')")
    with pytest.raises(AttributeError):
        settings.no_such_setting
    await connection.execute("set timezone to 'Asia/Tokyo'")
    assert connection.get_settings().TimeZone == "Asia/Tokyo"
    version = connection.get_server_version()
    number = int(await connection.fetchval("select current_setting('server_version_num')"))
    assert version.major == number // 10000
    assert isinstance(version, pgstride.ServerVersion)


async def test_socket(connect, parts):
    """For those who set what nobody has a parameter for."""
    connection = await connect(**parts)
    transport = connection._transport
    opened = transport.get_extra_info("socket")
    assert (opened.family, opened.type, opened.proto) == (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
    assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
    assert opened.getpeername()[1] == transport.get_extra_info("peername")[1] and opened.getsockname()
    assert opened.fileno() >= 0 and transport.get_extra_info("cipher", 5) == 5
    await connection.close()
    assert opened.fileno() == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        opened.getsockname()


async def test_connection_class(connect):
    class Mine(pgstride.Connection):
        async def one(self):
            return await self.fetchval("select 1")

    connection = await connect(connection_class=Mine)
    assert type(connection) is Mine
    assert await connection.one() == 1


async def test_record_class(connect):
    class Row(pgstride.Record):
        def __getattr__(self, name):
            return self[name]

    connection = await connect(record_class=Row)
    assert (await connection.fetchrow("select 7 as seven")).seven == 7


async def test_no_cache(connect):
    connection = await connect(statement_cache_size=0)
    for i in range(3):
        assert await connection.fetchval("select $1::int4", i) == i
    assert await connection.fetchval("select count(*)::int from pg_prepared_statements") == 0


async def test_many_at_once(connect):
    connections = await asyncio.gather(*(connect() for _ in range(20)))
    pids = await asyncio.gather(*(c.fetchval("select pg_backend_pid()") for c in connections))
    assert pids == [c.get_server_pid() for c in connections]
    assert len(set(pids)) == 20


async def test_loop_argument(connect):
    connection = await connect(loop=asyncio.get_running_loop())
    assert await connection.fetchval("select 1") == 1


# --- arguments refused before anything is sent ----------------------------------------------------------


@pytest.mark.parametrize(
    "options, kind, message",
    [
        ({"connection_class": int}, pgstride.InterfaceError, "connection_class is expected to be a subclass of"),
        ({"connection_class": 3}, pgstride.InterfaceError, "got 3"),
        ({"record_class": tuple}, pgstride.InterfaceError, "record_class is expected to be a subclass of"),
        ({"statement_cache_size": -1}, ValueError, "statement_cache_size is expected to be greater or equal to 0, got -1"),
        ({"statement_cache_size": None}, ValueError, "statement_cache_size is expected .* got None"),
        ({"statement_cache_size": True}, ValueError, "statement_cache_size is expected .* got True"),
        ({"command_timeout": 0}, ValueError, "invalid command_timeout value: expected greater than 0 float .got 0.0."),
        ({"command_timeout": "soon"}, ValueError, "invalid command_timeout value: .*got 'soon'"),
        ({"command_timeout": True}, ValueError, "invalid command_timeout value: .*got True"),
        ({"server_settings": [("a", "b")]}, pgstride.ClientConfigurationError, "server_settings is expected"),
        ({"server_settings": {"a": 1}}, pgstride.ClientConfigurationError, "server_settings is expected"),
        ({"server_settings": {"a": "b\0user\0postgres"}}, (pgstride.InterfaceError, ValueError), "NUL"),
        ({"user": "a\0b"}, (pgstride.InterfaceError, ValueError), "NUL"),
        ({"database": "a\0b"}, (pgstride.InterfaceError, ValueError), "NUL"),
        ({"port": -1}, pgstride.ClientConfigurationError, "port"),
        ({"port": 65536}, pgstride.ClientConfigurationError, "port"),
        ({"port": "http"}, pgstride.ClientConfigurationError, "port"),
        ({"ssl": "sometimes"}, pgstride.ClientConfigurationError, "sslmode"),
    ],
)
async def test_bad_argument(connect, dsn, options, kind, message):
    with pytest.raises(kind, match=message):
        await connect(dsn, **options)


async def test_surrogates(connect, dsn):
    for option in ({"user": "\ud800"}, {"database": "\udfff"}, {"server_settings": {"a": "\ud800"}}):
        with pytest.raises((ValueError, pgstride.InterfaceError)):
            await connect(dsn, **option)
    with pytest.raises((ValueError, pgstride.InterfaceError)):
        await connect(dsn + "\ud800")


BAD_DSNS = {
    "not a url": (f"nonsense {CANARY}", None),
    "port word": (f"postgres://u:{CANARY}@localhost:word/d", "port"),
    "port too big": (f"postgres://u:{CANARY}@localhost:99999/d", "port"),
    "another scheme": (f"postgresql+driver://u:{CANARY}@localhost/d", "scheme"),
    "no scheme": (f"{CANARY}:x@localhost/d", "scheme"),
    "bad sslmode": (f"postgres://u:{CANARY}@localhost/d?sslmode=maybe", "sslmode"),
    "nul": (f"postgres://u:{CANARY}%00@localhost/d", None),
    "raw nul": (f"postgres://u:{CANARY}\0@localhost/d", None),
    "password as port": (f"postgres://u@localhost:{CANARY}/d", "port"),
    "bad bracket": (f"postgres://u:{CANARY}@[::1/d", None),
}


@pytest.mark.parametrize("text, option", BAD_DSNS.values(), ids=BAD_DSNS)
async def test_bad_dsn(text, option):
    with pytest.raises((pgstride.ClientConfigurationError, ValueError)) as caught:
        await pgstride.connect(text)
    shown = "".join(traceback.format_exception(caught.type, caught.value, None))
    assert CANARY not in shown
    assert str(caught.value)
    if option:
        assert option in shown


async def test_password_is_shown_nowhere(connect, dsn):  # DT-05
    wrong = f"{CANARY}-wrong"
    with pytest.raises(pgstride.InvalidPasswordError) as caught:
        await connect(dsn, user="pgstride_scram", password=wrong)
    assert CANARY not in str(caught.value) + repr(caught.value)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    connection = await connect(dsn, user="pgstride_scram", password="secret")
    seen = [repr(connection), str(connection), repr(connection.get_settings()), repr(connection._core)]
    seen += [repr(getattr(connection, name, None)) for name in dir(connection)]
    seen += [repr(getattr(connection._core, name, None)) for name in dir(connection._core)]
    assert not [text for text in seen if "secret" in text]


# --- the server refuses -------------------------------------------------------------------------------


async def test_wrong_password(connect, dsn):
    for user in ("pgstride_password", "pgstride_md5", "pgstride_scram"):
        with pytest.raises(pgstride.InvalidPasswordError) as caught:
            await connect(dsn, user=user, password="wrong")
        assert caught.value.sqlstate == "28P01"


async def test_missing_password(connect, dsn, monkeypatch, tmp_path):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    for user in ("pgstride_password", "pgstride_md5", "pgstride_scram"):
        with pytest.raises((pgstride.InterfaceError, pgstride.InvalidPasswordError), match="password"):
            await connect(dsn, user=user)


async def test_no_such_database(connect, dsn):
    with pytest.raises(pgstride.InvalidCatalogNameError) as caught:
        await connect(dsn, database="no such database")
    assert caught.value.sqlstate == "3D000"
    assert "no such database" in str(caught.value)


async def test_no_such_user(connect, dsn):
    with pytest.raises(pgstride.InvalidAuthorizationSpecificationError):
        await connect(dsn, user="nobody at all")


async def test_bad_server_setting(connect, dsn):
    with pytest.raises(pgstride.PostgresError):
        await connect(dsn, server_settings={"no_such_setting": "1"})
    with pytest.raises(pgstride.PostgresError):
        await connect(dsn, server_settings={"statement_timeout": "often"})


# --- nobody is there ----------------------------------------------------------------------------------


async def test_refused():
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        with pytest.raises(ConnectionRefusedError) as caught:
            await pgstride.connect(host="127.0.0.1", port=port, user="u", database="d", timeout=30)
    assert "127.0.0.1" in str(caught.value) and str(port) in str(caught.value)


async def test_no_such_socket(tmp_path):  # NF-11
    with pytest.raises(FileNotFoundError) as caught:
        await pgstride.connect(host=str(tmp_path), port=5432, user="u", database="d", timeout=30)
    assert str(tmp_path) in str(caught.value)


async def test_unresolvable():
    with pytest.raises(OSError) as caught:
        await pgstride.connect(host="no-such-host.invalid", port=5432, user="u", database="d", timeout=30)
    assert "no-such-host.invalid" in str(caught.value)


async def test_silent_host_ends_in_time(silent_server):
    started = time.monotonic()
    with pytest.raises(asyncio.TimeoutError):
        await pgstride.connect(host=silent_server[0], port=silent_server[1], user="u", database="d", timeout=0.2)
    assert 0.15 < time.monotonic() - started < 10


async def test_timeout_names_the_host(silent_server):
    with pytest.raises(asyncio.TimeoutError) as caught:
        await pgstride.connect(host=silent_server[0], port=silent_server[1], user="u", database="d", timeout=0.05)
    assert silent_server[0] in str(caught.value) and str(silent_server[1]) in str(caught.value)


async def test_no_time_at_all(dsn):
    for timeout in (0, -1, float("-inf")):
        with pytest.raises(asyncio.TimeoutError):
            await pgstride.connect(dsn, timeout=timeout)


async def test_slow_password_counts(dsn):  # R-A9, DT-14
    async def password():
        await asyncio.sleep(60)

    with pytest.raises(asyncio.TimeoutError, match="^there was no password in time$"):
        await asyncio.wait_for(pgstride.connect(dsn, password=password, timeout=0.5), 30)

    def fails():
        return asyncio.wait_for(asyncio.sleep(60), 0.01)

    with pytest.raises(asyncio.TimeoutError, match="^$"):  # its own
        await pgstride.connect(dsn, password=fails)


async def test_cancelled_while_silent(silent_server):
    task = asyncio.create_task(
        pgstride.connect(host=silent_server[0], port=silent_server[1], user="u", database="d", timeout=60)
    )
    await silent_server[2].wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_after_each_turn(dsn, observer):  # CX-3, CX-6, DT-17
    """However far it has come, nothing of it stays."""
    name = "cancelled connect"
    for turns in range(40):
        task = asyncio.create_task(pgstride.connect(dsn, server_settings={"application_name": name}))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            (await task).terminate()
        except asyncio.CancelledError:
            pass
    await observer.until("select 1 - least(1, count(*)) from pg_stat_activity where application_name = $1", name)


@pytest.fixture
def silent_server(runner):
    """Accepts and never says a word: (host, port, event of the first client)."""
    accepted = asyncio.Event()
    writers = []

    async def keep(reader, writer):
        writers.append(writer)
        accepted.set()

    server = runner(asyncio.start_server(keep, "127.0.0.1", 0))
    yield (*server.sockets[0].getsockname()[:2], accepted)
    server.close()
    for writer in writers:
        writer.transport.abort()
    runner(asyncio.sleep(0))
