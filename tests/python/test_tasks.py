# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The awaitables in tasks: groups, contexts, tracebacks, fairness, and what is dropped."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import sys

import pytest

import pgstride

# --- tasks --------------------------------------------------------------------------------------------


async def test_methods_are_coroutine_functions(connection):
    for name in ("fetch", "fetchrow", "fetchval", "execute", "prepare", "close"):
        assert inspect.iscoroutinefunction(getattr(connection, name)), name
    assert inspect.iscoroutinefunction(pgstride.connect)


async def test_create_task_and_gather(connect):  # CX-8
    connections = [await connect() for _ in range(5)]
    assert await asyncio.gather(*(c.fetchval("select $1::int4", i) for i, c in enumerate(connections))) == [0, 1, 2, 3, 4]
    tasks = [asyncio.create_task(c.fetchval("select 1")) for c in connections]
    done, pending = await asyncio.wait(tasks)
    assert not pending and all(task.result() == 1 for task in done)
    assert sorted([await f for f in asyncio.as_completed([c.fetchval("select 2") for c in connections])]) == [2] * 5


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TaskGroup is new in 3.11")
async def test_task_group(connect, usable):  # CX-8
    first, second = await connect(), await connect()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(c.fetchval("select 1")) for c in (first, second)]
    assert [task.result() for task in tasks] == [1, 1]
    with pytest.raises(BaseExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(first.fetch("select pg_sleep(600)"))
            group.create_task(second.fetch("select 1 / 0"))
    assert isinstance(caught.value.exceptions[0], pgstride.DivisionByZeroError)
    await usable(first)
    await usable(second)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout is new in 3.11")
async def test_timeout_block(connection, usable):  # CX-8
    with pytest.raises(asyncio.TimeoutError):
        async with asyncio.timeout(0.05):
            await connection.fetch("select pg_sleep(600)")
    await usable(connection)


async def test_cancelled_with_a_message(connection, usable):
    """By which anyio, for one, knows its own cancellations."""
    task = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
    await asyncio.sleep(0.01)
    task.cancel("because")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == ("because",)
    await usable(connection)


async def test_shield(connection, observer):  # CX-8
    task = asyncio.create_task(connection.fetchval("select 7 from pg_sleep(0.2)"))

    async def wait():
        return await asyncio.shield(task)

    waiter = asyncio.create_task(wait())
    await observer.sleeps(connection.get_server_pid())
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert await task == 7


async def test_context(connection):
    variable = contextvars.ContextVar("variable", default="unset")

    async def use(value):
        variable.set(value)
        for query in ("select 1", f"select '{value}'", "select pg_sleep(0.001)"):
            await connection.fetch(query)
            assert variable.get() == value
        async with connection.transaction():
            async for _ in connection.cursor("select generate_series(1, 3)", prefetch=1):
                assert variable.get() == value
        return variable.get()

    for value in ("a", "b"):
        assert await asyncio.create_task(use(value)) == value
    assert variable.get() == "unset"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="create_task(context=) is new in 3.11")
async def test_shared_context(connect):
    variable = contextvars.ContextVar("variable")
    context = contextvars.copy_context()
    first, second = await connect(), await connect()

    async def use(connection, value):
        for i in range(20):
            await connection.fetch("select 1")
            variable.set((value, i))

    await asyncio.gather(
        *(asyncio.create_task(use(c, v), context=context) for c, v in ((first, "a"), (second, "b")))
    )
    assert context[variable][1] == 19


async def test_current_task(connection):
    async def use():
        before = asyncio.current_task()
        await connection.fetch("select 1")
        assert asyncio.current_task() is before
        await connection.execute("select 1")
        assert asyncio.current_task() is before

    await asyncio.create_task(use())
    await use()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
