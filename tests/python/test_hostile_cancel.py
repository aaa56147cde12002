# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Servers that do not cancel as they should: late, never, twice, on the wrong request. Nobody else is ever hit, and
nobody waits longer than the deadline of their own."""

from __future__ import annotations

import asyncio
import threading
import time

import hostile
import pytest
from hostile import CANCEL_REQUEST, WELCOME, Honest, columns, complete, error, ready, row
from postconditions import HANG, PASSWORD, connect, fails, is_over, nothing_lost, usable

import pgstride

CANCELED = error("57014", text="canceling statement due to user request") + ready()
ANSWER = columns("a", text=True) + row(b"late") + complete() + ready()


class Server:
    """Honest, but for the first script, which it answers with `ending` once `ends` is set; and for the cancel
    connection, which it treats as `cancel` says. Both are called with the line."""

    def __init__(self, ending, cancel=lambda line: None):
        self._ending, self._cancel = ending, cancel
        self.ends = threading.Event()
        self.asked = threading.Event()

    def __call__(self, line):
        code, _ = line.first_packet()
        if code == CANCEL_REQUEST:
            self.asked.set()
            self._cancel(line)
            return
        line.say(WELCOME)
        honest, answer, scripts = Honest(), b"", 0
        while True:
            kind, body = line.next()
            if kind == b"X":
                return
            answer += honest(kind, body)
            if kind == b"Q":
                scripts += 1
                if scripts == 1:
                    self.ends.wait(HANG)
                    line.say(self._ending)
                    answer = b""
                    continue
            if kind in b"SQ":
                line.say(answer)
                answer = b""


async def times_out(connection):
    with pytest.raises(asyncio.TimeoutError):
        await connection.execute("select pg_sleep(60)", timeout=0.05)


CANCEL_CHANNELS = {
    "closed at once": lambda line: None,
    "reset": lambda line: line.reset(),
    "answered with bytes": lambda line: line.say(b"R\0\0\0\x08\0\0\0\0" * 100),
    "answered with an error": lambda line: line.say(error("53300", "FATAL")),
}


@pytest.mark.parametrize("ending", [CANCELED, ANSWER], ids=["canceled", "HS-147-completed"])
@pytest.mark.parametrize("cancel", CANCEL_CHANNELS.values(), ids=CANCEL_CHANNELS)
async def test_the_cancel_connection(cancel, ending):  # HS-145, HS-147, R-C5
    server = Server(ending, cancel)
    async with nothing_lost():
        with hostile.Hostile(server) as port:
            connection = await connect(port)
            await times_out(connection)
            server.ends.set()
            await usable(connection)
            assert port.heard.count("cancel") == 1
            connection.terminate()


@pytest.mark.parametrize("delay", [0.01, 0.1, 0.5])
async def test_a_cancel_that_takes_long(delay):  # HS-148, R-C6: the next request waits for the fence
    def cancel(line):
        time.sleep(delay)
        server.ends.set()

    server = Server(CANCELED, cancel)
    async with nothing_lost():
        with hostile.Hostile(server) as port:
            connection = await connect(port)
            await times_out(connection)
            await usable(connection)
            connection.terminate()


async def test_nobody_waits_longer_than_their_own_deadline():  # HS-146, R-C2, R-C7: all cancels and the request hang
    server = Server(CANCELED, lambda line: line.listen())
    async with nothing_lost():
        with hostile.Hostile(server) as port:
            connection = await connect(port)
            await times_out(connection)
            for _ in range(3):
                started = time.monotonic()
                with pytest.raises(asyncio.TimeoutError):
                    await connection.fetch("select 1", timeout=0.1)
                assert time.monotonic() - started < 4  # less than the grace
            started = time.monotonic()
            await asyncio.wait_for(fails(connection.close(timeout=0.2), asyncio.TimeoutError), HANG)
            assert time.monotonic() - started < 4
            await is_over_soon(connection)
            server.ends.set()


async def is_over_soon(connection):
    end = time.monotonic() + HANG
    while not connection.is_closed():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


async def test_a_request_that_never_ends_takes_the_connection_along():  # R-C4: the grace period passes
    server = Server(CANCELED)
    async with nothing_lost():
        with hostile.Hostile(server) as port:
            connection = await connect(port)
            await times_out(connection)
            failure = await fails(connection.fetch("select 1"), pgstride.ConnectionDoesNotExistError)
            assert "grace" in str(failure.__cause__)
            await is_over_soon(connection)
            server.ends.set()


async def test_two_ends_of_one_request():  # HS-149, R-S2
    server = Server(CANCELED + ready())
    async with nothing_lost():
        with hostile.Hostile(server) as port:
            connection = await connect(port)
            await times_out(connection)
            server.ends.set()
            await fails(connection.fetch("select 1"), (pgstride.ProtocolError, pgstride.InterfaceError))
            await is_over(port, connection)


async def test_a_cancelled_task_gets_nothing_and_the_next_gets_its_own():  # HS-147, R-C5
    server = Server(ANSWER)
    async with nothing_lost():
        with hostile.Hostile(server) as port:
            connection = await connect(port)
            task = asyncio.ensure_future(connection.execute("select pg_sleep(60)"))
            while "Q" not in port.heard:
                await asyncio.sleep(0.002)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            server.ends.set()
            await usable(connection)
            connection.terminate()


async def test_other_hosts_are_not_asked_to_cancel():  # HS-150, R-C9
    full = hostile.Part(welcome=hostile.error("53300", "FATAL"))
    with hostile.Hostile(full) as other, hostile.Hostile(hostile.Part(lambda line: line.listen())) as server:
        connection = await pgstride.connect(
            host=["127.0.0.1"] * 2, port=[other.port, server.port], user="me", password=PASSWORD, ssl=False
        )
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("select 1", timeout=0.05)
        while "cancel" not in server.heard:
            await asyncio.sleep(0.005)
        assert other.heard == ["startup"]
        connection.terminate()


async def test_nobody_listens_for_cancels_any_more():  # HS-145: refused
    server = Server(ANSWER)
    async with nothing_lost():
        with hostile.Hostile(server) as port:
            connection = await connect(port)
            port.stop_listening()
            await times_out(connection)
            server.ends.set()
            await usable(connection)
            connection.terminate()
