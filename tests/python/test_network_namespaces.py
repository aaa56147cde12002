# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A real server behind a network that loses packets, whose link goes down, or whose address moves elsewhere (NF-08,
NF-09, R-C2, R-L6). Every wait ends at its deadline or with an error, and a pool gets over it by itself."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import termios
import time

import absent
import namespaces
import pytest
from namespaces import PORT, SERVER
from postconditions import HANG, nothing_lost
from proxy import BOTH_WAYS, Fault, Proxy

import pgstride
from tests.chaos import operations

if missing := namespaces.what_is_missing():
    absent.skip("netns", missing)

OPERATIONS, WORKERS = 500, 40
HURRIED = 20
"""So many more are given up at their deadline."""
JITTER = Fault("jitter", BOTH_WAYS, pause=0.05, spread=0.02)
OUTAGE = 5.0
LATE = 1.0
"""Seconds by which a deadline may be missed on a busy machine; 50 ms are promised."""
EARLY = 0.005
"""Loops count in milliseconds."""
RECOVERY = 5.0
USER_TIMEOUT = 1.5


@pytest.fixture
def target(parts):
    return parts["host"], parts["port"]


@pytest.fixture
def lab():
    with namespaces.Lab() as lab:
        yield lab


@contextlib.contextmanager
def takes(least, most):
    started = time.monotonic()
    yield
    assert least - EARLY <= time.monotonic() - started <= most


async def times_out(timeout, attempt):
    with takes(timeout, timeout + LATE), pytest.raises(asyncio.TimeoutError):
        await attempt


GIVEN = {"host": SERVER, "port": PORT, "user": "postgres", "database": "pgstride", "timeout": HANG}


@contextlib.asynccontextmanager
async def pool_of(size, **options):
    """Closed in the end, or at least terminated."""
    pool = await pgstride.create_pool(min_size=size, max_size=size, **GIVEN | options)
    try:
        yield pool
        await pool.close()
    finally:
        pool.terminate()


async def pids(pool):
    """Of all of its connections, which answer to what they are asked."""
    async with contextlib.AsyncExitStack() as stack:
        lent = [await stack.enter_async_context(pool.acquire(timeout=HANG)) for _ in range(pool.get_max_size())]
        queries = [each.fetchrow("select $1::int4, pg_backend_pid()", i, timeout=HANG) for i, each in enumerate(lent)]
        rows = [await query for query in queries]
    assert [row[0] for row in rows] == list(range(len(lent)))
    return {row[1] for row in rows}


async def has_arrived(connection):
    """Returns once the kernel has nothing of it any more that the server's has not acknowledged."""
    socket = connection._transport.get_extra_info("socket")
    while any(fcntl.ioctl(socket, termios.TIOCOUTQ, bytes(4))):
        await asyncio.sleep(0.005)


# --- packets are lost ---------------------------------------------------------------------------------


class Mixed:
    """Workers that share what is to be done, on pools of which each does a part."""

    def __init__(self, pools, seed):
        self._pools, self._dice = pools, random.Random(seed)
        kinds, weights = list(operations.OPERATIONS), list(operations.OPERATIONS.values())
        self._left = self._dice.choices(kinds, weights, k=OPERATIONS) + [self._late] * HURRIED
        self._dice.shuffle(self._left)
        self.inserted = []
        self.done = 0

    async def work(self, number):
        pool = self._pools[number % len(self._pools)]
        while self._left:
            operation, work = self._left.pop(), operations.Work(self._dice, timeout=HANG)
            if operation in operations.SINGLE and self._dice.random() < 0.3 or operation == self._late:
                await operation(pool, work)
            else:
                async with pool.acquire(timeout=HANG) as connection:
                    await operation(connection, work)
            self.done += 1
            if work.inserted is not None:
                self.inserted.append(work.inserted)

    async def _late(self, pool, _):
        """The pool lends its connection again only when it is known to have been cancelled."""
        timeout = self._dice.uniform(0.2, 0.5)
        async with pool.acquire(timeout=HANG) as connection:
            await times_out(timeout, connection.fetch("select pg_sleep(60)", timeout=timeout))