async def test_eager_tasks(connect, usable):
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    try:
        nothing = asyncio.sleep(0)
        try:
            await loop.create_task(nothing)
        except TypeError:
            nothing.close()
            pytest.skip("this uvloop and this asyncio do not agree on eager tasks")
        connections = [await connect() for _ in range(3)]
        for _ in range(20):
            tasks = [asyncio.create_task(c.fetchval("select $1::int4", i)) for i, c in enumerate(connections)]
            assert await asyncio.gather(*tasks) == [0, 1, 2]
        task = asyncio.create_task(connections[0].fetch("select pg_sleep(600)"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(pgstride.DivisionByZeroError):
            await asyncio.create_task(connections[0].fetch("select 1 / 0"))
        await usable(connections[0])
    finally:
        loop.set_task_factory(None)


async def test_task_repr_while_waiting(connection, observer):
    task = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
    await observer.sleeps(connection.get_server_pid())
    assert "fetch" in repr(task)
    assert any(frame.f_code.co_name == "fetch" for frame in task.get_stack())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_exception_has_the_caller_in_its_traceback(connection):
    async def somewhere():
        await connection.fetch("select 1 / 0")

    with pytest.raises(pgstride.DivisionByZeroError) as caught:
        await somewhere()
    assert "somewhere" in [entry.name for entry in caught.traceback]


async def test_callbacks_of_a_task_may_use_the_connection(connection):
    results = asyncio.Queue()

    def again(_):
        asyncio.ensure_future(connection.fetchval("select 2")).add_done_callback(lambda t: results.put_nowait(t.result()))

    task = asyncio.create_task(connection.fetchval("select 1"))
    task.add_done_callback(again)
    assert await task == 1
    assert await results.get() == 2


async def test_fairness(connection):
    """A long result does not keep other tasks from running."""
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    heart = asyncio.create_task(beat())
    await connection.fetch("select i, repeat('x', 100) from generate_series(1, 100000) as i")
    heart.cancel()
    await asyncio.gather(heart, return_exceptions=True)
    assert beats > 20


# --- what is dropped ----------------------------------------------------------------------------------


async def test_coroutine_never_awaited(connection, usable):
    coroutine = connection.fetch("select 1")
    with pytest.warns(RuntimeWarning, match="was never awaited"):
        del coroutine
        gc.collect()
    await usable(connection)


async def test_coroutine_closed_while_it_waits(connection, usable):
    """Driven by hand, then given up: by close(), by an exception thrown in, by losing the last reference."""

    class Mine(Exception):
        pass

    for method in (connection.fetch, connection.fetchrow, connection.execute, connection.prepare):
        coroutine = method("select 'closed', pg_sleep(600)")
        if coroutine.send(None) is None:
            pytest.fail("nothing to wait for")
        coroutine.close()
        await usable(connection)
        coroutine = method("select 'thrown', pg_sleep(600)")
        coroutine.send(None)
        with pytest.raises(Mine):
            coroutine.throw(Mine())
        await usable(connection)
        coroutine = method("select 'dropped', pg_sleep(600)")
        coroutine.send(None)
        del coroutine
        gc.collect()
        await usable(connection)


async def test_exception_that_unwinds_a_waiting_coroutine_survives(connection, usable):
    seen = []

    async def wait():
        try:
            await connection.fetch("select pg_sleep(600)")
        except GeneratorExit:
            seen.append("closed")
            raise

    coroutine = wait()
    coroutine.send(None)
    coroutine.close()
    assert seen == ["closed"]
    await usable(connection)


async def test_forgotten_task(runner, connection, observer, usable):
    """Nobody holds the task: it may finish or be collected, the connection is usable either way."""
    asyncio.create_task(connection.fetch("select pg_sleep(0.1)"))
    await observer.sleeps(connection.get_server_pid())
    gc.collect()
    await observer.rests(connection.get_server_pid())
    await asyncio.sleep(0.05)
    runner.complaints.clear()  # "Task was destroyed but it is pending!"
    await usable(connection)
