# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A pool in numbers."""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from .pool import Pool


class PoolStats(typing.NamedTuple):
    """What :meth:`Pool.stats` returns: first where the connections are now, then what has been since the start."""

    idle: int = 0
    """Ready to be lent."""
    checking: int = 0
    """Idle, and being asked whether they still work."""
    leased: int = 0
    resetting: int = 0
    """Given back, their reset not confirmed yet."""
    connecting: int = 0
    retiring: int = 0
    """Being closed."""
    waiting: int = 0
    """Tasks that wait for a connection."""

    handed_out: int = 0
    """How often one was lent."""
    opened: int = 0
    failed: int = 0
    """The pool's own attempts to connect that failed; those of waiting tasks are not counted."""
    retired: int = 0
    """Closed by the pool."""
    lost: int = 0
    """Ended without the pool's doing."""
    refused: int = 0
    """Tasks that were told that there is none for them."""
    waited: float = 0.0
    """Seconds that those who got a connection have waited, all together."""
    longest_wait: float = 0.0
    """In seconds."""

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
