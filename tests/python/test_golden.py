# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Every value of tests/golden/values.tsv, from bytes to Python and back."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import re
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from pgstride import BitString, Box, Circle, Line, LineSegment, Path, Point, Polygon, Range
from pgstride._core import UUID, _codec_format, _decode, _encode

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "values.tsv"
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
UTC = datetime.timezone.utc


class Value(NamedTuple):
    oid: int
    type: str
    data: bytes
    text: str


def read_values() -> Iterator[Value]:
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            oid, name, data, text = line.split("\t")
            yield Value(int(oid), name, bytes.fromhex(data), re.sub(r"\\(.)", lambda m: ESCAPES[m[1]], text))


def read_numeric(text: str) -> Decimal:
    """Whole groups of four zeros before the point are an exponent, as in asyncpg."""
    digits = text.lstrip("-")
    if not digits.isdigit() or not digits.strip("0"):
        return Decimal(text)
    zeros = (len(digits) - len(digits.rstrip("0"))) // 4 * 4
    return Decimal(f"{text[: len(text) - zeros]}E{zeros}") if zeros else Decimal(text)


def read_float4(text: str) -> float:
    return float(struct.unpack("f", struct.pack("f", float(text)))[0])


def read_date(text: str) -> datetime.date:
    if "infinity" in text:
        return datetime.date.min if text[0] == "-" else datetime.date.max
    return datetime.date.fromisoformat(text)


def read_time(text: str) -> datetime.time:
    clock, zone = re.fullmatch(r"([\d:.]+)(.*)", text).groups()  # type: ignore[union-attr]
    hour, minute, second, fraction = re.fullmatch(r"(\d+):(\d+):(\d+)\.?(\d*)", clock).groups()  # type: ignore[union-attr]
    tzinfo = None
    if zone:
        parts = [int(part) for part in zone[1:].split(":")] + [0, 0]
        offset = datetime.timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2])
        tzinfo = datetime.timezone(-offset if zone[0] == "-" else offset)
    return datetime.time(int(hour), int(minute), int(second), int(fraction.ljust(6, "0")), tzinfo)


def read_timestamp(text: str) -> datetime.datetime:
    if "infinity" in text:
        return datetime.datetime.min if text[0] == "-" else datetime.datetime.max
    date, time = text.split(" ", 1)
    return datetime.datetime.combine(read_date(date), read_time(time))


def read_interval(text: str) -> datetime.timedelta:
    if "infinity" in text:
        raise OverflowError
    days = {"year": 365, "mon": 30, "day": 1}
    total = datetime.timedelta()
    for number, unit in re.findall(r"([+-]?\d+) (year|mon|day)", text):
        total += datetime.timedelta(int(number) * days[unit])
    clock = re.search(r"([+-]?)(\d+):(\d+):(\d+)\.?(\d*)$", text)
    if clock:
        sign, hours, minutes, seconds, fraction = clock.groups()
        rest = datetime.timedelta(0, int(seconds), int(fraction.ljust(6, "0")), 0, int(minutes), int(hours))
        total += -rest if sign == "-" else rest
    return total


def read_tid(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.strip("()").split(","))


def read_lsn(text: str) -> int:
    high, low = text.split("/")
    return struct.unpack(">q", struct.pack(">II", int(high, 16), int(low, 16)))[0]  # type: ignore[no-any-return]


def read_snapshot(text: str) -> tuple[int, int, tuple[int, ...]]:
    xmin, xmax, running = text.split(":")
    return int(xmin), int(xmax), tuple(int(part) for part in running.split(",") if part)


def read_numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"[-+.\w]+", text)]


def read_points(text: str) -> list[Point]:
    numbers = read_numbers(text)
    return [Point(*pair) for pair in zip(numbers[::2], numbers[1::2])]


def read_path(text: str) -> Path:
    return Path(*read_points(text), is_closed=text[0] == "(")


def read_circle(text: str) -> Circle:
    x, y, radius = read_numbers(text)
    return Circle((x, y), radius)


