# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Bytes that no server would send: an exception, never a crash and never a wrong value's memory."""

from __future__ import annotations

import random
import struct
import sys
from typing import Any

import pytest

from pgstride._core import _decode
from pgstride.exceptions import InternalClientError, ProtocolError

SIZES = {16: 1, 21: 2, 23: 4, 20: 8, 26: 4, 28: 4, 29: 4, 5069: 8, 3220: 8, 700: 4, 701: 8, 2950: 16, 1082: 4, 1083: 8,
         1266: 12, 1114: 8, 1184: 8, 1186: 16, 27: 6}  # fmt: skip
ALL = [*SIZES, 17, 18, 19, 25, 114, 142, 650, 869, 1042, 1043, 1700, 2249, 2970, 3802, 4072, 5038, 705, 2278, 600, 3904,
       22, 30, 1000, 1007, 1009, 1016, 1020, 1040, 1041, 1115, 1182, 1231, 1270, 2277, 2287, 2951, 3807]  # fmt: skip


@pytest.mark.parametrize("oid", SIZES)
def test_wrong_sizes(oid: int) -> None:
    for size in {*range(20)} - {SIZES[oid]}:
        with pytest.raises(ValueError, match=f"malformed .* value of {size} bytes"):
            _decode(oid, b"\1" * size)


def numeric(ndigits: int, weight: int, sign: int, dscale: int, *digits: int) -> bytes:
    return struct.pack(f">4H{len(digits)}H", ndigits, weight & 0xFFFF, sign, dscale, *digits)


def int4s(*header: int) -> bytes:
    return struct.pack(f">{len(header)}i", *header)


MALFORMED = [
    (16, b"\2"),
    (1700, numeric(0xFFFF, 0, 0, 0, 1)),
    (1700, numeric(1, 0, 0, 0, 10000)),
    (1700, numeric(1, 0, 0x1234, 0, 1)),
    (1700, numeric(1, 0, 0xC000, 0, 1)),
    (1700, numeric(1, 0, 0, 16384, 1)),
    (1083, struct.pack(">q", 86400_000001)),
    (1266, struct.pack(">qi", 0, 16 * 3600)),
    (1082, struct.pack(">i", 2**31 - 2)),
    (1114, struct.pack(">q", 2**63 - 2)),
    (3802, b"\2{}"),
    (3802, b""),
    (25, b"\xff"),
    (25, b"only \xc0\x80 overlong"),
    (25, b"\xed\xa0\x80"),
    (3802, b"\1\xff"),
    (869, b"\0\x20\0\4aaaa"),
    (869, b"\2\x21\0\4aaaa"),
    (869, b"\2\x20\0\5aaaaa"),
    (1007, int4s(-1, 0, 23)),
    (1007, int4s(7, 0, 23) + int4s(1, 1) * 7 + int4s(4, 1)),
    (1007, int4s(1, 2, 23, 1, 1, 4, 1)),
    (1007, int4s(1, 0, 23, 2**31 - 1, 1)),
    (1007, int4s(6, 0, 23) + int4s(2**31 - 1, 1) * 6),
    (1007, int4s(1, 0, 23, 1, 1, -2)),
    (1007, int4s(1, 0, 23, 1, 1, 5, 1)),
    (1007, int4s(1, 0, 23, 1, 1, 4, 1, 0)),
    (1007, int4s(1, 0, 23, 2, 2**31 - 1, 4, 1, 4, 1)),
    (2249, int4s(2**31 - 1)),
    (2249, int4s(-1)),
    (2249, int4s(1, 23, -2)),
    (5038, int4s(2**31 - 1) + bytes(16)),
]


@pytest.mark.parametrize(("oid", "data"), MALFORMED, ids=repr)
def test_malformed(oid: int, data: bytes) -> None:
    with pytest.raises(ValueError):
        _decode(oid, data)


@pytest.mark.parametrize("literal", ["", "a", "{", "{a", '{"a', "{a}b", "{a,}", "{,a}", "{a b", "[1:2]", "[1:2]=", '{a"b"}',
                                     "{" * 7 + "}" * 7, "{a}}", "{{a}b}", "{a\\", '{"a\\'])  # fmt: skip
def test_malformed_array_literal(literal: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        _decode(1040, literal.encode())
    assert str(caught.value).startswith(f"malformed array literal {literal!r}: ")


@pytest.mark.parametrize(("literal", "value"), [
    ("{}", []), ("{{},{}}", [[], []]), (" [1:2][-3:-3]={ { a } , { NULL } } ", [["a"], [None]]),
    ('{"NULL",null,"",a b ,a\\ ,\\NULL, "x\\"\\\\y" }', ["NULL", None, "", "a b", "a ", "NULL", 'x"\\y']),
])  # fmt: skip
def test_array_literal(literal: str, value: Any) -> None:
    assert _decode(1040, literal.encode()) == value


def test_numbers_are_as_long_as_the_bytes_say() -> None:
    longest = _decode(1700, numeric(1, 32767, 0, 16383, 9999))
    assert len(longest.as_tuple().digits) == 131072 + 16383
    assert _decode(1700, numeric(1, 32767, 0, 0, 1)).as_tuple().exponent == 131068


def test_deeply_nested_records() -> None:
    data = int4s(0)
    for _ in range(10_000):
        data = int4s(1, 2249, len(data)) + data
    with pytest.raises(ValueError, match="malformed record value"):
        _decode(2249, data)
    assert _decode(2249, int4s(1, 23, 4, 5)) == (5,)


def test_unknown_element_types() -> None:
    with pytest.raises(InternalClientError, match="no decoder for composite type element in position 1 of type OID 99999"):
        _decode(2249, int4s(2, 23, -1, 99999, 0))
    with pytest.raises(InternalClientError, match="no decoder for array elements of type OID 99999"):
        _decode(2277, int4s(1, 0, 99999, 1, 1, 0))


def test_any_array() -> None:
    assert _decode(2277, int4s(1, 0, 23, 2, 1, 4, 7, -1)) == [7, None]


@pytest.mark.parametrize("oid", ALL)
def test_random_bytes(oid: int) -> None:
    generator = random.Random(oid)
    for _ in range(1500):
        data = bytearray(generator.randbytes(generator.choice((4, 8, 12, 16, generator.randrange(80)))))
        for i in range(0, len(data) - 3, 4):
            if generator.random() < 0.6:  # small numbers get further
                data[i : i + 4] = int4s(generator.choice((0, 1, 2, 3, 4, 8, 23, 25, 1700, 2249, -1)))
        try:
            value = _decode(oid, bytes(data))
        except (ValueError, OverflowError, ProtocolError, InternalClientError):
            continue
        repr(value)


def test_errors_leak_nothing() -> None:
    bad = int4s(1, 0, 25, 2, 1, 3) + b"abc" + int4s(9)
    before = sys.gettotalrefcount() if hasattr(sys, "gettotalrefcount") else None
    element = _decode(1009, int4s(1, 0, 25, 1, 1, -1))[0]
    none_count = sys.getrefcount(None)
    for _ in range(1000):
        with pytest.raises(ValueError):
            _decode(1009, bad)
    assert element is None
    assert abs(sys.getrefcount(None) - none_count) < 100
    if before is not None:
        assert sys.gettotalrefcount() - before < 1000  # type: ignore[attr-defined]
