# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Types that only the catalogs know: enums, domains, composites, ranges and arrays of all of them."""

from __future__ import annotations

import asyncio
import gc

import asyncpg
import pytest

import pgstride

SCHEMA = """
    create schema derived_types;
    set search_path = derived_types, public;
    create type mood as enum ('sad', 'ok', 'happy');
    create type pair as (a int, m mood, t text[]);
    create domain positive as int check (value > 0);
    create domain moods as mood[];
    create domain very_positive as positive check (value > 100);
    create type floats as range (subtype = float8);
    create type nest as (p pair, ps pair[], d positive);
"""


@pytest.fixture
def connection(runner, connect):
    connection = runner(connect())
    runner(connection.execute("drop schema if exists derived_types cascade;" + SCHEMA))
    yield connection
    runner(connection.execute("drop schema derived_types cascade"))


@pytest.fixture
def oracle(runner, dsn, connection):
    oracle = runner(asyncpg.connect(dsn))
    runner(oracle.execute("set search_path = derived_types, public"))
    yield oracle
    runner(oracle.close())


def shown(value: object) -> str:
    return repr(value).replace("asyncpg", "pgstride")


READ = [
    "select 'happy'::mood, null::mood",
    "select array['sad', null, 'ok']::mood[], '{}'::mood[]",
    "select row(1, 'ok', array['x', 'y'])::pair",
    "select array[row(1, 'ok', null)::pair, row(2, null, '{}')::pair]",
    "select 5::positive, 500::very_positive, '{sad}'::moods, array[1, 2]::positive[]",
    "select '[1.5, 3)'::floats, floats(1, 2, '[]'), floats(null, 2), 'empty'::floats, array[floats(1, 2)]",
    "select row(row(1, 'ok', '{}')::pair, array[row(1, null, null)::pair], 3)::nest",
    "select '{[1, 3), [5, 7]}'::int4multirange, '{}'::int4multirange, array['{[1,2]}'::int8multirange]",
    "select array[int4range(1, 5), 'empty'], tstzrange(null, null), numrange(1.5, 2.5, '[]')",
    "select row(1, 'a', 2.5)",
    "select array_agg(t) from (select 1 a, 2 b) t",
]


@pytest.mark.parametrize("query", READ)
async def test_reading(connection, oracle, query):
    ours, theirs = await connection.fetch(query), await oracle.fetch(query)
    assert shown(ours) == shown(theirs)
    assert shown(await connection.fetch(query)) == shown(theirs)  # now that the types are known


SENT = [
    ("$1::mood", "ok"),
    ("$1::mood", 5),
    ("$1::mood[]", ["ok", None, "sad"]),
    ("$1::moods", ["ok"]),
    ("$1::pair", (1, "ok", ["q"])),
    ("$1::pair", [1, None, None]),
    ("$1::pair", {"a": 1, "t": ["z"]}),
    ("$1::pair", {"zz": 1}),
    ("$1::pair", ("x", None, None)),
    ("$1::pair", 5),
    ("$1::pair[]", [(1, "ok", None)]),
    ("$1::positive", 5),
    ("$1::positive[]", [5, 6]),
    ("$1::floats", (1.0, 2.0)),
    ("$1::int4range", [1]),
    ("$1::int4range", ()),
    ("$1::int4range", 5),
    ("$1::int4range", (1, 2, 3)),
    ("$1::int4range", (None, 3)),
    ("$1::int4multirange", [(1, 2), (5, 8)]),
    ("$1::int4multirange", 5),
    ("$1::nest", ((1, "ok", None), [(2, None, [])], 7)),
    ("$1::record", (1, 2)),
]


@pytest.mark.parametrize("expression, value", SENT, ids=str)
async def test_sending(connection, oracle, usable, expression, value):
    outcomes = []
    for client in (connection, oracle):
        try:
            outcomes.append(shown(await client.fetchval(f"select {expression}", value)))
        except Exception as error:
            outcomes.append(f"{type(error).__name__}: {error}")
    assert outcomes[0] == outcomes[1]
    await usable(connection)


