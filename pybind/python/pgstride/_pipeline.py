# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Requests that leave before the replies to earlier ones have come."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import types
import typing

from . import _loops, connresource, exceptions
from ._parts import ArgumentSets, OtherRow, Part, Row
from .protocol import Record

if typing.TYPE_CHECKING:
    import asyncio

    from .connection import Connection

_Result = typing.TypeVar("_Result")
_Result_co = typing.TypeVar("_Result_co", covariant=True)


class Pipelining(Part, typing.Generic[Row]):
    """The part of :class:`Connection` that is about pipelines."""

    __slots__ = ()

    def pipeline(self) -> Pipeline[Row]:
        """A block in which requests need not wait for each other: ``async with connection.pipeline() as p: …``.

        See :class:`Pipeline`.
        """
        self._check_open()
        return Pipeline(self._whole)


class Pipeline(connresource.ConnectionResource, typing.Generic[Row]):
    """A block in which requests need not wait for each other. Made by :meth:`Connection.pipeline`.

    Two things are different inside of it:

    * :meth:`fetch`, :meth:`fetchrow`, :meth:`fetchval`, :meth:`execute` and :meth:`executemany` of this object begin at
      the call, and return a :class:`Reply`, to be awaited when its result is needed.
    * The connection's own methods, called by several tasks, queue up, where they raise :exc:`InterfaceError` otherwise.

    The server runs all of them in the order of the calls, each on its own: one that fails leaves the others alone,
    outside a transaction. What comes back is what the same call of the connection's would have brought.

    Leaving the block waits for everything that is under way. The first failure that nobody has awaited is raised
    then; others are mentioned in its notes. When an exception leaves the block, what is still under way is given up.
    """

    __slots__ = ("_open", "_under_way", "_all_over", "_state")

    def __init__(self, connection: Connection[typing.Any]) -> None:
        super().__init__(connection)
        self._open: dict[Reply[typing.Any], None] = {}  # under way, or failed and nobody knows
        self._under_way = 0
        self._all_over: asyncio.Future[None] | None = None
        self._state = "not been entered"

    async def __aenter__(self) -> Pipeline[Row]:
        self._check("__aenter__")
        if self._state == "been entered":
            raise exceptions.InterfaceError("cannot enter context: already in an `async with` block")
        if self._connection._takes_steps():
            raise exceptions.InterfaceError(
                "cannot pipeline: something has replaced methods of the connection, or its protocol, "
                "between which other requests could slip in"
            )
        self._connection._core.begin_pipelining()
        self._state = "been entered"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._state = "been left"
        try:
            if error is not None:
                self._give_up()
            elif self._under_way:
                self._all_over = self._connection._loop.create_future()
                await self._all_over
            if error is None or isinstance(error, Exception):
                await self._wait_for_others()
        except BaseException:
            self._give_up()
            raise
        finally:
            if self._is_lent_still():
                self._connection._core.end_pipelining()
        failures = [reply._failure for reply in self._open if reply._failure is not None]
        self._open.clear()
        try:
            if error is None and failures:
                error = failures.pop(0)
                _mention(error, failures)
                raise error
            if error is not None:
                _mention(error, failures)
        finally:
            del error, failures  # a traceback has this frame

    @typing.overload
    def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: None = None
    ) -> Reply[list[Row]]: ...
    @typing.overload
    def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[OtherRow]
    ) -> Reply[list[OtherRow]]: ...
    def fetch(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> Reply[typing.Any]:
        """:meth:`Connection.fetch`, begun at once."""
        return self._begin(self._connection.fetch, query, *args, timeout=timeout, record_class=record_class)

    @typing.overload
    def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: None = None
    ) -> Reply[Row | None]: ...
    @typing.overload
    def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[OtherRow]
    ) -> Reply[OtherRow | None]: ...
    def fetchrow(
        self, query: str, *args: object, timeout: float | None = None, record_class: type[Record] | None = None
    ) -> Reply[typing.Any]:
        """:meth:`Connection.fetchrow`, begun at once."""
        return self._begin(self._connection.fetchrow, query, *args, timeout=timeout, record_class=record_class)

    def fetchval(
        self, query: str, *args: object, column: int | str = 0, timeout: float | None = None
    ) -> Reply[typing.Any]:
        """:meth:`Connection.fetchval`, begun at once."""
        return self._begin(self._connection.fetchval, query, *args, column=column, timeout=timeout)

    def execute(self, query: str, *args: object, timeout: float | None = None) -> Reply[str]:
        """:meth:`Connection.execute`, begun at once."""
        return self._begin(self._connection.execute, query, *args, timeout=timeout)

    def executemany(self, command: str, args: ArgumentSets, *, timeout: float | None = None) -> Reply[None]:
        """:meth:`Connection.executemany`, begun at once. `args` are taken as the server takes them."""
        return self._begin(self._connection.executemany, command, args, timeout=timeout)

    def _begin(
        self,
        method: typing.Callable[..., typing.Coroutine[typing.Any, typing.Any, _Result]],
        *args: typing.Any,
        **options: typing.Any,
    ) -> Reply[_Result]:
        self._check(method.__name__)
        if self._state != "been entered":
            raise exceptions.InterfaceError(f"cannot call Pipeline.{method.__name__}(): its block has {self._state}")
        reply = Reply(self, method(*args, **options))
        self._open[reply] = None
        self._under_way += 1
        reply._context.run(reply._go_on)
        return reply

    def _has_ended(self, reply: Reply[typing.Any], is_to_be_told: bool) -> None:
        self._under_way -= 1
        if not is_to_be_told:
            self._open.pop(reply, None)
        if self._under_way == 0 and self._all_over is not None and not self._all_over.done():
            self._all_over.set_result(None)

    def _give_up(self) -> None:
        if self._connection._loop.is_closed():
            return  # the block is garbage, as is what it waits for
        for reply in list(self._open):
            reply._give_up()

    async def _wait_for_others(self) -> None:
        """Tasks that have used the connection itself may still wait for it."""
        if self._connection._core.busy and self._is_lent_still():
            with contextlib.suppress(Exception):  # theirs to hear of
                await self._connection._core.script("", None)

    def _is_lent_still(self) -> bool:
        return self._con_release_ctr == self._connection._pool_release_ctr


