# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Servers that break the protocol once somebody has logged in: framing, results, errors, what comes unasked.

One line each: what was asked, what the server says instead of the answer, the outcome's word. The same rows, and
more of them, are held against the protocol's half alone in tests/unit/test_hostile_server.cpp.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time

import hostile
import pytest
from hostile import (
    BOUND,
    CLOSED,
    COPY_DONE,
    EMPTY,
    NO_DATA,
    NO_PARAMETERS,
    PARSED,
    SUSPENDED,
    columns,
    complete,
    copy_response,
    cstrings,
    error,
    fields,
    lying,
    message,
    notice,
    notification,
    parameter,
    ready,
    row,
)
from postconditions import again, fails, is_over, meets, nothing, nothing_lost, prepare, script, usable

import pgstride

Z, C, E = ready(), complete(), error()
T = columns("a", "b", text=True)
D = row(b"1", None)
ONE = row(b"1")  # fits the statement that `again` runs
WORD = struct.Struct("!h")


def raw_row(count: int, *values: bytes) -> bytes:
    return message(b"D", WORD.pack(count) + b"".join(values))


def value(size: int, data: bytes = b"") -> bytes:
    return struct.pack("!i", size) + data


FRAMING = [
    ("HS-070", script, lying(b"D", 0), "KILL"),
    ("HS-070", script, lying(b"D", 1), "KILL"),
    ("HS-070", again, lying(b"D", 2), "KILL"),
    ("HS-070", nothing, lying(b"N", 3), "KILL"),
    ("HS-071", script, lying(b"D", -1), "KILL"),
    ("HS-071", again, lying(b"Z", -5), "KILL"),
    ("HS-071", nothing, lying(b"A", -(2**31)), "KILL"),
    ("HS-072", script, lying(b"Z", 2**31 - 1), "KILL"),
    ("HS-072", script, lying(b"T", 2**31 - 1), "KILL"),
    ("HS-072", again, lying(b"2", 5), "KILL"),
    ("HS-072", nothing, lying(b"S", 2**31 - 1), "KILL"),
    ("HS-073", script, T + lying(b"D", (1 << 30) - 1, bytes(1024)), "WAIT"),
    ("HS-074", script, T + lying(b"D", (1 << 30) + 1), "KILL"),
    ("HS-075", script, message(b"?", b"what"), "KILL"),
    ("HS-075", nothing, message(b"\0"), "KILL"),
    ("HS-076", script, message(b"Q", cstrings("select 1")), "KILL"),
    ("HS-076", again, message(b"B", bytes(8)), "KILL"),
    ("HS-077", script, message(b"T", T[5:] + b"x"), "KILL"),
    ("HS-077", script, message(b"T", T[5:-1]), "KILL"),
    ("HS-077", script, message(b"C", b"SELECT 1\0x"), "KILL"),
    ("HS-080", nothing, b"HTTP/1.1 400 Bad Request\r\n\r\n", "KILL"),
]

