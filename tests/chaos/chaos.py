#!/usr/bin/env python3
# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Workers that share connections, give up at random, and are never told what belongs to another.

    chaos.py [--seconds 60] [--seed N] [--loop asyncio|uvloop] [--connections 4] [--workers 16]
             [--sabotage] [--churn PERCENT] [--flat MIB] [--bouncer session|transaction]

Half of the operations are cancelled at some instant, a quarter has a deadline of a few milliseconds. What must
hold meanwhile and at the end are the invariants I1 to I9 of the catalogue: who is not hurried succeeds with its
own answer; what was reported committed is there; connections end idle, without locks or leftovers. The server is
PGSTRIDE_TEST_DSN; PGSTRIDE_DIRECT_DSN, if set, is the same one without a pooler between. Exits with 1 and says
why when something did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import gc
import os
import pathlib
import random
import sys
import time
import typing
import urllib.parse
import warnings

import operations
import pgstride
from operations import OPERATIONS, TABLE, Violation, Work

SABOTAGE = (pgstride.QueryCanceledError, pgstride.AdminShutdownError, pgstride.ConnectionDoesNotExistError)
BATCH = 2000


class Source:
    """Connections by turns, like a pool without any ambition."""

    def __init__(self, dsn: str, size: int, churn: int, options: dict[str, typing.Any]) -> None:
        self._dsn, self._size, self._churn, self._options = dsn, size, churn, options
        self._free: asyncio.Queue[pgstride.Connection] = asyncio.Queue()
        self.opened = 0

    async def open(self) -> None:
        for _ in range(self._size):
            self._free.put_nowait(await self._connect())

    async def _connect(self) -> pgstride.Connection:
        self.opened += 1
        return await pgstride.connect(self._dsn, timeout=60, **self._options)

    @contextlib.asynccontextmanager
    async def connection(self) -> typing.AsyncIterator[pgstride.Connection]:
        connection = await self._free.get()
        try:
            if connection.is_closed():
                connection = await self._connect()
            yield connection
            if random.randrange(100) < self._churn:
                await connection.close(timeout=30)
        finally:
            self._free.put_nowait(connection)

    async def take_all(self) -> list[pgstride.Connection]:
        return [self._free.get_nowait() for _ in range(self._size)]


def memory() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Vitals:
    """Memory after the first quarter and the most of it later; the longest turn of the loop, in seconds of the
    processor, so that what else runs on the machine does not count."""

    def __init__(self) -> None:
        self.early = self.most = 0
        self.longest_turn = 0.0

    async def watch(self, end: float, seconds: float) -> None:
        turn = time.thread_time()
        while (now := time.monotonic()) < end:
            await asyncio.sleep(0.01)
            self.longest_turn = max(self.longest_turn, time.thread_time() - turn)
            if end - now < seconds * 0.75:
                self.early = self.early or memory()
                self.most = max(self.most, memory())
            turn = time.thread_time()


