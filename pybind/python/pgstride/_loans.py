# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Who has connections of a pool, for those who wait for one."""

from __future__ import annotations

import asyncio
import typing

if typing.TYPE_CHECKING:
    from .pool import Pool

_SHOWN = 10
_PRECISION = 0.01  # seconds, of a loop's timers


class Loan(typing.NamedTuple):
    """A connection that is lent."""

    backend_pid: int
    seconds: float
    """For so long."""
    task: str
    """The name of the task that has acquired it."""
    where: str | None
    """The frames that it did so in, as a traceback shows them; in asyncio's debug mode only."""


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


Loan.__module__ = "pgstride.pool"

__all__ = ("Loan",)
