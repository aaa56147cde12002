# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Several steps one after another on pgstride and on asyncpg: each comes to the same, whatever went wrong before it."""

from __future__ import annotations

import asyncio
import typing

import pytest
from outcomes import outcome

import pgstride

asyncpg = pytest.importorskip("asyncpg")


class Course:
    """What the steps have come to so far."""

    def __init__(self, module: typing.Any, connection: typing.Any) -> None:
        self.module = module
        self.connection = connection
        self.seen: list[typing.Any] = []

    async def step(self, name: str, call: typing.Callable[[], typing.Any]) -> None:
        self.seen.append((name, await outcome(call), self.connection.is_in_transaction(), self.connection.is_closed()))


async def rows(iterator):
    return [tuple(row) async for row in iterator]


async def interleaved_transactions(course):
    connection = course.connection
    for ends in (("commit", "commit", "rollback"), ("rollback", "rollback", "commit")):
        outer, inner = connection.transaction(), connection.transaction(readonly=True)
        await course.step("outer", outer.start)
        await course.step("inner", inner.start)
        for transaction, end in zip((outer, inner, inner), ends):
            await course.step(end, getattr(transaction, end))
        course.seen.append([repr(transaction).split(" 0x")[0].split(".")[-1] for transaction in (outer, inner)])


async def transaction_ended_by_hand(course):
    connection = course.connection

    async def block(sql):
        async with connection.transaction():
            async with connection.transaction():
                await connection.execute(sql)

    for sql in ("commit", "rollback", "select 1/0"):
        await course.step(sql, lambda: block(sql))
        await course.step("next", lambda: block("select 1"))
        await connection.execute("rollback")


async def constraint_checked_at_the_commit(course):
    connection = course.connection
    await connection.execute("create temp table late (a int unique deferrable initially deferred)")

    async def block():
        async with connection.transaction():
            await connection.execute("insert into late values (1), (1)")

    await course.step("block", block)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("insert into late values (1), (1)")
    for end in ("commit", "rollback", "start"):
        await course.step(end, getattr(transaction, end))


async def cursor_to_the_end_and_beyond(course):
    connection = course.connection
    async with connection.transaction():
        cursor = await connection.cursor("select * from generate_series(1, 5) g")
        for name, call in {
            "fetch": lambda: cursor.fetch(2),
            "forward": lambda: cursor.forward(1),
            "fetchrow": cursor.fetchrow,
            "rest": lambda: cursor.fetch(10),
            "nothing": lambda: cursor.fetch(1),
            "no row": cursor.fetchrow,
            "no way": lambda: cursor.forward(1),
            "half a row": lambda: cursor.forward(1.5),
            "awaited": lambda: cursor,
        }.items():
            await course.step(name, call)
    await course.step("too late", lambda: cursor.fetch(1))
    with pytest.raises(course.module.InvalidCursorNameError):
        async with connection.transaction():
            await cursor.forward(1)
    await course.step("next", lambda: connection.fetchval("select 1"))


async def cursors_of_one_statement(course):
    connection = course.connection
    statement = await connection.prepare("select generate_series(1, $1::int)")
    async with connection.transaction():
        one, other = await statement.cursor(3), await statement.cursor(5)
        for cursor, count in ((one, 2), (other, 2), (one, 2), (other, 9)):
            await course.step("fetch", lambda: cursor.fetch(count))
        await course.step("iterated", lambda: rows(statement.cursor(3, prefetch=1)))
        await course.step("bad argument", lambda: rows(statement.cursor("x")))
    await course.step("outside", lambda: rows(statement.cursor(3)))


async def cursor_in_a_transaction_begun_by_hand(course):
    connection = course.connection
    await connection.execute("begin")
    await course.step("iterated", lambda: rows(connection.cursor("select 1")))
    await course.step("block", lambda: connection.transaction().start())
    await connection.execute("rollback")


async def rows_that_cannot_be_read(course):
    connection = course.connection
    query = "select case when g = 3 then '0001-01-01 BC'::date else '2020-01-01' end from generate_series(1, 5) g"
    await course.step("fetch", lambda: connection.fetch(query))
    async with connection.transaction():
        await course.step("fetch", lambda: connection.fetch(query))
        await course.step("iterated", lambda: rows(connection.cursor(query, prefetch=2)))
        await course.step("next", lambda: connection.fetchval("select 1"))


