# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A connection's socket, as far as other code asks about it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import typing

if typing.TYPE_CHECKING:
    from .. import _core


class Transport:
    """What asyncio's transports are asked; the sending and receiving are the core's affair."""

    __slots__ = ("_core", "_extra")

    def __init__(self, core: _core.Core, peername: object) -> None:
        self._core = core
        self._extra = {"peername": peername, "socket": TransportSocket(core)}

    def get_extra_info(self, name: str, default: object = None) -> typing.Any:
        return self._extra.get(name, default)

    def is_closing(self) -> bool:
        return self._core.closed

    def close(self) -> None:
        self._core.abort()

    def abort(self) -> None:
        self._core.abort()


class TransportSocket:
    """The socket itself, for those who look at it or set its options, such as those of keep-alive."""

    __slots__ = ("_core",)

    def __init__(self, core: _core.Core) -> None:
        self._core = core

    def fileno(self) -> int:
        """-1 when the connection is over."""
        return self._core.fileno

    @contextlib.contextmanager
    def _borrowed(self) -> typing.Iterator[socket.socket]:
        if self._core.fileno < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        borrowed = socket.socket(fileno=self._core.fileno)
        try:
            yield borrowed
        finally:
            borrowed.detach()

    @property
    def family(self) -> int:
        with self._borrowed() as borrowed:
            return borrowed.family

    @property
    def type(self) -> int:
        with self._borrowed() as borrowed:
            return borrowed.type

    @property
    def proto(self) -> int:
        with self._borrowed() as borrowed:
            return borrowed.proto

    def getsockopt(self, *option: int) -> int | bytes:
        with self._borrowed() as borrowed:
            return borrowed.getsockopt(*option)

    def setsockopt(self, *option: typing.Any) -> None:
        with self._borrowed() as borrowed:
            borrowed.setsockopt(*option)

    def getsockname(self) -> typing.Any:
        with self._borrowed() as borrowed:
            return borrowed.getsockname()

    def getpeername(self) -> typing.Any:
        with self._borrowed() as borrowed:
            return borrowed.getpeername()


__all__ = ("Transport", "TransportSocket")
