# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What a pool tells of itself: in numbers, and who has its connections."""

from __future__ import annotations

import asyncio
import typing

from ._parts import call_its_functions

if typing.TYPE_CHECKING:
    from . import _core
    from ._pool_holder import PoolConnectionHolder
    from .pool import Pool

_SHOWN = 10
_PRECISION = 0.01  # seconds, of a loop's timers


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


class Loan(typing.NamedTuple):
    """A connection that is lent."""

    backend_pid: int
    seconds: float
    """For so long."""
    task: str
    """The name of the task that has acquired it."""
    where: str | None
    """The frames that it did so in, as a traceback shows them; in asyncio's debug mode only."""


class _Free:
    """The holders that are free, as far as tests look at them."""

    def __init__(self, holders: list[PoolConnectionHolder[typing.Any]]) -> None:
        self._holders = holders

    def qsize(self) -> int:
        return sum(holder._is_free() for holder in self._holders)


class PoolSizes:
    """The part of :class:`Pool` that can be asked how many connections there are, what they do, and who has them."""

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

    @property
    def _queue(self) -> _Free:
        return _Free(self._holders)


# --- for those who wait -------------------------------------------------------------------------------


def explain(pool: Pool[typing.Any], error: asyncio.TimeoutError, timeout: float, began: float) -> None:
    """Waiting for a connection has taken too long: say why. Not where it is somebody else's timeout, in `setup` say."""
    if error.args or not pool._loop.time() - began > timeout - _PRECISION:
        return
    counts = pool._core.counts()
    text = (
        f"no connection of the pool in {timeout:g} s: of at most {pool._maxsize}, {counts['leased']} are in use and "
        f"{counts['connecting']} are being opened; {counts['waiting']} others wait"
    )
    loans = pool.loans()
    error.args = (f"{text}; longest in use: {_told(loans[0])}" if loans else text,)


def list_of(loans: typing.Sequence[Loan]) -> str:
    """As a sentence behind others."""
    if not loans:
        return ""
    more = f" and {len(loans) - _SHOWN} more" if len(loans) > _SHOWN else ""
    return f" In use: {', '.join(map(_told, loans[:_SHOWN]))}{more}."


def _told(loan: Loan) -> str:
    return f"by {loan.task!r} for {loan.seconds:.3f} s"


for _class in (PoolStats, Loan):
    _class.__module__ = "pgstride.pool"
call_its_functions("pool", "Pool", PoolSizes)

__all__ = ("Loan", "PoolSizes", "PoolStats")
