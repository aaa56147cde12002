# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A pool at whose address another server answers from now on: of another version, with other numbers for the same types
and other types under the same numbers (FO-13, FO-14)."""

from __future__ import annotations

import asyncio
import os

import absent
import postgres_18
import pytest
from proxy import Proxy

import pgstride

if missing := postgres_18.why_not():
    absent.skip("postgres18", missing)

pytestmark = pytest.mark.parametrize("runner", ["asyncio"], indirect=True)


@pytest.fixture(scope="module")
def newer():
    with postgres_18.Postgres18() as running:
        yield running


@pytest.fixture
def address(newer):
    """It leads to the newer one."""
    with Proxy(("127.0.0.1", newer.port)) as proxy:
        yield proxy


def connect_pool(proxy, **options):
    where = f"postgresql://postgres@127.0.0.1:{proxy.port}/pgstride?sslmode=disable&max_protocol_version=3.2"
    return pgstride.create_pool(where, min_size=1, max_size=2, **options)


async def cancels(pool):
    with pytest.raises(asyncio.TimeoutError):
        await pool.fetch("select pg_sleep(60)", timeout=0.2)
    assert await pool.fetchval("select 1", timeout=30) == 1


async def test_an_older_protocol(address):  # FO-13
    """With it, a shorter key to cancel by."""
    async with connect_pool(address) as pool:
        assert await pool.fetchval("select current_setting('server_version_num')::int") >= 180000
        await cancels(pool)
        address.target = ("127.0.0.1", int(os.environ["PGPORT"]))
        await pool.expire_connections()
        assert await pool.fetchval("select current_setting('server_version_num')::int") < 180000
        await cancels(pool)


async def use_up_numbers(connection, before):
    """What is created next has this number."""
    last = await connection.fetchval("select lo_creat(-1)")
    await connection.fetchval("select count(lo_creat(-1)) from generate_series(1, $1)", before - last - 1)


async def test_types_with_other_numbers(connection, address, newer):  # FO-14, R-Q1
    """A pair there has the number that a mood has here. What the pool knows of the one's types it does not believe of
    the other's, not even while it is connected to both."""
    other = await pgstride.connect(newer.unix_dsn)
    here = int(await connection.fetchval("select lo_creat(-1)"))
    there = int(await other.fetchval("select lo_creat(-1)"))
    await use_up_numbers(other, max(here, there) + 100)
    await other.execute("drop type if exists upgraded; create type upgraded as (a int, b int)")
    number = await other.fetchval("select 'upgraded'::regtype::oid::int8")
    await use_up_numbers(connection, number - 1)  # its array comes first
    await connection.execute("drop type if exists upgraded; create type upgraded as enum ('one', 'two')")
    assert await connection.fetchval("select 'upgraded'::regtype::oid::int8") == number

    address.target = ("127.0.0.1", int(os.environ["PGPORT"]))
    async with connect_pool(address) as pool:
        async with pool.acquire() as old:
            assert await old.fetchval("select 'two'::upgraded") == "two"
            address.target = ("127.0.0.1", newer.port)
            async with pool.acquire() as new:
                assert await new.fetchval("select (1, 2)::upgraded") == (1, 2)
                assert await new.fetchval("select $1::upgraded", (3, 4)) == (3, 4)
                assert await old.fetchval("select $1::upgraded", "one") == "one"
            old.terminate()
        assert await pool.fetchval("select ((5, 6)::upgraded).b") == 6
    await connection.execute("drop type upgraded")
    await other.close()
