# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connection.close(): from the first moment on nothing can be begun, and whoever closes waits for the end."""

from __future__ import annotations

import asyncio
import io

import pytest

import pgstride


async def nothing(connection, observer):
    return None


async def transaction(connection, observer):
    await connection.transaction().start()


async def query(connection, observer):
    task = asyncio.create_task(connection.fetch("select pg_sleep(60)"))
    await observer.sleeps(connection.get_server_pid())
    return task


async def cancelled_query(connection, observer):
    task = await query(connection, observer)
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("before", [nothing, transaction, query, cancelled_query])
async def test_nothing_follows(connection, observer, before):
    running = await before(connection, observer)
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    assert connection.is_closed() and not closing.done()
    for call in (
        lambda: connection.fetch("select 1"),
        lambda: connection.execute("select 1"),
        lambda: connection.prepare("select 1"),
        lambda: connection.executemany("select $1::int", [(1,)]),
        lambda: connection.copy_from_query("select 1", output=io.BytesIO()),
        lambda: connection.reset(),
        lambda: connection.transaction().start(),
    ):
        with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
            await call()
    await closing
    if running is not None:
        with pytest.raises(pgstride.QueryCanceledError):
            await running


async def test_a_copy_that_waits_for_data_is_cancelled(connection):
    await connection.execute("create temp table copied (a int)")

    closed = asyncio.Event()

    async def data():
        yield b"1\n"
        await closed.wait()
        yield b"2\n"

    copying = asyncio.create_task(connection.copy_to_table("copied", source=data()))
    await asyncio.sleep(0.1)
    await connection.close()
    closed.set()
    with pytest.raises(pgstride.QueryCanceledError):
        await copying


@pytest.mark.parametrize("end", ["cancelled", "timed out"])
async def test_what_runs_while_closing_is_given_up_is_lost(connection, observer, end):
    """It was sent, and nobody knows what has become of it."""
    running = await query(connection, observer)
    closing = asyncio.create_task(connection.close(timeout=0 if end == "timed out" else None))
    await asyncio.sleep(0)
    if end == "cancelled":
        closing.cancel()
    with pytest.raises(asyncio.TimeoutError if end == "timed out" else asyncio.CancelledError):
        await closing
    with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation") as caught:
        await running
    assert caught.value.outcome_unknown


async def test_twice_at_once(connection):
    await asyncio.gather(connection.close(), connection.close())
    await connection.close()
    assert connection.is_closed()


async def test_again_with_any_timeout(connection):
    await connection.close(timeout=True)  # a second
    await connection.close(timeout="soon")
    for call in (
        lambda: connection.fetch("select 1", record_class=int),
        lambda: connection.fetch("select 1", timeout=True),
        lambda: connection.fetchmany("select 1", [], record_class=int),
        lambda: connection.prepare("select 1", name=1),
    ):
        with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
            await call()


async def test_released_while_it_closes(create_pool):
    pool = await create_pool()
    proxy = await pool.acquire()
    closing = asyncio.create_task(proxy.close())
    await asyncio.sleep(0)
    await pool.release(proxy)
    await closing
    assert await pool.fetchval("select 1") == 1


@pytest.mark.parametrize("timeout, error", [("x", ValueError), ([], TypeError)])
async def test_a_timeout_that_is_none(connection, observer, timeout, error):
    """Whoever closes a connection counts on its end."""
    pid = connection.get_server_pid()
    ended = []
    connection.add_termination_listener(ended.append)
    with pytest.raises(error):
        await connection.close(timeout=timeout)
    assert connection.is_closed()
    await observer.gone(pid)
    assert ended == [connection]
