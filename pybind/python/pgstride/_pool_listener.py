# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""LISTEN on a connection of its own, with reconnection when that is lost."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import types
import typing

from . import _checks, _loops, _pool_holder, exceptions
from ._listening import _Callback
from ._parts import Row, call_its_functions
from ._pauses import pause_after
from .utils import _quote_ident

if typing.TYPE_CHECKING:
    from .connection import Connection
    from .pool import Pool

_PASSING = ("57P", "53", "08")
"""What SQLSTATEs begin with that are about the moment: shutting down or starting up; too many connections, no memory; a
pooler's, whose server cannot be reached."""


class ListenEvent(typing.NamedTuple):
    """What a :class:`Listener` yields."""

    kind: typing.Literal["notification", "reconnected", "overflow"]
    """``reconnected``: the connection was lost, and notifications may have been missed. ``overflow``: so many were waiting
    for the consumer that some were dropped here."""
    channel: str = ""
    """Of a notification, as the next two."""
    payload: str = ""
    backend_pid: int = 0
    """Who notified."""


class Listener:
    """Notifications, from a connection of their own: what :meth:`Pool.listener` returns.

    ``async with`` opens the connection, and returns when the server listens; ``async for`` yields
    :class:`ListenEvent` objects without end, to one task at a time. It raises what cannot be mended by connecting again,
    and :exc:`InterfaceError` when the block was left or the pool closed.
    """

    __slots__ = (
        "_pool",
        "_channels",
        "_most_waiting",
        "_attempts",
        "_pauses",
        "_callback",
        "_con",
        "_waiting",
        "_woken",
        "_telling",
        "_is_entered",
        "_is_over",
        "_is_awaited",
    )

    def __init__(
        self,
        pool: Pool[typing.Any],
        channels: typing.Iterable[str],
        most_waiting: int,
        attempts: int | None,
        pauses: tuple[float, float],
    ) -> None:
        _checks.check_count("most_waiting", most_waiting)
        if attempts is not None:
            _checks.check_count("attempts", attempts)
        _checks.check_seconds(first_pause=pauses[0], longest_pause=pauses[1])
        self._pool = pool
        self._channels = set(channels)
        self._most_waiting = most_waiting
        self._attempts = attempts
        self._pauses = pauses
        self._callback = _Callback.of(self._heard)
        self._con: Connection[typing.Any] | None = None
        self._waiting: collections.deque[ListenEvent] = collections.deque()
        self._woken: asyncio.Future[None] | None = None  # the consumer waits for it
        self._telling: asyncio.Future[None] | None = None  # done when somebody has told the server of channels
        self._is_entered = self._is_over = self._is_awaited = False

    async def __aenter__(self) -> Listener:
        if self._is_entered:
            raise exceptions.InterfaceError("the listener was entered already")
        self._is_entered = True
        self._pool._check_open()
        self._pool._listeners.add(self)
        try:
            await self._connect()
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: types.TracebackType | None
    ) -> None:
        con, self._con = self._con, None
        self._end()
        if con is not None:
            await _pool_holder._dispose(con, error)

    # --- channels -----------------------------------------------------------------------------------

    async def add(self, *channels: str) -> None:
        """Listen to more channels.

        Returns when the server does; while the connection is lost, at once: then it does from the next
        ``reconnected`` on.
        """
        self._check_open()
        added = set(channels) - self._channels
        self._channels |= added
        try:
            await self._change(added)
        except BaseException:
            self._channels -= added
            raise

    async def remove(self, *channels: str) -> None:
        """Listen to these channels no more. What is waiting for the consumer is still yielded."""
        self._check_open()
        removed = self._channels & set(channels)
        self._channels -= removed
        await self._change(removed)

    async def _change(self, channels: set[str]) -> None:
        con = self._con
        if con is None or not channels:
            return
        try:
            await self._tell(con, channels)
        except (exceptions.InterfaceError, exceptions.PostgresError):
            if not con.is_closed():
                raise
            # The next connection will be told.

    async def _tell(self, con: Connection[typing.Any], channels: set[str]) -> None:
        """Tell the server which of these channels are wanted now. One task at a time does; the others wait."""
        library = _loops.library_of(self._pool._loop)
        while self._telling is not None:
            await library.shielded(self._telling)
        self._telling = telling = self._pool._loop.create_future()
        try:
            for channel in channels:
                con._listeners.setdefault(channel, set()).add(self._callback)
            con._hear()  # now: the first notification may come right behind the answer
            words = (("LISTEN" if channel in self._channels else "UNLISTEN", channel) for channel in channels)
            await con.execute("".join(f"{word} {_quote_ident(channel)};" for word, channel in words))
        finally:
            self._telling = None
            telling.set_result(None)

    # --- the consumer -------------------------------------------------------------------------------

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> ListenEvent:
        if self._is_awaited:
            raise exceptions.InterfaceError("another task waits for the listener's next event")
        self._is_awaited = True
        try:
            while not self._waiting:
                self._check_open()
                if self._con is None or self._con.is_closed():
                    await self._reconnect()
                else:
                    await self._news()
            return self._waiting.popleft()
        finally:
            self._is_awaited = False

    def _check_open(self) -> None:
        self._pool._check_open()
        if not self._is_entered or self._is_over:
            raise exceptions.InterfaceError(f"the listener is {'closed' if self._is_over else 'not entered yet'}")

    async def _news(self) -> None:
        self._woken = self._pool._loop.create_future()
        try:
            await self._woken
        finally:
            self._woken = None

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _heard(self, con: object, pid: int, channel: str, payload: str) -> None:
        if channel not in self._channels:
            return
        if len(self._waiting) < self._most_waiting:
            self._waiting.append(ListenEvent("notification", channel, payload, pid))
        elif self._waiting[-1].kind != "overflow":
            self._waiting.append(ListenEvent("overflow"))
        self._wake()

    # --- the connection -----------------------------------------------------------------------------

    async def _connect(self) -> None:
        """A new connection, of which the server listens."""
        con = await self._pool._get_new_connection()
        try:
            self._check_open()  # it may have been left or closed meanwhile
            self._con = con
            con.add_termination_listener(self._lost)
            if self._channels:
                await self._tell(con, set(self._channels))
        except BaseException as error:
            is_lost = con.is_closed()
            self._con = None
            con.terminate()
            if is_lost and isinstance(error, exceptions.InterfaceError):
                raise exceptions.ConnectionDoesNotExistError("the connection was lost before it listened") from error
            raise

    def _lost(self, con: object) -> None:
        if con is self._con:
            self._wake()

    async def _reconnect(self) -> None:
        for attempt in itertools.count(1):
            try:
                await self._connect()
            except Exception as error:
                self._check_open()
                if attempt == self._attempts or not _passes(error):
                    raise
            else:
                # In front of what may have come right behind the answer.
                return self._waiting.appendleft(ListenEvent("reconnected"))
            pause = pause_after(attempt, *self._pauses)
            with contextlib.suppress(asyncio.TimeoutError):
                async with _loops.library_of(self._pool._loop).deadline(pause):
                    await self._news()
            self._check_open()

    def _end(self) -> None:
        """At once: the pool is closed, or the block left."""
        self._is_over = True
        self._pool._listeners.discard(self)
        if self._con is not None:
            self._con.terminate()
        self._wake()


