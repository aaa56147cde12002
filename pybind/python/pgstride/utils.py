# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Quoting, and literals in the place of parameters, where SQL takes none; other small things that several modules need."""

from __future__ import annotations

import math
import re
import sys
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


def _escaped_literal(string: str) -> str:
    """A string constant that means the same whatever `standard_conforming_strings` says."""
    quoted = _quote_literal(string)
    return "E" + quoted.replace("\\", "\\\\") if "\\" in string else quoted


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
    settings = conn._core.parameters()
    encoding = settings.get("client_encoding")
    if encoding in ("SJIS", "SHIFT_JIS_2004") and any("\\" in literal for literal in literals):
        raise exceptions.InterfaceError(f"arguments with a backslash cannot be quoted while client_encoding is {encoding}")
    escapes = settings.get("standard_conforming_strings") == "off"
    return _with_literals(query, literals, _WITH_ESCAPES if escapes else _TOKEN)


def _with_literals(query: str, literals: typing.Iterable[str], pattern: re.Pattern[str]) -> str:
    values, parts = list(literals), list[str]()
    at = done = 0
    while token := pattern.search(query, at):
        at = token.end()
        if token["comment"]:
            at = _end_of_comment(query, at)
        elif token["parameter"]:
            # Behind u& it would be a string with escapes of its own.
            apart = " " if query.endswith("&", 0, token.start()) else ""
            parts += query[done : token.start()], apart, values[int(token["parameter"]) - 1]
            done = at
    return "".join(parts) + query[done:]


def _end_of_comment(query: str, at: int) -> int:
    """Comments nest."""
    depth = 1
    for mark in re.compile(r"/\*|\*/").finditer(query, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(query)


def _tokens(plain: str) -> re.Pattern[str]:
    """What the server takes for a parameter, and what hides one from it; `plain` is a string without a prefix."""
    return re.compile(
        rf"""
          \$(?P<parameter>[0-9]+)
        | [Ee]{_ESCAPING}(?:{_GOES_ON}{_ESCAPING})* | {plain} | "[^"]*"
        | \$(?P<tag>(?:[{_LETTER}][{_LETTER}0-9]*)?)\$.*?\$(?P=tag)\$
        | [{_LETTER}][{_LETTER}0-9$]*
        | --[^\n\r]* | (?P<comment>/\*)
        """,
        re.DOTALL | re.VERBOSE,
    )


_LETTER = r"A-Za-z_\x80-\U0010ffff"
_ESCAPING = r"'(?:[^'\\]|\\.|'')*'"
# From one part of a string to the next, which has the same escapes.
_GOES_ON = r"(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*"
_TOKEN = _tokens("'[^']*'")
_WITH_ESCAPES = _tokens(_ESCAPING)  # while standard_conforming_strings is off


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("SQL must not contain a NUL character")
    return text


def _seconds(timeout: float | None) -> float | None:
    """A timeout, which is whatever float() takes where no query is run by its text."""
    return None if timeout is None else float(timeout)


def _whole(size: float) -> int:
    """A limit that need not be an integer for those who only compare it; the core counts."""
    return math.floor(min(size, sys.maxsize))
