# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""How a pool gets its connections."""

from __future__ import annotations

import math
import sys
import typing

from . import _core, _loops, _pool_holder, connection, exceptions
from ._parts import Row
from ._pool_holder import PoolConnectionHolder

if typing.TYPE_CHECKING:
    from .pool import Pool


class PoolFilling(typing.Generic[Row]):
    """The part of :class:`Pool` that opens connections, and does what the core wants to be done."""

    __slots__ = ()

    async def _begin(self: Pool[Row]) -> None:  # type: ignore[misc]
        """Open the first connections: one alone, so that what is wrong shows early, then the others."""
        if self._core is None:
            self._loop = self._loop or _loops.running()
            self._core = _core.PoolHead(
                self._loop,
                self._act,
                self._minsize,
                self._maxsize,
                self._keeps_min_size,
                math.ceil(min(self._max_queries, sys.maxsize)),
                float(self._max_inactive_connection_lifetime) or None,
                self._max_lifetime or None,
                self._check_after or None,
                min(self._max_waiting or 0, sys.maxsize),
            )
            self._holders = [PoolConnectionHolder(self, slot) for slot in range(self._maxsize)]
        empty = [holder for holder in self._holders if self._core.state(holder._slot) == "empty"]
        first = empty[len(empty) - max(self._initsize - self.get_size(), 0) :]
        for holder in first:
            self._core.open(holder._slot)
        try:
            if first:
                await first[-1].connect()
                await _loops.library_of(self._loop).all_of(holder.connect() for holder in reversed(first[:-1]))
        finally:
            for holder in first:
                holder._opened()

    def _act(self: Pool[Row], what: str, slot: int) -> None:  # type: ignore[misc]
        """What the core wants to be done; called by it."""
        holder = self._holders[slot]
        if what == "left open":
            assert holder._con is not None
            return holder._con._leave_transaction()
        if what in ("not reset", "demoted"):
            holder._why = what
            return None
        if self._loop.is_closed():
            return holder.terminate()
        todo = {"retire": holder._retire, "check": holder._check, "connect": holder._fill}[what]
        task = self._loop.create_task(todo())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _get_new_connection(self: Pool[Row]) -> connection.Connection[Row]:  # type: ignore[misc]
        if self._core.inherited():
            raise exceptions.InterfaceError("the pool belongs to the parent process: a child makes its own")
        options = self._connect_kwargs
        if self._observer is not None:
            options = {"observer": self._observer, **options}
        con = await self._connect(
            *self._connect_args,
            loop=self._loop,
            connection_class=self._connection_class,
            record_class=self._record_class,
            **options,
        )
        if not isinstance(con, connection.Connection):
            good, bad = self._connection_class, type(con)
            raise exceptions.InterfaceError(
                "expected pool connect callback to return an instance of "
                f"'{good.__module__}.{good.__name__}', got '{_name_of(bad)}'"
            )
        for holder in self._holders:
            if holder._con is not None and holder._generation == self._generation and _same_server(holder._con, con):
                con._core.share_types(holder._con._core)
                break
        if self._init is not None:
            try:
                await self._init(con)
            except BaseException as error:
                # Nobody knows what it has done: the connection is not safe to be used.
                await _pool_holder._dispose(con, error)
                raise
        return typing.cast("connection.Connection[Row]", con)


def _same_server(one: connection.Connection[typing.Any], other: connection.Connection[typing.Any]) -> bool:
    """As far as can be known: another may answer at the same address, and mean other types by the same numbers."""
    ours, theirs = (
        (each._addr, each._params.database, getattr(each.get_settings(), "server_version", None)) for each in (one, other)
    )
    return ours == theirs


def _name_of(kind: type) -> str:
    """As users know it."""
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


__all__ = ("PoolFilling",)
