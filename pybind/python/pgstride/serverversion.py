# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The server's version, parsed from whatever it and its relatives report."""

from __future__ import annotations

import re

from .types import ServerVersion

version_regex: re.Pattern[str] = re.compile(
    r"(?:Postgre[^\s]*)?\s*"
    r"(?P<major>[0-9]+)\.?(?P<minor>[0-9]+)?\.?(?P<micro>[0-9]+)?"
    r"(?P<releaselevel>[a-z]+)?(?P<serial>[0-9]+)?"
)


def split_server_version_string(version_string: str) -> ServerVersion:
    """`version_string` is the server_version parameter. From 10 on, the second number is a bug-fix release."""
    found = version_regex.search(version_string)
    if found is None:
        raise ValueError(f'Unable to parse Postgres version from "{version_string}"')
    numbers = {name: int(found[name] or 0) for name in ("major", "minor", "micro", "serial")}
    if numbers["major"] >= 10:
        numbers["micro"], numbers["minor"] = numbers["minor"], 0
    return ServerVersion(
        numbers["major"], numbers["minor"], numbers["micro"], found["releaselevel"] or "final", numbers["serial"]
    )


__all__ = ("split_server_version_string", "version_regex")
