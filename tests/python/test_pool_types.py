# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What the connections of a pool know together, and forget together."""

from __future__ import annotations

import pytest

import pgstride


async def test_types_are_known_together(create_pool, connection, observer):
    await connection.execute("drop type if exists pool_pair; create type pool_pair as (a int, b int)")
    pool = await create_pool(min_size=2, max_size=2)
    async with pool.acquire() as one, pool.acquire() as two:
        assert tuple(await one.fetchval("select (1, 2)::pool_pair")) == (1, 2)
        asked = []
        two._con.add_query_logger(asked.append)
        assert tuple(await two.fetchval("select (1, 2)::pool_pair")) == (1, 2)
        before = two._core.queries
        await connection.execute("alter type pool_pair add attribute c int")
        with pytest.raises(pgstride.OutdatedSchemaCacheError):
            await one.fetchval("select (1, 2, 3)::pool_pair")
        assert tuple(await two.fetchval("select (1, 2, 3)::pool_pair")) == (1, 2, 3)
        assert two._core.queries == before + 1
        two._con.remove_query_logger(asked.append)
    await connection.execute("drop type pool_pair")


async def test_stale_plans_are_dropped_together(create_pool, connection):  # R-Q4
    await connection.execute("drop table if exists pool_stale; create table pool_stale (a int)")
    pool = await create_pool(min_size=2, max_size=2)
    async with pool.acquire() as one, pool.acquire() as two:
        for each in (one, two):
            await each.fetch("select * from pool_stale")
        kept = [statement for each in (one, two) for statement in each._stmt_cache.iter_statements()]
        assert [statement.closed for statement in kept] == [False, False]
        await connection.execute("alter table pool_stale add column b int")
        await one.fetch("select * from pool_stale")
        assert [statement.closed for statement in kept] == [True, True]
        assert (len(one._stmt_cache), len(two._stmt_cache)) == (1, 0)
        async with two.transaction():  # where it could not be repeated
            assert await two.fetch("select * from pool_stale") == []
    await connection.execute("drop table pool_stale")
