# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Transactions and savepoints: what they do, what they refuse, and cancellation in every state."""

from __future__ import annotations

import asyncio
import random

import pytest

import pgstride
from pgstride.transaction import TransactionState


@pytest.fixture
def table(runner, connection):
    runner(connection.execute("create temp table t (a int)"))

    async def values():
        return [row[0] for row in await connection.fetch("select a from t order by a")]

    return values


async def test_commit_and_rollback(connection, table):
    async with connection.transaction():
        assert connection.is_in_transaction()
        await connection.execute("insert into t values (1)")
    assert not connection.is_in_transaction()
    with pytest.raises(ZeroDivisionError):
        async with connection.transaction():
            await connection.execute("insert into t values (2)")
            1 / 0
    assert not connection.is_in_transaction()
    assert await table() == [1]


async def test_by_hand(connection, table):
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("insert into t values (1)")
    await transaction.commit()
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("insert into t values (2)")
    await transaction.rollback()
    assert await table() == [1]


async def test_enter_gives_none(connection):
    async with connection.transaction() as nothing:
        assert nothing is None


async def test_savepoints(connection, table):
    async with connection.transaction():
        await connection.execute("insert into t values (1)")
        with pytest.raises(ZeroDivisionError):
            async with connection.transaction():
                await connection.execute("insert into t values (2)")
                async with connection.transaction():
                    await connection.execute("insert into t values (3)")
                1 / 0
        async with connection.transaction():
            await connection.execute("insert into t values (4)")
        with pytest.raises(pgstride.DivisionByZeroError):
            async with connection.transaction():
                await connection.execute("insert into t values (5)")
                await connection.execute("select 1 / 0")
        await connection.execute("insert into t values (6)")
    assert await table() == [1, 4, 6]


@pytest.mark.parametrize("isolation", ["read_uncommitted", "read_committed", "repeatable_read", "serializable"])
async def test_isolation(connection, isolation):
    async with connection.transaction(isolation=isolation):
        assert await connection.fetchval("show transaction_isolation") == isolation.replace("_", " ")
        async with connection.transaction(isolation=isolation):
            pass
        other = "serializable" if isolation != "serializable" else "read_committed"
        with pytest.raises(
            pgstride.InterfaceError,
            match=f"nested transaction has a different isolation level: current '{other}' != outer '{isolation}'",
        ):
            async with connection.transaction(isolation=other):
                pass


async def test_isolation_of_the_session(connection):
    await connection.execute("set default_transaction_isolation to 'repeatable read'")
    async with connection.transaction():
        assert await connection.fetchval("show transaction_isolation") == "repeatable read"
        async with connection.transaction(isolation="repeatable_read"):
            pass
        with pytest.raises(pgstride.InterfaceError, match="outer 'repeatable_read'"):
            async with connection.transaction(isolation="serializable"):
                pass


async def test_read_only_and_deferrable(connection):
    async with connection.transaction(readonly=True, isolation="serializable", deferrable=True):
        assert await connection.fetchval("show transaction_read_only") == "on"
        assert await connection.fetchval("show transaction_deferrable") == "on"
        with pytest.raises(pgstride.ReadOnlySQLTransactionError):
            await connection.execute("create table never (a int)")


def test_bad_isolation(connection):
    with pytest.raises(ValueError, match="isolation is expected to be either of .*, got 'chaos'"):
        connection.transaction(isolation="chaos")


async def test_states(connection):
    transaction = connection.transaction()
    for name in ("commit", "rollback"):
        with pytest.raises(pgstride.InterfaceError, match=f"cannot {name}; the transaction is not yet started"):
            await getattr(transaction, name)()
    await transaction.start()
    with pytest.raises(pgstride.InterfaceError, match="cannot start; the transaction is already started"):
        await transaction.start()
    await transaction.commit()
    for name in ("start", "commit", "rollback"):
        with pytest.raises(pgstride.InterfaceError, match=f"cannot {name}; the transaction is already committed"):
            await getattr(transaction, name)()
    transaction = connection.transaction()
    await transaction.start()
    await transaction.rollback()
    for name in ("start", "commit", "rollback"):
        with pytest.raises(pgstride.InterfaceError, match=f"cannot {name}; the transaction is already rolled back"):
            await getattr(transaction, name)()


