# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A process that may open no more files or sockets: an error, and business as usual when it may again (NF-12)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource

import absent
import pytest
from postconditions import HANG, descriptors, nothing_lost

import pgstride

ROOT = os.environ.get("PGSTRIDE_TEST_ROOT")
ROOM = 64
"""So many descriptors are filled up; a lower limit would cut off those that are open."""


@contextlib.contextmanager
def no_descriptors(but: int = 0):
    """From here on only so many more can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + ROOM, hard))
    filled = []
    try:
        with contextlib.suppress(OSError):
            while True:
                filled.append(os.dup(2))
        for _ in range(but):
            os.close(filled.pop())
        yield
    finally:
        for each in filled:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def way(encrypted):
    user, root = ("pgstride_ssl", f"?sslmode=verify-full&sslrootcert={ROOT}") if encrypted else ("postgres", "")
    return f"postgresql://{user}@localhost:{os.environ['PGPORT']}/pgstride{root}"


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "TLS"])
async def test_connecting(connect, usable, encrypted):
    """With TLS, files are read, too."""
    if encrypted:
        absent.skip_without_tls()
    async with nothing_lost():
        for few in range(10):
            failure = None
            before = descriptors()
            with no_descriptors(but=few):
                try:
                    connection = await pgstride.connect(way(encrypted), timeout=HANG)
                except (OSError, pgstride.InterfaceError) as error:
                    assert not isinstance(error, asyncio.TimeoutError)
                    failure = error
            if failure is None:
                break
            assert descriptors() == before, f"{few}: {failure!r}"
        assert few > 0
        await usable(connection)  # what it was connected with was enough
        await connection.close()


async def test_cancelling(connection, observer, usable):
    """No second connection can be made: the statement is waited for. Then the connection goes on."""
    with no_descriptors():
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select pg_sleep(0.5)", timeout=0.1)
        await usable(connection)
    pid = connection.get_server_pid()
    with pytest.raises(asyncio.TimeoutError):
        await connection.fetch("select pg_sleep(600)", timeout=0.1)
    await usable(connection)
    await observer.rests(pid)


async def test_a_pool(create_pool):
    pool = await create_pool(max_size=3)
    async with pool.acquire() as lent:
        with no_descriptors():
            with pytest.raises(OSError) as caught:
                await pool.fetchval("select 1")
            assert not isinstance(caught.value, asyncio.TimeoutError)
            assert await lent.fetchval("select 1") == 1
        assert await pool.fetchval("select 2") == 2
