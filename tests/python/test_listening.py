# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Notifications, log messages, the end of a connection, query loggers; and reset()."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

import pgstride


class Heard(list):
    """A callback that keeps what it is called with."""

    __hash__ = object.__hash__

    def __call__(self, *args):
        self.append(args)

    async def until(self, count=1):
        while len(self) < count:
            await asyncio.sleep(0.005)
        return list(self)


async def test_notifications(connection, connect):
    other, heard, coroutine_heard = await connect(), Heard(), Heard()

    async def listener(*args):
        coroutine_heard(*args)

    await connection.add_listener('a "channel"', heard)
    await connection.add_listener('a "channel"', heard)  # the same one is called once
    await connection.add_listener('a "channel"', listener)
    notify = """notify "a ""channel\"\"\", """
    await other.execute(notify + "'first'; notify elsewhere")
    await other.fetch(notify + "'second'")
    pid = other.get_server_pid()
    expected = [(connection, pid, 'a "channel"', "first"), (connection, pid, 'a "channel"', "second")]
    assert await heard.until(2) == expected
    assert await coroutine_heard.until(2) == expected
    await connection.remove_listener('a "channel"', heard)
    await other.execute(notify + "'third'")
    await coroutine_heard.until(3)
    assert len(heard) == 2
    await connection.remove_listener('a "channel"', listener)
    assert await connection.fetch("select pg_listening_channels()") == []
    await connection.remove_listener("unknown", heard)  # silently


async def test_own_notifications_and_payloads(connection):
    heard = Heard()
    await connection.add_listener("mine", heard)
    await connection.execute("select pg_notify('mine', repeat('ü', 3000))")
    assert (await heard.until())[0][3] == "ü" * 3000


async def test_a_listener_may_use_and_change_the_connection(connection, usable):  # R-Y4, DT-23
    done = asyncio.get_running_loop().create_future()

    async def listener(connection, pid, channel, payload):
        await connection.remove_listener(channel, listener)
        done.set_result(await connection.fetchval("select 5"))

    await connection.add_listener("mine", listener)
    await connection.execute("notify mine")
    assert await done == 5
    await usable(connection)


async def test_a_listener_that_fails_is_the_loops_business(runner, connection, usable):  # R-Y4, DT-23
    def listener(*args):
        raise ZeroDivisionError

    await connection.add_listener("mine", listener)
    await connection.execute("notify mine")
    while not runner.complaints:
        await asyncio.sleep(0.005)
    assert isinstance(runner.complaints.pop()["exception"], ZeroDivisionError)
    await usable(connection)


async def test_a_listener_with_other_parameters(runner, connection):  # R-Y4
    async def listener(connection):
        raise AssertionError("it was called")

    heard = Heard()
    for callback in (listener, heard):  # whichever comes first
        await connection.add_listener("mine", callback)
        connection.add_log_listener(callback)
    await connection.execute("notify mine; do $$ begin raise notice 'hello'; end $$")
    assert len(await heard.until(2)) == 2
    assert [type(complaint["exception"]) for complaint in runner.complaints] == [TypeError] * 2
    runner.complaints.clear()


async def test_what_is_no_callback(connection):
    for call in (connection.add_log_listener, connection.add_termination_listener, connection.add_query_logger):
        with pytest.raises(pgstride.InterfaceError, match="expected a callable or an `async def` function,got 5"):
            call(5)
    with pytest.raises(pgstride.InterfaceError, match="expected a callable"):
        await connection.add_listener("mine", None)


async def test_log_messages(connection):
    heard = Heard()
    connection.add_log_listener(heard)
    query = "do $$ begin raise notice 'hello'; raise warning 'oh, %', 'dear' using errcode = 'P9999'; end $$"
    await connection.execute(query)
    (_, notice), (_, warning) = await heard.until(2)
    assert type(notice) is pgstride.PostgresLogMessage and str(notice) == "PostgresLogMessage: hello"
    assert (notice.severity, notice.query) == ("NOTICE", query)
    assert type(warning) is pgstride.PostgresWarning and warning.message == "oh, dear"
    connection.remove_log_listener(heard)
    await connection.execute(query)
    await asyncio.sleep(0.05)
    assert len(heard) == 2


@pytest.mark.parametrize("end", ["close", "terminate", "by the server"])
async def test_the_end_is_told_once(connection, observer, end):
    heard, loggers = Heard(), Heard()
    connection.add_termination_listener(heard)
    connection.add_query_logger(loggers)
    if end == "close":
        await connection.close()
    elif end == "terminate":
        connection.terminate()
    else:
        await observer.terminate(connection.get_server_pid())
    assert await heard.until() == [(connection,)]
    await connection.close()
    connection.terminate()
    await asyncio.sleep(0.02)
    assert len(heard) == 1 and not loggers


async def test_query_loggers(connection):
    heard = Heard()
    with connection.query_logger(heard):
        await connection.fetch("select $1::int4", 5, timeout=7)
        await connection.execute("select 1; select 2")
        await connection.executemany("select $1::int4", [(1,)])
        with pytest.raises(pgstride.PostgresSyntaxError) as raised:
            await connection.fetchval("select from where")
    await connection.fetch("select 'not logged'")
    records = [record for (record,) in await heard.until(4)]
    assert [r.query for r in records] == ["select $1::int4", "select 1; select 2", "select $1::int4", "select from where"]
    assert records[0].args == (5,) and records[0].timeout == 7 and 0 < records[0].elapsed < 5
    assert records[0].exception is None and records[3].exception is raised.value
    assert records[0].conn_addr == connection._addr and records[0].conn_params.user == "postgres"
    with pytest.raises(ZeroDivisionError), connection.query_logger(heard):
        raise ZeroDivisionError
    assert not connection._query_loggers


