# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Results that are consumed as they arrive."""

from __future__ import annotations

import contextlib
import typing

from . import _core, _observing, connect_utils, connresource, exceptions
from ._parts import OtherRow, Part, Row
from .protocol import Record

if typing.TYPE_CHECKING:
    from .connection import Connection


class Stream(connresource.ConnectionResource, typing.Generic[Row]):
    """The rows of a query as they arrive: what :meth:`Connection.stream` returns.

    ``async for`` runs the query when it asks for the first row. Left before the last one, the query is cancelled on the
    server as soon as the stream is closed (at the end of ``async with``, or by :meth:`close`), or nobody holds it any
    more. Until then, or until the last rows have arrived, the connection does nothing else.
    """

    __slots__ = (
        "_query",
        "_args",
        "_timeout",
        "_record_class",
        "_rows",
        "_request",
        "_watching",
        "_ending",
        "_is_awaited",
        "_is_over",
    )

    def __init__(
        self,
        connection: Connection[typing.Any],
        query: str,
        args: tuple[object, ...],
        timeout: float | None,
        record_class: type[Record],
    ) -> None:
        super().__init__(connection)
        self._query = query
        self._args = args
        self._timeout = timeout
        self._record_class = record_class
        self._rows: typing.Iterator[Row] = iter(())
        self._request: _core.RowStream | None = None
        self._watching: contextlib.AbstractContextManager[_observing.Ending] | None = None
        self._is_awaited = self._is_over = False

    def __aiter__(self) -> Stream[Row]:
        return self

    async def __anext__(self) -> Row:
        for row in self._rows:
            return row
        self._rows = iter(await self._arrived())
        for row in self._rows:
            return row
        raise StopAsyncIteration

    async def __aenter__(self) -> Stream[Row]:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is left. Waits for nothing: the next request goes out when the server has ended this one."""
        self._rows = iter(())
        self._is_over = True
        if not self._is_awaited:
            self._give_up()

    def __del__(self) -> None:
        self._give_up()

    def _give_up(self) -> None:
        # What has just woken a task still holds the request.
        request, self._request = self._request, None
        if request is not None:
            _core.stream_give_up(request)
        self._watching = None

    async def _arrived(self) -> list[Row]:
        """What has arrived since this was last asked, or what comes next; empty at the end."""
        if self._is_over:
            return []
        if self._is_awaited:
            raise exceptions.InterfaceError("another task waits for the stream's next row")
        if self._request is None or not self._connection.is_closed():  # else it says itself what has happened
            self._check("__anext__")
        self._is_awaited = True
        try:
            got = await self._next_request()
        except BaseException as error:
            self._finish(error)
            raise
        finally:
            self._is_awaited = False
        if self._is_over:  # closed meanwhile
            self._give_up()
        elif isinstance(got, str):
            self._finish(None, got)
        return typing.cast("list[Row]", [] if self._is_over else got)

    def _next_request(self) -> typing.Awaitable[list[Record] | str]:
        if self._request is not None:
            return _core.stream_next(self._request)
        self._watching = self._connection._time_and_log(self._query, self._args, self._timeout, prepares=True)
        self._ending = self._watching.__enter__()
        core = self._connection._core
        self._request = _core.stream(core, self._query, self._args, self._timeout, self._record_class)
        return self._request

    def _finish(self, error: BaseException | None, tag: str = "") -> None:
        self._is_over = True
        self._request = None
        watching, self._watching = self._watching, None
        if watching is not None:
            self._ending.tag = tag
            watching.__exit__(None if error is None else type(error), error, None)


class Streaming(Part, typing.Generic[Row]):
    """The part of :class:`Connection` that streams."""

    __slots__ = ()

    @typing.overload
    def stream(
        self, query: str, *args: object, timeout: float | None = None, record_class: None = None
    ) -> Stream[Row]: ...
    @typing.overload
    def stream(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[OtherRow]
    ) -> Stream[OtherRow]: ...
    def stream(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> Stream[typing.Any]:
        """A statement's rows as they arrive: ``async for row in connection.stream("select …"): …``

        In a transaction or not. Some hundred kilobytes are received ahead, then the server has to wait until rows are
        taken. `timeout` is over all of it, the time between rows included. See :class:`Stream` for what happens
        when it is left before its end; in a transaction, that has failed then.
        """
        self._check_open()
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        return Stream(self._whole, query, args, timeout, record_class or self._core.record_class)


Stream.__module__ = "pgstride.connection"
