# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The extension module, as the facade sees it. Private."""

import asyncio
import ssl
import uuid
from typing import Any, Awaitable, Callable, Generator, Iterable, Iterator, Sequence, TypeVar, overload

__version__: str

_T = TypeVar("_T")

class Record:
    """One row: a sequence of values that also knows their names."""

    def __class_getitem__(cls, item: Any, /) -> Any: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __contains__(self, name: object, /) -> bool: ...
    @overload
    def __getitem__(self, key: int | str, /) -> Any: ...
    @overload
    def __getitem__(self, key: slice, /) -> tuple[Any, ...]: ...
    def __hash__(self) -> int: ...
    def __lt__(self, other: Record | tuple[Any, ...], /) -> bool: ...
    def __le__(self, other: Record | tuple[Any, ...], /) -> bool: ...
    def __gt__(self, other: Record | tuple[Any, ...], /) -> bool: ...
    def __ge__(self, other: Record | tuple[Any, ...], /) -> bool: ...
    @overload
    def get(self, key: str, /) -> Any | None: ...
    @overload
    def get(self, key: str, default: _T, /) -> Any | _T: ...
    def keys(self) -> Iterator[str]: ...
    def values(self) -> RecordIterator: ...
    def items(self) -> RecordItemsIterator: ...

class UUID(uuid.UUID):
    """Sixteen bytes, the rest worked out when asked for."""

    def __init__(self, value: bytes | str, /) -> None: ...

class RecordDescriptor:
    """The names that the records of one result share."""

class RecordIterator:
    def __iter__(self) -> RecordIterator: ...
    def __next__(self) -> Any: ...
    def __length_hint__(self) -> int: ...

class RecordItemsIterator:
    def __iter__(self) -> RecordItemsIterator: ...
    def __next__(self) -> tuple[str, Any]: ...
    def __length_hint__(self) -> int: ...

def _record(names: tuple[str, ...], values: tuple[Any, ...], cls: type[Record] = ..., /) -> Record: ...
def _create_record(mapping: dict[str, int] | None, values: tuple[Any, ...], /) -> Record: ...

class Statement:
    """A prepared statement, known to the server as long as this lives."""

    name: str
    query: str
    closed: bool
    refs: int
    """How many prepared statements and cursors use it. They count themselves."""
    record_class: type[Record]
    """What its rows are where a call does not say."""
    def mark_closed(self) -> None:
        """Whoever holds it cannot use it any more, and it is not found in the cache."""
    def unknown_types(self) -> list[int]:
        """The OIDs of those of its types that have to be looked up first."""
    parameters: tuple[tuple[int, str, str, str], ...]
    """OID, name, kind and schema of each parameter's type."""
    columns: tuple[tuple[str, tuple[int, str, str, str]], ...]