RESULTS = [
    ("HS-085", script, T + raw_row(2, value(1, b"1"), value(-2)), "KILL"),
    ("HS-085", again, BOUND + raw_row(1, value(-(2**31))), "KILL"),
    ("HS-086", script, T + raw_row(2, value(1, b"1"), value(100)), "KILL"),
    ("HS-086", again, BOUND + raw_row(1, value(1, b"1"), b"x"), "KILL"),
    ("HS-087", again, BOUND + raw_row(0), "KILL"),
    ("HS-087", again, BOUND + raw_row(2, value(1, b"1"), value(1, b"2")), "KILL"),
    ("HS-087", again, BOUND + raw_row(-32768, value(1, b"1")), "KILL"),
    ("HS-087", again, BOUND + raw_row(-1, value(1, b"1")), "KILL"),
    ("HS-088", script, D, "KILL"),
    ("HS-088", script, C + D, "KILL"),
    ("HS-088", again, ONE, "KILL"),
    ("HS-088", again, BOUND + ONE + C + ONE, "KILL"),
    ("HS-088", again, BOUND + EMPTY + ONE, "KILL"),
    ("HS-089", prepare, PARSED + NO_PARAMETERS + message(b"T", WORD.pack(-1)), "KILL"),
    ("HS-089", prepare, PARSED + NO_PARAMETERS + message(b"T", WORD.pack(1) + b"no end, and long enough"), "KILL"),
    ("HS-089", prepare, PARSED + NO_PARAMETERS + lying(b"T", (64 << 20) + 1), "KILL"),
    ("HS-089", prepare, PARSED + NO_PARAMETERS + columns("a")[:-2] + WORD.pack(2), "KILL"),
    ("HS-090", again, BOUND + columns("a"), "KILL"),
    ("HS-090", again, columns("a") + BOUND, "KILL"),
    ("HS-090", script, T + D + T, "KILL"),
    ("HS-091", prepare, PARSED + message(b"t", WORD.pack(2) + bytes(4)), "KILL"),
    ("HS-092", script, T + D + C, "WAIT"),
    ("HS-092", again, BOUND + ONE + C, "WAIT"),
    ("HS-093", nothing, Z, "KILL"),
    ("HS-093", script, Z, "KILL"),
    ("HS-093", again, BOUND + Z, "KILL"),
    ("HS-093", again, BOUND + ONE + C + Z + Z, "OK, KILL"),
    ("HS-094", script, T + C + message(b"Z", b"X"), "KILL"),
    ("HS-094", script, T + C + message(b"Z", b"\0"), "KILL"),
    ("HS-094", script, T + C + message(b"Z", b"II"), "KILL"),
    ("HS-096", script, message(b"C", b"SELECT 1"), "KILL"),
    ("HS-096", script, complete("") + Z, "OK"),
    ("HS-096", script, complete("SELECT 99999999999999999999") + Z, "OK"),
    ("HS-096", script, complete("x" * (1 << 20)), "KILL"),
    ("HS-097", again, BOUND + ONE + C + C, "KILL"),
    ("HS-098", again, ONE + C + Z, "KILL"),
    ("HS-098", again, BOUND + BOUND, "KILL"),
    ("HS-098", again, CLOSED, "KILL"),
    ("HS-098", prepare, NO_PARAMETERS + NO_DATA + Z, "KILL"),
    ("HS-098", prepare, PARSED + PARSED, "KILL"),
    ("HS-098", prepare, PARSED + NO_DATA + NO_PARAMETERS, "KILL"),
    ("HS-099", again, BOUND + SUSPENDED, "KILL"),
    ("HS-100", again, BOUND + EMPTY + Z, "OK"),
]

