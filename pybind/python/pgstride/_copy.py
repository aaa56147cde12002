# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""COPY: data in bulk, from and to files, functions, iterables and memory."""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import math
import os
import typing

from . import _core, _loops, exceptions
from ._parts import Part
from ._server import CommandStatus
from .utils import _mogrify, _qualified, _quote_ident, _quote_literal, _seconds, _without_nul

_READ_SIZE = 524288

Output = typing.Union[
    "os.PathLike[typing.Any]", str, bytes, typing.BinaryIO, typing.Callable[[bytes], typing.Awaitable[object]]
]
Source = typing.Union[
    "os.PathLike[typing.Any]", str, typing.BinaryIO, typing.AsyncIterable[bytes], bytes, bytearray, memoryview
]
Records = typing.Union[typing.Iterable[typing.Any], typing.AsyncIterable[typing.Any]]


class Copying(Part):
    """The part of :class:`Connection` that is about COPY. All of it returns the status, such as ``'COPY 6'``.

    Names are quoted, so they are case-sensitive. The options that are not explained are those of COPY;
    None leaves them to the server. `timeout` (seconds; None means the connection's ``command_timeout``)
    covers everything, the waiting for source and output included.
    """

    __slots__ = ()

    async def copy_from_table(
        self,
        table_name: str,
        *,
        output: Output,
        columns: typing.Iterable[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        format: str | None = None,
        oids: bool | None = None,
        delimiter: str | None = None,
        null: str | None = None,
        header: bool | str | None = None,
        quote: str | None = None,
        escape: str | None = None,
        force_quote: bool | typing.Iterable[str] | None = None,
        encoding: str | None = None,
    ) -> str:
        """Copy a table's rows to `output`: a path, a binary file, or a coroutine function taking bytes."""
        options = _options(locals())
        copy = f"COPY {_qualified(table_name, schema_name)}{_columns(columns)} TO STDOUT{options}"
        async with _deadline(self, timeout):
            with self._watch(copy) as ending:
                ending.tag = await _copy_out(self, copy, output)
            return CommandStatus(ending.tag)

    async def copy_from_query(
        self,
        query: str,
        *args: object,
        output: Output,
        timeout: float | None = None,
        format: str | None = None,
        oids: bool | None = None,
        delimiter: str | None = None,
        null: str | None = None,
        header: bool | str | None = None,
        quote: str | None = None,
        escape: str | None = None,
        force_quote: bool | typing.Iterable[str] | None = None,
        encoding: str | None = None,
    ) -> str:
        """Copy a query's rows to `output`, as :meth:`copy_from_table` does."""
        options = _options(locals())
        async with _deadline(self, timeout):
            if args:
                query = await _mogrify(self, query, args)
            # On a line of its own, the bracket is not part of a comment that ends the query.
            copy = f"COPY ({query}\n) TO STDOUT{options}"
            with self._watch(copy) as ending:
                ending.tag = await _copy_out(self, copy, output)
            return CommandStatus(ending.tag)

    async def copy_to_table(
        self,
        table_name: str,
        *,
        source: Source,
        columns: typing.Iterable[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        format: str | None = None,
        oids: bool | None = None,
        freeze: bool | None = None,
        delimiter: str | None = None,
        null: str | None = None,
        header: bool | str | None = None,
        quote: str | None = None,
        escape: str | None = None,
        force_quote: bool | typing.Iterable[str] | None = None,
        force_not_null: bool | typing.Iterable[str] | None = None,
        force_null: bool | typing.Iterable[str] | None = None,
        encoding: str | None = None,
        where: str | None = None,
    ) -> str:
        """Copy data from `source` to a table.

        `source` is a path, a binary file, an asynchronous iterable of bytes cut anywhere, or the data itself
        as bytes or any other buffer. `where` is an SQL condition that rows must meet. `force_quote` has no
        effect: nothing is quoted here.
        """
        force_quote = None
        options = _options(locals())
        target = f"{_qualified(table_name, schema_name)}{_columns(columns)}"
        copy = f"COPY {target} FROM STDIN{options}{_where(self, where)}"
        async with _deadline(self, timeout):
            with self._watch(copy) as ending:
                ending.tag = await _copy_in(self, copy, source)
            return CommandStatus(ending.tag)

    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: Records,
        columns: typing.Iterable[str] | None = None,
        schema_name: str | None = None,
        timeout: float | None = None,
        where: str | None = None,
    ) -> str:
        """Copy records to a table, in binary form.

        `records` is an iterable or an asynchronous iterable of whatever can be indexed: tuples, lists,
        Records. They are asked for as the server takes them.
        """
        table = _qualified(table_name, schema_name)
        columns = list(columns or ())
        selected = ", ".join(map(_quote_ident, columns)) or "*"
        copy = f"COPY {table}{_columns(columns)} FROM STDIN (FORMAT binary){_where(self, where)}"
        async with _deadline(self, timeout):
            # Not kept: its types must be those that the table has now.
            row_type = await self._protocol.prepare(None, f"SELECT {selected} FROM {table} LIMIT 1", math.inf)
            with self._watch(copy) as ending:
                ending.tag = await self._protocol.copy_in(copy, records, row_type)
            return CommandStatus(ending.tag)


def _deadline(connection: Part, timeout: float | None) -> typing.AsyncContextManager[None]:
    seconds = _core.copy_timeout(connection._core, _seconds(timeout))
    if seconds is not None and seconds <= 0:
        raise asyncio.TimeoutError  # the server hears nothing of it
    return _loops.library_of(connection._loop).deadline(seconds)


async def _open(connection: Part, path: typing.Any, mode: str) -> typing.Any:
    opening = connection._loop.run_in_executor(None, open, os.fspath(path), mode)
    library = _loops.library_of(connection._loop)
    try:
        return await library.shielded(opening)
    except library.Cancelled:
        opening.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(opening: asyncio.Future[typing.Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


# --- out ----------------------------------------------------------------------------------------------


async def _copy_out(connection: Part, sql: str, output: Output) -> str:
    run = connection._loop.run_in_executor
    file: typing.Any = None
    write: typing.Callable[[bytes], typing.Awaitable[object]]
    if isinstance(output, (str, bytes, os.PathLike)):
        file = await _open(connection, output, "wb")
        write = _in_executor(connection, file.write)
    elif (method := getattr(output, "write", None)) is not None:
        write = method if inspect.iscoroutinefunction(method) else _in_executor(connection, method)
    elif callable(output):
        write = output
    else:
        raise TypeError(
            "output is expected to be a file-like object, a path-like object or a coroutine function, "
            f"not {type(output).__name__}"
        )
    try:
        return await connection._protocol.copy_out(sql, write)
    finally:
        if file is not None:
            await run(None, file.close)


def _in_executor(
    connection: Part, write: typing.Callable[[bytes], object]
) -> typing.Callable[[bytes], typing.Awaitable[object]]:
    run = connection._loop.run_in_executor
    return lambda data: run(None, write, data)


# --- in -----------------------------------------------------------------------------------------------


async def _copy_in(connection: Part, sql: str, source: Source) -> str:
    run = connection._loop.run_in_executor
    chunks: typing.AsyncIterable[typing.Any]
    if isinstance(source, (str, os.PathLike)):
        file = await _open(connection, source, "rb")
        try:
            return await connection._protocol.copy_in(sql, _Read(connection, file.read))
        finally:
            await run(None, file.close)
    if (method := getattr(source, "read", None)) is not None:
        chunks = _Read(connection, method)
    elif isinstance(source, collections.abc.AsyncIterable):
        chunks = source
    else:
        chunks = _Once(memoryview(typing.cast(bytes, source)))
    return await connection._protocol.copy_in(sql, chunks)


class _Read:
    """What a file's read() gives."""

    __slots__ = ("_read", "_run")

    def __init__(self, connection: Part, read: typing.Callable[[int], typing.Any]) -> None:
        self._read = read
        self._run = None if inspect.iscoroutinefunction(read) else connection._loop.run_in_executor

    def __aiter__(self) -> _Read:
        return self

    async def __anext__(self) -> typing.Any:
        data = await (self._run(None, self._read, _READ_SIZE) if self._run else self._read(_READ_SIZE))
        if not data:
            raise StopAsyncIteration
        return data


class _Once:
    """All of the data, in one piece."""

    __slots__ = ("_data",)

    def __init__(self, data: memoryview) -> None:
        self._data: memoryview | None = data

    def __aiter__(self) -> _Once:
        return self

    async def __anext__(self) -> memoryview:
        data, self._data = self._data, None
        if data is None:
            raise StopAsyncIteration
        return data


# --- what it is called in SQL -------------------------------------------------------------------------


def _columns(names: typing.Iterable[str] | None) -> str:
    """None at all are all of them."""
    quoted = ", ".join(map(_quote_ident, names or ()))
    return f" ({quoted})" if quoted else ""


def _where(connection: Part, condition: str | None) -> str:
    if not condition:
        return ""
    if not connection._server_caps.sql_copy_from_where:
        raise exceptions.UnsupportedServerFeatureError("the `where` parameter requires PostgreSQL 12 or later")
    return f" WHERE {_without_nul(condition)}"


def _names(given: typing.Any) -> str:
    return "*" if given is True else f"({', '.join(map(_quote_ident, given))})"


_OPTIONS: dict[str, typing.Callable[[typing.Any], str]] = {
    "format": _quote_literal,
    "oids": str,
    "freeze": str,
    "delimiter": _quote_literal,
    "null": _quote_literal,
    "header": str,
    "quote": _quote_literal,
    "escape": _quote_literal,
    "force_quote": _names,
    "force_not_null": _names,
    "force_null": _names,
    "encoding": _quote_literal,
}
"""What COPY calls them, in the order to be sent, and how each is written."""


def _options(arguments: typing.Mapping[str, typing.Any]) -> str:
    """Those of a method's arguments that are options, if they were given."""
    rendered = []
    for name, written in _OPTIONS.items():
        value = arguments.get(name)
        if value is not None and not (written is _names and value is False):
            rendered.append(f"{name.upper()} {written(value)}")
    return f" ({', '.join(rendered)})" if rendered else ""
