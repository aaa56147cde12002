# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Workers on a pool while its server crashes, and while another takes its place (FO-1, FO-2, FO-3, DT-28, R-L10; I1, I4)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal

import absent
import pytest

import pgstride
from tests.support import replication

if not replication.available():
    absent.skip("pg_basebackup", "there is none beside the server")

CONNECTIONS, WORKERS = 4, 1000
GONE = (pgstride.ConnectionDoesNotExistError, pgstride.InterfaceError, pgstride.PostgresError, OSError)


class Workers:
    """Each inserts tokens of its own, one by one, and never gives up."""

    def __init__(self, pool: pgstride.Pool) -> None:
        self._pool = pool
        self._stopping = False
        self.committed: set[str] = set()
        self.unknown: set[str] = set()
        self.failed: list[BaseException] = []
        """How requests ended that were under way. Those who could not even get a connection just try again."""

    @contextlib.asynccontextmanager
    async def at_work(self):
        tasks = [asyncio.ensure_future(self._work()) for _ in range(WORKERS)]
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.gather(*tasks)

    async def _work(self) -> None:
        while not self._stopping:
            try:
                connection = await self._pool.acquire(timeout=30)
            except GONE:
                await asyncio.sleep(0.02)
                continue
            try:
                await self._insert(connection)
            finally:
                await self._pool.release(connection)

    async def _insert(self, connection: pgstride.Connection) -> None:
        token = secrets.token_hex(8)
        try:
            echo = await connection.fetchval("insert into tokens values ($1) returning token", token)
        except GONE as error:
            self.failed.append(error)
            if getattr(error, "outcome_unknown", False):
                self.unknown.add(token)
        else:
            assert echo == token
            self.committed.add(token)

    async def succeed(self, times: int = 50) -> None:
        """Returns when so many more have been committed."""
        wanted = len(self.committed) + times
        while len(self.committed) < wanted:
            await asyncio.sleep(0.01)


async def configure(connection: pgstride.Connection, name: str, value: str) -> None:
    await connection.execute(f"alter system set {name} = '{value}'")
    await connection.execute("select pg_reload_conf()")


async def noticed(connection: pgstride.Connection) -> None:
    while not connection.is_closed():
        await asyncio.sleep(0.01)


async def crash_and_failover(pair):
    async def connect(port):
        return await pgstride.connect(pair.dsn(port), database="postgres")

    primary, standby = await connect(pair.primary), await connect(pair.standby)
    await primary.execute("create table tokens (token text primary key)")
    # Nothing is committed before the standby has it, so that nothing may be missing there.
    await configure(primary, "synchronous_standby_names", "*")
    await configure(standby, "wal_retrieve_retry_interval", "200ms")
    async with pgstride.create_pool(
        host=["127.0.0.1", "127.0.0.1"],
        port=[pair.primary, pair.standby],
        user="postgres",
        database="postgres",
        target_session_attrs="read-write",
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
    ) as pool:
        workers = Workers(pool)
        async with workers.at_work():
            await workers.succeed()
            os.kill(primary.get_server_pid(), signal.SIGKILL)  # the server ends all sessions and starts again
            await noticed(primary)
            await workers.succeed()
            assert len(workers.failed) <= CONNECTIONS, workers.failed
            crashed = len(workers.failed)

            primary = await connect(pair.primary)
            postmaster = int((await primary.fetchval("select pg_read_file('postmaster.pid')")).split()[0])
            os.kill(postmaster, signal.SIGQUIT)
            await noticed(primary)
            assert await standby.fetchval("select pg_promote(wait_seconds => 60)")
            await workers.succeed()
            assert len(workers.failed) - crashed <= CONNECTIONS, workers.failed
        there = {row[0] for row in await standby.fetch("select token from tokens")}
    assert workers.committed <= there
    assert there - workers.committed <= workers.unknown  # what is said to have failed has not happened
    await standby.close()


@pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
def test_the_server_crashes_and_then_the_standby_takes_over(runner):
    with replication.Replication() as pair:
        runner(asyncio.wait_for(crash_and_failover(pair), 100))
