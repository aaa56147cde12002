# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Cursors: portals of a transaction, read in batches."""

from __future__ import annotations

import collections
import typing

from . import _core, connresource, exceptions, utils
from ._parts import Row

if typing.TYPE_CHECKING:
    from .connection import Connection
    from .protocol import Record

_DEFAULT_PREFETCH = 50


def _rows(count: float) -> int:
    """As many as a positive number that need not be an integer says, as asyncpg takes it."""
    return max(int(count), 1)


class CursorFactory(connresource.StatementUser, typing.Generic[Row]):
    """What ``cursor()`` returns: ``async for`` iterates over rows, ``await`` gives a :class:`Cursor`."""

    __slots__ = ("_query", "_args", "_prefetch", "_timeout", "_record_class")

    _state: _core.Statement | None

    def __init__(
        self,
        connection: Connection[typing.Any],
        query: str,
        state: _core.Statement | None,
        args: tuple[object, ...],
        prefetch: int | None,
        timeout: float | None,
        record_class: type[Record] | None,
    ) -> None:
        super().__init__(connection, state)
        self._query = query
        self._args = args
        self._prefetch = prefetch
        self._timeout = utils._seconds(timeout)
        self._record_class = record_class

    @connresource.guarded
    def __aiter__(self) -> CursorIterator[Row]:
        prefetch = _DEFAULT_PREFETCH if self._prefetch is None else self._prefetch
        return CursorIterator(
            self._connection, self._query, self._state, self._args, self._record_class, prefetch, self._timeout
        )

    @connresource.guarded
    def __await__(self) -> typing.Generator[typing.Any, None, Cursor[Row]]:
        if self._prefetch is not None:
            raise exceptions.InterfaceError("prefetch argument can only be specified for iterable cursor")
        cursor: Cursor[Row] = Cursor(self._connection, self._query, self._state, self._args, self._record_class)
        return cursor._init(self._timeout).__await__()


class BaseCursor(connresource.StatementUser, typing.Generic[Row]):
    __slots__ = ("_query", "_args", "_portal_name", "_exhausted", "_record_class")

    _state: _core.Statement | None

    def __init__(
        self,
        connection: Connection[typing.Any],
        query: str,
        state: _core.Statement | None,
        args: tuple[object, ...],
        record_class: type[Record] | None,
    ) -> None:
        super().__init__(connection, state)
        self._query = query
        self._args = args
        self._portal_name: str | None = None
        self._exhausted = False
        self._record_class = record_class

    def _check_ready(self) -> None:
        if self._state is None:
            raise exceptions.InterfaceError("cursor: no associated prepared statement")
        if self._state.closed:
            raise exceptions.InterfaceError("cursor: the prepared statement is closed")
        self._require_transaction()

    def _require_transaction(self) -> None:
        if self._connection._top_xact is None and not self._connection.is_in_transaction():
            raise exceptions.NoActiveSQLTransactionError("cursor cannot be created outside of a transaction")

    async def _need_statement(self, timeout: float | None) -> None:
        self._require_transaction()
        if self._state is None:
            self._use(
                await self._connection._get_statement(self._query, timeout, named=True, record_class=self._record_class)
            )

    def _new_portal(self) -> str:
        self._check_ready()
        if self._portal_name is not None:
            raise exceptions.InterfaceError("cursor already has an open portal")
        return self._connection._get_unique_id("portal")

    async def _bind_exec(self, n: int, timeout: float | None) -> list[Row]:
        """Open the portal and fetch the first rows in one round trip."""
        name = self._new_portal()
        with self._connection._watch(self._query):
            rows = await self._connection._protocol.bind_execute(
                typing.cast("_core.Statement", self._state), self._args, name, n, False, timeout, self._record_class
            )
        self._portal_name = name
        self._exhausted = len(rows) < n
        return typing.cast("list[Row]", rows)

    async def _bind(self, timeout: float | None) -> None:
        """Open the portal."""
        name = self._new_portal()
        await self._connection._protocol.bind(typing.cast("_core.Statement", self._state), self._args, name, timeout)
        self._portal_name = name

    async def _exec(self, n: int, timeout: float | None) -> list[Row]:
        """Fetch the next rows."""
        self._check_ready()
        if self._portal_name is None:
            raise exceptions.InterfaceError("cursor does not have an open portal")
        with self._connection._watch(self._query):
            rows = await self._connection._protocol.execute(
                typing.cast("_core.Statement", self._state), self._portal_name, n, False, timeout, self._record_class
            )
        self._exhausted = len(rows) < n
        return typing.cast("list[Row]", rows)

    async def _close_portal(self, timeout: float | None) -> None:
        if self._state is not None and self._portal_name is not None:
            await self._connection._core.close_portal(self._state, self._portal_name, timeout)
        self._portal_name = None

    def __repr__(self) -> str:
        name = type(self).__name__
        module = "pgstride" if type(self).__module__.startswith("pgstride.") else type(self).__module__
        return f'<{module}.{name} "{self._query[:30]}" {"exhausted " if self._exhausted else ""}{id(self):#x}>'


