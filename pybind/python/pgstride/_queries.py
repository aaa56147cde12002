# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Running statements: the methods of Connection for queries, and how they reach the core."""

from __future__ import annotations

import asyncio
import contextlib
import time
import typing

from . import _hooks, _observing, connect_utils, cursor, exceptions, prepared_stmt
from ._deadline import Budget
from ._listening import LoggedQuery, _Callback
from ._parts import ArgumentSets, OtherRow, Part, Row
from ._server import CommandStatus
from .protocol import Record

if typing.TYPE_CHECKING:
    from . import _core

_INTROSPECTION_ATTEMPTS = 6


class Queries(Part, typing.Generic[Row]):
    """The part of :class:`Connection` that runs statements.

    Each method takes the shortest way, straight into the core, unless somebody wants to be told of queries or
    has replaced one of the methods on the long way (`_hooks`).
    """

    __slots__ = ()

    _hooked: typing.ClassVar[set[str]]
    _query_loggers: set[_Callback]

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Run a statement, or without arguments a script of several.

        Returns the status of the last command, such as ``'INSERT 0 1'``. Rows are discarded.
        `timeout` is in seconds; None means the connection's ``command_timeout``.
        """
        if self._query_loggers or self._observer is not None or self._hooked:
            if args:
                return CommandStatus((await self._execute(query, args, 0, timeout, return_status=True))[1].decode())
            with self._time_and_log(query, args, timeout) as ending:
                ending.tag = await self._protocol.query(query, timeout)
            return CommandStatus(ending.tag)
        if args:
            return CommandStatus(await self._core.execute(query, args, timeout))
        return CommandStatus(await self._core.script(query, timeout))

    @typing.overload
    async def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: None = None
    ) -> list[Row]: ...
    @typing.overload
    async def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[OtherRow]
    ) -> list[OtherRow]: ...
    async def fetch(
        self,
        query: str,
        *args: object,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> list[typing.Any]:
        """Run a statement and return its rows."""
        if record_class is not None:
            self._check_open()
            connect_utils.check_record_class(record_class)
        if self._query_loggers or self._observer is not None or self._hooked:
            return typing.cast("list[Record]", await self._execute(query, args, 0, timeout, record_class=record_class))
        return await self._core.fetch(query, args, timeout, record_class)

    @typing.overload
    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: None = None
    ) -> Row | None: ...
    @typing.overload
    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[OtherRow]
    ) -> OtherRow | None: ...
    async def fetchrow(
        self,
        query: str,
        *args: object,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> typing.Any:
        """Run a statement and return its first row, or None.

        A plain query is suspended after that row: the server computes no further ones. What changes rows changes
        all of them first (``insert … returning``).
        """
        if record_class is not None:
            self._check_open()
            connect_utils.check_record_class(record_class)
        if self._query_loggers or self._observer is not None or self._hooked:
            rows = await self._execute(query, args, 1, timeout, record_class=record_class)
            return rows[0] if rows else None
        return await self._core.fetchrow(query, args, timeout, record_class)

    async def fetchval(
        self, query: str, *args: object, column: int | str = 0, timeout: float | None = None
    ) -> typing.Any:
        """Run a statement and return one value of its first row; None when there is no row.

        `column` is an index or a name.
        """
        if self._query_loggers or self._observer is not None or self._hooked:
            rows = await self._execute(query, args, 1, timeout)
            return rows[0][column] if rows else None
        return await self._core.fetchval(query, args, timeout, column)

    async def executemany(self, command: str, args: ArgumentSets, *, timeout: float | None = None) -> None:
        """Run a statement for each set of arguments in `args`; rows are discarded.

        Outside a transaction all of it happens, or nothing.
        """
        self._check_open()
        if self._query_loggers or self._observer is not None or self._hooked:
            await self._executemany(command, args, timeout)
        else:
            await self._core.many(command, args, timeout, None)

    @typing.overload
    async def fetchmany(
        self, query: str, args: ArgumentSets, *, timeout: float | None = None, record_class: None = None
    ) -> list[Row]: ...
    @typing.overload
    async def fetchmany(
        self, query: str, args: ArgumentSets, *, timeout: float | None = None, record_class: type[OtherRow]
    ) -> list[OtherRow]: ...
    async def fetchmany(
        self,
        query: str,
        args: ArgumentSets,
        *,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> list[typing.Any]:
        """Run a statement for each set of arguments in `args` and return the rows of all of them."""
        if record_class is not None:
            self._check_open()
            connect_utils.check_record_class(record_class)
        row_class = record_class or self._core.record_class
        if self._query_loggers or self._observer is not None or self._hooked:
            rows = await self._executemany(query, args, timeout, return_rows=True, record_class=row_class)
        else:
            rows = await self._core.many(query, args, timeout, row_class)
        return typing.cast("list[typing.Any]", rows)

    @typing.overload
    async def prepare(
        self, query: str, *, name: str | None = None, timeout: float | None = None, record_class: None = None
    ) -> prepared_stmt.PreparedStatement[Row]: ...
    @typing.overload
    async def prepare(
        self, query: str, *, name: str | None = None, timeout: float | None = None, record_class: type[OtherRow]
    ) -> prepared_stmt.PreparedStatement[OtherRow]: ...
    async def prepare(
        self,
        query: str,
        *,
        name: str | None = None,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> prepared_stmt.PreparedStatement[typing.Any]:
        """Prepare a statement, under a `name` that SQL can use if one is given."""
        self._check_open()
        if name is not None and not isinstance(name, str):
            raise TypeError(f"statement name must be a str, not {type(name).__name__}")
        return await self._prepare(query, name=name, timeout=timeout, record_class=record_class)

    @typing.overload
    def cursor(
        self,
        query: str,
        *args: object,
        prefetch: int | None = None,
        timeout: float | None = None,
        record_class: None = None,
    ) -> cursor.CursorFactory[Row]: ...
    @typing.overload
    def cursor(
        self,
        query: str,
        *args: object,
        prefetch: int | None = None,
        timeout: float | None = None,
        record_class: type[OtherRow],
    ) -> cursor.CursorFactory[OtherRow]: ...
    def cursor(
        self,
        query: str,
        *args: object,
        prefetch: int | None = None,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> cursor.CursorFactory[typing.Any]:
        """A cursor over a query's result, inside a transaction.

        Iterate it with ``async for`` (`prefetch` rows per round trip), or await it for a
        :class:`~pgstride.cursor.Cursor`.
        """
        self._check_open()
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        return cursor.CursorFactory(self._whole, query, None, args, prefetch, timeout, record_class)

    # --- the long way -----------------------------------------------------------------------------

    async def _execute(
        self,
        query: str,
        args: tuple[object, ...],
        limit: int,
        timeout: float | None,
        *,
        return_status: bool = False,
        ignore_custom_codec: bool = False,
        record_class: type[Record] | None = None,
    ) -> typing.Any:
        """The rows of a statement; with `return_status` also its status, and whether these were all rows."""
        self._check_open()
        timeout = self._effective_timeout(timeout)
        with self._time_and_log(query, args, timeout, prepares=True) as ending:
            if self._takes_steps():
                run = self._steps(query, timeout, record_class, lambda statement, left: self._protocol.bind_execute(
                    statement, args, "", limit, True, left, record_class=record_class
                ))
                rows, status, completed = await run
            else:
                rows, said = await self._core.report(query, args, limit, timeout, record_class)
                status, completed = (said or "").encode(), said is not None
            ending.tag = status.decode() if status else ""
        return (rows, status, completed) if return_status else rows

    async def _executemany(
        self,
        query: str,
        args: ArgumentSets,
        timeout: float | None,
        return_rows: bool = False,
        record_class: type[Record] | None = None,
    ) -> list[Record] | None:
        self._check_open()
        timeout = self._effective_timeout(timeout)
        with self._time_and_log(query, args, timeout, prepares=True):
            if self._takes_steps():
                return typing.cast(
                    "list[Record] | None",
                    await self._steps(query, timeout, record_class, lambda statement, left: self._protocol.bind_execute_many(
                        statement, args, "", left, return_rows=return_rows, record_class=record_class
                    )),
                )
            row_class = (record_class or self._core.record_class) if return_rows else None
            return await self._core.many(query, args, timeout, row_class)

    def _takes_steps(self) -> bool:
        """Somebody looks at preparing and running apart from each other."""
        return not self._hooked | _hooks.REPLACED <= {"_execute", "_executemany", "_prepare"}

    async def _steps(
        self,
        query: str,
        timeout: float | None,
        record_class: type[Record] | None,
        run: typing.Callable[[_core.Statement, float | None], typing.Awaitable[typing.Any]],
    ) -> typing.Any:
        """Find or prepare the statement and run it, with all hooks called; once more after DDL made it stale."""
        budget = Budget(self._loop, timeout)
        statement = await self._get_statement(query, budget.share(), record_class=record_class)
        try:
            return await run(statement, budget.share())
        except exceptions.InvalidCachedStatementError:
            statement.mark_closed()
            if self.is_in_transaction():
                raise
        statement = await self._get_statement(query, budget.share(), record_class=record_class)
        return await run(statement, budget.share())

    async def _prepare(
        self,
        query: str,
        *,
        name: str | bool | None = None,
        timeout: float | None = None,
        use_cache: bool = False,
        record_class: type[Record] | None = None,
    ) -> prepared_stmt.PreparedStatement[typing.Any]:
        self._check_open()
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        with self._watch(query, prepares=True):
            statement = await self._get_statement(
                query,
                None if timeout is None else float(timeout),
                named=True if name is None else name,
                use_cache=use_cache,
                record_class=record_class,
            )
        return prepared_stmt.PreparedStatement(self._whole, query, statement, record_class)

    async def _get_statement(
        self,
        query: str,
        timeout: float | None,
        *,
        named: str | bool = False,
        use_cache: bool = True,
        ignore_custom_codec: bool = False,
        record_class: type[Record] | None = None,
    ) -> _core.Statement:
        """A statement out of the cache, or prepared; under the name `named` if that is one."""
        name = named if isinstance(named, str) else None
        if "_introspect_types" not in self._hooked:
            if use_cache and self._core.has_cached(query):
                return await self._core.prepare(query, name, True, timeout, True)
            return await self._protocol.prepare(name, query, timeout, use_cache=use_cache)
        budget = Budget(self._loop, timeout)
        statement = await self._core.prepare(query, name, use_cache, timeout, False)
        for _ in range(_INTROSPECTION_ATTEMPTS):
            unknown = statement.unknown_types()
            if not unknown:
                return statement
            await self._introspect_types(unknown, budget.share())
        raise exceptions.InternalClientError(
            "could not resolve query result and/or argument types "
            f"in {_INTROSPECTION_ATTEMPTS} attempts"
        )

    async def _introspect_types(
        self, typeoids: typing.Iterable[int], timeout: float | None
    ) -> None:
        """Ask the catalogs what types are and consist of."""
        await self._core.look_up_types(tuple(typeoids), timeout)

    # --- telling of it ----------------------------------------------------------------------------

    def _effective_timeout(self, timeout: float | None) -> float | None:
        if timeout is None:
            return self._config.command_timeout
        try:
            if isinstance(timeout, bool):
                raise ValueError
            seconds = float(timeout)
        except ValueError:
            raise ValueError(f"invalid timeout value: expected non-negative float (got {timeout!r})") from None
        if seconds <= 0:
            raise asyncio.TimeoutError
        return seconds

    @contextlib.contextmanager
    def _time_and_log(
        self, query: str, args: object, timeout: float | None, *, prepares: bool = False
    ) -> typing.Iterator[_observing.Ending]:
        """Tells the query loggers, and the observer, of what happens in the block.

        `prepares`: the statement, unless it is known.
        """
        started = time.monotonic()
        failure: BaseException | None = None
        is_new = prepares and self._observer is not None and not self._core.has_cached(query)
        try:
            with self._watch(query, is_new) as ending:
                yield ending
        except BaseException as error:
            failure = error
            raise
        finally:
            elapsed = time.monotonic() - started
            record = LoggedQuery(query, args, timeout, elapsed, failure, self._addr, self._params)
            for callback in list(self._query_loggers):
                callback.schedule(self._loop, record)
            del failure, record  # its traceback has this frame