class Chaos:
    def __init__(self, source: Source, observer: pgstride.Connection, seed: int, sabotage: bool) -> None:
        self._source, self._observer, self._sabotage = source, observer, sabotage
        self._dice = random.Random(seed)
        self._committed: list[str] = []
        self._looking = asyncio.Lock()
        """Who uses the observer."""
        self.counts: collections.Counter[str] = collections.Counter()
        self.latest = 0.0
        """The longest that anybody who gave up had to wait."""
        self.vitals = Vitals()

    async def run(self, seconds: float, workers: int) -> None:
        end = time.monotonic() + seconds
        tasks = [asyncio.ensure_future(self._work(end)) for _ in range(workers)]
        tasks.append(asyncio.ensure_future(self._keep_books(end)))
        tasks.append(asyncio.ensure_future(self.vitals.watch(end, seconds)))
        if self._sabotage:
            tasks.append(asyncio.ensure_future(self._sabotage_at_random(end)))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _work(self, end: float) -> None:
        kinds, weights = list(OPERATIONS), list(OPERATIONS.values())
        while time.monotonic() < end:
            async with self._source.connection() as connection:
                if connection.is_in_transaction():  # somebody gave up between BEGIN and its answer
                    await self._clean(connection)
                for operation in self._dice.choices(kinds, weights, k=8 if time.monotonic() < end else 0):
                    await self._one(connection, operation)
                    if connection.is_closed():
                        break
                    if connection.is_in_transaction():
                        await self._clean(connection)

    async def _clean(self, connection: pgstride.Connection) -> None:
        try:
            await connection.execute("rollback")
        except SABOTAGE:
            if not self._sabotage:
                raise

    async def _one(self, connection: pgstride.Connection, operation: operations.Operation) -> None:
        dice = self._dice
        fate = dice.random()
        work = Work(dice, dice.random() * 0.005 if fate < 0.25 else None)
        self.counts["started"] += 1
        task = asyncio.ensure_future(operation(connection, work))
        gave_up = None
        if fate > 0.5:
            if dice.random() < 0.7:
                for _ in range(dice.randrange(12)):
                    await asyncio.sleep(0)
            else:
                await asyncio.sleep(dice.random() * 0.005)
            if not task.done():
                gave_up = time.monotonic()
                task.cancel()
        await asyncio.wait([task])
        if gave_up is not None:
            self.latest = max(self.latest, time.monotonic() - gave_up)
        self._judge(operation, work, task, gave_up is not None)

    def _judge(self, operation: operations.Operation, work: Work, task: asyncio.Task[None], gave_up: bool) -> None:
        if task.cancelled():
            if not gave_up:
                raise Violation(f"{operation.__name__} was cancelled by nobody")
            self.counts["cancelled"] += 1
            return
        failure = task.exception()
        if failure is None:
            self.counts["done"] += 1
            if work.inserted is not None:
                self._committed.append(work.inserted)
        elif isinstance(failure, asyncio.TimeoutError) and work.timeout is not None:
            self.counts["late"] += 1
        elif isinstance(failure, pgstride.InFailedSQLTransactionError) and work.timeout is not None:
            self.counts["late"] += 1
        elif isinstance(failure, SABOTAGE) and self._sabotage:
            self.counts["sabotaged"] += 1
        elif self._sabotage and isinstance(failure, pgstride.InterfaceError) and "closed" in str(failure):
            self.counts["sabotaged"] += 1  # it goes on after the loss, in a transaction's end
        else:
            raise Violation(f"{operation.__name__}, hurried by nobody, failed") from failure

    async def _keep_books(self, end: float) -> None:
        while time.monotonic() < end:
            await asyncio.sleep(0.2)
            if len(self._committed) > BATCH:
                await self.check_effects()

    async def check_effects(self) -> None:
        """I4: what was reported committed is there."""
        committed, self._committed = self._committed, []
        query = "delete from chaos_effects where token = any($1::text[]) returning 1"
        async with self._looking:
            found = await self._observer.fetch(query, committed)
        if len(found) != len(committed):
            raise Violation(f"of {len(committed)} commits that were reported, {len(found)} are there")

    async def check_whole(self) -> None:
        """I4: an executemany() is there as a whole or not at all."""
        query = """select count(*) from (select 1 from chaos_effects where strpos(token, '/') > 0
                   group by split_part(token, '/', 1) having count(*) not in (19, 20)) as broken"""
        if broken := await self._observer.fetchval(query):
            raise Violation(f"{broken} executemany() were carried out in part")

    async def _sabotage_at_random(self, end: float) -> None:
        while time.monotonic() < end:
            await asyncio.sleep(self._dice.random() * 0.2)
            how = self._dice.choice(("pg_cancel_backend", "pg_cancel_backend", "pg_terminate_backend"))
            query = f"""select {how}(pid) from pg_stat_activity where application_name = 'chaos'
                        and backend_type = 'client backend' order by random() limit 1"""
            async with self._looking:
                await self._observer.fetch(query)
            self.counts[how] += 1

    async def check_rest(self, connections: list[pgstride.Connection]) -> None:
        """I7: idle, without locks, cursors or statements beyond the cache."""
        for connection in connections:
            if connection.is_closed():
                continue
            if connection.is_in_transaction():
                await connection.execute("rollback")
            same = operations.same
            same(await connection.fetchval("select count(*) from pg_cursors where name <> ''"), 0)
            statements = await connection.fetchval("select count(*) from pg_prepared_statements")
            if statements > connection._config.statement_cache_size + 5:
                raise Violation(f"{statements} statements are left on the server")
            locks = await connection.fetchval(
                "select count(*) from pg_locks where pid = pg_backend_pid() and locktype in ('advisory', 'tuple')"
            )
            same(locks, 0)


