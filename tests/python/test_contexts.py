# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The code that a request calls sees the context variables of whoever has made the request."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

WHO = contextvars.ContextVar("WHO", default="nobody")
ROWS = 20_000


def rows(seen):
    token = WHO.set("the rows")
    for i in range(ROWS):
        seen.add(WHO.get())
        yield i, "x" * 100
    WHO.reset(token)  # a ValueError in another context


@pytest.fixture(autouse=True)
def me():
    token = WHO.set("nobody")
    yield
    WHO.reset(token)


@pytest.mark.parametrize("is_known", [False, True])
async def test_an_encoder(connection, is_known):
    seen = []
    query = "select $1::text"
    if is_known:
        await connection.fetchval(query, "")

    def encoder(value):
        seen.append(WHO.get())
        return value

    await connection.set_type_codec("text", schema="pg_catalog", encoder=encoder, decoder=str)
    WHO.set("me")
    await connection.fetchval(query, "")
    await connection.fetchval(query, "")
    await connection.fetchmany(query, [("",)])
    assert seen == ["me"] * 3


async def test_an_iterable_of_arguments(connection):
    seen = set()
    await connection.execute("create temp table t (a int, b text)")
    await connection.executemany("insert into t values ($1, $2)", rows(seen))
    assert seen == {"the rows"} and WHO.get() == "nobody"


async def test_an_iterable_of_records(connection):
    seen = set()
    await connection.execute("create temp table t (a int, b text)")
    await connection.copy_records_to_table("t", records=rows(seen))
    assert seen == {"the rows"} and WHO.get() == "nobody"


@pytest.mark.parametrize("kind", ["function", "coroutine function"])
async def test_those_who_hear_of_an_end_see_the_context_of_whoever_closes(connection, kind):
    seen = asyncio.Queue()

    async def coroutine(_):
        seen.put_nowait(WHO.get())

    connection.add_termination_listener(coroutine if kind != "function" else lambda _: seen.put_nowait(WHO.get()))
    WHO.set("me")
    await connection.close()
    assert await asyncio.wait_for(seen.get(), 30) == "me"


async def test_those_who_hear_of_an_end_see_the_context_of_whoever_closes_the_pool(create_pool):
    pool, seen = await create_pool(), asyncio.Queue()
    async with pool.acquire() as connection:
        connection.add_termination_listener(lambda _: seen.put_nowait(WHO.get()))
    WHO.set("me")
    await pool.close()
    assert await asyncio.wait_for(seen.get(), 30) == "me"
