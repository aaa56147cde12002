# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Loops that are closed while somebody waits: what waits there is garbage, and so is the connection."""

from __future__ import annotations

import pytest

SCRIPT = """
import asyncio, gc, os, socket, sys, warnings, weakref
import pgstride

DSN, LOOP, WHAT = sys.argv[1:]
if LOOP == "uvloop":
    import uvloop
    new_event_loop = uvloop.new_event_loop
else:
    new_event_loop = asyncio.new_event_loop

left = []


async def waits():
    connection = await pgstride.connect(DSN)
    left.append(weakref.ref(connection))
    left.append(weakref.ref(asyncio.current_task()))
    ready.set()
    if WHAT == "query":
        await connection.fetch("select pg_sleep(600)")
    elif WHAT == "executemany":
        await connection.executemany("select pg_sleep($1)", [(600,)])
    elif WHAT == "copy":
        await connection.copy_from_query("select pg_sleep(600)", output=sys.stdout.buffer)
    elif WHAT == "pipeline":
        async with connection.pipeline() as p:
            left.extend(map(weakref.ref, [p.fetch("select pg_sleep(600)"), p.fetch("select 1"), p.fetch("select 2")]))
    elif WHAT == "pool":
        pool = await pgstride.create_pool(DSN, min_size=1, max_size=1)
        await asyncio.gather(*[pool.fetch("select pg_sleep(600)") for _ in range(3)])


async def begins():
    task = asyncio.ensure_future(waits())
    await ready.wait()
    await asyncio.sleep(0.05)


async def connects():
    left.append(weakref.ref(asyncio.ensure_future(pgstride.connect(port=mute.getsockname()[1], host="127.0.0.1"))))
    await asyncio.sleep(0.05)


mute = socket.create_server(("127.0.0.1", 0))
new_event_loop().close()  # what loops have in common is there from the first one on
files = len(os.listdir("/proc/self/fd"))
loop = new_event_loop()
loop.set_exception_handler(lambda loop, context: print(context["message"]))
ready = asyncio.Event()
loop.run_until_complete(connects() if WHAT == "connect" else begins())
loop.close()
warnings.simplefilter("ignore")
gc.collect()
print([reference() for reference in left])
print(len(os.listdir("/proc/self/fd")) - files)
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("what", ["query", "executemany", "copy", "pipeline", "pool", "connect"])
def test_nothing_is_kept(python, dsn, loop, what):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    code, said, complaints = python(SCRIPT, dsn, loop, what)
    assert (code, complaints) == (0, "")
    *destroyed, references, files = said.splitlines()
    assert "Task was destroyed but it is pending!" in destroyed
    assert set(references.strip("[]").split(", ")) == {"None"}
    assert files == "0"
