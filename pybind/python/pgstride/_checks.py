# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Options that are numbers, seconds or classes, checked."""

from __future__ import annotations


def check_sizes(
    init_size: int | None,
    min_size: int,
    max_size: int,
    max_queries: int,
    max_inactive_connection_lifetime: float,
    max_waiting: int | None,
) -> None:
    if max_size <= 0:
        raise ValueError("max_size is expected to be greater than zero")
    if min_size < 0:
        raise ValueError("min_size is expected to be greater or equal to zero")
    if min_size > max_size:
        raise ValueError("min_size is greater than max_size")
    if init_size is not None:
        _check_whole("init_size", init_size)
        if init_size < 0:
            raise ValueError("init_size is expected to be greater or equal to zero")
        if init_size < min_size:
            raise ValueError("init_size is smaller than min_size")
        if init_size > max_size:
            raise ValueError("init_size is greater than max_size")
    if max_queries <= 0:
        raise ValueError("max_queries is expected to be greater than zero")
    if max_inactive_connection_lifetime < 0:
        raise ValueError("max_inactive_connection_lifetime is expected to be greater or equal to zero")
    if max_waiting is not None:
        check_count("max_waiting", max_waiting)


def check_count(name: str, number: int) -> None:
    _check_whole(name, number)
    if number <= 0:
        raise ValueError(f"{name} is expected to be greater than zero")


def _check_whole(name: str, number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{name} is expected to be an integer, got {number!r}")


def check_seconds(**durations: float) -> None:
    """Of the options that are ours; asyncpg's take whatever can be compared."""
    for name, seconds in durations.items():
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise TypeError(f"{name} is expected to be a number of seconds, got {seconds!r}")
        if not seconds >= 0:  # NaN, too
            raise ValueError(f"{name} is expected to be greater or equal to zero")


def check_class(option: str, given: object, base: type) -> None:
    if not (isinstance(given, type) and issubclass(given, base)):
        raise TypeError(f"{option} is expected to be a subclass of pgstride.{base.__name__}, got {given!r}")


__all__ = ()
