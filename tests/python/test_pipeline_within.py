# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Pipelines together with everything else that a connection does, and with its end."""

from __future__ import annotations

import asyncio
import contextvars
import json
from urllib.parse import urlsplit

import pytest
from proxy import TO_SERVER, Fault, Proxy

import pgstride


@pytest.fixture
def log(runner, connection):
    """A table that knows the order in which it was written."""
    runner(connection.execute("create temp table log (id serial, what text)"))

    async def log():
        return [row["what"] for row in await connection.fetch("select what from log order by id")]

    return log


# --- what is not a single statement -------------------------------------------------------------------


async def test_transactions(connection, log):
    insert = "insert into log (what) values ($1)"
    async with connection.pipeline() as p:
        async with connection.transaction():
            p.execute(insert, "kept")
            await asyncio.gather(connection.execute(insert, "kept"), connection.execute(insert, "kept"))
            with pytest.raises(pgstride.DivisionByZeroError):
                async with connection.transaction():
                    p.execute(insert, "undone")
                    await p.execute("select 1 / 0")
            p.execute(insert, "kept")
        p.execute(insert, "behind it")
    assert await log() == ["kept"] * 4 + ["behind it"]
    with pytest.raises(pgstride.DivisionByZeroError):
        async with connection.transaction():
            async with connection.pipeline() as p:
                p.execute(insert, "undone")
                p.execute("select 1 / 0")
                p.execute(insert, "not even begun")
    assert await log() == ["kept"] * 4 + ["behind it"]


async def test_transactions_of_two_tasks_do_not_mix(connection):
    begun, over = asyncio.Event(), asyncio.Event()

    async def other():
        await begun.wait()
        with pytest.raises(pgstride.InterfaceError, match="cannot begin a transaction within that of another task"):
            async with connection.transaction():
                pass
        over.set()

    async with connection.pipeline():
        task = asyncio.create_task(other())
        async with connection.transaction():
            begun.set()
            await over.wait()
            async with connection.transaction():
                pass
        await task
        begun = asyncio.create_task(connection.transaction().start())  # by a task that ends
        await begun
        async with connection.transaction():
            pass
        await connection.execute("rollback")
        connection._top_xact = None


async def test_copy_has_its_place_and_the_connection_to_itself(connection, log):
    refused = []

    async def source():
        yield b"100\tcopied\n"
        for call in (connection.fetchval("select 1"), p.fetchval("select 1")):
            with pytest.raises(pgstride.InterfaceError, match="another operation is in progress") as caught:
                await call
            refused.append(caught.value)
        yield b"101\tcopied\n"

    async with connection.pipeline() as p:
        first = p.execute("insert into log (what) values ($1)", "before")
        copy = asyncio.create_task(connection.copy_to_table("log", source=source()))
        await asyncio.sleep(0)
        with pytest.raises(pgstride.InterfaceError, match="another operation is in progress: 'COPY"):
            await p.execute("select 'whether it has begun or not'")
        await copy
        last = p.execute("insert into log (id, what) select max(id) + 1, 'behind' from log")
        records = asyncio.create_task(connection.copy_records_to_table("log", records=[(200, "a record")]))
        assert await asyncio.gather(copy, records) == ["COPY 2", "COPY 1"]
        await asyncio.gather(first, last)
        assert await asyncio.gather(p.fetchval("select 1"), connection.copy_from_table("log", output=sink)) == [1, "COPY 5"]
    assert len(refused) == 2
    assert await log() == ["before", "copied", "copied", "behind", "a record"]


async def sink(data):
    await asyncio.sleep(0)


async def test_a_script_that_copies_is_not_followed(connection):
    async with connection.pipeline() as p:
        await connection.execute("create temp table c (a int)")
        copies = p.execute("copy c from stdin")
        assert await p.fetchval("select 1") == 1
        with pytest.raises(pgstride.InterfaceError, match="needs one of the copy calls"):
            await copies


