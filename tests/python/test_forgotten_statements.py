# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Statements that the server has forgotten, whether or not it said so, are prepared again."""

import pytest

import pgstride

UNSAID = "do $$ begin execute 'deallocate all'; end $$"
QUERY = "select $1::int"
CALLS = {
    "fetch": lambda c: c.fetch(QUERY, 1),
    "fetchrow": lambda c: c.fetchrow(QUERY, 1),
    "fetchval": lambda c: c.fetchval(QUERY, 1),
    "execute": lambda c: c.execute(QUERY, 1),
    "executemany": lambda c: c.executemany(QUERY, [(1,), (2,)]),
    "fetchmany": lambda c: c.fetchmany(QUERY, [(1,), (2,)]),
}


@pytest.mark.parametrize("how", ["deallocate all", "discard all", UNSAID])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_statements_dropped_behind_our_back(connection, usable, call, how):  # DT-30, R-X3, R-Q1
    result = await call(connection)
    for _ in range(2):
        await connection.execute(how)
        assert await call(connection) == result
        assert await call(connection) == result
    await usable(connection)


async def test_on_a_pool(create_pool):
    pool = await create_pool()
    for _ in range(3):
        assert await pool.fetchval(QUERY, 1) == 1
        assert await pool.fetchval("select set_config('work_mem', '1MB', false)") == "1MB"
        await pool.execute(UNSAID)
    assert await pool.fetchval("select current_setting('work_mem')") != "1MB"


async def test_in_a_transaction_it_is_raised_once(connection, usable):
    assert await connection.fetchval(QUERY, 1) == 1
    await connection.execute(UNSAID)
    with pytest.raises(pgstride.InvalidSQLStatementNameError):
        async with connection.transaction():
            await connection.fetchval(QUERY, 1)
    async with connection.transaction():
        assert await connection.fetchval(QUERY, 1) == 1
    await usable(connection)


@pytest.mark.parametrize("loses", [UNSAID, "alter table t add b int"])
async def test_the_statement_of_a_cursor(connection, usable, loses):
    async def rows():
        async with connection.transaction():
            return [row["a"] async for row in connection.cursor("select * from t")]

    await connection.execute("create temp table t (a int); insert into t values (1)")
    assert await rows() == [1]
    await connection.execute(loses)
    with pytest.raises(pgstride.PostgresError):
        await rows()
    assert await rows() == [1]
    await usable(connection)


async def test_one_of_the_users_stays_forgotten(connection):
    """Only what is run by its text finds another one."""
    statement = await connection.prepare(QUERY)
    await connection.execute(UNSAID)
    for _ in range(2):
        with pytest.raises(pgstride.InvalidSQLStatementNameError):
            await statement.fetchval(1)
    assert await connection.fetchval(QUERY, 1) == 1


@pytest.mark.parametrize("cache", [100, 0])
async def test_what_has_run_is_not_repeated(connect, usable, cache):
    """A query that names a statement which nobody knows may have done something before."""
    connection = await connect(statement_cache_size=cache)
    await connection.execute("create temp table done (a int)")
    await connection.execute(
        "create procedure pg_temp.half(a int) language plpgsql as "
        "$$ begin insert into done values (a); commit; execute 'execute no_such_statement'; end $$"
    )
    with pytest.raises(pgstride.InvalidSQLStatementNameError):
        await connection.execute("call pg_temp.half($1)", 1)
    assert await connection.fetchval("select count(*) from done") == 1
    await usable(connection)


async def test_a_type_that_was_made_anew(connection, connect, usable):
    make = "drop type if exists mood_made_anew; create type mood_made_anew as enum ('glad')"
    other = await connect()
    for _ in range(3):
        await other.execute(make)
        assert await connection.fetchval("select $1::mood_made_anew", "glad") == "glad"
    await other.execute("drop type mood_made_anew")
    await usable(connection)


async def test_what_was_begun_is_not_done_twice(connection, usable):  # DT-30
    await connection.execute(
        "create temp table t (a int); create temp sequence calls;"
        "create function pg_temp.fails() returns bigint language plpgsql as $$ begin perform nextval('calls');"
        " execute 'prepare inner_one as select * from t'; alter table t add b int; execute 'execute inner_one';"
        " return 1; end $$"
    )
    with pytest.raises(pgstride.FeatureNotSupportedError):
        await connection.fetchval("select pg_temp.fails()")
    assert await connection.fetchval("select nextval('calls')") == 2
    await usable(connection)
