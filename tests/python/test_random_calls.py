# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Methods called at random with objects of every sort, sensible ones among them: nothing but the documented exceptions,
no crash, and a connection that answers afterwards (FZ-13, R-B1). The seed is printed; PGSTRIDE_CALLS is how many."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import inspect
import os
import random
import uuid

import pytest

import pgstride

pytestmark = [
    pytest.mark.parametrize("runner", ["asyncio"], indirect=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CALLS = int(os.environ.get("PGSTRIDE_CALLS", "1500"))
DOCUMENTED = (
    pgstride.PostgresError,
    pgstride.InterfaceError,
    pgstride.DataError,
    asyncio.TimeoutError,
    TypeError,
    ValueError,  # UnicodeError included
    LookupError,
    OverflowError,
    AttributeError,
    OSError,
    NotImplementedError,
)


class Raises:
    """An error of its own from whatever it is asked."""

    def __getattr__(self, name):
        raise ValueError(name)

    def _raise(self, *_):
        raise ValueError("asked")

    __iter__ = __len__ = __bool__ = __float__ = __index__ = __str__ = __hash__ = __eq__ = _raise


class Endless:
    def __iter__(self):
        return iter([self])


def generator():
    yield 1
    raise ValueError("in the middle")


async def numbers():
    yield (1,)
    yield "x"


async def sink(data):
    pass


def quiet(*args):
    pass


QUERIES = ["select 1", "select $1::int", "select $1::text, $2::int[]", "select 1/0", "select", "", "select 1; select 2", "\0",
           "selec", "insert into called values (1) returning a", "select * from called", "copy called from stdin",
           "begin", "rollback", "savepoint s", "listen c", "set search_path = nowhere", "reset all"]  # fmt: skip
OBJECTS = [None, True, 0, -1, 2**31, 2**63, 10**40, 1.5, float("nan"), float("inf"), "", "x", "called", "a", "\ud800", "text",
           "binary", "csv", b"", b"x\n", bytearray(b"1\n"), memoryview(b"1"), [], [1], [[1], [2, 3]], [(1,)], (), (1,), ((1,),),
           {}, {"a": 1}, set(), int, object, Raises(), Endless(), decimal.Decimal("1e999"), decimal.Decimal("sNaN"), uuid.UUID(int=1),
           datetime.date.max, datetime.timedelta.max, datetime.time(1, tzinfo=datetime.timezone.utc), quiet, sink, "public",
           "serializable", ["a"], range(3), pgstride.Record, pgstride.Range(1, 2), 0.01, 5]  # fmt: skip
NOT_CALLED = {"close", "terminate", "set_builtin_type_codec"}


def methods():
    for name, method in inspect.getmembers(pgstride.Connection, inspect.isfunction):
        if not name.startswith("_") and name not in NOT_CALLED:
            yield name, method


class Caller:
    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def anything(self):
        made = self._dice.choice([None, generator, numbers])
        return made() if made and self._dice.random() < 0.2 else self._dice.choice(OBJECTS)

    def arguments(self, method):
        """For each parameter mostly something that it may be."""
        positional, named = [], {}
        for parameter in list(inspect.signature(method).parameters.values())[1:]:
            if parameter.name in ("query", "command"):
                positional.append(self._dice.choice(QUERIES) if self._dice.random() < 0.9 else self.anything())
            elif parameter.kind is parameter.VAR_POSITIONAL:
                positional += [self.anything() for _ in range(self._dice.randrange(3))]
            elif parameter.default is not parameter.empty or parameter.kind is parameter.KEYWORD_ONLY:
                if self._dice.random() < 0.25 or parameter.default is parameter.empty:
                    named[parameter.name] = self.anything()
            else:
                positional.append(self.anything())
        return positional, named

    async def call(self, connection, name, method):
        positional, named = self.arguments(method)
        if "timeout" in inspect.signature(method).parameters:
            named.setdefault("timeout", 5)
        result = getattr(connection, name)(*positional, **named)
        if inspect.isasyncgen(result):
            return await result.aclose()
        if hasattr(result, "__aenter__"):
            async with result:
                return
        if not inspect.isawaitable(result):
            return
        if self._dice.random() < 0.2:
            task = asyncio.ensure_future(result)
            for _ in range(self._dice.randrange(3)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()
        else:
            await result


async def test_calls(connect, runner, tmp_path, monkeypatch):  # FZ-13
    monkeypatch.chdir(tmp_path)  # paths are among the objects
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    caller, dice, known = Caller(seed), random.Random(seed), list(methods())
    connection = await connect(statement_cache_size=10)
    for i in range(CALLS):
        if connection.is_closed():
            connection = await connect(statement_cache_size=10)
        if i % 50 == 0:
            await connection.execute("rollback; reset all; create temp table if not exists called (a int)")
            await connection.reset_type_codec("text", schema="pg_catalog")
        name, method = dice.choice(known)
        try:
            await caller.call(connection, name, method)
        except DOCUMENTED:
            pass
    await connection.execute("rollback")
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    await asyncio.sleep(0)
    runner.complaints.clear()  # of listeners that cannot be called
