# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Events for tracing, logging and metrics. Without an observer they cost nothing."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import typing

if typing.TYPE_CHECKING:
    from . import _core

_Event = typing.TypeVar("_Event")
_numbers = itertools.count(1)


class Observer:
    """What connections and pools tell of what they do, as ``observer=`` of connect() and create_pool().

    Methods do nothing unless a subclass has something else in their place. They are called in the middle of
    what they are told of: they look and take notes, and neither wait nor use the connection. What they raise
    is the business of the loop's exception handler.
    """

    class Connect(typing.NamedTuple):
        host: str
        """Every place that was tried when it failed, the one reached otherwise."""
        took: float
        """Seconds, name resolution and authentication included."""
        failure: BaseException | None
        backend_pid: int
        """0 when it failed."""

    class Acquire(typing.NamedTuple):
        waited: float
        """Seconds; a new connection's opening and the pool's `setup` included."""
        failure: BaseException | None

    class Evict(typing.NamedTuple):
        backend_pid: int
        reason: str
        """``lost``, ``too old``, ``idle for too long``, ``used enough``, ``expired``, ``discarded``, ``demoted``,
        ``not reset``, ``check failed`` or ``the pool was closed``."""

    class Start(typing.NamedTuple):
        request: int
        """Tells requests apart."""
        sql: str
        backend_pid: int
        prepares: bool
        """The statement is new to this connection."""

    class End(typing.NamedTuple):
        request: int
        tag: str
        """``SELECT 3``; empty when it failed, or when there is none."""
        failure: BaseException | None

    class Retry(typing.NamedTuple):
        attempt: int
        """The one that has failed, counted from 1."""
        sqlstate: str
        pause: float
        """Seconds until the next."""

    def on_connect(self, event: Connect) -> None: ...
    def on_acquire(self, event: Acquire) -> None:
        """A pool has handed out a connection, or has not."""

    def on_evict(self, event: Evict) -> None:
        """A pool lets go of a connection."""

    def on_query_start(self, event: Start) -> None: ...
    def on_first_row(self, request: int) -> None:
        """Not told of requests in a pipeline."""

    def on_query_end(self, event: End) -> None: ...
    def on_retry(self, event: Retry) -> None:
        """``transact()`` is going to run its function again."""


class Ending:
    """How a request ended, for whoever carries it out to say."""

    __slots__ = ("tag",)

    def __init__(self) -> None:
        self.tag = ""


def check(observer: object) -> None:
    if observer is not None and not isinstance(observer, Observer):
        raise TypeError(f"observer is expected to be a pgstride.Observer, got {observer!r}")


def tell(loop: asyncio.AbstractEventLoop, method: typing.Callable[[_Event], object], event: _Event) -> None:
    try:
        method(event)
    except Exception as error:
        name = getattr(method, "__qualname__", method)
        loop.call_exception_handler({"message": f"exception in {name}()", "exception": error})


@contextlib.contextmanager
def connecting(
    loop: asyncio.AbstractEventLoop, observer: Observer, places: typing.Iterable[str]
) -> typing.Iterator[typing.Callable[[str, int], None]]:
    """The block connects, and says where it has arrived."""
    began = loop.time()
    reached, pid = ", ".join(places), 0
    failure: BaseException | None = None

    def arrived(host: str, backend_pid: int) -> None:
        nonlocal reached, pid
        reached, pid = host, backend_pid

    try:
        yield arrived
    except BaseException as error:
        failure = error
        raise
    finally:
        tell(loop, observer.on_connect, Observer.Connect(reached, loop.time() - began, failure, pid))


@contextlib.contextmanager
def acquiring(loop: asyncio.AbstractEventLoop, observer: Observer) -> typing.Iterator[None]:
    began = loop.time()
    failure: BaseException | None = None
    try:
        yield
    except BaseException as error:
        failure = error
        raise
    finally:
        tell(loop, observer.on_acquire, Observer.Acquire(loop.time() - began, failure))


@contextlib.contextmanager
def requesting(
    loop: asyncio.AbstractEventLoop, observer: Observer, core: _core.Core, sql: str, prepares: bool
) -> typing.Iterator[Ending]:
    """The block carries out a request, and says how it ended."""
    request = next(_numbers)
    ending = Ending()
    failure: BaseException | None = None
    tell(loop, observer.on_query_start, Observer.Start(request, sql, core.pid, prepares))
    is_first = not core.busy and not core.pipelining  # else it is about to be refused, or the row is another's
    if is_first:
        core.set_on_first_row(functools.partial(tell, loop, observer.on_first_row, request))
    try:
        yield ending
    except BaseException as error:
        failure = error
        raise
    finally:
        if is_first and not core.busy:  # else it is the next one's already: this was a stream that was left
            core.set_on_first_row(None)
        tag = ending.tag if failure is None else ""
        tell(loop, observer.on_query_end, Observer.End(request, tag, failure))
        del failure  # its traceback has this frame


__all__ = ("Observer",)