async def test_descriptions(connection, oracle):
    query = "select $1::mood, $2::pair[], $3::positive, $4::int4range, $5::box[], $6::floats, $7::moods, $8::nest"
    ours, theirs = await connection.prepare(query), await oracle.prepare(query)
    assert [tuple(t) for t in ours.get_parameters()] == [tuple(t) for t in theirs.get_parameters()]
    assert [(a.name, *a.type) for a in ours.get_attributes()] == [(a.name, *a.type) for a in theirs.get_attributes()]


async def test_our_range_objects(connection):
    for sent in (pgstride.Range(1, 5), pgstride.Range(empty=True), pgstride.Range(None, 5), pgstride.Range()):
        assert await connection.fetchval("select $1::int4range", sent) == sent
    many = [pgstride.Range(1, 2), pgstride.Range(5, None)]
    assert await connection.fetchval("select $1::int4multirange", many) == many


async def test_records_of_records(connection):
    """asyncpg takes a Record in an array for a further dimension."""
    rows = await connection.fetchval("select array[row(1, 'ok', null)::pair, row(2, null, '{x}')::pair]")
    assert await connection.fetchval("select $1::pair[]", rows) == rows


async def test_values_that_name_types_nobody_knew(connection):
    """Rows from the first one on are kept until the catalogs have been asked."""
    query = """
        select g, case when g > 2 then row(g, 'ok'::mood) else row(g, 'plain') end from generate_series(1, 5) g
    """
    rows = await connection.fetch(query)
    assert [tuple(row) for row in rows] == [
        (1, (1, "plain")),
        (2, (2, "plain")),
        (3, (3, "ok")),
        (4, (4, "ok")),
        (5, (5, "ok")),
    ]
    assert await connection.fetchval("select row(row(1, 'ok', '{}')::pair, 3)") == ((1, "ok", []), 3)
    assert await connection.fetchval("select array[row(1, array['sad'::mood])]") == [(1, ["sad"])]


async def test_types_without_a_binary_form_of_ours_inside_records(connection, usable):
    await connection.execute("create extension if not exists citext")
    assert await connection.fetchval("select row('Ab'::citext, row('c'::refcursor))") == ("Ab", ("c",))
    for value in ("'1'::money", "'pg_class'::regclass", "array['1'::money]"):  # theirs is not text
        with pytest.raises(pgstride.InternalClientError, match="no decoder for composite type element in position 0"):
            await connection.fetchval(f"select row({value})")
    await usable(connection)


async def test_values_that_name_several_types_nobody_knew(connection, usable):
    """One row holds two of them, the next rows hold others."""
    assert await connection.fetchval("select row('ok'::mood, row(1, 'ok', null)::pair)") == ("ok", (1, "ok", None))
    await connection.reload_schema_state()
    query = """
        select case g when 1 then row(1::int, 'ok'::mood::text) when 2 then row('sad'::mood, 'x'::text)
                      when 3 then row(row(g, 'ok', '{}')::pair, 'y'::text) else row(floats(1, g), 'z'::text) end
        from generate_series(1, 4) g
    """
    expected = [(1, "ok"), ("sad", "x"), ((3, "ok", []), "y"), (pgstride.Range(1.0, 4.0), "z")]
    assert [row[0] for row in await connection.fetch(query)] == expected
    await connection.reload_schema_state()
    async with connection.transaction():
        cursor = await connection.cursor(query)
        assert [row[0] for row in await cursor.fetch(2)] == expected[:2]
        assert [row[0] for row in await cursor.fetch(9)] == expected[2:]
    await usable(connection)


async def test_fetchmany_of_values_that_name_types_nobody_knew(connection, usable):
    query = "select case when $1 then row('sad'::mood) else row(row(1, 'ok', null)::pair) end"
    assert await connection.fetchmany(query, [(True,), (False,), (True,)]) == [
        (("sad",),),
        (((1, "ok", None),),),
        (("sad",),),
    ]
    await usable(connection)