async def test_a_stream_has_its_place_and_the_connection_to_itself(connection):
    query = "select generate_series(1, 100000)"
    async with connection.pipeline() as p:
        before = p.fetchval("select 1")
        stream = connection.stream(query)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        for _ in "waiting", "running":  # whoever takes the rows might wait for what would be behind them
            refused = p.fetchval("select 2")
            with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
                await refused
            assert await first == (1,)
        assert (await before, len([row async for row in stream])) == (1, 99999)
        assert await p.fetchval("select 3") == 3
        async with connection.stream(query) as stream:
            await anext(stream)
        after = p.fetchval("select 4")
        stream = connection.stream(query)
        await anext(stream)
    assert await after == 4
    async with connection.pipeline() as p:
        with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
            await p.fetchval("select 5")
    assert len([row async for row in stream]) == 99999


async def test_cursors_listeners_types(connection):
    heard = []
    async with connection.pipeline() as p:
        async with connection.transaction():
            values = []
            async for row in connection.cursor("select generate_series(1, 100)", prefetch=7):
                values.append(row[0])
                p.execute("select 1")
            assert values == list(range(1, 101))
        await connection.add_listener("news", lambda *event: heard.append(event[-1]))
        p.execute("notify news, 'hello'")
        await connection.set_type_codec("json", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        assert await p.fetchval("select $1::json", {"a": 1}) == {"a": 1}
        await connection.reset()
    assert heard == ["hello"]


async def test_code_that_a_request_calls_has_the_callers_context(connection):
    name = contextvars.ContextVar("name", default="nobody")

    def encode(value):
        return json.dumps(name.get())

    await connection.set_type_codec("json", schema="pg_catalog", encoder=encode, decoder=json.loads)
    async with connection.pipeline() as p:
        replies = []
        for caller in ("Ann", "Bob"):
            name.set(caller)
            replies.append(p.fetchval("select $1::json", caller))
        name.set("Eve")
        assert [await reply for reply in replies] == ["Ann", "Bob"]


async def test_loggers_and_observers_are_told(connect):
    class Watcher(pgstride.Observer):
        def __init__(self):
            self.starts, self.ends, self.rows = [], [], []

        def on_query_start(self, event):
            self.starts.append((event.request, event.sql))

        def on_first_row(self, request):
            self.rows.append(request)

        def on_query_end(self, event):
            self.ends.append((event.request, event.tag, type(event.failure)))

    watcher, logged = Watcher(), []
    connection = await connect(observer=watcher)
    with connection.query_logger(lambda query: logged.append((query.query, query.exception))):
        async with connection.pipeline() as p:
            replies = [p.fetch("select 1"), p.fetchval("select 1 / 0"), p.execute("select 3")]
            await asyncio.gather(*replies, return_exceptions=True)
        await asyncio.sleep(0)
    assert [sql for _, sql in watcher.starts] == ["select 1", "select 1 / 0", "select 3"]
    first = watcher.starts[0][0]
    assert watcher.ends == [
        (first, "SELECT 1", type(None)),
        (first + 1, "", pgstride.DivisionByZeroError),
        (first + 2, "SELECT 1", type(None)),
    ]
    assert watcher.rows == [] and [query for query, _ in logged] == ["select 1", "select 1 / 0", "select 3"]


async def test_replaced_methods(connection, monkeypatch):
    original = pgstride.Connection._get_statement

    async def replaced(self, *args, **options):
        return await original(self, *args, **options)

    monkeypatch.setattr(pgstride.Connection, "_get_statement", replaced)
    with pytest.raises(pgstride.InterfaceError, match="cannot pipeline: something has replaced methods"):
        async with connection.pipeline():
            pass
    assert not connection._core.pipelining


async def test_methods_of_a_subclass_are_gone_through(connect):
    class Mine(pgstride.Connection):
        async def fetchval(self, query, *args, **options):
            if query == "sleep":
                await asyncio.sleep(0)
            return 10 * await super().fetchval(query, *args, **options)

    connection = await connect(connection_class=Mine)
    async with connection.pipeline() as p:
        assert await p.fetchval("select $1::int", 4) == 40
        with pytest.raises(pgstride.InterfaceError, match="waits for the server alone"):
            await p.fetchval("sleep")


# --- pools --------------------------------------------------------------------------------------------


async def test_on_a_pools_connection(create_pool):
    pool = await create_pool()
    async with pool.acquire() as connection:
        async with connection.pipeline() as p:
            replies = [p.fetchval("select $1::int", i) for i in range(10)]
            assert await asyncio.gather(*replies) == list(range(10))
        assert isinstance(p, pgstride.Pipeline)
    with pytest.raises(pgstride.InterfaceError, match="released back to the pool"):
        connection.pipeline()


async def test_released_inside_the_block(create_pool):
    pool = await create_pool()
    connection = await pool.acquire()
    await connection.execute("create temp table log (what text)")
    pid = connection.get_server_pid()
    async with connection.pipeline() as p:
        reply = p.fetchval("select pg_sleep(0.1), 'done'", column=1)
        p.execute("insert into log values ('a')")
        await pool.release(connection)
        assert await reply == "done"
        with pytest.raises(pgstride.InterfaceError, match="released back to the pool"):
            p.fetch("select 1")
        async with pool.acquire() as other:
            assert other.get_server_pid() == pid and not other._con._core.pipelining
            assert await other.fetchval("select count(*) from log") == 1


async def test_a_task_is_left_behind(create_pool):
    """What gather() leaves running when another call has failed is over before the connection is given back."""
    pool = await create_pool()
    with pytest.raises(pgstride.DivisionByZeroError):
        async with pool.acquire() as connection:
            async with connection.pipeline():
                await asyncio.gather(connection.fetchval("select 1 / 0"), connection.fetchval("select pg_sleep(0.1)"))
    assert pool.get_size() == 1
    assert await pool.fetchval("select 1") == 1


# --- the end of the connection ------------------------------------------------------------------------


async def test_connection_loss(connection, observer):
    pid = connection.get_server_pid()
    with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
        async with connection.pipeline() as p:
            sent = [p.fetchval("select pg_sleep(600)"), p.fetchval("select pg_sleep(600)")]
            await observer.sleeps(pid)
            waits = p.fetchval("select 'never seen before'")
            also = p.fetchval("select 'nor this one'")
            on_connection = asyncio.create_task(connection.fetchval("select 1"))
            await asyncio.sleep(0)
            await observer.terminate(pid)
            for reply in (*sent, waits):
                with pytest.raises((pgstride.ConnectionDoesNotExistError, pgstride.AdminShutdownError)):
                    await reply
            with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
                await on_connection
    assert also.done() and connection.is_closed()


@pytest.mark.parametrize("end", ["close", "terminate"])
async def test_closing_it(connection, observer, end):
    pid = connection.get_server_pid()
    async with connection.pipeline() as p:
        replies = [p.fetchval("select pg_sleep(600)") for _ in range(3)]
        replies.append(p.fetchval("select 'never seen before'"))
        replies.append(p.fetchval("select 'nor this one'"))
        await observer.sleeps(pid)
        if end == "close":
            await connection.close(timeout=30)
        else:
            connection.terminate()
        for reply in replies:
            with pytest.raises((pgstride.PostgresError, pgstride.InterfaceError)):
                await reply
        if end == "terminate":  # it sleeps, and knows nothing
            await observer.terminate(pid)
    await observer.gone(pid)


async def test_a_network_that_ends_in_the_middle(connect, dsn):
    parts = urlsplit(dsn)
    login = {"user": parts.username, "password": parts.password, "database": parts.path[1:]}
    for at in range(400, 1200, 100):
        with Proxy((parts.hostname, parts.port), Fault("reset", TO_SERVER, at)) as proxy:
            connection = await pgstride.connect(host="127.0.0.1", port=proxy.port, ssl=False, **login)
            with pytest.raises((pgstride.ConnectionDoesNotExistError, pgstride.InterfaceError)):
                async with connection.pipeline() as p:
                    for i in range(50):
                        p.fetchval("select $1::int", i)
            assert connection.is_closed()
