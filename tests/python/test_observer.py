# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""observer=: what connections and pools tell of what they do, in the words that C++ has for it."""

from __future__ import annotations

import asyncio

import pytest

import pgstride


class Notes(pgstride.Observer):
    """Takes note of everything: ("query_start", event), …"""

    def __init__(self):
        self.taken = []

    def on_connect(self, event):
        self.taken.append(("connect", event))

    def on_acquire(self, event):
        self.taken.append(("acquire", event))

    def on_evict(self, event):
        self.taken.append(("evict", event))

    def on_query_start(self, event):
        self.taken.append(("start", event))

    def on_first_row(self, request):
        self.taken.append(("first row", request))

    def on_query_end(self, event):
        self.taken.append(("end", event))

    def take(self, *kinds):
        """What was noted of these kinds, or all of it; nothing stays."""
        taken, self.taken = self.taken, []
        return [event for kind, event in taken if not kinds or kind in kinds]

    def kinds(self):
        return [kind for kind, _ in self.taken]


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def watched(runner, connect, notes):
    connection = runner(connect(observer=notes))
    notes.taken.clear()
    return connection


QUERY = "select generate_series(1, 3)"
# Each way to run it, whether its first row is told of, and the tag.
WAYS = {
    "fetch": (lambda c: c.fetch(QUERY), True, "SELECT 3"),
    "fetchrow": (lambda c: c.fetchrow(QUERY), True, ""),
    "fetchval": (lambda c: c.fetchval(QUERY), True, ""),
    "execute": (lambda c: c.execute(QUERY + " where $1", True), True, "SELECT 3"),
    "script": (lambda c: c.execute("select 1; " + QUERY), False, "SELECT 3"),
    "executemany": (lambda c: c.executemany("select $1::int4", [(1,), (2,)]), True, ""),
    "fetchmany": (lambda c: c.fetchmany("select $1::int4", [(1,), (2,)]), True, ""),
    "copy out": (lambda c: c.copy_from_query(QUERY, output=_drop), False, "COPY 3"),
}


async def _drop(data):
    pass


@pytest.mark.parametrize("way", WAYS)
async def test_a_request(watched, notes, way):
    run, has_rows, tag = WAYS[way]
    await run(watched)
    assert notes.kinds() == ["start", "first row", "end"] if has_rows else ["start", "end"]
    start, *first, end = notes.take()
    assert start.backend_pid == watched.get_server_pid()
    assert start.prepares == (way not in ("script", "copy out"))
    assert {start.request, end.request, *first} == {start.request}
    assert (end.tag, end.failure) == (tag, None)
    await run(watched)
    again, *_ = notes.take()
    assert again.request != start.request and not again.prepares


async def test_a_failure(watched, notes):
    with pytest.raises(pgstride.DivisionByZeroError) as caught:
        await watched.fetch("select 1/$1::int4", 0)
    start, end = notes.take()
    assert start.sql == "select 1/$1::int4"
    assert (end.request, end.tag, end.failure) == (start.request, "", caught.value)
    with pytest.raises(asyncio.TimeoutError):
        await watched.fetch("select pg_sleep(60)", timeout=0.05)
    *_, end = notes.take()
    assert isinstance(end.failure, asyncio.TimeoutError)


async def test_prepared_statements_and_cursors(watched, notes):
    statement = await watched.prepare(QUERY)
    assert [event.prepares for event in notes.take("start")] == [True]
    await statement.fetch()
    start, first, end = notes.take()
    assert (start.sql, start.prepares, first, end.tag) == (QUERY, False, start.request, "SELECT 3")
    async with watched.transaction():
        assert [event.sql for event in notes.take("start")] == ["BEGIN;"]
        assert len([row async for row in statement.cursor(prefetch=2)]) == 3
        assert [event.sql for event in notes.take("start")] == [QUERY, QUERY]
    assert [event.tag for event in notes.take("end")] == ["COMMIT"]


async def test_one_that_is_refused_does_not_take_the_others_rows(watched, notes, observer):
    query = "select pg_sleep(0.2)"
    running = asyncio.ensure_future(watched.fetch(query))
    await observer.runs(watched.get_server_pid(), query)
    with pytest.raises(pgstride.InterfaceError, match="another operation is in progress"):
        await watched.fetch("select 1")
    await running
    start, refused, end_of_refused, first, end = notes.take()
    assert (refused.sql, end_of_refused.request) == ("select 1", refused.request)
    assert start.request == first == end.request


