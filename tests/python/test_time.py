# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A process whose clock is set, and one that stands still for a while: deadlines are kept all the same."""

from __future__ import annotations

import asyncio
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import absent

PRELOAD = pathlib.Path(__file__).parents[1] / "preload"

JUMPS = """
import asyncio, ctypes, os, sys, time
import pgstride

async def main():
    jump = ctypes.CDLL(None).jump_clock
    pool = await pgstride.create_pool(
        os.environ["PGSTRIDE_TEST_DSN"], min_size=1, max_size=1, max_lifetime=600, max_inactive_connection_lifetime=600
    )
    pid = await pool.fetchval("select pg_backend_pid()")
    for seconds in (3600, -3600, -3600):
        before = time.time()
        started = time.monotonic()
        running = asyncio.ensure_future(pool.fetch("select pg_sleep(60)", timeout=0.3))
        await asyncio.sleep(0.1)
        jump(seconds)
        assert abs(time.time() - before - seconds) < 60, "the clock has not jumped"
        try:
            await asyncio.wait_for(running, 30)
        except asyncio.TimeoutError:
            took = time.monotonic() - started
        assert 0.3 <= took < 15, took
        # Nor has the connection grown old.
        assert await pool.fetchval("select pg_backend_pid()", timeout=30) == pid
    await pool.close()
    print("done")

asyncio.run(main())
"""


def test_the_clock_is_set(python, tmp_path, monkeypatch):  # NF-15
    if not shutil.which("cc"):
        absent.skip("cc", "the clock has to be compiled")
    library = tmp_path / "clock.so"
    source = PRELOAD / "clock_that_jumps.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    assert python(JUMPS) == (0, "done\n", "")


STANDS_STILL = """
import asyncio, os, sys, time
import pgstride

async def main():
    pool = await pgstride.create_pool(os.environ["PGSTRIDE_TEST_DSN"], min_size=2, max_size=2, check_after=0.5)
    async with pool.acquire() as lent, pool.acquire() as other:
        pids = lent.get_server_pid(), other.get_server_pid()
        await pool.release(other)
        running = asyncio.ensure_future(lent.fetch("select pg_sleep(60)", timeout=0.5))
        await asyncio.sleep(0)
        started = time.monotonic()
        print(*pids, flush=True)
        try:
            await asyncio.wait_for(running, 30)
        except asyncio.TimeoutError:
            pass
        assert time.monotonic() - started >= 1, "it did not stand still"
        assert await lent.fetchval("select pg_backend_pid()", timeout=30) == pids[0]
        # The idle one has gone meanwhile: nobody is lent it.
        assert await pool.fetchval("select pg_backend_pid()", timeout=30) not in pids
    await pool.close()
    print("done")

if "uvloop" in sys.argv[1]:
    import uvloop
    uvloop.install()
asyncio.run(main())
"""


async def test_the_process_stands_still(observer, runner):  # NF-16
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", STANDS_STILL, type(runner.loop).__module__],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        running, idle = map(int, child.stdout.readline().split())
        await observer.sleeps(running)
        child.send_signal(signal.SIGSTOP)
        await observer.terminate(idle)
        await asyncio.sleep(1)
        child.send_signal(signal.SIGCONT)
        out, err = await asyncio.get_running_loop().run_in_executor(None, child.communicate)
        assert (child.returncode, out, err) == (0, "done\n", "")
    finally:
        child.kill()
        child.wait()
