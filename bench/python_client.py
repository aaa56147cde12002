# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""One Python driver on one loop, in a process of its own; run.py tells it what to do.

    python_client.py <driver> <loop> <dsn>

Says what it is in one line, then answers each line on standard input with one on standard output:

    check <TAB> count <TAB> argument <TAB> how <TAB> sql     a digest of what came of it
    run   <TAB> count <TAB> argument <TAB> how <TAB> sql     nanoseconds of CPU <TAB> nanoseconds by the clock
    peak  <TAB> count <TAB> argument <TAB> how <TAB> sql     KiB that the process grew by

How is ``pool`` (a fetch, on a pool's connections), ``pipelined`` (a thousand of them), ``connect``, ``executemany``,
``copy records`` or ``copy out``; anything else is a fetch.
"""

from __future__ import annotations

import asyncio
import datetime
import gc
import hashlib
import itertools
import re
import resource
import sys
import time
import typing
from urllib.parse import urlsplit


class Driver(typing.Protocol):
    async def fetch(self, sql: str, *arguments: object) -> typing.Sequence[typing.Iterable[object]]: ...
    async def executemany(self, sql: str, arguments: typing.Iterable[tuple[object, ...]]) -> None: ...
    async def copy_records_to_table(self, table: str, *, records: typing.Iterable[tuple[object, ...]]) -> str: ...
    async def copy_from_query(
        self, sql: str, *, output: typing.Callable[[bytes], typing.Awaitable[None]]
    ) -> object: ...


class Psycopg:
    """psycopg with what makes it comparable: binary results, prepared statements, $1, no transaction around."""

    def __init__(self, connection: typing.Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        cursor = await self._connection.execute(sql, arguments, prepare=True, binary=True)
        return await cursor.fetchall() if cursor.description else []

    async def executemany(self, sql: str, arguments: typing.Iterable[tuple[object, ...]]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(sql, arguments)

    async def copy_records_to_table(self, table: str, *, records: typing.Iterable[tuple[object, ...]]) -> str:
        async with self._connection.cursor() as cursor:
            async with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(("int4", "text", "float8", "timestamptz"))
                for record in records:
                    await copy.write_row(record)
            return cursor.statusmessage

    async def copy_from_query(self, sql: str, *, output: typing.Callable[[bytes], typing.Awaitable[None]]) -> None:
        async with self._connection.cursor() as cursor:
            async with cursor.copy(f"COPY ({sql}) TO STDOUT") as copy:
                async for data in copy:
                    await output(data)


class PsycopgPool:
    """The same on a pool."""

    def __init__(self, pool: typing.Any) -> None:
        self._pool = pool

    async def fetch(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(sql, arguments, prepare=True, binary=True)
            return await cursor.fetchall()


async def open_pool(driver: str, dsn: str) -> Driver:
    if driver == "psycopg":
        import psycopg
        import psycopg_pool

        options = {"autocommit": True, "cursor_factory": psycopg.AsyncRawCursor}
        pool = psycopg_pool.AsyncConnectionPool(dsn, min_size=10, max_size=10, kwargs=options, open=False)
        await pool.open(wait=True)
        return PsycopgPool(pool)
    return await __import__(driver).create_pool(dsn, min_size=10, max_size=10)


async def open_connection(driver: str, dsn: str) -> typing.Any:
    if driver != "psycopg":
        return await __import__(driver).connect(dsn)
    import psycopg

    return await psycopg.AsyncConnection.connect(dsn, autocommit=True, cursor_factory=psycopg.AsyncRawCursor)


async def connect(driver: str, dsn: str) -> tuple[Driver, str]:
    """The driver and its name and version."""
    connection = await open_connection(driver, dsn)
    module = sys.modules[driver]
    if driver == "psycopg":
        return Psycopg(connection), f"psycopg {module.__version__} ({module.pq.__impl__})"
    return connection, f"{driver} {module.__version__}"


def plain(value: object) -> object:
    """The value without what drivers rightly do differently."""
    if isinstance(value, bytes):  # "char" comes as bytes or as str
        return value.decode("latin-1")
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, (bool, int, float, list)):
        return value
    value = getattr(value, "points", value)  # a Path shows its address
    return re.sub(r"\b(asyncpg|pgstride)\.[a-z_.]*", "", str(value))  # in the repr of a Point


def digest(rows: typing.Iterable[typing.Iterable[object]]) -> str:
    lines = (repr([plain(value) for value in row]) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


RECORDS = [
    (i, f"row number {i}", i / 7, datetime.datetime(2026, 1, 1, microsecond=i, tzinfo=datetime.timezone.utc))
    for i in range(1000)
]


def records(thousands: int) -> typing.Iterable[tuple[object, ...]]:
    return itertools.chain.from_iterable(itertools.repeat(RECORDS, thousands))


async def create_table(driver: Driver, columns: str) -> None:
    await driver.fetch(f"create temp table if not exists copied ({columns}) on commit delete rows")


async def execute_many(driver: Driver, columns: str) -> str:
    await create_table(driver, columns)
    await driver.executemany("insert into copied values ($1, $2, $3, $4)", records(100))
    return "inserted"


async def pipelined(driver: typing.Any, sql: str, arguments: list[int]) -> typing.Any:
    """A thousand times, at once where the driver can."""
    if isinstance(driver, Psycopg):
        async with driver._connection.pipeline():
            cursors = [await driver._connection.execute(sql, arguments, prepare=True, binary=True) for _ in range(1000)]
            return [await cursor.fetchall() for cursor in cursors][-1]
    if not hasattr(driver, "pipeline"):
        return [await driver.fetch(sql, *arguments) for _ in range(1000)][-1]
    async with driver.pipeline() as pipeline:
        replies = [pipeline.fetch(sql, *arguments) for _ in range(1000)]
        return [await reply for reply in replies][-1]


async def copy_records(driver: Driver, columns: str) -> str:
    await create_table(driver, columns)
    return await driver.copy_records_to_table("copied", records=records(1000))


async def copy_out(driver: Driver, sql: str) -> str:
    size = 0

    async def drain(data: bytes) -> None:
        nonlocal size
        size += len(data)

    await driver.copy_from_query(sql, output=drain)
    return f"{size} bytes"


async def do(driver: Driver, how: str, sql: str, arguments: list[int]) -> typing.Any:
    if how == "pipelined":
        return await pipelined(driver, sql, arguments)
    if how == "executemany":
        return await execute_many(driver, sql)
    if how == "copy records":
        return await copy_records(driver, sql)
    if how == "copy out":
        return await copy_out(driver, sql)
    return await driver.fetch(sql, *arguments)


async def run(driver: Driver, how: str, sql: str, arguments: list[int], count: int) -> tuple[int, int]:
    gc.collect()
    fetch = driver.fetch
    clock, cpu = time.perf_counter_ns(), time.process_time_ns()
    if how.startswith("copy") or how in ("executemany", "pipelined"):
        for _ in range(count):
            await do(driver, how, sql, arguments)
    else:
        for _ in range(count):
            await fetch(sql, *arguments)
    return time.process_time_ns() - cpu, time.perf_counter_ns() - clock


async def peak(driver: Driver, sql: str) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = await driver.fetch(sql)
    assert len(rows) == 1_000_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


async def run_connects(driver: str, dsn: str, count: int) -> tuple[int, int]:
    parts = urlsplit(dsn)
    dsn = parts._replace(netloc="pgstride_scram:secret@" + parts.netloc.rpartition("@")[2]).geturl()
    clock, cpu = time.perf_counter_ns(), time.process_time_ns()
    for _ in range(count):
        connection = await open_connection(driver, dsn)
        await connection.close()
    return time.process_time_ns() - cpu, time.perf_counter_ns() - clock


async def main(driver_name: str, dsn: str) -> None:
    driver, name = await connect(driver_name, dsn)
    (server,) = await driver.fetch("show server_version")
    print(name, f"PostgreSQL {server[0]}", sep="\t", flush=True)
    pool: Driver | None = None
    for line in sys.stdin:
        action, count, argument, how, sql = line.rstrip("\n").split("\t")
        arguments = [int(argument)] if argument else []
        if how == "pool" and pool is None:
            pool = await open_pool(driver_name, dsn)
        where = pool if how == "pool" and pool is not None else driver
        if how == "connect":
            print(*await run_connects(driver_name, dsn, int(count)), sep="\t", flush=True)
        elif action == "peak":
            print(await peak(where, sql), flush=True)
        elif action == "check":
            result = await do(where, how, sql, arguments)
            print(result if isinstance(result, str) else digest(result), flush=True)
        else:
            print(*await run(where, how, sql, arguments, int(count)), sep="\t", flush=True)


if __name__ == "__main__":
    _, driver_name, loop, dsn = sys.argv
    if loop == "uvloop":
        import uvloop

        uvloop.run(main(driver_name, dsn))
    else:
        asyncio.run(main(driver_name, dsn))
