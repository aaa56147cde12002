# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""copy_to_table: where the data come from, what is asked of the server, and what can go wrong."""

import array
import asyncio
import io
import threading

import pytest

import pgstride

LINES = b"1\tone\n2\t\\N\n3\tthree\n"
ROWS = [(1, "one"), (2, None), (3, "three")]


@pytest.fixture
def table(runner, connection):
    runner(connection.execute('create temp table "a Table" (id int, "Text" text)'))
    return "a Table"


async def rows_of(connection):
    return [tuple(row) for row in await connection.fetch('select * from "a Table" order by id')]


async def chunks(data=LINES, size=3):
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


class Source:
    """An asynchronous iterable that is no generator."""

    def __init__(self, *items):
        self.items = list(items)

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.items:
            raise StopAsyncIteration
        item = self.items.pop(0)
        if isinstance(item, BaseException):
            raise item
        return item


# --- sources ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: LINES,
        lambda: bytearray(LINES),
        lambda: memoryview(LINES),
        lambda: array.array("B", LINES),
        lambda: memoryview(LINES[::-1])[::-1],
        lambda: io.BytesIO(LINES),
        lambda: chunks(),
        lambda: chunks(size=1),
        lambda: Source(LINES[:5], bytearray(LINES[5:8]), memoryview(LINES)[8:11], memoryview(LINES[:10:-1])[::-1], b""),
    ],
    ids=["bytes", "bytearray", "memoryview", "array", "backwards", "file", "generator", "single bytes", "iterable"],
)
async def test_sources(connection, table, make):
    status = await connection.copy_to_table(table, source=make())
    assert status == "COPY 3"
    assert status.rowcount == 3
    assert await rows_of(connection) == ROWS


async def test_from_a_path(connection, table, tmp_path):
    path = tmp_path / "rows"
    path.write_bytes(LINES)
    assert await connection.copy_to_table(table, source=path) == "COPY 3"
    assert await connection.copy_to_table(table, source=str(path)) == "COPY 3"
    assert len(await rows_of(connection)) == 6
    with pytest.raises(FileNotFoundError):
        await connection.copy_to_table(table, source=tmp_path / "nothing")


async def test_bytes_are_data_not_a_path(connection, table, tmp_path):
    (tmp_path / "rows").write_bytes(LINES)
    with pytest.raises(pgstride.DataError):
        await connection.copy_to_table(table, source=bytes(tmp_path / "rows"))


async def test_from_a_file_in_a_thread_of_its_own(connection, table):
    class File(io.BytesIO):
        calls = []

        def read(self, size):
            self.calls.append((threading.current_thread(), size))
            return super().read(size)

    assert await connection.copy_to_table(table, source=File(LINES)) == "COPY 3"
    assert {size for _, size in File.calls} == {524288}
    assert threading.current_thread() not in {thread for thread, _ in File.calls}


async def test_from_a_stream_reader(connection, table):
    reader = asyncio.StreamReader()
    reader.feed_data(LINES)
    reader.feed_eof()
    assert await connection.copy_to_table(table, source=reader) == "COPY 3"
    assert await rows_of(connection) == ROWS


@pytest.mark.parametrize("source", [None, 1, [b"1\tone\n"], chunks])
async def test_from_nowhere(connection, table, source, usable):
    with pytest.raises(TypeError, match="a bytes-like object is required, not '(NoneType|int|list|function)'"):
        await connection.copy_to_table(table, source=source)
    await usable(connection)


@pytest.mark.parametrize("item", ["text", 1, None])
async def test_what_is_no_data(connection, table, item, usable):
    with pytest.raises(TypeError, match="bytes-like"):
        await connection.copy_to_table(table, source=Source(b"1\tone\n", item))
    await usable(connection)
    assert await rows_of(connection) == []
    with pytest.raises(TypeError, match="bytes-like"):
        await connection.copy_to_table(table, source=io.StringIO("1\tone\n"))
    await usable(connection)


async def test_a_big_buffer_goes_in_pieces(connection, table):
    data = b"".join(b"%d\t%s\n" % (i, b"x" * 1000) for i in range(20_000))
    assert await connection.copy_to_table(table, source=memoryview(data)) == "COPY 20000"
    assert await connection.fetchval('select sum(length("Text")) from "a Table"') == 20_000_000


async def test_many_small_pieces(connection, table):
    async def source():
        for i in range(50_000):
            yield b"%d\t%d\n" % (i, i)

    assert await connection.copy_to_table(table, source=source()) == "COPY 50000"
    assert await connection.fetchval('select sum(id) from "a Table"') == sum(range(50_000))


# --- what is asked ------------------------------------------------------------------------------------


async def test_columns_and_schema(connection):
    await connection.execute('create temp table t (a int, "B" int)')
    assert await connection.copy_to_table("t", schema_name="pg_temp", columns=["B", "a"], source=b"1\t2\n") == "COPY 1"
    assert tuple(await connection.fetchrow("select * from t")) == (2, 1)


async def test_options(connection, table):
    data = "id|Text\n1|*one*\n2|it's null\n3|*it*\n4|n!*o*\n".encode("latin-1")
    await connection.copy_to_table(
        table,
        source=data,
        format="csv",
        header=True,
        delimiter="|",
        null="it's null",
        quote="*",
        escape="!",
        force_not_null=("Text",),
        force_null=False,
        encoding="latin-1",
        where="id < 4",
    )
    assert await rows_of(connection) == [(1, "one"), (2, "it's null"), (3, "it")]
    await connection.execute('truncate "a Table"')
    await connection.copy_to_table(table, source=b'1,""\n', format="csv", null="", force_null=["Text"], force_quote=True)
    assert await rows_of(connection) == [(1, None)]
    with pytest.raises(pgstride.PostgresError):
        await connection.copy_to_table(table, source=b"1\tx\n", freeze=True)  # not a table of this transaction
    with pytest.raises(pgstride.PostgresSyntaxError):
        await connection.copy_to_table(table, source=b"1\tx\n", oids=False)


