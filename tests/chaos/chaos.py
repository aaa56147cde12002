#!/usr/bin/env python3
# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Workers that share a pool, give up at random, and are never told what belongs to another.

    chaos.py [--seconds 60] [--seed N] [--loop asyncio|uvloop] [--connections 4] [--workers 16]
             [--sabotage] [--churn PERCENT] [--flat MIB] [--cache SIZE]

Half of the operations are cancelled at some instant, a quarter has a deadline of a few milliseconds. What must hold
meanwhile and at the end are the invariants I1 to I9 of the catalogue: who is not hurried succeeds with its own
answer; what was reported committed is there; connections end idle, without locks or leftovers, and the pool has them
all back. The server is PGSTRIDE_TEST_DSN; PGSTRIDE_DIRECT_DSN, if set, is the same one without a pooler between, see
pgbouncer.py. Behind a pooler in transaction mode the cache's size is 0, and nothing is done that needs one session
for longer. Exits with 1 and says why when something did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import gc
import os
import random
import re
import sys
import time
import typing
import warnings

import operations
import pgstride
from operations import OPERATIONS, SINGLE, TABLE, Violation, Work, same

SABOTAGE = (pgstride.QueryCanceledError, pgstride.AdminShutdownError, pgstride.ConnectionDoesNotExistError)
LOST = re.compile("connection (is closed|has been released back to the pool)")
BATCH = 2000


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


def is_lost(connection: operations.Connection) -> bool:
    try:
        return connection.is_closed()
    except pgstride.InterfaceError:  # the pool has it back already
        return True


class Chaos:
    def __init__(self, pool: pgstride.Pool, observer: pgstride.Connection, options: argparse.Namespace) -> None:
        self._pool, self._observer, self._sabotage = pool, observer, options.sabotage
        self._churn = options.churn
        self._dice = random.Random(options.seed)
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
            chosen = self._dice.choices(kinds, weights, k=8)
            if self._dice.random() < 0.2:
                for operation in filter(SINGLE.__contains__, chosen):
                    await self._one(self._pool, operation)
            else:
                await self._borrow(chosen, end)

    async def _borrow(self, chosen: list[operations.Operation], end: float) -> None:
        try:
            connection = await self._pool.acquire()
        except SABOTAGE:  # it hit a connection that was just being made
            if not self._sabotage:
                raise
            return
        try:
            for operation in chosen if time.monotonic() < end else ():
                await self._one(connection, operation)
                if is_lost(connection):
                    break
                if connection.is_in_transaction():  # somebody gave up between BEGIN and its answer
                    await self._clean(connection)
            if self._dice.randrange(100) < self._churn and not is_lost(connection):
                await connection.close(timeout=30)
        finally:
            await self._pool.release(connection)

    async def _clean(self, connection: operations.Connection) -> None:
        try:
            await connection.execute("rollback")
        except SABOTAGE:
            if not self._sabotage:
                raise

    async def _one(self, connection: operations.Connection, operation: operations.Operation) -> None:
        dice = self._dice
        fate = dice.random()
        work = Work(dice, dice.random() * 0.005 if fate < 0.25 else None)
        self.counts["operations"] += 1
        task = asyncio.ensure_future(operation(connection, work))
        gave_up = None
        if fate > 0.5:
            if dice.random() < 0.7:
                for _ in range(dice.randrange(12)):
                    await asyncio.sleep(0)
            else:
                await asyncio.wait([task], timeout=dice.random() * 0.005)
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
        elif self._sabotage and isinstance(failure, pgstride.InterfaceError) and LOST.search(str(failure)):
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

    async def check_rest(self, size: int) -> None:
        """I6, I7: the pool has them all back; idle, without locks, cursors or statements beyond the cache."""
        deadline = time.monotonic() + 30
        while (stats := self._pool.stats()).idle != self._pool.get_size() or stats.waiting:
            if time.monotonic() > deadline:
                raise Violation(f"nobody wants anything any more, and yet {stats}")
            await asyncio.sleep(0.01)
        for tries_left in reversed(range(size)):
            try:
                return await self._check_each(size)
            except SABOTAGE:  # what the saboteur did last may be heard of only now
                if not self._sabotage or not tries_left:
                    raise

    async def _check_each(self, size: int) -> None:
        async with contextlib.AsyncExitStack() as leases:
            for _ in range(size):
                connection = await leases.enter_async_context(self._pool.acquire())
                same(connection.is_in_transaction(), False)
                same(await connection.fetchval("select count(*) from pg_cursors where name <> ''"), 0)
                statements = await connection.fetchval("select count(*) from pg_prepared_statements")
                if statements > connection._config.statement_cache_size + 5:
                    raise Violation(f"{statements} statements are left on the server")
                locks = "select count(*) from pg_locks where pid = pg_backend_pid() and locktype in ('advisory', 'tuple')"
                same(await connection.fetchval(locks), 0)
                same(await connection.fetch("select pg_listening_channels()"), [])

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
    size = options.connections
    pool = await pgstride.create_pool(dsn, min_size=size, max_size=size, timeout=60, **settings)
    chaos = Chaos(pool, observer, options)
    started = time.monotonic()
    await chaos.run(options.seconds, options.workers)
    elapsed = time.monotonic() - started
    await chaos.check_effects()
    if not options.sabotage:
        await chaos.check_whole()
    if direct == dsn:
        await chaos.check_rest(size)
    opened = pool.stats().opened
    await pool.close()
    await observer.execute("drop table chaos_effects")
    left = "select count(*) from pg_stat_activity where application_name = 'chaos'"
    deadline = time.monotonic() + 30
    while direct == dsn and await observer.fetchval(left):
        if time.monotonic() > deadline:
            raise Violation("sessions are left on the server")
        await asyncio.sleep(0.01)
    await observer.close()
    del observer, pool
    gc.collect()
    await asyncio.sleep(0.05)
    counts = chaos.counts
    same(counts["operations"], sum(counts[end] for end in ("done", "cancelled", "late", "sabotaged")))
    same(len(os.listdir("/proc/self/fd")), descriptors)
    if complaints:
        raise Violation(f"the loop was told of {complaints[:3]}")
    vitals = chaos.vitals
    if options.flat and vitals.most - vitals.early > options.flat << 20:
        raise Violation(f"memory grew from {vitals.early >> 20} to {vitals.most >> 20} MiB")
    return {
        **counts,
        "seconds": round(elapsed, 1),
        "connections opened": opened,
        "longest wait of who gave up": round(chaos.latest, 3),
        "longest turn of the loop": round(vitals.longest_turn, 3),
        "memory after a quarter and at most (MiB)": (vitals.early >> 20, vitals.most >> 20),
    }


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
    options = parser.parse_args()
    if options.cache == 0:
        for operation in operations.BOUND:
            del OPERATIONS[operation]
    print(f"chaos on {options.loop}, seed {options.seed}", flush=True)
    warnings.simplefilter("error", ResourceWarning)
    if options.loop == "uvloop":
        import uvloop

        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    try:
        print(loop.run_until_complete(main(options)))
        return 0
    except Violation as violation:
        print(f"VIOLATION: {violation}; cause: {violation.__cause__!r}", file=sys.stderr)
        return 1
    finally:
        loop.close()


if __name__ == "__main__":
    sys.exit(run())
