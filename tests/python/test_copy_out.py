# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""copy_from_table, copy_from_query: where the data go, what is asked of the server, and what can go wrong."""

import asyncio
import io
import os
import pathlib
import threading

import pytest

import pgstride

LINES = b"1\tone\n2\t\\N\n3\tthree\n"


@pytest.fixture
def table(runner, connection):
    runner(connection.execute('create temp table "a Table" (id int, "Text" text)'))
    runner(connection.execute("""insert into "a Table" values (1, 'one'), (2, null), (3, 'three')"""))
    return "a Table"


class Gathering:
    """A coroutine function that remembers."""

    def __init__(self):
        self.chunks = []

    async def __call__(self, chunk):
        self.chunks.append(bytes(chunk))
        await asyncio.sleep(0)

    @property
    def data(self):
        return b"".join(self.chunks)


# --- outputs ------------------------------------------------------------------------------------------


async def test_to_a_coroutine_function(connection, table):
    data = bytearray()

    async def output(chunk):
        data.extend(chunk)

    status = await connection.copy_from_table(table, output=output)
    assert status == "COPY 3"
    assert status.rowcount == 3
    assert data == LINES


class AlsoANumber(type(pathlib.Path())):
    __index__ = lambda self: 1  # a file descriptor, to those who ask for that first


async def test_to_a_path(connection, table, tmp_path):
    for path in (tmp_path / "one", str(tmp_path / "two"), bytes(tmp_path / "three"), AlsoANumber(tmp_path / "four")):
        assert await connection.copy_from_table(table, output=path) == "COPY 3"
        assert pathlib.Path(os.fsdecode(path)).read_bytes() == LINES


async def test_to_a_file_in_a_thread_of_its_own(connection, table):
    class File(io.BytesIO):
        threads = set()

        def write(self, data):
            self.threads.add(threading.current_thread())
            return super().write(data)

    file = File()
    assert await connection.copy_from_table(table, output=file) == "COPY 3"
    assert file.getvalue() == LINES
    assert threading.current_thread() not in File.threads


async def test_to_an_asynchronous_file(connection, table):
    class File:
        data = b""

        async def write(self, data):
            self.data += data

    file = File()
    assert await connection.copy_from_table(table, output=file) == "COPY 3"
    assert file.data == LINES


@pytest.mark.parametrize("output", [None, 1, [b""]])
async def test_to_nowhere(connection, table, output, usable):
    with pytest.raises(TypeError, match=r"output is expected to be .* not (NoneType|int|list)"):
        await connection.copy_from_table(table, output=output)
    await usable(connection)


async def test_no_rows(connection, table):
    output = Gathering()
    assert await connection.copy_from_query("select 1 where false", output=output) == "COPY 0"
    assert output.chunks == []


# --- what is asked ------------------------------------------------------------------------------------


async def test_columns_and_schema(connection):
    await connection.execute('create temp table t (a int, "B" int); insert into t values (1, 2)')
    output = Gathering()
    assert await connection.copy_from_table("t", schema_name="pg_temp", columns=("B", "a"), output=output) == "COPY 1"
    assert output.data == b"2\t1\n"
    assert await connection.copy_from_table("t", columns=[], output=output) == "COPY 1"
    assert output.data == b"2\t1\n" b"1\t2\n"
    with pytest.raises(pgstride.UndefinedTableError):
        await connection.copy_from_table("T", output=output)


async def test_options(connection, table):
    output = Gathering()
    await connection.copy_from_table(
        table,
        output=output,
        format="csv",
        header=True,
        delimiter="|",
        null="it's null",
        quote="*",
        escape="!",
        force_quote=("Text",),
        encoding="latin-1",
    )
    assert output.data == b"id|Text\n1|*one*\n2|it's null\n3|*three*\n"
    output = Gathering()
    await connection.copy_from_table(table, output=output, format="csv", header=False, force_quote=True)
    assert output.data == b'"1","one"\n"2",\n"3","three"\n'
    output = Gathering()
    await connection.copy_from_table(table, output=output, format="csv", force_quote=False)
    assert output.data == b"1,one\n2,\n3,three\n"
    output = Gathering()
    await connection.copy_from_table(table, output=output, format="binary")
    assert output.data.startswith(b"PGCOPY\n\xff\r\n\0") and output.data.endswith(b"\xff\xff")
    with pytest.raises(pgstride.PostgresSyntaxError):  # as the server takes it
        await connection.copy_from_table(table, output=output, oids=True)
    with pytest.raises(ValueError, match="NUL"):
        await connection.copy_from_table(table, output=output, null="\0")


# --- queries ------------------------------------------------------------------------------------------


async def test_queries(connection):
    output = Gathering()
    assert await connection.copy_from_query("select 1, 'x' -- no brackets)", output=output) == "COPY 1"
    assert output.data == b"1\tx\n"


# --- back-pressure, errors, ends ----------------------------------------------------------------------

BIG = "select i, repeat('x', 1000) from generate_series(1, 20000) i"  # 20 MB


async def test_everything_arrives_in_order(connection):
    output = Gathering()
    assert await connection.copy_from_query(BIG, output=output) == "COPY 20000"
    lines = output.data.splitlines()
    assert [int(line.split(b"\t")[0]) for line in lines] == list(range(1, 20001))
    assert max(map(len, output.chunks)) < 1 << 20


