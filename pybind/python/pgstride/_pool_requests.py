# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Single requests on whichever connection of a pool is free.

Where possible they go without a proxy: the core takes a connection, sends the request and the connection's
reset in one go, and has the connection back when both are answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import typing

from . import _loops, _pool_stats, connect_utils, connection
from ._deadline import Budget
from ._parts import ArgumentSets, OtherRow, Row, call_its_functions
from ._pool_holder import PLAIN_RESET, PLAIN_RESET_QUERY, PoolConnectionHolder
from ._pool_proxy import PoolAcquireContext, PoolConnectionProxy
from ._server import CommandStatus
from .protocol import Record

if typing.TYPE_CHECKING:
    from . import _core
    from .pool import Pool

_BASE = connection.Connection
# A class that has put something else in the place of one of these has its own way.
_PLAIN = {
    name: getattr(_BASE, name) for name in ("fetch", "fetchrow", "fetchval", "execute", "executemany")
}

_Timeout = typing.Optional[float]  # seconds, or a word that spells them
_LONG = 1e8

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
        async with self._lent(typing.cast(typing.Any, kwargs.get("timeout"))) as (con, left):
            if left is not None:
                kwargs["timeout"] = left
            return typing.cast(_Result, await getattr(con, method.__name__)(*args, **kwargs))

    return requested