async def test_failed_state(connection, usable):
    await connection.execute("create temp table u (a int primary key deferrable initially deferred)")
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("insert into u values (1), (1)")
    with pytest.raises(pgstride.UniqueViolationError):
        await transaction.commit()
    for name in ("start", "commit", "rollback"):
        with pytest.raises(pgstride.InterfaceError, match=f"cannot {name}; the transaction is in error state"):
            await getattr(transaction, name)()
    assert not connection.is_in_transaction()
    async with connection.transaction():
        await usable(connection)


async def test_managed(connection):
    transaction = connection.transaction()
    async with transaction:
        for name in ("commit", "rollback"):
            with pytest.raises(
                pgstride.InterfaceError, match=f"cannot manually {name} from within an `async with` block"
            ):
                await getattr(transaction, name)()
        with pytest.raises(pgstride.InterfaceError, match="cannot enter context: already in an `async with` block"):
            async with transaction:
                pass
        assert connection.is_in_transaction()
    with pytest.raises(pgstride.InterfaceError, match="cannot start; the transaction is already committed"):
        async with transaction:
            pass


async def test_manual_begin(connection):
    await connection.execute("begin")
    with pytest.raises(pgstride.InterfaceError, match="cannot use Connection.transaction.. in a manually started"):
        async with connection.transaction():
            pass
    await connection.execute("rollback")
    async with connection.transaction():
        pass


async def test_commit_of_a_failed_transaction(connection, table):
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("insert into t values (1)")
    with pytest.raises(pgstride.DivisionByZeroError):
        await connection.execute("select 1 / 0")
    await transaction.commit()  # as asyncpg has it: the server rolls back
    assert not connection.is_in_transaction()
    assert await table() == []


async def test_an_error_that_comes_with_the_commit(connection, usable):  # R-X5
    await connection.execute("create temp table d (a int primary key deferrable initially deferred)")
    transaction = connection.transaction()
    await transaction.start()
    assert await connection.execute("insert into d values (1), (1)") == "INSERT 0 2"
    with pytest.raises(pgstride.UniqueViolationError):
        await transaction.commit()
    assert not connection.is_in_transaction()
    await usable(connection)
    assert await connection.fetch("select * from d") == []


async def test_repr(connection):
    transaction = connection.transaction(isolation="serializable", readonly=True, deferrable=True)
    assert "state:new serializable readonly deferrable 0x" in repr(transaction)
    async with transaction:
        assert repr(transaction).startswith("<pgstride.Transaction state:started serializable readonly")
    assert "state:committed" in repr(transaction)
    assert [state.name for state in TransactionState] == ["NEW", "STARTED", "COMMITTED", "ROLLEDBACK", "FAILED"]


async def test_closed_connection(connection):
    transaction = connection.transaction()
    await transaction.start()
    await connection.close()
    for name in ("start", "commit", "rollback"):
        with pytest.raises(
            pgstride.InterfaceError, match=rf"cannot call Transaction\.{name}\(\): the underlying connection is closed"
        ):
            getattr(transaction, name)()
    with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
        connection.transaction()


async def test_connection_lost_inside(connection, observer):
    with pytest.raises(pgstride.InterfaceError, match="the underlying connection is closed") as caught:
        async with connection.transaction():
            await observer.terminate(connection.get_server_pid())
            await connection.execute("select 1")
    assert isinstance(caught.value.__context__, (pgstride.InterfaceError, pgstride.ConnectionDoesNotExistError))


async def test_async_generator_abandoned(connection, usable):
    async def rows():
        async with connection.transaction():
            async for row in connection.cursor("select generate_series(1, 1000)", prefetch=10):
                yield row

    generator = rows()
    assert await generator.__anext__() == (1,)
    await generator.aclose()
    assert not connection.is_in_transaction()
    await usable(connection)


async def test_cancelled_body(connection, table):
    started = asyncio.Event()

    async def body():
        async with connection.transaction():
            await connection.execute("insert into t values (1)")
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(body())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not connection.is_in_transaction()
    assert await table() == []


