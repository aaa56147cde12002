# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Which async library runs us, and what the facade needs of it beside the methods of a loop."""

from __future__ import annotations

import asyncio
import sys
import typing

from ._deadline import Deadline

_Result = typing.TypeVar("_Result")


class Library:
    """asyncio's ways. What stands in for the loop of another library is a Library itself, and has its own."""

    __slots__ = ()

    Cancelled: type[BaseException] = asyncio.CancelledError
    cancellations: tuple[type[BaseException], ...] = (asyncio.CancelledError,)  # what a request that is given up raises

    def deadline(self, seconds: float | None) -> typing.AsyncContextManager[None]:
        """The block ends with TimeoutError when it takes longer. None: it may take for ever."""
        return Deadline(seconds)

    def cleaning_up(self, seconds: float) -> typing.AsyncContextManager[None]:
        """A deadline for what is to be done although whoever does it was cancelled."""
        return Deadline(seconds)  # who was cancelled is told so once

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def task_name(self) -> str:
        """Of the one that runs."""
        task = asyncio.current_task()
        return "" if task is None else task.get_name()

    def step(self, coroutine: typing.Coroutine[typing.Any, typing.Any, typing.Any]) -> typing.Any:
        """Runs a coroutine outside of a task until it waits for a request of the core; returns that."""
        return coroutine.send(None)

    def running_task(self) -> object:
        return asyncio.current_task()

    def has_ended(self, task: typing.Any) -> bool:
        return typing.cast(bool, task.done())

    async def all_of(self, coroutines: typing.Iterable[typing.Coroutine[typing.Any, typing.Any, None]]) -> None:
        """All of them at once."""
        await asyncio.gather(*coroutines)

    def shielded(self, future: asyncio.Future[_Result]) -> typing.Awaitable[_Result]:
        """Goes on when whoever waits for it is cancelled."""
        return asyncio.shield(future)


_ASYNCIO = Library()


def library_of(loop: asyncio.AbstractEventLoop) -> Library:
    return loop if isinstance(loop, Library) else _ASYNCIO


def running() -> asyncio.AbstractEventLoop:
    """The loop that runs us, or what stands in for one.

    Trio is not imported: where it runs us, somebody has done so.
    """
    in_trio_task = getattr(sys.modules.get("trio.lowlevel"), "in_trio_task", None)
    if in_trio_task is not None and in_trio_task() and not _in_asyncio_task():
        from . import _trio

        return typing.cast(asyncio.AbstractEventLoop, _trio.running())
    return asyncio.get_running_loop()


def _in_asyncio_task() -> bool:
    """Each of the two can run inside the other."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False
