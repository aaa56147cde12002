# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The pool's life, what it lends and takes back, and what it says when it is used wrongly."""

from __future__ import annotations

import asyncio
import inspect
import logging

import pytest

import pgstride
from pgstride import pool as pool_module
from pgstride.exceptions import InterfaceError


def said(text):
    return pytest.raises(InterfaceError, match=f"^{text}$")


# --- beginning and ending -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, text",
    [
        ({"max_size": 0}, "max_size is expected to be greater than zero"),
        ({"min_size": -1}, "min_size is expected to be greater or equal to zero"),
        ({"min_size": 11}, "min_size is greater than max_size"),
        ({"init_size": 3, "min_size": 4}, "init_size is smaller than min_size"),
        ({"init_size": 11}, "init_size is greater than max_size"),
        ({"max_queries": 0}, "max_queries is expected to be greater than zero"),
        (
            {"max_inactive_connection_lifetime": -1},
            "max_inactive_connection_lifetime is expected to be greater or equal to zero",
        ),
        ({"max_waiting": 0}, "max_waiting is expected to be greater than zero"),
        ({"max_lifetime": -1}, "max_lifetime is expected to be greater or equal to zero"),
    ],
)
def test_options(options, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        pgstride.create_pool(**options)


async def test_no_more_wait_than_may(dsn):  # R-M4
    async with pgstride.create_pool(dsn, min_size=0, max_size=1, max_waiting=1) as pool:
        async with pool.acquire():
            second = asyncio.create_task(pool.fetchval("select 2"))
            await asyncio.sleep(0)
            with pytest.raises(pgstride.PoolFullError, match="its connections are in use, and 1 others wait already"):
                await pool.fetchval("select 3")
            with pytest.raises(pgstride.PoolFullError):
                await pool.acquire(timeout=60)
        assert await second == 2
        assert await pool.fetchval("select 4") == 4


@pytest.mark.parametrize("option, base", [("connection_class", "Connection"), ("record_class", "Record")])
@pytest.mark.parametrize("given", [int, 3])
def test_classes(option, base, given):
    text = f"{option} is expected to be a subclass of pgstride.{base}, got {given!r}"
    with pytest.raises(TypeError) as caught:
        pgstride.create_pool(**{option: given})
    assert str(caught.value) == text


def test_several_positional_arguments():
    with pytest.warns(DeprecationWarning, match="multiple positional arguments"):
        pgstride.Pool(
            "a",
            "b",
            min_size=1,
            max_size=1,
            max_queries=1,
            max_inactive_connection_lifetime=1,
            loop=None,
            connection_class=pgstride.Connection,
            record_class=pgstride.Record,
        )


async def test_before_it_is_initialized(dsn):
    pool = pgstride.create_pool(dsn, min_size=1, max_size=1)
    for use in (pool.acquire().__aenter__, lambda: pool.fetch("select 1"), pool.close):
        with said("pool is not initialized"):
            await use()
    with said("pool is not initialized"):
        pool.terminate()
    assert (pool.get_size(), pool.get_idle_size(), pool.is_closing()) == (0, 0, False)
    beginning = asyncio.ensure_future(pool)
    await asyncio.sleep(0)
    with said("pool is being initialized in another task"):
        await pool
    with said("pool is being initialized, but not yet ready: likely there is a race .* and using it"):
        await pool.fetch("select 1")
    assert await beginning is pool
    assert await pool is pool
    await pool.close()
    for use in (pool.acquire().__aenter__, lambda: pool.fetch("select 1")):
        with said("pool is closed"):
            await use()
    await pool.close()
    pool.terminate()
    async with pool as same:
        assert same is pool


async def test_sizes(create_pool):
    pool = await create_pool(min_size=2, max_size=4)
    assert (pool.get_min_size(), pool.get_max_size()) == (2, 4)
    assert (pool.get_size(), pool.get_idle_size(), pool._queue.qsize()) == (2, 2, 4)
    assert [holder.is_connected() for holder in pool._holders] == [False, False, True, True]
    async with pool.acquire() as one:
        assert one._holder is pool._holders[-1]
        assert (pool.get_size(), pool.get_idle_size(), pool._queue.qsize()) == (2, 1, 3)
        async with pool.acquire(), pool.acquire():
            assert (pool.get_size(), pool.get_idle_size(), pool._queue.qsize()) == (3, 0, 1)
    assert (pool.get_size(), pool.get_idle_size(), pool._queue.qsize()) == (3, 3, 4)


async def test_initial_size(create_pool):
    pool = await create_pool(init_size=3, min_size=1, max_size=4)
    assert (pool.get_size(), pool.get_min_size()) == (3, 1)


async def test_what_fails_to_begin_can_be_used_or_begun_again(dsn):
    pool = pgstride.create_pool("postgres://nobody@127.0.0.1:1/nothing", min_size=1, max_size=2)
    for use in (lambda: asyncio.ensure_future(pool), lambda: pool.fetch("select 1"), lambda: asyncio.ensure_future(pool)):
        with pytest.raises(OSError):
            await use()
    assert pool._queue.qsize() == 2
    pool.set_connect_args(dsn)
    assert await pool.fetchval("select 1") == 1
    assert pool.get_size() == 1
    assert await pool is pool
    await pool.close()


async def test_close_waits_for_what_is_lent(create_pool):
    pool = await create_pool(max_size=2)
    lent = await pool.acquire()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    assert pool.is_closing()
    for use in (pool.acquire().__aenter__, lambda: pool.fetch("select 1")):
        with said("pool is closing"):
            await use()
    assert await lent.fetchval("select 1") == 1
    await pool.release(lent)
    await closing
    assert pool.is_closing()
    assert (pool.get_size(), pool.get_idle_size()) == (0, 0)


async def test_close_sends_those_who_wait_away(create_pool):
    pool = await create_pool()
    lent = await pool.acquire()
    waiting = asyncio.create_task(pool.fetchval("select 1"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(pool.close())
    with said("pool is closing"):
        await waiting
    await pool.release(lent)
    await closing


async def test_close_waits_for_single_requests(create_pool, observer):
    pool = await create_pool()
    pid = await pool.fetchval("select pg_backend_pid()")
    running = asyncio.create_task(pool.fetchval("select 1 from pg_sleep(0.2)"))
    await observer.sleeps(pid)
    await pool.close()
    assert await running == 1


async def test_close_that_is_cancelled_terminates(create_pool):
    pool = await create_pool()
    lent = await pool.acquire()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(pool.close(), 0.05)
    assert lent._con is None
    with said("pool is closed"):
        await pool.fetch("select 1")


async def test_long_close_is_told(create_pool, monkeypatch, caplog):
    monkeypatch.setattr(pool_module, "_CLOSING_IS_LONG", 0.01)
    pool = await create_pool()
    lent = await pool.acquire()
    closing = asyncio.create_task(pool.close())
    with caplog.at_level(logging.WARNING, "pgstride.pool"):
        while not caplog.records:
            await asyncio.sleep(0.01)
    await pool.release(lent)
    await closing
    assert [record.name for record in caplog.records] == ["pgstride.pool"]
    assert caplog.records[0].getMessage().startswith("Pool.close() is taking over 60 seconds to complete.")


async def test_terminate(create_pool, observer):
    pool = await create_pool(max_size=2)
    lent = await pool.acquire()
    other = await pool.acquire()
    pids = [lent.get_server_pid(), other.get_server_pid()]
    await pool.release(other)
    waiting = [asyncio.create_task(pool.acquire().__aenter__()) for _ in range(2)]
    await asyncio.sleep(0)
    pool.terminate()
    assert lent._con is None
    assert pool.is_closing()
    with said("pool is closed"):
        await waiting[1]
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    for pid in pids:
        await observer.gone(pid)


# --- lending --------------------------------------------------------------------------------------------


async def test_acquire_in_both_ways(create_pool):
    pool = await create_pool()
    async with pool.acquire() as one:
        assert isinstance(one, pool_module.PoolConnectionProxy)
        assert await one.fetchval("select 1") == 1
    two = await pool.acquire()
    assert two is not one
    await pool.release(two)
    once = pool.acquire()
    await pool.release(await once)
    with said("a connection is already acquired"):
        async with once:
            pass
    async with pool.acquire() as three:
        pass
    assert len({id(proxy) for proxy in (one, two, three)}) == 3


async def test_first_come_first_served(create_pool):
    pool = await create_pool()
    lent = await pool.acquire()
    served = []

    async def worker(number):
        async with pool.acquire():
            served.append(number)

    workers = [asyncio.create_task(worker(number)) for number in range(20)]
    await asyncio.sleep(0)
    await pool.release(lent)
    await asyncio.gather(*workers)
    assert served == list(range(20))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_untouched_connections_come_back_last_in_first_out(create_pool):
    pool = await create_pool(min_size=3, max_size=3)
    first, second, third = [await pool.acquire() for _ in range(3)]
    pids = [connection.get_server_pid() for connection in (first, second, third)]
    for connection in (first, second, third):  # the first time they are reset
        await connection.fetchval("select 1")
        await pool.release(connection)
    async with pool.acquire(), pool.acquire(), pool.acquire():
        pass
    lent = {connection.get_server_pid(): connection for connection in [await pool.acquire() for _ in range(3)]}
    for pid in pids:
        await pool.release(lent[pid])
    for pid in reversed(pids):
        assert (await pool.acquire()).get_server_pid() == pid
        # not released: the next one is another


@pytest.mark.parametrize("timeout", [0, -1, 0.01])
async def test_acquire_within(create_pool, timeout):
    pool = await create_pool()
    async with pool.acquire():
        with pytest.raises(asyncio.TimeoutError):
            await pool.acquire(timeout=timeout)
        with pytest.raises(asyncio.TimeoutError):
            async with pool.acquire(timeout=timeout):
                pass
    assert pool._queue.qsize() == 1
    async with pool.acquire(timeout=30) as connection:
        assert pool._holders[0]._timeout == 30
        assert await connection.fetchval("select 1") == 1


async def test_holder(create_pool):
    pool = await create_pool()
    holder = pool._holders[0]
    assert (holder._in_use, holder._pool, holder._generation) == (None, pool, 0)
    connection = await pool.acquire(timeout=5)
    assert holder._con is connection._con
    assert not holder._in_use.done()
    waiting = asyncio.create_task(holder.wait_until_released())
    await asyncio.sleep(0)
    with pytest.raises(pgstride.InternalClientError):
        await holder.connect()
    await pool.release(connection)
    await waiting
    assert (holder._in_use, holder._timeout) == (None, None)
    with pytest.raises(pgstride.InternalClientError):
        await holder.release(None)


# --- what is lent ---------------------------------------------------------------------------------------


async def test_proxy(create_pool):
    class Special(pgstride.Connection):
        extra = 42

        def get_server_pid(self):
            return -super().get_server_pid()

    pool = await create_pool(connection_class=Special)
    async with pool.acquire() as proxy:
        raw = proxy._con
        assert type(raw) is Special
        assert raw._proxy is proxy
        assert isinstance(proxy, pgstride.Connection) and isinstance(proxy, Special)
        assert not issubclass(type(proxy), pgstride.Connection)
        assert proxy.extra == 42
        assert proxy.get_server_pid() < 0
        assert proxy == proxy and proxy != raw and proxy
        assert repr(proxy) == f"<PoolConnectionProxy {raw!r} {id(proxy):#x}>"
        assert type(proxy).__slots__ == ("_con", "_holder")
        with pytest.raises(AttributeError):
            proxy.something = 1
        with said("internal pgstride error: connection is already proxied"):
            raw._set_proxy(proxy)
        statement = await proxy.prepare("select 1")
    assert raw._proxy is None
    assert proxy._con is None
    assert repr(proxy) == f"<PoolConnectionProxy [released] {id(proxy):#x}>"
    with said(r"cannot call Connection.fetch\(\): connection has been released back to the pool"):
        proxy.fetch("select 1")
    with said(r"cannot call Connection.is_closed\(\): connection has been released back to the pool"):
        proxy.is_closed()
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'extra'"):
        proxy.extra
    with said(
        r"cannot call PreparedStatement.fetch\(\): the underlying connection has been released back to the pool"
    ):
        statement.fetch()


def test_proxy_has_the_methods_of_a_connection():
    proxy = pool_module.PoolConnectionProxy
    for name, method in inspect.getmembers(pgstride.Connection, inspect.isfunction):
        if name.startswith("_"):
            continue
        forwarded = getattr(proxy, name)
        assert forwarded.__name__ == name
        assert forwarded.__doc__ == method.__doc__ and method.__doc__
        assert inspect.signature(forwarded) == inspect.signature(method)


def test_exact_instances(connection):
    class Special(pgstride.Connection):
        pass

    assert isinstance(connection, pgstride.Connection)
    assert not isinstance(connection, Special)
    assert not isinstance(3, pgstride.Connection)


async def test_listeners_hear_of_the_proxy(create_pool, connection):
    pool = await create_pool()
    heard = []
    async with pool.acquire() as proxy:
        raw = proxy._con
        await proxy.add_listener("c", lambda *args: heard.append(args[0]))
        await connection.execute("notify c")
        while not heard:
            await proxy.fetchval("select 1")
        assert heard == [proxy]
        proxy.add_log_listener(print)
        with pytest.warns(pgstride.InterfaceWarning) as warned:
            await pool.release(proxy)
    assert [str(warning.message) for warning in warned] == [
        f"{raw!r} is being released to the pool but has 1 active notification listener",
        f"{raw!r} is being released to the pool but has 1 active log listener",
    ]
    assert await pool.fetchval("select count(*) from pg_listening_channels()") == 0


async def test_a_limit_of_queries_that_is_no_integer(create_pool):  # asyncpg compares it, and that is all
    pool = await create_pool(max_queries=1.5)
    assert await pool.fetchval("select 1") == 1
    pids = {await pool.fetchval("select pg_backend_pid()") for _ in range(4)}
    assert 1 < len(pids) < 4
