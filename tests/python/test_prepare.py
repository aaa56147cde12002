# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""prepare() and PreparedStatement."""

from __future__ import annotations

import gc
import json

import pytest

import pgstride


async def test_fetches(connection):
    statement = await connection.prepare("select i, i * $1::int4 as product from generate_series(1, 3) as i")
    assert await statement.fetch(2) == [(1, 2), (2, 4), (3, 6)]
    assert await statement.fetchrow(5) == (1, 5)
    assert await statement.fetchval(5, column="product") == 5
    assert await statement.fetchval(7, column=1) == 7
    assert await statement.fetch(0, timeout=30) == [(1, 0), (2, 0), (3, 0)]


async def test_describes_itself(connection):
    query = "select $1::int4 as a, $2::text as b"
    statement = await connection.prepare(query)
    assert isinstance(statement.get_name(), str) and statement.get_name()
    assert statement.get_query() == query
    parameters, attributes = statement.get_parameters(), statement.get_attributes()
    assert [(p.oid, p.name, p.kind, p.schema) for p in parameters] == [
        (23, "int4", "scalar", "pg_catalog"),
        (25, "text", "scalar", "pg_catalog"),
    ]
    assert [(a.name, a.type.name) for a in attributes] == [("a", "int4"), ("b", "text")]
    assert all(isinstance(p, pgstride.Type) for p in parameters)
    assert all(isinstance(a, pgstride.Attribute) for a in attributes)


async def test_without_result(connection):
    await connection.execute("create temp table t (a int)")
    statement = await connection.prepare("insert into t values ($1)")
    assert statement.get_attributes() == ()
    assert await statement.fetch(1) == []
    assert await statement.fetchrow(2) is None
    assert await statement.fetchval(3) is None
    assert await connection.fetchval("select sum(a)::int4 from t") == 6


async def test_empty(connection):
    for query in ("", ";", "-- nothing"):
        statement = await connection.prepare(query)
        assert statement.get_attributes() == () and statement.get_parameters() == ()
        assert await statement.fetch() == []


async def test_name(connection):
    statement = await connection.prepare("select $1::int4", name="by hand")
    assert statement.get_name() == "by hand"
    assert await connection.execute('execute "by hand" (5)') == "SELECT 1"
    with pytest.raises(pgstride.DuplicatePreparedStatementError):
        await connection.prepare("select 2", name="by hand")
    assert await statement.fetchval(1) == 1
    for name in ("nul\0", "\ud800"):
        with pytest.raises((ValueError, pgstride.InterfaceError)):
            await connection.prepare("select 2", name=name)
    with pytest.raises(TypeError):
        await connection.prepare("select 2", name=3)
    assert await statement.fetchval(2) == 2


async def test_record_class(connection):
    class Row(pgstride.Record):
        pass

    statement = await connection.prepare("select 1 as a", record_class=Row)
    assert type(await statement.fetchrow()) is Row
    assert [type(row) for row in await statement.fetch()] == [Row]
    async with connection.transaction():
        assert [type(row) async for row in statement.cursor()] == [Row]


async def test_explain(connection):
    await connection.execute("create temp table t (a int)")
    statement = await connection.prepare("insert into t values ($1::int4) returning a")
    plan = await statement.explain(1)
    assert plan[0]["Plan"]["Node Type"] == "ModifyTable"
    assert "Execution Time" not in plan[0]
    plan = await statement.explain(1, analyze=True)
    assert "Execution Time" in plan[0]
    assert await connection.fetchval("select count(*)::int4 from t") == 0
    assert not connection.is_in_transaction()


async def test_explain_where_json_has_a_codec(connection):
    statement = await connection.prepare("select 1")
    for format, decoder in (("text", json.loads), ("text", str), ("binary", bytes)):
        await connection.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=decoder, format=format)
        for analyze in (False, True):
            assert (await statement.explain(analyze=analyze))[0]["Plan"]["Node Type"] == "Result"


