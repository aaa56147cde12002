# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A connection's listeners: for notifications, log messages, its end, and queries."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import typing
import weakref

from . import exceptions
from ._parts import AnyConnection, Part
from .utils import _quote_ident

if typing.TYPE_CHECKING:
    from . import _parameters
    from .connection import Connection


class LoggedQuery(typing.NamedTuple):
    """What query loggers are told of a query that is over."""

    query: str
    args: typing.Any
    timeout: float | None
    elapsed: float
    """In seconds, preparing included."""
    exception: BaseException | None
    conn_addr: _parameters.Address
    conn_params: _parameters.ConnectionParameters


LoggedQuery.__module__ = "pgstride.connection"


_Function = typing.Callable[..., typing.Any]
# What is told of what. They may be coroutine functions, too.
_Listener = typing.Callable[[AnyConnection, int, str, str], object]
_LogListener = typing.Callable[[AnyConnection, exceptions.PostgresLogMessage], object]
_TerminationListener = typing.Callable[[AnyConnection], object]
_QueryLogger = typing.Callable[[LoggedQuery], object]


class _Callback(typing.NamedTuple):
    """Compared by the callable, so that the same one is called once."""

    function: _Function
    is_async: bool

    @classmethod
    def of(cls, function: _Function) -> _Callback:
        if inspect.iscoroutinefunction(function):
            return cls(function, True)
        if callable(function):
            return cls(function, False)
        raise exceptions.InterfaceError(f"expected a callable or an `async def` function,got {function!r}")

    def schedule(self, loop: asyncio.AbstractEventLoop, *args: object) -> None:
        if loop.is_closed():
            return
        if not self.is_async:
            loop.call_soon(self.function, *args)
            return
        try:
            coroutine = self.function(*args)
        except Exception as error:  # it takes other arguments; those behind it are told all the same
            loop.call_exception_handler({"message": f"Exception in listener {self.function!r}", "exception": error})
            return
        loop.create_task(coroutine)


_Callback.__module__ = "pgstride.connection"


class Listening(Part):
    """The part of :class:`Connection` that is about being told."""

    __slots__ = ()

    _listeners: dict[str, set[_Callback]]
    _arriving: dict[str, set[_Callback]]
    _log_listeners: set[_Callback]
    _termination_listeners: set[_Callback]
    _query_loggers: set[_Callback]

    async def add_listener(self, channel: str, callback: _Listener) -> None:
        """Listen to a channel: ``callback(connection, pid, channel, payload)`` for each notification."""
        self._check_open()
        wanted = _Callback.of(callback)
        if channel not in self._listeners:
            await self._listen(channel, wanted)
            self._listeners.setdefault(channel, set())
        self._listeners[channel].add(wanted)

    async def _listen(self, channel: str, wanted: _Callback) -> None:
        """The first notification may come together with the answer to LISTEN."""
        callbacks = self._arriving.setdefault(channel, set())
        callbacks.add(wanted)
        self._hear()
        try:
            await self._whole.fetch(f"LISTEN {_quote_ident(channel)}")
        finally:
            callbacks.discard(wanted)
            if not callbacks:
                self._arriving.pop(channel, None)

    async def remove_listener(self, channel: str, callback: _Listener) -> None:
        """Stop calling the callback; the last one of a channel ends listening to it."""
        if self.is_closed():
            return
        callbacks = self._listeners.get(channel)
        if callbacks is None or _Callback.of(callback) not in callbacks:
            return
        callbacks.remove(_Callback.of(callback))
        if not callbacks:
            del self._listeners[channel]
            await self._whole.fetch(f"UNLISTEN {_quote_ident(channel)}")

    def add_log_listener(self, callback: _LogListener) -> None:
        """Call ``callback(connection, message)`` for each notice, warning or line of the log that comes."""
        self._check_open()
        self._log_listeners.add(_Callback.of(callback))
        self._hear()

    def remove_log_listener(self, callback: _LogListener) -> None:
        """Stop calling the callback, if it is called."""
        self._log_listeners.discard(_Callback.of(callback))

    def add_termination_listener(self, callback: _TerminationListener) -> None:
        """Call ``callback(connection)`` once when the connection has ended, whoever ended it."""
        self._termination_listeners.add(_Callback.of(callback))

    def remove_termination_listener(self, callback: _TerminationListener) -> None:
        """Do not call the callback when the connection ends."""
        self._termination_listeners.discard(_Callback.of(callback))

    def add_query_logger(self, callback: _QueryLogger) -> None:
        """Call ``callback(record)`` with a :class:`LoggedQuery` after each query."""
        self._query_loggers.add(_Callback.of(callback))

    def remove_query_logger(self, callback: _QueryLogger) -> None:
        """Stop calling the callback, if it is called."""
        self._query_loggers.discard(_Callback.of(callback))

    @contextlib.contextmanager
    def query_logger(self, callback: _QueryLogger) -> typing.Iterator[None]:
        """A query logger for as long as the block lasts."""
        self.add_query_logger(callback)
        try:
            yield
        finally:
            self.remove_query_logger(callback)

    def _drop_listeners(self) -> None:
        self._listeners.clear()
        self._log_listeners.clear()

    def _hear(self) -> None:
        """From now on the core tells what the server says unasked. It must not hold the connection."""
        reference = weakref.ref(self._whole)
        self._core.set_on_server_events(
            lambda pid, channel, payload: _tell_of_notification(reference, pid, channel, payload),
            lambda fields, query: _tell_of_notice(reference, fields, query),
        )


def _tell_of_notification(reference: weakref.ref[Connection[typing.Any]], pid: int, channel: str, payload: str) -> None:
    connection = reference()
    if connection is None:
        return
    for callback in (*connection._listeners.get(channel, ()), *connection._arriving.get(channel, ())):
        callback.schedule(connection._loop, connection._proxy or connection, pid, channel, payload)


def _tell_of_notice(reference: weakref.ref[Connection[typing.Any]], fields: dict[str, str], query: str | None) -> None:
    connection = reference()
    if connection is None or not connection._log_listeners:
        return
    message = exceptions.PostgresLogMessage.new(fields, query)
    for callback in list(connection._log_listeners):
        callback.schedule(connection._loop, connection._proxy or connection, message)
