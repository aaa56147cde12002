# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Single requests on whichever connection of a pool is free.

Where nothing speaks against it they go without a proxy: the core takes a connection, sends the request and
the connection's reset in one go, and has the connection back when both are answered.
"""

from __future__ import annotations

import functools
import typing

from . import connect_utils, connection
from ._pool_holder import PoolAcquireContext, PoolConnectionHolder
from ._parts import ArgumentSets, OtherRow, Row, call_its_functions
from ._server import CommandStatus
from .protocol import Record

if typing.TYPE_CHECKING:
    from . import _core

_BASE = connection.Connection
# A class that has put something else in the place of one of these has its own way.
_PLAIN = {
    name: getattr(_BASE, name)
    for name in ("fetch", "fetchrow", "fetchval", "execute", "executemany", "fetchmany", "reset", "get_reset_query")
}
_plain_reset = _PLAIN["reset"]
_plain_reset_query = _PLAIN["get_reset_query"]

_Parameters = typing.ParamSpec("_Parameters")
_Result = typing.TypeVar("_Result")


def _on_a_connection(
    method: typing.Callable[
        typing.Concatenate[typing.Any, _Parameters], typing.Coroutine[typing.Any, typing.Any, _Result]
    ],
) -> typing.Callable[
    typing.Concatenate[typing.Any, _Parameters], typing.Coroutine[typing.Any, typing.Any, _Result]
]:
    """A method of a pool: that of the connection, under the same signature, on one that is acquired for it."""

    @functools.wraps(method)
    async def requested(
        self: PoolRequests, /, *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> _Result:
        async with self.acquire() as con:
            return typing.cast(_Result, await getattr(con, method.__name__)(*args, **kwargs))

    return requested


class PoolRequests(typing.Generic[Row]):
    """The part of :class:`Pool` that runs something on a connection of its own choice."""

    __slots__ = ()

    _core: _core.PoolCore
    _holders: list[PoolConnectionHolder[Row]]
    _lends: bool

    if typing.TYPE_CHECKING:

        def acquire(self, *, timeout: float | None = None) -> PoolAcquireContext[Row]: ...
        async def _lease(self) -> PoolConnectionHolder[Row]: ...

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Like :meth:`Connection.execute`, on a connection of the pool."""
        if self._lends:
            slot = await self._slot_for("execute")
            if slot is not None:
                if args:
                    return CommandStatus(await self._core.execute(slot, query, args, timeout))
                return CommandStatus(await self._core.script(slot, query, timeout))
        async with self.acquire() as con:
            return await con.execute(query, *args, timeout=timeout)

    @typing.overload
    async def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: None = None
    ) -> list[Row]: ...
    @typing.overload
    async def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[OtherRow]
    ) -> list[OtherRow]: ...
    async def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> list[typing.Any]:
        """Like :meth:`Connection.fetch`, on a connection of the pool."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        if self._lends:
            slot = await self._slot_for("fetch")
            if slot is not None:
                return await self._core.fetch(slot, query, args, timeout, record_class)
        async with self.acquire() as con:
            return await con.fetch(query, *args, timeout=timeout, record_class=record_class)

    @typing.overload
    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: None = None
    ) -> Row | None: ...
    @typing.overload
    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[OtherRow]
    ) -> OtherRow | None: ...
    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> typing.Any:
        """Like :meth:`Connection.fetchrow`, on a connection of the pool."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        if self._lends:
            slot = await self._slot_for("fetchrow")
            if slot is not None:
                return await self._core.fetchrow(slot, query, args, timeout, record_class)
        async with self.acquire() as con:
            return await con.fetchrow(query, *args, timeout=timeout, record_class=record_class)

    async def fetchval(
        self, query: str, *args: object, column: int | str = 0, timeout: float | None = None
    ) -> typing.Any:
        """Like :meth:`Connection.fetchval`, on a connection of the pool."""
        if self._lends:
            slot = await self._slot_for("fetchval")
            if slot is not None:
                return await self._core.fetchval(slot, query, args, timeout, column)
        async with self.acquire() as con:
            return await con.fetchval(query, *args, column=column, timeout=timeout)

    async def executemany(
        self, command: str, args: ArgumentSets, *, timeout: float | None = None
    ) -> None:
        """Like :meth:`Connection.executemany`, on a connection of the pool."""
        if self._lends:
            slot = await self._slot_for("executemany")
            if slot is not None:
                await self._core.many(slot, command, args, timeout, None)
                return
        async with self.acquire() as con:
            await con.executemany(command, args, timeout=timeout)

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
        """Like :meth:`Connection.fetchmany`, on a connection of the pool."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        async with self.acquire() as con:
            return await con.fetchmany(query, args, timeout=timeout, record_class=record_class)

    copy_from_table = _on_a_connection(_BASE.copy_from_table)
    copy_from_query = _on_a_connection(_BASE.copy_from_query)
    copy_to_table = _on_a_connection(_BASE.copy_to_table)
    copy_records_to_table = _on_a_connection(_BASE.copy_records_to_table)

    async def _slot_for(self, method: str) -> int | None:
        """A leased slot on which `method` may run without a proxy; None when the method has to go the long way.

        The core's request on it must be made at once: it gives the slot back.
        """
        slot = self._core.take()
        if slot is None:
            slot = (await self._lease())._slot
        con = typing.cast(connection.Connection, self._holders[slot]._con)
        kind = type(con)
        if (
            getattr(kind, method) is _PLAIN[method]
            and kind.reset is _plain_reset
            and kind.get_reset_query is _plain_reset_query
            and not con._query_loggers
            and not con._hooked
        ):
            return slot
        self._core.release(slot, None, False)
        return None


call_its_functions("Pool", PoolRequests)

__all__ = ("PoolRequests",)
