# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""copy_records_to_table: rows of any shape, from iterables of both kinds."""

import asyncio
import datetime
import decimal
import uuid

import pytest

import pgstride

ROWS = [(1, "one", 1.5), (2, None, -0.0), (3, "three \t \\N \n", None)]


@pytest.fixture
def table(runner, connection):
    runner(connection.execute('create temp table "a Table" (id int, "Text" text, f float8)'))
    return "a Table"


async def rows_of(connection):
    return [tuple(row) for row in await connection.fetch('select * from "a Table" order by id')]


async def one_by_one(rows):
    for row in rows:
        if isinstance(row, BaseException):
            raise row
        yield row


def iterate(rows):
    for row in rows:
        if isinstance(row, BaseException):
            raise row
        yield row


both = pytest.mark.parametrize("of", [iterate, one_by_one], ids=["iterable", "asynchronous"])


class Indexable:
    def __init__(self, *values):
        self.values = values

    def __getitem__(self, index):
        return self.values[index]


@both
async def test_records(connection, table, of):
    status = await connection.copy_records_to_table(table, records=of(ROWS))
    assert status == "COPY 3"
    assert status.rowcount == 3
    assert await rows_of(connection) == ROWS


@both
async def test_rows_of_any_shape(connection, table, of):
    rows = [
        (1, "tuple", 0.0, "too", "much"),
        [2, "list", 0.0],
        await connection.fetchrow("select 3, 'record', 0::float8"),
        Indexable(4, "object", 0.0),
        {0: 5, 1: "dict", 2: 0.0},
    ]
    assert await connection.copy_records_to_table(table, records=of(rows)) == "COPY 5"
    assert [row[1] for row in await rows_of(connection)] == ["tuple", "list", "record", "object", "dict"]


async def test_lists_tuples_and_nothing(connection, table):
    assert await connection.copy_records_to_table(table, records=ROWS) == "COPY 3"
    assert await connection.copy_records_to_table(table, records=tuple(ROWS)) == "COPY 3"
    assert await connection.copy_records_to_table(table, records=await connection.fetch('select * from "a Table"')) == "COPY 6"
    assert await connection.copy_records_to_table(table, records=[]) == "COPY 0"
    assert await connection.copy_records_to_table(table, records=one_by_one([])) == "COPY 0"
    assert len(await rows_of(connection)) == 12


async def test_columns_schema_and_condition(connection, table):
    records = [("ten", 10), ("twenty", 20)]
    status = await connection.copy_records_to_table(
        table, records=records, columns=iter(("Text", "id")), schema_name="pg_temp", where="id > 10"
    )
    assert status == "COPY 1"
    assert await rows_of(connection) == [(20, "twenty", None)]
    assert await connection.copy_records_to_table(table, records=[(30, "thirty", None)], columns=[]) == "COPY 1"


async def test_types(connection):
    await connection.execute(
        "create temp table t (a timestamptz, b date, c numeric, d uuid, e int[], f jsonb, g bytea, h interval, i inet)"
    )
    now = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    row = (
        now,
        now.date(),
        decimal.Decimal("1.50"),
        uuid.UUID(int=7),
        [1, None, 3],
        '{"a": 1}',
        b"\0\xff",
        datetime.timedelta(days=1),
        None,
    )
    assert await connection.copy_records_to_table("t", records=[row] * 3) == "COPY 3"
    for copied in await connection.fetch("select * from t"):
        assert tuple(copied) == row


async def test_types_that_only_the_catalogs_know(connection):
    await connection.execute(
        "create type pg_temp.mood as enum ('so so', 'good'); create type pg_temp.pair as (a int, b pg_temp.mood);"
        "create domain pg_temp.small as int check (value < 10);"
        "create temp table t (a pg_temp.mood, b pg_temp.pair, c pg_temp.small, d pg_temp.mood[])"
    )
    row = ("good", (1, "so so"), 5, ["good", None])
    assert await connection.copy_records_to_table("t", records=[row, row]) == "COPY 2"
    assert tuple(await connection.fetchrow("select a, b, c, d from t limit 1")) == row
    with pytest.raises(pgstride.CheckViolationError):
        await connection.copy_records_to_table("t", records=[("good", None, 50, None)])
    await connection.execute("drop table t; drop type pg_temp.pair; drop type pg_temp.mood; drop domain pg_temp.small")


async def test_codecs_of_the_users(connection):
    await connection.execute("create temp table t (a int, b jsonb)")
    await connection.set_type_codec(
        "int4", schema="pg_catalog", format="binary", encoder=lambda v: v.to_bytes(4, "big"), decoder=lambda v: v
    )
    await connection.copy_records_to_table("t", columns=["a"], records=[(7,)])
    assert await connection.fetchval("select a::int8 from t") == 7
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=str, format="text")
    with pytest.raises(pgstride.InternalClientError, match=r"no binary format encoder for type jsonb \(OID 3802\)"):
        await connection.copy_records_to_table("t", records=[(1, "{}")])


