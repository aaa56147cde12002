# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A pool of connections. Which connection goes to whom is decided in C++ (driver/pool_core.hpp)."""

from __future__ import annotations

import asyncio
import logging
import typing
import warnings

from . import _checks, _core, _hooks, _loops, _observing, _pool_stats, connection, exceptions
from ._parts import Row
from ._pool_filling import PoolFilling
from ._pool_holder import PoolConnectionHolder
from ._pool_listener import Listener, ListenEvent, PoolListening
from ._pool_proxy import PoolAcquireContext, PoolConnectionProxy, PoolConnectionProxyMeta
from ._pool_requests import PoolRequests
from ._pool_stats import Loan, PoolSizes, PoolStats
from .protocol import Record

logger = logging.getLogger(__name__)

_CLOSING_IS_LONG = 60.0  # seconds
_Hook = typing.Callable[[typing.Any], typing.Awaitable[object]]


class PoolFullError(exceptions.InterfaceError):
    """As many tasks wait for a connection of the pool as it lets wait (`max_waiting`)."""


class Pool(PoolRequests[Row], PoolListening[Row], PoolFilling[Row], PoolSizes, metaclass=_hooks.Hookable):
    """A pool of connections. Made by :func:`create_pool`; await it, or use it as ``async with``.

    Belongs to one event loop. A connection that is released is reset behind the caller's back, and handed
    out again as soon as the server has confirmed that.
    """

    __slots__ = (
        "_core", "_loop", "_holders", "_tasks", "_listeners", "_generation", "__weakref__",
        # options
        "_initsize", "_minsize", "_maxsize", "_keeps_min_size", "_max_queries", "_max_waiting",
        "_max_inactive_connection_lifetime", "_max_lifetime", "_check_after",
        "_connect", "_connect_args", "_connect_kwargs", "_connection_class", "_record_class",
        "_init", "_setup", "_reset", "_observer",
        # where it is in its life, and what it has seen
        "_begun", "_initialized", "_initializing", "_closing", "_closed", "_close_failure", "_lends",
        "_waited", "_longest_wait",
    )  # fmt: skip

    def __init__(
        self,
        *connect_args: typing.Any,
        init_size: int | None = None,
        min_size: int,
        max_size: int,
        max_queries: int,
        max_inactive_connection_lifetime: float,
        connect: typing.Callable[..., typing.Awaitable[connection.Connection[typing.Any]]] | None = None,
        setup: _Hook | None = None,
        init: _Hook | None = None,
        reset: _Hook | None = None,
        loop: asyncio.AbstractEventLoop | None,
        connection_class: type[connection.Connection[typing.Any]],
        record_class: type[Row],
        keep_min_size: bool = False,
        max_lifetime: float = 0.0,
        check_after: float = 0.0,
        observer: _observing.Observer | None = None,
        max_waiting: int | None = None,
        **connect_kwargs: typing.Any,
    ) -> None:
        if len(connect_args) > 1:
            warnings.warn(
                "Passing multiple positional arguments to pgstride.Pool constructor is deprecated. "
                "The non-deprecated form is pgstride.Pool(<dsn>, **kwargs)",
                DeprecationWarning,
                stacklevel=2,
            )
        _checks.check_sizes(
            init_size, min_size, max_size, max_queries, max_inactive_connection_lifetime, max_waiting
        )
        _checks.check_seconds(max_lifetime=max_lifetime, check_after=check_after)
        _checks.check_class("connection_class", connection_class, connection.Connection)
        _checks.check_class("record_class", record_class, Record)
        _observing.check(observer)

        self._core: _core.PoolHead = None  # type: ignore[assignment]  # until it is initialized
        self._loop: asyncio.AbstractEventLoop = loop  # type: ignore[assignment]
        self._initsize = min_size if init_size is None else init_size
        self._minsize = min_size
        self._maxsize = max_size
        self._keeps_min_size = keep_min_size
        self._max_queries = max_queries
        self._max_inactive_connection_lifetime = max_inactive_connection_lifetime
        self._max_lifetime = max_lifetime
        self._check_after = check_after
        self._observer = observer
        self._max_waiting = max_waiting
        self._connect = connect if connect is not None else connection.connect
        self._setup = setup
        self._init = init
        self._reset = reset
        self._connect_args = connect_args
        self._connect_kwargs = connect_kwargs
        self._connection_class = connection_class
        self._record_class = record_class
        self._holders: list[PoolConnectionHolder[Row]] = []
        self._generation = 0
        self._begun = False  # as it was told to; it can be used before
        self._initialized = self._initializing = self._closing = self._closed = False
        self._close_failure: BaseException | None = None
        self._lends = False  # single requests may run without a proxy
        self._waited = self._longest_wait = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: set[Listener] = set()

    # --- beginning ----------------------------------------------------------------------------------

    def __await__(self) -> typing.Generator[typing.Any, None, Pool[Row]]:
        return self._async_init().__await__()

    async def __aenter__(self) -> Pool[Row]:
        return await self._async_init()

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _async_init(self) -> Pool[Row]:
        if self._begun:
            return self
        if self._initializing:
            raise exceptions.InterfaceError("pool is being initialized in another task")
        if self._closed:
            raise exceptions.InterfaceError("pool is closed")
        self._initializing = True
        try:
            await self._begin()
            self._begun = True
        finally:
            # One that could not connect may be used all the same, or begun again.
            self._initializing = False
            self._initialized = self._core is not None
            hooks = [self._setup, self._reset, self._observer]
            self._lends = self._initialized and hooks == [None] * len(hooks)
        return self

    # --- lending ------------------------------------------------------------------------------------

    def acquire(self, *, timeout: float | None = None) -> PoolAcquireContext[Row]:
        """A connection: ``async with pool.acquire() as connection``, or await it and :meth:`release` it.

        `timeout` (seconds; None: no limit) is over waiting for a free one, connecting, and `setup`.
        """
        return PoolAcquireContext(self, timeout)

    async def _acquire(self, timeout: float | None, *, is_watched: bool = False) -> PoolConnectionProxy[Row]:
        if self._observer is not None and not is_watched:
            with _observing.acquiring(_loops.running(), self._observer):
                return await self._acquire(timeout, is_watched=True)
        self._check_open()
        if timeout is None:
            return await (await self._lease())._lend(None)
        if timeout <= 0:
            raise asyncio.TimeoutError
        timeout, began = float(timeout), self._loop.time()
        try:
            async with _loops.library_of(self._loop).deadline(timeout):
                return await (await self._lease())._lend(timeout)
        except asyncio.TimeoutError as error:
            _pool_stats.explain(self, error, timeout, began)
            raise

    async def _lease(self) -> PoolConnectionHolder[Row]:
        """A slot with an open connection, which is the caller's."""
        began: float | None = None
        while True:
            slot = self._core.take()
            if slot is None:
                if began is None:
                    began = self._loop.time()
                slot = await self._core.acquire()
                if slot is None:
                    self._check_open()
                    if self._max_waiting is None:
                        raise exceptions.InterfaceError("pool is closing")
                    raise PoolFullError(
                        f"pool is full: its connections are in use, and {self._max_waiting} others wait already"
                    )
            holder = self._holders[slot]
            if holder._con is None:
                await holder._open()
                if self._closing or self._closed:
                    holder.terminate()
                    self._check_open()
            if holder._con is not None and not holder._con.is_closed():
                if began is not None:
                    waited = self._loop.time() - began
                    self._waited += waited
                    self._longest_wait = max(self._longest_wait, waited)
                return holder
            holder.terminate()  # it has just died

    async def release(self, connection: PoolConnectionProxy[typing.Any], *, timeout: float | None = None) -> None:
        """Give a connection back.

        It is rolled back if need be, and reset. `timeout` (seconds) is over that; None means the one given to
        :meth:`acquire`. A `reset` of the user's own is waited for, and what it raises is raised here.
        """
        if type(connection) is not PoolConnectionProxy or connection._holder._pool is not self:
            raise exceptions.InterfaceError(
                f"Pool.release() received invalid connection: {connection!r} is not a member of this pool"
            )
        con, holder = connection._con, connection._holder
        if con is None:
            return  # already released
        self._check_init()
        timeout = holder._timeout if timeout is None else float(timeout)
        try:
            if holder._releasing is None:
                con._on_release()  # may warn, and a warning may be an error
        finally:
            await holder.release(timeout)

    # --- replacing connections ----------------------------------------------------------------------

    async def expire_connections(self) -> None:
        """Replace every connection that is open now: before it is lent again, or when it is released."""
        self._generation += 1
        if self._core is not None:
            self._core.expire()

    def set_connect_args(self, dsn: str | None = None, **connect_kwargs: typing.Any) -> None:
        """How to connect from now on, in place of what :func:`create_pool` was told."""
        self._connect_args = (dsn,)
        self._connect_kwargs = connect_kwargs

    # --- ending -------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Wait until every connection was released, and close them all.

        When that fails, or the task is cancelled, they are all terminated.
        """
        if self._closed:
            return
        self._check_init()
        self._closing = True
        self._lends = False
        warning = self._loop.call_later(_CLOSING_IS_LONG, self._warn_on_long_close)
        try:
            self._stop()
            await self._core.drained()
            if self._close_failure is not None:
                raise self._close_failure
        except BaseException:
            self.terminate()
            raise
        finally:
            warning.cancel()
            self._closed = True
            self._closing = False

    def _warn_on_long_close(self) -> None:
        logger.warning(
            "Pool.close() is taking over 60 seconds to complete. Check if you have any unreleased connections left. "
            "Use asyncio.wait_for() to set a timeout for Pool.close().%s",
            _pool_stats.list_of(self.loans()),
        )

    def terminate(self) -> None:
        """Close all connections at once, those that are lent included."""
        if self._closed:
            return
        self._check_init()
        self._lends = False
        self._closed = True
        self._stop()
        for holder in self._holders:
            holder.terminate(why="the pool was closed")

    def _stop(self) -> None:
        """Nobody is lent a connection any more, or listens."""
        self._core.close()
        for listener in list(self._listeners):
            listener._end()

    # --- its state ----------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closing:
            raise exceptions.InterfaceError("pool is closing")
        self._check_init()

    def _check_init(self) -> None:
        if not self._initialized:
            if self._initializing:
                raise exceptions.InterfaceError(
                    "pool is being initialized, but not yet ready: likely there is a race between creating a pool "
                    "and using it"
                )
            raise exceptions.InterfaceError("pool is not initialized")
        if self._closed:
            raise exceptions.InterfaceError("pool is closed")


Pool.keep_originals("acquire", "release", replaced=set())


def create_pool(
    dsn: str | None = None,
    *,
    init_size: int | None = None,
    min_size: int = 10,
    max_size: int = 10,
    max_queries: int = 50000,
    max_inactive_connection_lifetime: float = 300.0,
    connect: typing.Callable[..., typing.Awaitable[connection.Connection[typing.Any]]] | None = None,
    setup: _Hook | None = None,
    init: _Hook | None = None,
    reset: _Hook | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
    connection_class: type[connection.Connection[typing.Any]] = connection.Connection,
    record_class: type[Row] = Record,  # type: ignore[assignment]  # it is what Row is by default
    keep_min_size: bool = False,
    max_lifetime: float = 0.0,
    check_after: float = 0.0,
    observer: _observing.Observer | None = None,
    max_waiting: int | None = None,
    **connect_kwargs: typing.Any,
) -> Pool[Row]:
    """A pool of up to `max_size` connections. Nothing happens before it is awaited or entered.

    `min_size` (or `init_size`) connections are opened at the start; the others when they are needed. With
    `keep_min_size` there are always `min_size`, as far as the server allows it.

    A connection is closed when it is released after `max_queries` queries, after
    `max_inactive_connection_lifetime` seconds without use, or when it is `max_lifetime` seconds old, or up
    to a tenth less, and not in use. After `check_after` seconds without use the server is asked whether it is
    still there before it is lent. 0 seconds: never.

    When `max_waiting` tasks wait already for connections that others have, the next one gets a
    :exc:`PoolFullError` at once.

    `connect` takes the place of :func:`connect` and is called with the same arguments; `init` is awaited with each
    new connection, `setup` with each connection that is about to be lent; `reset` with each that was released,
    in place of the reset query. An `observer` is told of what the pool and its connections do.
    """
    return Pool(
        dsn,
        init_size=init_size,
        min_size=min_size,
        max_size=max_size,
        max_queries=max_queries,
        max_inactive_connection_lifetime=max_inactive_connection_lifetime,
        connect=connect,
        setup=setup,
        init=init,
        reset=reset,
        loop=loop,
        connection_class=connection_class,
        record_class=record_class,
        keep_min_size=keep_min_size,
        max_lifetime=max_lifetime,
        check_after=check_after,
        observer=observer,
        max_waiting=max_waiting,
        **connect_kwargs,
    )


__all__ = (
    "ListenEvent",
    "Listener",
    "Loan",
    "Pool",
    "PoolAcquireContext",
    "PoolConnectionHolder",
    "PoolConnectionProxy",
    "PoolConnectionProxyMeta",
    "PoolStats",
    "create_pool",
)