def _passes(error: Exception) -> bool:
    """It may go better later."""
    if isinstance(error, exceptions.PostgresError):
        return (error.sqlstate or "").startswith(_PASSING)
    return isinstance(
        error, (OSError, asyncio.TimeoutError, exceptions.ProtocolError, exceptions.TargetServerAttributeNotMatched)
    )


class PoolListening(typing.Generic[Row]):
    """The part of :class:`Pool` that listens."""

    __slots__ = ()

    def listener(
        self,
        *channels: str,
        most_waiting: int = 100_000,
        attempts: int | None = None,
        first_pause: float = 0.1,
        longest_pause: float = 10.0,
    ) -> Listener:
        """Notifications of these channels: ``async with pool.listener("jobs") as events: async for event in events: …``

        They come over a connection that is opened like the pool's own (`init` included), but is none of them. When it is
        lost another one is opened, and an event says so. Between attempts there are `first_pause` seconds, then twice as
        many, up to `longest_pause`, less a random part; after as many failures in a row as there are `attempts` (None: no
        limit), or one that does not pass by itself, iterating raises it. Up to `most_waiting` notifications wait for the
        consumer. Names of channels are taken as they are, upper case included.
        """
        pool = typing.cast("Pool[Row]", self)
        return Listener(pool, channels, most_waiting, attempts, (first_pause, longest_pause))


for _class in (ListenEvent, Listener):
    _class.__module__ = "pgstride.pool"
call_its_functions("pool", "Pool", PoolListening)

__all__ = ("ListenEvent", "Listener", "PoolListening")
