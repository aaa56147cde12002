# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""fetch, fetchrow, fetchval: shapes of results, arguments, the statement cache."""

from __future__ import annotations

import asyncio
import sys

import pytest

import pgstride

# --- shapes -------------------------------------------------------------------------------------------


async def test_rows(connection):
    rows = await connection.fetch("select i, 'row ' || i as text from generate_series(1, 3) as i")
    assert rows == [(1, "row 1"), (2, "row 2"), (3, "row 3")]
    assert type(rows) is list and all(type(row) is pgstride.Record for row in rows)
    assert rows[1]["text"] == "row 2" and list(rows[0].keys()) == ["i", "text"]


async def test_no_rows(connection):
    assert await connection.fetch("select 1 where false") == []
    assert await connection.fetchrow("select 1 where false") is None
    assert await connection.fetchval("select 1 where false") is None


@pytest.mark.parametrize("query", ["create temp table t (a int)", "begin; ", "", ";", " -- nothing", "listen x"])
async def test_no_columns(connection, query):
    assert await connection.fetch(query) == []
    await connection.execute("rollback; drop table if exists t")
    assert await connection.fetchrow(query) is None
    await connection.execute("rollback; drop table if exists t")
    assert await connection.fetchval(query) is None
    await connection.execute("rollback")


async def test_rows_without_columns(connection):
    rows = await connection.fetch("select from generate_series(1, 3)")
    assert [len(row) for row in rows] == [0, 0, 0]
    with pytest.raises(IndexError):
        await connection.fetchval("select from generate_series(1, 3)")


async def test_nulls(connection):
    assert await connection.fetchrow("select null::int4, null::text, $1::int4, $2::text", None, None) == (None,) * 4


async def test_duplicate_columns(connection):
    row = await connection.fetchrow("select 1 as a, 2 as a, 3 as b")
    assert tuple(row) == (1, 2, 3)
    assert list(row.keys()) == ["a", "a", "b"]
    assert row["a"] == 2  # the last one wins, as in asyncpg


async def test_fetchrow_suspends(connection):
    await connection.execute("create temp sequence s")
    assert await connection.fetchval("select nextval('s')::int4 from generate_series(1, 10)") == 1
    assert await connection.fetchval("select nextval('s')::int4") == 2
    await connection.execute("create temp table t (a int)")
    assert await connection.fetchrow("insert into t select generate_series(1, 10) returning a") == (1,)
    assert await connection.fetchval("select count(*)::int4 from t") == 10


async def test_fetchval_column(connection):
    query = "select 1 as a, 'two' as b, 3 as c"
    assert await connection.fetchval(query) == 1
    assert await connection.fetchval(query, column=1) == "two"
    assert await connection.fetchval(query, column=-1) == 3
    assert await connection.fetchval(query, column="b") == "two"
    for column, kind in ((3, IndexError), ("d", KeyError), (None, (KeyError, TypeError)), (1.5, (KeyError, TypeError))):
        with pytest.raises(kind):
            await connection.fetchval(query, column=column)
    assert await connection.fetchval("select 1 where false", column="no matter") is None
    assert await connection.fetchval(query) == 1


async def test_record_class(connection):
    class Row(pgstride.Record):
        def __getattr__(self, name):
            return self[name]

    assert (await connection.fetchrow("select 1 as one", record_class=Row)).one == 1
    assert [type(row) for row in await connection.fetch("select 1", record_class=Row)] == [Row]
    assert type(await connection.fetchrow("select 1")) is pgstride.Record


async def test_bad_record_class(connection, usable):
    class WithInit(pgstride.Record):
        def __init__(self):
            pass

    for wrong in (tuple, int, 3, "Record", WithInit):
        for method in (connection.fetch, connection.fetchrow, connection.prepare):
            with pytest.raises(pgstride.InterfaceError, match="record_class"):
                await method("select 1", record_class=wrong)
    await usable(connection)


async def test_large_result(connection):
    rows = await connection.fetch("select i, repeat('x', 10) from generate_series(1, 300000) as i")
    assert len(rows) == 300000
    assert sum(row[0] for row in rows) == 300000 * 300001 // 2


async def test_large_value(connection):
    size = 3 << 20
    value = await connection.fetchval("select repeat('é', $1)", size)
    assert len(value) == size and value.count("é") == size
    assert await connection.fetchval("select length($1)", "é" * size) == size


async def test_an_error_behind_ten_thousand_rows(connection, usable):  # R-X5, DT-32
    query = "select 1 / (10001 - i) from generate_series(1, 10001) as i"
    for call in (connection.fetch, connection.execute):
        with pytest.raises(pgstride.DivisionByZeroError):
            await call(query)
    async with connection.transaction():
        rows = 0
        with pytest.raises(pgstride.DivisionByZeroError):
            async with connection.transaction():
                async for _ in connection.cursor(query, prefetch=1000):
                    rows += 1
        assert rows == 10_000
    await usable(connection)


