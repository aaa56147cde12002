# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What the encoders take, and in which words they refuse the rest."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import ipaddress
import math
import time
import uuid
from decimal import Decimal
from typing import Any

import pytest

from pgstride._core import UUID, _decode, _encode

BOOL, BYTEA, CHAR, INT8, INT2, INT4, TEXT, OID, TID = 16, 17, 18, 20, 21, 23, 25, 26, 27
FLOAT4, FLOAT8, INET, CIDR, UUID_, NUMERIC, JSONB, XID8, PG_NODE_TREE = 700, 701, 869, 650, 2950, 1700, 3802, 5069, 194
DATE, TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ, INTERVAL = 1082, 1083, 1266, 1114, 1184, 1186
INT4_ARRAY, TEXT_ARRAY, NUMERIC_ARRAY, MACADDR_ARRAY = 1007, 1009, 1231, 1040
UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=1))


class Index:
    def __index__(self) -> int:
        return 7


class Int:
    def __int__(self) -> int:
        return 8


class Float:
    def __float__(self) -> float:
        return 1.5


class Clock:
    hour, minute, second, microsecond = 1, 2, 3, 4


class Wrong:
    """Has all attributes that anybody asks for, with useless values."""

    hour, minute, second, microsecond = 25, 0, 0, 0
    days, seconds, microseconds = 2**31, 0, 0
    bytes = b"fifteen bytes.."

    def toordinal(self) -> int:
        return 10**12


class Half:
    days, seconds, microseconds = 1.5, 0, 0


class NoOffset(datetime.tzinfo):
    def utcoffset(self, when: Any) -> Any:
        return None


class Liar(datetime.datetime):
    def utcoffset(self) -> Any:
        return 5


class Shouting(Decimal):
    def __str__(self) -> str:
        return "LOUD"


class Plain(collections.UserList[Any]):
    pass


TAKEN = [
    (INT2, 1.9, 1),
    (INT4, Decimal("2.7"), 2),
    (INT4, True, 1),
    (INT4, Index(), 7),
    (INT8, Int(), 8),
    (XID8, 2**64 - 1, 2**64 - 1),
    (FLOAT8, Decimal("1.5"), 1.5),
    (FLOAT8, Float(), 1.5),
    (FLOAT8, Index(), 7.0),
    (FLOAT4, 1.1, 1.100000023841858),
    (FLOAT4, math.inf, math.inf),
    (NUMERIC, "1.50", Decimal("1.50")),
    (NUMERIC, 1.1, Decimal(1.1)),
    (NUMERIC, (0, (1, 2), -1), Decimal("1.2")),
    (NUMERIC, 10**40, Decimal(10**40)),
    (NUMERIC, True, Decimal(1)),
    (NUMERIC, Shouting("1.5"), Decimal("1.5")),
    (NUMERIC, Decimal("-0.00"), Decimal("0.00")),
    (NUMERIC, Decimal("0E+200000"), Decimal(0)),
    (NUMERIC, Decimal("-Infinity"), Decimal("-Infinity")),
    (BYTEA, bytearray(b"ab"), b"ab"),
    (BYTEA, memoryview(b"ab"), b"ab"),
    (BYTEA, array.array("B", b"ab"), b"ab"),
    (CHAR, b"a", b"a"),
    (UUID_, uuid.UUID(int=7), uuid.UUID(int=7)),
    (UUID_, UUID("0" * 31 + "7"), uuid.UUID(int=7)),
    (UUID_, "----" + "0" * 32, uuid.UUID(int=0)),
    (DATE, datetime.datetime(2020, 2, 29, 23), datetime.date(2020, 2, 29)),
    (DATE, datetime.datetime.max, datetime.date.max),
    (TIMESTAMP, datetime.date(2020, 2, 29), datetime.datetime(2020, 2, 29)),
    (TIMESTAMP, datetime.datetime(2020, 2, 29, tzinfo=NoOffset()), datetime.datetime(2020, 2, 29)),
    (TIMESTAMPTZ, datetime.datetime(2020, 2, 29, tzinfo=EAST), datetime.datetime(2020, 2, 28, 23, tzinfo=UTC)),
    (TIMESTAMPTZ, datetime.datetime.max, datetime.datetime.max),
    (TIMESTAMPTZ, datetime.datetime.min.replace(tzinfo=UTC), datetime.datetime.min),
    (TIME, Clock(), datetime.time(1, 2, 3, 4)),
    (TIME, datetime.time(1, tzinfo=UTC), datetime.time(1)),
    (TIMETZ, datetime.datetime(2020, 1, 1, 5, tzinfo=EAST), datetime.time(5, tzinfo=EAST)),
    (INTERVAL, datetime.timedelta.min, datetime.timedelta.min),
    (INTERVAL, datetime.timedelta.max, datetime.timedelta.max),
    (INET, "10.1.2.3", ipaddress.IPv4Address("10.1.2.3")),
    (INET, ipaddress.ip_interface("::1/64"), ipaddress.ip_interface("::1/64")),
    (CIDR, "10.0.0.0/8", ipaddress.IPv4Network("10.0.0.0/8")),
    (TID, [1, 2], (1, 2)),
    (INT4_ARRAY, range(3), [0, 1, 2]),
    (INT4_ARRAY, {5}, [5]),
    (INT4_ARRAY, Plain([Plain([1]), [None]]), [[1], [None]]),
    (INT4_ARRAY, [[], []], []),
    (MACADDR_ARRAY, [[], []], []),
    (MACADDR_ARRAY, [["", None], ['a"\\', "NULL"]], [["", None], ['a"\\', "NULL"]]),
]


