# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What the server says of itself and of what it has done."""

from __future__ import annotations

import sys
import typing

from . import serverversion, types

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


ServerCapabilities.__module__ = "pgstride.connection"


class TLSInfo(typing.NamedTuple):
    """What the two ends of an encrypted connection have agreed on."""

    version: str
    """``'TLSv1.3'``"""
    cipher: str
    """``'TLS_AES_256_GCM_SHA384'``"""
    alpn: str
    """The protocol that the server chose: ``'postgresql'``, or nothing before PostgreSQL 17."""


TLSInfo.__module__ = "pgstride.connection"


class CommandStatus(str):
    """What a command reports: ``'INSERT 0 1'``."""

    __module__ = "pgstride.connection"

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

    __module__ = "pgstride.protocol.protocol"

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

    def get_data_codec(self, oid: int, format: int = -1, ignore_custom_codec: bool = False) -> types.Type | None:
        """The type with this number, if the connection knows how its values are read; None if not, or not yet.

        For those who ask whether there is a codec; the codec itself is the core's affair.
        """
        found = self._core.known_type(oid)
        return None if found is None else types.Type(*found)

    def __repr__(self) -> str:
        return f"<ConnectionSettings {self._core.parameters()!r}>"


def _version_of(parameters: typing.Mapping[str, str]) -> types.ServerVersion | None:
    """None when it cannot be read: an odd version is no reason not to connect."""
    try:
        return serverversion.split_server_version_string(parameters.get("server_version", ""))
    except ValueError:
        return None


def _detect_server_capabilities(
    server_version: types.ServerVersion | None, connection_settings: typing.Mapping[str, str]
) -> ServerCapabilities:
    """What the server, or one of its relatives, can do. One of unknown version is taken for a recent one."""
    major = sys.maxsize if server_version is None else server_version.major
    is_redshift = "padb_revision" in connection_settings
    is_foreign = is_redshift or "crdb_version" in connection_settings or "crate_version" in connection_settings
    return ServerCapabilities(
        advisory_locks=not is_foreign,
        notifications=not is_foreign,
        plpgsql=not is_foreign,
        sql_reset=not is_foreign or is_redshift,
        sql_close_all=not is_foreign,
        sql_copy_from_where=not is_foreign and major >= 12,
        jit=not is_foreign and major >= 11,
    )
