# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What tracing packages hear of: the same of both drivers, whichever way they listen.

Some put functions of their own in the place of the methods of ``Protocol``, others something of their own in
the place of the class. What is replaced stays replaced for every connection, hence an interpreter for each.
"""

from __future__ import annotations

import pytest

pytest.importorskip("asyncpg")

TRACED = """
import asyncio, io, sys
dsn, driver, way = sys.argv[1:]
if driver == "pgstride":
    import pgstride
    pgstride.install_as_asyncpg()
import asyncpg, asyncpg.protocol

Protocol = asyncpg.protocol.Protocol
METHODS = "prepare query bind_execute bind_execute_many bind execute copy_in copy_out".split()
heard = []

def traced(name, method):
    async def call(*args, **kwargs):
        said = args[1:] if args and isinstance(args[0], Protocol) else args
        what = said[name == "prepare"] if said else kwargs["state"]
        heard.append((name, "".join(getattr(what, "query", what).split())))
        return await method(*args, **kwargs)
    return call

class Proxy:
    def __init__(self, addr, connected_fut, con_params, *args, **kwargs):
        print("connect", addr, con_params.user, con_params.database)
        self._traced = Protocol(addr, connected_fut, con_params, *args, **kwargs)

    def __getattr__(self, name):
        value = getattr(self._traced, name)
        return traced(name, value) if name in METHODS else value

if way == "class":
    asyncpg.protocol.Protocol = Proxy
else:
    for name in METHODS:
        setattr(Protocol, name, traced(name, getattr(Protocol, name)))

async def some():
    yield 8, "z"

async def main():
    con = await asyncpg.connect(dsn)
    await con.execute("create temp table traced (a int, b text)")
    insert = "insert into traced values ($1, $2)"
    await con.execute(insert, 1, "x")
    await con.fetch("select 1")
    await con.executemany(insert, [(2, "y"), (3, "z")])
    for _ in range(2):
        await con.fetch("select a from traced where a > $1", 0)
    await con.fetchrow("select 2")
    await con.fetchval("select 3")
    statement = await con.prepare("select 4")
    await statement.fetchrow()
    await statement.fetchval()
    await statement.executemany([()])
    async with con.transaction():
        for _ in range(2):
            async for row in con.cursor("select a from traced", prefetch=2):
                pass
        cursor = await con.cursor("select a from traced")
        await cursor.fetch(1)
        await cursor.fetchrow()
    await con.copy_from_table("traced", output=io.BytesIO())
    await con.copy_from_query("select 5", output=io.BytesIO())
    await con.copy_to_table("traced", source=io.BytesIO(b"6\\tv\\n"))
    await con.copy_records_to_table("traced", records=[(7, "w")])
    await con.copy_records_to_table("traced", records=some(), columns=["a", "b"])
    print(*heard, sep="\\n")
    assert await con.fetchval("select sum(a) from traced") == 1 + 2 + 3 + 6 + 7 + 8
    await con.close()
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        await pool.fetch("select 9")
        await pool.execute("select 10")
    print(*[(name, sql) for name, sql in heard if sql in ("select9", "select10")], sep="\\n")

asyncio.run(main())
"""


@pytest.mark.parametrize("way", ["class", "methods"])
def test_the_same_is_heard(python, dsn, way):
    heard = {}
    for driver in ("asyncpg", "pgstride"):
        code, heard[driver], err = python(TRACED, dsn, driver, way)
        assert code == 0, err
    assert len(heard["asyncpg"].splitlines()) > 25
    assert heard["pgstride"].splitlines() == heard["asyncpg"].splitlines()
