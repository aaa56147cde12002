# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The same call on pgstride and on asyncpg: the same value, type, repr, exception and text.

Where pgstride means to do something else, DEVIATIONS says so and why; nothing else may differ.
"""

from __future__ import annotations

import asyncio
import io
import re
import typing

import oracle_cases
import oracle_expressions
import pytest
from outcomes import outcome

import pgstride

asyncpg = pytest.importorskip("asyncpg")

# What is sent or asked, as regular expressions for the type and for the value's name, and why it differs.
DEVIATIONS: list[tuple[str, str, str]] = [
    (r"oid|cid|xid8?", r"Index", "a number is what has __index__, for every type of numbers"),
    (r"numeric", r"Dbigexp", "asyncpg sends 0 for a number that is too large"),
    (r"uuid", r"Bit.*", "asyncpg lets the server refuse sixteen bytes that are not sixteen"),
    (r"timetz", r"time-3:30:15", "asyncpg loses the seconds of an offset"),
    (r".*range|textr", r"\[None\]", "no bound is no bound, also when there is only one to give"),
    (r"money\[\]", r"\[\[\],\[\]\]", "asyncpg writes an empty array that the server cannot read"),
    (r"oidvector|int2vector", r".*", "asyncpg cannot send these"),
    (r"", r"'01:02:03-03:30:15'::timetz", "asyncpg loses the seconds of an offset"),
    (r"", r"'178000000 years'::interval", "asyncpg overflows silently"),
    (r"", r"row\(.*|array\[row.*", "types inside anonymous records are looked up"),
    (r"", r"'\{1,2\}'::anyarray|.*most_common_vals.*", "arrays of any type are read"),
]


class Pair:
    """A connection of each driver, opened again when a call was the end of one."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.modules = (asyncpg, pgstride)
        self.connections: list[typing.Any] = []

    async def __aenter__(self) -> Pair:
        self.connections = [await module.connect(self.dsn) for module in self.modules]
        await self.connections[0].execute(oracle_cases.SETUP)
        await self.connections[1].execute("set search_path = oracle, public, pg_catalog")
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self.connections:
            await connection.execute("drop schema if exists oracle cascade")
            await connection.close()

    async def difference(self, call: typing.Callable[[typing.Any, typing.Any], typing.Any]) -> str | None:
        """`call(module, connection)` on both; how they differ."""
        theirs, ours = [
            await outcome(lambda: call(module, connection))
            for module, connection in zip(self.modules, self.connections)
        ]
        for i, module in enumerate(self.modules):
            if self.connections[i].is_closed():
                self.connections[i] = await module.connect(self.dsn)
                await self.connections[i].execute("set search_path = oracle, public, pg_catalog")
        return None if theirs == ours else f"\n  asyncpg:  {theirs}\n  pgstride: {ours}"


def is_meant(type_: str, name: str) -> bool:
    return any(re.fullmatch(t, type_) and re.fullmatch(n, name, re.DOTALL) for t, n, _ in DEVIATIONS)


@pytest.fixture(scope="module")
def difference(dsn):
    """Pair.difference() of one pair for all tests."""
    loop = asyncio.new_event_loop()
    pair = Pair(dsn)
    loop.run_until_complete(pair.__aenter__())
    yield lambda call: loop.run_until_complete(pair.difference(call))
    loop.run_until_complete(pair.__aexit__())
    loop.close()


@pytest.mark.parametrize("type_", oracle_cases.TYPES)
@pytest.mark.filterwarnings("ignore:__int__ returned non-int:DeprecationWarning")  # ipaddress, of a bool
def test_arguments(difference, type_):
    values = {module: oracle_cases.values(module) for module in (asyncpg, pgstride)}
    # Without a value there is nothing to be shown of void.
    shown = f"pg_typeof($1::{type_})::text" if type_ == "void" else f"$1::{type_}::text"
    query = f"select $1::{type_} as value, {shown} as shown"
    found = []
    for name in values[pgstride]:

        async def call(module, connection):
            return tuple(await connection.fetchrow(query, values[module][name]))

        if not is_meant(type_, name) and (how := difference(call)):
            found.append(f"{name}: {how}")
    assert not found, "\n".join(found)