@pytest.mark.parametrize(("oid", "value", "expected"), TAKEN, ids=repr)
def test_taken(oid: int, value: Any, expected: Any) -> None:
    decoded = _decode(oid, _encode(oid, value))
    assert decoded == expected
    assert type(decoded) is type(expected) or oid == UUID_


@pytest.mark.parametrize("text", ["NaN", "sNaN", "-NaN", "NaN123"])
def test_every_nan_is_one(text: str) -> None:
    assert str(_decode(NUMERIC, _encode(NUMERIC, Decimal(text)))) == "NaN"


REFUSED = [
    (BOOL, 1, TypeError, "a boolean is required (got type int)"),
    (INT2, 2**15, OverflowError, "value out of int16 range"),
    (INT4, -(2**31) - 1, OverflowError, "value out of int32 range"),
    (INT8, 2**256, OverflowError, "value out of int64 range"),
    (INT8, math.inf, OverflowError, "value out of int64 range"),
    (INT8, Decimal("1E+1000"), OverflowError, "value out of int64 range"),
    (OID, -1, OverflowError, "value out of uint32 range"),
    (XID8, 2**64, OverflowError, "value out of uint64 range"),
    (XID8, -1, OverflowError, "value out of uint64 range"),
    (INT4, math.nan, ValueError, "cannot convert float NaN to integer"),
    (INT4, "1", TypeError, "'str' object cannot be interpreted as an integer"),
    (FLOAT8, "1", TypeError, "must be real number, not str"),
    (FLOAT4, -1e39, ValueError, "value out of float32 range"),
    (NUMERIC, "abc", decimal.InvalidOperation, "[<class 'decimal.ConversionSyntax'>]"),
    (NUMERIC, b"1", TypeError, "conversion from bytes to Decimal is not supported"),
    (NUMERIC, Decimal("1E-16384"), ValueError, "cannot encode Decimal value into numeric: exponent is too small"),
    (NUMERIC, Decimal("1E+131072"), ValueError, "cannot encode Decimal value into numeric: exponent is too large"),
    (TEXT, b"x", TypeError, "expected str, got bytes"),
    (JSONB, {}, TypeError, "expected str, got dict"),
    (BYTEA, "x", TypeError, "a bytes-like object is required, not 'str'"),
    (CHAR, "x", TypeError, "a bytes-like object is required, not 'str'"),
    (BYTEA, memoryview(b"abcd")[::2], BufferError, "memoryview: underlying buffer is not C-contiguous"),
    (UUID_, 1, AttributeError, "'int' object has no attribute 'bytes'"),
    (UUID_, Wrong(), ValueError, "16 bytes were expected, got 15"),
    (DATE, "x", AttributeError, "'str' object has no attribute 'toordinal'"),
    (DATE, Wrong(), OverflowError, "date value out of range"),
    (TIMESTAMP, "x", TypeError, "expected a datetime.date or datetime.datetime instance, got 'str'"),
    (TIMESTAMPTZ, datetime.time(), TypeError, "expected a datetime.date or datetime.datetime instance, got 'time'"),
    (TIMESTAMP, datetime.datetime.now(UTC), TypeError, "can't subtract offset-naive and offset-aware datetimes"),
    (TIMESTAMPTZ, datetime.datetime.min.replace(tzinfo=EAST), OverflowError, "date value out of range"),
    (TIMESTAMPTZ, Liar(2020, 1, 1, tzinfo=EAST), TypeError, "expected utcoffset() to return None or a timedelta, got 'int'"),
    (TIME, "x", AttributeError, "'str' object has no attribute 'hour'"),
    (TIME, Wrong(), ValueError, "time out of range"),
    (TIMETZ, datetime.time(1), AttributeError, "'NoneType' object has no attribute 'utcoffset'"),
    (INTERVAL, "x", AttributeError, "'str' object has no attribute 'days'"),
    (INTERVAL, Wrong(), OverflowError, "value out of int32 range"),
    (INTERVAL, Half(), TypeError, "'float' object cannot be interpreted as an integer"),
    (INET, "zzz", ValueError, "'zzz' does not appear to be an IPv4 or IPv6 interface"),
    (CIDR, "10.0.0.1/8", ValueError, "10.0.0.1/8 has host bits set"),
    (TID, (1,), ValueError, "invalid number of elements in tid tuple, expecting 2"),
    (TID, (2**32, 1), OverflowError, "tuple id block value out of uint32 range"),
    (TID, (1, 2**16), OverflowError, "tuple id offset value out of uint16 range"),
    (PG_NODE_TREE, "x", TypeError, "pg_node_tree cannot be encoded"),
    (INT4_ARRAY, "12", TypeError, "a sized iterable container expected (got type 'str')"),
    (INT4_ARRAY, {1: 2}, TypeError, "a sized iterable container expected (got type 'dict')"),
    (INT4_ARRAY, iter([1]), TypeError, "a sized iterable container expected (got type 'list_iterator')"),
    (INT4_ARRAY, [[1], [2, 3]], ValueError, "non-homogeneous array"),
    (INT4_ARRAY, [[1], None], ValueError, "non-homogeneous array"),
    (INT4_ARRAY, [1, [2]], ValueError, "non-homogeneous array"),
    (INT4_ARRAY, [[[1], [2]], [[1, 2], [3]]], ValueError, "non-homogeneous array"),
    (INT4_ARRAY, [[[[[[[1]]]]]]], ValueError, "number of array dimensions (7) exceed the maximum expected (6)"),
    (INT4_ARRAY, [1, "x"], ValueError, "invalid array element at index 1: 'str' object cannot be interpreted as an integer"),
    (INT4_ARRAY, [["x"]], ValueError, "invalid array element: 'str' object cannot be interpreted as an integer"),
    (INT4_ARRAY, [(1, 2)], ValueError, "invalid array element at index 0: 'tuple' object cannot be interpreted as an integer"),
    (INT4_ARRAY, [1, 2**40], OverflowError, "value out of int32 range"),
    (MACADDR_ARRAY, ["a", 1], ValueError, "invalid array element: expected str, got int"),
]  # fmt: skip


