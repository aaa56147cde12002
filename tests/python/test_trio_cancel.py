# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Cancel scopes and deadlines of Trio: what is cancelled ends at once, and leaves everything in order.

CX-1, CX-3, CX-6 and DT-26 under a library that goes on cancelling: each wait in a cancelled scope is cancelled, those
of cleaning up as well.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket

import pytest
from on_trio import HANG, connected, on_trio, until, usable

import pgstride

import trio  # isort: skip

ROUNDS = int(os.environ.get("PGSTRIDE_TRIO_ROUNDS", "40"))
SEED = int(os.environ.get("PGSTRIDE_TRIO_SEED", "1"))


async def rests(observer, connection):
    await until(
        observer, "select count(*) > 0 from pg_stat_activity where pid = $1 and state = 'idle'", connection.get_server_pid()
    )


# --- scopes -------------------------------------------------------------------------------------------

SLOW = {
    "fetch": lambda connection: connection.fetch("select pg_sleep(600)"),
    "fetchval": lambda connection: connection.fetchval("select pg_sleep($1)", 600),
    "script": lambda connection: connection.execute("select 1; select pg_sleep(600)"),
    "many": lambda connection: connection.executemany("select pg_sleep($1)", [(600,)]),
    "copy": lambda connection: connection.copy_from_query("select pg_sleep(600)", output=os.devnull),
}


@pytest.mark.parametrize("request_", SLOW.values(), ids=SLOW)
@on_trio
async def test_a_request_is_cancelled_on_the_server(dsn, request_):
    async with connected(dsn) as observer, connected(dsn) as connection:
        with trio.move_on_after(0.03) as scope:
            await request_(connection)
        assert scope.cancelled_caught
        await usable(connection)
        await rests(observer, connection)


