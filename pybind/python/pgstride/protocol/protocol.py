# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A connection's core under the names that asyncpg's extension has for it, for those who look or hook there."""

from __future__ import annotations

import collections.abc
import math
import typing

from .. import _core, _hooks, exceptions
from .._core import _create_record as _create_record
from .._server import ConnectionSettings
from .._type_codecs import BUILTIN_TYPE_NAME_MAP, BUILTIN_TYPE_OID_MAP
from .record import Record
from .transport import Transport

if typing.TYPE_CHECKING:
    from .. import _parameters

NO_TIMEOUT: typing.Final = object()
_Timeout = typing.Optional[float]
_Items = typing.Union[typing.Iterable[typing.Any], typing.AsyncIterable[typing.Any]]


class BaseProtocol(metaclass=_hooks.Hookable):
    """What a connection's methods come down to. `state` is a prepared statement; timeouts are in seconds."""

    # Attributes of others' own find a place here.
    __slots__ = ("_core", "__dict__", "__weakref__")

    # The first three are for those who have a class of their own in this one's place.
    def __init__(
        self, addr: _parameters.Address, connected_fut: None, con_params: _parameters.ConnectionParameters, core: _core.Core
    ) -> None:
        self._core = core

    async def prepare(
        self, stmt_name: str | None, query: str, timeout: _Timeout, *, use_cache: bool = False
    ) -> _core.Statement:
        """A prepared statement; for a `stmt_name` of None the core thinks of one."""
        return await self._core.prepare(query, stmt_name, use_cache, timeout, True)

    async def query(self, query: str, timeout: _Timeout) -> str:
        """Run a script; the status of its last command."""
        return await self._core.script(query, timeout)

    async def bind_execute(
        self,
        state: _core.Statement,
        args: tuple[object, ...],
        portal_name: str,
        limit: int,
        return_extra: bool,
        timeout: _Timeout,
        record_class: type[Record] | None = None,
    ) -> typing.Any:
        """The rows of a statement; with `return_extra`, the status too, and whether these were all rows.

        With a `portal_name` the portal is left open for :meth:`execute`.
        """
        if portal_name:
            rows = await self._core.portal(state, portal_name, args, limit or _ALL, timeout, record_class)
            return (rows, b"", len(rows) < limit) if return_extra else rows
        rows, status = await self._core.report(state, args, limit, timeout, record_class)
        return (rows, (status or "").encode(), status is not None) if return_extra else rows

    async def bind_execute_many(
        self,
        state: _core.Statement,
        args: typing.Iterable[typing.Sequence[object]],
        portal_name: str,
        timeout: _Timeout,
        return_rows: bool = False,
        record_class: type[Record] | None = None,
    ) -> list[Record] | None:
        """Run a statement for each set of arguments."""
        row_class = (record_class or self._core.record_class) if return_rows else None
        return await self._core.many(state, args, timeout, row_class)

    async def bind(self, state: _core.Statement, args: tuple[object, ...], portal_name: str, timeout: _Timeout) -> None:
        """Open a portal."""
        await self._core.portal(state, portal_name, args, None, timeout, None)

    async def execute(
        self,
        state: _core.Statement,
        portal_name: str,
        limit: int,
        return_extra: bool,
        timeout: _Timeout,
        record_class: type[Record] | None = None,
    ) -> typing.Any:
        """The next rows of an open portal."""
        rows = await self._core.portal(state, portal_name, None, limit or _ALL, timeout, record_class)
        return (rows, b"", len(rows) < (limit or _ALL)) if return_extra else rows

    async def copy_out(self, copy_stmt: str, sink: typing.Callable[[bytes], typing.Awaitable[object]]) -> str:
        """Give the `sink` a COPY's data; its status."""
        self._check_open()
        copy = _core.copy_out(self._core, copy_stmt, math.inf)
        try:
            while not isinstance(data := await copy, str):
                await sink(data)
                copy = _core.copy_next(copy)
        except BaseException:
            _core.copy_give_up(copy, "")
            raise
        return data

    async def copy_in(self, copy_stmt: str, source: _Items, record_stmt: _core.Statement | None = None) -> str:
        """Send a COPY its data, or records with the types of a statement's rows; its status."""
        self._check_open()
        write: typing.Callable[[_core.CopyIn, typing.Any], typing.Awaitable[None] | None] = _core.copy_write
        if record_stmt is not None:
            if not isinstance(source, collections.abc.AsyncIterable):
                return await _core.copy_records(self._core, copy_stmt, record_stmt, source, math.inf)
            write = _core.copy_write_record
        copy = _core.copy_in(self._core, copy_stmt, record_stmt, math.inf)
        try:
            await copy
        except BaseException as error:  # maybe cancelled when the server has begun already
            _core.copy_give_up(copy, _reason(error))
            raise
        try:
            async for item in typing.cast("typing.AsyncIterable[typing.Any]", source):
                if (room := write(copy, item)) is not None:
                    await room
        except Exception as error:
            await _core.copy_break_off(copy, _reason(error))
            raise
        except BaseException as error:  # whoever waits must not be kept waiting
            _core.copy_give_up(copy, _reason(error))
            raise
        return await _core.copy_end(copy)

    def _check_open(self) -> None:
        if self._core.closed:
            raise exceptions.InterfaceError("cannot perform operation: connection is closed")

    @property
    def queries_count(self) -> int:
        """How much it has run: executions, however many sets of arguments each, and scripts."""
        return self._core.queries

    def get_settings(self) -> ConnectionSettings:
        return ConnectionSettings(self._core)

    def get_server_pid(self) -> int:
        return self._core.pid

    def is_in_transaction(self) -> bool:
        return self._core.transaction != "I"

    def is_closed(self) -> bool:
        return self._core.closed

    @property
    def is_ssl(self) -> bool:
        return self._core.tls is not None

    def is_connected(self) -> bool:
        return not self._core.closed

    async def close(self, timeout: _Timeout) -> None:
        await self._core.close(timeout)

    def abort(self) -> None:
        self._core.abort()


_ALL = 2**31 - 1


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ").encode("utf-8", "replace").decode()


class Protocol(BaseProtocol):
    __slots__ = ()


Protocol.keep_originals("prepare", "query", "bind_execute", "bind_execute_many", "bind", "execute")

CoreProtocol = BaseProtocol


__all__ = (
    "BUILTIN_TYPE_NAME_MAP",
    "BUILTIN_TYPE_OID_MAP",
    "BaseProtocol",
    "ConnectionSettings",
    "CoreProtocol",
    "NO_TIMEOUT",
    "Protocol",
    "Record",
    "Transport",
)
