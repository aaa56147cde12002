# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""fetch() and the like on the pool itself: on a connection of its choice, reset behind the request."""

from __future__ import annotations

import asyncio
import gc
import time

import hostile
import pytest

import pgstride
from pgstride.exceptions import InterfaceError


async def test_results(create_pool):
    pool = await create_pool()

    class Row(pgstride.Record):
        pass

    assert await pool.execute("select 1; select 2, 3") == "SELECT 1"
    assert (await pool.execute("select $1::int", 3)).rowcount == 1
    assert await pool.fetch("select $1::int as a", 3) == [(3,)]
    assert type((await pool.fetch("select 1", record_class=Row))[0]) is Row
    assert await pool.fetchrow("select 1 as a, 2 as b") == (1, 2)
    assert type(await pool.fetchrow("select 1", record_class=Row)) is Row
    assert await pool.fetchrow("select 1 where false") is None
    assert await pool.fetchval("select 1 as a, 2 as b", column="b") == 2
    assert await pool.fetchval("select 1 as a, 2 as b", column=1, timeout=30) == 2
    assert await pool.fetchmany("select $1::int", [(1,), (2,)]) == [(1,), (2,)]
    await pool.execute("drop table if exists pool_many; create table pool_many (a int)")
    await pool.executemany("insert into pool_many values ($1)", [(i,) for i in range(100)])
    assert await pool.fetchval("select sum(a) from pool_many") == 4950
    await pool.execute("drop table pool_many")


async def test_errors(create_pool):
    pool = await create_pool()
    pid = await pool.fetchval("select pg_backend_pid()")
    for error, use in {
        pgstride.PostgresSyntaxError: lambda: pool.fetch("selec 1"),
        pgstride.DivisionByZeroError: lambda: pool.fetchval("select 1/0"),
        pgstride.DataError: lambda: pool.fetchval("select $1::int", "x"),
        InterfaceError: lambda: pool.fetch("select 1", 1),
        KeyError: lambda: pool.fetchval("select 1", column="nothing"),
        ValueError: lambda: pool.fetchval("select 1", timeout="soon"),
        TypeError: lambda: pool.executemany("select 1", 3),
    }.items():
        for _ in range(3):
            with pytest.raises(error):
                await use()
        gc.collect()
        assert pool._queue.qsize() == 1
    with pytest.raises(asyncio.TimeoutError):
        await pool.fetch("select 1", timeout=0)
    assert await pool.fetchval("select pg_backend_pid()") == pid
    with pytest.raises(InterfaceError, match="record_class"):
        await pool.fetch("select 1", record_class=int)


async def test_copy_statements_do_no_harm(create_pool):
    pool = await create_pool()
    await pool.execute("drop table if exists pool_copy; create table pool_copy (a int)")
    for args in ((), (1,)):
        with pytest.raises(InterfaceError):
            await pool.execute("copy pool_copy from stdin", *args)
    with pytest.raises(InterfaceError):
        await pool.fetch("/* a comment */ copy pool_copy from STDIN")
    assert await pool.fetchval("select count(*) from pool_copy") == 0
    await pool.execute("drop table pool_copy")


async def test_timeout(create_pool, observer):
    pool = await create_pool(command_timeout=30)
    pid = await pool.fetchval("select pg_backend_pid()")
    with pytest.raises(asyncio.TimeoutError):
        await pool.fetch("select pg_sleep(600)", timeout=0.05)
    assert await pool.fetchval("select pg_backend_pid()") == pid
    await observer.rests(pid)


async def test_cancelled(create_pool, observer):
    """The server is asked to cancel, though the reset is under way behind; the reset is done in any case."""
    pool = await create_pool()
    pid = await pool.fetchval("select pg_backend_pid()")
    for _ in range(20):
        running = asyncio.create_task(pool.fetch("select set_config('work_mem', '100MB', false), pg_sleep(600)"))
        await observer.sleeps(pid)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert tuple(await pool.fetchrow("select pg_backend_pid(), current_setting('work_mem') = '100MB'")) == (
            pid,
            False,
        )


async def test_killed(create_pool, observer):
    pool = await create_pool()
    pid = await pool.fetchval("select pg_backend_pid()")
    running = asyncio.create_task(pool.fetch("select pg_sleep(600)"))
    await observer.sleeps(pid)
    await observer.terminate(pid)
    with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation: term") as raised:
        await running
    assert isinstance(raised.value.__cause__, pgstride.AdminShutdownError)
    assert await pool.fetchval("select pg_backend_pid()") != pid
    assert (pool.get_size(), pool._queue.qsize()) == (1, 1)


