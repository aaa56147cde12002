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
