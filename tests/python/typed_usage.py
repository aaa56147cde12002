# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""What a user writes, and what type checkers are to make of it. Read by them alone (test_typing.py)."""

from __future__ import annotations

import asyncio
import decimal
from typing import TYPE_CHECKING, Any, AsyncIterator

import pgstride
from pgstride.cursor import Cursor, CursorFactory
from pgstride.pool import PoolConnectionProxy
from pgstride.prepared_stmt import PreparedStatement

if TYPE_CHECKING:
    from typing_extensions import assert_type


class User(pgstride.Record):
    id: int
    name: str

    def greeting(self) -> str:
        return f"Hello, {self.name}"


class Traced(pgstride.Connection[User]):
    def trace(self) -> list[str]:
        return []


async def connecting() -> None:
    assert_type(await pgstride.connect("postgres://"), pgstride.Connection)
    assert_type(await pgstride.connect(), pgstride.Connection[pgstride.Record])
    assert_type(await pgstride.connect(host=["a", "b"], port=[1, 2], record_class=User), pgstride.Connection[User])
    assert_type(await pgstride.connect(connection_class=Traced, command_timeout=5), Traced)
    await pgstride.connect(hots="a")  # type: ignore[call-overload]
    await pgstride.connect(record_class=int)  # type: ignore[type-var]


async def querying(conn: pgstride.Connection, users: pgstride.Connection[User]) -> None:
    assert_type(await conn.fetch("select $1::int", 1), list[pgstride.Record])
    assert_type(await conn.fetch("select 1", record_class=User), list[User])
    assert_type(await conn.fetchrow("select 1"), "pgstride.Record | None")
    assert_type(await conn.fetchrow("select 1", timeout=1.5, record_class=User), "User | None")
    assert_type(await conn.fetchmany("select $1::int", [(1,), [2]]), list[pgstride.Record])
    assert_type(await users.fetch("select 1"), list[User])
    assert_type(await users.fetchrow("select 1"), "User | None")
    assert_type(await users.fetchmany("select $1::int", [(1,)]), list[User])
    assert_type(await users.fetch("select 1", record_class=pgstride.Record), list[pgstride.Record])
    assert_type(await conn.fetchval("select 1", column="a"), Any)
    assert_type(await conn.execute("select 1"), str)
    await conn.executemany("insert into t values ($1)", ((n,) for n in range(3)))
    await conn.fetch(1)  # type: ignore[call-overload]
    await conn.fetch("select 1", record_class=dict)  # type: ignore[type-var]
    await conn.executemany("select $1", 5)  # type: ignore[arg-type]
    for user in await users.fetch("select 1"):
        assert_type(user.greeting(), str)
        assert_type(user["id"], Any)
        assert_type(user[0:2], tuple[Any, ...])


async def preparing(conn: pgstride.Connection, users: pgstride.Connection[User]) -> None:
    assert_type(await conn.prepare("select 1"), PreparedStatement)
    assert_type(await users.prepare("select 1"), PreparedStatement[User])
    statement = await conn.prepare("select 1", record_class=User)
    assert_type(await statement.fetch(), list[User])
    assert_type(await statement.fetchrow(1, "x", timeout=1), "User | None")
    assert_type(statement.get_parameters(), tuple[pgstride.Type, ...])
    assert_type(statement.get_attributes()[0].type.oid, int)
    assert_type(statement.cursor(), CursorFactory[User])


async def streaming(conn: pgstride.Connection) -> AsyncIterator[str]:
    async with conn.transaction(isolation="serializable", readonly=True):
        async for row in conn.cursor("select 1", prefetch=10, record_class=User):
            yield row.greeting()
        async for record in conn.cursor("select 1"):
            assert_type(record, pgstride.Record)
        cursor = await conn.cursor("select 1", record_class=User)
        assert_type(cursor, Cursor[User])
        assert_type(await cursor.fetch(5), list[User])
        assert_type(await cursor.fetchrow(), "User | None")
        assert_type(await cursor.forward(5), int)


async def pipelining(conn: pgstride.Connection, users: pgstride.Connection[User]) -> None:
    async with conn.pipeline() as p:
        assert_type(p, pgstride.Pipeline)
        assert_type(p.fetch("select 1"), pgstride.Reply[list[pgstride.Record]])
        assert_type(await p.fetch("select 1", record_class=User), list[User])
        assert_type(await p.fetchrow("select 1", timeout=1), "pgstride.Record | None")
        assert_type(await p.execute("select 1"), str)
        await p.executemany("select $1", [(1,)])
        p.fetchval("select 1", colum=1)  # type: ignore[call-arg]
    async with users.pipeline() as q:
        assert_type(await q.fetchrow("select 1"), "User | None")
        assert_type((await asyncio.gather(q.fetch("select 1"), q.execute("select 2")))[0], list[User])