@on_trio
async def test_cancelled_is_raised_before_the_server_has_obeyed(dsn):
    """A server that does not answer holds nobody up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = trio.current_time()
        with trio.move_on_after(0.03) as scope:
            await pgstride.connect(host="127.0.0.1", port=server.getsockname()[1], user="me", ssl=False)
        assert scope.cancelled_caught and trio.current_time() - started < 5


@on_trio
async def test_nothing_is_sent_in_a_scope_that_is_cancelled(dsn):
    async with connected(dsn) as connection:
        await connection.execute("create temp table t (a int)")
        statement = await connection.prepare("insert into t values ($1)")
        for attempt in (
            lambda: connection.execute("insert into t values (1)"),
            lambda: connection.fetch("insert into t values ($1) returning a", 1),
            lambda: connection.executemany("insert into t values ($1)", [(1,)]),
            lambda: connection.prepare("select 1"),
            lambda: connection.copy_records_to_table("t", records=[(1,)]),
            lambda: connection.copy_to_table("t", source=b"1\n"),
            lambda: connection.copy_from_table("t", output=os.devnull),
            lambda: statement.fetch(1),
        ):
            with trio.CancelScope() as scope:
                scope.cancel()
                await attempt()
            assert scope.cancelled_caught and connection._core.settled
            assert await connection.fetchval("select count(*) from t") == 0


@on_trio
async def test_a_pool_s_requests_are_not_sent_either(dsn):
    async with pgstride.create_pool(dsn, min_size=1, max_size=1) as pool:
        for attempt in (pool.fetch, pool.execute, pool.fetchval):
            with trio.CancelScope() as scope:
                scope.cancel()
                await attempt("select pg_notify('never', '')")
            assert scope.cancelled_caught and pool.stats().leased == 0
        assert await pool.fetchval("select 1") == 1


@on_trio
async def test_a_block_is_rolled_back_in_a_cancelled_scope(dsn):
    async with connected(dsn) as connection:
        await connection.execute("create temp table t (a int)")
        with trio.CancelScope() as scope:
            async with connection.transaction():
                await connection.execute("insert into t values (1)")
                async with connection.transaction():
                    scope.cancel()
                    await trio.sleep_forever()
        assert not connection.is_in_transaction()
        assert await connection.fetchval("select count(*) from t") == 0


@on_trio
async def test_a_block_that_ends_in_a_cancelled_scope_is_not_committed(dsn):
    async with connected(dsn) as connection:
        await connection.execute("create temp table t (a int)")
        with trio.CancelScope() as scope:
            async with connection.transaction():
                await connection.execute("insert into t values (1)")
                scope.cancel()
        assert scope.cancelled_caught
        async with connection.transaction():
            assert await connection.fetchval("select count(*) from t") == 0


@on_trio
async def test_rolling_back_waits_no_longer_than_it_may(dsn, monkeypatch):
    """The line is dead: nobody answers to the ROLLBACK."""
    monkeypatch.setattr(pgstride.transaction, "_ROLLBACK_LIMIT", 0.1)
    async with connected(dsn) as observer, connected(dsn) as connection:
        with trio.CancelScope() as scope:
            async with connection.transaction():
                os.kill(connection.get_server_pid(), 19)  # SIGSTOP
                scope.cancel()
                await trio.sleep_forever()
        assert connection.is_closed()
        os.kill(connection.get_server_pid(), 18)
        await until(observer, "select count(*) = 0 from pg_stat_activity where pid = $1", connection.get_server_pid())


@on_trio
async def test_closing_in_a_cancelled_scope(dsn):
    async with connected(dsn) as observer:
        connection = await pgstride.connect(dsn)
        pool = await pgstride.create_pool(dsn, min_size=1, max_size=1)
        lent = await pool.acquire()
        pids = [connection.get_server_pid(), lent.get_server_pid()]
        with trio.CancelScope() as scope:
            scope.cancel()
            await connection.close()
        with trio.move_on_after(0.02):
            await pool.close()
        assert connection.is_closed() and pool.is_closing() and pool.get_size() == 0
        await until(observer, "select count(*) = 0 from pg_stat_activity where pid = any ($1)", pids)


# --- anywhere -----------------------------------------------------------------------------------------


async def transfer(pool, amount=1):
    """A bit of everything. It happens as a whole or not at all."""
    async with pool.acquire(timeout=HANG) as connection:
        async with connection.transaction():
            await connection.execute("update accounts set balance = balance - $1 where id = 1", amount)
            async for _ in connection.cursor("select generate_series(1, 5)", prefetch=2):
                pass
            async with connection.transaction():
                await connection.executemany("update accounts set balance = balance + $2 where id = $1", [(2, amount)])
            await connection.copy_records_to_table("transfers", records=[(amount,)])
        await connection.copy_from_query("select 1", output=os.devnull)


async def ask(pool):
    connection = await pool.acquire()
    try:
        await (await connection.prepare("select set_config('application_name', 'dirty', false)")).fetch()
    finally:
        await pool.release(connection)
    await pool.fetch("select $1::text", "x")
    await pool.execute("select 1; select 2")


class Canceller(trio.abc.Instrument):
    """Cancels a scope when its task is about to take a step, or has taken it and waits."""

    def __init__(self, scope: trio.CancelScope, task: trio.lowlevel.Task, step: int, is_waiting: bool) -> None:
        self._scope, self._task, self._left, self._is_waiting = scope, task, step, is_waiting

    def before_task_step(self, task):
        if not self._is_waiting:
            self._count(task)

    def after_task_step(self, task):
        if self._is_waiting:
            self._count(task)

    def _count(self, task):
        if task is self._task:
            self._left -= 1
            if self._left == 0:
                self._scope.cancel()


@pytest.fixture
def books(dsn):
    """Two accounts, and a list of what went from one to the other."""

    async def execute(query):
        connection = await pgstride.connect(dsn)
        await connection.execute(query)
        await connection.close()

    trio.run(
        execute,
        "drop table if exists accounts, transfers; create table transfers (amount int);"
        "create table accounts (id int, balance int); insert into accounts values (1, 0), (2, 0)",
    )
    yield
    trio.run(execute, "drop table accounts, transfers")


async def check(pool):
    """Every slot has come back and is usable, and the books balance."""
    while (stats := pool.stats()).leased or stats.resetting or stats.retiring or stats.connecting or stats.waiting:
        await trio.sleep(0.001)
    lent = [await pool.acquire(timeout=HANG) for _ in range(pool.get_max_size())]
    for connection in lent:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("show application_name") != "dirty"
    books = await lent[0].fetchrow(
        "select sum(balance), max(balance), (select coalesce(sum(amount), 0) from transfers) from accounts"
    )
    for connection in lent:
        await pool.release(connection)
    assert books[0] == 0 and books[1] == books[2]


@pytest.mark.parametrize("is_waiting", [True, False], ids=["waiting", "about to go on"])
@pytest.mark.parametrize("scenario", [transfer, ask])
def test_cancelled_at_every_step(books, dsn, scenario, is_waiting):
    @on_trio
    async def run():
        async with pgstride.create_pool(dsn, min_size=0, max_size=1) as pool:
            step, is_over = 0, False
            while not is_over:
                step += 1
                with trio.CancelScope() as scope:
                    canceller = Canceller(scope, trio.lowlevel.current_task(), step, is_waiting)
                    trio.lowlevel.add_instrument(canceller)
                    try:
                        await scenario(pool)
                    finally:
                        trio.lowlevel.remove_instrument(canceller)
                is_over = not scope.cancel_called
                await check(pool)
            assert step > 5

    run()


def test_chaos(books, dsn):
    """Workers that give up at random. The seed decides what they do."""
    chance = random.Random(SEED)

    async def work(pool):
        for _ in range(ROUNDS):
            limit = chance.choice([0, 0.001, 0.003, 0.01, HANG])
            with trio.move_on_after(limit):
                try:
                    await chance.choice([transfer, ask])(pool)
                    await pool.fetch("select pg_sleep(0.01)", timeout=chance.choice([0.002, HANG]))
                except asyncio.TimeoutError:
                    pass

    @on_trio
    async def run():
        async with pgstride.create_pool(dsn, min_size=1, max_size=3) as pool:
            async with trio.open_nursery() as nursery:
                for _ in range(8):
                    nursery.start_soon(work, pool)
            await check(pool)

    run()


# --- deadlines ----------------------------------------------------------------------------------------


@on_trio
async def test_timeouts(dsn):
    async with connected(dsn, command_timeout=0.03) as connection:
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select pg_sleep(600)")
        with pytest.raises(asyncio.TimeoutError):
            await connection.copy_from_query("select pg_sleep(600)", output=os.devnull)
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select 1", timeout=0)
        assert await connection.fetchval("select 1 from pg_sleep(0.05)", timeout=HANG) == 1
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.01):
            await connection.fetch("select pg_sleep(600)", timeout=HANG)
        await usable(connection)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(asyncio.TimeoutError):
        await pgstride.connect(host="127.0.0.1", port=server.getsockname()[1], user="me", timeout=0.03, ssl=False)

    async def password():
        await trio.sleep_forever()

    with pytest.raises(asyncio.TimeoutError):
        await pgstride.connect(dsn, password=password, timeout=0.03)


@on_trio
async def test_who_cancels_counts_before_a_timeout(dsn):
    """The scope of whoever called is cancelled: it is not told of a timeout."""
    async with pgstride.create_pool(dsn, min_size=1, max_size=1) as pool, pool.acquire():
        with trio.move_on_after(0.02) as scope:
            await pool.acquire(timeout=HANG)
        assert scope.cancelled_caught
        with trio.CancelScope() as scope:
            scope.cancel()
            await pool.acquire(timeout=0.001)
        assert scope.cancelled_caught and pool.stats().waiting == 0


@on_trio
async def test_a_hook_of_a_pool_that_hangs(dsn):
    async def reset(connection):
        await trio.sleep_forever()

    async with pgstride.create_pool(dsn, min_size=1, max_size=1, reset=reset) as pool:
        connection = await pool.acquire()
        with pytest.raises(asyncio.TimeoutError):
            await pool.release(connection, timeout=0.02)
        connection = await pool.acquire()
        with trio.move_on_after(0.02) as scope:
            await pool.release(connection)
        assert scope.cancelled_caught
        connection.terminate()  # the reset goes on
    assert pool.stats().leased == 0


@on_trio
async def test_a_pool_that_is_being_made(dsn):
    made = []

    async def init(connection):
        made.append(connection)
        if len(made) > 1:
            await trio.sleep_forever()

    heard = []
    with trio.move_on_after(0.2) as scope:
        try:
            await pgstride.create_pool(dsn, min_size=3, max_size=3, init=init)
        except BaseException as error:
            heard.append(type(error))
            raise
    assert scope.cancelled_caught and heard == [trio.Cancelled]  # no group of them
    for connection in made:
        connection.terminate()