async def test_nothing_is_logged_unasked(dsn, caplog, capfd):  # R-K3, DT-06
    caplog.set_level(0)
    connection = await pgstride.connect(dsn)
    statement = "select $1::text as logged_nowhere"
    await connection.fetch(statement, "secret argument")
    with pytest.raises(pgstride.PostgresError):
        await connection.fetch("select logged_nowhere")
    with pytest.raises(pgstride.DataError):
        await connection.fetch("select $1::int", "secret argument")
    await connection.close()
    said = caplog.text + "".join(capfd.readouterr())
    assert "logged_nowhere" not in said and "secret argument" not in said


async def test_reset(connection, connect):  # R-L3
    connection_pid, heard = connection.get_server_pid(), Heard()
    await connection.add_listener("mine", heard)
    connection.add_log_listener(heard)
    await connection.execute(
        """
        set search_path = elsewhere; set role pgstride_trust; select pg_advisory_lock(77);
        declare kept cursor with hold for select 1
        """
    )
    await connection.reset()
    assert await connection.fetchval("select current_user") == "postgres"
    assert await connection.fetchval("show search_path") != "elsewhere"
    assert await connection.fetchval("select count(*) from pg_cursors where name = 'kept'") == 0
    assert await connection.fetchval("select count(*) from pg_locks where locktype = 'advisory' and pid = $1", connection_pid) == 0
    assert await connection.fetch("select pg_listening_channels()") == []
    await connection.execute("notify mine")
    await asyncio.sleep(0.02)
    assert not heard


async def test_reset_covers_session_authorization(connection):
    await connection.execute("set session authorization pgstride_trust")
    assert await connection.fetchval("select session_user") == "pgstride_trust"
    await connection.reset()
    assert await connection.fetchval("select session_user") == "postgres"


async def test_reset_in_a_transaction(runner, connection):
    await connection.execute("begin; create table reset_leaves_nothing (a int)")
    await connection.reset()
    assert not connection.is_in_transaction()
    assert "Resetting connection with an active transaction" in runner.complaints.pop()["message"]
    assert await connection.fetchval("select to_regclass('reset_leaves_nothing')::text") is None


async def test_reset_with_a_bad_timeout(connection):
    """It is refused before anything is done."""
    async with connection.transaction():
        with pytest.raises(ValueError):
            await connection.reset(timeout="x")
        async with connection.transaction():
            pass
    assert not connection.is_in_transaction()


@pytest.mark.parametrize("timeout", [0, -1])
async def test_reset_without_time(runner, connection, timeout):
    """What it undoes does not stay, however soon nobody waits for that any more."""
    await connection.execute("begin")
    with pytest.raises(asyncio.TimeoutError):
        await connection.reset(timeout=timeout)
    assert "Resetting connection with an active transaction" in runner.complaints.pop()["message"]
    assert await connection.fetchval("select 1") == 1
    assert not connection.is_in_transaction()


async def test_reset_query_of_ones_own(dsn):
    class Mine(pgstride.Connection):
        def get_reset_query(self):
            return "set search_path = mine"

    connection = await pgstride.connect(dsn, connection_class=Mine)
    await connection.reset()
    assert await connection.fetchval("show search_path") == "mine"
    await connection.close()


async def test_status(connection):
    status = await connection.execute("create temp table status (a int)")
    assert (status, status.command, status.rowcount) == ("CREATE TABLE", "CREATE TABLE", None)
    status = await connection.execute("insert into status select generate_series(1, $1)", 5)
    assert (status, status.command, status.rowcount) == ("INSERT 0 5", "INSERT", 5)
    assert isinstance(status, str) and (await connection.execute("")) == ""


async def test_listeners_do_not_keep_a_connection_alive(dsn):
    gc.collect()
    gc.disable()
    try:
        connection = await pgstride.connect(dsn)
        connection.add_log_listener(Heard())
        await connection.add_listener("mine", Heard())
        await connection.close()
        await asyncio.sleep(0)
        gone = weakref.ref(connection)
        del connection
        assert gone() is None
    finally:
        gc.enable()


async def test_statement_cache_in_order(connect):
    connection = await connect(statement_cache_size=2)
    for query in ("select 1", "select 2", "select 3", "select 2"):
        await connection.fetch(query)
    assert [statement.query for statement in connection._stmt_cache.iter_statements()] == ["select 3", "select 2"]


async def test_statements_of_cursors_are_kept(connect):
    connection = await connect()
    async with connection.transaction():
        for query in ("select 1", "select 2", "select 1"):
            assert len([row async for row in connection.cursor(query)]) == 1
        await connection.fetch("select 2")
    kept = {statement.query: statement.name.split("_")[-1] for statement in connection._stmt_cache.iter_statements()}
    assert kept["select 1"] == "1" and kept["select 2"] == "2"


async def test_statement_cache_limits(connect):
    connection = await connect(max_cacheable_statement_size=20, max_cached_statement_lifetime=0.1)
    await connection.fetch("select 1")
    await connection.fetch("select 'a statement that is too long to be kept'")
    assert len(connection._stmt_cache) == 1
    kept = "select count(*), min(name) from pg_prepared_statements where statement = 'select 1'"
    (count, first) = await connection.fetchrow(kept)
    assert count == 1
    await connection.fetch("select 1")
    assert await connection.fetchrow(kept) == (1, first)
    await asyncio.sleep(0.11)
    await connection.fetch("select 1")
    (count, second) = await connection.fetchrow(kept)
    assert (count, second != first) == (1, True)
