# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Code written for anyio, on either of its backends (CX-8)."""

from __future__ import annotations

import absent
import pytest

import pgstride

absent.skip_without("trio")
absent.skip_without("anyio")

import anyio  # noqa: E402


@pytest.fixture(params=["asyncio", "trio"])
def run(request):
    return lambda main: anyio.run(main, backend=request.param)


def test_requests(run, dsn):
    async def main():
        connection = await pgstride.connect(dsn)
        async with connection.transaction():
            assert [row[0] async for row in connection.cursor("select generate_series(1, 100)")] == list(range(1, 101))
        assert await connection.fetchval("select $1::text", "x") == "x"
        await connection.close()

    run(main)


def test_scopes(run, dsn):
    async def main():
        connection = await pgstride.connect(dsn)
        with anyio.move_on_after(0.03) as scope:
            await connection.fetch("select pg_sleep(600)")
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError), anyio.fail_after(0.03):
            async with connection.transaction():
                await connection.fetch("select pg_sleep(600)")
        assert await connection.fetchval("select 1") == 1
        assert not connection.is_in_transaction()
        await connection.close()

    run(main)


def test_task_groups(run, dsn):
    async def main():
        async with pgstride.create_pool(dsn, min_size=1, max_size=2) as pool:

            async def work(i):
                async with pool.acquire() as connection, connection.transaction():
                    await connection.fetch("select pg_sleep($1)", i)

            with anyio.move_on_after(0.1) as scope:
                async with anyio.create_task_group() as group:
                    for i in range(5):
                        group.start_soon(work, i)
            assert scope.cancelled_caught
            assert await pool.fetchval("select 1", timeout=30) == 1
            assert pool.stats().leased == 0

    run(main)
