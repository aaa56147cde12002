# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What a call came to, as plain data that is equal when nobody could tell two drivers apart."""

from __future__ import annotations

import collections.abc
import re
import typing

_ADDRESS = re.compile(r"0x[0-9a-f]+")
_CUT = re.compile(r"(argument \$\d+[^:]*: ).{40}\.\.\. \(", re.DOTALL)  # a repr, cut where the package's name shifts it
_ELAPSED = re.compile(r"in progress: .*", re.DOTALL)  # which, and how long: said by pgstride alone


def plain(text: str) -> str:
    """Without what must differ: the package's name, addresses of objects."""
    text = _CUT.sub(r"\1… (", text)
    return _ELAPSED.sub("in progress", _ADDRESS.sub("0x", text.replace("asyncpg", "pgstride")))


def type_name(type_: type) -> str:
    module = plain(type_.__module__)
    # Where a class is defined is its own affair if everybody imports it from somewhere else.
    return f"{module}.{type_.__qualname__}"


def described(value: object) -> typing.Any:
    """A value: its type and repr, and those of what it holds."""
    name = type_name(type(value))
    if isinstance(value, (list, tuple)):
        return name, [described(item) for item in value]
    if isinstance(value, dict):
        return name, [(described(key), described(item)) for key, item in value.items()]
    if type(value).__name__ == "Record":
        record = typing.cast(typing.Any, value)
        return name, [(key, described(item)) for key, item in record.items()]
    if type(value).__name__ in ("Path", "Polygon"):
        path = typing.cast(typing.Any, value)
        return name, path.is_closed, [described(point) for point in path]
    return name, plain(repr(value)), getattr(value, "tzinfo", None)


def failed(error: BaseException) -> typing.Any:
    """An exception: its classes, its text, and what a handler may look at."""
    classes = [
        type_name(c)
        for c in type(error).__mro__
        if c.__name__ not in ("PostgresMessage", "InterfaceMessage", "Exception", "BaseException", "object")
    ]
    attributes = {
        name: plain(value)
        for name in ("sqlstate", "detail", "hint", "schema_name", "data_type_name", "constraint_name", "column_name")
        if isinstance(value := getattr(error, name, None), str)
    }
    cause = type(error.__cause__).__name__ if isinstance(error.__cause__, Exception) else None
    return "raised", classes, plain(str(error)), attributes, cause


async def outcome(awaitable_of: typing.Callable[[], collections.abc.Awaitable[object]]) -> typing.Any:
    """What became of calling and awaiting."""
    try:
        awaitable = awaitable_of()
    except Exception as error:
        return "at the call", failed(error)
    try:
        return described(await awaitable)
    except Exception as error:
        return failed(error)
