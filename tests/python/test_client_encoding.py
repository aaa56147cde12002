# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Text while client_encoding is not UTF-8: through Python's codecs, as with asyncpg, and the SQL too (R-E5, D4)."""

from __future__ import annotations

import io

import asyncpg
import postconditions
import pytest

import pgstride

SCHEMA = """
    create schema encoded;
    set search_path = encoded, public;
    create type pair as (a text, n int);
    create domain word as text;
    create domain words as text[];
    create type span as range (subtype = text);
    create table t (a text);
"""

# A text for each encoding; some of their bytes look like ASCII's backslash, brace or bar.
TEXTS = {
    "latin1": "é",
    "latin9": "€",
    "win1251": "ж",
    "koi8r": "ж",
    "iso_8859_5": "ж",
    "win866": "ж",
    "euc_jp": "表能",
    "sjis": "表能ポ",
    "shift_jis_2004": "表能ポ",
    "euc_kr": "한",
    "uhc": "한",
    "gbk": "中|",
    "gb18030": "😀",
    "big5": "功",
    "utf8": "é😀",
}

QUERIES = [
    "select $1::text, length($1)",
    "select $1::varchar, $1::bpchar, $1::name, $1::word, convert_to($1, 'UTF8')",
    "select array[$1::text, null, 'a'], array[$1]::words, string_to_array($1, '')",
    "select to_jsonb($1::text), json_build_object('a', $1::text), ('$.' || to_json($1))::jsonpath",
    "select row($1::text, 1)::pair, array[row($1::text, 1)::pair], row(1, $1::text)",
    "select span($1::text, null), array[span($1::text, null)]",
    "select to_tsvector('simple', $1::text), $1::text collate \"C\"",
]


@pytest.fixture
def connection(runner, connect):
    connection = runner(connect())
    runner(connection.execute("drop schema if exists encoded cascade;" + SCHEMA))
    yield connection
    runner(connection.execute("reset client_encoding; drop schema encoded cascade"))


@pytest.fixture
def oracle(runner, dsn, connection):
    oracle = runner(asyncpg.connect(dsn))
    runner(oracle.execute("set search_path = encoded, public"))
    yield oracle
    runner(oracle.close())


async def outcome(call) -> str:
    try:
        result = repr(await call)
    except Exception as error:
        result = f"{type(error).__qualname__}: {error}"
    return result.replace("asyncpg", "pgstride").replace("'shift_jis'", "'cp932'")  # ours for SJIS has more


@pytest.mark.skipif(postconditions.KEEPS_WHAT_IS_FREED, reason="asyncpg reads what it has freed")
@pytest.mark.parametrize("encoding", TEXTS.keys() - {"shift_jis_2004"})  # which asyncpg takes for another
async def test_as_with_asyncpg(connection, oracle, encoding):
    text = TEXTS[encoding]
    statements = [await c.prepare("select $1::text as a, 'b' || $1 as b") for c in (connection, oracle)]
    for c in (connection, oracle):
        await c.fetchval("select $1::text", text)  # kept, with what it was read with
        await c.execute(f"set client_encoding to {encoding}")
    for ours, theirs in (
        *((connection.fetch(query, text), oracle.fetch(query, text)) for query in QUERIES),
        *(
            (connection.fetchval(f"select $1::{type_}", value), oracle.fetchval(f"select $1::{type_}", value))
            for type_, value in {
                "text": "\x81\U0010fffd",
                "text[]": [text, None, "\\"],
                "json": f'"{text}"',
                "jsonb": f'["{text}"]',
                "pair": (text, 1),
                "pair[]": [(text, 1), None],
                "word": text,
                "word[]": [text],
                "span": (text, None),
                "tsvector": text,
            }.items()
        ),
        (connection.fetchmany("select $1::text", [(text,), ("b",)]), oracle.fetchmany("select $1::text", [(text,), ("b",)])),
        (statements[0].fetch(text), statements[1].fetch(text)),
        (connection.fetchval("select chr(1602) || chr(128512)"), oracle.fetchval("select chr(1602) || chr(128512)")),
    ):
        assert await outcome(ours) == await outcome(theirs)


@pytest.mark.parametrize("encoding", TEXTS)
async def test_sql_and_what_the_server_says(connection, encoding):
    text = TEXTS[encoding]
    heard = []
    await connection.add_listener(text, lambda *a: heard.append(a[2:]))
    connection.add_log_listener(lambda _, message: heard.append(message.message))
    await connection.execute(f"set client_encoding to {encoding}")
    assert dict((await connection.fetch(f'select \'{text}\' as "{text}"'))[0]) == {text: text}
    assert (await connection.prepare(f'select 1 as "{text}"')).get_attributes()[0].name == text
    assert await connection.execute(f"insert into t values ('{text}')") == "INSERT 0 1"
    assert await connection.fetchval("select a from t") == text
    with pytest.raises(pgstride.UndefinedColumnError, match=f'column "{text.replace("|", ".")}" does not exist') as raised:
        await connection.fetch(f'select "{text}"')
    assert raised.value.query == f'select "{text}"'
    await connection.execute(f"do $$ begin raise notice '{text}'; end $$; select pg_notify('{text}', '{text}!')")
    await connection.fetchval("select 1")
    await connection.fetchval("select 1")
    assert sorted(map(str, heard)) == sorted(map(str, [text, (text, text + "!")]))
    assert await connection.copy_records_to_table("t", records=[(text + "2",)]) == "COPY 1"
    out = io.BytesIO()
    assert await connection.copy_from_query("select a from t where a <> $1", text, output=out, encoding="UTF8") == "COPY 1"
    assert out.getvalue().decode() == text + "2\n"


