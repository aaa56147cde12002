#!/usr/bin/env python3
# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A bank in Python: clients move money between 100 000 accounts, and some of them lose patience.

    demo.py [dsn]

Without a dsn the usual variables (PGHOST, PGUSER, PGDATABASE, …) say where the server is. Everything
happens in a schema of its own, pgstride_demo, which is gone afterwards.
"""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
import random
import statistics
import sys
import time

import pgstride

ACCOUNTS, TELLERS, START_BALANCE = 100_000, 100, 1_000  # as in bank.sql
CLIENTS = 8
SECONDS = 6.0
IMPATIENT = 0.05  # this part of the transfers is given up after at most
PATIENCE = 0.005  # seconds


@dataclasses.dataclass
class Tally:
    """What has happened so far."""

    latencies: list[float] = dataclasses.field(default_factory=list)  # of the transfers that were made
    cancelled: int = 0


async def connect(dsn: str | None) -> pgstride.Connection:
    return await pgstride.connect(dsn, server_settings={"search_path": "pgstride_demo"})


async def transfer(bank: pgstride.Connection, source: int, target: int, teller: int, amount: int) -> None:
    async with bank.transaction():
        # Rows are locked in the same order by everyone, so that no two transfers wait for each other.
        branches = []
        for account, change in sorted([(source, -amount), (target, amount)]):
            update = "update accounts set balance = balance + $2 where id = $1 returning branch"
            branches.append((await bank.fetchval(update, account, change), change))
        await bank.execute("update tellers set turnover = turnover + $2 where id = $1", teller, amount)
        for branch, change in sorted(branches):
            await bank.execute("update branches set balance = balance + $2 where id = $1", branch, change)
        record = "insert into history (source, target, teller, amount) values ($1, $2, $3, $4)"
        await bank.execute(record, source, target, teller, amount)


async def client(bank: pgstride.Connection, until: float, tally: Tally) -> None:
    while (start := time.monotonic()) < until:
        source, target = random.sample(range(1, ACCOUNTS + 1), 2)
        patience = random.uniform(0, PATIENCE) if random.random() < IMPATIENT else None
        wanted = transfer(bank, source, target, random.randint(1, TELLERS), random.randint(1, 100))
        try:
            # When time is up this cancels the transfer, wherever it is. The connection simply goes on.
            await asyncio.wait_for(wanted, patience)
        except asyncio.TimeoutError:
            tally.cancelled += 1
        else:
            tally.latencies.append(time.monotonic() - start)


async def show_progress(until: float, tally: Tally) -> None:
    is_live = sys.stdout.isatty()
    while (left := until - time.monotonic()) > 0:
        await asyncio.sleep(min(left, 0.1 if is_live else 2.0))
        made, seconds = len(tally.latencies), SECONDS + time.monotonic() - until
        line = f"Python: {seconds:3.1f} s, {made} transfers, {made / seconds:.0f} per second, {tally.cancelled} cancelled"
        print(f"\r\033[K{line}" if is_live else line, end="" if is_live else "\n", flush=True)
    print("\r\033[K" if is_live else "", end="")


async def trade(dsn: str | None, tally: Tally) -> bool:
    """Lets all clients loose; whether each still has the connection it began with."""
    connections = await asyncio.gather(*(connect(dsn) for _ in range(CLIENTS)))
    try:
        until = time.monotonic() + SECONDS
        await asyncio.gather(show_progress(until, tally), *(client(bank, until, tally) for bank in connections))
        return all([await c.fetchval("select pg_backend_pid()") == c.get_server_pid() for c in connections])
    finally:
        await asyncio.gather(*(bank.close() for bank in connections))


async def stream(bank: pgstride.Connection) -> tuple[int, int]:
    """Number and sum of all balances, which are never in memory all at once."""
    rows = total = 0
    async with bank.transaction(readonly=True):
        async for account in bank.cursor("select id, balance from accounts", prefetch=1000):
            rows += 1
            total += account["balance"]
    return rows, total


async def demo(dsn: str | None) -> bool:
    """Whether everything was as it must be."""
    bank = await connect(dsn)
    try:
        await bank.execute(pathlib.Path(__file__).with_name("bank.sql").read_text())
        print(f"Python: {ACCOUNTS:,} accounts; {CLIENTS} clients transfer money for {SECONDS:.0f} s")
        tally = Tally()
        checks = {"all connections outlived the cancellations": await trade(dsn, tally)}

        start = time.monotonic()
        rows, total = await stream(bank)
        streaming_time = time.monotonic() - start
        checks["no money was made or lost"] = (rows, total) == (ACCOUNTS, ACCOUNTS * START_BALANCE)
        # A transfer that was cancelled during its COMMIT may have been made nevertheless.
        made, recorded = len(tally.latencies), await bank.fetchval("select count(*) from history")
        checks["each transfer was recorded once"] = made <= recorded <= made + tally.cancelled
        checks.update(await bank.fetch("select what, is_right from books"))
    finally:
        await bank.execute("drop schema if exists pgstride_demo cascade")
        await bank.close()

    for what, is_right in checks.items():
        print(f"  {'ok   ' if is_right else 'WRONG'}  {what}")
    percentiles = statistics.quantiles(tally.latencies, n=100)
    p50, p95, p99 = (percentiles[p - 1] * 1000 for p in (50, 95, 99))
    print("           transactions/s    p50 ms    p95 ms    p99 ms   cancelled   rows/s streamed")
    print(
        f"  Python   {made / SECONDS:14.0f}  {p50:8.2f}  {p95:8.2f}  {p99:8.2f}"
        f"  {tally.cancelled:10}  {rows / streaming_time:16.0f}\n"
    )
    return all(checks.values())


if __name__ == "__main__":
    try:
        is_right = asyncio.run(demo(sys.argv[1] if len(sys.argv) > 1 else None))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if is_right else 1)
