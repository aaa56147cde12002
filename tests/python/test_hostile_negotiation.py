# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Servers, and whoever is between, that cheat while it is agreed on whether to encrypt.

Each meets both engines, OpenSSL's and that of an `ssl.SSLContext`: none gets a startup message in clear that it
should not have, and nothing that it says before the encryption is taken for what comes after.
"""

from __future__ import annotations

import logging
import os
import ssl
import time

import absent
import certificates
import hostile
import pytest
from hostile import WELCOME, error
from postconditions import HANG, connect, fails, meets, nothing, usable

import pgstride

absent.skip_without_tls()

MUSTS = {
    "require": {"ssl": "require"},
    "verify-full": {"ssl": "verify-full", "sslrootcert": os.environ["PGSTRIDE_TEST_ROOT"]},
    "context": {"ssl": ssl.create_default_context()},
}
WAYS = {"prefer": {"ssl": "prefer"}, **MUSTS}
MURMUR = "what nobody has signed"
HANDSHAKE_FAILURE = bytes.fromhex("1503010002 0228")  # an alert

each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
each_must = pytest.mark.parametrize("way", MUSTS.values(), ids=MUSTS)


class Answers:
    """Answers an SSLRequest, and keeps what it is told then."""

    def __init__(self, *answer: hostile.Saying) -> None:
        self._answer = answer
        self.told = b""

    def __call__(self, line: hostile.Line) -> None:
        assert line.first_packet()[0] == hostile.SSL_REQUEST
        for each in self._answer:
            hostile.say(line, each)
        while True:
            self.told += line.read(1)


def hangs_up(line: hostile.Line) -> None:
    raise hostile.Gone


def pauses(line: hostile.Line) -> None:
    time.sleep(0.05)


@each_way
@pytest.mark.parametrize(
    "answer, text",
    [
        pytest.param(b"X", "its answer is not one of PostgreSQL", id="HS-001"),
        pytest.param(b"S" + WELCOME, "it sent unencrypted data after its answer", id="HS-002"),
        pytest.param(b"N" + WELCOME, "it sent unencrypted data after its answer", id="HS-005"),
        pytest.param(error("53300", "FATAL", MURMUR), "it sent an error before encryption", id="HS-007"),
        pytest.param(b"E" + MURMUR.encode() + b"\0", "it sent an error before encryption", id="HS-007-old"),
        pytest.param(hangs_up, "it closed the connection", id="HS-008"),
        pytest.param(b"G", "its answer is not one of PostgreSQL", id="HS-018"),
    ],
)
async def test_no_answer(way, answer, text):
    part = Answers(answer)
    failure = await meets(part, nothing, "CONNFAIL", **way)
    assert text in str(failure) and MURMUR not in str(failure)
    assert part.told == b""


@each_must
async def test_no(way):  # HS-004
    part = Answers(b"N")
    failure = await meets(part, nothing, "CONNFAIL", **way)
    assert "it is not set up for it" in str(failure)
    assert part.told == b""


async def test_no_to_a_wish(caplog):  # HS-006: it goes on in clear, on the same connection, and says so
    caplog.set_level(logging.INFO, "pgstride")
    with hostile.Hostile(hostile.Part(turn=99)) as server:
        connection = await connect(server, ssl="prefer")
        await usable(connection)
        assert connection.tls is None and server.connections == 1 and server.heard[:2] == ["ssl", "startup"]
        connection.terminate()
    assert "is not encrypted" in caplog.text


@each_way
async def test_a_login_in_clear_is_not_heard_after_yes(way):  # HS-003
    part = Answers(b"S", pauses, WELCOME)
    failure = await meets(part, nothing, "CONNFAIL", **way)
    assert isinstance(failure, ssl.SSLError), failure
    assert part.told[:1] == b"\x16"  # a ClientHello, and no startup message


@each_way
@pytest.mark.parametrize("answer", [b"", b"S"], ids=["HS-009", "HS-010"])
async def test_silence(way, answer):
    await meets(Answers(answer), nothing, "WAIT", timeout=0.1, **way)


@each_must
async def test_garbage_and_alerts(way):  # HS-011
    for said in (b"HTTP/1.1 400 Bad Request\r\n\r\n", HANDSHAKE_FAILURE):
        failure = await meets(Answers(b"S", said), nothing, "CONNFAIL", **way)
        # Python's own engine says SSL for it.
        assert isinstance(failure, OSError) and any(word in str(failure) for word in ("TLS", "SSL")), failure


async def test_a_handshake_that_the_server_refuses():  # HS-011, D2: a wish is given up for an alert, not for garbage
    def refuses(line):
        if line.first_packet()[0] == hostile.SSL_REQUEST:
            line.say(b"S")
            line.read(1)
            line.say(HANDSHAKE_FAILURE)
        else:
            line.say(WELCOME)
            line.listen()

    with hostile.Hostile(refuses) as server:
        connection = await connect(server, ssl="prefer")
        assert connection.tls is None and server.connections == 2
        connection.terminate()
    await meets(Answers(b"S", b"HTTP/1.1 400 Bad Request\r\n\r\n"), nothing, "CONNFAIL", ssl="prefer")


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    authority = certificates.Authority(tmp_path_factory.mktemp("authority") / "ca")
    return authority, authority.issue("server", names=["IP:127.0.0.1"])


@pytest.mark.parametrize("way", ["prefer", "verify-full", "context"])
async def test_bytes_in_clear_after_the_handshake(identity, way):  # HS-012
    authority, shown = identity
    encrypted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    encrypted.load_cert_chain(shown.crt, shown.key)

    def part(line):
        line.first_packet()
        line.say(b"S")
        with encrypted.wrap_socket(line.socket, server_side=True) as tls:
            tls.read(1)  # the client has begun to log in
            os.write(tls.fileno(), WELCOME)
            while os.read(tls.fileno(), 1 << 16):
                pass

    given = {"ssl": ssl.create_default_context(cafile=authority.root)} if way == "context" else {"ssl": way, "sslrootcert": authority.root}
    with hostile.Hostile(part) as server:
        failure = await fails(connect(server, **given, timeout=HANG / 2), (OSError, pgstride.ConnectionDoesNotExistError))
        assert server.connections == 1, failure
