# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The whole API under Trio. Who is cancelled is in test_trio_cancel.py, whole runs are in test_trio_runs.py."""

from __future__ import annotations

import asyncio
import io
import os
import ssl

import absent
import pytest
from on_trio import HANG, complaints, connected, on_trio, until, usable

import pgstride

import trio  # isort: skip


@on_trio
async def test_queries(dsn):
    async with connected(dsn) as connection:
        assert [tuple(row) for row in await connection.fetch("select * from generate_series(1, $1)", 3)] == [(1,), (2,), (3,)]
        assert (await connection.fetchrow("select 1 as a, 'x' as b"))["b"] == "x"
        assert await connection.fetchval("select sum(i) from generate_series(1, 100000) i") == 5000050000
        assert await connection.execute("create temp table t (a int, b text); select 1") == "SELECT 1"
        await connection.executemany("insert into t values ($1, $2)", [(i, "x" * 1000) for i in range(5000)])
        assert len(await connection.fetchmany("select $1::int", [(1,), (2,)])) == 2
        assert await connection.execute("delete from t where a >= $1", 10) == "DELETE 4990"
        statement = await connection.prepare("select b from t where a = $1")
        assert await statement.fetchval(7) == "x" * 1000
        with pytest.raises(pgstride.DivisionByZeroError):
            await connection.fetch("select 1 / 0")
        await usable(connection)


@on_trio
async def test_types_that_are_looked_up(dsn):
    async with connected(dsn) as connection:
        await connection.execute("create type pg_temp.mood as enum ('glad', 'sad')")
        assert await connection.fetchval("select array['glad', null]::pg_temp.mood[]") == ["glad", None]


@on_trio
async def test_transactions_and_cursors(dsn):
    async with connected(dsn) as connection:
        await connection.execute("create temp table t (a int)")
        async with connection.transaction():
            await connection.execute("insert into t select generate_series(1, 100)")
            with pytest.raises(ZeroDivisionError):
                async with connection.transaction():
                    await connection.execute("delete from t")
                    raise ZeroDivisionError
            assert [row["a"] async for row in connection.cursor("select a from t order by a", prefetch=7)] == list(range(1, 101))
            cursor = await connection.cursor("select a from t order by a")
            assert await cursor.forward(10) == 10 and (await cursor.fetchrow())["a"] == 11
        async with connection.transaction(settings={"app.tenant": "7"}):
            assert await connection.fetchval("show app.tenant") == "7"
        with pytest.raises(pgstride.UndefinedObjectError):
            await connection.transaction(settings={"unknown": "7"}).start()
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("delete from t")
        await transaction.rollback()
        assert await connection.fetchval("select count(*) from t") == 100


@on_trio
async def test_copy(dsn, tmp_path):
    path = tmp_path / "t.csv"

    async def pieces():
        for piece in (b"4\tfo", b"ur\n"):
            await trio.sleep(0)
            yield piece

    async def records():
        for record in [(6, "six"), (7, "seven")]:
            await trio.sleep(0)
            yield record

    async with connected(dsn) as connection:
        await connection.execute("create temp table t (a int, b text)")
        assert await connection.copy_records_to_table("t", records=[(i, "x" * 1000) for i in range(3000)]) == "COPY 3000"
        assert await connection.copy_from_table("t", output=path, format="csv") == "COPY 3000"
        await connection.execute("truncate t")
        assert await connection.copy_to_table("t", source=path, format="csv") == "COPY 3000"
        await connection.execute("truncate t")
        assert await connection.copy_to_table("t", source=pieces()) == "COPY 1"
        assert await connection.copy_to_table("t", source=io.BytesIO(b"5\tfive\n")) == "COPY 1"
        assert await connection.copy_records_to_table("t", records=records()) == "COPY 2"
        out = io.BytesIO()
        assert await connection.copy_from_query("select * from t where a > $1", 4, output=out) == "COPY 3"
        assert out.getvalue() == b"5\tfive\n6\tsix\n7\tseven\n"
        got = []

        async def take(data):
            await trio.sleep(0)
            got.append(data)

        await connection.copy_from_table("t", output=take)
        assert b"".join(got).startswith(b"4\tfour\n5")
        with pytest.raises(FileNotFoundError):
            await connection.copy_to_table("t", source=tmp_path / "none")
        await usable(connection)


