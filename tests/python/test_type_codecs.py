# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Codecs of the user's own, side by side with asyncpg."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref

import asyncpg
import pytest

import pgstride
from pgstride.protocol.protocol import BUILTIN_TYPE_OID_MAP


@pytest.fixture
def oracle(runner, dsn):
    oracle = runner(asyncpg.connect(dsn))
    yield oracle
    runner(oracle.close())


async def outcome(client, steps):
    """What each step comes to: a result, or an error with its text."""
    outcomes = []
    for step in steps:
        try:
            outcomes.append(repr(await step(client)))
        except Exception as error:
            text = f"{type(error).__name__}: {error}".replace("asyncpg", "pgstride")
            outcomes.append(text.partition("  See an example at")[0])
    return outcomes


def value(query, *args):
    return lambda client: client.fetchval(query, *args)


def codec(name, schema="pg_catalog", **options):
    return lambda client: client.set_type_codec(name, schema=schema, **options)


def reset(name, schema="pg_catalog"):
    return lambda client: client.reset_type_codec(name, schema=schema)


def alias(name, codec_name, schema="pg_catalog", **options):
    return lambda client: client.set_builtin_type_codec(name, schema=schema, codec_name=codec_name, **options)


def fail(value):
    raise ZeroDivisionError("no")


LOUD = {"encoder": lambda v: str(v - 1), "decoder": lambda v: f"<{v}>"}
JSON = {"encoder": json.dumps, "decoder": json.loads}
SAME = {"encoder": lambda v: v, "decoder": lambda v: v}
JSONB = {
    "encoder": lambda v: b"\x01" + json.dumps(v).encode(),
    "decoder": lambda v: json.loads(v[1:]),
    "format": "binary",
}

