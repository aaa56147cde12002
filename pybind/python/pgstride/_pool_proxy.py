# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What a pool's users have in hand: the proxy of a connection that is lent, and what lends it."""

from __future__ import annotations

import functools
import inspect
import typing

from . import _pooled, compat, connection, exceptions
from ._parts import Row

if typing.TYPE_CHECKING:
    from ._pool_holder import PoolConnectionHolder
    from .pool import Pool

_BASE: type[connection.Connection[typing.Any]] = connection.Connection


class PoolConnectionProxyMeta(type):
    """Gives the proxy every public method of a connection, under the same signature."""

    __module__ = "pgstride.pool"

    def __new__(
        mcls, name: str, bases: tuple[type, ...], namespace: dict[str, typing.Any]
    ) -> PoolConnectionProxyMeta:
        for method_name in dir(_BASE):
            method = getattr(_BASE, method_name)
            if not method_name.startswith("_") and method_name not in namespace and inspect.isfunction(method):
                namespace[method_name] = mcls._forward(method_name, method)
        return super().__new__(mcls, name, bases, namespace)

    @staticmethod
    def _forward(name: str, method: typing.Callable[..., typing.Any]) -> typing.Callable[..., typing.Any]:
        def forwarded(self: PoolConnectionProxy[typing.Any], *args: typing.Any, **kwargs: typing.Any) -> typing.Any:
            con = self._con
            if con is None:
                raise exceptions.InterfaceError(
                    f"cannot call Connection.{name}(): connection has been released back to the pool"
                )
            return getattr(type(con), name)(con, *args, **kwargs)

        functools.update_wrapper(forwarded, method)
        return compat.markcoroutinefunction(forwarded) if inspect.iscoroutinefunction(method) else forwarded


if typing.TYPE_CHECKING:
    # It passes for a connection, and has all that one has.
    class _Lent(connection.Connection[Row]): ...
else:

    class _Lent(_pooled._ConnectionProxy, typing.Generic[Row]):
        __slots__ = ()


class PoolConnectionProxy(_Lent[Row], metaclass=PoolConnectionProxyMeta):  # type: ignore[metaclass]
    """A connection that belongs to a pool, for as long as it is lent. Of no use once it is given back."""

    __module__ = "pgstride.pool"

    __slots__ = ("_con", "_holder")

    def __init__(self, holder: PoolConnectionHolder[Row], con: connection.Connection[Row]) -> None:
        self._holder = holder
        con._set_proxy(self)
        self._con: connection.Connection[Row] | None = con

    def __getattr__(self, name: str) -> typing.Any:
        if name in PoolConnectionProxy.__slots__:  # it was never made
            raise AttributeError(name)
        return getattr(self._con, name)

    def __reduce_ex__(self, protocol: typing.SupportsIndex) -> typing.NoReturn:
        raise TypeError(f"cannot copy or pickle a {type(self).__name__}: a connection is lent once")

    def _detach(self) -> None:
        con, self._con = self._con, None
        if con is not None:
            con._set_proxy(None)

    def __del__(self) -> None:
        if getattr(self, "_con", None) is not None:
            self._holder._forgotten(self)

    def __repr__(self) -> str:
        what = "[released]" if self._con is None else repr(self._con)
        return f"<{type(self).__name__} {what} {id(self):#x}>"


class PoolAcquireContext(typing.Generic[Row]):
    """What :meth:`Pool.acquire` returns: to be awaited, or entered, once."""

    __module__ = "pgstride.pool"

    __slots__ = ("timeout", "connection", "done", "pool")

    def __init__(self, pool: Pool[Row], timeout: float | None) -> None:
        self.pool = pool
        self.timeout = timeout
        self.connection: PoolConnectionProxy[Row] | None = None
        self.done = False

    async def __aenter__(self) -> PoolConnectionProxy[Row]:
        if self.connection is not None or self.done:
            raise exceptions.InterfaceError("a connection is already acquired")
        self.connection = await self.pool._acquire(self.timeout)
        return self.connection

    async def __aexit__(self, *error: object) -> None:
        self.done = True
        con, self.connection = self.connection, None
        await self.pool.release(typing.cast("PoolConnectionProxy[Row]", con))

    def __await__(self) -> typing.Generator[typing.Any, None, PoolConnectionProxy[Row]]:
        self.done = True
        return self.pool._acquire(self.timeout).__await__()


__all__ = ("PoolAcquireContext", "PoolConnectionProxy", "PoolConnectionProxyMeta")
