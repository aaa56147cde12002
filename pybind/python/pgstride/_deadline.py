# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Timeouts.

That of a single request is the core's affair: it is given the seconds, and cancels on the server. Here is what more there
is to do:

* What waits not only for the server, but for a connection of a pool, the user's code, or a file, has a deadline: that of
  the library that runs us (``library_of(loop).deadline()``), which is a `Deadline` where that is asyncio.
* Where several steps share one timeout, and each takes one of its own, a `Budget` says what is left for the next.
"""

from __future__ import annotations

import asyncio
import math
import sys
import types
import typing


def limit_of(seconds: float | None) -> float | None:
    """None, no limit, for NaN too: a loop that is given it has its timers in disorder from then on."""
    return None if seconds is None or math.isnan(seconds) else seconds


class Deadline:
    """``async with Deadline(seconds): …`` ends its body with TimeoutError when it takes longer.

    It begins in any case. None: it may take for ever. ``asyncio.timeout()`` for the Pythons that do not have it, too.
    """

    __slots__ = ("_seconds", "_task", "_timer", "_has_passed", "_cancelling")

    def __init__(self, seconds: float | None) -> None:
        self._seconds = limit_of(seconds)
        self._timer: asyncio.TimerHandle | None = None
        self._has_passed = False

    async def __aenter__(self) -> None:
        if self._seconds is None:
            return
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        if sys.version_info >= (3, 11):
            self._cancelling = task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._pass)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> typing.Literal[False]:
        if self._timer is None:
            return False
        self._timer.cancel()
        if self._has_passed:
            # Somebody else may have cancelled the task as well, and then that is what counts.
            if sys.version_info >= (3, 11) and self._task.uncancel() > self._cancelling:
                return False
            if kind is asyncio.CancelledError:
                raise asyncio.TimeoutError from error
        return False

    def _pass(self) -> None:
        self._has_passed = True
        self._task.cancel()


class Budget:
    """The time that several steps may take, all in all."""

    __slots__ = ("_loop", "_end")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float | None) -> None:
        self._loop = loop
        self._end = None if seconds is None else loop.time() + seconds

    def share(self, takers: int = 1) -> float | None:
        """What one of so many takers may use; None: without limit."""
        return None if self._end is None else (self._end - self._loop.time()) / takers

    def is_spent(self) -> bool:
        return self._end is not None and self._loop.time() >= self._end
