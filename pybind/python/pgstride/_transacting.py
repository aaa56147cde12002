# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Transactions: the methods of Connection that begin them."""

from __future__ import annotations

import typing

from . import _loops, _observing, exceptions
from ._checks import check_count
from ._parts import AnyConnection, Part
from ._pauses import pause_after
from .transaction import Transaction

_Result = typing.TypeVar("_Result")

_AGAIN = ("40001", "40P01")
"""Serialization failure, deadlock: the server has undone the transaction, and it may succeed when it is run again."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 1.0  # seconds


class Transacting(Part):
    """The part of :class:`Connection` that begins transactions."""

    __slots__ = ()

    if typing.TYPE_CHECKING:
        _top_xact: Transaction | None

    def transaction(
        self,
        *,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        settings: typing.Mapping[str, str] | None = None,
    ) -> Transaction:
        """A transaction, or a savepoint inside one: ``async with connection.transaction(): …``.

        `isolation` is one of ``serializable``, ``repeatable_read``, ``read_committed`` and
        ``read_uncommitted``; None leaves it to the server's default. `settings` hold until the transaction ends, as
        with ``SET LOCAL``, and leave together with its BEGIN; a savepoint has none of its own.
        """
        self._check_open()
        return Transaction(self._whole, isolation, readonly, deferrable, settings=settings)

    async def transact(
        self,
        function: typing.Callable[[AnyConnection], typing.Awaitable[_Result]],
        *,
        isolation: str | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        settings: typing.Mapping[str, str] | None = None,
        attempts: int = 5,
    ) -> _Result:
        """What ``await function(connection)`` gives, in a transaction that is committed then.

        After a serialization failure or a deadlock, be it at the COMMIT, all of it is run again, up to so many `attempts`
        with a short pause between: the function should have no effects outside the database. What else it raises
        rolls back, and is passed on. An error of the database that it keeps to itself has undone the transaction all the
        same: then this raises :exc:`InterfaceError`. The other options are those of :meth:`transaction`.
        """
        check_count("attempts", attempts)
        if self._top_xact is not None:
            raise exceptions.InterfaceError("cannot use Connection.transact() in a transaction: it begins one of its own")
        # A subclass may have a transaction() of its own that knows only asyncpg's options.
        more = {} if settings is None else {"settings": settings}
        attempt = 1
        while True:
            try:
                transaction = self.transaction(isolation=isolation, readonly=readonly, deferrable=deferrable, **more)
                result = await self._run(function, transaction)
                # What a COMMIT makes of one that has failed; before it, that may be on its way.
                if transaction._status == "ROLLBACK":
                    raise exceptions.InterfaceError(
                        "the transaction is rolled back: an error in it was not passed on by its function"
                    )
                return result
            except exceptions.PostgresError as error:
                if attempt >= attempts or error.sqlstate not in _AGAIN or getattr(error, "outcome_unknown", False):
                    raise
                pause = pause_after(attempt, _FIRST_PAUSE, _LONGEST_PAUSE)
                if self._observer is not None:
                    event = _observing.Observer.Retry(attempt, error.sqlstate, pause)
                    _observing.tell(self._loop, self._observer.on_retry, event)
            await _loops.library_of(self._loop).sleep(pause)
            attempt += 1

    async def _run(
        self, function: typing.Callable[[AnyConnection], typing.Awaitable[_Result]], transaction: Transaction
    ) -> _Result:
        """Where the connection was lost, the block says that it cannot be left; we, what the function was told."""
        told: BaseException | None = None
        try:
            async with transaction:
                try:
                    return await function(typing.cast("AnyConnection", self._whole._proxy or self))
                except BaseException as error:
                    told = error
                    raise
        except exceptions.InterfaceError:
            if told is None or not self._core.closed:
                raise
            raise told from None
        finally:
            del told  # its traceback has this frame
