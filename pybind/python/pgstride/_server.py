# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What the server says of itself and of what it has done."""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from . import _core


class ServerCapabilities(typing.NamedTuple):
    """What a server, or one of PostgreSQL's relatives, can do."""

    advisory_locks: bool
    notifications: bool
    plpgsql: bool
    sql_reset: bool
    sql_close_all: bool
    sql_copy_from_where: bool
    jit: bool


class TLSInfo(typing.NamedTuple):
    """What the two ends of an encrypted connection have agreed on."""

    version: str
    """``'TLSv1.3'``"""
    cipher: str
    """``'TLS_AES_256_GCM_SHA384'``"""
    alpn: str
    """The protocol that the server chose: ``'postgresql'``, or nothing before PostgreSQL 17."""


class CommandStatus(str):
    """What a command reports: ``'INSERT 0 1'``."""

    __slots__ = ()

    @property
    def command(self) -> str:
        """The command's name: ``'INSERT'``, ``'CREATE TABLE'``."""
        return " ".join(word for word in self.split() if not word.isdigit())

    @property
    def rowcount(self) -> int | None:
        """How many rows the command has affected or returned; None when it does not say."""
        last = self.rpartition(" ")[2]
        return int(last) if last.isdigit() else None


class ConnectionSettings:
    """The server's reported settings: ``settings.TimeZone``, ``settings.client_encoding``, …"""

    __slots__ = ("_core",)

    def __init__(self, core: _core.Core) -> None:
        self._core = core

    def __getattr__(self, name: str) -> str:
        if not name.startswith("_"):
            try:
                return self._core.parameters()[name]
            except KeyError:
                pass
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"<ConnectionSettings {self._core.parameters()!r}>"