async def test_a_slow_output_makes_the_server_wait(connection, observer):
    go_on = asyncio.Event()
    chunks = []

    async def output(chunk):
        chunks.append(len(chunk))
        await go_on.wait()

    task = asyncio.ensure_future(connection.copy_from_query(BIG, output=output))
    await observer.until(
        "select count(*) from pg_stat_activity where pid = $1 and wait_event = 'ClientWrite'",
        connection.get_server_pid(),
    )
    assert len(chunks) == 1
    go_on.set()
    assert await task == "COPY 20000"
    assert sum(chunks) > 20_000_000


@pytest.mark.parametrize("at", [0, 1, 5])
async def test_an_output_that_fails(connection, at, usable):
    count = 0

    async def output(chunk):
        nonlocal count
        if count == at:
            raise ZeroDivisionError("no more, please")
        count += 1

    for _ in range(3):
        count = 0
        with pytest.raises(ZeroDivisionError, match="no more"):
            await connection.copy_from_query(BIG, output=output)
        await usable(connection)


async def test_an_output_that_fails_on_the_last_data(connection, table, observer, usable):
    async def output(chunk):
        await observer.rests(connection.get_server_pid())  # the server has said everything
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await connection.copy_from_table(table, output=output)
    await usable(connection)


async def test_a_file_that_fails(connection, table, tmp_path, usable):
    class File:
        def write(self, data):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await connection.copy_from_query(BIG, output=File())
    await usable(connection)
    with pytest.raises(FileNotFoundError):
        await connection.copy_from_table(table, output=tmp_path / "no" / "such" / "directory")
    await usable(connection)


async def test_the_server_fails_in_the_middle(connection, usable):  # R-X5
    output = Gathering()
    with pytest.raises(pgstride.DivisionByZeroError):
        await connection.copy_from_query("select 1 / (1000 - i) from generate_series(1, 2000) i", output=output)
    await usable(connection)


async def test_cancelled(connection, usable):
    for where in ("output", "server"):
        started = asyncio.Event()

        async def output(chunk):
            started.set()
            await asyncio.sleep(3600)

        query = BIG if where == "output" else "select pg_sleep(3600)"
        task = asyncio.ensure_future(connection.copy_from_query(query, output=output))
        if where == "output":
            await started.wait()
        else:
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await usable(connection)


async def test_cancelled_while_the_file_is_opened(connection, usable, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)  # opened when somebody reads it
    task = asyncio.ensure_future(connection.copy_from_query("select 1", output=path))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with await asyncio.to_thread(open, path, "rb") as reader:
        assert await asyncio.to_thread(reader.read) == b""  # it was closed; were it not, a warning would fail this
    await usable(connection)


@pytest.mark.parametrize("query", [BIG, "select pg_sleep(3600)"])
async def test_timeouts(connection, connect, query, usable):
    async def output(chunk):
        await asyncio.sleep(3600)

    with pytest.raises(asyncio.TimeoutError):
        await connection.copy_from_query(query, output=output, timeout=0.1)
    await usable(connection)
    impatient = await connect(command_timeout=0.1)
    with pytest.raises(asyncio.TimeoutError):
        await impatient.copy_from_query(query, output=output)
    with pytest.raises(asyncio.TimeoutError):
        await connection.copy_from_query(query, output=output, timeout=0)
    with pytest.raises(asyncio.TimeoutError):  # of a second
        await connection.copy_from_query("select pg_sleep(30)", output=output, timeout=True)
    with pytest.raises(ValueError, match="could not convert string to float"):
        await connection.copy_from_query(query, output=output, timeout="soon")
    await usable(connection)


async def test_one_at_a_time(connection):
    is_first = True

    async def output(chunk):
        nonlocal is_first
        if is_first:
            is_first = False
            with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
                await connection.fetch("select 1")

    assert await connection.copy_from_query(BIG, output=output) == "COPY 20000"


async def test_the_connection_is_lost(connection, observer):
    async def output(chunk):
        await observer.terminate(connection.get_server_pid())

    # A server that is ended while it waits for the client says nothing.
    with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation"):
        await connection.copy_from_query(BIG, output=output)
    assert connection.is_closed()
    with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
        await connection.copy_from_query("select 1", output=output)


async def test_closed_in_the_middle(connection):
    started = asyncio.Event()

    async def output(chunk):
        started.set()
        await asyncio.sleep(0.05)

    task = asyncio.ensure_future(connection.copy_from_query(BIG, output=output))
    await started.wait()
    await connection.close(timeout=60)
    with pytest.raises((pgstride.InterfaceError, pgstride.PostgresError)):
        await task


# --- COPY through the wrong door (R-Y1, HS-115) --------------------------------------------------------


@pytest.mark.parametrize("method", ["execute", "fetch", "fetchval"])
async def test_copy_through_another_method(connection, method, usable):
    await connection.execute("create temp table t (a int)")
    queries = ["copy t from stdin", "copy (select 1) to stdout"]
    for query in queries[: 1 if method == "execute" else 2]:
        with pytest.raises(pgstride.InterfaceError, match="needs one of the copy calls"):
            await getattr(connection, method)(query, timeout=60)
        await usable(connection)


async def test_copy_out_of_a_script_goes_nowhere(connection, create_pool, usable):
    """As rows do."""
    status = await connection.execute("select 1; copy (select generate_series(1, 100000)) to stdout")
    assert status == "COPY 100000" and status.rowcount == 100000
    assert await connection.execute("copy (select 1) to stdout; copy (select 1) to stdout; select 2") == "SELECT 1"
    with pytest.raises(pgstride.DivisionByZeroError):
        await connection.execute("copy (select 1 / (3 - i) from generate_series(1, 5) i) to stdout")
    await usable(connection)
    pool = await create_pool()
    assert await pool.execute("copy (select 1) to stdout") == "COPY 1"