async def test_many_columns(connection):
    row = await connection.fetchrow("select " + ", ".join(f"{i} as c{i}" for i in range(1600)))
    assert tuple(row) == tuple(range(1600)) and row["c1599"] == 1599


async def test_only_the_first_statement(connection, usable):
    with pytest.raises(pgstride.PostgresSyntaxError, match="cannot insert multiple commands"):
        await connection.fetch("select 1; select 2")
    await usable(connection)


# --- arguments ----------------------------------------------------------------------------------------


async def test_many_arguments(connection):  # R-E1
    count = 65535
    values = ", ".join(f"(${i}::int4)" for i in range(1, count + 1))
    assert await connection.fetchval(f"select sum(a)::int4 from (values {values}) as v (a)", *range(count)) == sum(
        range(count)
    )


async def test_too_many_arguments(connection, usable):  # R-E1
    values = ", ".join(f"${i}::int4" for i in range(1, 65537))
    with pytest.raises(pgstride.InterfaceError, match="the number of query arguments cannot exceed 65535"):
        await connection.fetch(f"select array_length(array[{values}], 1)", *range(65536))
    await usable(connection)


@pytest.mark.parametrize(
    "query, args, message",
    [
        ("select 1", (1,), "the server expects 0 arguments for this query, 1 was passed"),
        ("select $1::int4", (), "the server expects 1 argument for this query, 0 were passed"),
        ("select $1::int4, $2::int4", (1,), "the server expects 2 arguments for this query, 1 was passed"),
        ("select $1::int4", (1, 2, 3), "the server expects 1 argument for this query, 3 were passed"),
    ],
)
async def test_argument_count(connection, usable, query, args, message):
    for _ in range(2):  # the second time the statement is known
        with pytest.raises(pgstride.InterfaceError, match=message) as caught:
            await connection.fetch(query, *args)
        assert caught.value.hint.startswith("Check the query against the passed list of arguments.")
        assert ("CREATE VIEW" in caught.value.hint) == ("expects 0" in message)
    await usable(connection)


async def test_wrong_argument(connection, usable):
    for _ in range(2):
        with pytest.raises(pgstride.DataError, match=r"^invalid input for query argument \$2: 'two' \(") as caught:
            await connection.fetch("select $1::int4, $2::int4", 1, "two")
        assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(pgstride.DataError, match=r"argument \$1: 'x{39}\.\.\. \("):
        await connection.fetch("select $1::int4", "x" * 100)
    with pytest.raises(pgstride.DataError, match=r"argument \$1: 2147483648 \("):
        await connection.fetch("select $1::int4", 2**31)
    with pytest.raises(pgstride.DataError, match=r"argument \$1: '\\ud800' \("):
        await connection.fetch("select $1::text", "\ud800")
    await usable(connection)


async def test_argument_with_a_broken_repr(connection, usable):
    class Broken:
        def __repr__(self):
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises((pgstride.DataError, ZeroDivisionError)):
            await connection.fetch("select $1::int4", Broken())
    await usable(connection)


async def test_argument_with_nul(connection, usable):
    with pytest.raises((pgstride.CharacterNotInRepertoireError, pgstride.DataError)):
        await connection.fetch("select $1::text", "a\0b")
    await usable(connection)