class PoolRequests(typing.Generic[Row]):
    """The part of :class:`Pool` that runs something on a connection of its own choice."""

    __slots__ = ()

    if typing.TYPE_CHECKING:
        _core: _core.PoolHead
        _holders: list[PoolConnectionHolder[Row]]
        _lends: bool
        _hooked: typing.ClassVar[set[str]]

        def acquire(self, *, timeout: float | None = None) -> PoolAcquireContext[Row]: ...
        async def _lease(self) -> PoolConnectionHolder[Row]: ...
        async def release(self, connection: PoolConnectionProxy[typing.Any]) -> None: ...

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Like :meth:`Connection.execute`, on a connection of the pool."""
        slot, timeout = self._take(timeout) or await self._wait(timeout)
        if self._runs_alone(slot, "execute"):
            if args:
                return CommandStatus(await self._core.execute(slot, query, args, timeout))
            return CommandStatus(await self._core.script(slot, query, timeout))
        async with self._lent(timeout, slot) as (con, left):
            return await con.execute(query, *args, timeout=left)

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
        slot, timeout = self._take(timeout) or await self._wait(timeout)
        if self._runs_alone(slot, "fetch"):
            return await self._core.fetch(slot, query, args, timeout, record_class)
        async with self._lent(timeout, slot) as (con, left):
            return await con.fetch(query, *args, timeout=left, record_class=record_class)

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
        slot, timeout = self._take(timeout) or await self._wait(timeout)
        if self._runs_alone(slot, "fetchrow"):
            return await self._core.fetchrow(slot, query, args, timeout, record_class)
        async with self._lent(timeout, slot) as (con, left):
            return await con.fetchrow(query, *args, timeout=left, record_class=record_class)

    async def fetchval(
        self, query: str, *args: object, column: int | str = 0, timeout: float | None = None
    ) -> typing.Any:
        """Like :meth:`Connection.fetchval`, on a connection of the pool."""
        slot, timeout = self._take(timeout) or await self._wait(timeout)
        if self._runs_alone(slot, "fetchval"):
            return await self._core.fetchval(slot, query, args, timeout, column)
        async with self._lent(timeout, slot) as (con, left):
            return await con.fetchval(query, *args, column=column, timeout=left)

    async def executemany(
        self, command: str, args: ArgumentSets, *, timeout: float | None = None
    ) -> None:
        """Like :meth:`Connection.executemany`, on a connection of the pool."""
        slot, timeout = self._take(timeout) or await self._wait(timeout)
        if self._runs_alone(slot, "executemany"):
            await self._core.many(slot, command, args, timeout, None)
            return
        async with self._lent(timeout, slot) as (con, left):
            await con.executemany(command, args, timeout=left)

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
        async with self._lent(timeout) as (con, left):
            return await con.fetchmany(query, args, timeout=left, record_class=record_class)

    async def transact(
        self,
        function: typing.Callable[[PoolConnectionProxy[Row]], typing.Awaitable[_Result]],
        *,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        settings: typing.Mapping[str, str] | None = None,
        attempts: int = 5,
    ) -> _Result:
        """Like :meth:`Connection.transact`, on a connection of the pool, which is given back in the end."""
        async with self._lent(None) as (con, _):
            return await con.transact(
                typing.cast("typing.Callable[[connection.Connection], typing.Awaitable[_Result]]", function),
                isolation=isolation,
                readonly=readonly,
                deferrable=deferrable,
                settings=settings,
                attempts=attempts,
            )

    copy_from_table = _on_a_connection(_BASE.copy_from_table)
    copy_from_query = _on_a_connection(_BASE.copy_from_query)
    copy_to_table = _on_a_connection(_BASE.copy_to_table)
    copy_records_to_table = _on_a_connection(_BASE.copy_records_to_table)

    def _take(self, timeout: _Timeout) -> tuple[int | None, _Timeout] | None:
        """A slot for a request that may need no proxy, leased, and the time for the request. No slot where everything needs
        a proxy; nothing at all when one has to be waited for.
        """
        if not self._lends or self._hooked:
            return None, timeout
        slot = self._core.take()
        return None if slot is None else (slot, timeout)

    async def _wait(self, timeout: _Timeout) -> tuple[int, _Timeout]:
        """The same, when one is free."""
        holder, left = await _within(self, timeout, self._lease)
        return holder._slot, left

    def _runs_alone(self, slot: int | None, method: str) -> typing.TypeGuard[int]:
        """Whether `method` may run on a leased slot without a proxy.

        The core's request on it must be made at once: it gives the slot back.
        """
        if slot is None:
            return False
        con: typing.Any = self._holders[slot]._con
        kind = type(con)
        return (
            getattr(kind, method) is _PLAIN[method]
            and kind.reset is PLAIN_RESET
            and kind.get_reset_query is PLAIN_RESET_QUERY
            and not con._query_loggers
            and not con._hooked
        )

    @contextlib.asynccontextmanager
    async def _lent(
        self, timeout: _Timeout, slot: int | None = None
    ) -> typing.AsyncIterator[tuple[PoolConnectionProxy[Row], _Timeout]]:
        """`slot` is leased already: nothing that could fail is waited for then."""
        if slot is None:
            con, left = await _within(self, timeout, self.acquire)
        else:
            con, left = await self._holders[slot]._lend(None), timeout
        try:
            yield con, left
        finally:
            await self.release(con)


async def _within(
    pool: PoolRequests[typing.Any], timeout: _Timeout, get: typing.Callable[[], typing.Awaitable[_Result]]
) -> tuple[_Result, _Timeout]:
    """Waits for a connection; with it comes what is left of the time for the request itself."""
    limit = math.inf
    if timeout is not None and not isinstance(timeout, bool):
        with contextlib.suppress(TypeError, ValueError):  # the request will say what is wrong with it
            limit = float(timeout)
    if limit > _LONG:
        return await get(), timeout
    if limit <= 0:
        raise asyncio.TimeoutError
    loop = _loops.running()
    began, budget = loop.time(), Budget(loop, limit)
    try:
        async with _loops.library_of(loop).deadline(limit):
            got = await get()
    except asyncio.TimeoutError as error:
        _pool_stats.explain(typing.cast("Pool[typing.Any]", pool), error, limit, began)
        raise
    return got, budget.share()


call_its_functions("pool", "Pool", PoolRequests)

__all__ = ("PoolRequests",)
