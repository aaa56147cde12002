# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Single requests on whichever connection of a pool is free.

Where nothing speaks against it they go without a proxy: the core takes a connection, sends the request and
the connection's reset in one go, and has the connection back when both are answered.
"""

from __future__ import annotations

import typing

from . import connect_utils, connection
from ._pool_holder import PoolAcquireContext, PoolConnectionHolder, PoolConnectionProxy
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


class PoolRequests:
    """The part of :class:`Pool` that runs something on a connection of its own choice."""

    __slots__ = ()

    _core: _core.PoolCore
    _holders: list[PoolConnectionHolder]
    _lends: bool

    if typing.TYPE_CHECKING:

        def acquire(self, *, timeout: float | None = None) -> PoolAcquireContext: ...
        async def release(self, connection: PoolConnectionProxy, *, timeout: float | None = None) -> None: ...
        async def _lease(self) -> PoolConnectionHolder: ...

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Like :meth:`Connection.execute`, on a connection of the pool."""
        if self._lends:
            slot = await self._slot_for("execute")
            if slot is not None:
                if args:
                    return CommandStatus(await self._core.execute(slot, query, args, timeout))
                return CommandStatus(await self._core.script(slot, query, timeout))
        async with self.acquire() as con:
            return typing.cast(str, await con.execute(query, *args, timeout=timeout))

    async def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> list[Record]:
        """Like :meth:`Connection.fetch`, on a connection of the pool."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        if self._lends:
            slot = await self._slot_for("fetch")
            if slot is not None:
                return await self._core.fetch(slot, query, args, timeout, record_class)
        async with self.acquire() as con:
            rows = await con.fetch(query, *args, timeout=timeout, record_class=record_class)
        return typing.cast("list[Record]", rows)

    async def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> Record | None:
        """Like :meth:`Connection.fetchrow`, on a connection of the pool."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        if self._lends:
            slot = await self._slot_for("fetchrow")
            if slot is not None:
                return await self._core.fetchrow(slot, query, args, timeout, record_class)
        async with self.acquire() as con:
            row = await con.fetchrow(query, *args, timeout=timeout, record_class=record_class)
        return typing.cast("Record | None", row)

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
        self, command: str, args: typing.Iterable[typing.Sequence[object]], *, timeout: float | None = None
    ) -> None:
        """Like :meth:`Connection.executemany`, on a connection of the pool."""
        if self._lends:
            slot = await self._slot_for("executemany")
            if slot is not None:
                await self._core.many(slot, command, args, timeout, None)
                return
        async with self.acquire() as con:
            await con.executemany(command, args, timeout=timeout)

    async def fetchmany(
        self,
        query: str,
        args: typing.Iterable[typing.Sequence[object]],
        *,
        timeout: float | None = None,
        record_class: type[Record] | None = None,
    ) -> list[Record]:
        """Like :meth:`Connection.fetchmany`, on a connection of the pool."""
        if record_class is not None:
            connect_utils.check_record_class(record_class)
        async with self.acquire() as con:
            rows = await con.fetchmany(query, args, timeout=timeout, record_class=record_class)
        return typing.cast("list[Record]", rows)

    async def copy_from_table(
        self,
        table_name: str,
        *,
        output: typing.Any,
        columns: typing.Sequence[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        **options: typing.Any,
    ) -> str:
        """Like :meth:`Connection.copy_from_table`, on a connection of the pool."""
        async with self.acquire() as con:
            status = await con.copy_from_table(
                table_name, output=output, columns=columns, schema_name=schema_name, timeout=timeout, **options
            )
        return typing.cast(str, status)

    async def copy_from_query(
        self, query: str, *args: object, output: typing.Any, timeout: float | None = None, **options: typing.Any
    ) -> str:
        """Like :meth:`Connection.copy_from_query`, on a connection of the pool."""
        async with self.acquire() as con:
            return typing.cast(str, await con.copy_from_query(query, *args, output=output, timeout=timeout, **options))

    async def copy_to_table(
        self,
        table_name: str,
        *,
        source: typing.Any,
        columns: typing.Sequence[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        **options: typing.Any,
    ) -> str:
        """Like :meth:`Connection.copy_to_table`, on a connection of the pool."""
        async with self.acquire() as con:
            status = await con.copy_to_table(
                table_name, source=source, columns=columns, schema_name=schema_name, timeout=timeout, **options
            )
        return typing.cast(str, status)

    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: typing.Any,
        columns: typing.Sequence[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        where: str | None = None,
    ) -> str:
        """Like :meth:`Connection.copy_records_to_table`, on a connection of the pool."""
        async with self.acquire() as con:
            status = await con.copy_records_to_table(
                table_name, records=records, columns=columns, schema_name=schema_name, timeout=timeout, where=where
            )
        return typing.cast(str, status)

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


__all__ = ("PoolRequests",)