class Core:
    """The connection itself. Timeouts are seconds, or None for the connection's default."""

    closed: bool
    busy: bool
    pipelining: bool
    """Requests that are made while others are under way queue up behind them."""
    pid: int
    transaction: str
    """The server's status byte: I, T or E."""
    record_class: type[Record]
    settled: bool
    """Nothing is under way, nor anything that was abandoned."""
    rolling_back: bool
    """Nothing has run since roll_back(); `transaction` may tell of the time before."""
    queries: int
    """How much it has run: executions, however many sets of arguments each, and scripts."""
    fileno: int
    """The socket; -1 when it is closed."""
    tls: tuple[str, str, str] | None
    """Version, cipher and ALPN's choice; None in clear."""

    def fetch(
        self, query: str | Statement, args: tuple[object, ...], timeout: float | None, record_class: type[Record] | None, /
    ) -> Awaitable[list[Record]]: ...
    def fetchrow(
        self, query: str | Statement, args: tuple[object, ...], timeout: float | None, record_class: type[Record] | None, /
    ) -> Awaitable[Record | None]: ...
    def fetchval(
        self, query: str | Statement, args: tuple[object, ...], timeout: float | None, column: int | str, /
    ) -> Awaitable[Any]: ...
    def execute(self, query: str | Statement, args: tuple[object, ...], timeout: float | None, /) -> Awaitable[str]: ...
    def many(
        self,
        query: str | Statement,
        sets: Iterable[Sequence[Any]],
        timeout: float | None,
        record_class: type[Record] | None,
        /,
    ) -> Awaitable[list[Record] | None]:
        """Run a statement for each set of arguments. `record_class` None: rows are discarded."""
    def script(self, query: str, timeout: float | None, /) -> Awaitable[str]: ...
    def report(
        self,
        query: str | Statement,
        args: tuple[object, ...],
        limit: int,
        timeout: float | None,
        record_class: type[Record] | None,
        /,
    ) -> Awaitable[tuple[list[Record], str | None]]:
        """The rows and the command's status, which is None when `limit` rows left others unread."""
    def prepare(
        self, query: str, name: str | None, cached: bool, timeout: float | None, with_types: bool, /
    ) -> Awaitable[Statement]: ...
    def cached_statements(self) -> list[Statement]:
        """Most recently used first."""
    def has_cached(self, query: str, /) -> bool: ...
    def closing_statements(self) -> list[str]:
        """Names that the server will be told to forget with the next request."""
    def set_statement_cache(self, size: int, lifetime: float | None, /) -> None: ...
    def keep_statement(self, statement: Statement, /) -> None: ...
    def clear_statement_cache(self) -> None: ...
    def portal(
        self,
        statement: Statement,
        name: str,
        args: tuple[object, ...] | None,
        limit: int | None,
        timeout: float | None,
        record_class: type[Record] | None,
        /,
    ) -> Awaitable[list[Record]]:
        """One step of a cursor. `args` None: the portal is open; `limit` None: only open it."""
    def close_portal(self, statement: Statement, name: str, timeout: float | None, /) -> Awaitable[None]: ...
    def fetch_plain(self, query: str, args: tuple[object, ...], timeout: float | None, /) -> Awaitable[list[Record]]:
        """Without the user's codecs, and leaving no statement behind."""
    def look_up_types(self, oids: Sequence[int], timeout: float | None, /) -> Awaitable[None]:
        """Ask the catalogs for these types and what they consist of."""
    def set_type_codec(
        self, oid: int, name: str, encoder: Callable[[Any], Any], decoder: Callable[[Any], Any], format: str, /
    ) -> None:
        """`name` is what errors call the type."""
    def set_type_alias(self, oid: int, name: str, schema: str, like: int | None, format: str | None, /) -> bool:
        """Read and write a type like a built-in one, or like hstore. False: not in this format."""
    def reset_type_codec(self, oid: int, /) -> None: ...
    def known_type(self, oid: int, /) -> tuple[int, str, str, str] | None:
        """Its number, name, kind and schema; None when nothing is known of it yet."""
    def share_types(self, other: Core, /) -> None:
        """Know and forget types together with another connection to the same database."""
    def forget_types(self) -> None:
        """Of the catalogs nothing is known any more, and no statement is cached."""
    def close(self, timeout: float | None, /) -> Awaitable[None]: ...
    def abort(self) -> None: ...
    def begin_pipelining(self) -> None: ...
    def end_pipelining(self) -> None:
        """Once for each begin_pipelining()."""
    def abort_when_free(self) -> None:
        """abort(), as soon as nothing is under way."""
    def roll_back(self) -> None:
        """ROLLBACK, behind whatever is under way; nobody waits for its answer."""
    def set_on_closed(self, callback: Callable[[], object] | None, /) -> None: ...
    def set_on_server_events(
        self,
        on_notification: Callable[[int, str, str], object] | None,
        on_notice: Callable[[dict[str, str], str | None], object] | None,
        /,
    ) -> None:
        """What is called from inside the parser for each notification and notice; may only take a note."""
    def set_on_first_row(self, callback: Callable[[], object] | None, /) -> None:
        """What is called from inside the parser when a result's first row has come."""
    def parameters(self) -> dict[str, str]: ...

