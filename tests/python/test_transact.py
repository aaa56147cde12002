# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""transact(): a transaction as a function, run again after 40001 and 40P01, and after nothing else."""

from __future__ import annotations

import asyncio

import pytest

import pgstride
from pgstride.exceptions import InterfaceError


class Work:
    """Inserts a row, then does what it is told for this attempt: the SQLSTATE to fail with, or None."""

    def __init__(self, *states: str | None) -> None:
        self.states = list(states)
        self.calls = 0

    async def __call__(self, con: pgstride.Connection) -> str:
        self.calls += 1
        await con.execute("insert into t values ($1)", self.calls)
        if self.states and (state := self.states.pop(0)):
            await con.execute(f"do $$ begin raise exception 'as told' using errcode = '{state}'; end $$")
        return f"after {self.calls}"


@pytest.fixture
def table(runner, connection):
    """What the connection sees of its temporary table."""
    runner(connection.execute("create temp table t (a int)"))

    async def table():
        return [row["a"] for row in await connection.fetch("select a from t order by a")]

    return table


async def test_it_commits_once(connection, table):
    work = Work()
    assert await connection.transact(work) == "after 1"
    assert not connection.is_in_transaction() and await table() == [1]


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_it_runs_again(connection, table, state):
    work = Work(state, state)
    assert await connection.transact(work, attempts=3) == "after 3"
    assert not connection.is_in_transaction() and await table() == [3]


async def test_options(connection):
    async def look(con):
        async with con.transaction():  # a savepoint
            return await con.fetchrow(
                "select current_setting('transaction_isolation') i, current_setting('transaction_read_only') r,"
                "current_setting('transaction_deferrable') d, current_setting('app.a') a"
            )

    options = {"isolation": "serializable", "readonly": True, "deferrable": True, "settings": {"app.a": "b"}}
    assert tuple(await connection.transact(look, **options)) == ("serializable", "on", "on", "b")
    with pytest.raises(ValueError, match="attempts is expected to be greater than zero"):
        await connection.transact(look, attempts=0)
    for wrong in (1.5, True, None, "2"):
        with pytest.raises(TypeError, match="attempts is expected to be an integer"):
            await connection.transact(look, attempts=wrong)


async def test_the_last_attempt_fails(connection, table):
    work = Work("40001", "40001", "40001")
    with pytest.raises(pgstride.SerializationError):
        await connection.transact(work, attempts=2)
    assert work.calls == 2 and await table() == []


@pytest.mark.parametrize("state", ["40002", "40003", "23505", "55P03", "57014", "25P02"])
async def test_other_errors_are_passed_on(connection, table, state):
    work = Work(state)
    with pytest.raises(pgstride.PostgresError) as caught:
        await connection.transact(work)
    assert caught.value.sqlstate == state
    assert work.calls == 1 and await table() == []


@pytest.mark.parametrize("error", [ZeroDivisionError(), asyncio.TimeoutError(), asyncio.CancelledError()])
async def test_what_the_function_raises_is_passed_on(connection, table, error):
    work = Work()

    async def fail(con):
        await work(con)
        raise error

    with pytest.raises(type(error)):
        await connection.transact(fail)
    assert work.calls == 1 and await table() == []


@pytest.mark.parametrize("state", ["40001", "22012"])
async def test_an_error_that_is_kept(connection, table, usable, state):
    """The server has undone everything: that must not look as if it were done, nor be done again."""
    work = Work(state)

    async def keep(con):
        with pytest.raises(pgstride.PostgresError):
            await work(con)

    with pytest.raises(InterfaceError, match="an error in it was not passed on"):
        await connection.transact(keep)
    assert work.calls == 1 and await table() == []
    await usable(connection)


async def test_a_savepoint_that_fails_is_no_failure(connection, table):
    work = Work(None, "22012")

    async def keep(con):
        await work(con)
        with pytest.raises(pgstride.DivisionByZeroError):
            async with con.transaction():
                await work(con)

    await connection.transact(keep)
    assert await table() == [1]


AT_COMMIT = """
    create temp sequence tries;
    create function pg_temp.at_commit() returns trigger language plpgsql as $$ begin {} return null; end $$;
    create constraint trigger late after insert on t deferrable initially deferred
        for each row execute function pg_temp.at_commit();
"""


async def test_a_commit_that_fails(connection, table):
    await connection.execute(
        AT_COMMIT.format("if nextval('tries') < 3 then raise exception 'late' using errcode = '40001'; end if;")
    )
    work = Work()
    assert await connection.transact(work) == "after 3"
    assert await table() == [3]


async def test_a_commit_of_unknown_outcome(connection, table, observer):
    await connection.execute(AT_COMMIT.format("perform pg_sleep(60);"))
    work = Work()
    task = asyncio.create_task(connection.transact(work))
    await observer.sleeps(connection.get_server_pid())
    connection.terminate()
    with pytest.raises(pgstride.ConnectionDoesNotExistError) as caught:
        await task
    assert caught.value.outcome_unknown and work.calls == 1