async def test_query_loggers_are_told_as_well(watched, notes):
    logged = []
    with watched.query_logger(logged.append):
        await watched.fetch(QUERY)
        await asyncio.sleep(0)
    assert [record.query for record in logged] == [QUERY]
    assert notes.kinds() == ["start", "first row", "end"]


async def test_connecting(connect, dsn, notes):
    connection = await connect(observer=notes)
    (event,) = notes.take()
    assert event.host and event.failure is None and 0 < event.took < 60
    assert event.backend_pid == connection.get_server_pid()
    with pytest.raises(OSError) as caught:
        await pgstride.connect(host=["localhost", "127.0.0.1"], port=1, observer=notes)
    (event,) = notes.take()
    assert (event.host, event.failure, event.backend_pid) == ("localhost:1, 127.0.0.1:1", caught.value, 0)


async def test_a_pool(create_pool, notes):
    pool = await create_pool(observer=notes)
    assert notes.kinds() == ["connect"]
    assert await pool.fetchval("select 1") == 1
    assert notes.kinds() == ["connect", "acquire", "start", "first row", "end"]
    notes.taken.clear()
    async with pool.acquire() as connection:
        pid = connection.get_server_pid()
        with pytest.raises(asyncio.TimeoutError):
            await pool.acquire(timeout=0.02)
        first, second = notes.take("acquire")
        assert first.failure is None and first.waited < second.waited
        assert isinstance(second.failure, asyncio.TimeoutError) and second.waited > 0.01
        waiting = asyncio.ensure_future(pool.fetchval("select 2"))
        await asyncio.sleep(0.02)
        assert pool.stats().waiting == 1
    assert await waiting == 2
    stats = pool.stats()
    assert (stats.size, stats.opened, stats.leased, stats.waiting, stats.handed_out) == (1, 1, 0, 0, 3)
    assert 0.01 < stats.longest_wait <= stats.waited
    notes.taken.clear()
    await pool.close()
    assert notes.take("evict") == [pgstride.Observer.Evict(pid, "the pool was closed")]
    assert pool.stats().size == 0


EVICTIONS = {
    "expired": ({}, lambda pool: _expire(pool)),
    "used enough": ({"max_queries": 1}, lambda pool: pool.fetch("select 1")),
    "idle for too long": ({"max_inactive_connection_lifetime": 0.02}, lambda pool: pool.fetch("select 1")),
    "the pool was closed": ({}, lambda pool: _terminate(pool)),
    "lost": ({}, lambda pool: _kill(pool)),
}


async def _expire(pool):
    await pool.expire_connections()
    await pool.fetch("select 1")


async def _terminate(pool):
    pool.terminate()


async def _kill(pool):
    with pytest.raises(pgstride.PostgresError):
        await pool.execute("select pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("reason", EVICTIONS)
async def test_letting_go(create_pool, notes, reason):
    options, provoke = EVICTIONS[reason]
    pool = await create_pool(observer=notes, **options)
    pid = notes.take("connect")[0].backend_pid
    await provoke(pool)
    for _ in range(2000):
        if "evict" in notes.kinds():
            break
        await asyncio.sleep(0.005)
    assert notes.take("evict")[0] == (pid, reason)


async def test_what_it_raises_hurts_nobody(connect, runner):
    class Clumsy(pgstride.Observer):
        def on_query_start(self, event):
            raise ValueError("oh")

        def on_first_row(self, request):
            raise ValueError("dear")

    connection = await connect(observer=Clumsy())
    assert await connection.fetchval("select 1") == 1
    assert [str(complaint["exception"]) for complaint in runner.complaints] == ["oh", "dear"]
    runner.complaints.clear()


async def test_nothing_but_an_observer(dsn):
    with pytest.raises(TypeError, match=r"^observer is expected to be a pgstride.Observer, got <object"):
        await pgstride.connect(dsn, observer=object())
    with pytest.raises(TypeError):
        pgstride.create_pool(dsn, observer=print)


async def test_a_stream_that_is_left_to_the_next_user(create_pool, notes):
    pool = await create_pool(min_size=1, max_size=1, observer=notes)
    async with pool.acquire() as connection:
        stream = connection.stream("select generate_series(1, 1000000)")
        await anext(stream)
    async with pool.acquire() as connection:
        await connection.fetchval("select 'usable'")
        notes.taken.clear()
        next_one = asyncio.ensure_future(connection.fetch("select 1"))
        await asyncio.sleep(0)
        del stream
        await next_one
        assert notes.kinds() == ["start", "end", "first row", "end"]
