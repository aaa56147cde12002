# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Under Trio, too, the code that a request calls sees the context variables of whoever has made the request."""

from __future__ import annotations

import contextvars

import pytest
from on_trio import connected, on_trio

import trio  # isort: skip

WHO = contextvars.ContextVar("WHO", default="nobody")


def rows(seen):
    token = WHO.set("the rows")
    for i in range(20_000):
        seen.add(WHO.get())
        yield i, "x" * 100
    WHO.reset(token)  # a ValueError in another context


@on_trio
async def test_an_encoder(dsn):
    seen = []

    def encoder(value):
        seen.append(WHO.get())
        return value

    async with connected(dsn) as connection:
        await connection.set_type_codec("text", schema="pg_catalog", encoder=encoder, decoder=str)
        WHO.set("me")
        await connection.fetchval("select $1::text", "")
        await connection.fetchval("select $1::text", "")
    assert seen == ["me"] * 2


@on_trio
async def test_iterables(dsn):
    seen = set()
    async with connected(dsn) as connection:
        await connection.execute("create temp table t (a int, b text)")
        await connection.executemany("insert into t values ($1, $2)", rows(seen))
        await connection.copy_records_to_table("t", records=rows(seen))
    assert seen == {"the rows"} and WHO.get() == "nobody"


@pytest.mark.parametrize("end", ["close", "terminate"])
@on_trio
async def test_those_who_hear_of_an_end(dsn, end):
    said, heard = trio.open_memory_channel(2)

    def listener(_):
        said.send_nowait(WHO.get())

    async def coroutine(_):
        said.send_nowait(WHO.get())

    async with connected(dsn) as connection:
        connection.add_termination_listener(listener)
        connection.add_termination_listener(coroutine)
        WHO.set("me")
        if end == "close":
            await connection.close()
        else:
            connection.terminate()
        assert [await heard.receive(), await heard.receive()] == ["me"] * 2