async def test_many_at_a_time(create_pool):
    pool = await create_pool(max_size=3)

    async def worker(number):
        for i in range(20):
            assert await pool.fetchval("select $1::int + $2", number, i) == number + i

    await asyncio.gather(*(worker(number) for number in range(20)))
    assert pool.get_size() == 3


async def test_nothing_of_one_request_is_seen_by_the_next(create_pool):
    pool = await create_pool(max_size=2)

    async def worker(number):
        for i in range(30):
            if number % 2:
                await pool.execute(f"set application_name = 'worker {number}'; set role pg_monitor")
            else:
                row = await pool.fetchrow("select current_setting('application_name'), current_user::text")
                assert not row[0].startswith("worker") and row[1] != "pg_monitor"

    await asyncio.gather(*(worker(number) for number in range(10)))


async def test_stale_plan_is_repeated(create_pool, connection):
    await connection.execute("drop table if exists pool_plan; create table pool_plan (a int)")
    pool = await create_pool()
    for column in "bcd":
        await pool.fetch("select * from pool_plan")
        await connection.execute(f"alter table pool_plan add column {column} int")
        assert await pool.fetch("select * from pool_plan") == []
    await connection.execute("drop table pool_plan")


async def test_types_of_the_catalogs(create_pool, connection):
    await connection.execute("drop type if exists pool_mood; create type pool_mood as enum ('sad', 'happy')")
    pool = await create_pool()
    assert await pool.fetchval("select array['happy'::pool_mood]") == ["happy"]
    assert await pool.fetchval("select row('sad'::pool_mood, 1)") == ("sad", 1)
    await connection.execute("drop type pool_mood")


# --- those that cannot go without a proxy ----------------------------------------------------------


async def test_hooks(create_pool):
    called = []

    async def init(connection):
        called.append(("init", type(connection).__name__))

    async def setup(connection):
        called.append(("setup", type(connection).__name__))

    async def reset(connection):
        called.append(("reset", type(connection).__name__))

    pool = await create_pool(init=init, setup=setup, reset=reset)
    assert await pool.fetchval("select 1") == 1
    assert await pool.fetch("select 1") == [(1,)]
    lent = [("setup", "PoolConnectionProxy"), ("reset", "Connection")]
    assert called == [("init", "Connection"), *lent, *lent]


METHODS = {
    "execute": ("select 1",),
    "fetch": ("select 1",),
    "fetchrow": ("select 1",),
    "fetchval": ("select 1",),
    "executemany": ("select $1::int", [(1,)]),
    "fetchmany": ("select $1::int", [(1,)]),
}


@pytest.mark.parametrize("method", METHODS)
async def test_methods_of_a_class_of_the_users(create_pool, method):
    called = []

    async def instead(self, *args, **kwargs):
        called.append(args)
        return await getattr(pgstride.Connection, method)(self, *args, **kwargs)

    pool = await create_pool(connection_class=type("Own", (pgstride.Connection,), {method: instead}))
    await getattr(pool, method)(*METHODS[method])
    assert called == [METHODS[method]]


@pytest.mark.parametrize("method", METHODS)
async def test_methods_that_were_replaced(create_pool, method, monkeypatch):
    pool = await create_pool()
    called = []
    original = getattr(pgstride.Connection, method)

    async def instead(self, *args, **kwargs):
        called.append(args)
        return await original(self, *args, **kwargs)

    monkeypatch.setattr(pgstride.Connection, method, instead)
    await getattr(pool, method)(*METHODS[method])
    assert called == [METHODS[method]]


@pytest.mark.parametrize("is_patched", [False, True])
async def test_a_reset_in_the_place_of_the_classs(create_pool, monkeypatch, is_patched):
    async def reset(self, *, timeout=None):
        raise KeyError("not reset")

    own = type("Own", (pgstride.Connection,), {} if is_patched else {"reset": reset})
    pool = await create_pool(connection_class=own)
    if is_patched:
        monkeypatch.setattr(pgstride.Connection, "reset", reset)
    for call in (lambda: pool.fetchval("select 1"), lambda: pool.execute("select 1")):
        with pytest.raises(KeyError, match="not reset"):
            await call()
    assert pool.get_idle_size() == 0


async def test_a_pool_that_acquires_in_its_own_way(dsn):
    acquired = []

    class Own(pgstride.Pool):
        def acquire(self, *, timeout=None):
            acquired.append(timeout)
            return super().acquire(timeout=timeout)

    options = dict(max_queries=9, max_inactive_connection_lifetime=0, connection_class=pgstride.Connection)
    async with Own(dsn, min_size=1, max_size=1, loop=None, record_class=pgstride.Record, **options) as pool:
        assert await pool.fetchval("select 1") == 1 and acquired == [None]