@pytest.mark.parametrize(("oid", "value", "exception", "message"), REFUSED, ids=repr)
def test_refused(oid: int, value: Any, exception: type[Exception], message: str) -> None:  # R-E6
    with pytest.raises(exception) as caught:
        _encode(oid, value)
    assert str(caught.value) == message
    assert type(caught.value) is exception


def test_surrogates_are_refused() -> None:
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        _encode(TEXT, "\ud800")


def test_naive_and_date_are_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "EST5EDT")
    time.tzset()
    try:
        for local in datetime.datetime(2020, 7, 1), datetime.date(2020, 7, 1):
            utc = datetime.datetime(2020, 7, 1, 4, tzinfo=UTC)
            assert _decode(TIMESTAMPTZ, _encode(TIMESTAMPTZ, local)) == utc
        # Where astimezone() does not go, from Python 3.12 on.
        for local in datetime.datetime(9999, 12, 31), datetime.date.max, datetime.datetime(1, 1, 1, 1):
            utc = datetime.datetime(local.year, local.month, local.day, getattr(local, "hour", 0) + 5, tzinfo=UTC)
            assert _decode(TIMESTAMPTZ, _encode(TIMESTAMPTZ, local)) == utc
        # The hour that clocks go through twice.
        for fold, hour in (0, 5), (1, 6):
            local = datetime.datetime(2021, 11, 7, 1, 30, fold=fold)
            utc = datetime.datetime(2021, 11, 7, hour, 30, tzinfo=UTC)
            assert _decode(TIMESTAMPTZ, _encode(TIMESTAMPTZ, local)) == utc
        with pytest.raises(OverflowError, match="^date value out of range$"):
            _encode(TIMESTAMPTZ, datetime.datetime(9999, 12, 31, 19))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_container_that_changes_while_it_is_looked_at() -> None:
    class Shrinking:
        @property  # type: ignore[misc]
        def __class__(self) -> type:
            del outer[1:]
            return object

        def __iter__(self) -> Any:
            return iter([1])

        def __len__(self) -> int:
            return 1

    outer: list[Any] = [Shrinking(), [1], [2]]
    with pytest.raises(ValueError, match="non-homogeneous array"):
        _encode(INT4_ARRAY, outer)
