# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Which loop, which thread, and whole interpreters: starting, ending, interrupting them."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import absent
import pytest

import pgstride

# --- loops and threads --------------------------------------------------------------------------------


def test_use_in_another_loop(runner, connect, usable):  # R-B2, DT-34
    connection = runner(connect())
    other = type(runner.loop)()
    try:
        for call in (connection.fetch, connection.execute, connection.prepare):
            with pytest.raises((RuntimeError, pgstride.InterfaceError), match="loop"):
                other.run_until_complete(call("select 1"))
    finally:
        other.close()
    runner(usable(connection))


def test_use_from_another_thread(runner, connect, usable):  # R-B2, DT-34
    connection = runner(connect())
    outcome = []

    def use():
        try:
            asyncio.run(connection.fetch("select 1"))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(60)
    assert len(outcome) == 1 and isinstance(outcome[0], (RuntimeError, pgstride.InterfaceError))
    assert "loop" in str(outcome[0])
    runner(usable(connection))


def test_loop_closed_before_the_connection(runner, dsn):  # R-B2, DT-34
    loop = type(runner.loop)()
    connection = loop.run_until_complete(pgstride.connect(dsn))
    loop.close()
    with pytest.raises((RuntimeError, pgstride.InterfaceError)):
        runner(connection.fetch("select 1"))
    connection.terminate()
    assert connection.is_closed()
    del connection
    gc.collect()


def test_loop_closed_and_connection_dropped(runner, dsn):
    loop = type(runner.loop)()
    connection = loop.run_until_complete(pgstride.connect(dsn))
    loop.close()
    with pytest.warns(ResourceWarning, match="unclosed connection"):
        del connection
        gc.collect()


def test_loop_closed_while_a_query_runs(runner, dsn):
    loop = type(runner.loop)()
    connection = loop.run_until_complete(pgstride.connect(dsn))
    task = loop.create_task(connection.fetch("select pg_sleep(600)"))
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()
    task._log_destroy_pending = False
    connection.terminate()
    del task, connection
    gc.collect()


