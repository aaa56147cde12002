# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Giving up members of a pipeline, by cancelling and by timeouts: the others are not lost, and stay in order."""

from __future__ import annotations

import asyncio
import random

import pytest

import pgstride

SLEEP = "select pg_sleep($1)"
WAIT = "select pg_advisory_xact_lock(4711)"
INSERT = "insert into log (what) values ($1)"


@pytest.fixture(autouse=True)
def log(runner, connection):
    runner(connection.execute("create temp table log (id serial, what text)"))
    runner(connection.fetchval(SLEEP, 0.0))
    runner(connection.fetchval(WAIT))
    runner(connection.fetchval(INSERT + " returning what", "known"))
    runner(connection.execute("truncate log"))

    async def log():
        return [row["what"] for row in await connection.fetch("select what from log order by id")]

    return log


class Gate:
    """Whoever runs WAIT stands before it, once it is shut, until it is opened."""

    def __init__(self, observer, pid):
        self._observer = observer
        self._pid = pid

    async def shut(self):
        await self._observer.connection.execute("select pg_advisory_lock(4711)")

    async def is_reached(self):
        await self._observer.until("select count(*) from pg_locks where pid = $1 and not granted", self._pid)

    async def open(self):
        await self._observer.connection.execute("select pg_advisory_unlock(4711)")


@pytest.fixture
def gate(runner, connection, observer):
    gate = Gate(observer, connection.get_server_pid())
    runner(gate.shut())
    return gate


async def cancel(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_second_of_five_while_the_first_runs(connection, gate, log):
    async with connection.pipeline() as p:
        replies = [p.fetchval(WAIT), *(p.execute(INSERT, name) for name in "bcde")]
        waiting = [asyncio.ensure_future(reply) for reply in replies]
        await gate.is_reached()
        await cancel(waiting[1])
        await gate.open()
        assert await asyncio.gather(waiting[0], *waiting[2:]) == [None] + ["INSERT 0 1"] * 3
    assert [name for name in await log() if name != "b"] == ["c", "d", "e"]


async def test_second_of_five_while_it_runs(connection, gate, log):
    async with connection.pipeline() as p:
        replies = [p.execute(INSERT, "a"), p.fetchval(WAIT), *(p.execute(INSERT, name) for name in "cde")]
        second = asyncio.ensure_future(await_it(replies[1]))
        await gate.is_reached()
        await cancel(second)
        await gate.open()
        for reply in replies[2:]:
            assert await reply == "INSERT 0 1"
    assert await log() == ["a", "c", "d", "e"]


async def await_it(reply):
    return await reply


async def test_the_last_one_is_cancelled_on_the_server(connection, observer, log, usable):
    async with connection.pipeline() as p:
        p.execute(INSERT, "a")
        last = asyncio.ensure_future(await_it(p.fetchval(SLEEP, 600.0)))
        await observer.sleeps(connection.get_server_pid())
        await cancel(last)
        p.execute(INSERT, "b")  # behind the fence
    assert await log() == ["a", "b"]
    await usable(connection)


async def test_one_that_waits_for_its_turn_never_runs(connection, gate, log):
    async with connection.pipeline() as p:
        p.fetchval(WAIT)
        p.execute("insert into log (what) values ('prepared' || $1)", "")
        waits = asyncio.ensure_future(await_it(p.execute(INSERT, "never")))
        on_connection = asyncio.ensure_future(connection.execute(INSERT, "never"))
        await asyncio.sleep(0)
        p.execute(INSERT, "last")
        await cancel(waits)
        await cancel(on_connection)
        await gate.open()
    assert await log() == ["prepared", "last"]


async def test_the_one_that_others_wait_for(connection, gate, log):
    """It prepares its statement, and has the line."""
    async with connection.pipeline() as p:
        p.fetchval(WAIT)
        first = asyncio.ensure_future(await_it(p.execute("insert into log (what) values ('prepared' || $1)", "")))
        p.execute(INSERT, "a")
        p.execute("insert into log (what) values ('anew' || $1)", "")
        await asyncio.sleep(0)
        await cancel(first)
        await gate.open()
    assert await log() == ["a", "anew"]


async def test_timeouts(connection, gate, log):
    async with connection.pipeline() as p:
        first = p.fetchval(WAIT)
        prepares = p.execute("insert into log (what) values ('prepared' || $1)", "")
        late = p.execute(INSERT, "late", timeout=0.05)  # while it waits for its turn
        p.execute(INSERT, "last")
        with pytest.raises(asyncio.TimeoutError):
            await late
        assert not prepares.done()
        await gate.open()
        await first
    assert await log() == ["prepared", "last"]
    await gate.shut()
    async with connection.pipeline() as p:
        p.fetchval(WAIT)
        behind = p.fetchval(SLEEP, 0.0, timeout=0.05)  # while it is behind another
        with pytest.raises(asyncio.TimeoutError):
            await behind
        await gate.open()
    with pytest.raises(asyncio.TimeoutError):
        async with connection.pipeline() as p:
            p.fetchval(SLEEP, 600.0, timeout=0.05)
            p.execute(INSERT, "behind", timeout=0.1)  # now nobody waits: the server is told
    assert await log() == ["prepared", "last", "behind"]  # which has been sent


async def test_the_whole_block(connection, observer, usable):
    async def work():
        async with connection.pipeline() as p:
            for _ in range(3):
                p.fetchval(SLEEP, 600.0)
            p.execute("select 'never seen before'")
            p.execute("select 'nor this one'")

    task = asyncio.create_task(work())
    await observer.sleeps(connection.get_server_pid())
    await cancel(task)
    assert not connection._core.pipelining
    await usable(connection)


async def test_a_commit_that_waits_for_its_turn(connection, gate, log):
    """What was to be part of the transaction is not run outside of it."""
    async with connection.pipeline() as p:
        transaction = connection.transaction()
        await transaction.start()
        p.fetchval(WAIT)
        p.execute("insert into log (what) values ('prepared' || $1)", "")
        p.execute(INSERT, "undone")
        commit = asyncio.create_task(transaction.commit())
        await asyncio.sleep(0)
        await cancel(commit)
        await gate.open()
    assert await log() == []
    assert not connection.is_in_transaction()


@pytest.mark.parametrize("seed", range(20))
async def test_at_random(connect, seed):
    """Whatever is given up, replies are those of their own requests, and what was not given up has run in order."""
    dice = random.Random(seed)
    connection = await connect(statement_cache_size=dice.choice([0, 2, 100]))
    await connection.execute("create temp table run (id serial, number int)")
    tasks = {}
    async with connection.pipeline() as p:
        for i in range(200):
            padding = " " * dice.choice([0, 0, 0, i])
            sql = f"insert into run (number){padding} values ($1) returning number"
            method = dice.choice([p.fetchval, connection.fetchval])
            call = method(sql, i) if dice.random() < 0.9 else method("select pg_sleep(0.001), $1::int", i, column=1)
            tasks[i] = asyncio.ensure_future(call)
            await asyncio.sleep(0)  # those of the connection begin only now
            if dice.random() < 0.1:
                await asyncio.sleep(dice.choice([0, 0.001]))
            if dice.random() < 0.3:
                tasks[dice.choice(list(tasks))].cancel()
        results = await asyncio.gather(*tasks.values(), return_exceptions=True)
    for number, result in zip(tasks, results):
        assert result == number or isinstance(result, asyncio.CancelledError)
    ran = [row["number"] for row in await connection.fetch("select number from run order by id")]
    assert ran == sorted(ran)
    assert sum(not isinstance(result, asyncio.CancelledError) for result in results) > 50