# --- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ZeroDivisionError("no more"), KeyError("x"), ValueError()])
@pytest.mark.parametrize("before", [(), (b"1\tone\n",), (b"x" * 1_000_000,) * 5])
async def test_a_source_that_fails(connection, table, error, before, usable):
    with pytest.raises(type(error)) as caught:
        await connection.copy_to_table(table, source=Source(*before, error))
    assert caught.value is error
    await usable(connection)
    assert await rows_of(connection) == []
    assert not connection.is_in_transaction()


async def test_a_source_that_fails_with_very_much_to_say(connection, table, usable):
    for text in ("x" * 100_000, "ä" * 100_000, "\udcff\0" * 10_000):
        with pytest.raises(ValueError):
            await connection.copy_to_table(table, source=Source(ValueError(text)))
        await usable(connection)


async def test_bad_data(connection, table, usable):
    with pytest.raises(pgstride.InvalidTextRepresentationError):
        await connection.copy_to_table(table, source=b"1\tone\nx\ttwo\n")
    await usable(connection)
    assert await rows_of(connection) == []


async def test_bad_data_stop_an_endless_source(connection, table, usable):
    count = 0

    async def source():
        nonlocal count
        while True:
            count += 1
            yield b"bad\n" * 1000

    with pytest.raises(pgstride.InvalidTextRepresentationError):
        await connection.copy_to_table(table, source=source(), timeout=100)
    assert count < 10_000
    await usable(connection)


async def test_no_such_table(connection, usable):
    source = Source(b"1\n")
    with pytest.raises(pgstride.UndefinedTableError):
        await connection.copy_to_table("no such table", source=source)
    assert source.items == [b"1\n"]  # not even asked
    await usable(connection)


async def test_cancelled_while_the_source_has_nothing(connection, table, usable):
    asked = asyncio.Event()

    async def source():
        yield b"1\tone\n"
        asked.set()
        await asyncio.sleep(3600)

    task = asyncio.ensure_future(connection.copy_to_table(table, source=source()))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await usable(connection)
    assert await rows_of(connection) == []


@pytest.mark.parametrize("size", [1, 1_000_000])
async def test_cancelled_while_the_server_does_not_take_data(connection, table, observer, size, usable):
    await observer.connection.execute("create table if not exists locked (a text)")
    async with observer.connection.transaction():
        await observer.connection.execute("lock table locked in access exclusive mode")
        task = asyncio.ensure_future(connection.copy_to_table("locked", source=b"x" * size))
        await observer.until(
            "select count(*) from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'",
            connection.get_server_pid(),
        )
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await usable(connection)
    await observer.connection.execute("drop table locked")


async def test_timeouts(connection, connect, table, usable):
    async def slow():
        yield b"1\tone\n"
        await asyncio.sleep(3600)

    async def endless():
        while True:
            yield b"1\tone\n" * 1000

    for source in (slow, endless):
        with pytest.raises(asyncio.TimeoutError):
            await connection.copy_to_table(table, source=source(), timeout=0.1)
        await usable(connection)
        assert await rows_of(connection) == []
    for timeout in (0, -1):
        source = Source(LINES)
        with pytest.raises(asyncio.TimeoutError):
            await connection.copy_to_table(table, source=source, timeout=timeout)
        assert source.items
    impatient = await connect(command_timeout=0.1)
    with pytest.raises(asyncio.TimeoutError):
        await impatient.copy_to_table("pg_class", source=slow())


async def test_a_timeout_that_a_source_sleeps_through(connection, table, usable):
    """What the source makes of being cancelled is its own affair, as long as it ends."""

    async def source():
        yield b"1\tone\n"
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            yield b"2\ttwo\n"

    assert await connection.copy_to_table(table, source=source(), timeout=0.1) == "COPY 2"
    await usable(connection)


async def test_the_connection_is_lost(connection, table, observer):
    async def source():
        yield b"1\tone\n"
        await observer.terminate(connection.get_server_pid())
        while True:
            yield b"2\ttwo\n" * 10_000
            await asyncio.sleep(0)

    with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation"):
        await connection.copy_to_table(table, source=source())
    assert connection.is_closed()


async def test_closed_in_the_middle(connection, table):
    asked = asyncio.Event()

    async def source():
        yield b"1\tone\n"
        asked.set()
        await asyncio.sleep(0.2)

    task = asyncio.ensure_future(connection.copy_to_table(table, source=source()))
    await asked.wait()
    await connection.close(timeout=60)
    with pytest.raises((pgstride.InterfaceError, pgstride.PostgresError)):
        await task


async def test_one_at_a_time(connection, table, usable):
    async def source():
        with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
            await connection.fetch("select 1")
        yield LINES

    assert await connection.copy_to_table(table, source=source()) == "COPY 3"
    await usable(connection)


async def test_a_task_that_is_forgotten(connection, table, usable):
    copying = connection.copy_to_table(table, source=Source(LINES)).__await__()
    copying.send(None)
    copying.close()
    await usable(connection)


async def test_other_tasks_run_meanwhile(connection, table):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.ensure_future(tick())
    data = b"1\tone\n" * 1_000_000
    assert await connection.copy_to_table(table, source=data) == "COPY 1000000"
    ticking.cancel()
    assert ticks > 10
