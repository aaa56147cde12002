# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What comes back to the pool: reset, closed or replaced, and never with anything of its last user.

R-L2, R-L3, R-L8, R-L12.
"""

from __future__ import annotations

import asyncio
import warnings

import pytest

import pgstride
from pgstride.exceptions import InterfaceError, InterfaceWarning


async def test_what_is_not_the_pools(create_pool, connection):
    pool, other = await create_pool(), await create_pool()
    async with pool.acquire() as proxy, other.acquire() as foreign:
        for wrong in (proxy._con, connection, foreign, None, 3):
            with pytest.raises(InterfaceError) as caught:
                await pool.release(wrong)
            assert str(caught.value) == (
                f"Pool.release() received invalid connection: {wrong!r} is not a member of this pool"
            )
        await pool.release(proxy)
        await pool.release(proxy)
        with pytest.raises(ValueError):
            await other.release(foreign, timeout="soon")
        assert await foreign.fetchval("select 1") == 1


LEFTOVERS = {
    "setting": ("set work_mem = '100MB'", "select current_setting('work_mem') = '100MB'"),
    "role": ("set role pg_monitor", "select current_user = 'pg_monitor'"),
    "session authorization": ("set session authorization pg_monitor", "select session_user = 'pg_monitor'"),
    "lock": ("select pg_advisory_lock(77)", "select count(*) > 0 from pg_locks where locktype = 'advisory'"),
    "cursor": (
        "declare c cursor with hold for select 1",
        "select count(*) > 0 from pg_cursors where name = 'c'",
    ),
    "channel": ("listen c", "select count(*) > 0 from pg_listening_channels()"),
    "transaction": ("begin", "select pg_current_xact_id_if_assigned() is not null"),
    "failed transaction": ("begin; savepoint s", "select false"),
    "change": ("begin; create table pool_leftover (a int)", "select to_regclass('pool_leftover') is not null"),
}


@pytest.mark.parametrize("way", ["released", "run on the pool"])
@pytest.mark.parametrize("what", LEFTOVERS)
async def test_nothing_is_left(create_pool, runner, what, way):  # PM-4, DT-25
    before, left = LEFTOVERS[what]
    pool = await create_pool()
    pid = await pool.fetchval("select pg_backend_pid()")
    if way == "released":
        async with pool.acquire() as connection:
            await connection.execute(before)
            if what == "failed transaction":
                with pytest.raises(pgstride.PostgresError):
                    await connection.execute("nonsense")
    else:
        await pool.execute(before)
    row = await pool.fetchrow(f"select ({left}), pg_backend_pid()")
    assert tuple(row) == (False, pid)
    if "begin" in before:
        assert [set(told) for told in runner.complaints] == [{"message"}]
        assert runner.complaints[0]["message"].startswith("Resetting connection with an active transaction <")
        runner.complaints.clear()


async def test_release_waits_for_nothing(create_pool):
    pool = await create_pool()
    connection = await pool.acquire()
    await connection.fetch("select 1")
    releasing = pool.release(connection)
    with pytest.raises(StopIteration):
        releasing.send(None)
    assert connection._con is None
    assert (pool.get_idle_size(), pool._queue.qsize()) == (1, 1)


async def test_an_open_block_is_no_complaint(create_pool, runner):
    pool = await create_pool()
    connection = await pool.acquire()
    with pytest.raises(InterfaceError, match="released back to the pool"):
        async with connection.transaction():
            await connection.execute("select 1")
            await pool.release(connection)
    assert runner.complaints == []


async def test_a_block_whose_end_was_cancelled_is_no_complaint(create_pool, runner):
    """The pool takes the connection back while its ROLLBACK is under way."""
    pool = await create_pool()

    async def work():
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select 1")
            asyncio.current_task().cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(work())
    assert runner.complaints == []
    assert await pool.fetchval("select 1") == 1


async def test_connection_that_is_still_busy(create_pool):
    pool = await create_pool()
    connection = await pool.acquire()
    running = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
    await asyncio.sleep(0.02)
    with pytest.raises(InterfaceError, match="another operation is in progress"):
        await pool.release(connection)
    with pytest.raises(pgstride.ConnectionDoesNotExistError):
        await running
    assert (pool.get_size(), pool._queue.qsize()) == (0, 1)
    assert await pool.fetchval("select 1") == 1


async def test_connection_with_a_cancelled_request(create_pool, observer):
    """It comes back only after the cancellation is over, and hits nobody else."""
    pool = await create_pool()
    for _ in range(20):
        connection = await pool.acquire()
        pid = connection.get_server_pid()
        running = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
        await observer.sleeps(pid)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await pool.release(connection)
        assert await pool.fetchval("select pg_backend_pid() from pg_sleep(0.001)") == pid


async def test_closed_while_lent(create_pool):
    pool = await create_pool()
    for close in (lambda c: c.close(), lambda c: asyncio.sleep(0, c.terminate())):
        async with pool.acquire() as connection:
            await close(connection)
            assert connection._con is None
            assert pool._holders[0]._con is None
            assert (pool.get_size(), pool._queue.qsize()) == (0, 1)
        assert await pool.fetchval("select 1") == 1


async def test_killed_while_lent(create_pool, observer):
    pool = await create_pool()
    async with pool.acquire() as connection:
        await observer.terminate(connection.get_server_pid())
        with pytest.raises((pgstride.ConnectionDoesNotExistError, InterfaceError)):
            await connection.fetch("select 1")
    assert pool._queue.qsize() == 1
    assert await pool.fetchval("select 1") == 1


async def test_killed_while_idle(create_pool, observer):  # DT-27
    pool = await create_pool()
    pid = await pool.fetchval("select pg_backend_pid()")
    await observer.terminate(pid)
    while pool.get_size():
        await asyncio.sleep(0.01)
    assert pool._holders[0]._con is None
    assert await pool.fetchval("select pg_backend_pid()") != pid


async def test_when_one_is_lost_the_others_are_checked_before_they_are_lent(create_pool, observer):  # R-L6, DT-27
    """Whoever closes one himself makes nobody suspicious."""
    pool = await create_pool(min_size=3, max_size=3)

    async def ask(connection):
        return await connection.fetchval("select pg_backend_pid() as mine")

    async def last_queries():
        activity = await observer.connection.fetch("select query from pg_stat_activity where pid = any($1)", others)
        return [row["query"] for row in activity]

    async with pool.acquire() as mine, pool.acquire() as lost, pool.acquire() as other:
        others = [await ask(lost), await ask(other)]
        await mine.close()
    async with pool.acquire(), pool.acquire():
        assert "" not in await last_queries()
    await observer.terminate(others.pop(0))
    while pool.get_size() > 1:
        await asyncio.sleep(0.005)
    async with pool.acquire() as other:
        assert other.get_server_pid() == others[0]
        assert await last_queries() == [""]


async def test_one_that_was_lent_and_not_used_is_checked_like_the_others(create_pool, observer):  # R-L6, DT-27
    pool = await create_pool(min_size=2, max_size=2)
    async with pool.acquire() as lost, pool.acquire() as unused:
        pid = unused.get_server_pid()
        await observer.terminate(lost.get_server_pid())
        while pool.get_size() > 1:
            await asyncio.sleep(0.005)
    async with pool.acquire() as unused:
        assert unused.get_server_pid() == pid
        began = "select query_start is not null and query = '' from pg_stat_activity where pid = $1"
        assert await observer.connection.fetchval(began, pid)


async def test_whoever_has_lost_one_gets_one_that_was_checked(create_pool, observer):  # R-L6, DT-27
    """Even if he asks for it at once, while he still has the other."""
    pool = await create_pool(min_size=2, max_size=2)
    async with pool.acquire() as lost:
        pid = lost.get_server_pid()
        losing = asyncio.create_task(observer.terminate(pid))
        with pytest.raises(pgstride.ConnectionDoesNotExistError):
            await lost.fetch("select pg_sleep(60)")
        async with pool.acquire() as other:
            await losing
            began = "select query_start is not null and query = '' from pg_stat_activity where pid = $1"
            assert await observer.connection.fetchval(began, other.get_server_pid())


async def test_killed_while_it_is_reset(create_pool, observer):
    pool = await create_pool()
    for _ in range(10):
        connection = await pool.acquire()
        pid = connection.get_server_pid()
        await connection.fetch("select 1")
        killing = asyncio.create_task(observer.terminate(pid))
        await pool.release(connection)
        while True:
            try:
                assert await pool.fetchval("select 1") == 1
            except (pgstride.PostgresError, InterfaceError):
                continue  # it may be killed after its reset, too
            break
        await killing
    assert pool._queue.qsize() == 1


async def test_max_queries(create_pool):
    pool = await create_pool(max_queries=4)
    pids = []
    for _ in range(8):
        async with pool.acquire() as connection:
            pids.append(await connection.fetchval("select pg_backend_pid()"))
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 2]
    pids = [await pool.fetchval("select pg_backend_pid()") for _ in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [1, 3, 3]


async def test_inactive_connections_are_closed(create_pool):
    pool = await create_pool(min_size=2, max_size=2, max_inactive_connection_lifetime=0.1)
    connection = await pool.acquire()
    await asyncio.sleep(0.3)
    assert pool.get_size() == 1
    await pool.release(connection)
    while any(holder._con is not None for holder in pool._holders):
        await asyncio.sleep(0.01)
    assert pool.get_size() == 0
    assert await pool.fetchval("select 1") == 1


async def test_min_size_can_be_kept(create_pool, observer):
    pool = await create_pool(min_size=2, max_size=3, keep_min_size=True, max_inactive_connection_lifetime=0.1)
    async with pool.acquire() as one, pool.acquire() as two, pool.acquire():
        one.terminate()
        two.terminate()
    while pool.get_size() != 2:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    assert pool.get_size() == 2


async def test_max_lifetime(create_pool):
    pool = await create_pool(max_lifetime=0.2)
    async with pool.acquire() as connection:
        pid = connection.get_server_pid()
        await asyncio.sleep(0.3)
        assert await connection.fetchval("select pg_backend_pid()") == pid
    assert await pool.fetchval("select pg_backend_pid()") != pid


async def test_checked_after_a_long_time(create_pool, observer):
    pool = await create_pool(check_after=0.01)
    pid = await pool.fetchval("select pg_backend_pid()")
    await asyncio.sleep(0.05)
    asked = await observer.connection.fetchval("select query from pg_stat_activity where pid = $1", pid)
    assert asked != ""
    async with pool.acquire() as connection:
        assert connection.get_server_pid() == pid
        assert await observer.connection.fetchval("select query from pg_stat_activity where pid = $1", pid) == ""


async def test_expired_connections_are_replaced(create_pool):
    pool = await create_pool(min_size=2, max_size=2)
    lent = await pool.acquire()
    pids = {holder._con.get_server_pid() for holder in pool._holders}
    await pool.expire_connections()
    assert pool.get_size() == 2
    async with pool.acquire() as fresh:
        assert fresh.get_server_pid() not in pids
        assert await lent.fetchval("select 1") == 1
        await pool.release(lent)
        assert pool.get_size() == 1
        async with pool.acquire() as other:
            assert other.get_server_pid() not in pids


async def test_connect_arguments_can_be_replaced(create_pool, dsn):
    pool = await create_pool()
    pool.set_connect_args(dsn, server_settings={"application_name": "anew"})
    assert await pool.fetchval("show application_name") != "anew"
    await pool.expire_connections()
    assert await pool.fetchval("show application_name") == "anew"


# --- forgotten ones ---------------------------------------------------------------------------------


async def test_released_with_a_listener_where_warnings_are_errors(create_pool):
    pool = await create_pool()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InterfaceWarning, match="1 active notification listener"):
            async with pool.acquire() as proxy:
                await proxy.add_listener("jobs", print)
    async with pool.acquire() as proxy:
        assert await proxy.fetchval("select count(*) from pg_listening_channels()") == 0


async def test_nobody_waits_for_a_reset_of_ones_own_while_there_is_room(create_pool):
    async def reset(connection):
        if pool.get_size() == 1:
            answers.append(await pool.fetchval("select 7", timeout=0.5))

    pool, answers = await create_pool(reset=reset, min_size=1, max_size=2), []
    async with pool.acquire():
        pass
    assert answers == [7]
