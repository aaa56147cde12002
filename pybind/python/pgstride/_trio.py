# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Trio, behind the methods of an asyncio loop that the core and the facade use.

A loop's callbacks are run by system tasks, and a task that waits for a request of the core is woken by Trio's
scheduler. Imported only when Trio runs us.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import math
import sys
import typing

import trio

from . import _loops, exceptions
from ._deadline import limit_of

_log = logging.getLogger("pgstride")

_Result = typing.TypeVar("_Result")
_Function = typing.Callable[..., object]
_Wait = typing.Callable[[int], typing.Awaitable[None]]


class Loop(_loops.Library):
    """What stands in for an asyncio loop, one in each run of Trio."""

    __slots__ = ("_token", "_watches", "_is_closed", "_is_stepping", "__weakref__")

    Cancelled = trio.Cancelled
    cancellations = (trio.Cancelled, asyncio.CancelledError)

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._watches: dict[tuple[int, _Wait], trio.CancelScope] = {}
        self._is_closed = False
        self._is_stepping = False
        trio.lowlevel.spawn_system_task(self._see_the_end)

    async def _see_the_end(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            self._is_closed = True

    # --- what a loop does -------------------------------------------------------------------------

    def time(self) -> float:
        return trio.current_time()

    def get_debug(self) -> bool:
        return sys.flags.dev_mode

    def is_closed(self) -> bool:
        return self._is_closed

    def call_exception_handler(self, context: dict[str, typing.Any]) -> None:
        _log.error("%s", context["message"], exc_info=context.get("exception"))

    def add_reader(self, fd: int, callback: _Function) -> None:
        self._watch(fd, trio.lowlevel.wait_readable, callback)

    def add_writer(self, fd: int, callback: _Function) -> None:
        self._watch(fd, trio.lowlevel.wait_writable, callback)

    def remove_reader(self, fd: int) -> None:
        self._watches.pop((fd, trio.lowlevel.wait_readable)).cancel()

    def remove_writer(self, fd: int) -> None:
        self._watches.pop((fd, trio.lowlevel.wait_writable)).cancel()

    def _watch(self, fd: int, wait: _Wait, callback: _Function) -> None:
        scope = self._watches[fd, wait] = trio.CancelScope()
        trio.lowlevel.spawn_system_task(_watch, scope, fd, wait, callback)

    def call_soon(self, callback: _Function, *args: object, context: contextvars.Context | None = None) -> None:
        here = contextvars.copy_context() if context is None else context

        def call() -> None:
            here.run(_call, callback, *args)

        if context is None:
            self._token.run_sync_soon(call)
        else:
            # It wakes a task, which goes on behind those that were made before. These begin in the next batch of tasks,
            # where a task that is woken in this one may come before them.
            self._token.run_sync_soon(lambda: self._token.run_sync_soon(call))

    def call_later(self, seconds: float, callback: _Function, *args: object) -> trio.CancelScope:
        scope = trio.CancelScope()
        trio.lowlevel.spawn_system_task(_call_at, scope, trio.current_time() + seconds, callback, *args)
        return scope

    def create_future(self) -> Future[None]:
        return Future()

    def create_task(self, coroutine: typing.Coroutine[typing.Any, typing.Any, _Result]) -> Future[_Result]:
        future: Future[_Result] = Future()
        trio.lowlevel.spawn_system_task(future._follow, coroutine, context=contextvars.copy_context())
        return future

    def run_in_executor(
        self, executor: None, function: typing.Callable[..., _Result], *args: typing.Any
    ) -> Future[_Result]:
        return self.create_task(trio.to_thread.run_sync(function, *args))

    # --- what the facade needs beside -------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def deadline(self, seconds: float | None, *, shield: bool = False) -> typing.AsyncIterator[None]:
        seconds = limit_of(seconds)
        limit = math.inf if seconds is None else seconds
        with trio.CancelScope(deadline=trio.current_time() + limit, shield=shield) as scope:
            yield
        if scope.cancelled_caught:
            raise asyncio.TimeoutError

    def cleaning_up(self, seconds: float) -> typing.AsyncContextManager[None]:
        return self.deadline(seconds, shield=True)  # a cancelled task is told so each time it waits

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    def task_name(self) -> str:
        return trio.lowlevel.current_task().name

    async def all_of(self, coroutines: typing.Iterable[typing.Coroutine[typing.Any, typing.Any, None]]) -> None:
        failures: list[Exception] = []

        async def run(coroutine: typing.Coroutine[typing.Any, typing.Any, None]) -> None:
            try:
                await coroutine
            except Exception as failure:
                failures.append(failure)
                nursery.cancel_scope.cancel()

        try:
            async with trio.open_nursery() as nursery:
                for coroutine in coroutines:
                    nursery.start_soon(run, coroutine)
        except BaseException:
            await trio.lowlevel.checkpoint_if_cancelled()  # one Cancelled in place of a group of them
            raise
        if failures:
            raise failures[0]

    def shielded(self, future: typing.Awaitable[_Result]) -> typing.Awaitable[_Result]:
        return future  # nobody who waits for one cancels it

    def step(self, coroutine: typing.Coroutine[typing.Any, typing.Any, typing.Any]) -> typing.Any:
        self._is_stepping = True
        try:
            return coroutine.send(None)
        finally:
            self._is_stepping = False

    def running_task(self) -> object:
        return trio.lowlevel.current_task()

    def has_ended(self, task: typing.Any) -> bool:
        return getattr(task.coro, "cr_frame", task) is None

    def admits_task(self) -> bool:
        self._check_run()
        return trio.current_effective_deadline() > -math.inf

    def _check_run(self) -> None:
        if not trio.lowlevel.in_trio_run() or trio.lowlevel.current_trio_token() is not self._token:
            raise RuntimeError("attached to a different event loop")

    def await_request(
        self, request: asyncio.Future[typing.Any]
    ) -> typing.Generator[typing.Any, typing.Any, typing.Any]:
        """What ``await request`` runs. A request is as much of a future as asyncio's tasks need."""
        self._check_run()
        if self._is_stepping:
            yield request
            return (yield from request)
        if request.cancelled():  # it has declined
            yield from trio.lowlevel.checkpoint().__await__()
        if not request.done():
            task = trio.lowlevel.current_task()

            def wake(_: object) -> None:
                trio.lowlevel.reschedule(task)

            def abort(_: object) -> trio.lowlevel.Abort:
                request.remove_done_callback(wake)
                return trio.lowlevel.Abort.SUCCEEDED if request.cancel() else trio.lowlevel.Abort.FAILED

            request.add_done_callback(wake, context=task.context)  # that of the user's code that the request calls
            yield from trio.lowlevel.wait_task_rescheduled(abort).__await__()
        return (yield from request)  # it has its result


_running: trio.lowlevel.RunVar[Loop] = trio.lowlevel.RunVar("pgstride")


def running() -> Loop:
    try:
        return _running.get()
    except LookupError:
        loop = Loop()
        _running.set(loop)
        return loop


class Future(typing.Generic[_Result]):
    """As much of asyncio's as is used here. Cancelling who waits for it does not cancel it."""

    __slots__ = ("_done", "_result", "_failure", "_is_told", "_callbacks")

    def __init__(self) -> None:
        self._done = trio.Event()
        self._result: _Result | None = None
        self._failure: BaseException | None = None
        self._is_told = False
        self._callbacks: list[_Function] = []

    async def _follow(self, coroutine: typing.Coroutine[typing.Any, typing.Any, _Result]) -> None:
        try:
            self._result = await coroutine
        except trio.Cancelled:  # the run is over
            raise
        except BaseException as failure:
            # Without this frame, which holds the future: when nobody comes for it, it is to end at once.
            assert failure.__traceback__ is not None
            self._failure = failure.with_traceback(failure.__traceback__.tb_next)
        self._finish()

    def _finish(self) -> None:
        self._done.set()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _call(callback, self)

    def set_result(self, result: _Result) -> None:
        self._result = result
        self._finish()

    def set_exception(self, failure: BaseException) -> None:
        self._failure = failure
        self._finish()

    def cancel(self) -> None:
        """Whoever awaits it is told that it was given up."""
        if not self.done():
            self._is_told = True
            self.set_exception(exceptions.InterfaceError("the request was given up by another task"))

    def done(self) -> bool:
        return self._done.is_set()

    def cancelled(self) -> bool:
        return False

    def exception(self) -> BaseException | None:
        self._is_told = True
        return self._failure

    def result(self) -> _Result:
        failure = self.exception()
        if failure is not None:
            raise failure
        return typing.cast(_Result, self._result)

    def add_done_callback(self, callback: _Function) -> None:
        if self.done():
            _call(callback, self)
        else:
            self._callbacks.append(callback)

    def __await__(self) -> typing.Generator[typing.Any, typing.Any, _Result]:
        self._is_told = True  # or does not want to know any more: whoever is cancelled here has given it up
        yield from self._done.wait().__await__()
        return self.result()

    def __del__(self) -> None:
        if self._failure is not None and not self._is_told:
            _log.error("exception in a task that nobody waits for", exc_info=self._failure)


# A watch or a timer may have been given up since its task became runnable.


async def _watch(scope: trio.CancelScope, fd: int, wait: _Wait, callback: _Function) -> None:
    with scope:
        while not scope.cancel_called:
            try:
                await wait(fd)
            except OSError:
                return  # it was closed by a thread that has collected its connection
            if not scope.cancel_called:
                _call(callback)


async def _call_at(scope: trio.CancelScope, when: float, callback: _Function, *args: object) -> None:
    with scope:
        await trio.sleep_until(when)
        if not scope.cancel_called:
            _call(callback, *args)


def _call(callback: _Function, *args: object) -> None:
    """A system task that raises would end the whole run."""
    try:
        callback(*args)
    except Exception:
        _log.exception("exception in %r", callback)
