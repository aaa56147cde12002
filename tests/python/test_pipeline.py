# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Pipelines: what comes back, in which order the server runs it, and what fails. Transactions, COPY,
pools and the like are in test_pipeline_within.py, who gives up in test_pipeline_cancel.py."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from urllib.parse import urlsplit

import pytest
from proxy import Proxy

import pgstride
from pgstride import Record


class Row(Record):
    pass


@pytest.fixture
def log(runner, connection):
    """A table that knows the order in which it was written."""
    runner(connection.execute("create temp table log (id serial, what text)"))

    async def log():
        return [row["what"] for row in await connection.fetch("select what from log order by id")]

    return log


async def test_results_are_those_of_the_plain_calls(connection):
    await connection.execute("create temp table t (a int)")
    async with connection.pipeline() as p:
        rows = p.fetch("select * from generate_series(1, $1) as a", 3, record_class=Row)
        row = p.fetchrow("select 1 as a, 'x' as b")
        nothing = p.fetchrow("select 1 where false")
        value = p.fetchval("select 1, 2", column=1)
        many = p.executemany("insert into t values ($1)", [(i,) for i in range(5000)])
        status = p.execute("delete from t where a >= $1", 10)
        script = p.execute("select 1; select 2")
        assert [type(row) for row in await rows] == [Row] * 3
        assert (await row)["b"] == "x"
        assert (await nothing, await value, await many) == (None, 2, None)
    assert await status == "DELETE 4990" and (await status).rowcount == 4990
    assert await script == "SELECT 1" and script.done()
    assert (await row)["a"] == 1  # once more


async def test_requests_leave_before_replies_have_come(connect, dsn):
    parts = urlsplit(dsn)
    with Proxy((parts.hostname, parts.port)) as tap:
        login = {"user": parts.username, "password": parts.password, "database": parts.path[1:]}
        connection = await connect(host="127.0.0.1", port=tap.port, ssl=False, **login)
        await connection.fetchval("select pg_sleep($1)", 0.0)
        async with connection.pipeline() as p:
            first = p.fetchval("select pg_sleep($1)", 600.0)
            last = p.fetchval("select pg_sleep($1)", 0.0)
            for _ in range(1000):
                if [kind for kind, _ in tap.messages()].count("E") == 3:
                    break
                await asyncio.sleep(0.01)
            assert [kind for kind, _ in tap.messages()].count("E") == 3
            assert not last.done()
            await connection.close()
            with pytest.raises(pgstride.QueryCanceledError):
                await first


@pytest.mark.parametrize("cache", [100, 1, 0])
async def test_the_server_runs_them_in_the_order_of_the_calls(connect, cache):
    connection = await connect(statement_cache_size=cache)
    await connection.execute(
        "create temp table log (id serial, what text); create type pg_temp.mood as enum ('glad', 'sad')"
    )
    insert = "insert into log (what) values ($1)"
    async with connection.pipeline() as p:
        p.execute(insert, "prepared first")
        p.execute("insert into log (what) values ($1::pg_temp.mood::text)", "sad")  # asks for the type
        p.execute("insert into log (what) values ('a script')")
        p.executemany(insert, [("many",)] * 2)
        rows = p.fetch("select row('glad'::pg_temp.mood), $1::text from log", "")  # asks for it when there are rows
        await connection.execute(insert, "on the connection")
        for i in range(5):
            p.execute(f"insert into log (what) values ($1 || '{i}')", "anew ")
        statement = await connection.prepare("insert into log (what) values ('by hand')")
        await asyncio.gather(statement.fetch(), statement.fetch())
        p.execute(insert, "last")
    assert [row[0][0] for row in await rows] == ["glad"] * 5
    assert [row["what"] for row in await connection.fetch("select what from log order by id")] == [
        "prepared first",
        "sad",
        "a script",
        *["many"] * 2,
        "on the connection",
        *(f"anew {i}" for i in range(5)),
        *["by hand"] * 2,
        "last",
    ]


async def test_awaits_on_the_connection_queue_up(connection, usable):
    async with connection.pipeline():
        assert await asyncio.gather(*(connection.fetchval("select $1::int", i) for i in range(100))) == list(range(100))
        assert await asyncio.gather(*(connection.fetchval(f"select {i}") for i in range(20))) == list(range(20))
    first = asyncio.ensure_future(connection.fetchval("select pg_sleep(0.05)"))
    await asyncio.sleep(0)
    with pytest.raises(pgstride.InterfaceError, match="another operation is in progress: 'select pg_sleep"):
        await connection.fetchval("select 1")
    await first
    await usable(connection)


async def test_blocks_may_overlap(connection):
    async def work(turns):
        async with connection.pipeline() as p:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await p.fetchval("select $1::int", turns)

    assert await asyncio.gather(work(0), work(3), work(50)) == [0, 3, 50]
    assert not connection._core.pipelining


# --- failures -----------------------------------------------------------------------------------------


