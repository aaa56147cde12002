# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connection URLs from strangers.

Such a URL chooses the server. That server must not learn what is in this process's files, environment and
Kerberos tickets, and the URL's author must not be taken for this process's user over a Unix socket.
"""

from __future__ import annotations

import typing

from . import _core, _dsn, exceptions

HARMLESS = _core.harmless_options()
"""Nothing that names a file or a service, and nothing that goes to the server unseen."""

DsnKeys = typing.Union[bool, typing.Collection[str]]


def check(url: _dsn.Dsn, allowed: DsnKeys) -> None:
    """The URL says nothing but what is allowed: True stands for all that is harmless."""
    if isinstance(allowed, str) or not isinstance(allowed, (bool, typing.Collection)):
        raise TypeError(f"untrusted_dsn is expected to be a bool or a collection of keys, got {allowed!r}")
    keys = HARMLESS if isinstance(allowed, bool) else frozenset(allowed)
    if harmful := keys - HARMLESS:
        raise exceptions.ClientConfigurationError(f"{min(harmful)!r} cannot be left to an untrusted DSN")
    said = {"user": url.user, "password": url.password, "host": url.hosts, "dbname": url.database}
    for key in [key for key, value in said.items() if value] + [*url.query]:
        name = "dbname" if key == "database" else key
        if name not in keys:
            raise exceptions.ClientConfigurationError(f"{name!r} is not allowed in an untrusted DSN")


def check_hosts(hosts: typing.Iterable[str]) -> None:
    """There is one at least, and all are to be reached by TCP."""
    names = [*hosts]
    for host in names or [""]:
        if not host or _dsn.is_socket(host):
            raise exceptions.ClientConfigurationError("an untrusted DSN must name a host, and not a Unix socket")


__all__ = ()