@on_trio
async def test_listeners(dsn):
    told = []
    wanted = trio.Event()

    async def take(*args):
        await trio.sleep(0)
        told.append(("async", args[2:]))
        wanted.set()

    async with connected(dsn) as connection:
        await connection.add_listener("news", lambda *args: told.append(("sync", args[2:])))
        await connection.add_listener("news", take)
        connection.add_log_listener(lambda _, message: told.append(("log", message.message)))
        connection.add_query_logger(lambda query: told.append(("query", query.query)))
        connection.add_termination_listener(lambda _: told.append("over"))
        await connection.execute("do $$ begin raise notice 'noticed'; end $$; notify news, 'hello'")
        await wanted.wait()
        with connection.query_logger(print):
            pass
    await trio.sleep(0.01)
    assert {("sync", ("news", "hello")), ("async", ("news", "hello")), ("log", "noticed"), "over"} <= set(told)
    assert any(what[0] == "query" and "raise notice" in what[1] for what in told)


@on_trio
async def test_listeners_hear_before_a_request_returns(dsn):
    async def keep_calling():
        while True:
            trio.lowlevel.current_trio_token().run_sync_soon(int)
            await trio.lowlevel.checkpoint()

    told = []

    async def take(*_):
        told.append("async")

    async with connected(dsn) as connection, trio.open_nursery() as nursery:
        nursery.start_soon(keep_calling)
        connection.add_log_listener(lambda *_: told.append("sync"))
        connection.add_log_listener(take)
        for _ in range(50):
            await connection.execute("do $$ begin raise notice 'noticed'; end $$")
            assert sorted(told) == ["async", "sync"]
            told.clear()
        nursery.cancel_scope.cancel()


@on_trio
async def test_listeners_that_raise_end_nothing(dsn):
    async def fail_later(*_):
        await trio.sleep(0)
        raise ZeroDivisionError

    def fail(*_):
        raise ZeroDivisionError

    async with connected(dsn) as connection:
        await connection.add_listener("news", fail)
        await connection.add_listener("news", fail_later)
        await connection.execute("notify news")
        while len(complaints.records) < 2:
            await trio.sleep(0.001)
        assert {record.exc_info[0] for record in complaints.take()} == {ZeroDivisionError}
        await usable(connection)


@on_trio
async def test_pool(dsn):
    told = []

    async def init(connection):
        told.append(("init", await connection.fetchval("select 1")))

    async def setup(connection):
        told.append(("setup", await connection.fetchval("select 2")))

    async def reset(connection):
        told.append(("reset", await connection.fetchval("select 3")))

    async def work(pool, i):
        async with pool.acquire(timeout=HANG) as connection, connection.transaction():
            assert await connection.fetchval("select $1::int", i) == i

    async with pgstride.create_pool(dsn, min_size=2, max_size=3, init=init, setup=setup, reset=reset) as pool:
        async with trio.open_nursery() as nursery:
            for i in range(20):
                nursery.start_soon(work, pool, i)
        connection = await pool.acquire()
        await pool.release(connection)
    assert {what for what, _ in told} == {"init", "setup", "reset"}
    async with pgstride.create_pool(dsn, min_size=0, max_size=2, max_waiting=1) as pool:
        async with trio.open_nursery() as nursery:
            for method in (pool.fetch, pool.fetchrow, pool.fetchval):
                nursery.start_soon(method, "select pg_sleep(0.01)")
        assert await pool.execute("select 1") == "SELECT 1"
        assert await pool.copy_from_query("select 1", output=io.BytesIO()) == "COPY 1"
        await pool.expire_connections()
        await pool.fetch("select 1")
        async with pool.acquire(), pool.acquire():
            with pytest.raises(asyncio.TimeoutError):
                await pool.acquire(timeout=0.01)
            with pytest.raises(asyncio.TimeoutError):
                await pool.fetch("select 1", timeout=0.01)


@on_trio
async def test_streams(dsn):
    query = "select i, repeat('x', 1000) from generate_series(1, 20000) i"
    async with connected(dsn) as connection:
        assert [row["i"] async for row in connection.stream(query)] == list(range(1, 20001))
        async for _ in connection.stream(query):
            break
        await usable(connection)
        with trio.move_on_after(0.05) as scope:
            async for _ in connection.stream("select pg_sleep(60)"):
                pass
        assert scope.cancelled_caught
        await usable(connection)
        with pytest.raises(asyncio.TimeoutError):
            async for _ in connection.stream(query, timeout=0.1):
                await trio.sleep(0.001)
        await usable(connection)
        with trio.CancelScope() as scope:
            scope.cancel()
            async for _ in connection.stream(query):
                pass
        assert scope.cancelled_caught
        await usable(connection)


