# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The edges of a process: fork, exec, collections at odd moments (R-B1, R-B3, LK-8, LK-9).

Loops that are closed first, wrong loops and threads, interrupts and the interpreter's end are in test_loops.py.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import weakref

import absent
import pytest

import pgstride

FORK = """
import asyncio, gc, os, sys
import pgstride
dsn = os.environ["PGSTRIDE_TEST_DSN"]

async def main():
    connection = await pgstride.connect(dsn)
    statement = await connection.prepare("select 1")
    held = [connection, statement]
    del connection, statement
    running = asyncio.ensure_future(held[0].fetchval("select 'parent' from pg_sleep(0.3)"))
    await asyncio.sleep(0.1)
    child = os.fork()
    if child == 0:
        try:
            %s
            code = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            code = 1
        os._exit(code)
    assert await asyncio.wait_for(running, 30) == "parent"
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    for i in range(3):
        assert await asyncio.wait_for(held[0].fetchval("select $1::int4", i), 30) == i
    await held[0].close(timeout=30)
    print("done")

%s
"""

IN_THE_CHILD = {
    "nothing": "pass",
    "asked": "assert held[0].is_closed()",
    "dropped": "running.cancel(); del running; held.clear(); gc.collect()",
    "terminated": "held[0].terminate()",
    "used": """
            try:
                held[0].fetch("select 2").send(None)
            except pgstride.InterfaceError:
                pass
            else:
                raise AssertionError("it was used")""",
    "closed": """
            try:
                held[0].close(timeout=1).send(None)
            except (pgstride.InterfaceError, StopIteration):
                pass""",
}


@pytest.mark.parametrize("use_uvloop", [False, True], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("body", IN_THE_CHILD.values(), ids=IN_THE_CHILD)
def test_fork(python, body, use_uvloop):
    """Whatever the child does with the parent's connection, the parent does not notice."""
    if use_uvloop:
        absent.skip_without("uvloop")
    start = "import uvloop; uvloop.run(main())" if use_uvloop else "asyncio.run(main())"
    code, out, error = python("", "-W", "ignore", "-c", FORK % (body.strip(), start))
    assert (code, out) == (0, "done\n"), error


CLOSES_A_POOL = """
import asyncio, os, sys
import pgstride
loop = asyncio.new_event_loop()

async def make():
    return await pgstride.create_pool(os.environ["PGSTRIDE_TEST_DSN"], min_size=2, max_size=2)

pool = loop.run_until_complete(make())
child = os.fork()
if child == 0:
    try:
        loop.run_until_complete(asyncio.wait_for(pool.close(), 10))
        os._exit(0)
    finally:
        os._exit(1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert loop.run_until_complete(pool.fetchval("select 1")) == 1
loop.run_until_complete(pool.close())
print("done")
"""


def test_a_child_closes_its_parents_pool(python):
    code, out, error = python("", "-W", "ignore", "-c", CLOSES_A_POOL)
    assert (code, out) == (0, "done\n"), error


USES_A_POOL = """
import asyncio, os, sys
import pgstride

async def main():
    async with pgstride.create_pool(os.environ["PGSTRIDE_TEST_DSN"], min_size=2, max_size=2) as pool:
        await pool.fetchval("select 1")
        child = os.fork()
        if child == 0:
            try:
                await pool.acquire()
            except pgstride.InterfaceError as error:
                os._exit("parent process" not in str(error))
            finally:
                os._exit(2)
        for _ in range(100):
            await asyncio.sleep(0.1)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
        else:
            os.kill(child, 9)
            sys.exit("the child waits")
        assert os.waitstatus_to_exitcode(status) == 0
        assert await pool.fetchval("select 1") == 1
    print("done")

asyncio.run(main())
"""


def test_a_child_does_not_get_a_connection_of_its_parents_pool(python):
    code, out, error = python("", "-W", "ignore", "-c", USES_A_POOL)
    assert (code, out) == (0, "done\n"), error


def test_exec_inherits_no_descriptor(runner, connect):  # LK-9
    runner(connect())
    script = "import os; print(sorted(os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')))"
    listed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, close_fds=False).stdout
    assert "socket" not in listed


async def test_a_cycle_with_a_listener_is_collected(dsn):  # LK-8
    connection = await pgstride.connect(dsn)
    reference = weakref.ref(connection)

    def listener(*args, kept=connection):
        pass

    await connection.add_listener("news", listener)
    connection.add_termination_listener(lambda _, kept=connection: None)
    await connection.close()
    del connection, listener
    for _ in range(3):  # the end is told in a later turn
        await asyncio.sleep(0)
    gc.collect()
    assert reference() is None


async def test_collections_at_every_allocation(connection, usable):
    """The collector runs all the time, in the middle of decoding, too."""
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        rows = await connection.fetch(
            "select array[i, i], row(i, 'x'), i::text, i::numeric, now() from generate_series(1, 200) as i"
        )
        assert [row[2] for row in rows] == [str(i) for i in range(1, 201)]
        tasks = [asyncio.ensure_future(connection.fetch("select pg_sleep(1)")) for _ in range(3)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await usable(connection)
    finally:
        gc.set_threshold(*threshold)


async def test_dropped_while_a_query_runs(dsn, observer):
    connection = await pgstride.connect(dsn)
    pid = connection.get_server_pid()
    task = asyncio.ensure_future(connection.fetch("select pg_sleep(600)"))
    await observer.sleeps(pid)
    connection.terminate()
    del connection
    with pytest.raises(pgstride.ConnectionDoesNotExistError):
        await task
    del task
    gc.collect()