SCRIPTS = {
    "json": [codec("json", **JSON), value("select $1::json", {"a": [1]}), value("select '[1, null]'::json")],
    "jsonb binary": [codec("jsonb", **JSONB), value("select $1::jsonb", {"a": 1}), value("select '[]'::jsonb")],
    "null is never seen": [codec("int4", **LOUD), value("select null::int4"), value("select $1::int4", None)],
    "text": [codec("int4", **LOUD), value("select $1::int4", 7), value("select 5"), reset("int4"), value("select 5")],
    "by the SQL name": [codec("integer", **LOUD), value("select 5"), reset("int"), value("select 5")],
    "inside arrays": [codec("int4", **LOUD), value("select '{1,2}'::int4[]"), value("select $1::int4[]", [3, 4])],
    "the delimiter of boxes": [
        codec("box", **SAME),
        value("select array[box(point(1, 2), point(3, 4)), null]"),
        value("select $1::box[]", ["(1,2),(3,4)", "(5,6),(7,8)"]),
    ],
    "ranges become unusable": [codec("int4", **LOUD), value("select int4range(1, 2)"), reset("int4")],
    "ranges return": [codec("int4", **LOUD), reset("int4"), value("select int4range(1, 2)")],
    "binary": [codec("int4", format="binary", **SAME), value("select 5"), value("select $1::int4", b"\0\0\0\7")],
    "binary range": [codec("int4", format="binary", **SAME), value("select int4range(1, 2)")],
    "encoder fails": [codec("int4", encoder=fail, decoder=fail), value("select $1::int4", 1), value("select 1")],
    "encoder returns nonsense": [codec("int4", encoder=lambda v: None, decoder=str), value("select $1::int4", 1)],
    "date": [codec("date", format="tuple", **SAME), value("select '2020-01-02'::date"), value("select $1::date", (5,))],
    "timestamp": [
        codec("timestamp", format="tuple", **SAME),
        value("select '2000-01-01 00:00:01'::timestamp, 'infinity'::timestamp"),
        value("select $1::timestamp", (10**6,)),
    ],
    "timestamptz": [codec("timestamptz", format="tuple", **SAME), value("select '2000-01-01 00:00:01Z'::timestamptz")],
    "time": [codec("time", format="tuple", **SAME), value("select '00:00:01'::time"), value("select $1::time", (1,))],
    "timetz": [codec("timetz", format="tuple", **SAME), value("select $1::timetz", (1, 3600))],
    "interval": [codec("interval", format="tuple", **SAME), value("select $1::interval", (1, 2, 3))],
    # The server says whether there is such a date or time.
    "dates that there are not": [
        codec("date", format="tuple", **SAME),
        value("select $1::date", (2**31 - 2,)),
        value("select $1::date", (-(2**31) + 1,)),
        value("select $1::date[]", [(2**31 - 1,), (-(2**31),)]),
    ],
    "timestamps that there are not": [
        codec("timestamp", format="tuple", **SAME),
        codec("timestamptz", format="tuple", **SAME),
        value("select $1::timestamp", (2**63 - 2,)),
        value("select $1::timestamptz", (-(2**63) + 1,)),
        value("select $1::timestamptz", ()),
    ],
    "times that there are not": [
        codec("time", format="tuple", **SAME),
        codec("timetz", format="tuple", **SAME),
        value("select $1::time", (-1,)),
        value("select $1::time", (86400 * 10**6 + 1,)),
        value("select $1::timetz", (-1, 0)),
        value("select $1::timetz", (0, 16 * 3600)),
        value("select $1::timetz", (0, -(2**31))),
        value("select $1::time", (1, 2)),
    ],
    "vectors are arrays": [
        codec("oidvector", **SAME),
        codec("int2vector", format="hex", **SAME),
        alias("int2vector", "int"),
        reset("oidvector"),
        value("select '1 2'::oidvector"),
    ],
    "tuple of a type that has none": [codec("int4", format="tuple", **SAME)],
    "no such format": [codec("int4", format="hex", **SAME)],
    "no such type": [codec("nothing", "public", **SAME)],
    "an array": [codec("_int4", **SAME)],
    "a domain": [codec("cardinal_number", "information_schema", **SAME)],
    "alias": [
        alias("cardinal_number", "int", "information_schema"),
        value("select 5::information_schema.cardinal_number"),
    ],
    "alias of nothing": [alias("nothing", "int", "public")],
    "alias of an unknown codec": [alias("int4", "nothing"), alias("int4", "int4[]"), alias("int4", "_int4")],
    "alias of a range": [alias("int4", "int4range"), alias("int4", "int4range", format="binary")],
    "alias in the other format": [
        alias("int4", "int", format="text"),
        alias("int4", "money", format="binary"),
        alias("int4", "pg_contrib.hstore", format="text"),
    ],
    "alias as text": [
        alias("int4", "numeric", format="text"),
        value("select 5, array[6, null]"),
        value("select $1::int4 + $2", 5, "7"),
        value("select $1::int4[]", [1, 2]),
        value("select $1::int4", "x"),
        alias("inet", "text", format="text"),
        value("select '10.0.0.1'::inet"),
        value("select $1::inet", "10.0.0.0/8"),
    ],
    "inside multiranges": [
        codec("int4", **SAME),
        value("select '{[1, 2)}'::int4multirange"),
        codec("int4", format="binary", **SAME),
        value("select '{[1, 2)}'::int4multirange"),
    ],
    "types without a tuple form, by any name": [
        codec("INTEGER", format="tuple", **SAME),
        codec("double precision", format="tuple", **SAME),
        codec("char", format="tuple", **SAME),
    ],
    "alias with no such format": [alias("int4", "int", format="hex")],
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_like_asyncpg(connection, oracle, script):
    assert await outcome(connection, script) == await outcome(oracle, script)


async def test_composite_as_tuple(connection, oracle):
    await connection.execute("drop type if exists codec_pair; create type codec_pair as (a int, b text)")
    script = [
        codec("codec_pair", "public", format="tuple", encoder=lambda v: (v["x"], v["y"]), decoder=lambda t: list(t)),
        value("select row(1, 'b')::codec_pair"),
        value("select $1::codec_pair", {"x": 1, "y": "z"}),
        value("select array[row(1, 'b')::codec_pair]"),
        codec("codec_pair", "public", format="text", **SAME),
    ]
    try:
        assert await outcome(connection, script) == await outcome(oracle, script)
    finally:
        await connection.execute("drop type codec_pair")


@pytest.mark.parametrize("format", ["text", "binary"])
async def test_composite_as_tuple_of_what_the_user_converts(connection, oracle, format):
    await connection.execute("drop type if exists codec_pair; create type codec_pair as (a int, b text)")
    script = [
        codec("int4", format=format, encoder=lambda v: v, decoder=lambda v: ("a number", v)),
        codec("codec_pair", "public", format="tuple", encoder=tuple, decoder=tuple),
        value("select row(1, 'b')::codec_pair"),
        value("select $1::codec_pair", (b"\0\0\0\7", "z")),
        reset("int4"),
        value("select array[row(1, 'b')::codec_pair]"),
    ]
    try:
        assert await outcome(connection, script) == await outcome(oracle, script)
    finally:
        await connection.execute("drop type codec_pair")


async def test_alias_of_a_domain_of_domains(connection, oracle):
    """It is for values of that domain, not of those that stand on it."""
    await connection.execute("create domain codec_one as int; create domain codec_two as codec_one")
    script = [
        value("select $1::codec_two", 5),
        alias("codec_one", "oid", "public"),
        value("select $1::codec_one", -5),
        value("select $1::codec_one[]", [2**31]),
        value("select $1::codec_two", -5),
        value("select $1::codec_two[]", [-5]),
        reset("codec_one", "public"),
        value("select $1::codec_one[]", [-5]),
    ]
    try:
        assert await outcome(connection, script) == await outcome(oracle, script)
    finally:
        await connection.execute("drop domain codec_one cascade")


async def test_hstore(connection, oracle):
    await connection.execute("create extension if not exists hstore")
    script = [
        value("select 'a=>1, b=>NULL'::hstore"),
        alias("hstore", "pg_contrib.hstore", "public"),
        value("select 'a=>1, b=>NULL'::hstore"),
        value("select $1::hstore", {"x": "1", "y": None}),
        value("select $1::hstore", [("x", "1")]),
        value("select $1::hstore", {None: "1"}),
        value("select $1::hstore", {"x": 1}),
        value("select array['a=>1'::hstore]"),
        value("select $1::hstore[]", [{"q": None}]),
    ]
    assert await outcome(connection, script) == await outcome(oracle, script)


async def test_built_in_types_ask_the_server_nothing(connection):
    running = asyncio.ensure_future(connection.fetchval("select 'done' from pg_sleep(0.1)"))
    await asyncio.sleep(0)
    for name in ("json", "int4", "timestamp with timezone"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=lambda text: [text])
    assert await running == "done"
    assert await connection.fetchval("select '{}'::json") == ["{}"]


async def test_prepared_statements_keep_their_codec(connection):
    statement = await connection.prepare("select 5, array[6]")
    await connection.set_type_codec("int4", schema="pg_catalog", **LOUD)
    assert await statement.fetchrow() == (5, [6])
    assert await connection.fetchrow("select 5, array[6]") == ("<5>", ["<6>"])
    await connection.reset_type_codec("int4", schema="pg_catalog")
    assert await connection.fetchrow("select 5, array[6]") == (5, [6])


async def test_look_ups_ignore_the_users_codecs(connection):
    for name in ("oid", "name", "text", "char", "regproc"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=fail, decoder=fail)
    await connection.execute("drop type if exists codec_mood; create type codec_mood as enum ('ok')")
    assert await connection.fetchval("select 'ok'::codec_mood") == "ok"
    await connection.set_type_codec("codec_mood", encoder=str, decoder=str.upper)
    assert await connection.fetchval("select 'ok'::codec_mood") == "OK"
    await connection.execute("drop type codec_mood")


async def test_records_are_read_with_the_built_in_codec(connection):
    """asyncpg hands the binary value to a text decoder."""
    await connection.set_type_codec("int4", schema="pg_catalog", **LOUD)
    assert await connection.fetchval("select row(1, 'a')") == (1, "a")
    await connection.execute("drop type if exists codec_pair; create type codec_pair as (a int, b text)")
    assert await connection.fetchval("select row(array[1], row(1, 'b')::codec_pair, int4range(1, 2))") == (
        [1],
        (1, "b"),
        pgstride.Range(1, 2),
    )
    await connection.execute("drop type codec_pair")


async def test_decoder_that_changes_codecs(connection, usable):
    def decoder(text):
        connection._core.reset_type_codec(23)
        return text

    await connection.set_type_codec("int4", schema="pg_catalog", encoder=str, decoder=decoder)
    assert await connection.fetchval("select array[1, 2, 3]") == ["1", "2", "3"]
    await usable(connection)


async def test_decoder_error_leaves_the_connection_usable(connection, usable):
    await connection.set_type_codec("int4", schema="pg_catalog", encoder=fail, decoder=fail)
    with pytest.raises(ZeroDivisionError):
        await connection.fetch("select g from generate_series(1, 100) g")
    with pytest.raises(pgstride.DataError, match="invalid input for query argument \\$1: 5 \\(no\\)"):
        await connection.fetch("select $1::int4", 5)
    await connection.reset_type_codec("int4", schema="pg_catalog")
    await usable(connection)


async def test_codec_that_refers_to_its_connection_is_collected(dsn):
    connection = await pgstride.connect(dsn)

    class Codec:
        def __init__(self, connection):
            self.connection = connection

        def __call__(self, value):
            return value

    codec = Codec(connection._core)
    await connection.set_type_codec("int4", schema="pg_catalog", encoder=codec, decoder=codec)
    gone = weakref.ref(codec)
    await connection.close()
    await asyncio.sleep(0)  # whoever has woken us lets go
    del connection, codec
    gc.collect()
    assert gone() is None


async def test_a_type_that_is_a_part_of_itself(connection, usable):
    """No server's catalogs say so of themselves."""
    await connection.execute("create type ouroboros as (tail int)")
    await connection.set_type_codec("ouroboros", encoder=tuple, decoder=tuple, format="tuple")
    await connection.execute(
        """update pg_attribute set atttypid = 'ouroboros'::regtype, attlen = -1, attbyval = false, attalign = 'd'
        where attrelid = 'ouroboros'::regclass"""
    )
    try:
        await connection.reload_schema_state()
        await connection.execute("set client_encoding to latin1")  # codecs of row types are made anew
        with pytest.raises(RecursionError, match="nested too deeply"):
            await connection.fetch("select null::ouroboros")
        await usable(connection)
    finally:
        await connection.execute("drop type ouroboros")


async def test_which_types_are_known(connection):
    """Asked of the settings, as asyncpg's users do. The codec itself is the core's affair."""
    settings = connection.get_settings()
    for oid, name in BUILTIN_TYPE_OID_MAP.items():
        assert settings.get_data_codec(oid).oid == oid, name
    assert settings.get_data_codec(23) == (23, "int4", "scalar", "pg_catalog")
    assert settings.get_data_codec(1007) == (1007, "int4[]", "array", "pg_catalog")
    await connection.execute("create type pg_temp.mood as enum ('good', 'bad')")
    oid = await connection.fetchval("select 'pg_temp.mood'::regtype::oid")
    assert settings.get_data_codec(oid) is None
    assert await connection.fetchval("select 'good'::pg_temp.mood") == "good"
    assert settings.get_data_codec(oid)[1:3] == ("mood", "scalar")
    for nothing in (0, 999_999, 2**32 - 1):
        assert settings.get_data_codec(nothing) is None
    for wrong in (-1, None, "int4"):
        with pytest.raises((OverflowError, TypeError)):
            settings.get_data_codec(wrong)


async def test_text_in_a_row(connection):
    """In binary, these types are their text, so the user's function for that can read them."""
    await connection.execute("create domain pg_temp.document as jsonb")
    for name in ("json", "jsonb"):
        await codec(name, **JSON)(connection)
    for name in ("text", "int4"):
        await codec(name, **LOUD)(connection)
    query = """
        select row('{"a": 1}'::json, '[2]'::jsonb, '[3]'::pg_temp.document, array['4'::jsonb, null], 'x'::text, 5,
                   array[6], null::json, row('7'::json))"""
    wanted = ({"a": 1}, [2], [3], [4, None], "<x>", 5, [6], None, (7,))
    assert await connection.fetchval(query) == wanted
    await connection.execute("set client_encoding = latin1")
    assert await connection.fetchval("select row('\"\xe9\"'::json, '\"\xe9\"'::jsonb, '\xe9'::text)") == (
        "\xe9",
        "\xe9",
        "<\xe9>",
    )
