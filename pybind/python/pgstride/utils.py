# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Quoting, and literals in the place of parameters, where SQL takes none; other small things that several modules need."""

from __future__ import annotations

import math
import re
import typing

from . import _failures, exceptions

if typing.TYPE_CHECKING:
    from ._parts import Part


def _quote_ident(ident: str) -> str:
    """An identifier for SQL."""
    return '"' + _without_nul(ident).replace('"', '""') + '"'


def _quote_literal(string: str) -> str:
    """A string constant for SQL."""
    return "'" + _without_nul(string).replace("'", "''") + "'"


def _qualified(name: str, schema: str | None) -> str:
    return f"{_quote_ident(schema)}.{_quote_ident(name)}" if schema else _quote_ident(name)


def _type(name: str, schema: str) -> str:
    element = name.removesuffix("[]")
    return _qualified(element, schema) + name[len(element) :]


async def _mogrify(conn: Part, query: str, args: typing.Sequence[object]) -> str:
    """A query without parameters, for what takes none: their places are taken by literals, which the server writes."""
    statement = await conn._core.prepare(query, None, False, math.inf, True)
    parameters = statement.parameters
    if len(parameters) != len(args):
        raise _failures.argument_count(len(parameters), len(args))
    places = (
        f"quote_nullable(${position}::{_type(name, schema)})"
        for position, (_, name, _, schema) in enumerate(parameters, 1)
    )
    literals = await conn._core.fetchrow(f"SELECT {', '.join(places)}", tuple(args), math.inf, None)
    assert literals is not None
    # In Shift JIS a yen sign comes as a backslash, which escapes what stands behind it.
    encoding = conn._core.parameters().get("client_encoding")
    if encoding in ("SJIS", "SHIFT_JIS_2004") and any("\\" in literal for literal in literals):
        raise exceptions.InterfaceError(f"arguments with a backslash can not be quoted while client_encoding is {encoding}")
    return _PARAMETER.sub(lambda m: literals[int(m[1]) - 1] if m[1] else m[0], query)


# What looks like a parameter is none inside of strings, names and comments.
_PARAMETER = re.compile(
    r"""
      \$(\d+)
    | [Ee]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | [^\W\d][\w$]*
    | --[^\n]* | /\*.*?\*/
    """,
    re.DOTALL | re.VERBOSE,
)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("SQL must not contain a NUL character")
    return text


def _seconds(timeout: float | None) -> float | None:
    """A timeout, which is whatever float() takes where no query is run by its text."""
    return None if timeout is None else float(timeout)
