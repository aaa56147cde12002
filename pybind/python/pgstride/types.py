# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Small descriptive types."""

from __future__ import annotations

import re
import typing


class Type(typing.NamedTuple):
    """A database type."""

    oid: int
    name: str
    kind: str
    """``scalar``, ``array``, ``composite``, ``range`` or ``multirange``."""
    schema: str


class Attribute(typing.NamedTuple):
    """A column of a statement's result."""

    name: str
    type: Type


class ServerVersion(typing.NamedTuple):
    """PostgreSQL's version, as five parts."""

    major: int
    minor: int
    micro: int
    releaselevel: str
    serial: int


_VERSION = re.compile(
    r"(?:Postgre[^\s]*)?\s*"
    r"(?P<major>[0-9]+)\.?(?P<minor>[0-9]+)?\.?(?P<micro>[0-9]+)?"
    r"(?P<releaselevel>[a-z]+)?(?P<serial>[0-9]+)?"
)


def split_server_version(text: str) -> ServerVersion:
    """`text` is the server_version parameter. From 10 on, the second number is a bug-fix release."""
    found = _VERSION.search(text)
    if found is None:
        raise ValueError(f'Unable to parse Postgres version from "{text}"')
    numbers = {name: int(found[name] or 0) for name in ("major", "minor", "micro", "serial")}
    if numbers["major"] >= 10:
        numbers["micro"], numbers["minor"] = numbers["minor"], 0
    return ServerVersion(
        numbers["major"], numbers["minor"], numbers["micro"], found["releaselevel"] or "final", numbers["serial"]
    )


__all__ = ("Type", "Attribute", "ServerVersion")
