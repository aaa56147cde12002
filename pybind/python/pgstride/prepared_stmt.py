# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Prepared statements."""

from __future__ import annotations

import json
import typing

from . import _core, connresource, cursor, exceptions, types, utils
from ._parts import ArgumentSets, Row
from ._server import CommandStatus

if typing.TYPE_CHECKING:
    from .connection import Connection
    from .protocol import Record


class PreparedStatement(connresource.StatementUser, typing.Generic[Row]):
    """A statement that the server keeps prepared as long as this object lives.

    Made by :meth:`Connection.prepare`.
    """

    __slots__ = ("_query", "_record_class", "_last_status")

    _state: _core.Statement

    def __init__(
        self,
        connection: Connection[typing.Any],
        query: str,
        state: _core.Statement,
        record_class: type[Record] | None = None,
    ) -> None:
        super().__init__(connection, state)
        self._query = query
        self._record_class = record_class
        self._last_status: str | None = None

    def _check(self, method: str) -> None:
        if self._state.closed and not self._connection.is_closed():
            raise exceptions.InterfaceError(
                f"cannot call PreparedStmt.{method}(): the prepared statement is closed"
            )
        super()._check(method)

    @connresource.guarded
    def get_name(self) -> str:
        """The server's name of the statement."""
        return self._state.name

    @connresource.guarded
    def get_query(self) -> str:
        """The text the statement was prepared from."""
        return self._query

    @connresource.guarded
    def get_statusmsg(self) -> str | None:
        """The status of the last execution, such as ``'INSERT 0 1'``.

        None when there was none, or when :meth:`fetchrow` or :meth:`fetchval` left rows unread.
        """
        return None if self._last_status is None else CommandStatus(self._last_status)

    @connresource.guarded
    def get_parameters(self) -> tuple[types.Type, ...]:
        """The types of the parameters."""
        return tuple(types.Type(*type_) for type_ in self._state.parameters)

    @connresource.guarded
    def get_attributes(self) -> tuple[types.Attribute, ...]:
        """The columns of the result; empty when the statement returns none."""
        return tuple(types.Attribute(name, types.Type(*type_)) for name, type_ in self._state.columns)

    @connresource.guarded
    def cursor(self, *args: object, prefetch: int | None = None, timeout: float | None = None) -> cursor.CursorFactory[Row]:
        """A cursor over the statement's result: iterate it with ``async for``, or await it."""
        return cursor.CursorFactory(
            self._connection, self._query, self._state, args, prefetch, timeout, self._record_class
        )

    @connresource.guarded
    async def explain(self, *args: object, analyze: bool = False) -> list[typing.Any]:
        """The execution plan, as EXPLAIN (FORMAT JSON) reports it.

        With `analyze` the statement is run, in a transaction that is rolled back.
        """
        query = f"EXPLAIN (FORMAT JSON, VERBOSE{', ANALYZE' if analyze else ''}) {self._query}"
        if not analyze:
            return _parsed(await self._connection.fetchval(query, *args))
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            return _parsed(await self._connection.fetchval(query, *args))
        finally:
            await transaction.rollback()

    @connresource.guarded
    async def fetch(self, *args: object, timeout: float | None = None) -> list[Row]:
        """Run the statement and return its rows."""
        return await self._run(args, 0, timeout)

    @connresource.guarded
    async def fetchrow(self, *args: object, timeout: float | None = None) -> Row | None:
        """Run the statement and return its first row, or None."""
        rows = await self._run(args, 1, timeout)
        return rows[0] if rows else None

    @connresource.guarded
    async def fetchmany(
        self, args: ArgumentSets, *, timeout: float | None = None
    ) -> list[Row]:
        """Run the statement for each set of arguments in `args` and return the rows of all of them."""
        return typing.cast("list[Row]", await self._run_many(args, True, timeout))

    @connresource.guarded
    async def executemany(
        self, args: ArgumentSets, *, timeout: float | None = None
    ) -> None:
        """Run the statement for each set of arguments in `args`; rows are discarded.

        Outside a transaction all of it happens, or nothing.
        """
        await self._run_many(args, False, timeout)

    @connresource.guarded
    async def fetchval(self, *args: object, column: int | str = 0, timeout: float | None = None) -> typing.Any:
        """Run the statement and return one value of its first row, or None."""
        rows = await self._run(args, 1, timeout)
        return rows[0][column] if rows else None

    async def _run(self, args: tuple[object, ...], limit: int, timeout: float | None) -> list[Row]:
        connection = self._connection
        timeout = utils._seconds(timeout)
        with connection._watch(self._query) as ending:
            if connection._hooked:
                rows, status, completed = await connection._protocol.bind_execute(
                    self._state, args, "", limit, True, timeout, record_class=self._record_class
                )
                self._last_status = status.decode() if completed and status else None
            else:
                rows, self._last_status = await connection._core.report(
                    self._state, args, limit, timeout, self._record_class
                )
            ending.tag = self._last_status or ""
        return typing.cast("list[Row]", rows)

    async def _run_many(
        self, args: ArgumentSets, return_rows: bool, timeout: float | None
    ) -> list[typing.Any] | None:
        with self._connection._watch(self._query):
            return await self._connection._protocol.bind_execute_many(
                self._state, args, "", utils._seconds(timeout), return_rows=return_rows, record_class=self._record_class
            )


def _parsed(plan: typing.Any) -> list[typing.Any]:
    """A codec of the user's for json may have done it."""
    return typing.cast("list[typing.Any]", json.loads(plan) if isinstance(plan, (str, bytes, bytearray)) else plan)