class CursorIterator(BaseCursor[Row]):
    """Rows one by one, fetched `prefetch` at a time."""

    __slots__ = ("_buffer", "_prefetch", "_timeout")

    def __init__(
        self,
        connection: Connection[typing.Any],
        query: str,
        state: _core.Statement | None,
        args: tuple[object, ...],
        record_class: type[Record] | None,
        prefetch: int,
        timeout: float | None,
    ) -> None:
        super().__init__(connection, query, state, args, record_class)
        if prefetch <= 0:
            raise exceptions.InterfaceError("prefetch argument must be greater than zero")
        self._buffer: collections.deque[Row] = collections.deque()
        self._prefetch = _rows(prefetch)
        self._timeout = timeout

    @connresource.guarded
    def __aiter__(self) -> CursorIterator[Row]:
        return self

    @connresource.guarded
    async def __anext__(self) -> Row:
        if not self._buffer and not self._exhausted:
            if self._portal_name is None:
                await self._need_statement(self._timeout)
                self._buffer.extend(await self._bind_exec(self._prefetch, self._timeout))
            else:
                self._buffer.extend(await self._exec(self._prefetch, self._timeout))
            if self._exhausted:
                await self._close_portal(self._timeout)
        if self._buffer:
            return self._buffer.popleft()
        raise StopAsyncIteration


class Cursor(BaseCursor[Row]):
    """An open portal that can be fetched from and moved forward."""

    __slots__ = ()

    async def _init(self, timeout: float | None) -> Cursor[Row]:
        await self._need_statement(timeout)
        await self._bind(timeout)
        return self

    @connresource.guarded
    async def fetch(self, n: int, *, timeout: float | None = None) -> list[Row]:
        """The next `n` rows, or as many as there are left."""
        if n <= 0:
            raise exceptions.InterfaceError("n must be greater than zero")
        self._check_ready()
        return [] if self._exhausted else await self._exec(_rows(n), utils._seconds(timeout))

    @connresource.guarded
    async def fetchrow(self, *, timeout: float | None = None) -> Row | None:
        """The next row, or None at the end."""
        self._check_ready()
        if self._exhausted:
            return None
        rows = await self._exec(1, utils._seconds(timeout))
        return rows[0] if rows else None

    @connresource.guarded
    async def forward(self, n: int, *, timeout: float | None = None) -> int:
        """Skip `n` rows; the number actually skipped."""
        if n <= 0:
            raise exceptions.InterfaceError("n must be greater than zero")
        self._check_ready()
        move = f"MOVE FORWARD {n:d} {self._portal_name}"
        with self._connection._watch(move) as ending:
            status = ending.tag = await self._connection._protocol.query(move, timeout)
        moved = int(status.split()[1])
        self._exhausted = moved < n
        return moved