class PoolHead:
    """What carries out for us what the driver's PoolCore decides. Connections are in slots, which are numbered; they are
    opened and closed in Python."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        act: Callable[[str, int], object],
        min_size: int,
        max_size: int,
        keeps_min_size: bool,
        max_queries: int,
        max_idle: float | None,
        max_lifetime: float | None,
        check_after: float | None,
        max_waiting: int,
        /,
    ) -> None:
        """`act` is told what is to be done with a slot: "connect", "check", "retire", or that a transaction was
        "left open" there; or why its connection is about to be aborted, "not reset" or
        "demoted". It may neither raise nor wait."""
    def take(self) -> int | None:
        """A slot that can be had at once; it is leased."""
    def acquire(self) -> Awaitable[int | None]:
        """A slot, leased, or empty and to be connected; None when the pool is closing, or too many wait already."""
    def open(self, slot: int, /) -> None:
        """An empty slot is going to be connected."""
    def connected(self, slot: int, core: Core, reset_script: str, /) -> None: ...
    def failed(self, slot: int, counts: bool, /) -> None:
        """The slot could not be connected. `counts`: a reason not to try again at once."""
    def release(self, slot: int, timeout: float | None, rolls_back: bool, /) -> bool:
        """Take a leased slot back. False: its connection is to be closed. `timeout` is over its reset; when it is
        False, the caller resets the connection, then calls ready()."""
    def ready(self, slot: int, /) -> bool:
        """False: the connection is not fit for anybody, and is to be closed."""
    def retire(self, slot: int, /) -> None: ...
    def gone(self, slot: int, /) -> None:
        """The slot's connection is closed."""
    def expire(self) -> None: ...
    def close(self) -> None: ...
    def drained(self) -> Awaitable[None]:
        """Until nothing is left of a closing pool."""
    def inherited(self) -> bool:
        """We are in a child of the process that has made it."""
    def state(self, slot: int, /) -> str: ...
    def end_reason(self, slot: int, /) -> str:
        """Why the slot is retiring."""
    def counts(self) -> dict[str, int]: ...
    # On a leased slot, which is given back when the request is over:
    def fetch(
        self,
        slot: int,
        query: str,
        args: tuple[object, ...],
        timeout: float | None,
        record_class: type[Record] | None,
        /,
    ) -> Awaitable[list[Record]]: ...
    def fetchrow(
        self,
        slot: int,
        query: str,
        args: tuple[object, ...],
        timeout: float | None,
        record_class: type[Record] | None,
        /,
    ) -> Awaitable[Record | None]: ...
    def fetchval(
        self, slot: int, query: str, args: tuple[object, ...], timeout: float | None, column: int | str, /
    ) -> Awaitable[Any]: ...
    def execute(
        self, slot: int, query: str, args: tuple[object, ...], timeout: float | None, /
    ) -> Awaitable[str]: ...
    def script(self, slot: int, query: str, timeout: float | None, /) -> Awaitable[str]: ...
    def many(
        self,
        slot: int,
        query: str,
        sets: Iterable[Sequence[Any]],
        timeout: float | None,
        record_class: type[Record] | None,
        /,
    ) -> Awaitable[list[Record] | None]: ...

def options() -> dict[str, str | None]:
    """The names of the driver's options, each with its environment variable."""

def session_variables() -> dict[str, str]:
    """The environment variables that set a run-time parameter, each with its name."""

def harmless_options() -> frozenset[str]:
    """Those that may be left to an untrusted source."""

def builtin_types() -> dict[str, int]: ...

# --- streams ------------------------------------------------------------------------------------------

class RowStream:
    """A result under way. Awaited for the next rows, of which there is at least one, and at last for the status."""

    def __await__(self) -> Generator[Any, None, list[Record] | str]: ...

def stream(
    core: Core, query: str, args: tuple[object, ...], timeout: float | None, record_class: type[Record], /
) -> RowStream: ...
def stream_next(stream: RowStream, /) -> RowStream: ...
def stream_give_up(stream: RowStream, /) -> None:
    """The server need not go on; nobody waits."""

def stream_end(core: Core, /) -> None:
    """Give up the connection's stream, if there is one that nobody waits for."""

# --- COPY ---------------------------------------------------------------------------------------------

class CopyIn:
    """A COPY … FROM STDIN under way. Awaited first for the server to want data."""

    def __await__(self) -> Generator[Any, None, None]: ...

class CopyOut:
    """A COPY … TO STDOUT under way. Awaited for the next data, as bytes, and at last for the status."""

    def __await__(self) -> Generator[Any, None, bytes | str]: ...

def copy_timeout(core: Core, timeout: float | None, /) -> float | None:
    """A timeout as the calls above take it: seconds, or None when there is none at all."""

def copy_records(
    core: Core, sql: str, row_type: Statement, records: Iterable[Any], timeout: float | None, /
) -> Awaitable[str]: ...
def copy_in(core: Core, sql: str, row_type: Statement | None, timeout: float | None, /) -> CopyIn:
    """With a `row_type`, records are written, in binary format."""

def copy_write(copy: CopyIn, data: Any, /) -> CopyIn | None:
    """What is returned is to be awaited before the next call."""

def copy_write_record(copy: CopyIn, record: Any, /) -> CopyIn | None: ...
def copy_end(copy: CopyIn, /) -> Awaitable[str]: ...
def copy_break_off(copy: CopyIn, reason: str, /) -> Awaitable[None]:
    """Make the COPY fail; to be awaited until the server has done so."""

def copy_give_up(copy: CopyIn | CopyOut, reason: str, /) -> None:
    """The same, or cancel it, at once."""

def copy_out(core: Core, sql: str, timeout: float | None, /) -> CopyOut: ...
def copy_next(copy: CopyOut, /) -> CopyOut: ...
def connect(
    loop: asyncio.AbstractEventLoop,
    address: tuple[str, int] | str,
    options: Sequence[tuple[str, str]],
    settings: Sequence[tuple[str, str]],
    connect_timeout: float | None,
    command_timeout: float | None,
    statement_cache_size: int,
    record_class: type[Record],
    max_cacheable_statement_size: int,
    max_cached_statement_lifetime: float | None,
    context: ssl.SSLContext | None,
    /,
) -> Awaitable[Core]: ...
