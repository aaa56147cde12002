# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A look into the statements that a connection keeps prepared. They are kept by the core."""

from __future__ import annotations

import typing

from . import utils

if typing.TYPE_CHECKING:
    from . import _core

_Key = typing.Union[str, tuple[typing.Any, ...]]


def _query_of(key: _Key) -> str:
    """asyncpg's keys begin with the query; its other parts make no difference here."""
    return key if isinstance(key, str) else typing.cast(str, key[0])


class _StatementCache:
    """Least recently used goes first, and so does what was kept for too long."""

    __module__ = "pgstride.connection"

    __slots__ = ("_core", "_max_size", "_max_lifetime")

    def __init__(self, core: _core.Core, max_size: int, max_lifetime: float) -> None:
        self._core = core
        self._max_size = max_size
        self._max_lifetime = max_lifetime

    def __len__(self) -> int:
        return len(self._core.cached_statements())

    def get_max_size(self) -> int:
        return self._max_size

    def set_max_size(self, new_size: int) -> None:
        assert new_size >= 0
        self._max_size = new_size
        self._configure()

    def get_max_lifetime(self) -> float:
        return self._max_lifetime

    def set_max_lifetime(self, new_lifetime: float) -> None:
        """In seconds, counted from when a statement was taken in; 0 is for ever."""
        assert new_lifetime >= 0
        self._max_lifetime = new_lifetime
        self._configure()

    def _configure(self) -> None:
        self._core.set_statement_cache(utils._whole(self._max_size), self._max_lifetime or None)

    def get(self, query: _Key, *, promote: bool = True) -> _core.Statement | None:
        """The statement of a query; it becomes the most recently used one unless `promote` is false."""
        wanted = _query_of(query)
        for statement in self._core.cached_statements():
            if statement.query == wanted:
                if promote:
                    self._core.keep_statement(statement)
                return statement
        return None

    def has(self, query: _Key) -> bool:
        return self.get(query, promote=False) is not None

    def put(self, query: _Key, statement: _core.Statement) -> None:
        self._core.keep_statement(statement)

    def iter_statements(self) -> typing.Iterator[_core.Statement]:
        """The least recently used one comes first."""
        return reversed(self._core.cached_statements())

    def clear(self) -> None:
        self._core.clear_statement_cache()