async def test_argument_that_raises(connection, usable):
    class Sad:
        def __index__(self):
            raise AssertionError("mine")

    for _ in range(2):
        with pytest.raises(pgstride.DataError, match=r"argument \$1") as caught:
            await connection.fetch("select $1::int4", type("Zero", (), {"__index__": lambda self: 1 // 0})())
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        with pytest.raises(AssertionError, match="mine"):
            await connection.fetch("select $1::int4", Sad())
    await usable(connection)


async def test_argument_that_uses_the_connection(connection, usable):
    """Re-entrant: refused, and the outer call fails in good order."""

    class Sneaky:
        def __index__(self):
            coroutine = connection.fetch("select 1")
            try:
                coroutine.send(None)
            finally:
                coroutine.close()
            return 1

    for _ in range(2):
        with pytest.raises((pgstride.InterfaceError, pgstride.DataError), match="another operation is in progress"):
            await connection.fetch("select $1::int4", Sneaky())
    await usable(connection)


async def test_argument_that_closes_the_connection(connection):
    class Rude:
        def __index__(self):
            connection.terminate()
            return 1

    await connection.fetch("select $1::int4", 1)
    with pytest.raises((pgstride.InterfaceError, pgstride.ConnectionDoesNotExistError)):
        await connection.fetch("select $1::int4", Rude())
    assert connection.is_closed()


# --- the query itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fetch", "fetchrow", "fetchval", "execute", "prepare"])
async def test_bad_query(connection, usable, method):  # R-E2
    call = getattr(connection, method)
    for query, kind in ((None, TypeError), (1, TypeError), (b"select 1", TypeError), ("\ud800", UnicodeEncodeError)):
        with pytest.raises(kind):
            await call(query)
    for query in ("select 1\0", "\0", "select 1\0; drop table t"):
        with pytest.raises((ValueError, pgstride.InterfaceError), match="NUL"):
            await call(query)
    with pytest.raises(TypeError):
        await call()
    with pytest.raises(TypeError):
        await call("select 1", no_such_option=1)
    await usable(connection)


async def test_unicode(connection):
    text = "naïve ☃ 𝒳 \u202e"
    assert await connection.fetchrow(f"select '{text}' as \"{text}\", $1::text", text) == (text, text)
    assert list((await connection.fetchrow(f"select 1 as \"{text[:10]}\"")).keys()) == [text[:10]]


async def test_long_query(connection):
    assert await connection.fetchval("select 1 -- " + "x" * (8 << 20)) == 1


# --- one operation at a time --------------------------------------------------------------------------


async def test_busy(connection, observer, usable):
    task = asyncio.create_task(connection.fetchval("select pg_sleep(60)"))
    await observer.sleeps(connection.get_server_pid())
    for call in (connection.fetch, connection.fetchrow, connection.fetchval, connection.execute, connection.prepare):
        with pytest.raises(
            pgstride.InterfaceError, match="cannot perform operation: another operation is in progress"
        ) as caught:
            await call("select 1")
        assert "pg_sleep" in str(caught.value)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await usable(connection)


async def test_gather_on_one_connection(connection, usable):
    results = await asyncio.gather(*(connection.fetchval("select 1") for _ in range(5)), return_exceptions=True)
    assert results[0] == 1
    assert all(isinstance(result, pgstride.InterfaceError) for result in results[1:])
    await usable(connection)


# --- the statement cache ------------------------------------------------------------------------------


async def test_statements_are_reused(connection):
    for i in range(20):
        assert await connection.fetchval("select $1::int4 + 1", i) == i + 1
    rows = await connection.fetch("select statement from pg_prepared_statements where statement like '%+ 1'")
    assert len(rows) == 1


async def test_eviction(connect):
    connection = await connect(statement_cache_size=5)
    for i in range(50):
        assert await connection.fetchval(f"select {i}") == i
    assert await connection.fetchval("select count(*)::int4 from pg_prepared_statements") <= 6
    assert await connection.fetchval("select 0") == 0


async def test_types_changed_under_a_cached_statement(connection):  # DT-30, R-X3, R-Q4
    await connection.execute("create temp table t (a int4); insert into t values (1)")
    assert await connection.fetchrow("select * from t") == (1,)
    await connection.execute("alter table t add b text default 'b'")
    assert await connection.fetchrow("select * from t") == (1, "b")
    await connection.execute("alter table t alter a type text using 'was ' || a")
    assert await connection.fetch("select * from t") == [("was 1", "b")]
    assert await connection.execute("select * from t where b = $1", "b") == "SELECT 1"
    await connection.execute("alter table t drop a")
    assert await connection.execute("select * from t where b = $1", "b") == "SELECT 1"
    assert await connection.fetchval("select * from t") == "b"


async def test_stale_plan_in_a_transaction_is_raised(connection, usable):  # R-X3
    await connection.execute("create temp table t (a int4); insert into t values (1)")
    assert await connection.fetchrow("select * from t") == (1,)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("alter table t add b text default 'b'")
    with pytest.raises(pgstride.InvalidCachedStatementError):
        await connection.fetch("select * from t")
    with pytest.raises(pgstride.InFailedSQLTransactionError):
        await connection.fetch("select 1")
    await transaction.rollback()
    await usable(connection)
    assert await connection.fetchrow("select * from t") == (1,)


async def test_failing_statement_is_not_cached(connection, usable):
    for _ in range(3):
        with pytest.raises(pgstride.UndefinedTableError):
            await connection.fetch("select * from appears_later")
    await connection.execute("create temp table appears_later (a int4)")
    assert await connection.fetch("select * from appears_later") == []
    await usable(connection)


async def test_interned_names_do_not_grow(connection):
    """Column names are the same objects for all rows and results."""
    first = await connection.fetchrow("select 1 as some_name")
    second = await connection.fetchrow("select 2 as some_name")
    assert next(iter(first.keys())) is next(iter(second.keys())) is sys.intern("some_name")