async def test_packets_that_are_lost_and_late(lab, target, connection):  # NF-08
    """Half of it under TLS, if the server can."""
    await connection.execute("drop table if exists chaos_effects; " + operations.TABLE)
    encryption = (False, "require") if "PGSTRIDE_TEST_ROOT" in os.environ else (False,)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    # TCP leaves nothing of that to be seen but the time it takes.
    async with nothing_lost():
        with Proxy(target, JITTER, JITTER, listener=lab.listen(lab.one)), lab.client.entered():
            ends = lab.client, lab.one
            for end in ends:
                end.lose(percent=1)
            async with contextlib.AsyncExitStack() as stack:
                made = [pool_of(WORKERS // len(encryption), ssl=ssl) for ssl in encryption]
                mixed = Mixed([await stack.enter_async_context(each) for each in made], seed)
                await asyncio.gather(*(mixed.work(number) for number in range(WORKERS)))
            for seen, lost in (end.packets() for end in ends):
                print(f"{lost} of {seen} packets lost")
                assert 0 < lost < seen * 0.03
    assert mixed.done == OPERATIONS + HURRIED
    found = await connection.fetch("select token from chaos_effects where token = any($1)", mixed.inserted)
    assert {row[0] for row in found} == set(mixed.inserted) and mixed.inserted
    await connection.execute("drop table chaos_effects")


# --- the link goes down -------------------------------------------------------------------------------


async def test_a_link_that_is_down_for_a_while(lab, target, observer):  # NF-09, R-C2
    async with nothing_lost():
        with Proxy(target, listener=lab.listen(lab.one)), lab.client.entered():
            async with pool_of(4, tcp_user_timeout=int(USER_TIMEOUT * 1000)) as pool:
                before = await pids(pool)
                waits, asks, rests = [await pool.acquire() for _ in range(3)]
                sleeping, lost, kept = [each.get_server_pid() for each in (waits, asks, rests)]
                sleep = waits.fetch("select pg_sleep(60)", timeout=OUTAGE / 2)
                waiting = asyncio.ensure_future(times_out(OUTAGE / 2, sleep))
                await observer.sleeps(sleeping)
                await has_arrived(waits)  # or that, too, would be lost before its deadline
                with lab.down():
                    went_down = time.monotonic()
                    asking = asyncio.ensure_future(asks.fetch("select 1"))  # without a deadline
                    await times_out(0.5, pool.fetch("select 1", timeout=0.5))
                    await times_out(0.5, pgstride.connect(**GIVEN | {"timeout": 0.5}))
                    with pytest.raises(pgstride.ConnectionDoesNotExistError) as raised:
                        await asyncio.wait_for(asking, HANG)
                    assert isinstance(raised.value.__cause__, OSError), raised.value.__cause__
                    assert USER_TIMEOUT <= time.monotonic() - went_down < OUTAGE
                    await waiting
                    await asyncio.sleep(went_down + OUTAGE - time.monotonic())
                with takes(0, RECOVERY):
                    assert await pool.fetchval("select $1::text", "new", timeout=HANG) == "new"
                    # Who had nothing to say in the meantime has not missed anything.
                    assert await rests.fetchval("select pg_backend_pid()", timeout=HANG) == kept
                    for each in (waits, asks, rests):
                        await pool.release(each)
                    after = await pids(pool)
                print(f"{len(before & after)} of {len(before)} connections have survived")
                assert kept in after and lost not in after
                await observer.terminate(sleeping)


# --- the address moves --------------------------------------------------------------------------------


async def test_an_address_that_moves(lab, target, observer, connect):  # NF-09, R-L6
    """Its old owner keeps the sessions, and hears of nothing."""
    async with nothing_lost():
        with Proxy(target, listener=lab.listen(lab.one)) as old, Proxy(target, listener=lab.listen(lab.other)):
            with lab.client.entered():
                async with pool_of(4) as pool, pool_of(2, check_after=0.001) as careful:
                    before = await pids(pool) | await pids(careful)
                    listens = await connect(**GIVEN, keepalives_idle=1, keepalives_interval=1)
                    before.add(pid := listens.get_server_pid())
                    listening = asyncio.ensure_future(listens.fetch("select pg_sleep(60)"))
                    await observer.sleeps(pid)
                    await has_arrived(listens)
                    connections = old.connections
                    lab.move()
                    with takes(0, RECOVERY):
                        # One finds out, and nobody else has to; not even one who asks again at once.
                        with pytest.raises(pgstride.ConnectionDoesNotExistError):
                            await pool.fetchval("select 1")
                        for each in (pool, careful):
                            assert await each.fetchval("select $1::text", "new") == "new"
                            answers = [each.fetchval("select pg_backend_pid()", timeout=HANG) for _ in range(12)]
                            assert before.isdisjoint(await asyncio.gather(*answers))
                            assert before.isdisjoint(await pids(each))
                    with takes(0, RECOVERY), pytest.raises(pgstride.ConnectionDoesNotExistError):
                        await asyncio.wait_for(listening, HANG)  # its keepalive has met the new owner
                    still_there = "select count(*) from pg_stat_activity where pid = any($1)"
                    assert await observer.connection.fetchval(still_there, before) == len(before) == connections
                    assert old.connections == connections
                    await observer.terminate(pid)
