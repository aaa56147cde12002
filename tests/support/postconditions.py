# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What must be true after a hostile server has spoken, in the words of the catalogue.

KILL: the connection ends itself, its request with it. LOST: the same, and the peer's doing. DECODE: one value
is bad, the connection lives. DBERR: the server's error. CONNFAIL: no connection. WAIT: until the caller's
deadline. OK: the right result.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import time
import traceback
import typing

import hostile
import pgstride

PASSWORD = "canary-in-the-mine"
HANG = 30.0
"""Seconds after which a wait that should be over at once counts as a hang."""
STALL = 0.25
"""Seconds of the processor that one turn of the loop may take; ten times what is promised, and more."""
GROWTH = 64 << 20
KEEPS_WHAT_IS_FREED = "libasan" in os.environ.get("LD_PRELOAD", "")
"""ASan does so for a while, so growth tells nothing."""

ENDINGS: dict[str, tuple[type[BaseException], ...]] = {
    "KILL": (pgstride.ProtocolError, pgstride.InterfaceError),
    "LOST": (pgstride.ConnectionDoesNotExistError, pgstride.PostgresError),
    "DBERR, KILL": (pgstride.PostgresError,),  # there was an error already that the request ends with
}
CONNECTING = (pgstride.ProtocolError, pgstride.InterfaceError, pgstride.PostgresError, OSError)
"""What a failed connection may raise; asyncio.TimeoutError, though it is an OSError since Python 3.11, it may not."""


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def memory(name: str) -> int:
    """VmRSS, or VmHWM (its highest since forget_peak()), in bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(name))


def forget_peak() -> None:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


class Ticker:
    """Runs beside a test and knows the longest turn of its loop, in seconds of the processor, so that other
    processes' load does not count."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._last = time.thread_time()
        self.longest = 0.0
        self._handle = loop.call_soon(self._tick)

    def _tick(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self._handle = self._loop.call_later(0.001, self._tick)

    def stop(self) -> None:
        self._handle.cancel()


@contextlib.asynccontextmanager
async def nothing_lost(*, growth: int = GROWTH, stall: float = STALL) -> typing.AsyncIterator[None]:
    """Memory, descriptors and the loop's turns stay within bounds; tasks are the runner's business."""
    gc.collect()
    open_before = descriptors()
    forget_peak()
    base = memory("VmRSS")
    ticker = Ticker(asyncio.get_running_loop())
    try:
        yield
    finally:
        ticker.stop()
    grown = memory("VmHWM") - base
    assert grown <= growth or KEEPS_WHAT_IS_FREED, f"memory grew by {grown >> 20} MiB"
    assert ticker.longest <= stall, f"the loop stood still for {ticker.longest:.3f} s"
    end = time.monotonic() + HANG
    while descriptors() > open_before and time.monotonic() < end:
        await asyncio.sleep(0.005)
    assert descriptors() <= open_before, f"{descriptors() - open_before} descriptors are left open"


def keeps_secrets(failure: BaseException) -> None:
    """Neither the exception nor what caused it tells the password (R-K1, LK-10)."""
    told = "".join(traceback.format_exception(failure))
    seen: BaseException | None = failure
    while seen is not None:
        told += repr(seen) + repr(vars(seen))
        seen = seen.__cause__ or seen.__context__
    assert PASSWORD not in told


def connect(server: hostile.Hostile, **options: object) -> typing.Awaitable[pgstride.Connection]:
    given = {"user": "me", "password": PASSWORD, "database": "shop", "timeout": HANG} | options
    return pgstride.connect(host="127.0.0.1", port=server.port, **given)


async def usable(connection: pgstride.Connection) -> None:
    token = f"token {time.monotonic_ns()}"
    assert await connection.fetchval("select $1::text", token, timeout=HANG) == token


async def is_over(server: hostile.Hostile, connection: pgstride.Connection | None = None) -> None:
    """The client has hung up, not only lost interest."""
    if connection is not None:
        assert connection.is_closed()
    end = time.monotonic() + HANG
    while not server.hung_up.is_set():
        assert time.monotonic() < end, "the client did not hang up"
        await asyncio.sleep(0.002)


async def meets(
    part: typing.Callable[[hostile.Line], None],
    ask: typing.Callable[[pgstride.Connection], typing.Awaitable[object]],
    outcome: str,
    *,
    result: object = ...,
    growth: int = GROWTH,
    stall: float = STALL,
    **options: object,
) -> BaseException | None:
    """Connects to a server that plays `part`, asks, and holds what comes against the outcome's word."""
    failure = None
    async with nothing_lost(growth=growth, stall=stall):
        with hostile.Hostile(part) as server:
            if outcome == "CONNFAIL":
                failure = await fails(connect(server, **options), CONNECTING)
                await is_over(server)
                assert server.connections == 1
                return failure
            if outcome == "WAIT" and ask is nothing:
                return await fails(connect(server, **{"timeout": 0.3} | options), asyncio.TimeoutError)
            connection = await connect(server, **options)
            assert PASSWORD not in repr(connection)
            try:
                if outcome == "OK":
                    got = await asyncio.wait_for(ask(connection), HANG)
                    assert result is ... or got == result
                    await usable(connection)
                elif outcome in ("DECODE", "DBERR"):
                    failure = await fails(ask(connection), pgstride.PostgresError if outcome == "DBERR" else Exception)
                    await usable(connection)
                elif outcome in ENDINGS:
                    failure = await fails(ask(connection), ENDINGS[outcome])
                    await is_over(server, connection)
                    again = await fails(connection.fetch("select 1"), Exception)
                    assert not isinstance(again, asyncio.TimeoutError)
                else:
                    failure = await fails(ask(connection), asyncio.TimeoutError)
            finally:
                connection.terminate()
            del connection
    return failure


async def fails(
    attempt: typing.Awaitable[object], classes: type[BaseException] | tuple[type[BaseException], ...]
) -> BaseException:
    try:
        got = await asyncio.wait_for(attempt, HANG)
    except classes as failure:
        keeps_secrets(failure)
        assert classes is not CONNECTING or not isinstance(failure, asyncio.TimeoutError), "it waited"
        return failure
    raise AssertionError(f"succeeded with {got!r}")


# --- what is asked ------------------------------------------------------------------------------------


async def nothing(connection: pgstride.Connection) -> object:
    """Waits for the end of an idle connection, and tells what the next use is told."""
    end = time.monotonic() + HANG
    while not connection.is_closed():
        assert time.monotonic() < end, "an idle connection did not notice"
        await asyncio.sleep(0.002)
    return await connection.fetch("select 1")


async def fetch(connection: pgstride.Connection) -> object:
    """Parse, Describe, Bind, Execute, Sync."""
    return [tuple(row) for row in await connection.fetch("select a, b")]


async def script(connection: pgstride.Connection) -> object:
    """Query."""
    return await connection.execute("select a, b")


async def prepare(connection: pgstride.Connection) -> object:
    """Parse, Describe, Sync."""
    return (await connection.prepare("select a, b")).get_query()


async def again(connection: pgstride.Connection) -> object:
    """Bind, Execute, Sync of a statement that the server (in its first turn) has described as one text."""
    statement = await connection.prepare("select a")
    return [tuple(row) for row in await statement.fetch()]
