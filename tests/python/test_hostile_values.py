# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Values that no server would send, inside messages that are in order: the request fails, the rest of the result is
skipped, the connection lives (DECODE). Single values are held against each decoder in test_codec_malformed.py."""

from __future__ import annotations

import struct

import hostile
import pytest
from hostile import BOUND, NO_PARAMETERS, PARSED, columns, complete, ready, row
from postconditions import HANG, connect, fails, keeps_secrets, meets, nothing_lost
from postconditions import usable as answers

import pgstride

Z, C = ready(), complete()


def ints(*numbers: int) -> bytes:
    return struct.pack(f"!{len(numbers)}i", *numbers)


BAD = [
    ("HS-130", 1007, ints(-1, 0, 23)),
    ("HS-130", 1007, ints(7, 0, 23) + ints(1, 1) * 7 + ints(4, 1)),
    ("HS-130", 1007, ints(2**31 - 1, 0, 23)),
    ("HS-130", 1007, ints(1, 0, 23, 2**31 - 1, 1)),
    ("HS-130", 1007, ints(6, 0, 23) + ints(2**31 - 1, 1) * 6),
    ("HS-130", 1007, ints(1, 0, 23, 1, 1, -2)),
    ("HS-130", 1007, ints(1, 2, 23, 1, 1, 4, 1)),
    ("HS-130", 1009, ints(1, 0, 25, 1, 1, -16)),
    ("HS-131", 23, b"\0\0\1"),
    ("HS-131", 2950, bytes(15)),
    ("HS-131", 1114, bytes(9)),
    ("HS-132", 1700, struct.pack("!HhHH", 0xFFFF, 0, 0, 0)),
    ("HS-132", 1700, struct.pack("!HhHHH", 1, 0, 0, 0, 10000)),
    ("HS-132", 1700, struct.pack("!HhHH", 0, 0, 0x1234, 0)),
    ("HS-133", 25, b"\xc0\x80"),
    ("HS-133", 25, b"\xed\xa0\x80"),
    ("HS-133", 3802, b"\2{}"),
    ("HS-133", 3802, b""),
    ("HS-134", 1562, ints(-1)),
    ("HS-134", 1562, ints(2**31 - 1) + b"\0"),
    ("HS-135", 3904, b"\xff"),
    ("HS-135", 3904, b"\2" + ints(-1)),
    ("HS-135", 4451, ints(2**31 - 1)),
    ("HS-136", 2249, ints(2**31 - 1)),
    ("HS-136", 2249, ints(2, 23, 4, 1)),
    ("HS-137", 602, b"\1" + ints(2**31 - 1)),
    ("HS-137", 604, ints(2**31 - 1)),
    ("HS-137", 5038, ints(2**31 - 1) + bytes(16)),
    ("HS-138", 869, b"\0\x20\0\4aaaa"),
    ("HS-138", 869, b"\2\x21\0\4aaaa"),
    ("HS-139", 1082, ints(2**31 - 2)),
]


def lies(oid: int, value: bytes, *, rows: int = 3) -> hostile.Part:
    """Describes one column of that type; every other row has the bad value."""
    described = PARSED + NO_PARAMETERS + columns("bad", oid=oid) + Z

    def says(line: hostile.Line) -> None:
        line.say(described)
        while line.next()[0] != b"S":
            pass
        line.say(BOUND + row(None) + (row(value) + row(None)) * rows + C + Z)

    return hostile.Part(says)


async def fetch(connection: pgstride.Connection) -> object:
    return await connection.fetch("select bad")


@pytest.mark.parametrize(("oid", "value"), [pytest.param(o, v, id=f"{n}-{o}-{i}") for i, (n, o, v) in enumerate(BAD)])
async def test_one_value(oid, value):  # R-P5, R-P6, R-P9
    failure = await meets(lies(oid, value), fetch, "DECODE", growth=16 << 20)
    assert isinstance(failure, (pgstride.InternalClientError, ValueError)), repr(failure)


async def test_a_codec_that_raises(connection, usable):  # HS-142, R-P6
    seen = []

    def decode(text):
        seen.append(text)
        if len(seen) == 3:
            raise LookupError("from the codec")
        return text

    await connection.set_type_codec("int4", schema="pg_catalog", encoder=str, decoder=decode)
    with pytest.raises(LookupError, match="from the codec"):
        await connection.fetch("select i::int4 from generate_series(1, 1000) as i")
    await usable(connection)
    assert await connection.fetchval("select 7::int4") == "7"


async def test_a_codec_that_uses_the_connection(connection, usable):  # HS-142, R-B1
    def decode(text):
        connection.fetch("select 1").send(None)

    await connection.set_type_codec("int4", schema="pg_catalog", encoder=str, decoder=decode)
    with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
        await connection.fetchval("select 1::int4")
    await usable(connection)


async def test_introspection_that_lies():  # HS-141: an unknown type, and catalogs that never explain it
    part = lies(70_000, b"x")
    async with nothing_lost():
        with hostile.Hostile(part) as server:
            connection = await connect(server)
            failure = await fails(fetch(connection), Exception)
            keeps_secrets(failure)
            assert not isinstance(failure, RecursionError)
            if not connection.is_closed():
                await answers(connection)
            connection.terminate()


async def test_a_row_of_many_columns_and_a_large_value():
    wide = hostile.columns(*(f"c{i}" for i in range(1600)), text=True) + row(*[b"x"] * 1600) + complete() + Z
    await meets(hostile.Part(wide), lambda c: c.execute("select a, b"), "OK", result="SELECT 1")
    large = columns("a", text=True) + row(b"x" * (32 << 20)) + C + Z
    await meets(hostile.Part(large), lambda c: c.execute("select a", timeout=HANG), "OK", growth=160 << 20)