def test_two_loops_in_two_threads(dsn):
    answers = []

    async def use():
        connection = await pgstride.connect(dsn)
        for i in range(300):
            assert await connection.fetchval("select $1::int4", i) == i
        await connection.close()
        answers.append(True)

    threads = [threading.Thread(target=lambda: asyncio.run(use())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert len(answers) == 3


async def test_debug_mode(runner, dsn, connect, usable):
    runner.loop.set_debug(True)
    connection = await connect()
    await usable(connection)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(connection.fetch("select pg_sleep(600)"), 0.05)
    async with connection.transaction():
        assert len([row async for row in connection.cursor("select generate_series(1, 200)")]) == 200
    lost = await pgstride.connect(dsn)
    with pytest.warns(ResourceWarning, match=r"unclosed connection .*; created at:\n(.|\n)*test_loops"):
        del lost
        gc.collect()
    runner.loop.set_debug(False)


async def test_debug_mode_names_the_slow_task(runner, connect, caplog):
    runner.loop.set_debug(True)
    connection = await connect()
    usual, runner.loop.slow_callback_duration = runner.loop.slow_callback_duration, 0
    task = asyncio.create_task(connection.fetchval("select 1"), name="the slow one")
    await task
    runner.loop.slow_callback_duration = usual
    runner.loop.set_debug(False)
    assert sum("the slow one" in message for message in caplog.messages) >= 2  # as it begins, and as it goes on


async def test_unclosed_connection_warns(dsn, observer):
    lost = await pgstride.connect(dsn)
    pid = lost.get_server_pid()
    gone = weakref.ref(lost)
    with pytest.warns(ResourceWarning, match="unclosed connection .*run in asyncio debug mode"):
        del lost
        assert gone() is None  # though the warning was recorded
    await observer.gone(pid)


# --- whole processes ----------------------------------------------------------------------------------


def test_repl(python):
    script = textwrap.dedent(
        """\
        import os, pgstride
        connection = await pgstride.connect(os.environ["PGSTRIDE_TEST_DSN"])
        print("sum:", await connection.fetchval("select $1::int4 + 1", 41))
        print("rows:", await connection.fetch("select generate_series(1, 3) as i"))
        await connection.fetch("select 1 / 0")
        async with connection.transaction(): print("in:", connection.is_in_transaction())

        print("still:", await connection.fetchval("select 'usable'"))
        await connection.close()
        """
    )
    code, out, error = python("", "-m", "asyncio", stdin=script)
    assert code == 0, error
    assert "sum: 42" in out and "rows: [<Record i=1>, <Record i=2>, <Record i=3>]" in out
    assert "in: True" in out and "still: usable" in out
    assert "DivisionByZeroError" in out + error


SCRIPTS = {
    "idle": "connection = await pgstride.connect(dsn)",
    "kept in a global": "global kept; kept = await pgstride.connect(dsn)",
    "statement and cursor": """
        global kept
        connection = await pgstride.connect(dsn)
        await connection.transaction().start()
        kept = (await connection.prepare("select 1"), await connection.cursor("select 1"))""",
    "query running": """
        global kept
        connection = await pgstride.connect(dsn)
        kept = asyncio.create_task(connection.fetch("select pg_sleep(600)"))
        await asyncio.sleep(0.05)""",
    "cycle": """
        connection = await pgstride.connect(dsn)
        cycle = [connection, await connection.prepare("select 1")]
        cycle.append(cycle)""",
    "connecting": """
        global kept
        kept = asyncio.create_task(pgstride.connect(dsn))
        await asyncio.sleep(0)""",
}


@pytest.mark.parametrize("use_uvloop", [False, True], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("body", SCRIPTS.values(), ids=SCRIPTS)
def test_interpreter_exit(python, body, use_uvloop):  # R-B2, LK-11
    script = """
import asyncio, os, sys
import pgstride
dsn = os.environ["PGSTRIDE_TEST_DSN"]
async def main():
    %s
    print("done")
%s
""" % (
        textwrap.dedent(body).strip().replace("\n", "\n    "),
        "import uvloop; uvloop.run(main())" if use_uvloop else "asyncio.run(main())",
    )
    if use_uvloop:
        absent.skip_without("uvloop")
    code, out, error = python(script, options=["-X", "faulthandler"])
    assert (code, out) == (0, "done\n"), error


SUBINTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
%s
other = interpreters.create()
failure = interpreters.run_string(other, f'''
import sys
sys.path[:] = {sys.path!r}
try:
    import pgstride
except ImportError as error:
    print(error)
''')
assert failure is None, failure
interpreters.destroy(other)
"""


@pytest.mark.parametrize("before", ["", "import pgstride"], ids=["alone", "beside the main one"])
def test_subinterpreters_are_refused(python, before):  # R-B5
    code, out, error = python(SUBINTERPRETER % before)
    assert (code, out) == (0, "pgstride can be used in the main interpreter only\n"), error


def test_exit_inside_a_coroutine(python):  # R-B2
    code, out, error = python(
        """
        import asyncio, os, sys, pgstride
        async def main():
            connection = await pgstride.connect(os.environ["PGSTRIDE_TEST_DSN"])
            await connection.fetch("select 1")
            sys.exit(7)
        asyncio.run(main())
        """
    )
    assert code == 7, error
    assert "Traceback" not in error


@pytest.mark.parametrize("use_uvloop", [False, True], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("query", ["await connection.fetch('select pg_sleep(600)')", "await asyncio.sleep(600)"])
def test_interrupt(dsn, query, use_uvloop):  # R-B2, CX-10
    """Ctrl-C while it waits: the process ends within a second, by the signal's usual code."""
    if use_uvloop:
        absent.skip_without("uvloop")
    script = f"""
import asyncio, os, pgstride
async def main():
    connection = await pgstride.connect(os.environ["PGSTRIDE_TEST_DSN"])
    await connection.execute("select 1")
    try:
        print("ready", flush=True)
        {query}
    finally:
        print("unwound", flush=True)
{"import uvloop; uvloop.run(main())" if use_uvloop else "asyncio.run(main())"}
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert time.monotonic() - started < 5  # one second on a machine that is not busy
    assert process.returncode in (-signal.SIGINT, 130), error
    assert "KeyboardInterrupt" in error
    assert out == "unwound\n"


def test_keyboard_interrupt_in_a_task_that_was_just_woken(python):
    """Raised by the task itself, right after its query: it leaves the loop, it is not swallowed."""
    for exception, expected in (("KeyboardInterrupt", "KeyboardInterrupt"), ("SystemExit(3)", "SystemExit")):
        code, out, error = python(
            f"""
            import asyncio, os, pgstride
            async def work():
                connection = await pgstride.connect(os.environ["PGSTRIDE_TEST_DSN"])
                try:
                    await connection.fetch("select 1")
                    raise {exception}
                finally:
                    connection.terminate()
            async def main():
                task = asyncio.create_task(work())
                await asyncio.sleep(60)
            try:
                asyncio.run(main())
            except BaseException as error:
                print("left by", type(error).__name__)
            """
        )
        assert out == f"left by {expected}\n", error


def test_nested_loops(dsn):
    """What nest_asyncio does: a task runs the loop that runs it, for another query of the same connection."""

    async def main():
        loop = asyncio.get_running_loop()
        loop._nest_patched = True
        connection = await pgstride.connect(dsn)
        assert await connection.fetchval("select 1") == 1
        outer = asyncio.current_task()
        inner = loop.create_task(connection.fetchval("select 2"))
        asyncio.tasks._leave_task(loop, outer)
        end = loop.time() + 2
        while not inner.done() and loop.time() < end:
            loop._run_once()
        asyncio.tasks._enter_task(loop, outer)
        assert inner.done() and inner.result() == 2
        await connection.close()

    asyncio.run(main())
