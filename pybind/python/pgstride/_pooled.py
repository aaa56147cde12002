# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What a connection knows of the pool it belongs to."""

from __future__ import annotations

import typing
import warnings
import weakref

from . import _core, _hooks, exceptions
from ._listening import Listening

if typing.TYPE_CHECKING:
    from . import transaction


class _ConnectionProxy:
    """What a pool lends in place of a connection. It passes for an instance of any connection class."""

    __module__ = "pgstride.connection"

    __slots__ = ("__weakref__",)


class ConnectionMeta(_hooks.Hookable):
    __module__ = "pgstride.connection"

    def __instancecheck__(cls, instance: object) -> bool:
        return issubclass(type(instance), _ConnectionProxy) or super().__instancecheck__(instance)


class Pooled(Listening, metaclass=ConnectionMeta):
    """The part of :class:`Connection` that is about being lent and given back."""

    __slots__ = ()

    if typing.TYPE_CHECKING:
        _proxy_ref: weakref.ref[object] | None
        _top_xact: transaction.Transaction | None

    @property
    def _proxy(self) -> object | None:
        """What the pool has lent it as. Not held, so that a proxy that is forgotten is noticed."""
        return None if self._proxy_ref is None else self._proxy_ref()

    def _set_proxy(self, proxy: object | None) -> None:
        if proxy is not None and self._proxy is not None:
            raise exceptions.InterfaceError("internal pgstride error: connection is already proxied")
        self._whole._proxy_ref = None if proxy is None else weakref.ref(proxy)

    def _on_release(self) -> None:
        """From here on nothing that was made of it may be used; what was forgotten is told."""
        self._whole._pool_release_ctr += 1
        _core.stream_end(self._core)
        listeners = sum(map(len, self._listeners.values()))
        log_listeners = len(self._log_listeners)
        self._drop_listeners()
        if listeners:
            self._warn_of_listeners("notification", listeners)
        if log_listeners:
            self._warn_of_listeners("log", log_listeners)

    def _warn_of_listeners(self, kind: str, count: int) -> None:
        warnings.warn(
            exceptions.InterfaceWarning(
                f"{self!r} is being released to the pool but has {count} active {kind} "
                f"listener{'' if count == 1 else 's'}"
            ),
            stacklevel=4,
        )

    def _leave_transaction(self) -> None:
        """A transaction is going to be rolled back: nobody who left its block by itself is told."""
        is_known = self._core.rolling_back or self._top_xact is not None and self._top_xact._managed
        if not is_known:
            self._loop.call_exception_handler(
                {"message": f"Resetting connection with an active transaction {self!r}"}
            )
        self._whole._top_xact = None


__all__ = ("ConnectionMeta", "Pooled")