async def test_one_failure_leaves_the_others_alone(connection, log):
    async with connection.pipeline() as p:
        insert = "insert into log (what) values ($1)"
        p.execute(insert, "a")
        bad = [
            p.fetchval("select 1 / $1::int", 0),
            p.fetchval("select no_such_column"),
            p.fetchval("select $1::int", "no number"),
            p.fetchval("select 1", 2),
            p.execute("select 1 / 0; select 2"),
        ]
        p.execute(insert, "b")
        for reply, kind in zip(
            bad,
            (pgstride.DivisionByZeroError, pgstride.UndefinedColumnError, pgstride.DataError, pgstride.InterfaceError,
             pgstride.DivisionByZeroError),
        ):
            with pytest.raises(kind):
                await reply
    assert await log() == ["a", "b"]


async def test_leaving_raises_the_first_failure_that_nobody_has_awaited(connection, log):
    with pytest.raises(pgstride.UndefinedColumnError) as caught:
        async with connection.pipeline() as p:
            known = p.execute("select 1 / 0")
            p.execute("select no_such_column")
            p.execute("insert into log (what) values ('done')")
            p.execute("select * from no_such_table")
            with pytest.raises(pgstride.DivisionByZeroError):
                await known
    (note,) = caught.value.__notes__
    assert note.startswith("1 more request of the pipeline failed, the first of them with UndefinedTableError(")
    assert await log() == ["done"]


async def test_an_exception_of_the_blocks_own(connection, log, usable):
    with pytest.raises(ZeroDivisionError) as caught:
        async with connection.pipeline() as p:
            bad = p.execute("select no_such_column")
            sleep = p.execute("select pg_sleep(600)")
            p.execute("insert into log (what) values ('never')")
            while not bad.done():
                await asyncio.sleep(0.005)
            raise ZeroDivisionError
    assert "UndefinedColumnError" in caught.value.__notes__[0]
    with pytest.raises(asyncio.CancelledError):
        await sleep
    await usable(connection)


async def test_outside_of_its_block(connection):
    pipeline = connection.pipeline()
    with pytest.raises(pgstride.InterfaceError, match=r"cannot call Pipeline.fetch\(\): its block has not been entered"):
        pipeline.fetch("select 1")
    async with pipeline:
        with pytest.raises(pgstride.InterfaceError, match="already in an `async with` block"):
            await pipeline.__aenter__()
    with pytest.raises(pgstride.InterfaceError, match=r"cannot call Pipeline.execute\(\): its block has been left"):
        pipeline.execute("select 1")
    await connection.close()
    with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
        connection.pipeline()


# --- statements that have become stale ----------------------------------------------------------------


async def test_the_last_one_is_repeated_after_ddl(connection):
    await connection.execute("create temp table s (a int); insert into s values (1)")
    assert await connection.fetch("select * from s") == [(1,)]
    async with connection.pipeline() as p:
        p.execute("alter table s add b int default 2")
        assert await p.fetch("select * from s") == [(1, 2)]


async def test_those_with_others_behind_them_are_not_repeated(connection):
    await connection.execute("create temp table s (a int); insert into s values (1)")
    await connection.fetch("select * from s")
    await connection.fetch("select sum(a) from s")
    async with connection.pipeline() as p:
        p.execute("alter table s add b int default 2")
        stale = p.fetch("select * from s")
        p.execute("insert into s values (10)")
        behind = p.fetch("select sum(a) from s")
        with pytest.raises(pgstride.InvalidCachedStatementError):
            await stale
        assert await behind == [(11,)]
        assert await p.fetch("select * from s") == [(1, 2), (10, 2)]  # prepared anew


# --- much of it ---------------------------------------------------------------------------------------


async def test_full_buffers_on_both_sides(connection):
    """The server answers while we still send, and neither waits for the other for ever."""
    piece = "x" * (1 << 20)
    async with connection.pipeline() as p:
        replies = [p.fetchval("select $1::text", piece) for _ in range(100)]
        assert all([await reply == piece for reply in replies])


async def test_nothing_is_kept_of_what_is_known(connection):
    async with connection.pipeline() as p:
        reply = p.fetch("select 1")
        alive = weakref.ref(reply)
        await reply
        del reply
        p.execute("select 2")
        await connection.execute("select 3")
        assert alive() is None and not p._open
        reply = p.fetch("select 1 / 0")
        alive = weakref.ref(reply)
        with contextlib.suppress(pgstride.DivisionByZeroError):
            await reply
        del reply
        assert alive() is None and not p._open  # no cycle, either
    alive = weakref.ref(p)
    del p
    gc.collect()
    assert alive() is None


async def test_a_failure_that_leaves_the_block_is_in_no_cycle(connection):
    gc.disable()
    try:
        with contextlib.suppress(pgstride.DivisionByZeroError):
            async with connection.pipeline() as p:
                p.fetch("select 1 / 0")
                p.fetch("select 1 / 0")
        alive = weakref.ref(p)
        del p
        assert alive() is None
    finally:
        gc.enable()