def test_results(difference):
    found = []
    for expression in oracle_expressions.EXPRESSIONS:

        async def call(_, connection):
            rows = await connection.fetch(f"select {expression} as value")
            statement = await connection.prepare(f"select {expression} as value")
            return rows, statement.get_attributes(), statement.get_parameters()

        if not is_meant("", expression) and (how := difference(call)):
            found.append(f"{expression}: {how}")
    assert not found, "\n".join(found)


async def in_transaction(connection, call):
    async with connection.transaction():
        return await call()


async def block(connection, **options):
    async with connection.transaction(**options):
        return connection.is_in_transaction()


async def cursor_of(connection, call):
    async with connection.transaction():
        return await call(await connection.cursor("select * from generate_series(1, 10) g"))


async def too_late(connection, operation):
    """A cursor that has come to its end, and whose transaction is over."""
    async with connection.transaction():
        cursor = await connection.cursor("select 1")
        await cursor.fetch(2)
    return await getattr(cursor, operation)(*[1] * (operation != "fetchrow"))


async def prepared(connection, call, query="select $1::int a, 2 b"):
    return await call(await connection.prepare(query))


async def now(function):
    return function()


async def now_text(awaitable):
    """A status knows more here, and is equal."""
    return str(await awaitable)


async def iterated(connection, prefetch):
    async with connection.transaction():
        return [row async for row in connection.cursor("select generate_series(1, 10)", prefetch=prefetch)]


async def refused(awaitable):
    with pytest.raises(Exception, match="invalid input for query argument"):
        await awaitable


async def counted(connection, call):
    """How many queries that was."""
    before = connection._protocol.queries_count
    await call()
    return connection._protocol.queries_count - before


async def closed(connection, call):
    await connection.close()
    return await call(connection)


async def logged(connection, call):
    with connection.query_logger(str):
        return await call()


async def transaction_states(connection, operations, **options):
    transaction = connection.transaction(**options)
    seen: list[object] = [repr(transaction)]
    for operation in operations:
        try:
            seen.append(await getattr(transaction, operation)())
        except Exception as error:
            seen.append((type(error).__name__, str(error)))
        seen.append((repr(transaction), connection.is_in_transaction()))
    return seen