async def settings(conn: pgstride.Connection) -> None:
    async with conn.transaction(readonly=True, settings={"app.tenant": "7"}):
        pass
    conn.transaction(settings={"app.tenant": 7})  # type: ignore[dict-item]


async def rows_as_they_come(conn: pgstride.Connection, users: pgstride.Connection[User]) -> None:
    assert_type(conn.stream("select 1"), pgstride.Stream)
    assert_type(conn.stream("select $1", 1, record_class=User), pgstride.Stream[User])
    async for user in users.stream("select 1", timeout=5):
        assert_type(user.greeting(), str)
    async with users.stream("select 1") as rows:
        assert_type(await rows.__anext__(), User)
    conn.stream("select 1", record_class=int)  # type: ignore[type-var]


async def work(conn: pgstride.Connection) -> int:
    return 1


async def lent_work(conn: PoolConnectionProxy) -> str:
    return "a"


async def transacting(conn: pgstride.Connection, pool: pgstride.Pool) -> None:
    assert_type(await conn.transact(work, isolation="serializable", attempts=3), int)
    assert_type(await pool.transact(work, settings={"a.b": "c"}), int)
    assert_type(await pool.transact(lent_work), str)
    assert_type(await pool.transact(lambda con: con.execute("select 1")), str)
    await pool.transact(5)  # type: ignore[arg-type]


async def pooling(pool: pgstride.Pool) -> None:
    assert_type(await pgstride.create_pool("postgres://", min_size=1, user="me"), pgstride.Pool)
    async with pgstride.create_pool(record_class=User) as users:
        assert_type(users, pgstride.Pool[User])
        assert_type(await users.fetch("select 1"), list[User])
        async with users.acquire(timeout=1) as conn:
            assert_type(conn, PoolConnectionProxy[User])
            assert_type(await conn.fetchrow("select 1"), "User | None")
    assert_type(await pool.fetch("select 1"), list[pgstride.Record])
    assert_type(await pool.fetch("select 1", record_class=User), list[User])
    assert_type(await pool.fetchrow("select 1", record_class=User), "User | None")
    assert_type(await pool.fetchmany("select $1::int", [(1,)], record_class=User), list[User])
    assert_type(await pool.copy_to_table("t", source=b"1", columns=["a"], format="csv"), str)
    await pool.copy_to_table("t", sauce=b"1")  # type: ignore[call-arg]
    assert_type([loan.seconds for loan in pool.loans()], list[float])
    async with pool.listener("a", "b", most_waiting=10) as events:
        assert_type(await events.add("c"), None)
        async for event in events:
            assert_type(event, pgstride.ListenEvent)
            assert_type(event.payload, str)
            if event.kind == "reconnect":  # type: ignore[comparison-overlap]
                pass
    proxy = await pool.acquire()
    try:
        async with proxy.transaction():
            takes_any_connection(proxy)
    finally:
        await pool.release(proxy)


def takes_any_connection(connection: pgstride.Connection) -> None:
    assert_type(connection.get_server_version().major, int)
    assert_type(connection.is_in_transaction(), bool)


def on_notification(connection: pgstride.Connection, pid: int, channel: str, payload: str) -> None: ...


async def listening(conn: pgstride.Connection) -> None:
    await conn.add_listener("channel", on_notification)
    conn.add_query_logger(lambda query: print(query.elapsed))


class Watching(pgstride.Observer):
    def on_query_end(self, event: pgstride.Observer.End) -> None:
        assert_type(event.tag, str)


async def watching() -> None:
    conn = await pgstride.connect(observer=Watching(), max_rows=1000)
    await conn.close()
    async with pgstride.create_pool(observer=Watching()) as pool:
        assert_type(pool.stats().longest_wait, float)
    await pgstride.connect(observer=print)  # type: ignore[call-overload]


async def failing(conn: pgstride.Connection) -> None:
    try:
        await conn.execute("insert into t values (1)")
    except pgstride.UniqueViolationError as error:
        assert_type(error.constraint_name, "str | None")


def values() -> None:
    numbers = pgstride.Range(1, 5)
    assert_type(numbers.lower, "int | None")
    assert_type(pgstride.Range(decimal.Decimal(1), empty=False).upper_inc, bool)
    assert_type(pgstride.Point(1, 2).x, float)
    assert_type(pgstride.BitString("101").to_int(), int)
