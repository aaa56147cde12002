# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Transactions and savepoints."""

from __future__ import annotations

import asyncio
import collections.abc
import enum
import types
import typing
import weakref

from . import _loops, connresource, exceptions
from .utils import _escaped_literal

if typing.TYPE_CHECKING:
    from .connection import Connection

_ROLLBACK_LIMIT = 5.0  # seconds


class TransactionState(enum.Enum):
    NEW = 0
    STARTED = 1
    COMMITTED = 2
    ROLLEDBACK = 3
    FAILED = 4


ISOLATION_LEVELS = {"read_committed", "read_uncommitted", "serializable", "repeatable_read"}
ISOLATION_LEVELS_BY_VALUE = {level.replace("_", " "): level for level in ISOLATION_LEVELS}


class Transaction(connresource.ConnectionResource):
    """A transaction block, or a savepoint when there is one already.

    Made by :meth:`Connection.transaction`. Used as ``async with``, or by hand with :meth:`start`,
    :meth:`commit` and :meth:`rollback`.
    """

    __slots__ = (
        "_isolation",
        "_readonly",
        "_deferrable",
        "_settings",
        "_state",
        "_nested",
        "_savepoint",
        "_managed",
        "_task",
        "_status",
    )

    def __init__(
        self,
        connection: Connection[typing.Any],
        isolation: str | None,
        readonly: bool,
        deferrable: bool,
        *,
        settings: typing.Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(connection)
        if isolation and isolation not in ISOLATION_LEVELS:
            raise ValueError(f"isolation is expected to be either of {ISOLATION_LEVELS}, got {isolation!r}")
        self._isolation = isolation
        self._readonly = readonly
        self._deferrable = deferrable
        self._settings = _checked(settings)
        self._state = TransactionState.NEW
        self._nested = False
        self._savepoint: str | None = None
        self._managed = False
        self._task: weakref.ref[typing.Any] | None = None  # that has started it
        self._status = ""  # of the command that has ended it

    async def __aenter__(self) -> None:
        if self._managed:
            raise exceptions.InterfaceError("cannot enter context: already in an `async with` block")
        self._managed = True
        await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        try:
            self._check("__aexit__")
        except exceptions.InterfaceError:
            # An abandoned async generator is closed late, its connection may be gone by then.
            if kind is not None and issubclass(kind, GeneratorExit):
                return
            raise
        try:
            if kind is None:
                await self._commit()
            else:
                await self._rollback_failed_block()
        finally:
            self._managed = False

    @connresource.guarded
    async def start(self) -> None:
        """Enter the transaction or savepoint block."""
        self._require_startable()
        connection = self._connection
        task = self._library.running_task()
        self._task = None if task is None else weakref.ref(task)
        if connection._top_xact is None:
            if connection.is_in_transaction() and not connection._core.settled:
                await connection._core.script("", None)  # what an earlier one left to be rolled back goes first
            if connection.is_in_transaction():
                raise exceptions.InterfaceError(
                    "cannot use Connection.transaction() in a manually started transaction"
                )
            query = self._begin_statement()
            connection._top_xact = self
        else:
            self._refuse_another_tasks(connection._top_xact, task)
            if self._settings:
                raise exceptions.InterfaceError(
                    "a nested transaction cannot have settings: they would hold until the outer one ends"
                )
            await self._check_isolation(connection._top_xact)
            self._nested = True
            self._savepoint = connection._get_unique_id("savepoint")
            query = f"SAVEPOINT {self._savepoint};"
        try:
            await connection.execute(query)
        except BaseException as error:
            self._state = TransactionState.FAILED
            if not self._nested:
                connection._top_xact = None
            self._undo_after(error)
            if self._settings and isinstance(error, exceptions.PostgresError) and not connection.is_closed():
                connection._core.roll_back()  # the server has begun it, and refused a setting
                await connection._core.script("", None)
            raise
        self._state = TransactionState.STARTED

    @connresource.guarded
    async def commit(self) -> None:
        """Exit the block and commit the changes."""
        self._refuse_when_managed("commit")
        await self._commit()

    @connresource.guarded
    async def rollback(self) -> None:
        """Exit the block and undo the changes."""
        self._refuse_when_managed("rollback")
        await self._rollback()

    @property
    def _library(self) -> _loops.Library:
        return _loops.library_of(self._connection._loop)

    def _undo_after(self, error: BaseException) -> None:
        """When a BEGIN, COMMIT or ROLLBACK was given up, the next user must not find a transaction open. The ROLLBACK
        is queued behind whatever is still under way, and gives only a warning when there is no transaction.
        """
        if not self._nested and isinstance(error, (self._library.Cancelled, asyncio.TimeoutError)):
            self._connection._core.roll_back()

    def _begin_statement(self) -> str:
        query = "BEGIN"
        if self._isolation:
            query += f" ISOLATION LEVEL {self._isolation.replace('_', ' ').upper()}"
        if self._readonly:
            query += " READ ONLY"
        if self._deferrable:
            query += " DEFERRABLE"
        query += ";"
        if self._settings:
            calls = (f"pg_catalog.set_config({name}, {value}, true)" for name, value in self._settings)
            query += f"SELECT {', '.join(calls)};"
        return query

    def _refuse_another_tasks(self, outer: Transaction, task: object) -> None:
        """Whatever one of them commits or undoes would be the other's, too."""
        other = None if outer._task is None or not self._connection._core.pipelining else outer._task()
        if other is not None and other is not task and not self._library.has_ended(other):
            raise exceptions.InterfaceError("cannot begin a transaction within that of another task")

    async def _check_isolation(self, outer: Transaction) -> None:
        if not self._isolation:
            return
        level = outer._isolation
        if not level:
            level = ISOLATION_LEVELS_BY_VALUE[await self._connection.fetchval("SHOW transaction_isolation;")]
        if self._isolation != level:
            raise exceptions.InterfaceError(
                f"nested transaction has a different isolation level: current {self._isolation!r} != outer {level!r}"
            )

    async def _commit(self) -> None:
        self._require_started("commit")
        await self._end(f"RELEASE SAVEPOINT {self._savepoint};" if self._nested else "COMMIT;", TransactionState.COMMITTED)

    async def _rollback(self) -> None:
        self._require_started("rollback")
        await self._end(f"ROLLBACK TO {self._savepoint};" if self._nested else "ROLLBACK;", TransactionState.ROLLEDBACK)

    async def _rollback_failed_block(self) -> None:
        """The block's own exception goes on, also when the line is so dead that nobody answers to the ROLLBACK: with
        the connection the transaction is over, too."""
        try:
            async with self._library.cleaning_up(_ROLLBACK_LIMIT):
                await self._rollback()
        except asyncio.TimeoutError:
            self._connection.terminate()
        except (exceptions.InterfaceError, exceptions.ConnectionDoesNotExistError):
            if not self._connection.is_closed():
                raise

    async def _end(self, query: str, state: TransactionState) -> None:
        if self._connection._top_xact is self:
            self._connection._top_xact = None
        try:
            self._status = await self._connection.execute(query)
        except BaseException as error:
            self._state = TransactionState.FAILED
            self._undo_after(error)
            raise
        self._state = state

    def _refuse_when_managed(self, operation: str) -> None:
        if self._managed:
            raise exceptions.InterfaceError(f"cannot manually {operation} from within an `async with` block")

    def _require_startable(self) -> None:
        self._refuse_when_over("start")
        if self._state is TransactionState.STARTED:
            raise exceptions.InterfaceError("cannot start; the transaction is already started")

    def _require_started(self, operation: str) -> None:
        self._refuse_when_over(operation)
        if self._state is TransactionState.NEW:
            raise exceptions.InterfaceError(f"cannot {operation}; the transaction is not yet started")

    def _refuse_when_over(self, operation: str) -> None:
        why = {
            TransactionState.COMMITTED: "the transaction is already committed",
            TransactionState.ROLLEDBACK: "the transaction is already rolled back",
            TransactionState.FAILED: "the transaction is in error state",
        }.get(self._state)
        if why:
            raise exceptions.InterfaceError(f"cannot {operation}; {why}")

    def __repr__(self) -> str:
        words = [f"state:{self._state.name.lower()}"]
        if self._isolation:
            words.append(self._isolation)
        if self._readonly:
            words.append("readonly")
        if self._deferrable:
            words.append("deferrable")
        return f"<pgstride.Transaction {' '.join(words)} {id(self):#x}>"


def _checked(settings: typing.Mapping[str, str] | None) -> list[tuple[str, str]]:
    """Names and values, as string constants."""
    if settings is None:
        return []
    if not isinstance(settings, collections.abc.Mapping) or not all(isinstance(s, str) for pair in settings.items() for s in pair):
        raise ValueError("settings is expected to be None or a dict[str, str]")
    return [(_escaped_literal(name), _escaped_literal(value)) for name, value in settings.items()]
