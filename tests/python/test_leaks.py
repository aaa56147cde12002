# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Nothing is left of a call when it is over: no object, no reference, no memory of C++'s (LK-5).

Everything is done so many times, and what there is then must not be more than before. What grows once (caches, free
lists) grows in the beginning, so what is measured is tried again before it counts.
"""

from __future__ import annotations

import asyncio
import ctypes
import datetime
import decimal
import io
import os
import pickle
import typing

import absent
import hostile
import leaks
import postconditions
import pytest
from test_hostile_responses import ERRORS, FRAMING, RESULTS, TURN

import pgstride

LIES, SHORT = FRAMING + RESULTS + ERRORS, 512


class Mine(pgstride.Record):
    pass


QUERY = "select $1::int4 as a, $2::text as b"
ARGUMENT = "an argument that nobody else has"
leaks.WATCHED += [QUERY, ARGUMENT, pgstride.Record, Mine, decimal.Decimal, datetime.datetime, pgstride.Range]

# --- what a connection does ---------------------------------------------------------------------------


async def scroll(c: pgstride.Connection) -> None:
    async with c.transaction():
        async for _ in c.cursor("select generate_series(1, 20)", prefetch=7):
            pass
        cursor = await c.cursor(QUERY, 1, ARGUMENT, record_class=Mine)
        await cursor.fetchrow()
        await cursor.forward(1)


async def stream(c: pgstride.Connection) -> None:
    rows = [row async for row in c.stream(QUERY, 1, ARGUMENT, record_class=Mine)]
    assert rows == [(1, ARGUMENT)]
    async for _ in c.stream("select generate_series(1, 10000), $1::text", ARGUMENT):
        break
    for query, *args in (("select 1 / (2 - i) from generate_series(1, $1) i", 2), ("select $1::int", "x")):
        try:
            async for _ in c.stream(query, *args):
                pass
        except (pgstride.DivisionByZeroError, pgstride.DataError):
            pass


async def prepare(c: pgstride.Connection) -> None:
    statement = await c.prepare(QUERY, record_class=Mine)
    await statement.fetch(1, ARGUMENT)
    await statement.fetchval(1, ARGUMENT)
    await statement.executemany([(1, ARGUMENT), (2, None)])
    assert statement.get_attributes() and statement.get_parameters() and statement.get_statusmsg() is None


async def nest(c: pgstride.Connection) -> None:
    async with c.transaction(isolation="repeatable_read"):
        try:
            async with c.transaction():
                await c.execute("select 1 / 0")
        except pgstride.DivisionByZeroError:
            pass


async def copy(c: pgstride.Connection) -> None:
    data = io.BytesIO()
    await c.copy_from_query("select generate_series(1, 5), 'x'", output=data)
    await c.copy_to_table("leaks", source=data.getvalue())
    await c.copy_records_to_table("leaks", records=[(1, ARGUMENT), (2, None)])
    await c.execute("truncate leaks")


async def fail(c: pgstride.Connection) -> None:
    for query, *args in (("select nonsense",), ("select $1::int", "x"), ("select 1", 2), ("select 1 / $1::int", 0)):
        try:
            await c.fetch(query, *args)
        except (pgstride.PostgresError, pgstride.InterfaceError):
            pass


async def time_out(c: pgstride.Connection) -> None:
    try:
        await c.fetch("select pg_sleep(10)", timeout=0.001)
    except asyncio.TimeoutError:
        pass
    await c.fetchval("select 1")


async def cancel(c: pgstride.Connection) -> None:
    task = asyncio.ensure_future(c.fetch("select pg_sleep(10), $1::text", ARGUMENT))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    await c.fetchval("select 1")


async def listen(c: pgstride.Connection) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def hear(*args: typing.Any) -> None:
        heard.put_nowait(args[-1])

    await c.add_listener("leaks", hear)
    c.add_log_listener(hear)
    c.add_termination_listener(hear)
    with c.query_logger(hear):
        await c.execute("notify leaks, 'payload'; do $$ begin raise notice 'n'; end $$")
    for _ in range(3):
        await asyncio.wait_for(heard.get(), 10)
    c.remove_log_listener(hear)
    c.remove_termination_listener(hear)
    await c.remove_listener("leaks", hear)


async def convert(c: pgstride.Connection) -> None:
    for format, encode, decode in (("text", str, ARGUMENT.__add__), ("binary", str.encode, bytes.decode)):
        await c.set_type_codec("mood", encoder=encode, decoder=decode, format=format)
        await c.fetchrow("select $1::mood, array[$1, null]::mood[]", "ok")
    await c.reset_type_codec("mood")


async def look_up(c: pgstride.Connection) -> None:
    await c.reload_schema_state()
    await c.fetchrow("select $1::mood[], row(1, 'ok'::mood), 'sad'::mood", ["ok", None])


VALUES = """select 1::int2, 2::int8, 1.5::float8, 1.50::numeric, 'x'::text, 'y'::bytea, now(), now()::timestamp,
    current_date, '1:2'::time, '1:2+3'::timetz, '1 day'::interval, gen_random_uuid(), '[1]'::jsonb, '1.2.3.4'::inet,
    '[1,5)'::int4range, '{[1,2),[5,7)}'::int4multirange, array[[1,null],[3,4]], row(1, 'x'), '(1,2)'::point, '((1,2),(3,4))'::path,
    b'101', '(1,2)'::tid, null, 12::money, '08:00:2b:01:02:03'::macaddr, 'a'::"char", '10:20:'::pg_snapshot"""


async def send_back(c: pgstride.Connection) -> None:
    row = await c.fetchrow(VALUES)
    statement = await c.prepare(
        "select $1::int2, $2::int8, $3::float8, $4::numeric, $5::text, $6::bytea, $7::timestamptz, $8::timestamp, $9::date,"
        "$10::time, $11::timetz, $12::interval, $13::uuid, $14::jsonb, $15::inet, $16::int4range, $17::int4multirange,"
        "$18::int[]"
    )
    assert row is not None and (await statement.fetch(*row[:18]))[0] == row[:18]


async def handle_records(c: pgstride.Connection) -> None:
    row = await c.fetchrow(QUERY, 1, ARGUMENT, record_class=Mine)
    assert row is not None
    other = pickle.loads(pickle.dumps(row))
    assert row == other and row == tuple(row) and hash(row) == hash(other) and not row < other
    assert dict(row) == dict(row.items()) and list(row.keys()) == ["a", "b"] and list(row.values()) == [*reversed(row)][::-1]
    assert row.get("a") and row.get("z", ARGUMENT) is ARGUMENT and "a" in row and row[:1] == (1,) and repr(row)
    for key in ("z", 7, 1.5):
        try:
            row[key]  # type: ignore[index]
        except (KeyError, IndexError):
            pass


async def many(c: pgstride.Connection) -> None:
    await c.executemany(QUERY, [(n, ARGUMENT) for n in range(20)])
    await c.fetchmany(QUERY, ((n, None) for n in range(20)), record_class=Mine)
    try:
        await c.executemany(QUERY, [(1, ARGUMENT), ("x", ARGUMENT)])
    except pgstride.DataError:
        pass


async def pipeline(c: pgstride.Connection) -> None:
    for is_left in (False, True):
        try:
            async with c.pipeline() as p:
                replies = [p.fetch(QUERY, n, ARGUMENT, record_class=Mine) for n in range(5)]
                p.fetchval(f"select '{os.urandom(8).hex()}'")
                await asyncio.gather(*replies, c.fetchval(QUERY, 1, ARGUMENT))
                p.fetch("select pg_sleep(10), $1::text" if is_left else "select $1::nonsense", ARGUMENT)
                if is_left:
                    raise KeyError
        except (KeyError, pgstride.UndefinedObjectError):
            pass


ACTS: dict[str, typing.Callable[[pgstride.Connection], typing.Awaitable[object]]] = {
    "fetch": lambda c: c.fetch(QUERY, 1, ARGUMENT),
    "fetch, own class": lambda c: c.fetch(QUERY, 1, ARGUMENT, record_class=Mine),
    "fetchrow": lambda c: c.fetchrow(QUERY, 1, ARGUMENT, timeout=10),
    "fetchval": lambda c: c.fetchval(QUERY, 1, ARGUMENT, column="b"),
    "fetchval, bad column": lambda c: asyncio.gather(c.fetchval(QUERY, 1, ARGUMENT, column="z"), return_exceptions=True),
    "execute": lambda c: c.execute(QUERY, 1, ARGUMENT),
    "script": lambda c: c.execute("select 1; select 2"),
    "evicted": lambda c: c.fetch(f"select '{os.urandom(8).hex()}'"),
    "values": send_back,
    "records": handle_records,
    "many": many,
    "cursors": scroll,
    "streams": stream,
    "statements": prepare,
    "transactions": nest,
    "COPY": copy,
    "failures": fail,
    "timeouts": time_out,
    "cancelling": cancel,
    "pipelines": pipeline,
    "listening": listen,
    "codecs": convert,
    "types": look_up,
    "reset": lambda c: c.reset(),
}


@pytest.mark.parametrize("name", ACTS)
async def test_connection(connect, name):
    connection = await connect(statement_cache_size=10)
    await connection.execute(
        "drop type if exists mood; create type mood as enum ('sad', 'ok'); create temporary table leaks (a int, b text)"
    )
    leaks.WATCHED.append(connection)
    try:
        await leaks.nothing_is_left_of(lambda: ACTS[name](connection))
    finally:
        leaks.WATCHED.pop()


# --- what a pool does ---------------------------------------------------------------------------------


async def lend(p: pgstride.Pool) -> None:
    async with p.acquire() as connection:
        await connection.fetchrow(QUERY, 1, ARGUMENT)


async def give_up(p: pgstride.Pool) -> None:
    """Waiting for a connection, lending one, running on it, giving it back: whatever the cancelling hits."""
    async with p.acquire():
        waiting = asyncio.ensure_future(lend(p))
        late = asyncio.ensure_future(p.fetch(QUERY, 1, ARGUMENT))
        await asyncio.sleep(0)
        waiting.cancel()
        late.cancel()
        await asyncio.wait([waiting, late])
        try:
            await p.acquire(timeout=0.0001)
        except asyncio.TimeoutError:
            pass
    for turns in range(4):
        task = asyncio.ensure_future(lend(p))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])


async def leave_open(p: pgstride.Pool) -> None:
    async with p.acquire() as connection:
        await connection.execute("begin; set search_path = nowhere")


POOL_ACTS: dict[str, typing.Callable[[pgstride.Pool], typing.Awaitable[object]]] = {
    "lending": lend,
    "fetch": lambda p: p.fetch(QUERY, 1, ARGUMENT, record_class=Mine),
    "execute": lambda p: p.execute("select 1"),
    "executemany": lambda p: p.executemany(QUERY, [(1, ARGUMENT)]),
    "failing": lambda p: asyncio.gather(p.fetch("select nonsense"), return_exceptions=True),
    "crowd": lambda p: asyncio.gather(*(p.fetchval(QUERY, n, ARGUMENT) for n in range(5))),
    "giving up": give_up,
    "transaction": leave_open,
}


@pytest.mark.filterwarnings("ignore::pgstride.InterfaceWarning")
@pytest.mark.parametrize("name", POOL_ACTS)
async def test_pool(create_pool, runner, name):
    pool = await create_pool()
    leaks.WATCHED.append(pool)

    async def act() -> None:
        await POOL_ACTS[name](pool)
        runner.complaints.clear()  # of the transaction left open

    try:
        await leaks.nothing_is_left_of(act)
    finally:
        leaks.WATCHED.pop()


async def test_connections_and_pools(runner, dsn):
    async def connect() -> None:
        connection = await pgstride.connect(dsn)
        await connection.fetchrow(QUERY, 1, ARGUMENT)
        await connection.close()

    async def create_pool() -> None:
        async with pgstride.create_pool(dsn, min_size=1, max_size=2) as pool:
            await pool.fetchrow(QUERY, 1, ARGUMENT)

    for act in (connect, create_pool):
        await leaks.nothing_is_left_of(act, max(leaks.ROUNDS // 5, 10))


# --- what hostile servers leave -------------------------------------------------------------------------


@pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
async def test_hostile_servers(runner):  # LK-5
    """Each short lie of test_hostile_responses.py, one after another, is one round."""
    lies = [(ask, said) for _, ask, said, outcome in LIES if outcome != "WAIT" and len(said) <= SHORT]
    assert len(lies) > 80

    async def act() -> None:
        for ask, said in lies:
            with hostile.Hostile(hostile.Part(said, TURN[ask])) as server:
                connection = await postconditions.connect(server)
                try:
                    await asyncio.wait_for(ask(connection), postconditions.HANG)
                except Exception as error:
                    assert not isinstance(error, asyncio.TimeoutError)
                connection.terminate()

    await leaks.nothing_is_left_of(act, max(leaks.ROUNDS // 5, 20))


# --- the measure itself -------------------------------------------------------------------------------

kept: list[object] = []
libc = ctypes.CDLL(None)
LEAKS: dict[str, typing.Callable[[], object]] = {
    "an object": lambda: kept.append(object()),
    "a reference": lambda: ctypes.pythonapi.Py_IncRef(ctypes.py_object(Mine)),
    "memory": lambda: libc.malloc(100),
}


@pytest.mark.parametrize("leak", LEAKS)
async def test_a_leak_is_seen(runner, leak):
    if leak == "memory" and leaks.mallinfo2 is leaks.Mallinfo2:
        absent.skip("glibc", "it alone counts C's memory")

    async def act() -> None:
        LEAKS[leak]()

    with pytest.raises(AssertionError, match="more of something"):
        await leaks.nothing_is_left_of(act)
