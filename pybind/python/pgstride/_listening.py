# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What a connection hears unasked, and who is told: notifications, log messages, the end, queries."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import inspect
import typing
import weakref

from . import exceptions
from .utils import _quote_ident

if typing.TYPE_CHECKING:
    from .connection import Connection

LoggedQuery = collections.namedtuple(
    "LoggedQuery", ["query", "args", "timeout", "elapsed", "exception", "conn_addr", "conn_params"]
)

_Listener = typing.Callable[..., typing.Any]


class _Callback(typing.NamedTuple):
    """Compared by the callable, so that the same one is called once."""

    function: _Listener
    is_async: bool

    @classmethod
    def of(cls, function: _Listener) -> _Callback:
        if inspect.iscoroutinefunction(function):
            return cls(function, True)
        if callable(function):
            return cls(function, False)
        raise exceptions.InterfaceError(f"expected a callable or an `async def` function,got {function!r}")

    def schedule(self, loop: asyncio.AbstractEventLoop, *args: object) -> None:
        if loop.is_closed():
            return
        if self.is_async:
            loop.create_task(self.function(*args))
        else:
            loop.call_soon(self.function, *args)


class Listening:
    """The part of :class:`Connection` that is about being told."""

    __slots__ = ()

    _listeners: dict[str, set[_Callback]]
    _log_listeners: set[_Callback]
    _termination_listeners: set[_Callback]
    _query_loggers: set[_Callback]

    async def add_listener(self: Connection, channel: str, callback: _Listener) -> None:  # type: ignore[misc]
        """Listen to a channel: ``callback(connection, pid, channel, payload)`` for each notification."""
        self._check_open()
        wanted = _Callback.of(callback)
        if channel not in self._listeners:
            await self.fetch(f"LISTEN {_quote_ident(channel)}")
            self._listeners[channel] = set()
        self._listeners[channel].add(wanted)
        self._hear()

    async def remove_listener(self: Connection, channel: str, callback: _Listener) -> None:  # type: ignore[misc]
        """Stop calling the callback; the last one of a channel ends listening to it."""
        if self.is_closed():
            return
        callbacks = self._listeners.get(channel)
        if callbacks is None or _Callback.of(callback) not in callbacks:
            return
        callbacks.remove(_Callback.of(callback))
        if not callbacks:
            del self._listeners[channel]
            await self.fetch(f"UNLISTEN {_quote_ident(channel)}")

    def add_log_listener(self: Connection, callback: _Listener) -> None:  # type: ignore[misc]
        """Call ``callback(connection, message)`` for each notice, warning or line of the log that comes."""
        self._check_open()
        self._log_listeners.add(_Callback.of(callback))
        self._hear()

    def remove_log_listener(self, callback: _Listener) -> None:
        self._log_listeners.discard(_Callback.of(callback))

    def add_termination_listener(self, callback: _Listener) -> None:
        """Call ``callback(connection)`` once when the connection has ended, whoever ended it."""
        self._termination_listeners.add(_Callback.of(callback))

    def remove_termination_listener(self, callback: _Listener) -> None:
        self._termination_listeners.discard(_Callback.of(callback))

    def add_query_logger(self, callback: _Listener) -> None:
        """Call ``callback(record)`` with a :class:`LoggedQuery` after each query."""
        self._query_loggers.add(_Callback.of(callback))

    def remove_query_logger(self, callback: _Listener) -> None:
        self._query_loggers.discard(_Callback.of(callback))

    @contextlib.contextmanager
    def query_logger(self, callback: _Listener) -> typing.Iterator[None]:
        """A query logger for as long as the block lasts."""
        self.add_query_logger(callback)
        try:
            yield
        finally:
            self.remove_query_logger(callback)

    def _drop_listeners(self) -> None:
        self._listeners.clear()
        self._log_listeners.clear()

    def _hear(self: Connection) -> None:  # type: ignore[misc]
        """From now on the core tells what the server says unasked. It must not hold the connection."""
        reference = weakref.ref(self)
        self._core.set_on_server_events(
            lambda pid, channel, payload: _tell_of_notification(reference, pid, channel, payload),
            lambda fields, query: _tell_of_notice(reference, fields, query),
        )


def _tell_of_notification(reference: weakref.ref[Connection], pid: int, channel: str, payload: str) -> None:
    connection = reference()
    if connection is None:
        return
    for callback in list(connection._listeners.get(channel, ())):
        callback.schedule(connection._loop, connection._proxy or connection, pid, channel, payload)


def _tell_of_notice(reference: weakref.ref[Connection], fields: dict[str, str], query: str | None) -> None:
    connection = reference()
    if connection is None or not connection._log_listeners:
        return
    message = exceptions.PostgresLogMessage.new(fields, query)
    for callback in list(connection._log_listeners):
        callback.schedule(connection._loop, connection._proxy or connection, message)
