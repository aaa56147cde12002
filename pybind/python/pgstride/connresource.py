# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What belongs to a connection and is of no use without it."""

from __future__ import annotations

import functools
import typing

from . import exceptions

if typing.TYPE_CHECKING:
    from . import _core
    from .connection import Connection

_P = typing.ParamSpec("_P")
_R = typing.TypeVar("_R")


def guarded(meth: typing.Callable[_P, _R]) -> typing.Callable[_P, _R]:
    """A method that needs the connection to be open. Checked at the call, not when awaited."""

    @functools.wraps(meth)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        self = typing.cast("ConnectionResource", args[0])
        self._check(meth.__name__)
        return meth(*args, **kwargs)

    return checked


class ConnectionResource:
    """Base of statements, cursors, streams, pipelines and transactions."""

    __slots__ = ("_connection", "_con_release_ctr", "__weakref__")

    def __init__(self, connection: Connection[typing.Any]) -> None:
        self._connection = connection
        self._con_release_ctr = connection._pool_release_ctr

    def __reduce_ex__(self, protocol: typing.SupportsIndex) -> typing.NoReturn:
        raise TypeError(f"cannot copy or pickle a {type(self).__name__}: what it stands for is there once")

    def _check(self, method: str) -> None:
        if self._con_release_ctr != self._connection._pool_release_ctr:
            raise exceptions.InterfaceError(
                f"cannot call {type(self).__name__}.{method}(): "
                "the underlying connection has been released back to the pool"
            )
        if self._connection.is_closed():
            raise exceptions.InterfaceError(
                f"cannot call {type(self).__name__}.{method}(): the underlying connection is closed"
            )


class StatementUser(ConnectionResource):
    """Base of what runs a prepared statement. The statement knows how many there are."""

    __slots__ = ("_state",)

    _state: typing.Any  # a Statement; None in a cursor that has not prepared one yet

    def __init__(self, connection: Connection[typing.Any], state: _core.Statement | None) -> None:
        super().__init__(connection)
        self._state = None
        if state is not None:
            self._use(state)

    def _use(self, state: _core.Statement) -> None:
        self._state = state
        state.refs += 1

    def __del__(self) -> None:
        state = getattr(self, "_state", None)
        if state is not None:
            state.refs -= 1
