# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A connection URL, taken apart: ``scheme://[user[:password]@][hosts][/database][?key=value&…]``.

Syntax only; which source wins is decided in `_parameters`. An error shows no more of the input than the host
or the query field that it is about: the rest may hold a password.
"""

from __future__ import annotations

import re
import typing
import urllib.parse

from . import exceptions

Ports = typing.Union[int, list[int]]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,29}")


class Dsn(typing.NamedTuple):
    """What a URL says; None or empty where it says nothing. Everything but `hosts` is decoded."""

    user: str | None = None
    password: str | None = None
    hosts: str = ""
    database: str | None = None
    query: dict[str, str] = {}

    def __repr__(self) -> str:
        return "<Dsn>"  # the password is in it


def parse(text: str) -> Dsn:
    text = text.lstrip().rstrip("\r\n\t")  # the last line of a file, perhaps
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("postgres", "postgresql"):
        # Without the slashes it may be anything, a password with a colon in it among others.
        shown = scheme if separator and _SCHEME.fullmatch(scheme) else ""
        raise exceptions.ClientConfigurationError(
            f'invalid DSN: scheme is expected to be either "postgresql" or "postgres", got {shown!r}'
        )
    rest, _, _ = rest.partition("#")
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    login, at, hosts = authority.partition("@")
    if not at:
        login, hosts = "", authority
    user, _, password = login.partition(":")
    fields = urllib.parse.parse_qs(query, strict_parsing=True) if query else {}
    return Dsn(
        urllib.parse.unquote(user) or None,
        urllib.parse.unquote(password) or None,
        hosts,
        urllib.parse.unquote(path) if slash else None,
        {key: values[-1] for key, values in fields.items()},
    )


def parse_ports(text: str | int | typing.Sequence[str | int]) -> Ports:
    """One port, or a list of them, from whatever spells it."""
    if isinstance(text, str) and "," in text:
        return [_port(item) for item in text.split(",")]
    if isinstance(text, (list, tuple)):
        return [_port(item) for item in text]
    return _port(typing.cast("str | int", text))


def ports_for(count: int, ports: Ports) -> list[int]:
    """A port for each of `count` hosts."""
    if isinstance(ports, int):
        return [ports] * count
    if len(ports) == 1:
        return ports * count
    if len(ports) != count:
        raise exceptions.ClientConfigurationError(f"could not match {len(ports)} port numbers to {count} hosts")
    return ports


def parse_hosts(text: str, given: Ports | None, default: Ports, decode: bool = False) -> tuple[list[str], list[int]]:
    """Hosts and ports of ``name[:port],[ipv6][:port],/directory,…``. Ports that were `given` win over those."""
    items = text.split(",")
    ports = ports_for(len(items), default if given is None else given).copy()
    hosts = []
    for i, item in enumerate(items):
        host, port = _split_host(item, len(items))
        if decode:
            host, port = urllib.parse.unquote(host), urllib.parse.unquote(port)
        hosts.append(host)
        if port and given is None:
            ports[i] = _port(port)
    return hosts, ports


def is_socket(host: str) -> bool:
    """A directory of a Unix socket, or a name in Linux' abstract namespace."""
    return host.startswith(("/", "@"))


def _split_host(item: str, count: int) -> tuple[str, str]:
    if item.startswith("/"):
        return item, ""
    if item.startswith("["):
        host, bracket, rest = item[1:].partition("]")
        if not host or not bracket or (rest and not rest.startswith(":")):
            raise exceptions.ClientConfigurationError(f"invalid IPv6 address in the connection URI: {item!r}")
        return host, rest[1:]
    host, _, port = item.partition(":")
    if not host and (count > 1 or not port):
        raise exceptions.ClientConfigurationError("a host in a list of hosts is empty")
    return host, port


def _port(value: str | int) -> int:
    try:
        port = int(value)
    except (TypeError, ValueError, OverflowError):
        port = 0
    if not 0 < port < 65536:
        raise exceptions.ClientConfigurationError("port is expected to be a number from 1 to 65535")
    return port
