# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connecting, and the connection."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import traceback
import typing
import warnings

from . import _core, _type_codecs, cursor, exceptions, prepared_stmt, serverversion, transaction, types
from .protocol import Record

_counter = itertools.count(1)


class Connection(_type_codecs.TypeCodecs):
    """A session with a server. Made by :func:`connect`.

    One operation at a time: a second one, started while the first is under way, raises
    :exc:`InterfaceError`. Cancelling the task that waits, or a timeout, cancels the statement on the
    server; the connection stays usable.
    """

    __slots__ = ("_core", "_loop", "_source", "_top_xact", "__weakref__")

    def __init__(self, core: _core.Core, loop: asyncio.AbstractEventLoop) -> None:
        self._core = core
        self._loop = loop
        self._top_xact: transaction.Transaction | None = None
        # Where it was opened, for the warning when it is not closed: an asyncio debug aid.
        self._source = "".join(traceback.format_stack(limit=10)) if loop.get_debug() else None

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Run a statement, or without arguments a script of several.

        Returns the status of the last command, such as ``'INSERT 0 1'``. Rows are discarded.
        `timeout` is in seconds; None means the connection's ``command_timeout``.
        """
        if args:
            return await self._core.execute(query, args, timeout)
        return await self._core.script(query, timeout)

    async def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> list[Record]:
        """Run a statement and return its rows."""
        if record_class is not None:
            _check_record_class(record_class)
        return await self._core.fetch(query, args, timeout, record_class)

    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> Record | None:
        """Run a statement and return its first row, or None.

        The statement is suspended after that row: what further rows would do does not happen.
        """
        if record_class is not None:
            _check_record_class(record_class)
        return await self._core.fetchrow(query, args, timeout, record_class)

    async def fetchval(
        self, query: str, *args: object, column: int | str = 0, timeout: float | None = None
    ) -> typing.Any:
        """Run a statement and return one value of its first row; None when there is no row.

        `column` is an index or a name.
        """
        return await self._core.fetchval(query, args, timeout, column)

    async def executemany(
        self, command: str, args: typing.Iterable[typing.Sequence[object]], *, timeout: float | None = None
    ) -> None:
        """Run a statement for each set of arguments in `args`; rows are discarded.

        Outside a transaction all of it happens, or nothing.
        """
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
            _check_record_class(record_class)
        rows = await self._core.many(query, args, timeout, record_class or self._core.record_class)
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
            _check_record_class(record_class)
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
            _check_record_class(record_class)
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


class ConnectionSettings:
    """The server's reported settings: ``settings.TimeZone``, ``settings.client_encoding``, …"""

    __slots__ = ("_core",)

    def __init__(self, core: _core.Core) -> None:
        self._core = core

    def __getattr__(self, name: str) -> str:
        if not name.startswith("_"):
            try:
                return self._core.parameters()[name]
            except KeyError:
                pass
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"<ConnectionSettings {self._core.parameters()!r}>"


Password = typing.Union[str, typing.Callable[[], typing.Union[str, typing.Awaitable[str]]], None]


async def connect(
    dsn: str | None = None,
    *,
    host: str | typing.Sequence[str] | None = None,
    port: int | str | typing.Sequence[int | str] | None = None,
    user: str | None = None,
    password: Password = None,
    database: str | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
    timeout: float | None = 60,
    statement_cache_size: int = 100,
    command_timeout: float | None = None,
    ssl: str | bool | None = None,
    connection_class: type[Connection] = Connection,
    record_class: type[Record] = Record,
    server_settings: dict[str, str] | None = None,
) -> Connection:
    """Connect to a server.

    What is not given comes from the `dsn` (``postgres://user:password@host:port/database?option=value``),
    then from the environment (``PGHOST``, ``PGPORT``, ``PGUSER``, ``PGPASSWORD``, ``PGDATABASE``, …), then
    from defaults: a local Unix socket, the system's user name. Several hosts are tried in order.

    `timeout` (seconds) covers everything from name resolution to authentication.
    """
    if not (isinstance(connection_class, type) and issubclass(connection_class, Connection)):
        raise exceptions.InterfaceError(
            f"connection_class is expected to be a subclass of pgstride.Connection, got {connection_class!r}"
        )
    _check_record_class(record_class)
    _check_not_negative("statement_cache_size", statement_cache_size)
    _check_command_timeout(command_timeout)
    if loop is None:
        loop = asyncio.get_running_loop()
    options = {
        "host": _join(host),
        "port": _join(port),
        "user": user,
        "password": await _resolve_password(password),
        "dbname": database,
        "sslmode": _sslmode(ssl),
    }
    core = await _core.connect(
        loop,
        dsn,
        [(key, value) for key, value in options.items() if value is not None],
        _settings(server_settings),
        timeout,
        command_timeout,
        statement_cache_size,
        record_class,
    )
    return connection_class(core, loop)


async def _resolve_password(password: Password) -> str | None:
    if not callable(password):
        return password
    result = password()
    return await result if inspect.isawaitable(result) else result


def _join(values: str | int | typing.Sequence[str | int] | None) -> str | None:
    """A single value or a list of them, as libpq spells it."""
    if not values and values != 0:
        return None
    return ",".join(map(str, values)) if isinstance(values, (list, tuple)) else str(values)


def _sslmode(ssl: str | bool | None) -> str | None:
    if ssl is None or isinstance(ssl, str):
        return ssl
    if ssl is False:
        return "disable"
    raise exceptions.UnsupportedClientFeatureError("`ssl` other than a mode's name is not supported yet")


def _settings(settings: dict[str, str] | None) -> list[tuple[str, str]]:
    if settings is None:
        return []
    if not isinstance(settings, dict) or not all(isinstance(s, str) for pair in settings.items() for s in pair):
        raise exceptions.ClientConfigurationError("server_settings is expected to be None or a Dict[str, str]")
    return list(settings.items())


def _check_not_negative(name: str, value: object) -> None:
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError(f"{name} is expected to be greater or equal to 0, got {value!r}")


def _check_command_timeout(value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise ValueError(f"invalid command_timeout value: expected greater than 0 float (got {value!r})")


def _check_record_class(record_class: object) -> None:
    if record_class is Record:
        return
    if not (isinstance(record_class, type) and issubclass(record_class, Record)):
        raise exceptions.InterfaceError(
            f"record_class is expected to be a subclass of pgstride.Record, got {record_class!r}"
        )
    if record_class.__new__ is not object.__new__ or record_class.__init__ is not object.__init__:
        raise exceptions.InterfaceError("record_class must not redefine __new__ or __init__")
