# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""connect() to one of several hosts: which is tried, with what, and what is said of the others."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading

import absent
import hostile
import pytest

import pgstride


@pytest.fixture
def dead():
    """A port of 127.0.0.1 where nobody listens."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        yield unheard.getsockname()[1]


async def test_several_hosts(connect, parts, dead):
    connection = await connect(None, **{**parts, "host": ["127.0.0.1", parts["host"]], "port": [dead, parts["port"]]})
    assert await connection.fetchval("select 1") == 1
    if directory := os.environ.get("PGSTRIDE_TEST_SOCKET"):
        for hosts in (["/nonexistent", directory, parts["host"]], [parts["host"], directory]):
            connection = await connect(None, **{**parts, "host": hosts})
            assert (connection._addr == f"{directory}/.s.PGSQL.{parts['port']}") == (hosts[0] == "/nonexistent")


async def test_a_socket_without_a_file(connect):  # NF-11
    if sys.platform != "linux":
        absent.skip("abstract sockets", "Linux has them")
    name = f"@pgstride-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name[1:]}/.s.PGSQL.7")
        listener.listen()

        def serve():
            with listener.accept()[0] as line, contextlib.suppress(hostile.Gone):
                hostile.Part(turn=99)(hostile.Line(line, []))

        server = threading.Thread(target=serve)
        server.start()
        connection = await connect(f"postgres://u@%40{name[1:]}:7/d")
        assert await connection.fetchval("select $1", "heard") == "heard"
        assert connection._addr == f"{name}/.s.PGSQL.7"
        await connection.close()
        server.join()


async def test_an_address_saves_the_name(connect, parts):
    given = {key: parts[key] for key in ("port", "user", "database")}
    for host in ({}, {"host": "no-such-host.invalid"}):
        connection = await connect(None, **given, **host, hostaddr="127.0.0.1")
        assert await connection.fetchval("select host(inet_server_addr())") == "127.0.0.1"


async def test_no_host_gets_the_password_of_another(connect, parts, dead, tmp_path):  # TA-H
    ports = [dead, parts["port"]]
    passfile = tmp_path / "passwords"
    passfile.touch(0o600)
    passfile.write_text(f"127.0.0.1:{dead}:*:*:of the other\n127.0.0.1:{ports[1]}:*:*:secret\n")
    hosts = {"host": ["127.0.0.1"] * 2, "port": ports, "database": parts["database"], "passfile": passfile}
    connection = await connect(None, user="pgstride_scram", **hosts)
    assert await connection.fetchval("select current_user::text") == "pgstride_scram"


async def test_what_was_tried_before_the_server_said_no(connect, parts, dead):
    ports = [dead, parts["port"]]
    hosts = {"host": ["localhost", "127.0.0.1"], "port": ports, "database": "pgstride"}
    with pytest.raises(pgstride.InvalidPasswordError) as caught:
        await connect(**hosts, user="pgstride_scram", password="wrong")
    assert str(caught.value) == 'password authentication failed for user "pgstride_scram"'
    assert f"localhost:{ports[0]} (" in str(caught.value.__cause__)

    admin = await connect(**hosts, user="postgres")
    await admin.execute("create role crowded login connection limit 0")
    try:
        with pytest.raises(pgstride.TooManyConnectionsError) as caught:
            await connect(**hosts, user="crowded")
        assert f"localhost:{ports[0]} (" in str(caught.value.__cause__)
        hosts["port"] = ports[::-1]
        with pytest.raises(ConnectionRefusedError) as caught:
            await connect(**hosts, user="crowded")
        assert str(caught.value).startswith(f'[Errno 111] localhost:{ports[1]}: too many connections for role "crowded"; ')
    finally:
        await admin.execute("drop role crowded")
