# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What differs between versions of Python, under the names that asyncpg has for it."""

from __future__ import annotations

import asyncio
import enum
import os
import pathlib
import sys
import typing

if sys.version_info >= (3, 11):
    from asyncio import timeout as timeout
    from enum import StrEnum as StrEnum
else:

    class StrEnum(str, enum.Enum):
        __str__ = str.__str__
        __repr__ = enum.Enum.__repr__


if sys.version_info >= (3, 12):
    from inspect import markcoroutinefunction as markcoroutinefunction
else:
    _Function = typing.TypeVar("_Function", bound=typing.Callable[..., typing.Any])

    def markcoroutinefunction(c: _Function) -> _Function:
        """Older versions have no such mark."""
        return c


_T = typing.TypeVar("_T")


async def wait_for(fut: typing.Awaitable[_T], timeout: float | None) -> _T:
    return await asyncio.wait_for(fut, timeout)


async def wait_closed(stream: asyncio.StreamWriter) -> None:
    """A stream that the other side has reset counts as closed."""
    try:
        await stream.wait_closed()
    except ConnectionResetError:
        pass


def get_pg_home_directory() -> pathlib.Path | None:
    """Where libpq looks for a user's files; None: the user has no home."""
    if sys.platform == "win32":
        roaming = os.environ.get("APPDATA")
        return pathlib.Path(roaming) / "postgresql" if roaming else None
    try:
        return pathlib.Path.home()
    except (RuntimeError, KeyError):
        return None


__all__ = (
    "StrEnum",
    "get_pg_home_directory",
    "markcoroutinefunction",
    "wait_closed",
    "wait_for",
)
