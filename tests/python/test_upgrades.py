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


async def prepare_types(connection, first, second):
    """Two enums with neighbouring numbers, and those numbers."""
    await connection.execute("drop type if exists upgraded_a, upgraded_b")
    for name, label in ((first, "one"), (second, "two")):
        await connection.execute(f"create type {name} as enum ('{label}')")
    names = ("upgraded_a", "upgraded_b")
    return [await connection.fetchval("select $1::regtype::oid", name) for name in names]