async def schema_that_changes(course):
    connection = course.connection
    await connection.execute("create temp table changing (a int)")
    statement = await connection.prepare("select * from changing")
    await connection.fetch("select * from changing")
    await connection.execute("alter table changing add b text")
    for _ in range(2):
        await course.step("prepared", statement.fetch)
        await course.step("by its text", lambda: connection.fetch("select * from changing"))
    await connection.execute("alter table changing drop column b")

    async def block():
        async with connection.transaction():
            await connection.fetch("select * from changing")

    for _ in range(2):
        await course.step("in a block", block)
    await connection.execute("drop table changing")
    await course.step("dropped", lambda: connection.fetch("select * from changing"))


async def composite_that_changes(course):
    connection = course.connection
    await connection.execute("create type pg_temp.changing as (a int, b text)")
    query = "select row({})::pg_temp.changing"
    await course.step("first", lambda: connection.fetchval(query.format("1, 'x'")))
    await connection.execute("alter type pg_temp.changing add attribute c int")
    for _ in range(2):
        await course.step("longer", lambda: connection.fetchval(query.format("1, 'x', 2")))
    await connection.execute("alter type pg_temp.changing alter attribute c type text")
    for _ in range(2):
        await course.step("another type", lambda: connection.fetchval(query.format("1, 'x', 'y'")))
    await connection.execute("alter type pg_temp.changing drop attribute c")
    await connection.reload_schema_state()
    await course.step("reloaded", lambda: connection.fetchval(query.format("1, 'x'")))


async def what_is_left_of_a_long_executemany(course):
    connection = course.connection
    await connection.execute("create temp table many (a text)")

    async def in_a_block():
        async with connection.transaction():
            with pytest.raises(Exception, match="in element #10 of"):
                await connection.executemany(insert, sets())
            return await connection.fetchval("select count(*) from many")

    insert = "insert into many values ($1)"
    sets = lambda: (("x" * 32768,) if i != 10 else (5,) for i in range(20))  # noqa: E731
    await course.step("in a block", in_a_block)
    await connection.execute("truncate many")
    await course.step("by itself", lambda: connection.executemany(insert, sets()))
    await course.step("nothing", lambda: connection.fetchval("select count(*) from many"))


async def connection_that_is_lost(course):
    connection = course.connection
    statement = await connection.prepare("select 1")
    transaction = connection.transaction()
    await transaction.start()
    cursor = await connection.cursor("select 1")
    connection.terminate()
    connection.is_in_transaction = lambda: None  # asyncpg's fails from now on
    for name, call in {
        "statement": statement.fetch,
        "name": lambda: asyncio.sleep(0, statement.get_name()),
        "cursor": lambda: cursor.fetch(1),
        "commit": transaction.commit,
        "left": lambda: transaction.__aexit__(None, None, None),
        "left by a generator": lambda: transaction.__aexit__(GeneratorExit, GeneratorExit(), None),
        "left by an error": lambda: transaction.__aexit__(ValueError, ValueError(), None),
        "begun": lambda: connection.transaction().start(),
        "query": lambda: connection.fetch("select 1"),
        "script": lambda: connection.execute("select 1"),
        "closed": connection.close,
    }.items():
        await course.step(name, call)


COURSES = [
    interleaved_transactions,
    transaction_ended_by_hand,
    constraint_checked_at_the_commit,
    cursor_to_the_end_and_beyond,
    cursors_of_one_statement,
    cursor_in_a_transaction_begun_by_hand,
    rows_that_cannot_be_read,
    schema_that_changes,
    composite_that_changes,
    what_is_left_of_a_long_executemany,
    connection_that_is_lost,
]


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__)
async def test_course(dsn, course):
    seen = []
    for module in (asyncpg, pgstride):
        # A subclass can be given attributes.
        connection = await module.connect(dsn, connection_class=type("Plain", (module.Connection,), {}))
        try:
            taken = Course(module, connection)
            await course(taken)
            seen.append(taken.seen)
        finally:
            connection.terminate()
            await asyncio.sleep(0)
    theirs, ours = seen
    assert len(theirs) == len(ours) > 0
    for their, our in zip(theirs, ours):
        assert our == their
