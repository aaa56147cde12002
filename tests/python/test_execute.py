# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""execute(): statuses, scripts, arguments."""

from __future__ import annotations

import pytest

import pgstride


@pytest.mark.parametrize(
    "query, status",
    [
        ("create temp table t (a int)", "CREATE TABLE"),
        ("select generate_series(1, 10)", "SELECT 10"),
        ("create temp table t (a int); insert into t values (1), (2)", "INSERT 0 2"),
        ("select 1; select 2; begin; rollback", "ROLLBACK"),
        ("set timezone to 'UTC'", "SET"),
        ("", ""),
        (";", ""),
        (" -- nothing at all", ""),
        ("select 1; ;", "SELECT 1"),
        ("do $$ begin end $$", "DO"),
    ],
)
async def test_status(connection, query, status):
    assert await connection.execute(query) == status


async def test_with_arguments(connection):
    await connection.execute("create temp table t (a int, b text)")
    for i in range(3):
        assert await connection.execute("insert into t values ($1, $2)", i, str(i)) == "INSERT 0 1"
    assert await connection.execute("select * from t where a > $1", 0) == "SELECT 2"
    assert await connection.execute("update t set b = $1", "x") == "UPDATE 3"
    assert await connection.execute("delete from t where a = $1", 7) == "DELETE 0"


async def test_one_statement_with_arguments(connection, usable):
    with pytest.raises(pgstride.PostgresSyntaxError, match="cannot insert multiple commands"):
        await connection.execute("select $1::int4; select 2", 1)
    await usable(connection)


async def test_script_is_one_transaction(connection, usable):
    await connection.execute("create temp table t (a int)")
    with pytest.raises(pgstride.DivisionByZeroError):
        await connection.execute("insert into t values (1); select 1 / 0; insert into t values (2)")
    assert await connection.fetchval("select count(*)::int4 from t") == 0
    await usable(connection)


async def test_error_after_results(connection, usable):
    with pytest.raises(pgstride.DivisionByZeroError):
        await connection.execute("select generate_series(1, 10000); select 1 / (i - 9000) from generate_series(1, 10000) i")
    await usable(connection)


@pytest.mark.parametrize("arguments", [(), (1,)], ids=["script", "statement"])
async def test_copy_from_stdin_is_refused(connection, usable, arguments):
    """COPY through the wrong call must neither hang nor break the connection."""
    await connection.execute("create temp table t (a int)")
    with pytest.raises((pgstride.PostgresError, pgstride.InterfaceError)):
        await connection.execute("copy t from stdin", *arguments)
    await usable(connection)
    for call in (connection.fetch, connection.fetchrow, connection.fetchval):
        with pytest.raises((pgstride.PostgresError, pgstride.InterfaceError)):
            await call("copy t from stdin")
        await usable(connection)


async def test_copy_to_stdout(connection, usable):
    for call in (connection.execute, connection.fetch, connection.fetchrow, connection.fetchval):
        try:
            await call("copy (select generate_series(1, 1000)) to stdout")
        except (pgstride.PostgresError, pgstride.InterfaceError):
            pass
        await usable(connection)


async def test_notices_and_notifications_are_not_in_the_way(connection, usable):
    await connection.execute("listen here")
    for _ in range(3):
        await connection.execute("do $$ begin for i in 1..100 loop raise notice 'note %', i; end loop; end $$")
        await connection.execute("notify here, 'payload'")
        await usable(connection)


async def test_manual_transaction(connection):
    await connection.execute("begin")
    assert connection.is_in_transaction()
    with pytest.raises(pgstride.DivisionByZeroError):
        await connection.execute("select 1 / 0")
    assert connection.is_in_transaction()
    with pytest.raises(pgstride.InFailedSQLTransactionError):
        await connection.execute("select 1")
    assert await connection.execute("commit") == "ROLLBACK"
    assert not connection.is_in_transaction()
