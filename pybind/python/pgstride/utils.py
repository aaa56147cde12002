# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Quoting, where SQL takes no parameters, and other small things that several modules need."""

from __future__ import annotations


def _quote_ident(ident: str) -> str:
    """An identifier for SQL."""
    return '"' + _without_nul(ident).replace('"', '""') + '"'


def _quote_literal(string: str) -> str:
    """A string constant for SQL."""
    return "'" + _without_nul(string).replace("'", "''") + "'"


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("SQL must not contain a NUL character")
    return text


def _seconds(timeout: float | None) -> float | None:
    """A timeout as statements and cursors take it: whatever float() takes."""
    return None if timeout is None else float(timeout)
