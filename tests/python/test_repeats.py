# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""In a long result, values that are the same bytes are one object; all others are what they were."""

from __future__ import annotations

import random

import pytest

import pgstride

SAME = {
    "text": "'paid'",
    "varchar": "'paid'",
    "bpchar": "'paid'",
    "name": "'paid'",
    "numeric": "12.50",
    "uuid": "'3e2c0b4d-8f0a-4d57-9d0c-6a3d1a4f5b6c'",
    "date": "'2026-01-02'",
    "time": "'03:04:05'",
    "timestamp": "'2026-01-02 03:04:05'",
    "timestamptz": "'2026-01-02 03:04:05Z'",
    "interval": "'1 day 02:03:04'",
}


@pytest.mark.parametrize("sql_type", SAME)
async def test_one_object_for_the_same_value(connection, sql_type):
    rows = await connection.fetch(f"select {SAME[sql_type]}::{sql_type} from generate_series(1, 200)")
    assert len({id(row[0]) for row in rows[64:]}) == 1
    assert {row[0] for row in rows} == {rows[0][0]}


async def test_short_results_are_made_one_by_one(connection):
    rows = await connection.fetch("select 'paid' from generate_series(1, 10)")
    assert rows[0][0] is not rows[9][0]


@pytest.mark.parametrize(
    "value", ["array['paid']", "row('paid')", "'192.168.0.1'::inet", "daterange('2026-01-01', '2026-01-05')", "1.5::float8"]
)
async def test_what_can_be_changed_is_made_for_each_row(connection, value):
    rows = await connection.fetch(f"select {value} from generate_series(1, 200)")
    assert len({id(row[0]) for row in rows}) == 200


async def test_a_codec_of_the_users_is_asked_for_each_value(connection):
    asked = []
    await connection.set_type_codec("text", schema="pg_catalog", encoder=str, decoder=lambda text: asked.append(text) or [text])
    rows = await connection.fetch("select 'paid' from generate_series(1, 200)")
    assert len(asked) == 200
    assert len({id(row[0]) for row in rows}) == 200


# Of every length about the longest that is looked for, with the same beginnings and ends, which is what they
# are told apart by.
async def test_values_are_not_mixed_up(connection):
    chance = random.Random(17)
    few = ["".join(chance.choices("ab\x01é", k=length)) for length in range(20) for _ in range(12)]
    sent = [chance.choice(few) for _ in range(4000)]
    numbers = [chance.randrange(-300, 300) for _ in sent]
    rows = await connection.fetch(
        """select value, number / 4.0, date '2000-01-01' + number, case when number % 3 = 0 then value end
        from unnest($1::text[], $2::int[]) with ordinality as t(value, number, place) order by place""",
        sent,
        numbers,
    )
    alone = {text: (await connection.fetchval("select $1::text", text)) for text in set(few)}
    days = {n: await connection.fetchrow("select $1::int / 4.0, date '2000-01-01' + $1::int", n) for n in set(numbers)}
    expected = [(alone[t], *days[n], alone[t] if n % 3 == 0 else None) for t, n in zip(sent, numbers)]
    assert [tuple(row) for row in rows] == expected


async def test_columns_of_ever_new_values(connection):
    rows = await connection.fetch("select 'n' || i, i::numeric, 'few' from generate_series(1, 5000) i")
    assert [row[0] for row in rows] == [f"n{i}" for i in range(1, 5001)]
    assert [row[1] for row in rows] == list(range(1, 5001))
    assert len({id(row[2]) for row in rows[64:]}) == 1


class Order(pgstride.Record):
    pass


async def test_cursors_and_classes_of_ones_own(connection):
    query = "select 'paid' as state from generate_series(1, 500)"
    async with connection.transaction():
        rows = [row async for row in connection.cursor(query, prefetch=200, record_class=Order)]
    assert [(type(row), row["state"]) for row in rows] == [(Order, "paid")] * 500
