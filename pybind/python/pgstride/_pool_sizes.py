# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What a pool tells of itself."""

from __future__ import annotations

import typing

from ._loans import Loan
from ._parts import call_its_functions
from ._pool_stats import PoolStats

if typing.TYPE_CHECKING:
    import asyncio

    from . import _core
    from ._pool_holder import PoolConnectionHolder


class PoolSizes:
    """The part of :class:`Pool` that can be asked how many connections there are, and what they do."""

    __slots__ = ()

    if typing.TYPE_CHECKING:
        _core: _core.PoolHead
        _loop: asyncio.AbstractEventLoop
        _holders: list[PoolConnectionHolder[typing.Any]]
        _initsize: int
        _minsize: int
        _maxsize: int
        _closing: bool
        _closed: bool
        _waited: float
        _longest_wait: float

    def is_closing(self) -> bool:
        """Closed, or about to be."""
        return self._closed or self._closing

    def get_size(self) -> int:
        """How many connections are open."""
        return sum(holder.is_connected() for holder in self._holders)

    def get_init_size(self) -> int:
        return self._initsize

    def get_min_size(self) -> int:
        return self._minsize

    def get_max_size(self) -> int:
        return self._maxsize

    def get_idle_size(self) -> int:
        """How many connections are open and not lent."""
        return sum(holder.is_connected() and holder.is_idle() for holder in self._holders)

    def loans(self) -> list[Loan]:
        """The connections that were acquired and not given back, first the one that has been away longest."""
        loans = [
            Loan(holder._con._core.pid, self._loop.time() - holder._loan[0], *holder._loan[1:])
            for holder in self._holders
            if holder._loan is not None and holder._con is not None
        ]
        return sorted(loans, key=lambda loan: loan.seconds, reverse=True)

    def stats(self) -> PoolStats:
        """What the pool's connections do now, and what they have done."""
        counts = {} if self._core is None else self._core.counts()
        return PoolStats(**counts, waited=self._waited, longest_wait=self._longest_wait)


call_its_functions("pool", "Pool", PoolSizes)

__all__ = ("PoolSizes",)
