# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connecting, and the connection."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import ssl as ssl_
import typing
import warnings
import weakref

from . import (
    _callers,
    _copy,
    _hooks,
    _loops,
    _observing,
    _parameters,
    _pipeline,
    _pooled,
    _queries,
    _streaming,
    _transacting,
    _untrusted,
    connect_utils,
    exceptions,
    serverversion,
    transaction,
    types,
    utils,
)
from ._listening import LoggedQuery, _Callback
from ._parts import Row
from ._pipeline import Pipeline, Reply
from ._pooled import ConnectionMeta, _ConnectionProxy
from ._server import (
    CommandStatus,
    ConnectionSettings,
    ServerCapabilities,
    TLSInfo,
    _detect_server_capabilities,
    _version_of,
)
from ._statement_cache import _StatementCache
from ._streaming import Stream
from ._type_codecs import TypeCodecs as _TypeCodecs
from .connect_utils import check_record_class as _check_record_class
from .protocol import Protocol, Record, Transport

if typing.TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._connect_options import ConnectOptions

# RESET ALL leaves these two alone.
_RESET_ROLES = "RESET SESSION AUTHORIZATION;\n"

_uid = 0
"""The last number that made a server-side name unique in this process."""


class Connection(
    _queries.Queries[Row],
    _pipeline.Pipelining[Row],
    _streaming.Streaming[Row],
    _transacting.Transacting,
    _copy.Copying,
    _pooled.Pooled,
    _TypeCodecs,
):
    """A session with a server. Made by :func:`connect`.

    One operation at a time: a second one, started while the first is under way, raises
    :exc:`InterfaceError`, unless there is a :meth:`pipeline`. Cancelling the task that waits, or a timeout, cancels the
    statement on the server; the connection stays usable.
    """

    __slots__ = (
        "_core",
        "_loop",
        "_source",
        "_top_xact",
        "_stmt_cache",
        "_protocol",
        "_transport",
        "_server_version",
        "_server_caps",
        "_listeners",
        "_arriving",
        "_proxy_ref",
        "_log_listeners",
        "_termination_listeners",
        "_query_loggers",
        "_observer",
        "_pool_release_ctr",
        "_on_end",
        "_addr",
        "_config",
        "_params",
        "__weakref__",
    )

    def __init__(
        self,
        protocol: Protocol,
        transport: Transport,
        loop: asyncio.AbstractEventLoop,
        addr: _parameters.Address,
        config: connect_utils._ClientConfiguration,
        params: _parameters.ConnectionParameters,
    ) -> None:
        self._protocol = protocol
        self._transport = transport
        self._core = core = protocol._core
        self._loop = loop
        self._addr = addr
        self._config = config
        self._params = params
        self._top_xact: transaction.Transaction | None = None
        self._stmt_cache = _StatementCache(
            core, config.statement_cache_size, config.max_cached_statement_lifetime
        )
        self._server_version = _version_of(core.parameters())
        self._server_caps = _detect_server_capabilities(self._server_version, core.parameters())
        self._listeners: dict[str, set[_Callback]] = {}
        self._arriving: dict[str, set[_Callback]] = {}  # before LISTEN is answered
        self._log_listeners: set[_Callback] = set()
        self._termination_listeners: set[_Callback] = set()
        self._query_loggers: set[_Callback] = set()
        self._observer: _observing.Observer | None = None
        self._proxy_ref: weakref.ref[object] | None = None
        self._pool_release_ctr = 0
        self._on_end: typing.Callable[[], None] | None = None
        if type(protocol) is not Protocol:
            _hooks.REPLACED.add("Protocol")
        # Where it was opened, for the warning when it is not closed: an asyncio debug aid.
        self._source = _callers.frames() if loop.get_debug() else None
        core.set_on_closed(functools.partial(_ended, weakref.ref(self)))

    def get_server_pid(self) -> int:
        """The process id of the server's end."""
        return self._core.pid

    def get_server_version(self) -> types.ServerVersion:
        """The server's version. ValueError when the server does not tell, or nobody can read what it tells."""
        if self._server_version is None:
            return serverversion.split_server_version_string(self._core.parameters().get("server_version", ""))
        return self._server_version

    def get_settings(self) -> ConnectionSettings:
        """The settings that the server reports, as attributes."""
        return ConnectionSettings(self._core)

    @property
    def tls(self) -> TLSInfo | None:
        """The TLS version, cipher and ALPN protocol that were agreed on; None when nothing is encrypted."""
        info = self._core.tls
        return None if info is None else TLSInfo(*info)

    async def close(self, *, timeout: float | None = None) -> None:
        """Close the connection gracefully. A statement that is running is cancelled.

        When that takes longer than `timeout` seconds the connection is aborted and TimeoutError
        raised.
        """
        if not self._core.closed:
            self._core.set_on_closed(functools.partial(_ended, weakref.ref(self), contextvars.copy_context()))
            try:
                await self._core.close(utils._seconds(timeout))
            except (TypeError, ValueError):  # that is no timeout
                self.terminate()
                raise

    def terminate(self) -> None:
        """Close the connection at once, without telling the server."""
        self._core.abort()
        _ended(weakref.ref(self))

    async def reset(self, *, timeout: float | None = None) -> None:
        """Back to the state of a new connection: no transaction, no locks, no listeners, settings as at the start."""
        self._check_open()
        timeout = utils._seconds(timeout)
        self._drop_listeners()
        query = self._with_roles(self.get_reset_query())
        rolls_back = self._top_xact is not None or self.is_in_transaction()
        if rolls_back:
            self._leave_transaction()
            query = "ROLLBACK;\n" + query
        try:
            if query and timeout is None:
                await self.execute(query)
            elif query:
                await self.execute(query, timeout=timeout)
        except (asyncio.TimeoutError, _loops.library_of(self._loop).Cancelled):
            if rolls_back:  # it may not have come to that
                self._core.roll_back()
            raise

    def get_reset_query(self) -> str:
        """What :meth:`reset` runs, behind the return to the role of the login."""
        caps = self._server_caps
        commands = [
            (caps.advisory_locks, "SELECT pg_advisory_unlock_all();"),
            (caps.sql_close_all, "CLOSE ALL;"),
            (caps.notifications and caps.plpgsql, "UNLISTEN *;"),
            (caps.sql_reset, "RESET ALL;"),
        ]
        return "\n".join(command for is_known, command in commands if is_known)

    def _with_roles(self, query: str) -> str:
        """A reset query, behind the return to the role of the login."""
        return _RESET_ROLES + query if query and self._server_caps.sql_close_all else query

    async def _script(self, query: str, timeout: float | None = None) -> str:
        return await self._core.script(query, timeout)

    @property
    def _stmts_to_close(self) -> set[str]:
        """Names of the statements that the server will be told to forget with the next request."""
        return set(self._core.closing_statements())

    def _get_unique_id(self, prefix: str) -> str:
        global _uid
        _uid += 1
        return f"__pgstride_{prefix}_{_uid:x}__"

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
        if not self._loop.is_closed():
            self.terminate()
        # No source=self: who keeps the warning would keep the connection. Last, as a warning may be an error.
        warnings.warn(message, ResourceWarning)