async def test_errors(connection, usable):
    with pytest.raises(pgstride.PostgresSyntaxError) as caught:
        await connection.prepare("select from from")
    assert caught.value.position == "13"
    statement = await connection.prepare("select 1 / $1::int4")
    with pytest.raises(pgstride.DivisionByZeroError):
        await statement.fetch(0)
    with pytest.raises(pgstride.DataError, match=r"argument \$1: 'x'"):
        await statement.fetch("x")
    with pytest.raises(pgstride.InterfaceError, match="expects 1 argument for this query, 2 were passed"):
        await statement.fetch(1, 2)
    assert await statement.fetchval(1) == 1
    await usable(connection)


async def test_stale_plan_is_raised(connection, usable):
    await connection.execute("create temp table t (a int); insert into t values (1)")
    statement = await connection.prepare("select * from t")
    assert await statement.fetchrow() == (1,)
    await connection.execute("alter table t add b int default 2")
    with pytest.raises(pgstride.InvalidCachedStatementError):
        await statement.fetchrow()
    await usable(connection)


async def test_dropped_statement_is_closed_on_the_server(connection):
    statement = await connection.prepare("select 1 /* dropped */")
    name = statement.get_name()
    count = "select count(*)::int4 from pg_prepared_statements where name = $1"
    assert await connection.fetchval(count, name) == 1
    del statement
    gc.collect()
    await connection.fetchval("select 1")  # the message travels with the next request
    assert await connection.fetchval(count, name) == 0


@pytest.mark.parametrize("run", ["prepare", "fetch", "executemany"])
async def test_a_statement_is_dropped_as_soon_as_nobody_has_it(connect, run):
    """What has run it is not done with yet when whoever waited goes on, and holds it no longer."""
    connection = await connect()
    if run == "prepare":
        statement = await connection.prepare("select 1")
        del statement
        gc.collect()
    else:
        await (connection.fetch("select 1") if run == "fetch" else connection.executemany("select 1", [()]))
        connection._stmt_cache.clear()
    assert len(connection._stmts_to_close) == 1
    await connection.fetch("select 2")  # the message has left before it
    assert len(connection._stmts_to_close) == 0


async def test_kept_statement_survives_the_cache(connect):
    connection = await connect(statement_cache_size=2)
    statement = await connection.prepare("select $1::int4 + 100")
    for i in range(20):
        await connection.fetch(f"select {i}")
    assert await statement.fetchval(1) == 101


async def test_on_a_closed_connection(connection):
    statement = await connection.prepare("select 1")
    await connection.close()
    for name in ("fetch", "fetchrow", "fetchval", "get_name", "get_query", "get_parameters", "get_attributes", "cursor"):
        with pytest.raises(
            pgstride.InterfaceError,
            match=rf"cannot call PreparedStatement\.{name}\(\): the underlying connection is closed",
        ):
            getattr(statement, name)()


async def test_the_unnamed_statement(connection):
    one, two = [await connection.prepare(f"select {i}", name="") for i in (1, 2)]
    assert one.get_name() == two.get_name() == ""
    assert [await statement.fetchval() for statement in (one, two, one)] == [1, 2, 1]


async def test_statements_know_who_uses_them(connection):
    statement = await connection.prepare("select generate_series(1, 3)")
    state = statement._state
    assert (state.refs, state.record_class) == (1, pgstride.Record)
    async with connection.transaction():
        cursor = await statement.cursor()
        assert state.refs == 2  # and what made the cursor is gone
        del cursor
        async for _ in connection.cursor("select 1"):
            (cached,) = [kept for kept in connection._stmt_cache.iter_statements() if kept.query == "select 1"]
            assert cached.refs == 1
    del statement, _
    gc.collect()
    assert (state.refs, cached.refs) == (0, 0)


