# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Pipelines under Trio."""

from __future__ import annotations

import pytest
from on_trio import connected, on_trio, until, usable

import pgstride

import trio  # isort: skip


@on_trio
async def test_results_and_failures(dsn):
    async with connected(dsn) as connection:
        await connection.execute("create type pg_temp.mood as enum ('glad', 'sad'); create temp table log (what text)")
        with pytest.raises(pgstride.UndefinedColumnError) as caught:
            async with connection.pipeline() as p:
                replies = [p.fetchval("select $1::int", i) for i in range(100)]
                mood = p.fetchval("select 'sad'::pg_temp.mood")
                p.executemany("insert into log values ($1)", [("a",)] * 1000)
                count = p.fetchval("select count(*) from log")
                bad = p.execute("select 1 / 0")
                p.execute("select no_such_column")
                with pytest.raises(pgstride.DivisionByZeroError):
                    await bad
                assert [await reply for reply in replies] == list(range(100))
                assert (await mood, await count, await count) == ("sad", 1000, 1000)
        assert not hasattr(caught.value, "__notes__")
        await usable(connection)


@on_trio
async def test_tasks_queue_up(dsn):
    async with connected(dsn) as connection:
        seen = {}

        async def ask(i):
            seen[i] = await connection.fetchval("select $1::int", i)

        async with connection.pipeline():
            async with trio.open_nursery() as nursery:
                for i in range(50):
                    nursery.start_soon(ask, i)
        assert seen == {i: i for i in range(50)}
        with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
            async with connection.transaction():
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(ask, 1)
                        nursery.start_soon(ask, 2)
                except BaseException as error:
                    raise error.exceptions[0]


@on_trio
async def test_cancelling(dsn):
    async with connected(dsn) as connection, connected(dsn) as other:
        await connection.execute("create temp table log (what text)")
        waits = "select count(*) = 1 from pg_locks where pid = $1 and not granted"
        await other.execute("select pg_advisory_lock(4711)")
        async with connection.pipeline() as p:
            first = p.fetchval("select pg_advisory_xact_lock(4711)")
            second = p.fetchval("select pg_sleep(0.1)")
            last = p.execute("insert into log values ('last')")
            await until(other, waits, connection.get_server_pid())
            with trio.move_on_after(0.01) as scope:
                await second
            assert scope.cancelled_caught
            await other.execute("select pg_advisory_unlock(4711)")
            assert (await first, await last) == (None, "INSERT 0 1")
            with pytest.raises(pgstride.InterfaceError, match="was given up"):
                await second
        with trio.move_on_after(0.1) as scope:
            async with connection.pipeline() as p:
                p.fetchval("select pg_sleep(600)")
                p.fetchval("select pg_sleep(600)")
        assert scope.cancelled_caught and not connection._core.pipelining
        await usable(connection)
        with trio.CancelScope() as scope:
            scope.cancel()
            async with connection.pipeline() as p:
                never = p.execute("insert into log values ('never')")
                await never
        assert scope.cancelled_caught
        assert await connection.fetch("select * from log") == [("last",)]


@on_trio
async def test_transactions_of_two_tasks_do_not_mix(dsn):
    async with connected(dsn) as connection:
        begun, over = trio.Event(), trio.Event()

        async def other():
            await begun.wait()
            with pytest.raises(pgstride.InterfaceError, match="cannot begin a transaction within that of another task"):
                async with connection.transaction():
                    pass
            over.set()

        async with connection.pipeline(), trio.open_nursery() as nursery:
            nursery.start_soon(other)
            async with connection.transaction():
                begun.set()
                await over.wait()


@on_trio
async def test_on_a_pools_connection(dsn):
    async with pgstride.create_pool(dsn, min_size=1, max_size=1) as pool:
        async with pool.acquire() as connection, connection.pipeline() as p:
            replies = [p.fetchval("select $1::int", i) for i in range(10)]
            assert [await reply for reply in replies] == list(range(10))
        with pytest.raises(pgstride.ConnectionDoesNotExistError):
            async with pool.acquire() as connection, connection.pipeline() as p:
                p.fetchval("select pg_terminate_backend(pg_backend_pid()), pg_sleep(600)")
                p.fetchval("select 'never seen before'")
        assert await pool.fetchval("select 1") == 1