def ranges_of(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def read_range(text: str) -> Range[Any]:
        if text == "empty":
            return Range(empty=True)
        lower, upper = (read(bound.strip('"')) if bound else None for bound in text[1:-1].split(","))
        return Range(lower, upper, lower_inc=text[0] == "[", upper_inc=text[-1] == "]")

    return read_range


def multiranges_of(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: [ranges_of(read)(each) for each in re.findall(r"[\[(].*?[\])]", text)]


BOUNDS: dict[str, Callable[[str], Any]] = {
    "int4": int,
    "int8": int,
    "num": read_numeric,
    "ts": read_timestamp,
    "tstz": read_timestamp,
    "date": read_date,
}
READERS: dict[str, Callable[[str], Any]] = {
    "bool": lambda text: text == "t",
    **dict.fromkeys(["int2", "int4", "int8", "oid", "xid", "cid", "xid8"], int),
    "float4": read_float4,
    "float8": float,
    "numeric": read_numeric,
    "char": str.encode,
    "bytea": lambda text: bytes.fromhex(text[2:]),
    "uuid": UUID,
    "date": read_date,
    "time": read_time,
    "timetz": read_time,
    **dict.fromkeys(["timestamp", "timestamptz"], read_timestamp),
    "interval": read_interval,
    "inet": lambda text: ipaddress.ip_interface(text) if "/" in text else ipaddress.ip_address(text),
    "cidr": ipaddress.ip_network,
    "tid": read_tid,
    "pg_lsn": read_lsn,
    **dict.fromkeys(["pg_snapshot", "txid_snapshot"], read_snapshot),
    **dict.fromkeys(["bit", "varbit"], BitString),
    "point": lambda text: Point(*read_numbers(text)),
    "line": lambda text: Line(*read_numbers(text)),
    "lseg": lambda text: LineSegment(*read_points(text)),
    "box": lambda text: Box(*read_points(text)),
    "circle": read_circle,
    "path": read_path,
    "polygon": lambda text: Polygon(*read_points(text)),
    **{f"{name}range": ranges_of(read) for name, read in BOUNDS.items()},
    **{f"{name}multirange": multiranges_of(read) for name, read in BOUNDS.items()},
    "int2vector": lambda text: [int(part) for part in text.split()],
    "oidvector": lambda text: [int(part) for part in text.split()],
}

# Only decoded; and the text does not say of which types the fields are, nor a lone NULL from nothing.
RECORDS: dict[str, list[Any]] = {
    "()": [(), (None,)],
    "(1,a,,t)": [(1, "a", None, True)],
    '(1,"(2.50,""{1,NULL}"")")': [(1, (Decimal("2.50"), [1, None]))],
    '("a b","c,d","(""")': [("a b", "c,d", '("')],
    '{"(1,a)","(2,)"}': [[(1, "a"), (2, None)]],
}


def read_array(text: str, read: Callable[[str], Any], delimiter: str) -> Any:
    text = re.sub(r"^\[.*?\]=", "", text)
    tokens = re.findall(rf'[{{}}]|"(?:\\.|[^"\\])*"|[^{{}}"{delimiter}]+', text)

    def items() -> Iterator[Any]:
        while (token := tokens.pop(0)) != "}":
            if token == "{":
                yield list(items())
            elif token == "NULL":
                yield None
            else:
                yield read(re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] == '"' else token)

    assert tokens.pop(0) == "{"
    return list(items())


def read(value: Value) -> Any:
    name = value.type.removesuffix("[]")
    reader = READERS.get(name, str) if _codec_format(value.oid) == "binary" else str
    return read_array(value.text, reader, ";" if name == "box" else ",") if name != value.type else reader(value.text)


def is_end(value: Value) -> bool:
    """The ends of Python's calendar are sent as infinities."""
    return re.match(r"(0001-01-01|9999-12-31)\b", value.text) is not None


def keeps_bytes(value: Value) -> bool:
    """Lower bounds and what is not a timedelta's own (months, days of hours) are not sent back."""
    if is_end(value):
        return False
    if value.type.startswith("interval"):
        return not re.search("year|mon|-|{", value.text) and not re.search(r"\d{3}:|[3-9]\d:", value.text)
    return not value.text.startswith("[") or not value.type.endswith("]")


VALUES = list(read_values())


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{value.type} {value.text[:40]}")
def test_value(value: Value) -> None:
    is_binary = _codec_format(value.oid) == "binary"
    data = value.data if is_binary else value.text.encode()
    try:
        expected = None if "BC" in value.text else read(value)
    except (ValueError, OverflowError):
        expected = None
    if expected is None:  # nothing that Python could hold
        with pytest.raises((ValueError, OverflowError)):
            _decode(value.oid, data)
        return
    decoded = _decode(value.oid, data)
    if isinstance(decoded, Path):  # which shows only where it is
        assert decoded == expected
        assert _encode(value.oid, decoded) == data
        return
    if value.text in RECORDS and "record" in value.type:
        assert decoded in RECORDS[value.text]
        return
    expected = utc(expected) if value.type.startswith("timestamptz") else expected
    assert repr(decoded) == repr(expected)
    encoded = _encode(value.oid, decoded)
    if is_binary and keeps_bytes(value):
        assert encoded == data
    assert repr(_decode(value.oid, encoded)) == repr(decoded) or is_end(value)


def utc(value: Any) -> Any:
    """The server writes "+00"; Python calls that zone by its name."""
    if isinstance(value, list):
        return [utc(item) for item in value]
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo else value


def test_that_there_are_values() -> None:
    assert len(VALUES) > 300
    assert {value.type for value in VALUES} >= READERS.keys() - {f"{name}multirange" for name in BOUNDS}