async def test_a_statement_goes_with_the_encoding(connection):
    statement = await connection.prepare("select $1::text as a, row($1, 1)::encoded.pair as b, $1::text[] as c")
    args = "{é}"
    await connection.set_type_codec("pair", schema="encoded", format="tuple", encoder=tuple, decoder=tuple)
    pair = "select row($1::text, 1)::pair"
    for encoding in ("latin1", "utf8", "win1252", "latin1", "utf8"):
        await connection.execute(f"set client_encoding to {encoding}")
        ((a, b, c),) = await statement.fetch(args)
        assert (a, tuple(b), c) == (args, (args, 1), ["é"])
        assert await connection.fetchval(pair, args) == (args, 1)
        await connection.reload_schema_state()


async def test_names_in_the_catalogs(connection):
    await connection.execute("create type größe as (länge int); create type laune as enum ('fröhlich')")
    await connection.execute("set client_encoding to latin1")
    assert dict(await connection.fetchval("select row(1)::größe")) == {"länge": 1}
    assert await connection.fetchval("select $1::laune", "fröhlich") == "fröhlich"
    statement = await connection.prepare("select 1", name="größe")
    assert statement.get_name() == "größe"
    assert await connection.execute('execute "größe"') == "SELECT 1"


async def test_codecs_of_ones_own(connection):
    await connection.execute("create extension if not exists hstore schema public; create extension if not exists citext schema public")
    await connection.set_builtin_type_codec("hstore", codec_name="pg_contrib.hstore")
    await connection.set_builtin_type_codec("citext", codec_name="text")
    await connection.execute("set client_encoding to latin1")
    assert await connection.fetchval("select ($1::hstore -> 'é') = chr(233)", {"é": "é", "a": None})
    assert await connection.fetchval("select $1::hstore", {"a": "b", "c": None}) == {"a": "b", "c": None}
    assert await connection.fetchval("select $1::citext", "é") == "é"
    await connection.set_builtin_type_codec("word", schema="encoded", codec_name="text")
    assert await connection.fetchval("select $1::text::word", "é") == "é"
    await connection.set_type_codec(
        "text", schema="pg_catalog", encoder=lambda s: s + "è", decoder=lambda s: s + "!"
    )
    assert await connection.fetchval("select $1::text", "é") == "éè!"
    await connection.set_type_codec("text", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
    assert await connection.fetchval("select $1::text", b"\xe9") == b"\xe9"
    assert await connection.fetchval("select ascii($1::text)", b"\xe9") == 233


async def test_what_would_become_something_else_is_not_sent_as_sql(connection, usable):  # R-E4
    await connection.execute("set client_encoding to shift_jis_2004")
    for sql in ("select '¥'", "select E'\\\\¥'"):
        for ask in (connection.fetch(sql), connection.execute(sql), connection.prepare("select 1", name="¥")):
            with pytest.raises(ValueError, match="means something else"):
                await ask
    with pytest.raises(UnicodeEncodeError, match="shift_jis"):
        await connection.execute("select 'é'")
    with pytest.raises(pgstride.InterfaceError, match="backslash"):
        await connection.copy_from_query("select $1::jsonb", '"\\\\ \\u00a5\'"', output=io.BytesIO())
    await usable(connection)


async def test_characters_that_only_windows_has(connection):
    await connection.execute("set client_encoding to sjis")
    text = "①～㈱髙＼"
    assert await connection.fetchval("select $1 || '①～㈱髙＼'", text) == text * 2
    assert await connection.fetchval("select ascii($1)", "～") == ord("～")


async def test_a_backslash_in_an_argument_of_copy(connection):
    for encoding in ("latin1", "sql_ascii", "utf8"):
        await connection.execute(f"set client_encoding to {encoding}")
        data = io.BytesIO()
        await connection.copy_from_query("select $1::text", "a\\b'c", output=data)
        assert data.getvalue() == b"a\\\\b'c\n"


async def test_an_encoding_that_python_does_not_know(connection, usable):
    await connection.execute("set client_encoding to euc_tw")
    for ask in (connection.fetch("select 1"), connection.prepare("select 1"), connection.fetch("select $1", "a")):
        with pytest.raises(pgstride.InterfaceError, match="client_encoding is EUC_TW"):
            await ask
    with pytest.raises(UnicodeEncodeError):
        await connection.execute("select 'é'")
    with pytest.raises(pgstride.UndefinedColumnError):
        await connection.execute("select a")
    await connection.execute("reset client_encoding")
    await usable(connection)


async def test_from_the_start(connect):
    connection = await connect(server_settings={"client_encoding": "latin1"})
    assert connection.get_settings().client_encoding == "LATIN1"
    assert await connection.fetchval("select $1::text || 'é'", "è") == "èé"


async def test_a_pool_goes_back_to_its_own(create_pool):
    pool = await create_pool()
    async with pool.acquire() as connection:
        await connection.execute("set client_encoding to latin1")
        assert await connection.fetchval("select 'é'") == "é"
    assert await pool.fetchval("select 'é😀'") == "é😀"
