# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A pool in numbers."""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from .pool import Pool


class PoolStats(typing.NamedTuple):
    """What :meth:`Pool.stats` returns: first where the connections are now, then what has been since the start."""

    idle: int = 0
    checking: int = 0
    leased: int = 0
    resetting: int = 0
    connecting: int = 0
    retiring: int = 0
    waiting: int = 0
    """How many wait for a connection."""

    handed_out: int = 0
    opened: int = 0
    failed: int = 0
    """Attempts to connect."""
    retired: int = 0
    lost: int = 0
    refused: int = 0
    """Who waited in vain."""
    waited: float = 0.0
    """Seconds, of all who got a connection, together."""
    longest_wait: float = 0.0

    @property
    def size(self) -> int:
        """Connections that are open and not about to be closed."""
        return self.idle + self.checking + self.leased + self.resetting


PoolStats.__module__ = "pgstride.pool"


class _Free:
    """The holders that are free, as far as tests look at them."""

    def __init__(self, pool: Pool[typing.Any]) -> None:
        self._pool = pool

    def qsize(self) -> int:
        return sum(holder._is_free() for holder in self._pool._holders)


__all__ = ("PoolStats",)
