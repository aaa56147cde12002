# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connecting, and the connection."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import ssl as ssl_
import sys
import traceback
import typing
import warnings
import weakref

from . import (
    _core,
    _listening,
    _pooled,
    _type_codecs,
    connect_utils,
    cursor,
    exceptions,
    prepared_stmt,
    serverversion,
    transaction,
    types,
)
from ._listening import LoggedQuery
from ._server import CommandStatus, ConnectionSettings, ServerCapabilities
from .protocol import Record

_counter = itertools.count(1)

class Connection(_pooled.Pooled, _listening.Listening, _type_codecs.TypeCodecs):
    """A session with a server. Made by :func:`connect`.

    One operation at a time: a second one, started while the first is under way, raises
    :exc:`InterfaceError`. Cancelling the task that waits, or a timeout, cancels the statement on the
    server; the connection stays usable.
    """

    __slots__ = (
        "_core",
        "_loop",
        "_source",
        "_top_xact",
        "_listeners",
        "_proxy_ref",
        "_pool_release_ctr",
        "_on_end",
        "_addr",
        "_config",
        "_params",
        "__weakref__",
    )

    def __init__(
        self,
        protocol: _core.Core,
        transport: None,
        loop: asyncio.AbstractEventLoop,
        addr: connect_utils.Address,
        config: connect_utils._ClientConfiguration,
        params: connect_utils._ConnectionParameters,
    ) -> None:
        self._core = core = protocol
        self._loop = loop
        self._addr = addr
        self._config = config
        self._params = params
        self._top_xact: transaction.Transaction | None = None
        self._listeners = _listening.Listeners()
        self._proxy_ref: weakref.ref[_pooled._ConnectionProxy] | None = None
        self._pool_release_ctr = 0
        self._on_end: typing.Callable[[], None] | None = None
        # Where it was opened, for the warning when it is not closed: an asyncio debug aid.
        self._source = _caller() if loop.get_debug() else None
        core.set_on_closed(functools.partial(_ended, weakref.ref(self)))

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Run a statement, or without arguments a script of several.

        Returns the status of the last command, such as ``'INSERT 0 1'``. Rows are discarded.
        `timeout` is in seconds; None means the connection's ``command_timeout``.
        """
        if self._listeners.of_queries:
            request = self._core.execute(query, args, timeout) if args else self._core.script(query, timeout)
            return CommandStatus(await self._logged(request, query, args, timeout))
        if args:
            return CommandStatus(await self._core.execute(query, args, timeout))
        return CommandStatus(await self._core.script(query, timeout))

    async def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> list[Record]:
        """Run a statement and return its rows."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        if self._listeners.of_queries:
            request = self._core.fetch(query, args, timeout, record_class)
            return typing.cast("list[Record]", await self._logged(request, query, args, timeout))
        return await self._core.fetch(query, args, timeout, record_class)

    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> Record | None:
        """Run a statement and return its first row, or None.

        The statement is suspended after that row: what further rows would do does not happen.
        """
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        if self._listeners.of_queries:
            request = self._core.fetchrow(query, args, timeout, record_class)
            return typing.cast("Record | None", await self._logged(request, query, args, timeout))
        return await self._core.fetchrow(query, args, timeout, record_class)

    async def fetchval(
        self, query: str, *args: object, column: int | str = 0, timeout: float | None = None
    ) -> typing.Any:
        """Run a statement and return one value of its first row; None when there is no row.

        `column` is an index or a name.
        """
        if self._listeners.of_queries:
            return await self._logged(self._core.fetchval(query, args, timeout, column), query, args, timeout)
        return await self._core.fetchval(query, args, timeout, column)

    async def executemany(
        self, command: str, args: typing.Iterable[typing.Sequence[object]], *, timeout: float | None = None
    ) -> None:
        """Run a statement for each set of arguments in `args`; rows are discarded.

        Outside a transaction all of it happens, or nothing.
        """
        if self._listeners.of_queries:
            await self._logged(self._core.many(command, args, timeout, None), command, args, timeout)
        else:
            await self._core.many(command, args, timeout, None)

    async def fetchmany(
        self,
        query: str,
        args: typing.Iterable[typing.Sequence[object]],
        *,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> list[Record]:
        """Run a statement for each set of arguments in `args` and return the rows of all of them."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        row_type = record_class or self._core.record_class
        if self._listeners.of_queries:
            rows = await self._logged(self._core.many(query, args, timeout, row_type), query, args, timeout)
        else:
            rows = await self._core.many(query, args, timeout, row_type)
        return typing.cast("list[Record]", rows)

    async def prepare(
        self,
        query: str,
        *,
        name: str | None = None,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> prepared_stmt.PreparedStatement:
        """Prepare a statement, under a `name` that SQL can use if one is given."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        statement = await self._core.prepare(query, name, False, timeout)
        return prepared_stmt.PreparedStatement(self, statement, record_class)

    def cursor(
        self,
        query: str,
        *args: object,
        prefetch: int | None = None,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> cursor.CursorFactory:
        """A cursor over a query's result, inside a transaction.

        Iterate it with ``async for`` (`prefetch` rows per round trip), or await it for a
        :class:`~pgstride.cursor.Cursor`.
        """
        self._check_open()
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        return cursor.CursorFactory(self, query, None, args, prefetch, timeout, record_class)

    def transaction(
        self, *, isolation: str | None = None, readonly: bool = False, deferrable: bool = False
    ) -> transaction.Transaction:
        """A transaction, or a savepoint inside one: ``async with connection.transaction(): …``.

        `isolation` is one of ``serializable``, ``repeatable_read``, ``read_committed`` and
        ``read_uncommitted``; None leaves it to the server's default.
        """
        self._check_open()
        return transaction.Transaction(self, isolation, readonly, deferrable)

    def is_in_transaction(self) -> bool:
        """The server is in a transaction block, a failed one included."""
        return self._core.transaction != "I"

    def is_closed(self) -> bool:
        """The connection was closed, by whomever."""
        return self._core.closed

    def get_server_pid(self) -> int:
        """The process id of the server's end."""
        return self._core.pid

    def get_server_version(self) -> types.ServerVersion:
        return serverversion.split_server_version_string(self._core.parameters().get("server_version", ""))

    def get_settings(self) -> ConnectionSettings:
        """The settings that the server reports, as attributes."""
        return ConnectionSettings(self._core)

    async def close(self, *, timeout: float | None = None) -> None:
        """Close the connection gracefully. A statement that is running is cancelled.

        When that takes longer than `timeout` seconds the connection is aborted and TimeoutError
        raised.
        """
        await self._core.close(timeout)

    def terminate(self) -> None:
        """Close the connection at once, without telling the server."""
        self._core.abort()
        _ended(weakref.ref(self))

    async def reset(self, *, timeout: float | None = None) -> None:
        """Back to the state of a new connection: no transaction, no locks, no listeners, settings as at the start."""
        self._check_open()
        self._listeners.clear()
        query = self.get_reset_query()
        if self._top_xact is not None or self.is_in_transaction():
            self._leave_transaction()
            query = "ROLLBACK;\n" + query
        if query:
            await self._core.script(query, timeout)

    def get_reset_query(self) -> str:
        """What :meth:`reset` runs. Role and session authorization are part of it."""
        parameters = self._core.parameters()
        if "padb_revision" in parameters:  # Amazon Redshift
            return "RESET ALL;"
        if "crdb_version" in parameters or "crate_version" in parameters:
            return ""
        return (
            "RESET SESSION AUTHORIZATION;\nSELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"
        )

    async def _script(self, query: str, timeout: float | None = None) -> str:
        return await self._core.script(query, timeout)

    def _unique_id(self, kind: str) -> str:
        return f"__pgstride_{kind}_{next(_counter):x}__"

    def _check_open(self) -> None:
        if self._core.closed:
            raise exceptions.InterfaceError("connection is closed")

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is None or core.closed:
            return
        if self._source:
            message = f"unclosed connection {self!r}; created at:\n {self._source}"
        else:
            message = (
                f"unclosed connection {self!r}; run in asyncio debug mode to show the traceback of connection origin"
            )
        warnings.warn(message, ResourceWarning, source=self)
        if not self._loop.is_closed():
            self.terminate()


def _ended(reference: weakref.ref[Connection]) -> None:
    """A connection is over, whoever ended it."""
    connection = reference()
    if connection is None:
        return
    listeners = connection._listeners
    callbacks = list(listeners.of_end)
    listeners.clear()
    listeners.of_end.clear()
    listeners.of_queries.clear()
    for callback in callbacks:
        callback.schedule(connection._loop, connection._proxy or connection)
    on_end, connection._on_end = connection._on_end, None
    if on_end is not None:
        on_end()


def _caller() -> str:
    """The innermost frames outside this package, as a traceback shows them."""
    package = os.path.dirname(__file__)
    frame = sys._getframe(1)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename).startswith(package):
        frame = frame.f_back
    return "".join(traceback.format_stack(frame, limit=10))


async def connect(
    dsn: str | None = None,
    *,
    host: str | typing.Sequence[str] | None = None,
    port: int | str | typing.Sequence[int | str] | None = None,
    user: str | None = None,
    password: connect_utils.Password = None,
    passfile: str | os.PathLike[str] | None = None,
    service: str | None = None,
    servicefile: str | os.PathLike[str] | None = None,
    database: str | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
    timeout: float | None = 60,
    statement_cache_size: int = 100,
    max_cached_statement_lifetime: float = 300,
    max_cacheable_statement_size: int = 1024 * 15,
    command_timeout: float | None = None,
    ssl: str | bool | ssl_.SSLContext | None = None,
    direct_tls: bool | None = None,
    connection_class: type[Connection] = Connection,
    record_class: type[Record] = Record,
    server_settings: dict[str, str] | None = None,
    target_session_attrs: str | None = None,
    krbsrvname: str | None = None,
    gsslib: str | None = None,
) -> Connection:
    """Connect to a server.

    What is not given comes from the `dsn` (``postgres://user:password@host:port/database?option=value``),
    then from the `service`, from the environment (``PGHOST``, ``PGPORT``, ``PGUSER``, ``PGPASSWORD``,
    ``PGDATABASE``, …), then from defaults: a local Unix socket, the system's user name. Several hosts are
    tried in order until one is of the kind that `target_session_attrs` asks for. A `password` that is a
    function, or a coroutine function, is called for each attempt.

    `timeout` (seconds) covers everything from name resolution to authentication. Statements are kept
    prepared, `statement_cache_size` of them, each for `max_cached_statement_lifetime` seconds (0: for ever),
    unless they have more than `max_cacheable_statement_size` characters (0: any length).
    """
    if not (isinstance(connection_class, type) and issubclass(connection_class, Connection)):
        raise exceptions.InterfaceError(
            f"connection_class is expected to be a subclass of pgstride.Connection, got {connection_class!r}"
        )
    connect_utils.check_record_class(record_class)
    connect_utils.check_not_negative("max_cacheable_statement_size", max_cacheable_statement_size)
    connect_utils.check_not_negative("max_cached_statement_lifetime", max_cached_statement_lifetime)
    connect_utils.check_not_negative("statement_cache_size", statement_cache_size)
    return await connect_utils._connect(
        loop=loop or asyncio.get_running_loop(),
        connection_class=connection_class,
        record_class=record_class,
        timeout=timeout,
        config=connect_utils._ClientConfiguration(
            connect_utils.check_command_timeout(command_timeout),
            statement_cache_size,
            max_cached_statement_lifetime,
            max_cacheable_statement_size,
        ),
        dsn=dsn,
        host=host,
        port=port,
        user=user,
        password=password,
        passfile=passfile,
        service=service,
        servicefile=servicefile,
        database=database,
        ssl=ssl,
        direct_tls=direct_tls,
        server_settings=server_settings,
        target_session_attrs=target_session_attrs,
        krbsrvname=krbsrvname,
        gsslib=gsslib,
    )


__all__ = ("connect", "Connection", "ConnectionSettings", "CommandStatus", "LoggedQuery", "ServerCapabilities")
