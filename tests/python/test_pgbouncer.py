# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Through PgBouncer: in session mode everything works, in transaction mode what can."""

from __future__ import annotations

import asyncio
import urllib.parse

import absent
import pytest

import pgstride
from tests.support import pgbouncer

if pgbouncer.find() is None:
    absent.skip("pgbouncer", "there is none on this machine")


@pytest.fixture(scope="module")
def server_port(dsn):
    url = urllib.parse.urlsplit(dsn)
    return url.port or int(urllib.parse.parse_qs(url.query)["port"][0])


@pytest.fixture(scope="module")
def session_mode(server_port):
    with pgbouncer.Bouncer(server_port, "session", pool_size=10) as bouncer:
        yield bouncer


@pytest.fixture(scope="module")
def transaction_mode(server_port):
    with pgbouncer.Bouncer(server_port, "transaction", pool_size=2) as bouncer:
        yield bouncer


async def test_session_mode(connect, session_mode, usable):
    connection = await connect(session_mode.dsn)
    statement = await connection.prepare("select $1::int + 1")
    assert [await statement.fetchval(i) for i in range(3)] == [1, 2, 3]
    async with connection.transaction():
        assert [row[0] async for row in connection.cursor("select generate_series(1, 100)")] == list(range(1, 101))
    await usable(connection)


async def test_cancel(connect, session_mode, transaction_mode, usable):
    for bouncer in (session_mode, transaction_mode):
        connection = await connect(bouncer.dsn, statement_cache_size=0)
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select pg_sleep(60)", timeout=0.1)
        await usable(connection)


async def test_transaction_mode_without_a_cache(connect, transaction_mode):  # FO-12, R-Q3
    """More clients than servers, so that each transaction may be on another server."""
    connections = [await connect(transaction_mode.dsn, statement_cache_size=0) for _ in range(4)]

    async def work(number, connection):
        for i in range(20):
            assert await connection.fetchval("select $1::int * 2", number * 100 + i) == (number * 100 + i) * 2
            async with connection.transaction():
                await connection.execute("select set_config('pgstride.test', $1, true)", str(number))
                await asyncio.sleep(0)
                assert await connection.fetchval("select current_setting('pgstride.test')") == str(number)
                rows = [row[0] async for row in connection.cursor("select generate_series(1, $1::int)", i, prefetch=7)]
                assert rows == list(range(1, i + 1))
            rows = await connection.fetchmany("select $1::text || $2::text", [("a", "b"), ("c", "d")])
            assert [row[0] for row in rows] == ["ab", "cd"]

    await asyncio.gather(*(work(number, connection) for number, connection in enumerate(connections)))


async def test_pipelines_without_a_cache(connect, transaction_mode):
    """More clients than servers: each reply is that to its own request, whichever server has sent it."""
    connections = [await connect(transaction_mode.dsn, statement_cache_size=0) for _ in range(4)]

    async def work(number, connection):
        for turn in range(10):
            numbers = [number * 1000 + turn * 10 + i for i in range(10)]
            async with connection.pipeline() as p:
                replies = [p.fetchval("select $1::int * 2", n) for n in numbers]
                failure = p.fetchval("select 1 / $1::int", 0)
                plain = await asyncio.gather(*(connection.fetchval("select $1::int * 3", n) for n in numbers))
                assert plain == [n * 3 for n in numbers]
                assert [await reply for reply in replies] == [n * 2 for n in numbers]
                with pytest.raises(pgstride.DivisionByZeroError):
                    await failure

    await asyncio.gather(*(work(number, connection) for number, connection in enumerate(connections)))


async def test_types_without_a_cache(connect, transaction_mode):
    first = await connect(transaction_mode.dsn, statement_cache_size=0)
    await first.execute("drop type if exists pooled; create type pooled as enum ('one', 'two')")
    second = await connect(transaction_mode.dsn, statement_cache_size=0)
    for connection in (first, second):
        assert await connection.fetchval("select array['one', 'two']::pooled[]") == ["one", "two"]
        assert await connection.fetchval("select $1::pooled", "two") == "two"
    await first.execute("drop type pooled")


async def test_a_kept_statement_meets_another_server(connect, transaction_mode):  # FO-12
    """What statement_cache_size=0 is for, and that the error says so."""
    query = "select pg_backend_pid() + $1::int"
    first = await connect(transaction_mode.dsn)
    prepared_on = await first.fetchval(query, 0)
    others = [await connect(transaction_mode.dsn, statement_cache_size=0) for _ in range(2)]
    for other in others:  # both servers are taken
        await other.execute("begin")
    where = [await other.fetchval("select pg_backend_pid()") for other in others]
    assert prepared_on in where
    await others[1 - where.index(prepared_on)].execute("rollback")
    await first.execute("begin")  # else it would be prepared again
    with pytest.raises(pgstride.InvalidSQLStatementNameError) as caught:
        await first.fetchval(query, 0)
    assert "pgbouncer" in caught.value.hint and "statement_cache_size" in caught.value.hint
    await others[where.index(prepared_on)].execute("rollback")


async def test_startup_parameters(connect, transaction_mode):  # FO-12
    connection = await connect(transaction_mode.dsn, server_settings={"application_name": "till"})
    assert await connection.fetchval("select current_setting('application_name')") == "till"
    with pytest.raises(pgstride.PostgresError, match="unsupported startup parameter: search_path"):
        await connect(transaction_mode.dsn, server_settings={"search_path": "a"})


async def test_protocol_3_2_is_not_for_it(connect, transaction_mode):
    with pytest.raises((pgstride.PostgresError, OSError)):
        await connect(transaction_mode.dsn + "?max_protocol_version=3.2")
    connection = await connect(transaction_mode.dsn + "?max_protocol_version=3.0", statement_cache_size=0)
    assert await connection.fetchval("select 1") == 1


CROWD = """
import asyncio, os, sys
import pgstride

async def main(number):
    connection = await pgstride.connect(sys.argv[1], timeout=60)
    for i in range(30):
        query = f"select $1::int, {number}, {i % 5}"
        try:
            row = await connection.fetchrow(query, i, timeout=60)
        except pgstride.InvalidSQLStatementNameError:
            continue  # it was prepared on another server
        assert row == (i, number, i % 5), (number, i, row)
    await connection.close()

children = []
for number in range(64):
    child = os.fork()
    if child == 0:
        asyncio.run(main(number))
        os._exit(0)
    children.append(child)
failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
print(failed, "failed")
"""


def test_many_processes_that_keep_statements(python, transaction_mode):  # DT-33, R-Q2
    """Children of one process, too, name their statements in ways of their own: nobody's is ever taken for another's."""
    assert python(CROWD, transaction_mode.dsn) == (0, "0 failed\n", "")