Connection.keep_originals("_execute", "_executemany", "_prepare", "_get_statement", "_introspect_types")


def _ended(reference: weakref.ref[Connection[typing.Any]], context: contextvars.Context | None = None) -> None:
    """A connection is over, whoever ended it; in what context listeners hear of it, if not in this one."""
    connection = reference()
    if connection is None:
        return
    if context is None:
        context = contextvars.copy_context()
    callbacks = list(connection._termination_listeners)
    connection._drop_listeners()
    connection._termination_listeners.clear()
    connection._query_loggers.clear()
    for callback in callbacks:
        context.run(callback.schedule, connection._loop, connection._proxy or connection)
    on_end, connection._on_end = connection._on_end, None
    if on_end is not None:
        on_end()


_Connection = typing.TypeVar("_Connection", bound=Connection[typing.Any])


@typing.overload
async def connect(
    dsn: str | None = None,
    *,
    connection_class: type[_Connection],
    record_class: type[Record] = ...,
    **options: Unpack[ConnectOptions],
) -> _Connection: ...
@typing.overload
async def connect(dsn: str | None = None, **options: Unpack[ConnectOptions]) -> Connection: ...
@typing.overload
async def connect(
    dsn: str | None = None, *, record_class: type[Row], **options: Unpack[ConnectOptions]
) -> Connection[Row]: ...
async def connect(
    dsn: str | None = None,
    *,
    host: str | typing.Sequence[str] | None = None,
    port: int | str | typing.Sequence[int | str] | None = None,
    user: str | None = None,
    password: _parameters.Password = None,
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
    connection_class: type[Connection[typing.Any]] = Connection,
    record_class: type[Record] = Record,
    server_settings: dict[str, str] | None = None,
    target_session_attrs: str | None = None,
    krbsrvname: str | None = None,
    gsslib: str | None = None,
    require_auth: str | None = None,
    oauth_token: _parameters.Password = None,
    observer: _observing.Observer | None = None,
    untrusted_dsn: _untrusted.DsnKeys = False,
    **options: _parameters.Keyword,
) -> typing.Any:
    """Connect to a server.

    What is not given comes from the `dsn` (``postgres://user:password@host:port/database?option=value``),
    then from the `service`, from the environment (``PGHOST``, ``PGPORT``, ``PGUSER``, ``PGPASSWORD``,
    ``PGDATABASE``, …), then from defaults: a local Unix socket, the system's user name. Several hosts are
    tried in order until one is of the kind that `target_session_attrs` asks for. A `password` that is a
    function, or a coroutine function, is called for each attempt. `require_auth` names the ways of
    authentication that may be used, or with a ``!`` those that may not; `oauth_token` is for servers that
    ask for a bearer token, and may be a function like `password`.

    `ssl` is the name of an sslmode (``disable``, ``allow``, ``prefer``, ``require``, ``verify-ca``,
    ``verify-full``), True for verification against the system's root certificates, False for no TLS, or an
    :class:`ssl.SSLContext` that says it all. `direct_tls` begins with TLS at once, as PostgreSQL 17 and newer
    take it. See docs/tls.md.

    A `dsn` from somebody who is not to be trusted with what this process has is an `untrusted_dsn`: it may name a
    server, a database, a user and a password and say how secure it is to be (or only those keys that are listed
    here), and neither the environment nor this machine's files have a say. See docs/connecting.md.

    The other `options` are libpq's, under its names: ``sslmode``, ``sslrootcert``, ``channel_binding``,
    ``keepalives_idle``, ``application_name``, … docs/connecting.md lists them.

    `timeout` (seconds) covers everything from name resolution to authentication. Statements are kept
    prepared, `statement_cache_size` of them, each for `max_cached_statement_lifetime` seconds (0: for ever),
    unless they have more than `max_cacheable_statement_size` characters (0: any length). `max_rows` and
    `max_result_bytes`, among the options, bound what is kept of one result. An `observer` is told of what the
    connection does.
    """
    if not (isinstance(connection_class, type) and issubclass(connection_class, Connection)):
        raise exceptions.InterfaceError(
            f"connection_class is expected to be a subclass of pgstride.Connection, got {connection_class!r}"
        )
    _check_record_class(record_class)
    _observing.check(observer)
    connect_utils.check_not_negative("max_cacheable_statement_size", max_cacheable_statement_size)
    connect_utils.check_not_negative("max_cached_statement_lifetime", max_cached_statement_lifetime)
    connect_utils.check_not_negative("statement_cache_size", statement_cache_size)
    return await connect_utils._connect(
        loop=loop or _loops.running(),
        connection_class=connection_class,
        record_class=record_class,
        timeout=timeout,
        config=connect_utils._ClientConfiguration(
            connect_utils.check_command_timeout(command_timeout),
            statement_cache_size,
            max_cached_statement_lifetime,
            max_cacheable_statement_size,
        ),
        observer=observer,
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
        require_auth=require_auth,
        oauth_token=oauth_token,
        untrusted_dsn=untrusted_dsn,
        **options,
    )


__all__ = (
    "connect",
    "Connection",
    "ConnectionMeta",
    "ConnectionSettings",
    "CommandStatus",
    "LoggedQuery",
    "Pipeline",
    "Reply",
    "ServerCapabilities",
    "Stream",
    "TLSInfo",
)