ERRORS = [
    ("HS-101", script, message(b"E"), "KILL"),
    ("HS-101", script, message(b"E", b"Cxxxxx"), "KILL"),
    ("HS-101", script, message(b"E", b"\0more"), "KILL"),
    ("HS-101", script, message(b"E", b"\0") + Z, "DBERR"),
    ("HS-101", again, BOUND + message(b"E", b"\0") + Z, "DBERR"),
    ("HS-101", script, fields(b"E", y="?", z="!") + Z, "DBERR"),
    ("HS-101", script, fields(b"E", C="22012", M="first") + Z, "DBERR"),
    ("HS-101", script, fields(b"E", C="22012", M=b"\xff\xfe", D=b"\xc0\x80") + Z, "DBERR"),
    ("HS-101", script, fields(b"E", C="22012", P="-1", L="no number", M="x") + Z, "DBERR"),
    ("HS-101", script, lying(b"E", (64 << 20) + 1), "KILL"),
    ("HS-101", script, message(b"N", b"Mno end"), "KILL"),
    ("HS-102", script, error("") + Z, "DBERR"),
    ("HS-102", script, error("220") + Z, "DBERR"),
    ("HS-102", again, error("220123\n\x1b[2J") + Z, "DBERR"),
    ("HS-103", again, BOUND + E + ONE, "DBERR, KILL"),
    ("HS-103", script, E + C, "DBERR, KILL"),
    ("HS-104", script, E + E, "DBERR, KILL"),
    ("HS-104", script, E + error("57P01", "FATAL"), "LOST"),
    ("HS-105", nothing, error("57P01", "FATAL"), "KILL"),
    ("HS-105", again, BOUND + ONE + error("57P01", "FATAL") + ONE + C + Z, "LOST"),
    ("HS-105", script, fields(b"E", S="PANIC", C="XX000", M="m"), "LOST"),
    ("HS-106", nothing, E, "KILL"),
    ("HS-108", nothing, message(b"A", struct.pack("!i", 1) + b"channel\0no end"), "KILL"),
    ("HS-108", nothing, lying(b"A", (1 << 20) + 1), "KILL"),
    ("HS-108", script, notification("never listened to", "x" * 8000) + T + D + C + Z, "OK"),
    ("HS-109", script, T + parameter("TimeZone", "Mars/Olympus") + D + C + Z, "OK"),
    ("HS-109", script, T + message(b"S", cstrings("TimeZone")), "KILL"),
    ("HS-112", script, message(b"V", struct.pack("!i", -1)), "KILL"),
    ("HS-112", script, copy_response(b"W"), "KILL"),
    ("HS-112", again, BOUND + message(b"d", b"nobody copies"), "KILL"),
    ("HS-112", nothing, COPY_DONE, "KILL"),
]

TURN = {nothing: 0, script: 1, prepare: 1, again: 2}


LONG = 512  # bytes that are not worth being sent one by one


CASES = [
    pytest.param(ask, said, outcome, pieces == "bytes", id=f"{name}-{ask.__name__}-{outcome}-{pieces}")
    for name, ask, said, outcome in FRAMING + RESULTS + ERRORS
    for pieces in ("whole", "bytes")[: 1 + (len(said) <= LONG)]
]


@pytest.mark.parametrize(("ask", "said", "outcome", "byte_by_byte"), CASES)
async def test_one_line(ask, said, outcome, byte_by_byte):
    part = hostile.Part(said, TURN[ask], byte_by_byte=byte_by_byte)
    if outcome == "WAIT":
        await meets(part, lambda connection: _with_deadline(connection, ask), "WAIT")
    elif outcome == "OK, KILL":  # the answer is right, and then there is one too many
        async with nothing_lost():
            with hostile.Hostile(part) as server:
                connection = await _connected(server)
                await again(connection)
                await fails(nothing(connection), pgstride.InterfaceError)
                await is_over(server, connection)
    else:
        await meets(part, ask, outcome)


async def _connected(server):
    return await pgstride.connect(host="127.0.0.1", port=server.port, user="me", password="x", database="d")


async def _with_deadline(connection, ask):
    if ask is script:
        return await connection.execute("select a, b", timeout=0.2)
    statement = await connection.prepare("select a")
    return await statement.fetch(timeout=0.2)


async def test_the_reason_of_a_kill_is_told():
    failure = await meets(hostile.Part(lying(b"D", -7)), script, "KILL")
    assert "DataRow 'D'" in str(failure) and "-7" in str(failure)


async def test_a_fatal_error_while_idle_is_the_reason_of_the_next_failure():  # HS-105, R-S5
    failure = await meets(hostile.Part(error("57P01", "FATAL", "going down"), 0), nothing, "KILL")
    assert isinstance(failure.__cause__, pgstride.AdminShutdownError)


