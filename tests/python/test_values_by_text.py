# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Numbers, dates and intervals, extreme and random ones: what is sent in binary is what the server reads from Python's
own text, and comes back the same (DT-04, FZ-12, R-E6)."""

from __future__ import annotations

import datetime
import decimal
import math
import os
import random
import struct

import pytest

pytestmark = pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
COUNT = int(os.environ.get("PGSTRIDE_VALUES", "10000"))
"""So many random values of each type; 1000000 takes an hour."""
DAY = datetime.date(1970, 1, 1)
EPOCH = datetime.datetime(1970, 1, 1)


def integers(bits):
    top = 1 << (bits - 1)
    return [0, -1, top - 1, -top], lambda dice: dice.randrange(-top, top) >> dice.randrange(bits)


def floats(code, size):
    def finite(dice):
        while True:
            (value,) = struct.unpack(code, dice.randbytes(size))
            if math.isfinite(value):
                return value

    largest = struct.unpack(">f", b"\x7f\x7f\xff\xff")[0] if size == 4 else 1.7976931348623157e308
    return [0.0, -0.0, 1.0, largest, -largest, math.inf, -math.inf], finite


def numeric(dice):
    digits = [dice.randrange(10) for _ in range(dice.choice([1, 3, 4, 5, 17, 40, 200]))]
    return decimal.Decimal((dice.randrange(2), digits, dice.randrange(-60, 60)))


def microseconds(dice):
    return dice.randrange(-62135596800 * 10**6, 253402300800 * 10**6) >> dice.randrange(60)


def moment(dice):
    while True:
        try:
            return EPOCH + datetime.timedelta(microseconds=microseconds(dice))
        except OverflowError:
            pass


def clock(dice):
    return (EPOCH + datetime.timedelta(microseconds=dice.randrange(86400 * 10**6))).time()


def span(dice):
    return datetime.timedelta(dice.randrange(-999999, 999999), dice.randrange(86400), dice.randrange(10**6))


SECOND = datetime.timedelta(microseconds=1)
# For each type: the extremes, how to throw dice for one, and how Python writes it.
TYPES = {
    "int2": (*integers(16), str),
    "int4": (*integers(32), str),
    "int8": (*integers(64), str),
    "float4": (*floats(">f", 4), repr),
    "float8": (*floats(">d", 8), repr),
    "numeric": (
        [decimal.Decimal(text) for text in ("0", "-0.00", "1E+1000", "1E-1000", "9" * 1000, "NaN", "Infinity", "1.10")],
        numeric,
        lambda value: f"{value:f}",
    ),
    "date": (
        [datetime.date.min + datetime.timedelta(1), datetime.date.max - datetime.timedelta(1), DAY],
        lambda dice: moment(dice).date(),
        str,
    ),
    "time": ([datetime.time.min, datetime.time.max], clock, str),
    "timestamp": (
        [datetime.datetime.min + SECOND, datetime.datetime.max - SECOND, EPOCH],
        moment,
        str,
    ),
    "timestamptz": (
        [EPOCH.replace(tzinfo=datetime.timezone.utc)],
        lambda dice: moment(dice).replace(tzinfo=datetime.timezone.utc),
        str,
    ),
    "interval": (
        [datetime.timedelta(0), SECOND, -SECOND, datetime.timedelta(999999999)],
        span,
        lambda value: f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds",
    ),
}


@pytest.mark.parametrize("name", TYPES)
async def test_binary_and_text_agree(connection, name):  # DT-04, FZ-12
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    extremes, throw, write = TYPES[name]
    values = extremes + [throw(dice) for _ in range(COUNT)]
    texts = [write(value) for value in values]
    rows = await connection.fetch(
        f"select sent, sent::text, read::{name}::text, read::{name}"
        f" from unnest($1::{name}[], $2::text[]) as pair (sent, read)",
        values,
        texts,
    )
    for value, (back, sent, read, parsed) in zip(values, rows):
        assert sent == read, (value, sent, read)
        assert repr(back) == repr(parsed)
        if value == value:
            assert back == value, (value, back)
