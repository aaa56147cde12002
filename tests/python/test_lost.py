# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connections that the network, or somebody at the server, takes away."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time

import pytest

import pgstride


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


WELCOME = message(b"R", struct.pack("!i", 0)) + message(b"K", struct.pack("!i4s", 7, b"abcd")) + message(b"Z", b"I")


@contextlib.asynccontextmanager
async def connection_to(answer):
    """A connection to a server that welcomes everybody and meets the first query with `answer`."""
    writers = []

    async def serve(reader, writer):
        writers.append(writer)
        await reader.read(4096)
        writer.write(WELCOME)
        if await reader.read(4096):
            await answer(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = await pgstride.connect(host="127.0.0.1", port=port, user="me", password="", timeout=10)
    try:
        yield connection
    finally:
        connection.terminate()
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)


async def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def end(writer):
    writer.close()


async def test_reset_in_the_middle_of_an_operation(runner):
    async with connection_to(reset) as connection:
        with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation") as raised:
            await connection.fetch("select 1")
        assert isinstance(raised.value.__cause__, ConnectionResetError)
        assert connection.is_closed()
        with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
            await connection.fetch("select 1")


async def test_end_in_the_middle_of_an_operation(runner):
    async with connection_to(end) as connection:
        with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation") as raised:
            await connection.fetch("select 1")
        assert isinstance(raised.value.__cause__, ConnectionError)
        assert connection.is_closed()


async def begin(writer):
    writer.write(message(b"C", b"BEGIN\0") + message(b"Z", b"T"))  # and not a word more


@pytest.mark.parametrize("failure", [asyncio.TimeoutError, ZeroDivisionError])
async def test_a_block_that_fails_on_a_dead_line(runner, monkeypatch, failure):
    """Nobody waits for the answer to ROLLBACK for ever, nor is told of that in place of what has happened."""
    monkeypatch.setattr(pgstride.transaction, "_ROLLBACK_LIMIT", 0.2)
    async with connection_to(begin) as connection:
        started = time.monotonic()
        with pytest.raises(failure):
            async with connection.transaction():
                if failure is ZeroDivisionError:
                    raise ZeroDivisionError
                await connection.execute("select 1", timeout=0.05)
        assert time.monotonic() - started < 4  # less than the grace of a cancel
        assert connection.is_closed()


# --- a server that says why ---------------------------------------------------------------------------


async def in_a_statement(connection):
    await (await connection.prepare("select pg_sleep(600)")).fetch()


async def in_a_cursor(connection):
    async with connection.transaction():
        await (await connection.cursor("select pg_sleep(600)")).fetch(1)


SLEEP = "select pg_sleep(600)"
REQUESTS = {
    "fetch": lambda c: c.fetch(SLEEP),
    "fetchrow": lambda c: c.fetchrow(SLEEP),
    "fetchval": lambda c: c.fetchval(SLEEP),
    "execute": lambda c: c.execute("select pg_sleep($1)", 600),
    "script": lambda c: c.execute(SLEEP),
    "executemany": lambda c: c.executemany("select pg_sleep($1)", [(600,)] * 2),
    "fetchmany": lambda c: c.fetchmany("select pg_sleep($1)", [(600,)] * 2),
    "COPY": lambda c: c.copy_from_query(SLEEP, output=lambda _: asyncio.sleep(0)),
    "statement": in_a_statement,
}


@pytest.mark.parametrize(
    "of, name", [(of, name) for of in ("connection", "pool") for name in REQUESTS if (of, name) != ("pool", "statement")]
)
async def test_killed(connection, create_pool, observer, of, name):
    target = connection if of == "connection" else await create_pool()
    pid = await target.fetchval("select pg_backend_pid()")
    running = asyncio.ensure_future(REQUESTS[name](target))
    await observer.sleeps(pid)
    await observer.terminate(pid)
    with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation: terminating") as raised:
        await running
    assert isinstance(raised.value.__cause__, pgstride.AdminShutdownError)
    assert raised.value.__cause__.sqlstate == "57P01"


async def test_killed_in_a_cursor(connection, observer):
    running = asyncio.ensure_future(in_a_cursor(connection))
    pid = connection.get_server_pid()
    await observer.sleeps(pid)
    await observer.terminate(pid)
    # As in asyncpg: the block has no connection any more to be rolled back on.
    with pytest.raises(pgstride.InterfaceError, match="connection is closed") as raised:
        await running
    assert isinstance(raised.value.__context__, pgstride.ConnectionDoesNotExistError)
    assert isinstance(raised.value.__context__.__cause__, pgstride.AdminShutdownError)


async def test_the_servers_own_timeouts(connection, connect, usable):  # FO-8
    await connection.execute("set statement_timeout = '20ms'")
    with pytest.raises(pgstride.QueryCanceledError):
        await connection.fetch("select pg_sleep(60)")
    await connection.execute("set statement_timeout = 0; set lock_timeout = '20ms'")
    other = await connect()
    await other.fetch("select pg_advisory_lock(7)")
    with pytest.raises(pgstride.LockNotAvailableError):
        await connection.fetch("select pg_advisory_lock(7)")
    await usable(connection)


@pytest.mark.parametrize(
    ("setting", "begin", "reason"),
    [
        ("idle_session_timeout", "", pgstride.IdleSessionTimeoutError),
        ("idle_in_transaction_session_timeout", "begin", pgstride.IdleInTransactionSessionTimeoutError),
    ],
)
async def test_an_idle_session_that_the_server_ends(connect, setting, begin, reason):  # FO-8, R-S5
    connection = await connect(server_settings={setting: "20ms"})
    if begin:
        await connection.execute(begin)
    while not connection.is_closed():  # noticed without being used
        await asyncio.sleep(0.005)
    with pytest.raises(pgstride.InterfaceError, match="closed") as caught:
        await connection.fetch("select 1")
    assert isinstance(caught.value.__cause__, reason)


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_one_that_dies_just_when_it_was_handed_to_somebody(create_pool, is_cancelled):
    pool = await create_pool()
    lent = await pool.acquire()
    waiting = [asyncio.create_task(pool.fetchval("select $1::int", n, timeout=10)) for n in range(3)]
    await asyncio.sleep(0)
    dies = lent._con
    await pool.release(lent)  # to the first of them, who is to be woken by the loop
    dies.terminate()
    if is_cancelled:
        waiting[0].cancel()
    first, *others = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError) if is_cancelled else first == 0
    assert others == [1, 2]
    assert pool.stats().lost == 1