async def test_the_table_may_change_between(connection, table):
    assert await connection.copy_records_to_table(table, records=ROWS) == "COPY 3"
    await connection.execute('alter table "a Table" alter f type real')
    assert await connection.copy_records_to_table(table, records=ROWS) == "COPY 3"
    assert [row[2] for row in await rows_of(connection)] == [1.5, 1.5, 0.0, 0.0, None, None]


@both
async def test_many_records(connection, of):
    await connection.execute("create temp table t (a int8, b text)")
    rows = ((i, "x" * (i % 100)) for i in range(100_000))
    assert await connection.copy_records_to_table("t", records=of(rows)) == "COPY 100000"
    assert tuple(await connection.fetchrow("select sum(a), sum(length(b)) from t")) == (
        sum(range(100_000)),
        sum(i % 100 for i in range(100_000)),
    )


@both
async def test_large_values(connection, of):
    await connection.execute("create temp table t (a bytea)")
    sizes = [1, 3_000_000, 0, 70_000, 65_536]
    assert await connection.copy_records_to_table("t", records=of([(bytes(size),) for size in sizes])) == "COPY 5"
    assert sorted(row[0] for row in await connection.fetch("select length(a) from t")) == sorted(sizes)


# --- what can go wrong --------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("good", [0, 1, 10_000])
@pytest.mark.parametrize(
    "bad, error",
    [
        (("x", "y", 1.0), TypeError),
        ((1 << 40, "y", 1.0), OverflowError),
        ((1, b"y", 1.0), TypeError),
        ((1, "y"), IndexError),
        ((), IndexError),
        ([1, "y"], IndexError),
        (Indexable(1), IndexError),
        (5, TypeError),
        (None, TypeError),
        (ZeroDivisionError("the source itself"), ZeroDivisionError),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_record_that_can_not_be_written(connection, table, of, good, bad, error, usable):
    rows = [(1, "fine", 1.0)] * good + [bad]
    with pytest.raises(error):
        await connection.copy_records_to_table(table, records=of(rows))
    await usable(connection)
    assert await rows_of(connection) == []
    assert not connection.is_in_transaction()


@both
async def test_the_server_refuses_a_record(connection, of, usable):
    await connection.execute("create temp table t (a int check (a < 100))")

    def rows():
        for i in range(10_000_000):
            yield (i,)

    with pytest.raises(pgstride.CheckViolationError):
        await connection.copy_records_to_table("t", records=of(rows()))
    await usable(connection)


async def test_what_is_not_iterable(connection, table, usable):
    with pytest.raises(TypeError):
        await connection.copy_records_to_table(table, records=5)
    with pytest.raises(pgstride.UndefinedTableError):
        await connection.copy_records_to_table("no such table", records=ROWS)
    with pytest.raises(pgstride.UndefinedColumnError):
        await connection.copy_records_to_table(table, columns=["no such column"], records=ROWS)
    await usable(connection)


async def test_views_are_not_copied_to(connection, usable):
    await connection.execute("create temp view v as select 1 a")
    with pytest.raises(pgstride.WrongObjectTypeError):
        await connection.copy_records_to_table("v", records=[(1,)])
    await usable(connection)


@both
async def test_endless_records_meet_their_timeout(connection, table, of, usable):
    def rows():
        while True:
            yield (1, "x", 1.0)

    with pytest.raises(asyncio.TimeoutError):
        await connection.copy_records_to_table(table, records=of(rows()), timeout=0.3)
    await usable(connection)
    assert await rows_of(connection) == []


@both
async def test_cancelled(connection, table, of, usable):
    seen = asyncio.Event()

    def rows():
        while True:
            seen.set()
            yield (1, "x", 1.0)

    task = asyncio.ensure_future(connection.copy_records_to_table(table, records=of(rows())))
    await seen.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await usable(connection)
    assert await rows_of(connection) == []


async def test_a_source_that_uses_the_connection(connection, table, usable):
    def rows():
        yield (1, "x", 1.0)
        coroutine = connection.fetch("select 1")
        try:
            coroutine.send(None)
        finally:
            coroutine.close()

    with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
        await connection.copy_records_to_table(table, records=rows())
    await usable(connection)


async def test_a_source_that_closes_the_connection(connection, table):
    def rows():
        yield (1, "x", 1.0)
        connection.terminate()
        yield (2, "x", 1.0)

    with pytest.raises((pgstride.InterfaceError, pgstride.PostgresConnectionError)):
        await connection.copy_records_to_table(table, records=rows())
    assert connection.is_closed()


async def test_in_a_transaction(connection, table):
    with pytest.raises(ZeroDivisionError):
        async with connection.transaction():
            await connection.copy_records_to_table(table, records=ROWS)
            assert len(await rows_of(connection)) == 3
            raise ZeroDivisionError
    assert await rows_of(connection) == []
