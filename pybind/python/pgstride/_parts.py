# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What the parts of a connection share, and the row type that connections, pools and cursors are generic in."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import typing

from . import _observing, exceptions
from ._core import Record

if typing.TYPE_CHECKING:
    from typing_extensions import TypeVar

    from . import _core, _parameters, connect_utils
    from ._server import ServerCapabilities
    from .connection import Connection
    from .protocol import Protocol

    Row = TypeVar("Row", bound=Record, default=Record)
    """What rows come as: a Record, where nobody says otherwise."""
    OtherRow = TypeVar("OtherRow", bound=Record)
    """... and what the rows of one call do."""
    AnyConnection = Connection[typing.Any]
else:
    Row = typing.TypeVar("Row", bound=Record)
    OtherRow = typing.TypeVar("OtherRow", bound=Record)
    AnyConnection = typing.Any  # what those see who ask for the hints of a method

ArgumentSets = typing.Iterable[typing.Sequence[object]]
"""What a statement is to be run with, time after time."""


def call_its_functions(module: str, name: str, part: type) -> None:
    """What Python says about a part's methods is said of the class that users know."""
    for function in vars(part).values():
        if inspect.isfunction(function):
            function.__module__ = f"pgstride.{module}"
            function.__qualname__ = f"{name}.{function.__name__}"


class Part:
    """Base of the classes that Connection consists of. What they work on is Connection's."""

    __slots__ = ()

    if typing.TYPE_CHECKING:  # get_type_hints() could not resolve these names at run time
        _core: _core.Core
        _loop: asyncio.AbstractEventLoop
        _protocol: Protocol
        _addr: _parameters.Address
        _config: connect_utils._ClientConfiguration
        _params: _parameters.ConnectionParameters
        _server_caps: ServerCapabilities
        _observer: _observing.Observer | None

    def __init_subclass__(cls, **options: typing.Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith("pgstride._"):
            call_its_functions("connection", "Connection", cls)

    @property
    def _whole(self) -> Connection[typing.Any]:
        return typing.cast("Connection[typing.Any]", self)

    def is_in_transaction(self) -> bool:
        """The server is in a transaction block, a failed one included."""
        return self._core.transaction != "I"

    def is_closed(self) -> bool:
        """The connection was closed, by whomever."""
        return self._core.closed

    def _watch(self, sql: str, prepares: bool = False) -> contextlib.AbstractContextManager[_observing.Ending]:
        """Tells the observer, if there is one, of the request that the block carries out."""
        if self._observer is None:
            return contextlib.nullcontext(_observing.Ending())
        return _observing.requesting(self._loop, self._observer, self._core, sql, prepares)

    def _check_open(self) -> None:
        if self._core.closed:
            raise exceptions.InterfaceError("connection is closed")


call_its_functions("connection", "Connection", Part)
