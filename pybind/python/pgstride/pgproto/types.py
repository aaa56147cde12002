# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Bit strings and geometric values."""

from __future__ import annotations

import typing

_Coordinates = typing.Sequence[float]


class BitString:
    """A string of bits: ``BitString('1010 01')``."""

    __slots__ = ("_bytes", "_length")

    def __init__(self, bitstring: typing.Iterable[str | int] | None = None) -> None:
        """From characters or numbers 0 and 1; blanks are skipped."""
        bits = bytearray()
        length = 0
        for position, bit in enumerate(bitstring or ()):
            if bit == " ":
                continue
            if bit not in ("0", "1", 0, 1):
                raise ValueError(f"invalid bit value at position {position}")
            if length % 8 == 0:
                bits.append(0)
            bits[-1] |= int(bit) << (7 - length % 8)
            length += 1
        self._bytes = bytes(bits)
        self._length = length

    @classmethod
    def frombytes(cls, bytes_: bytes | None = None, bitlength: int | None = None) -> BitString:
        """The first `bitlength` bits of `bytes_`; None: all of them."""
        data = b"" if bytes_ is None else bytes(bytes_)
        most = 8 * len(data)
        length = most if bitlength is None else bitlength
        if length > most or length < most - 8 or (length == 0) != (most == 0):
            raise ValueError("invalid bit length specified")
        bits = cls.__new__(cls)
        bits._bytes = data
        bits._length = length
        return bits

    @classmethod
    def from_int(
        cls,
        x: int,
        length: int,
        bitorder: typing.Literal["big", "little"] = "big",
        *,
        signed: bool = False,
    ) -> BitString:
        """A number as `length` bits; `bitorder` says which end comes first."""
        if length < 0:
            raise ValueError("length argument must be non-negative")
        if signed and x < 0:
            if length == 0 or x < -(1 << (length - 1)):
                raise OverflowError("int too big to convert")
            x += 1 << length
        elif x < 0:
            raise OverflowError("can't convert negative int to unsigned")
        elif x >> (length - 1 if signed and length else length):
            raise OverflowError("int too big to convert")
        if bitorder not in ("big", "little"):
            raise ValueError("bitorder must be either 'big' or 'little'")
        text = f"{x:0{length}b}" if length else ""
        return cls(text if bitorder == "big" else text[::-1])

    @property
    def bytes(self) -> bytes:
        """The bits, eight to a byte, the first one highest."""
        return self._bytes

    def as_string(self) -> str:
        """The bits as text, in groups of four."""
        text = self._digits()
        return " ".join(text[i : i + 4] for i in range(0, len(text), 4))

    def to_int(self, bitorder: typing.Literal["big", "little"] = "big", *, signed: bool = False) -> int:
        """The bits as a number; `bitorder` says which end comes first."""
        if bitorder not in ("big", "little"):
            raise ValueError("bitorder must be either 'big' or 'little'")
        text = self._digits()
        number = int(text if bitorder == "big" else text[::-1], 2) if text else 0
        if signed and text and number >> (self._length - 1):
            number -= 1 << self._length
        return number

    def _digits(self) -> str:
        return "".join(f"{byte:08b}" for byte in self._bytes)[: self._length]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> int:
        if isinstance(index, slice):
            raise NotImplementedError("BitString does not support slices")
        if index >= self._length:
            raise IndexError("index out of range")
        if index < 0:
            index += self._length
            if index < 0:
                raise IndexError("index out of range")
        return self._bytes[index // 8] >> (7 - index % 8) & 1

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BitString):
            return NotImplemented
        return self._length == other._length and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash((self._bytes, self._length))

    def __repr__(self) -> str:
        return f"<BitString {self.as_string()}>"

    __str__ = __repr__

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return type(self).frombytes, (self._bytes, self._length)


class _Named(tuple):  # type: ignore[type-arg]
    """A tuple of a fixed number of items, which have names."""

    __slots__ = ()

    def __getnewargs__(self) -> tuple[typing.Any, ...]:
        return tuple(self)


class _Shown(_Named):
    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}({tuple.__repr__(self)})"


class Point(_Shown):
    """A point on a plane."""

    __slots__ = ()

    def __new__(cls, x: typing.SupportsFloat | str, y: typing.SupportsFloat | str) -> Point:
        return super().__new__(cls, (float(x), float(y)))

    @property
    def x(self) -> float:
        return typing.cast(float, self[0])

    @property
    def y(self) -> float:
        return typing.cast(float, self[1])


class Box(_Shown):
    """A rectangular box, given by two opposite corners."""

    __slots__ = ()

    def __new__(cls, high: _Coordinates, low: _Coordinates) -> Box:
        return super().__new__(cls, (Point(*high), Point(*low)))

    @property
    def high(self) -> Point:
        return typing.cast(Point, self[0])

    @property
    def low(self) -> Point:
        return typing.cast(Point, self[1])


class Line(_Named):
    """The infinite line of all points where Ax + By + C = 0."""

    __slots__ = ()

    def __new__(cls, A: float, B: float, C: float) -> Line:  # noqa: N803
        return super().__new__(cls, (A, B, C))

    @property
    def A(self) -> float:  # noqa: N802
        return typing.cast(float, self[0])

    @property
    def B(self) -> float:  # noqa: N802
        return typing.cast(float, self[1])

    @property
    def C(self) -> float:  # noqa: N802
        return typing.cast(float, self[2])


class LineSegment(_Shown):
    """The finite line between two points."""

    __slots__ = ()

    def __new__(cls, p1: _Coordinates, p2: _Coordinates) -> LineSegment:
        return super().__new__(cls, (Point(*p1), Point(*p2)))

    @property
    def p1(self) -> Point:
        return typing.cast(Point, self[0])

    @property
    def p2(self) -> Point:
        return typing.cast(Point, self[1])


class Circle(_Named):
    """A circle, given by its center and radius."""

    __slots__ = ()

    def __new__(cls, center: _Coordinates, radius: float) -> Circle:
        return super().__new__(cls, (center, radius))

    @property
    def center(self) -> _Coordinates:
        return typing.cast(_Coordinates, self[0])

    @property
    def radius(self) -> float:
        return typing.cast(float, self[1])


class Path:
    """A sequence of points, open or closed."""

    __slots__ = ("_is_closed", "points")

    points: tuple[Point, ...]

    def __init__(self, *points: _Coordinates, is_closed: bool = False) -> None:
        self.points = tuple(p if isinstance(p, Point) else Point(*p) for p in points)
        self._is_closed = is_closed

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Path):
            return NotImplemented
        return self.points == other.points and self._is_closed == other._is_closed

    def __hash__(self) -> int:
        return hash((self.points, self._is_closed))

    def __iter__(self) -> typing.Iterator[Point]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)

    @typing.overload
    def __getitem__(self, i: int) -> Point: ...
    @typing.overload
    def __getitem__(self, i: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, i: int | slice) -> Point | tuple[Point, ...]:
        return self.points[i]

    def __contains__(self, point: object) -> bool:
        return point in self.points


class Polygon(Path):
    """A closed sequence of points."""

    __slots__ = ()

    def __init__(self, *points: _Coordinates) -> None:
        super().__init__(*points, is_closed=True)


__all__ = ("BitString", "Point", "Path", "Polygon", "Box", "Line", "LineSegment", "Circle")
