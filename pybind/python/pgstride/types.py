# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Values that PostgreSQL has and Python lacks, and descriptions of types."""

from __future__ import annotations

import typing

from .pgproto.types import BitString, Box, Circle, Line, LineSegment, Path, Point, Polygon


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


_Bound = typing.TypeVar("_Bound")


class Range(typing.Generic[_Bound]):
    """A range of values; a bound that is None is infinite. Immutable."""

    __slots__ = ("_empty", "_lower", "_lower_inc", "_upper", "_upper_inc")

    def __init__(
        self,
        lower: _Bound | None = None,
        upper: _Bound | None = None,
        *,
        lower_inc: bool = True,
        upper_inc: bool = False,
        empty: bool = False,
    ) -> None:
        self._empty = empty
        self._lower = None if empty else lower
        self._upper = None if empty else upper
        self._lower_inc = not empty and lower is not None and lower_inc
        self._upper_inc = not empty and upper is not None and upper_inc

    @property
    def lower(self) -> _Bound | None:
        return self._lower

    @property
    def lower_inc(self) -> bool:
        """The lower bound belongs to the range."""
        return self._lower_inc

    @property
    def lower_inf(self) -> bool:
        """There is no lower bound."""
        return self._lower is None and not self._empty

    @property
    def upper(self) -> _Bound | None:
        return self._upper

    @property
    def upper_inc(self) -> bool:
        """The upper bound belongs to the range."""
        return self._upper_inc

    @property
    def upper_inf(self) -> bool:
        """There is no upper bound."""
        return self._upper is None and not self._empty

    @property
    def isempty(self) -> bool:
        return self._empty

    def issubset(self, other: Range[_Bound]) -> bool:
        """Every value of this range is in the other one."""
        if self._empty:
            return True
        return not other._empty and other._begins_before(self) and other._ends_after(self)

    def issuperset(self, other: Range[_Bound]) -> bool:
        """Every value of the other range is in this one."""
        return other.issubset(self)

    def _begins_before(self, other: Range[typing.Any]) -> bool:
        if self._lower is None:
            return True
        if other._lower is None or self._lower > other._lower:
            return False
        return self._lower != other._lower or self._lower_inc or not other._lower_inc

    def _ends_after(self, other: Range[typing.Any]) -> bool:
        if self._upper is None:
            return True
        if other._upper is None or other._upper > self._upper:
            return False
        return self._upper != other._upper or self._upper_inc or not other._upper_inc

    def _parts(self) -> tuple[object, ...]:
        return self._lower, self._upper, self._lower_inc, self._upper_inc, self._empty

    def __bool__(self) -> bool:
        return not self._empty

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, Range) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        if self._empty:
            return "<Range empty>"
        lower = "" if self._lower is None else repr(self._lower)
        upper = "" if self._upper is None else repr(self._upper)
        return f"<Range {'[' if self._lower_inc else '('}{lower}, {upper}{']' if self._upper_inc else ')'}>"

    __str__ = __repr__


__all__ = (
    "Type",
    "Attribute",
    "Range",
    "BitString",
    "Point",
    "Path",
    "Polygon",
    "Box",
    "Line",
    "LineSegment",
    "Circle",
    "ServerVersion",
)