@on_trio
async def test_a_function_that_is_run_again(dsn):
    calls = []

    async def work(con):
        calls.append(con)
        await trio.sleep(0)
        if len(calls) < 3:
            await con.execute("do $$ begin raise exception 'again' using errcode = '40001'; end $$")
        return "done"

    async with pgstride.create_pool(dsn, min_size=1, max_size=1) as pool:
        assert await pool.transact(work) == "done" and len(calls) == 3
        with trio.move_on_after(0.05) as scope:
            await pool.transact(lambda con: con.execute("select pg_sleep(60)"))
        assert scope.cancelled_caught
        await usable(pool)


@on_trio
async def test_who_has_a_connection(dsn):
    async with pgstride.create_pool(dsn, min_size=1, max_size=1) as pool:
        async with pool.acquire(timeout=HANG):
            assert [loan.task for loan in pool.loans()] == [trio.lowlevel.current_task().name]
            with pytest.raises(asyncio.TimeoutError, match="no connection of the pool in 0.01 s: of at most 1, 1 are in use"):
                await pool.acquire(timeout=0.01)
        assert pool.loans() == []


@on_trio
async def test_a_pool_that_can_not_connect(dsn):
    """The exception itself, no group of them."""
    async with connected(dsn) as admin:
        await admin.execute("create role two_at_most login connection limit 2")
        try:
            pool = pgstride.create_pool(dsn, user="two_at_most", min_size=5, max_size=5)
            with pytest.raises(pgstride.TooManyConnectionsError):
                await pool
            pool.terminate()
            await until(admin, "select count(*) = 0 from pg_stat_activity where usename = 'two_at_most'")
        finally:
            await admin.execute("drop role two_at_most")


@on_trio
async def test_connecting(dsn):
    """Names are resolved and keys derived on other threads; passwords are asked for."""

    async def password():
        await trio.sleep(0)
        return "secret"

    port = os.environ["PGPORT"]
    async with connected(f"postgres://pgstride_scram@localhost:{port}/pgstride?sslmode=prefer&target_session_attrs=primary", password=password) as connection:
        await usable(connection)
    with pytest.raises(OSError):
        await pgstride.connect(f"postgres://postgres@localhost:{port}", host="host.invalid", timeout=HANG)
    with pytest.raises(pgstride.InvalidPasswordError):
        await pgstride.connect(f"postgres://pgstride_scram:wrong@localhost:{port}/pgstride")


@on_trio
async def test_tls():
    absent.skip_without_tls()
    root = os.environ["PGSTRIDE_TEST_ROOT"]
    address = f"postgresql://pgstride_ssl@localhost:{os.environ['PGPORT']}/pgstride"
    for options in ({"sslmode": "verify-full", "sslrootcert": root}, {"ssl": ssl.create_default_context(cafile=root)}):
        async with connected(address, **options) as connection:
            assert connection.tls is not None
            with trio.move_on_after(0.03):
                await connection.fetch("select pg_sleep(600)")
            await usable(connection)


@on_trio
async def test_an_observer(dsn):
    told = []

    class Observer(pgstride.Observer):
        def on_connect(self, event):
            told.append("connect")

        def on_acquire(self, event):
            told.append("acquire")

        def on_query_end(self, event):
            told.append(event.tag)
            raise ZeroDivisionError

    async with pgstride.create_pool(dsn, min_size=1, max_size=1, observer=Observer()) as pool:
        await pool.fetch("select 1")
    assert told == ["connect", "acquire", "SELECT 1"]
    assert [record.exc_info[0] for record in complaints.take()] == [ZeroDivisionError]


@on_trio
async def test_a_listener(dsn):
    async with pgstride.create_pool(dsn, min_size=1, max_size=1) as pool:
        async with pool.listener("a", first_pause=0.001) as events:
            got = []

            async def consume():
                async for event in events:
                    got.append((event.kind, event.payload))
                    seen.set()

            async with trio.open_nursery() as nursery:
                seen = trio.Event()
                nursery.start_soon(consume)
                nursery.start_soon(events.add, "b")
                await events.add("c")
                await pool.execute("notify a, 'first'")
                await seen.wait()
                seen = trio.Event()
                await pool.fetchval("select pg_terminate_backend($1)", events._con.get_server_pid())
                await seen.wait()
                seen = trio.Event()
                await pool.execute("notify b, 'second'")
                await seen.wait()
                nursery.cancel_scope.cancel()
            assert got == [("notification", "first"), ("reconnected", ""), ("notification", "second")]
            await pool.execute("notify c, 'third'")
            assert (await events.__anext__()).payload == "third"
        with trio.move_on_after(0.05):
            async with pool.listener("a") as events:
                await events.__anext__()
        assert events._is_over
