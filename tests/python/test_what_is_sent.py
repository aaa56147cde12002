# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What leaves the client: arguments beside statements, never inside them; names in quotes; no NUL at all; no more
than PostgreSQL takes (R-E2, R-E3, R-E4; DT-02, DT-03, FZ-8, FZ-9)."""

from __future__ import annotations

import asyncio
import inspect
import random
import secrets
from urllib.parse import urlsplit

import hostile
import pytest
from proxy import Proxy

import pgstride
from pgstride.utils import _quote_ident, _quote_literal


@pytest.fixture
def tap(dsn):
    """A proxy that keeps what is said to the server."""
    parts = urlsplit(dsn)
    with Proxy((parts.hostname, parts.port)) as proxy:
        yield proxy


@pytest.fixture
def tapped(connect, tap, dsn):
    parts = urlsplit(dsn)

    async def tapped(**options):
        login = {"user": parts.username, "password": parts.password, "database": parts.path[1:]}
        return await connect(host="127.0.0.1", port=tap.port, ssl=False, **login, **options)

    return tapped


# --- arguments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cache", [100, 0])
async def test_arguments_travel_in_bind_only(tapped, tap, cache):  # R-E3, DT-03
    connection = await tapped(statement_cache_size=cache)
    token = "argument_" + secrets.token_hex(8)
    echo = "select $1::text"
    for call in (connection.fetch, connection.fetchrow, connection.fetchval, connection.execute):
        await call(echo, token)
    await connection.executemany(echo, [(token,)] * 3)
    await connection.fetchmany(echo, [(token,)] * 3)
    await (await connection.prepare(echo)).fetchval(token)
    async with connection.transaction():
        assert [row[0] async for row in connection.cursor(echo, token)] == [token]
        cursor = await connection.cursor(echo, token)
        assert await cursor.fetchrow() == (token,)
    await connection.execute("create temp table t (a text)")
    await connection.copy_records_to_table("t", records=[(token,)])
    carriers = {kind for kind, body in tap.messages() if token.encode() in body}
    assert carriers == {"B", "d"}  # Bind, and the data of COPY


async def test_settings_leave_with_begin(tapped, tap):
    """One message, so no round trip of their own."""
    connection = await tapped()
    said = len(tap.messages())
    async with connection.transaction(readonly=True, settings={"app.tenant": "7", "app.path": "it's a\\b"}):
        pass
    calls = rb"SELECT pg_catalog.set_config('app.tenant', '7', true), pg_catalog.set_config('app.path', E'it''s a\\b', true);"
    assert tap.messages()[said:] == [("Q", b"BEGIN READ ONLY;" + calls + b"\0"), ("Q", b"COMMIT;\0")]


# --- NUL ----------------------------------------------------------------------------------------------


GIVEN = {
    "add_listener": {"channel": "c", "callback": print},
    "copy_from_query": {"query": "select 1", "output": lambda data: asyncio.sleep(0)},
    "copy_from_table": {"table_name": "t", "output": lambda data: asyncio.sleep(0)},
    "copy_records_to_table": {"table_name": "t", "records": []},
    "copy_to_table": {"table_name": "t", "source": b""},
    "cursor": {"query": "select 1"},
    "execute": {"query": "select 1"},
    "executemany": {"command": "select 1", "args": [()]},
    "fetch": {"query": "select 1"},
    "fetchmany": {"query": "select 1", "args": [()]},
    "fetchrow": {"query": "select 1"},
    "fetchval": {"query": "select 1"},
    "prepare": {"query": "select 1"},
    "stream": {"query": "select 1"},
    "transaction": {},
}
"""What a method is given beside the parameter that has the NUL."""
ELSEWHERE = {
    "copy_to_table": {"force_quote"},  # nothing is quoted here
    "fetchval": {"column"},  # picks from what has come
    "remove_listener": {"channel"},  # there is none of that name
    "transact": {"isolation", "settings"},  # those of transaction()
    **dict.fromkeys(("set_type_codec", "reset_type_codec", "set_builtin_type_codec"), ...),  # names are arguments
}


def parameters_of_text():
    for name, method in inspect.getmembers(pgstride.Connection, inspect.isfunction):
        if name.startswith("_"):
            continue
        for parameter in inspect.signature(method).parameters.values():
            aside = ELSEWHERE.get(name, ())
            if "str" in str(parameter.annotation) and aside is not ... and parameter.name not in aside:
                yield pytest.param(name, parameter, id=f"{name}-{parameter.name}")


@pytest.mark.parametrize(("method", "parameter"), list(parameters_of_text()))
async def test_nul_is_refused_before_anything_is_sent(tapped, tap, method, parameter):  # R-E2, DT-02
    connection = await tapped()
    await connection.execute("create temp table t (a text)")
    text = "a\0b"
    values = [[text], ["a", text]] if "Iterable" in parameter.annotation else [text]
    if "Mapping" in parameter.annotation:
        values = [{text: "a"}, {"a": text}]
    async with connection.transaction():
        said = len(tap.messages())
        for value in values:
            with pytest.raises((ValueError, pgstride.InterfaceError)):
                result = getattr(connection, method)(**GIVEN[method] | {parameter.name: value})
                await (anext(result) if hasattr(result, "__anext__") else result)
        assert await connection.fetchval("select 1") == 1
    assert "".join(kind for kind, _ in tap.messages()[said:]) == "PDSBESQ"  # of the last statement, and COMMIT


LOGIN = {"user": "me", "password": "secret", "database": "shop"}
AT_LOGIN = [
    *({name: "a\0b"} for name in LOGIN),
    {"server_settings": {"application_name": "till\0user\0postgres"}},
    {"server_settings": {"till\0user": "postgres"}},
    {"password": lambda: "a\0b"},
]


@pytest.mark.parametrize("options", AT_LOGIN)
async def test_nul_at_login(options):  # R-E2
    def asks_for_a_password(line):
        line.first_packet()
        line.say(hostile.authentication(3))
        line.next()

    with hostile.Hostile(asks_for_a_password) as server:
        with pytest.raises((ValueError, pgstride.InterfaceError)) as caught:
            await pgstride.connect(host="127.0.0.1", port=server.port, ssl=False, **LOGIN | options)
        assert "\0" not in str(caught.value)
    assert "p" not in server.heard


# --- quoting ------------------------------------------------------------------------------------------

HARD = "\"'\\$;-/* \t\n\x01%:a\u00fc\u202e\U0001d4b3\ufffd"


async def test_what_is_quoted_is_one_name_or_one_value(connection):  # R-E4, FZ-8, FZ-9
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for conforming in ("on", "off"):
        await connection.execute(f"set standard_conforming_strings = {conforming}; set escape_string_warning = off")
        hard = HARD if conforming == "on" else HARD.replace("\\", "")
        for _ in range(150):
            name = "".join(dice.choices(hard, k=dice.randrange(1, 12)))
            text = "".join(dice.choices(hard, k=dice.randrange(12)))
            rows = await connection.fetch(f"select {_quote_literal(text)} as {_quote_ident(name)}")
            assert [list(row.items()) for row in rows] == [[(name, text)]]


async def test_names_of_tables_columns_and_channels(connection):  # R-E4
    name, column = "t\";drop table \"x", "a'\"b"
    await connection.execute(f"create temp table {_quote_ident(name)} ({_quote_ident(column)} text)")
    assert await connection.copy_records_to_table(name, records=[("x",)], columns=[column]) == "COPY 1"
    assert await connection.copy_to_table(name, source=b"y\n", columns=[column]) == "COPY 1"
    copied = bytearray()

    async def output(data):
        copied.extend(data)

    await connection.copy_from_table(name, output=output, columns=[column], delimiter="'", format="csv")
    assert copied == b"x\ny\n"
    heard = asyncio.get_running_loop().create_future()

    def listener(_, pid, channel, payload):
        heard.set_result(channel)

    await connection.add_listener(name, listener)
    await connection.execute("select pg_notify($1, '')", name)
    assert await heard == name
    await connection.remove_listener(name, listener)


@pytest.mark.parametrize("quote", [_quote_ident, _quote_literal])
async def test_what_can_not_be_quoted(connection, usable, quote):  # R-E4
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")
    with pytest.raises(UnicodeEncodeError):
        await connection.fetch(f"select {quote(chr(0xD800))}")
    await usable(connection)