async def test_nothing_of_unknown_outcome_is_repeated(connection, table):
    work = Work()

    async def fail(con):
        await work(con)
        error = pgstride.SerializationError("")
        error.outcome_unknown = True
        raise error

    with pytest.raises(pgstride.SerializationError):
        await connection.transact(fail)
    assert work.calls == 1


async def test_not_in_a_transaction(connection, table):
    work = Work()
    async with connection.transaction():
        with pytest.raises(InterfaceError, match="it begins one of its own"):
            await connection.transact(work)
    await connection.execute("begin")
    with pytest.raises(InterfaceError, match="in a manually started transaction"):
        await connection.transact(work)
    await connection.execute("rollback")
    assert work.calls == 0


async def test_a_pool(create_pool, observer):
    pool = await create_pool(max_size=4)
    await pool.execute("create table counters (name text, n int)")
    try:
        await pool.execute("insert into counters values ('a', 0), ('b', 0)")
        seen = set()

        async def count(con):
            seen.add(con)
            n = await con.fetchval("select n from counters where name = 'a'")
            await con.execute("update counters set n = $1 where name = 'a'", n + 1)
            return n + 1

        counts = await asyncio.gather(
            *(pool.transact(count, isolation="serializable", attempts=1000) for _ in range(12))
        )
        assert sorted(counts) == list(range(1, 13))
        assert all(type(con) is pgstride.pool.PoolConnectionProxy for con in seen)
        with pytest.raises(InterfaceError, match="released back to the pool"):
            seen.pop().fetchval("select 1")
        await a_deadlock(pool)
    finally:
        await pool.execute("drop table counters")


async def a_deadlock(pool):
    both = asyncio.Event()
    began, attempts = set(), []

    def locking(*names):
        async def lock(con):
            attempts.append(names)
            for name in names:
                await con.execute("update counters set n = n + 100 where name = $1", name)
                began.add(names)
                if len(began) == 2:
                    both.set()
                await both.wait()

        return lock

    settings = {"deadlock_timeout": "10ms"}
    await asyncio.gather(*(pool.transact(locking(*names), settings=settings) for names in (("a", "b"), ("b", "a"))))
    assert len(attempts) == 3
    assert await pool.fetchval("select sum(n) from counters") == 412


async def test_an_observer_is_told(connect):
    class Notes(pgstride.Observer):
        told = []

        def on_retry(self, event):
            self.told.append(event)

    connection = await connect(observer=Notes())
    await connection.execute("create temp table t (a int)")
    await connection.transact(Work("40001", "40P01"))
    assert [(event.attempt, event.sqlstate) for event in Notes.told] == [(1, "40001"), (2, "40P01")]
    assert 0.005 <= Notes.told[0].pause <= 0.01 <= Notes.told[1].pause <= 0.02


async def test_a_subclass_that_knows_asyncpgs_options(connect):
    class Begun(pgstride.Connection):
        def transaction(self, *, isolation=None, readonly=False, deferrable=False):
            begun.append(isolation)
            return super().transaction(isolation=isolation, readonly=readonly, deferrable=deferrable)

    begun = []
    connection = await connect(connection_class=Begun)
    assert await connection.transact(lambda c: c.fetchval("select 1"), isolation="serializable") == 1
    assert begun == ["serializable"]


async def test_what_was_given_up_inside_is_rolled_back(connection):
    """The server says so behind what is asked of it next, which is the COMMIT."""

    async def times_out(c):
        await c.execute("insert into gone values (1)")
        await c.fetch("select pg_sleep($1)", 0)  # prepared: it is the execution that takes too long
        try:
            await c.fetch("select pg_sleep($1)", 600, timeout=0.01)
        except asyncio.TimeoutError:
            return "done"

    async def leaves_a_stream(c):
        await c.execute("insert into gone values (1)")
        async for row in c.stream("select generate_series(1, 1000000)"):
            return row

    async def does_not_look(c):
        async with c.pipeline() as p:
            await p.execute("insert into gone values (1)")
            p.execute("select 1 / 0")
            raise KeyError

    async def leaves_a_pipeline(c):
        try:
            await does_not_look(c)
        except KeyError:
            return "done"

    await connection.execute("create temp table gone (a int)")
    for function in times_out, leaves_a_stream, leaves_a_pipeline:
        with pytest.raises(InterfaceError, match="the transaction is rolled back"):
            await connection.transact(function)
        assert await connection.fetchval("select count(*) from gone") == 0


async def test_a_connection_that_is_lost_inside(connect):
    """What the function has been told is told, not that its block cannot be left."""
    connection = await connect()
    with pytest.raises(pgstride.ConnectionDoesNotExistError) as caught:
        await connection.transact(lambda con: con.execute("select pg_terminate_backend(pg_backend_pid())"))
    assert caught.value.__suppress_context__
    assert connection.is_closed()