class Reply(typing.Generic[_Result_co]):
    """What a request of a :class:`Pipeline` will bring. To be awaited, any number of times, or not at all.

    A timeout is the request's own. Cancelling the task that awaits it gives the request up, as it does where the
    connection's method is awaited: the others are not lost, and wait for this one if it is running.
    """

    # It drives the coroutine of the connection's method itself. A task would begin only in the next turn of the
    # loop, behind what is called meanwhile.
    __slots__ = ("_pipeline", "_coroutine", "_context", "_future", "_failure", "_waits_for", "_is_awaited", "__weakref__")

    def __init__(self, pipeline: Pipeline[typing.Any], coroutine: typing.Coroutine[typing.Any, typing.Any, _Result_co]) -> None:
        self._pipeline = pipeline
        self._coroutine = coroutine
        self._context = contextvars.copy_context()
        self._future: asyncio.Future[_Result_co] = pipeline._connection._loop.create_future()
        self._failure: BaseException | None = None
        self._waits_for: typing.Any = None
        self._is_awaited = False

    def __await__(self) -> typing.Generator[typing.Any, typing.Any, _Result_co]:
        self._is_awaited = True
        if self._future.done():
            self._pipeline._open.pop(self, None)
        try:
            return (yield from self._future.__await__())
        except self._library.Cancelled:
            self._give_up()
            raise
        finally:
            del self  # a failure's traceback has this frame, and this has the failure

    def done(self) -> bool:
        """The result is there, or will never be."""
        return self._future.done()

    @property
    def _library(self) -> _loops.Library:
        return _loops.library_of(self._pipeline._connection._loop)

    def _go_on(self, _: object = None) -> None:
        """The request has not begun, or what it waits for is there."""
        self._waits_for = None
        try:
            waits_for = self._library.step(self._coroutine)
        except StopIteration as stop:
            self._end(None, stop.value)
        except BaseException as failure:
            self._end(failure)
            if isinstance(failure, (KeyboardInterrupt, SystemExit)):
                raise
        else:
            if not hasattr(waits_for, "add_done_callback"):  # nor is there a task that could wait for it
                self._coroutine.close()
                return self._end(exceptions.InterfaceError("in a pipeline a request waits for the server alone"))
            self._waits_for = waits_for
            waits_for._asyncio_future_blocking = False
            waits_for.add_done_callback(self._go_on, context=self._context)
        finally:
            del self  # as above

    def _end(self, failure: BaseException | None, result: typing.Any = None) -> None:
        # Neither who was cancelled nor who has given it up is to be told.
        is_to_be_told = failure is not None and not self._is_awaited and not self._future.done()
        if not self._future.done():
            if failure is None:
                self._future.set_result(result)
            elif isinstance(failure, self._library.cancellations):
                self._future.cancel()
                is_to_be_told = False
            else:
                self._failure = failure
                self._future.set_exception(failure)
                self._future.exception()  # leaving the block tells of it
        self._pipeline._has_ended(self, is_to_be_told)

    def _give_up(self) -> None:
        self._future.cancel()
        if self._waits_for is not None:
            self._waits_for.cancel()


def _mention(error: BaseException, others: list[BaseException]) -> None:
    if not others:
        return
    requests = "request" if len(others) == 1 else "requests"
    note = f"{len(others)} more {requests} of the pipeline failed, the first of them with {others[0]!r}"
    if sys.version_info >= (3, 11):
        error.add_note(note)
    else:
        vars(error).setdefault("__notes__", []).append(note)


for _class in (Pipeline, Reply):
    _class.__module__ = "pgstride.connection"

__all__ = ("Pipeline", "Reply")
