# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""One Python driver on one loop, in a process of its own; run.py tells it what to do.

    python_client.py <driver> <loop> <dsn>

Says what it is in one line, then answers each line on standard input with one on standard output:

    check <TAB> count <TAB> argument <TAB> row <TAB> sql     a digest of the rows
    run   <TAB> count <TAB> argument <TAB> row <TAB> sql     nanoseconds of CPU <TAB> nanoseconds by the clock

Where the row is ``pool``, on a pool's connections.
"""

from __future__ import annotations

import asyncio
import datetime
import gc
import hashlib
import sys
import time
import typing


class Driver(typing.Protocol):
    async def fetch(self, sql: str, *arguments: object) -> typing.Sequence[typing.Iterable[object]]: ...


class Psycopg:
    """psycopg with what makes it comparable: binary results, prepared statements, $1, no transaction around."""

    def __init__(self, connection: typing.Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        cursor = await self._connection.execute(sql, arguments, prepare=True, binary=True)
        return await cursor.fetchall()


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


async def connect(driver: str, dsn: str) -> tuple[Driver, str]:
    """The driver and its name and version."""
    if driver == "psycopg":
        import psycopg

        connection = await psycopg.AsyncConnection.connect(
            dsn, autocommit=True, cursor_factory=psycopg.AsyncRawCursor
        )
        return Psycopg(connection), f"psycopg {psycopg.__version__} ({psycopg.pq.__impl__})"
    module = __import__(driver)
    return await module.connect(dsn), f"{driver} {module.__version__}"


def plain(value: object) -> object:
    """The value without what drivers rightly do differently."""
    if isinstance(value, bytes):  # "char" comes as bytes or as str
        return value.decode("latin-1")
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    return value if isinstance(value, (bool, int, float, list)) else str(value)


def digest(rows: typing.Iterable[typing.Iterable[object]]) -> str:
    lines = (repr([plain(value) for value in row]) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


async def run(driver: Driver, sql: str, arguments: list[int], count: int) -> tuple[int, int]:
    gc.collect()
    fetch = driver.fetch
    clock, cpu = time.perf_counter_ns(), time.process_time_ns()
    for _ in range(count):
        await fetch(sql, *arguments)
    return time.process_time_ns() - cpu, time.perf_counter_ns() - clock


async def main(driver_name: str, dsn: str) -> None:
    driver, name = await connect(driver_name, dsn)
    (server,) = await driver.fetch("show server_version")
    print(name, f"PostgreSQL {server[0]}", sep="\t", flush=True)
    pool: Driver | None = None
    for line in sys.stdin:
        action, count, argument, row, sql = line.rstrip("\n").split("\t")
        arguments = [int(argument)] if argument else []
        if row == "pool" and pool is None:
            pool = await open_pool(driver_name, dsn)
        where = pool if row == "pool" and pool is not None else driver
        if action == "check":
            print(digest(await where.fetch(sql, *arguments)), flush=True)
        else:
            print(*await run(where, sql, arguments, int(count)), sep="\t", flush=True)


if __name__ == "__main__":
    _, driver_name, loop, dsn = sys.argv
    if loop == "uvloop":
        import uvloop

        uvloop.run(main(driver_name, dsn))
    else:
        asyncio.run(main(driver_name, dsn))