def watch_loop(loop: asyncio.AbstractEventLoop) -> list[dict[str, typing.Any]]:
    complaints: list[dict[str, typing.Any]] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    return complaints


async def main(options: argparse.Namespace) -> dict[str, typing.Any]:
    complaints = watch_loop(asyncio.get_running_loop())
    dsn = os.environ["PGSTRIDE_TEST_DSN"]
    direct = os.environ.get("PGSTRIDE_DIRECT_DSN", dsn)
    descriptors = len(os.listdir("/proc/self/fd"))
    observer = await pgstride.connect(direct, timeout=60)
    await observer.execute("drop table if exists chaos_effects; " + TABLE)
    settings: dict[str, typing.Any] = {"statement_cache_size": options.cache}
    settings["server_settings"] = {"application_name": "chaos"}
    source = Source(dsn, options.connections, options.churn, settings)
    await source.open()
    chaos = Chaos(source, observer, options.seed, options.sabotage)
    started = time.monotonic()
    await chaos.run(options.seconds, options.workers)
    elapsed = time.monotonic() - started
    await chaos.check_effects()
    if not options.sabotage:
        await chaos.check_whole()
    connections = await source.take_all()
    if direct == dsn:
        await chaos.check_rest(connections)
    for connection in connections:
        await connection.close(timeout=30)
    del connections, connection
    await observer.execute("drop table chaos_effects")
    left = "select count(*) from pg_stat_activity where application_name = 'chaos'"
    deadline = time.monotonic() + 30
    while direct == dsn and await observer.fetchval(left):
        if time.monotonic() > deadline:
            raise Violation("sessions are left on the server")
        await asyncio.sleep(0.01)
    await observer.close()
    del observer, source
    gc.collect()
    await asyncio.sleep(0.05)
    counts = chaos.counts
    operations.same(counts["started"], sum(counts[end] for end in ("done", "cancelled", "late", "sabotaged")))
    operations.same(len(os.listdir("/proc/self/fd")), descriptors)
    if complaints:
        raise Violation(f"the loop was told of {complaints[:3]}")
    vitals = chaos.vitals
    if options.flat and vitals.most - vitals.early > options.flat << 20:
        raise Violation(f"memory grew from {vitals.early >> 20} to {vitals.most >> 20} MiB")
    return {
        **counts,
        "seconds": round(elapsed, 1),
        "longest wait of who gave up": round(chaos.latest, 3),
        "longest turn of the loop": round(vitals.longest_turn, 3),
        "memory after a quarter and at most (MiB)": (vitals.early >> 20, vitals.most >> 20),
    }


def stand_between(options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
    """Puts a PgBouncer before the server. In transaction mode nothing may outlive a transaction, statements included."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
    import pgbouncer

    direct = os.environ["PGSTRIDE_TEST_DSN"]
    port = urllib.parse.urlsplit(direct).port
    bouncer = stack.enter_context(pgbouncer.Bouncer(port, options.bouncer, options.connections))
    os.environ.update(PGSTRIDE_TEST_DSN=bouncer.dsn, PGSTRIDE_DIRECT_DSN=direct)
    if options.bouncer == "transaction":
        options.cache = 0
        del OPERATIONS[operations.prepared]


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--cache", type=int, default=20, help="size of the statement cache")
    parser.add_argument("--churn", type=int, default=0, help="of 100 uses, how many end with a reconnect")
    parser.add_argument("--flat", type=int, default=0, help="MiB that memory may grow by after the first quarter")
    parser.add_argument("--sabotage", action="store_true", help="cancel and terminate backends from outside, too")
    parser.add_argument("--bouncer", choices=("session", "transaction"), help="through a PgBouncer in that mode")
    options = parser.parse_args()
    print(f"chaos on {options.loop}, seed {options.seed}", flush=True)
    warnings.simplefilter("error", ResourceWarning)
    if options.loop == "uvloop":
        import uvloop

        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    try:
        with contextlib.ExitStack() as stack:
            if options.bouncer:
                stand_between(options, stack)
            print(loop.run_until_complete(main(options)))
        return 0
    except Violation as violation:
        print(f"VIOLATION: {violation}; cause: {violation.__cause__!r}", file=sys.stderr)
        return 1
    finally:
        loop.close()


if __name__ == "__main__":
    sys.exit(run())
