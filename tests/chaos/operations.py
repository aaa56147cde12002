# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What the chaos workers do with a connection. Each operation carries a token of its own, has the server send it
back in some shape, and raises Violation when anything but that arrives (I1, I3)."""

from __future__ import annotations

import asyncio
import io
import random
import typing

import pgstride

TABLE = "create table if not exists chaos_effects (token text primary key)"


class Violation(Exception):
    """Something happened that must never happen."""


def same(got: object, expected: object) -> None:
    if got != expected:
        raise Violation(f"got {str(got)[:300]}, expected {str(expected)[:300]}")


class Work:
    """One operation: who runs it, with which luck, and how it may be hurried."""

    def __init__(self, dice: random.Random, timeout: float | None) -> None:
        self.dice = dice
        self.timeout = timeout
        self.token = f"{dice.getrandbits(128):032x}"
        self.inserted: str | None = None
        """The token that is in the table if this succeeds."""


Connection = typing.Union[pgstride.Connection, pgstride.pool.PoolConnectionProxy]
Operation = typing.Callable[[typing.Any, Work], typing.Awaitable[None]]


async def value(connection: Connection, work: Work) -> None:
    same(await connection.fetchval("select $1::text", work.token, timeout=work.timeout), work.token)


async def text(connection: Connection, work: Work) -> None:
    """A statement that is never the same, so the cache churns."""
    same(await connection.fetchval(f"select '{work.token}'", timeout=work.timeout), work.token)


async def rows(connection: Connection, work: Work) -> None:
    count = work.dice.choice((1, 10, 200, 200, 2000))
    got = await connection.fetch(
        "select $1::text as token, i from generate_series(1, $2::int4) as i", work.token, count, timeout=work.timeout
    )
    same([tuple(row) for row in got], [(work.token, i) for i in range(1, count + 1)])


async def slow(connection: Connection, work: Work) -> None:
    query = "select $1::text, pg_sleep(0.003)::text"
    same(tuple(await connection.fetchrow(query, work.token, timeout=work.timeout)), (work.token, ""))


async def script(connection: Connection, work: Work) -> None:
    got = await connection.execute(f"select 1; select '{work.token}'; set local work_mem = '1MB'", timeout=work.timeout)
    same(str(got), "SET")


async def prepared(connection: Connection, work: Work) -> None:
    statement = await connection.prepare("select $1::text, $1::text", timeout=work.timeout)
    for _ in range(3):
        same(tuple(await statement.fetchrow(work.token, timeout=work.timeout)), (work.token, work.token))


async def cursor(connection: Connection, work: Work) -> None:
    async with connection.transaction():
        got = [
            tuple(row)
            async for row in connection.cursor(
                "select $1::text, i from generate_series(1, 25) as i", work.token, prefetch=10, timeout=work.timeout
            )
        ]
    same(got, [(work.token, i) for i in range(1, 26)])


async def transaction(connection: Connection, work: Work) -> None:
    """A setting of one transaction, and a savepoint that is rolled back."""
    setting = "select current_setting('pgstride.token', true)"
    async with connection.transaction():
        if await connection.fetchval(setting, timeout=work.timeout):
            raise Violation("another owner's setting is still there")
        await connection.execute("select set_config('pgstride.token', $1, true)", work.token, timeout=work.timeout)
        try:
            async with connection.transaction():
                await connection.execute("select set_config('pgstride.token', 'inner', true)", timeout=work.timeout)
                raise LookupError
        except LookupError:
            pass
        same(await connection.fetchval(setting, timeout=work.timeout), work.token)
        await connection.execute("select pg_advisory_xact_lock(hashtext($1))", work.token, timeout=work.timeout)


async def pipelined(connection: Connection, work: Work) -> None:
    """Each reply is that to its own request, and the server has run them in the order of the calls."""
    async with connection.pipeline() as p:
        replies = [p.fetchval("select $1::text", f"{work.token}/{i}", timeout=work.timeout) for i in range(10)]
        effect = p.execute("insert into chaos_effects values ($1)", work.token, timeout=work.timeout)
        anew = p.fetchval(f"select token from chaos_effects where token = '{work.token}'", timeout=work.timeout)
        plain = connection.fetchval("select $1::text", work.token, timeout=work.timeout)
        same(await asyncio.gather(*replies, plain), [*(f"{work.token}/{i}" for i in range(10)), work.token])
        await effect
        work.inserted = work.token
        same(await anew, work.token)


async def insert(connection: Connection, work: Work) -> None:
    await connection.execute("insert into chaos_effects values ($1)", work.token, timeout=work.timeout)
    work.inserted = work.token


async def many(connection: Connection, work: Work) -> None:
    """All of them, or none."""
    tokens = [(f"{work.token}/{i}",) for i in range(20)]
    await connection.executemany("insert into chaos_effects values ($1)", tokens, timeout=work.timeout)
    work.inserted = f"{work.token}/19"


async def batch(connection: Connection, work: Work) -> None:
    arguments = [(work.token, i) for i in range(20)]
    got = await connection.fetchmany("select $1::text, $2::int4", arguments, timeout=work.timeout)
    same([tuple(row) for row in got], arguments)


async def copy_in(connection: Connection, work: Work) -> None:
    """All of them, or none."""
    records = [(f"{work.token}/{i}",) for i in range(20)]
    got = await connection.copy_records_to_table("chaos_effects", records=records, timeout=work.timeout)
    same(got, "COPY 20")
    work.inserted = f"{work.token}/19"


async def copy_out(connection: Connection, work: Work) -> None:
    file = io.BytesIO()
    query = "select $1::text from generate_series(1, 300)"
    await connection.copy_from_query(query, work.token, output=file, timeout=work.timeout)
    same(file.getvalue().decode(), f"{work.token}\n" * 300)


async def listen(connection: Connection, work: Work) -> None:
    """What one notifies itself of has come before the answer does."""
    heard = asyncio.get_running_loop().create_future()

    def hear(_connection: Connection, _pid: int, channel: str, payload: object) -> None:
        heard.set_result((channel, payload))

    channel = f"chaos {work.token[:8]}"
    try:
        await connection.add_listener(channel, hear)
        await connection.execute("select pg_notify($1, $2)", channel, work.token, timeout=work.timeout)
        same(await asyncio.wait_for(heard, 30), (channel, work.token))
    finally:
        await connection.remove_listener(channel, hear)


async def error(connection: Connection, work: Work) -> None:
    try:
        await connection.fetch("select 1 / $1::int4", 0, timeout=work.timeout)
    except pgstride.DivisionByZeroError:
        return
    raise Violation("a division by zero succeeded")


OPERATIONS: dict[Operation, int] = {
    value: 30, text: 8, rows: 12, slow: 3, script: 6, prepared: 8, cursor: 5, transaction: 6, pipelined: 4, insert: 6, many: 3, error: 5,
    batch: 3, copy_in: 3, copy_out: 3, listen: 2,
}  # fmt: skip
SINGLE = {value, text, rows, slow, script, insert, many, error, batch, copy_in, copy_out}
"""Those that are one request, which a pool takes as well."""
BOUND: set[Operation] = {prepared, listen}
"""Those that keep something in the session from one transaction to the next."""