async def test_what_failed_before_does_not_matter(connection):
    """The values that could not be read are of a call whose last row was an error."""
    with pytest.raises(pgstride.DivisionByZeroError):
        await connection.fetch("select row('ok'::mood), 1 / (3 - g) from generate_series(1, 3) g")
    decoded = []
    await connection.set_type_codec(
        "int4", schema="pg_catalog", encoder=str, decoder=lambda text: decoded.append(text) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        await connection.fetch("select 1")
    assert decoded == ["1"]


async def test_any_array(connection):
    """Columns of pg_stats, which asyncpg cannot read."""
    await connection.execute("analyze pg_catalog.pg_type")
    query = "select histogram_bounds from pg_stats where tablename = 'pg_type' and attname = $1"
    names = await connection.fetchval(query, "typname")
    assert names == sorted(names) and all(isinstance(name, str) for name in names)
    assert all(isinstance(oid, int) for oid in await connection.fetchval(query, "oid"))


async def test_inside_a_transaction_nothing_is_left_behind(connection):
    async with connection.transaction():
        await connection.execute("set local jit = on")
        assert await connection.fetchval("select 'ok'::mood") == "ok"
        assert await connection.fetchval("show jit") == "on"
        assert connection.is_in_transaction()
    assert await connection.fetchval("select 'ok'::mood") == "ok"


async def test_without_a_statement_cache(connect):
    connection = await connect(statement_cache_size=0)
    await connection.execute("drop schema if exists no_cache cascade; create schema no_cache")
    await connection.execute("create type no_cache.mood as enum ('ok')")
    assert await connection.fetchval("select 'ok'::no_cache.mood") == "ok"
    assert await connection.fetchval("select count(*) from pg_prepared_statements") == 0
    await connection.execute("drop schema no_cache cascade")


async def test_looking_up_is_part_of_the_call(connection, usable):
    """One deadline, and a cancellation ends it, too."""
    both = connection.fetchval("select 'ok'::mood"), connection.fetchval("select 1")
    found, refused = await asyncio.gather(*both, return_exceptions=True)
    assert found == "ok"
    assert isinstance(refused, pgstride.InterfaceError)
    await connection.reload_schema_state()
    for turns in range(12):
        task = asyncio.ensure_future(connection.fetchval("select 'ok'::mood"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await usable(connection)
        await connection.reload_schema_state()


@pytest.mark.parametrize("encoding", ["utf8", "latin1"])
async def test_text_inside_values_that_say_what_they_are(connection, encoding):
    """citext is asked for as text; there it comes in binary."""
    await connection.execute(f"create extension if not exists citext schema public; set client_encoding to {encoding}")
    await connection.execute("create table shy as select 'É'::public.citext as c from generate_series(1, 9); analyze shy")
    query = "select most_common_vals from pg_stats where tablename = 'shy'"
    assert await connection.fetchval(query) == ["É"]
    assert await connection.fetchval("select row(c, array[c, null], array[]::public.citext[]) from shy") == (
        "É",
        ["É", None],
        [],
    )
    await connection.set_type_codec("citext", encoder=str, decoder=str.lower)
    assert await connection.fetchval("select array[c] from shy") == ["é"]
    assert await connection.fetchval("select row(array[c]) from shy") == (["É"],)


async def test_a_changed_row_type(connection):  # R-Q4, HS-140
    assert await connection.fetchval("select row(1, 'ok', null)::pair") == (1, "ok", None)
    await connection.execute("alter type pair add attribute more int cascade")
    with pytest.raises(pgstride.OutdatedSchemaCacheError, match="unexpected number of attributes") as raised:
        await connection.fetchval("select row(1, 'ok', null, 7)::pair")
    assert raised.value.schema_name == "derived_types"
    assert raised.value.data_type_name == "pair"
    assert await connection.fetchval("select row(1, 'ok', null, 7)::pair") == (1, "ok", None, 7)
    await connection.execute("alter type pair alter attribute a type text cascade")
    text = "^unexpected data type of composite type attribute 0: 'text', expected 'int4'$"
    with pytest.raises(pgstride.OutdatedSchemaCacheError, match=text) as raised:
        await connection.fetchval("select row('1', 'ok', null, 7)::pair")
    assert raised.value.position == 0
    assert await connection.fetchval("select row('1', 'ok', null, 7)::pair") == ("1", "ok", None, 7)


async def test_a_prepared_statement_of_a_changed_row_type(connection, observer):  # R-Q4
    """It was made to read what is no more."""
    await connection.execute("create table pairs (p pair); insert into pairs values (row(1, 'ok', null))")
    statement = await connection.prepare("select p from pairs")
    name = statement.get_name()
    assert await statement.fetchval() == (1, "ok", None)
    await connection.execute("alter type pair add attribute more int cascade")
    with pytest.raises(pgstride.OutdatedSchemaCacheError):
        await statement.fetchval()
    with pytest.raises(pgstride.InterfaceError, match=r"PreparedStmt.fetchval\(\): the prepared statement is closed"):
        await statement.fetchval()
    assert await connection.fetchval("select p from pairs") == (1, "ok", None, None)
    assert await connection.fetchval("select count(*) from pg_prepared_statements where name = $1", name) == 0


@pytest.mark.parametrize("many", [False, True])
async def test_a_changed_row_type_without_a_name(connection, many):
    """A row type inside of a record, and among many results."""
    query = "select row(p) from (select row($1::int, 'ok', null)::pair p) q"
    run = (lambda: connection.fetchmany(query, [(1,), (2,)])) if many else (lambda: connection.fetch(query, 1))
    assert (await run())[0] == (((1, "ok", None),),)
    await connection.execute("alter type pair add attribute more int cascade")
    query = "select row(p) from (select row($1::int, 'ok', null, 7)::pair p) q"
    with pytest.raises(pgstride.OutdatedSchemaCacheError):
        await run()
    assert (await run())[0] == (((1, "ok", None, 7),),)


async def test_what_was_forgotten_is_asked_for_again(connection):
    """A statement goes on to know its types, and nobody takes an unknown one for text."""
    statement = await connection.prepare("select row(1, 'ok', null)::pair, array['ok'::mood], $1::positive")
    before = statement.get_attributes(), statement.get_parameters()
    await connection.reload_schema_state()
    assert (statement.get_attributes(), statement.get_parameters()) == before
    assert await statement.fetchrow(5) == ((1, "ok", None), ["ok"], 5)
    assert await connection.fetchrow("select array['ok'::mood], row(1, 'ok', null)::pair") == (["ok"], (1, "ok", None))


async def test_connections_that_share_what_they_know(connection, connect):
    """One notices that a row type has changed; the others need not fail as well."""
    other = await connect()
    other._core.share_types(connection._core)
    query = "select p from derived_types.pairs"
    await connection.execute("create table pairs (p pair); insert into pairs values (row(1, 'ok', null))")
    for each in connection, other:
        assert await each.fetchval(query) == (1, "ok", None)
    await other.set_type_codec("int4", schema="pg_catalog", encoder=str, decoder=str)
    await connection.execute("alter type pair add attribute more int cascade")
    with pytest.raises(pgstride.OutdatedSchemaCacheError):
        await connection.fetchval(query)
    assert await connection.fetchval(query) == (1, "ok", None, None)
    with pytest.raises(pgstride.UnsupportedClientFeatureError):  # with what it has of its own
        await other.fetchval(query)
    await other.reset_type_codec("int4", schema="pg_catalog")
    assert await other.fetchval(query) == (1, "ok", None, None)
    await connection.execute("alter type pair drop attribute more cascade")
    await connection.reload_schema_state()
    assert await other.fetchval(query) == (1, "ok", None)
    with pytest.raises(TypeError):
        other._core.share_types(connection)


async def test_composites_are_seen_by_the_garbage_collector(connection):
    record = await connection.fetchval("select row(1, 'ok', '{}')::pair")
    assert gc.is_tracked(record)
    rows = await connection.fetch("select row(1, 'ok', '{}')::pair")
    assert gc.is_tracked(rows[0])