async def test_all_256_types_while_a_request_runs():  # HS-075
    dice = random.Random(3)
    for kind in range(256):
        body = dice.randbytes(dice.randrange(40))
        with hostile.Hostile(hostile.Part(message(bytes([kind]), body))) as server:
            connection = await _connected(server)
            with pytest.raises((pgstride.ProtocolError, pgstride.InterfaceError, asyncio.TimeoutError)):
                await connection.execute("select a, b", timeout=0.3 if kind in b"NSAETCDIGHdc" else 30)
            connection.terminate()


async def test_noise():  # HS-079
    dice = random.Random(4)
    for _ in range(5):
        noise = dice.randbytes(1 << 20)
        await meets(hostile.Part(noise), script, "KILL")


async def test_a_reset_at_every_byte_of_a_row():  # HS-078
    whole = BOUND + ONE + C + Z
    for cut in range(len(whole)):

        def says(line, cut=cut):
            line.say(whole[:cut])
            line.reset()

        failure = await meets(hostile.Part(says, 2), again, "LOST")
        assert isinstance(failure, pgstride.ConnectionDoesNotExistError)


async def test_a_million_notices_in_one_response():  # HS-107
    thousand = notice() * 1000

    def says(line):
        for _ in range(1000):
            line.say(thousand)
        line.say(T + D + C + Z)

    await meets(hostile.Part(says), script, "OK", result="SELECT 1")


async def test_notices_for_ever_do_not_hold_off_a_deadline():  # HS-107
    thousand = notice() * 1000

    def says(line):
        while True:
            line.say(thousand)

    await meets(hostile.Part(says), lambda c: c.execute("select a", timeout=0.3), "WAIT")


async def test_many_notifications():  # R-M4, HS-108
    thousand = notification("news", "x" * 100) * 1000
    heard = []

    def says(line):
        for _ in range(200):
            line.say(thousand)
        line.say(T + D + C + Z)

    async def ask(connection):
        await connection.add_listener("news", lambda *args: heard.append(len(args[3])))
        return await connection.execute("select a, b")

    await meets(hostile.Part(says, 3), ask, "OK", result="SELECT 1")
    assert heard == [100] * 200_000


async def test_a_copy_that_nobody_asked_for_is_swallowed():  # HS-116, R-Y1
    quarter = message(b"d", bytes(1 << 16)) * 16

    def says(line):
        line.say(copy_response(b"H"))
        for _ in range(256):
            line.say(quarter)
        line.say(COPY_DONE + complete("COPY 4096") + Z)

    async def ask(connection):
        return await connection.execute("copy t to stdout")

    await meets(hostile.Part(says), ask, "OK", result="COPY 4096", growth=8 << 20)


async def test_copy_data_that_begin_with_none():  # HS-124
    def says(line):
        line.say(copy_response(b"H") + message(b"d", b""))
        time.sleep(0.1)
        line.say(message(b"d", b"x") + COPY_DONE + complete("COPY 2") + Z)

    async def ask(connection):
        pieces = []

        async def keep(data):
            pieces.append(data)

        return await connection.copy_from_query("select", output=keep), pieces

    await meets(hostile.Part(says), ask, "OK", result=("COPY 2", [b"x"]))


async def test_a_copy_that_failed_is_under_way_until_the_server_is_ready():
    def says(line):
        line.say(copy_response(b"G") + E)
        time.sleep(0.1)
        line.say(Z)

    await meets(hostile.Part(says), lambda c: c.copy_to_table("t", source=b"1"), "DBERR")


async def test_an_announced_gigabyte_costs_nothing():  # HS-073
    part = hostile.Part(T + lying(b"D", (1 << 30) - 1, bytes(1024)))
    await meets(part, lambda c: c.execute("select a, b", timeout=0.2), "WAIT", growth=8 << 20)


async def test_the_servers_word_about_transactions_counts():  # HS-095
    part = hostile.Part(complete("BEGIN") + ready(b"I"))
    async with nothing_lost():
        with hostile.Hostile(part) as server:
            connection = await _connected(server)
            await connection.execute("begin")
            assert not connection.is_in_transaction()
            await usable(connection)
            connection.terminate()