@pytest.mark.parametrize("after", ["commit", "rollback"])
async def test_cancelled_after_each_turn(connection, table, usable, after):  # CX-3, DT-17
    """Wherever a cancellation strikes, the block happened as a whole or not at all, and the connection
    can begin the next one."""

    async def body(i):
        async with connection.transaction():
            await connection.execute("insert into t values ($1)", i)
            await connection.execute("insert into t values ($1)", i)
            if after == "rollback":
                raise ZeroDivisionError

    finished = 0
    for i in range(1000):
        task = asyncio.create_task(body(i))
        # Each of the first turns; after that the server decides how many an idle loop takes.
        for _ in range(max(i, i * i // 100)):
            if task.done():
                break
            await asyncio.sleep(0)
        cancelled = not task.done()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        except ZeroDivisionError:
            assert after == "rollback"
        await usable(connection)  # after whatever was cancelled
        if connection.is_in_transaction():
            await connection.execute("rollback")
        seen = (await table()).count(i)
        assert seen in ((0, 2) if after == "commit" else (0,))
        async with connection.transaction():
            await usable(connection)
        finished += not cancelled
        if finished == 3:
            break
    else:
        pytest.fail("no run came to its end")


async def test_cancelled_begin_leaves_nothing_open(connection, usable):
    """Cancelled while BEGIN travels: the next transaction() works without further ado."""
    for turns in range(6):
        task = asyncio.create_task(connection.transaction().start())
        for _ in range(turns):
            await asyncio.sleep(0)
        if not task.cancel():
            break
        with pytest.raises(asyncio.CancelledError):
            await task
        async with connection.transaction():
            await usable(connection)
        assert not connection.is_in_transaction()


async def test_impatience_never_leaves_a_transaction_open(connection, table, usable):
    """BEGIN, the body, COMMIT and ROLLBACK are given up at any moment; the next block begins all the same."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    patience = random.Random(seed)

    async def work(fails: bool) -> None:
        async with connection.transaction():
            await connection.execute("insert into t values (1)")
            if fails:
                raise ZeroDivisionError

    given_up = 0
    for i in range(300):
        try:
            await asyncio.wait_for(work(fails=i % 3 == 0), patience.uniform(0, 0.0015))
        except ZeroDivisionError:
            pass
        except asyncio.TimeoutError:
            given_up += 1
    assert given_up
    await usable(connection)
    assert not connection.is_in_transaction()


# --- settings -----------------------------------------------------------------------------------------


async def test_settings(connection):
    show = "select current_setting('app.tenant', true), current_setting('statement_timeout')"
    async with connection.transaction(isolation="serializable", settings={"app.tenant": "7", "statement_timeout": "5s"}):
        assert await connection.fetchrow(show) == ("7", "5s")
        assert await connection.fetchval("show transaction_isolation") == "serializable"
        async with connection.transaction():
            assert await connection.fetchrow(show) == ("7", "5s")
    assert await connection.fetchrow(show) == ("", "0")
    async with connection.transaction(settings={}):
        assert await connection.fetchrow(show) == ("", "0")


@pytest.mark.parametrize("conforming", ["on", "off"])
async def test_settings_are_not_sql(connection, conforming):
    await connection.execute(f"set standard_conforming_strings = {conforming}")
    for value in ("it's", "\\", "\\'); drop table t; --", "'\\''", "$$ü", "\\n", ""):
        async with connection.transaction(settings={"app.a": value, "app.b": "b"}):
            query = "select current_setting('app.a'), current_setting('app.b')"
            assert await connection.fetchrow(query) == (value, "b")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"no_such_setting": "1"}, pgstride.UndefinedObjectError),
        ({"statement_timeout": "soon"}, pgstride.InvalidParameterValueError),
        ({"work_mem": "1MB", "max_connections": "1"}, pgstride.CantChangeRuntimeParamError),
        ({"a\0b": "1"}, ValueError),
        ({"app.tenant": "\ud800"}, UnicodeEncodeError),
    ],
)
async def test_a_setting_that_is_refused(connection, table, usable, settings, error):
    """There is no transaction then, and the connection may be used."""
    with pytest.raises(error):
        async with connection.transaction(settings=settings):
            raise AssertionError("it has begun")
    assert not connection.is_in_transaction()
    await usable(connection)
    async with connection.transaction():
        await connection.execute("insert into t values (1)")
    assert await connection.fetchval("select count(*) from t") == 1


async def test_what_are_no_settings(connection):
    for settings in ("app.tenant", [("app.tenant", "7")], {"app.tenant": 7}, {7: "app.tenant"}):
        with pytest.raises(ValueError, match="settings is expected to be None or a dict"):
            connection.transaction(settings=settings)
    async with connection.transaction():
        with pytest.raises(pgstride.InterfaceError, match="a nested transaction cannot have settings"):
            await connection.transaction(settings={"app.tenant": "7"}).start()
