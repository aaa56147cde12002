# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Servers that break the protocol before anybody is logged in: none of them connects, holds up or learns a secret."""

from __future__ import annotations

import asyncio
import struct
import time

import hostile
import pytest
from hostile import (
    SETTINGS,
    WELCOME,
    authentication,
    columns,
    cstrings,
    error,
    key_data,
    lying,
    message,
    notification,
    parameter,
    ready,
)
from hostile_scram import Scram, mechanisms
from postconditions import HANG, PASSWORD, Ticker, connect, meets, nothing, nothing_lost, usable

import pgstride

OK, Z = authentication(0), ready()

CONNFAIL = [
    ("HS-020", Z),
    ("HS-021", parameter("a", "b")),
    ("HS-021", key_data()),
    ("HS-021", columns("x")),
    ("HS-022", OK + OK),
    ("HS-023", authentication(99)),
    ("HS-023", authentication(2)),
    ("HS-023", authentication(6)),
    ("HS-024", lying(b"R", 4)),
    ("HS-024", lying(b"R", 7, b"abc")),
    ("HS-024", authentication(0, bytes(2000))),
    ("HS-024", lying(b"R", 2**31 - 1)),
    ("HS-024", lying(b"R", 2001, struct.pack("!i", 3))),
    ("HS-024", lying(b"R", 65536, struct.pack("!i", 10))),
    ("HS-025", authentication(5)),
    ("HS-025", authentication(5, b"abc")),
    ("HS-025", authentication(5, b"abcde")),
    ("HS-029", mechanisms()),
    ("HS-029", authentication(10, cstrings("SCRAM-SHA-256"))),
    ("HS-029", authentication(10, b"SCRAM-SHA-256")),
    ("HS-029", mechanisms(*(f"MECHANISM-{i}" for i in range(4000)))),
    ("HS-029", mechanisms("SCRAM-SHA-1")),
    ("HS-030", mechanisms("SCRAM-SHA-256-PLUS")),
    ("HS-040", authentication(11, b"r=x,s=c2FsdA==,i=4096")),
    ("HS-040", authentication(12, b"v=")),
    ("HS-043", mechanisms("SCRAM-SHA-256") * 2),
    ("HS-043", mechanisms("SCRAM-SHA-256") + authentication(5, b"salt")),
    ("HS-044", mechanisms("OAUTHBEARER")),
    ("HS-055", OK + key_data(key=b"")),
    ("HS-055", OK + key_data(key=b"abc")),
    ("HS-055", OK + key_data() * 2),
    ("HS-060", OK + message(b"S", b"ab")),
    ("HS-060", OK + message(b"S", cstrings("ab"))),
    ("HS-060", OK + message(b"S", cstrings("a", "b", "c"))),
    ("HS-060", OK + parameter("", "x")),
    ("HS-062", OK + parameter("integer_datetimes", "off") + Z),
    ("HS-064", error("28P01", "ERROR")),
    ("HS-064", OK + error("42704", "ERROR")),
    ("HS-066", lying(b"E", 30_001)),
    ("HS-070", lying(b"R", 0)),
    ("HS-071", lying(b"R", -1)),
    ("HS-080", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ("HS-080", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    ("HS-080", struct.pack("<i", 74) + b"\x0a5.7.33\0"),
    ("R-S1", OK + columns("x")),
    ("R-S1", OK + notification("a", "b")),
    ("R-S1", OK + authentication(11, b"r=x")),
]


@pytest.mark.parametrize("pieces", ["whole", "bytes"])
@pytest.mark.parametrize("said", [pytest.param(said, id=name) for name, said in CONNFAIL])
async def test_no_connection(said, pieces):
    def welcome(line):
        if pieces == "bytes" and len(said) < 512:
            line.say(*(said[i : i + 1] for i in range(len(said))))
        else:
            line.say(said)
        line.listen()

    await meets(hostile.Part(welcome=welcome), nothing, "CONNFAIL")


async def test_a_server_that_goes_at_every_byte():  # HS-065
    for cut in range(len(WELCOME)):

        def welcome(line, cut=cut):
            line.say(WELCOME[:cut])
            line.reset() if cut % 2 else line.socket.close()

        await meets(hostile.Part(welcome=welcome), nothing, "CONNFAIL")


def forever(*said: bytes, pause: float = 0.0):
    def welcome(line):
        for each in said[:-1]:
            line.say(each)
        while True:
            line.say(said[-1])
            time.sleep(pause)

    return welcome


@pytest.mark.parametrize(
    "welcome",
    [
        pytest.param(lambda line: line.listen(), id="R-C3-silence"),
        pytest.param(forever(OK, parameter("TimeZone", "UTC") * 100), id="HS-059-the same parameter for ever"),
        pytest.param(forever(OK + b"S\0\0\1\0a\0", b"x", pause=0.05), id="HS-063-a byte at a time"),
        pytest.param(lambda line: (line.say(OK + SETTINGS), line.listen()), id="R-C3-no ReadyForQuery"),
    ],
)
async def test_the_deadline_holds(welcome):
    started = time.monotonic()
    await meets(hostile.Part(welcome=welcome), nothing, "WAIT")
    assert time.monotonic() - started < HANG / 2


async def test_endless_new_parameters():  # HS-058
    def welcome(line):
        line.say(OK)
        for i in range(300_000):
            line.say(parameter(f"parameter_{i}", "x"))

    failure = await meets(hostile.Part(welcome=welcome), nothing, "CONNFAIL", growth=16 << 20)
    assert "parameters" in str(failure)


async def test_endless_questions():  # HS-050
    def welcome(line):
        for _ in range(10_000):
            line.say(authentication(8, b"token"))

    await meets(hostile.Part(welcome=welcome), nothing, "CONNFAIL")


@pytest.mark.parametrize("version", [None, "abc", "99999999999", "15beta1 (fork 3.2)", "15.4"])
async def test_versions(version):  # HS-061
    said = OK + (parameter("server_version", version) if version else b"") + key_data() + Z

    async def ask(connection):
        try:
            return connection.get_server_version()[0]
        except ValueError:  # when it is asked for, not before
            return None

    known = {"15.4": 15, "15beta1 (fork 3.2)": 15, "99999999999": 99999999999}
    await meets(hostile.Part(turn=99, welcome=said), ask, "OK", result=known.get(version))


@pytest.mark.parametrize("wanted", ["read-only", "read-write"])
@pytest.mark.parametrize("said", ["on", "off"])
async def test_a_server_that_does_not_report_whether_it_may_be_written_to(wanted, said):  # before PostgreSQL 14
    answer = hostile.BOUND + hostile.row(said.encode()) + hostile.complete("SHOW") + Z
    async with nothing_lost():
        with hostile.Hostile(hostile.Part(answer, 2)) as server:
            if (wanted == "read-only") == (said == "on"):
                connection = await connect(server, target_session_attrs=wanted)
                connection.terminate()
            else:
                with pytest.raises(pgstride.TargetServerAttributeNotMatched):
                    await connect(server, target_session_attrs=wanted)


@pytest.mark.parametrize("wanted", ["primary", "read-only"])
async def test_a_server_that_does_not_say_what_it_is(wanted):  # R-C3
    async with nothing_lost():
        with hostile.Hostile(hostile.Part(lambda line: line.listen())) as silent, hostile.Hostile(hostile.Part(turn=99)) as other:
            started = time.monotonic()
            with pytest.raises(asyncio.TimeoutError, match=f"^127.0.0.1:{silent.port}: no answer in time$"):
                await connect(silent, target_session_attrs=wanted, timeout=0.2)
            assert time.monotonic() - started < HANG / 2
            hosts = {"host": ["127.0.0.1"] * 2, "port": [silent.port, other.port], "user": "u", "database": "d"}
            connection = await pgstride.connect(**hosts, target_session_attrs="standby", timeout=1)
            assert connection._addr[1] == other.port
            connection.terminate()


@pytest.mark.parametrize("pid", [0, -1, 2**31 - 1, -(2**31)])
async def test_any_process_and_any_key(pid):  # HS-057
    welcome = OK + SETTINGS + key_data(pid, bytes(4)) + Z

    async def ask(connection):
        return connection.get_server_pid()

    await meets(hostile.Part(turn=99, welcome=welcome), ask, "OK", result=pid)


async def test_a_server_without_a_key():  # HS-056: nothing to cancel with, so nobody is asked
    async with nothing_lost():
        with hostile.Hostile(hostile.Part(lambda line: None, welcome=OK + SETTINGS + Z)) as server:
            connection = await connect(server)
            with pytest.raises(asyncio.TimeoutError):
                await connection.execute("select a", timeout=0.2)
            assert server.connections == 1
            connection.terminate()


@pytest.mark.parametrize("encoding", ["EUC_TW", "rot13"])
async def test_another_encoding(encoding):  # HS-062, R-E5
    with hostile.Hostile(hostile.Part(welcome=OK + parameter("client_encoding", encoding) + key_data() + Z)) as server:
        connection = await connect(server)
        for ask in (connection.fetch("select 1"), connection.prepare("select 1"), connection.fetch("select $1", "a")):
            with pytest.raises(pgstride.InterfaceError, match=f"client_encoding is {encoding}"):
                await ask
        assert "B" not in server.heard and "P" not in server.heard
        connection.terminate()


async def test_no_encoding():  # HS-062: what is not UTF-8 is said to be so
    welcome = OK + parameter("client_encoding", "SQL_ASCII") + key_data() + Z
    part = hostile.Part(message(b"2") + hostile.row(b"\xfcber") + hostile.complete() + Z, 2, welcome)

    async def ask(connection):
        statement = await connection.prepare("select a")
        return await statement.fetchval()

    failure = await meets(part, ask, "DECODE")
    assert "utf-8" in str(failure).lower()


# --- SCRAM ----------------------------------------------------------------------------------------------


def login(scram):
    def welcome(line):
        scram(line)
        line.say(WELCOME)

    return hostile.Part(turn=99, welcome=welcome)


async def test_an_honest_scram_server():
    async def ask(connection):
        return True

    await meets(login(Scram(PASSWORD)), ask, "OK", result=True)


LIES = {
    "HS-035 a foreign nonce": {"first": lambda s: s.honest_first().replace(b"r=", b"r=x")},
    "HS-035 our nonce": {"first": lambda s: s.honest_first().replace(b"server", b"")},
    "HS-035 control bytes": {"first": lambda s: s.honest_first().replace(b"server", b"ser\1ver")},
    "HS-035 a long nonce": {"first": lambda s: s.honest_first().replace(b"server", b"x" * (1 << 20))},
    "HS-036 no salt": {"first": lambda s: f"r={s.nonce}server,i=4096".encode()},
    "HS-036 an empty salt": {"salt": ""},
    "HS-036 a bad salt": {"salt": "not base64!"},
    "HS-036 a long salt": {"salt": "c2Fs" * (1 << 18)},
    "HS-037 i=0": {"iterations": 0},
    "HS-037 i=-1": {"iterations": -1},
    "HS-037 i=1.5": {"iterations": 1.5},
    "HS-037 i=4096x": {"iterations": "4096x"},
    "HS-037 i=2147483647": {"iterations": 2**31 - 1},
    "HS-037 i=10^30": {"iterations": 10**30},
    "HS-037 i missing": {"first": lambda s: f"r={s.nonce}server,s={s.salt}".encode()},
    "HS-039 an extension": {"first": lambda s: b"m=ext," + s.honest_first()},
    "HS-041 a wrong proof": {"final": lambda s: s.honest_final().translate(bytes(range(256)).replace(b"AB", b"BA"))[:-8] + b"AAAAAAA="},
    "HS-041 a short proof": {"final": lambda s: b"v=c2hvcnQ="},
    "HS-041 not base64": {"final": lambda s: b"v=!!!!"},
    "HS-041 an error": {"final": lambda s: b"e=other-error"},
    "HS-041 error and proof": {"final": lambda s: b"e=x," + s.honest_final()},
    "HS-042 no proof": {"final": lambda s: None},
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_scram_servers_that_lie(lie):
    failure = await meets(login(Scram(PASSWORD, **lie)), nothing, "CONNFAIL", growth=32 << 20)
    assert not isinstance(failure, OSError), failure


async def test_twice_the_challenge():  # HS-040
    scram = Scram(PASSWORD, final=lambda s: None)

    def welcome(line):
        scram(line)
        line.say(authentication(11, scram.honest_first()))

    await meets(hostile.Part(welcome=welcome), nothing, "CONNFAIL")


async def test_the_loop_runs_while_keys_are_derived():  # HS-038: the most work that is accepted
    with hostile.Hostile(login(Scram(PASSWORD, iterations=1_000_000))) as server:
        ticker = Ticker(asyncio.get_running_loop())
        connection = await connect(server, timeout=120)
        ticker.stop()
        assert ticker.longest < 0.25
        await usable(connection)
        connection.terminate()


async def test_a_deadline_in_the_middle_of_deriving_keys():  # HS-038
    with hostile.Hostile(login(Scram(PASSWORD, iterations=1_000_000))) as server:
        started = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await connect(server, timeout=0.1)
        assert time.monotonic() - started < HANG
        await asyncio.sleep(0.05)


async def test_a_cancellation_in_the_middle_of_deriving_keys():  # HS-038
    with hostile.Hostile(login(Scram(PASSWORD, iterations=1_000_000))) as server:
        task = asyncio.ensure_future(connect(server))
        while server.heard.count("p") < 1:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_password_in_clear_text_stays_here():  # HS-026: loopback may ask for it, an empty one never goes
    def welcome(line):
        line.say(authentication(3))
        line.listen()

    failure = await meets(hostile.Part(welcome=welcome), nothing, "CONNFAIL", password="")
    assert isinstance(failure, (pgstride.InterfaceError, pgstride.ProtocolError))