CALLS: dict[str, typing.Callable[[typing.Any], typing.Any]] = {
    "fetch": lambda c: c.fetch("select 1 a, 'x' b"),
    "fetch, nothing": lambda c: c.fetch(""),
    "fetchrow, semicolon": lambda c: c.fetchrow(";"),
    "fetchval, no columns": lambda c: c.fetchval("select"),
    "fetchrow, no columns": lambda c: c.fetchrow("select"),
    "fetch, same names": lambda c: c.fetch('select 1 a, 2 a, 3 "?column?"'),
    "fetchval, column": lambda c: c.fetchval("select 1 a, 2 b", column=1),
    "fetchval, name": lambda c: c.fetchval("select 1 a, 2 b", column="b"),
    "fetchval, bad column": lambda c: c.fetchval("select 1 a, 2 b", column=5),
    "fetchval, bad name": lambda c: c.fetchval("select 1 a, 2 b", column="z"),
    "fetchval, no row": lambda c: c.fetchval("select 1 where false"),
    "too many arguments": lambda c: c.fetch("select 1", 1),
    "too few arguments": lambda c: c.fetch("select $1::int, $2::int", 1),
    "unique": lambda c: c.fetch("insert into t values (1, 'x')"),
    "foreign key": lambda c: c.fetch("insert into u values (1, 100, 1)"),
    "check": lambda c: c.fetch("insert into u values (1, 1, -1)"),
    "not null": lambda c: c.fetch("insert into u values (1, 1, 1, null)"),
    "no table": lambda c: c.fetch("select * from nope"),
    "no column": lambda c: c.fetch("select nope from t"),
    "syntax": lambda c: c.execute("selec 1"),
    "two commands": lambda c: c.fetch("select 1; select 2"),
    "raised": lambda c: c.fetch("do $$ begin raise 'x' using errcode = 'ZZ001', detail = 'd', hint = 'h'; end $$"),
    "timeout, bool": lambda c: c.fetch("select 1", timeout=True),
    "timeout, text": lambda c: c.fetch("select 1", timeout="3"),
    "timeout, no number": lambda c: c.fetch("select 1", timeout="x"),
    "timeout, no number, logged": lambda c: logged(c, lambda: c.fetch("select 1", timeout="x")),
    "timeout, nothing": lambda c: c.fetch("select 1", timeout=0),
    "timeout, over": lambda c: c.fetch("select pg_sleep(5)", timeout=0.05),
    "executemany, dict": lambda c: c.executemany("select $1::int", [{"a": 1}]),
    "executemany, set": lambda c: c.executemany("select $1::int", [{1}]),
    "executemany, text": lambda c: c.executemany("select $1::text", ["a", "b"]),
    "executemany, bad": lambda c: c.executemany("select $1::int", [(1,), ("x",)]),
    "executemany, server": lambda c: c.executemany("select 1 / $1::int", [(1,), (0,)]),
    "executemany, too few": lambda c: c.executemany("select $1::int", [()]),
    "fetchmany": lambda c: c.fetchmany("select $1::int a, $2::text b", [(1, "x"), (2, "y")]),
    "fetchmany, nothing": lambda c: c.fetchmany("select $1::int a", []),
    "record class": lambda c: c.fetch("select 1", record_class=int),
    "codec, no type": lambda c: c.set_type_codec("nope", encoder=str, decoder=str),
    "codec, format": lambda c: c.set_type_codec("int4", schema="pg_catalog", encoder=str, decoder=str, format="x"),
    "codec, domain": lambda c: c.set_type_codec("dom", schema="oracle", encoder=str, decoder=str),
    "codec, array": lambda c: c.set_type_codec("_int4", schema="pg_catalog", encoder=str, decoder=str),
    "codec, range": lambda c: c.set_type_codec("textr", schema="oracle", encoder=str, decoder=str),
    "codec, no tuple": lambda c: c.set_type_codec(
        "text", schema="pg_catalog", encoder=str, decoder=str, format="tuple"
    ),
    "codec, no type, no format": lambda c: c.set_type_codec("nope", encoder=str, decoder=str, format="x"),
    "codec, domain, no format": lambda c: c.set_type_codec(
        "dom", schema="oracle", encoder=str, decoder=str, format="x"
    ),
    "codec, range, no format": lambda c: c.set_type_codec(
        "textr", schema="oracle", encoder=str, decoder=str, format="x"
    ),
    "alias, format": lambda c: c.set_builtin_type_codec("mood", schema="oracle", codec_name="int", format="x"),
    "alias, no codec": lambda c: c.set_builtin_type_codec("mood", schema="oracle", codec_name="nope"),
    "alias, text": lambda c: c.set_builtin_type_codec("mood", schema="oracle", codec_name="int", format="text"),
    "alias, composite": lambda c: c.set_builtin_type_codec("citype", schema="oracle", codec_name="int"),
    "alias, composite, no format": lambda c: c.set_builtin_type_codec(
        "citype", schema="oracle", codec_name="int", format="x"
    ),
    "alias, capitals": lambda c: c.set_builtin_type_codec("mood", schema="oracle", codec_name="INT"),
    "reset codec": lambda c: c.reset_type_codec("nope"),
    "listener": lambda c: c.add_listener("channel", 5),
    "version": lambda c: now(c.get_server_version),
    "capabilities": lambda c: now(lambda: tuple(c._server_caps)),
    "configuration": lambda c: now(lambda: tuple(c._config)),
    "address": lambda c: now(lambda: c._addr),
    "reset query": lambda c: now(c.get_reset_query),
    "unknown setting": lambda c: now(lambda: c.get_settings().nope),
    "statement": lambda c: prepared(c, lambda s: s.fetch(1)),
    "statement, value": lambda c: prepared(c, lambda s: s.fetchval(1, column="b")),
    "statement, bad": lambda c: prepared(c, lambda s: s.fetch("x")),
    "statement, none": lambda c: prepared(c, lambda s: s.fetch()),
    "statement, timeout": lambda c: prepared(c, lambda s: s.fetch(1, timeout=True)),
    "statement, bad timeout": lambda c: prepared(c, lambda s: s.fetch(1, timeout="x")),
    "statement, parameters": lambda c: prepared(c, lambda s: now(s.get_parameters)),
    "statement, attributes": lambda c: prepared(c, lambda s: now(s.get_attributes)),
    "statement, no status": lambda c: prepared(c, lambda s: now(s.get_statusmsg)),
    "cursor, no transaction": lambda c: prepared(c, lambda s: anext(s.cursor(1).__aiter__())),
    "cursor, prefetch": lambda c: prepared(c, lambda s: now(lambda: s.cursor(1, prefetch=0).__aiter__())),
    "cursor, fetch": lambda c: cursor_of(c, lambda k: k.fetch(3)),
    "cursor, no rows": lambda c: cursor_of(c, lambda k: k.fetch(0)),
    "cursor, row": lambda c: cursor_of(c, lambda k: k.fetchrow()),
    "cursor, forward": lambda c: cursor_of(c, lambda k: k.forward(30)),
    "cursor, forward, bool": lambda c: cursor_of(c, lambda k: k.forward(1, timeout=True)),
    "cursor, forward, bad timeout": lambda c: cursor_of(c, lambda k: k.forward(1, timeout="x")),
    "cursor, repr": lambda c: cursor_of(c, lambda k: now(lambda: repr(k))),
    "cursor, iterated": lambda c: iterated(c, 3),
    "cursor, one by one": lambda c: iterated(c, 1),
    "COPY out, closed": lambda c: closed(c, lambda c: c.copy_from_query("select 1", output=io.BytesIO())),
    "COPY in, closed": lambda c: closed(c, lambda c: c.copy_to_table("t", source=io.BytesIO())),
    "COPY of records, closed": lambda c: closed(c, lambda c: c.copy_records_to_table("t", records=[])),
    "COPY out, timeout": lambda c: now_text(c.copy_from_query("select 1", output=io.BytesIO(), timeout=True)),
    "COPY in, bad timeout": lambda c: c.copy_to_table("t", source=io.BytesIO(), timeout="x"),
    "COPY of records, no time": lambda c: c.copy_records_to_table("t", records=[], timeout=False),
    "reset, timeout": lambda c: c.reset(timeout=True),
    "cursor, counted": lambda c: counted(c, lambda: iterated(c, 3)),
    "an argument that cannot be sent, counted": lambda c: counted(c, lambda: refused(c.fetch("select $1::int", "x"))),
    "sets of which one cannot be sent, counted": lambda c: counted(
        c, lambda: refused(c.executemany("select $1::int", [(1,), ("x",)]))
    ),
    "cursor, counted by hand": lambda c: counted(c, lambda: cursor_of(c, lambda k: k.fetch(3))),
    **{f"cursor, too late: {name}": lambda c, name=name: too_late(c, name) for name in ("fetch", "fetchrow", "forward")},
    "isolation, empty": lambda c: block(c, isolation=""),
    "nested, same isolation": lambda c: in_transaction(
        c, lambda: transaction_states(c, ["start", "rollback"], isolation="read_committed")
    ),
    "COPY out as a script": lambda c: now_text(c.execute("copy (select 1 union select 2) to stdout")),
    "no such parameter": lambda c: c.set_type_codec("text", encoder=str, decoder=str, binary=True),
    "transaction": lambda c: transaction_states(c, ["commit", "rollback", "start", "start", "commit", "start"]),
    "transaction, undone": lambda c: transaction_states(
        c, ["start", "rollback", "commit"], isolation="serializable", readonly=True, deferrable=True
    ),
    "nested isolation": lambda c: in_transaction(c, lambda: transaction_states(c, ["start"], isolation="serializable")),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(difference, name):
    assert difference(lambda _, connection: CALLS[name](connection)) is None
