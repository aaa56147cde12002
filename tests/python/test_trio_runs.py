# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Which library runs us, in which run and thread; and how runs and connections end under Trio."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import time

import pytest
from on_trio import HANG, connected, on_trio, until

import pgstride

import trio  # isort: skip

# --- which library ------------------------------------------------------------------------------------


def test_trio_is_not_imported_for_asyncio(python):
    code, out, error = python(
        """
        import asyncio, os, sys, pgstride
        async def main():
            connection = await pgstride.connect(os.environ["PGSTRIDE_TEST_DSN"])
            await connection.close()
        asyncio.run(main())
        print("trio" in sys.modules)
        """
    )
    assert (code, out) == (0, "False\n"), error


def test_trio_as_a_guest_of_asyncio(dsn):
    """Both run in this thread: each task meets its own."""

    async def guest():
        async with connected(dsn) as connection:
            return await connection.fetchval("select 'guest'")

    async def host():
        done = asyncio.Future()
        loop = asyncio.get_running_loop()
        trio.lowlevel.start_guest_run(
            guest, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done.set_result
        )
        connection = await pgstride.connect(dsn)
        answer = await connection.fetchval("select 'host'")
        await connection.close()
        return answer, (await done).unwrap()

    assert asyncio.run(host()) == ("host", "guest")


def test_use_in_another_run(dsn):
    connection = trio.run(pgstride.connect, dsn)
    with pytest.raises(RuntimeError, match="different event loop"):
        trio.run(connection.fetch, "select 1")
    with pytest.raises(RuntimeError, match="different event loop"):
        asyncio.run(connection.fetch("select 1"))
    connection.terminate()


def test_use_of_asyncio_s_connection(dsn):
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(pgstride.connect(dsn))
    with pytest.raises(TypeError, match="asyncio"):
        trio.run(connection.fetch, "select 1")
    assert loop.run_until_complete(connection.fetchval("select 2")) == 2
    loop.run_until_complete(connection.close())
    loop.close()


def test_two_runs_in_two_threads(dsn):
    answers = []

    async def use():
        async with connected(dsn) as connection:
            for i in range(100):
                assert await connection.fetchval("select $1::int4", i) == i
        answers.append(True)

    threads = [threading.Thread(target=trio.run, args=(use,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert len(answers) == 3


# --- ends ---------------------------------------------------------------------------------------------


@on_trio
async def test_a_connection_that_is_forgotten(dsn):
    async with connected(dsn) as admin:
        lost = await pgstride.connect(dsn)
        pid = lost.get_server_pid()
        with pytest.warns(ResourceWarning, match="unclosed connection"):
            del lost
            gc.collect()
        await until(admin, "select count(*) = 0 from pg_stat_activity where pid = $1", pid)
        async with pgstride.create_pool(dsn, min_size=1, max_size=1) as pool:
            lent = await pool.acquire()
            with pytest.warns(ResourceWarning, match="never released"):
                del lent
                gc.collect()
            assert await pool.fetchval("select 1", timeout=HANG) == 1


@on_trio
async def test_a_connection_that_is_lost(dsn):
    async with connected(dsn) as admin:
        connection = await pgstride.connect(dsn)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def kill():
                await until(admin, "select pg_terminate_backend($1)", connection.get_server_pid())

            with pytest.raises((pgstride.ConnectionDoesNotExistError, pgstride.AdminShutdownError)):
                await connection.fetch("select pg_sleep(600)")
        assert connection.is_closed()


def test_a_run_that_ends_first(dsn):
    kept = []

    async def main():
        kept.append(await pgstride.connect(dsn))
        kept.append(await pgstride.create_pool(dsn, min_size=1, max_size=2))

    trio.run(main)
    assert kept[0]._loop.is_closed()
    with pytest.warns(ResourceWarning, match="unclosed connection"):
        kept.clear()
        gc.collect()


def test_interrupt(dsn):
    """Ctrl-C while it waits."""
    script = """
import os, pgstride, trio
async def main():
    connection = await pgstride.connect(os.environ["PGSTRIDE_TEST_DSN"])
    try:
        print("ready", flush=True)
        await connection.fetch("select pg_sleep(600)")
    finally:
        print("unwound", flush=True)
        connection.terminate()
trio.run(main)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=30)
        finally:
            process.kill()
    assert time.monotonic() - started < 5 and out == "unwound\n" and "KeyboardInterrupt" in error
