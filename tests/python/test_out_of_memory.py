# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Memory that runs out: the request fails, or the connection ends, never the process."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import absent
import pytest

PRELOAD = pathlib.Path(__file__).resolve().parents[1] / "preload"

PRELUDE = """
import asyncio, ctypes, os
import pgstride

memory = ctypes.CDLL(None)
dsn = os.environ["PGSTRIDE_TEST_DSN"]
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if not shutil.which("g++"):
        absent.skip("g++", "what makes memory run out has to be compiled")
    library = tmp_path_factory.mktemp("memory") / "memory.so"
    source = PRELOAD / "memory_that_runs_out.cpp"
    subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


@pytest.fixture
def short_of_memory(library, python, monkeypatch):
    """Runs a script where memory can be made to run out."""

    def run(script, *args):
        monkeypatch.setenv("LD_PRELOAD", f"{library} {os.environ.get('LD_PRELOAD', '')}")
        monkeypatch.setenv("ASAN_OPTIONS", f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0")
        assert python(PRELUDE + script, *args, timeout=300) == (0, "done\n", "")

    return run


GROWS = """
async def output(data):
    await asyncio.sleep(0.05)

async def main():
    connection = await pgstride.connect(dsn)
    for _ in range(3):
        memory.fail_growth_to(70000)
        try:
            await connection.copy_from_query("select repeat('x', 40000) from generate_series(1, 50)", output=output)
        except MemoryError:
            pass
        else:
            raise AssertionError("there was enough")
        assert await connection.fetchval("select 1") == 1
    await connection.close()
    print("done")

asyncio.run(main())
"""


def test_what_a_copy_gathers_can_not_grow(short_of_memory):
    short_of_memory(GROWS)


EACH_FAILS = """
import errno, io, sys

async def rows():
    for i in range(3):
        yield i, "y"

async def cursor(c):
    async with c.transaction():
        portal = await c.cursor("select generate_series(1, $1::int)", 9)
        await portal.fetch(3)

async def codec(c):
    await c.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=str)
    await c.fetchval("select $1::json", 1)
    await c.reset_type_codec("json", schema="pg_catalog")

async def close(c):
    await c.close()
    assert c.is_closed()

SETUP = '''
create temp table t (a int, b text);
create type pg_temp.mood as enum ('good', 'bad');
create type pg_temp.pair as (a int, b pg_temp.mood[]);
'''
CALLS = {
    "a large argument": lambda c, i: c.fetchval("select length($1)", "x" * 1000000),
    "a statement not seen before": lambda c, i: c.fetch(f"select $1::int, {i}", 1),
    "types not seen before": lambda c, i: c.fetch(f"select (1, '{{good}}')::pg_temp.pair, {i}"),
    "a script": lambda c, i: c.execute("select 1; select 2"),
    "a series": lambda c, i: c.executemany("insert into t values ($1, $2)", [(i, "x" * 1000)] * 300),
    "a long result": lambda c, i: c.fetch("select i, 'x' || i % 5 from generate_series(1, 300) i"),
    "prepare": lambda c, i: c.prepare(f"select $1::int, {i}"),
    "a cursor": lambda c, i: cursor(c),
    "a codec": lambda c, i: codec(c),
    "copy out": lambda c, i: c.copy_from_query("select repeat('x', 1000) from generate_series(1, 300)", output=io.BytesIO()),
    "copy in": lambda c, i: c.copy_to_table("t", source=io.BytesIO(b"1\\tx\\n" * 50000)),
    "records": lambda c, i: c.copy_records_to_table("t", records=[(1, "x" * 1000)] * 300),
    "records that are waited for": lambda c, i: c.copy_records_to_table("t", records=rows()),
    "an error": lambda c, i: c.fetchval(f"select 1 / 0 + {i}"),
    "close": lambda c, i: close(c),
}

async def one_fails(nth, call):
    '''Whether there was an nth allocation.'''
    memory.fail_allocation(nth)
    try:
        await asyncio.wait_for(call(), 30)
    except (MemoryError, pgstride.DivisionByZeroError) as error:
        error.__traceback__ = None
    except OSError as error:
        assert error.errno == errno.ENOMEM, error
    except pgstride.InterfaceError as error:  # the end of its block
        assert "connection is closed" in str(error), error
    happened = not memory.is_failure_due()
    memory.fail_allocation(0)
    return happened

async def on_connections(call):
    connection, nth, ended = None, 1, 0
    while True:
        if connection is None or connection.is_closed():
            connection = await pgstride.connect(dsn)
            await connection.execute(SETUP)
        if not await one_fails(nth, lambda: call(connection, nth)):
            break
        if not connection.is_closed():
            assert await connection.fetchval("select $1::int", nth) == nth
        nth += 1
    connection.terminate()

async def connect():
    connection = await pgstride.connect(dsn)
    connection.terminate()

async def create_pool():
    pool = await pgstride.create_pool(dsn, min_size=1, max_size=2)
    pool.terminate()

async def anew(make):
    nth = 1
    while await one_fails(nth, make):
        nth += 1

async def on_a_pool():
    pool, nth = await pgstride.create_pool(dsn, min_size=1, max_size=2), 1

    async def use():
        await pool.fetchval(f"select {nth}")
        await asyncio.gather(*(pool.fetchval("select 1") for _ in range(4)))
        async with pool.acquire() as connection:
            await connection.execute("select 1")
        await pool.executemany("select $1::int", [(1,)])

    while await one_fails(nth, use):
        async with pool.acquire() as one, pool.acquire() as two:
            assert await one.fetchval("select 1") == await two.fetchval("select 1")
        nth += 1
    pool.terminate()

async def main():
    what = sys.argv[1]
    if what == "connect":
        await anew(connect)
    elif what == "create a pool":
        await anew(create_pool)
    elif what == "use a pool":
        await on_a_pool()
    else:
        await on_connections(CALLS[what])
    print("done")

asyncio.run(main())
"""
WHAT = [line.split('"')[1] for line in EACH_FAILS.splitlines() if line.startswith('    "') and '": lambda c, i' in line]


@pytest.mark.parametrize("what", [*WHAT, "connect", "create a pool", "use a pool"])
def test_each_allocation_fails(short_of_memory, what):
    short_of_memory(EACH_FAILS, what)


PYTHONS_OWN_FAILS = """
import sys, _testcapi
from pgstride import _core

VALUES = {"int4range": pgstride.Range(1, 5), "int4multirange": [(1, 5)], "varbit": pgstride.BitString("1010")}

def reading(name):
    oid = _core.builtin_types()[name]
    data = _core._encode(oid, VALUES[name])
    return lambda: _core._decode(oid, data)

def one_fails(nth, call):
    kept = [{} for _ in range(200)], [[] for _ in range(200)]  # what Python has in reserve
    _testcapi.set_nomemory(nth, nth + 1)
    try:
        call()
    except MemoryError:
        pass
    finally:
        _testcapi.remove_mem_hooks()

async def main():
    what = sys.argv[1]
    connection = await pgstride.connect(dsn)
    call = connection._core.parameters if what == "settings" else reading(what)
    for nth in range(60):
        one_fails(nth, call)
    call()
    connection.terminate()
    print("done")

asyncio.run(main())
"""


@pytest.mark.parametrize("what", ["settings", "int4range", "int4multirange", "varbit"])
def test_each_allocation_of_pythons_own_fails(python, what):
    absent.skip_without("_testcapi")
    assert python(PRELUDE + PYTHONS_OWN_FAILS, what) == (0, "done\n", "")