async def test_query_loggers(create_pool):
    logged = []

    async def init(connection):
        connection.add_query_logger(logged.append)

    pool = await create_pool(init=init)
    await pool.fetch("select 1")
    await asyncio.sleep(0)
    assert [record.query for record in logged] == ["select 1"]


async def test_connections_are_replaced_where_requests_are_traced(create_pool):
    """Whatever keeps a request from running alone, its slot is lent once, and the next one gets it."""
    traced = []

    class Own(pgstride.Connection):
        async def fetchrow(self, query, *args, **options):
            traced.append(query)
            return await super().fetchrow(query, *args, **options)

    async def init(connection):
        connection.add_query_logger(traced.append)

    pool = await create_pool(connection_class=Own, init=init, max_queries=3)
    requests = [
        lambda: pool.fetch("select 1"),
        lambda: pool.fetchrow("select 1"),
        lambda: pool.fetchval("select $1::int", 1),
        lambda: pool.execute("select 1"),
        lambda: pool.executemany("select $1::int", [(1,)]),
    ]
    began = pool.stats()
    for _ in range(3):
        for request in requests:
            await asyncio.wait_for(request(), 30)
        await asyncio.wait_for(asyncio.gather(*(request() for request in requests)), 30)
    stats = pool.stats()
    assert stats.handed_out - began.handed_out == 30 and stats.opened > began.opened
    assert len(traced) >= 30


@pytest.mark.parametrize("what", ["reset", "get_reset_query"])
async def test_reset_of_the_users_own(create_pool, what):
    called = []

    class Own(pgstride.Connection):
        if what == "reset":

            async def reset(self, *, timeout=None):
                called.append("reset")
                await super().reset(timeout=timeout)

        else:

            def get_reset_query(self):
                called.append("reset")
                return "reset all"

    pool = await create_pool(connection_class=Own)
    await pool.fetch("select 1")
    async with pool.acquire() as connection:
        await connection.fetch("select 1")
    assert called == ["reset", "reset"]


IN_TIME = {
    "fetch": lambda p: p.fetch("select 1", timeout=0.2),
    "fetchrow": lambda p: p.fetchrow("select 1", timeout=0.2),
    "fetchval": lambda p: p.fetchval("select 1", timeout="0.2"),
    "execute": lambda p: p.execute("select $1::int", 1, timeout=0.2),
    "script": lambda p: p.execute("select 1", timeout=0.2),
    "executemany": lambda p: p.executemany("select $1::int", [(1,)], timeout=0.2),
    "fetchmany": lambda p: p.fetchmany("select $1::int", [(1,)], timeout=0.2),
    "COPY": lambda p: p.copy_from_query("select 1", output=lambda _: asyncio.sleep(0), timeout=0.2),
}


@pytest.mark.parametrize("name", IN_TIME)
async def test_a_timeout_covers_waiting_for_a_connection(create_pool, name):  # R-C2
    pool = await create_pool()
    async with pool.acquire():
        started = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(IN_TIME[name](pool), 30)
        assert 0.15 < time.monotonic() - started < 15
    await IN_TIME[name](pool)


@pytest.mark.parametrize("name", ["fetchval", "fetchmany"])
async def test_a_bool_is_no_timeout(create_pool, name):
    arguments = {"fetchval": ("select 1",), "fetchmany": ("select $1::int", [(1,)])}[name]
    pool = await create_pool()
    lent = await pool.acquire()
    asking = asyncio.ensure_future(getattr(pool, name)(*arguments, timeout=True))  # has to wait for a connection
    await asyncio.sleep(0)
    await pool.release(lent)
    with pytest.raises(ValueError, match=r"got True"):
        await asking


async def test_what_is_left_of_a_timeout_is_for_the_request(create_pool):  # R-C2
    pool = await create_pool()
    lent = await pool.acquire()
    started = time.monotonic()
    asking = asyncio.ensure_future(pool.fetch("select pg_sleep(60)", timeout=1))
    await asyncio.sleep(0.6)
    await pool.release(lent)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asking, 30)
    assert 1 <= time.monotonic() - started < 1.5
    assert await pool.fetchval("select 1") == 1


async def test_nor_is_it_exceeded_by_connecting(dsn):  # R-C2
    with hostile.Hostile(lambda line: line.listen()) as server:
        pool = pgstride.create_pool(host="127.0.0.1", port=server.port, user="me", min_size=0, max_size=1, ssl=False)
        async with pool:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(pool.fetch("select 1", timeout=0.1), 30)
            assert pool._queue.qsize() == 1