async def test_statements_know_that_they_were_dropped(connect):
    connection = await connect(statement_cache_size=2)
    cache = connection._stmt_cache
    used = await connection._prepare("select 1", use_cache=True)
    await connection.fetch("select 2")
    kept = list(cache.iter_statements())
    await connection.fetch("select 3")
    await connection.fetch("select 4")
    assert [(s.query, s.closed) for s in kept] == [("select 1", False), ("select 2", True)]  # one is still in use
    assert await used.fetchval() == 1
    del used
    gc.collect()
    assert kept[0].closed
    kept = list(cache.iter_statements())
    await connection.reload_schema_state()
    assert [s.closed for s in kept] == [True, True]
    await connection.fetch("select 5")
    kept = list(cache.iter_statements())
    assert [s.closed for s in kept] == [False]
    await connection.close()
    assert [s.closed for s in kept] == [True] and len(cache) == 0


async def test_names_are_nobody_elses(connection, connect):
    """A pooler must not take one client's statement for another's."""  # R-Q2
    other = await connect()
    names = set()
    for each in (connection, other):
        names |= {(await each.prepare(f"select {i}")).get_name() for i in range(3)}
    assert len(names) == 6
    beginnings = {name.rsplit("_", 1)[0] for name in names}
    assert len(beginnings) == 2 and all(len(beginning) >= 16 for beginning in beginnings), names


async def test_without_a_cache(connect):
    connection = await connect(statement_cache_size=0)
    first = await connection.prepare("select 1")
    second = await connection.prepare("select 2")
    assert [await first.fetchval(), await second.fetchval(), await connection.fetchval("select 3")] == [1, 2, 3]
    assert await first.fetchval() == 1


async def test_without_a_cache_and_with_a_table_that_grows(connect):
    connection = await connect(statement_cache_size=0)
    await connection.execute("create temp table growing as select 1 a")
    statement = await connection.prepare("table growing")
    await connection.execute("alter table growing add b int")
    said = r"the number of columns in the result row \(2\) is different from what was described \(1\)"
    for ask in (statement.fetch, lambda: statement.fetchmany([()])):
        with pytest.raises(pgstride.ProtocolError, match=said):
            await ask()
    assert [tuple(row) for row in await connection.fetch("table growing")] == [(1, None)]


async def test_sizes_that_are_no_integers(connect):  # asyncpg compares them, and that is all
    connection = await connect(statement_cache_size=2.5, max_cacheable_statement_size=9.5)
    assert connection._config.statement_cache_size == 2.5
    for query in ("select 1", "select 2", "select 3", "select 1000"):
        await connection.fetch(query)
    cache = connection._stmt_cache
    assert [kept.query for kept in cache.iter_statements()] == ["select 2", "select 3"]
    cache.set_max_size(1.5)
    assert (len(cache), cache.get_max_size()) == (1, 1.5)
    for endless in (float("inf"), 2**70):
        connection = await connect(statement_cache_size=endless, max_cacheable_statement_size=endless)
        await connection.fetch("select 1")
        assert len(connection._stmt_cache) == 1


@pytest.mark.parametrize("how", ["deallocate all", "discard all"])
async def test_dropped_by_the_server(connection, connect, usable, how):
    """Whoever holds a statement learns from the server that it is gone. One without a name is sent anew, anyway."""
    statement = await connection.prepare("select $1::int4 as a")
    await connection.execute(how)
    for _ in range(2):
        with pytest.raises(pgstride.InvalidSQLStatementNameError):
            await statement.fetch(1)
    with pytest.raises(pgstride.InvalidSQLStatementNameError):
        await statement.executemany([(1,)])
    assert statement.get_query() == "select $1::int4 as a"
    assert [attribute.name for attribute in statement.get_attributes()] == ["a"]
    assert await (await connection.prepare("select $1::int4 as a")).fetchval(2) == 2
    await usable(connection)
    uncached = await connect(statement_cache_size=0)
    statement = await uncached.prepare("select $1::int4")
    await uncached.execute(how)
    assert await statement.fetchval(3) == 3


async def test_same_text_twice(connection):
    first = await connection.prepare("select $1::int4")
    second = await connection.prepare("select $1::int4")
    del first
    gc.collect()
    assert await second.fetchval(5) == 5
    assert await connection.fetchval("select $1::int4", 6) == 6
