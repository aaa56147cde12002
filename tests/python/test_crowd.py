# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Thousands of connections, most of them idle (SK-1)."""

from __future__ import annotations

import asyncio
import gc
import os
import pathlib

import pytest
from crowd import Crowd, may_open
from postconditions import KEEPS_WHAT_IS_FREED, STALL, Ticker

import pgstride

MANY = 4000
WARM = 100
"""So many are there before memory is looked at."""
IDLE = 18
"""KiB that one may take; less when it lies where an earlier test has freed some."""


def resident():
    """KiB"""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.mark.skipif(not may_open(MANY + 200), reason=f"fewer than {MANY} descriptors are allowed here")
async def test_thousands_that_listen_while_a_few_ask():
    with Crowd() as crowd:
        dsn = f"postgres://me@127.0.0.1:{crowd.port}/crowd?sslmode=disable"
        crowd_of = [await pgstride.connect(dsn) for _ in range(WARM)]
        gc.collect()
        before = resident()
        while len(crowd_of) < MANY:
            crowd_of.append(await pgstride.connect(dsn))
        gc.collect()
        each = (resident() - before) / (MANY - WARM)
        print(f"{each:.1f} KiB for each idle connection")

        heard = []
        for connection in crowd_of:
            await connection.add_listener("news", lambda *news: heard.append(news))
        ticker = Ticker(asyncio.get_running_loop())
        for connection in crowd_of[::40]:
            assert await connection.fetchval("select 'here'") == "here"
        await crowd_of[0].execute("NOTIFY news")
        while len(heard) < MANY:
            await asyncio.sleep(0.01)
        ticker.stop()
        print(f"the longest turn of the loop took {ticker.longest * 1000:.1f} ms")
        assert {payload for *_, payload in heard} == {"for all"}
        for connection in crowd_of:
            connection.terminate()
    assert each <= IDLE or KEEPS_WHAT_IS_FREED
    assert ticker.longest < STALL
