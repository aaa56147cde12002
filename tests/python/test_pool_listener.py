# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Pool.listener(): notifications over a connection of its own, which is replaced when it is lost."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

import pgstride
from pgstride import ListenEvent
from pgstride.exceptions import InterfaceError

SOON = {"first_pause": 0.001, "longest_pause": 0.01}
RECONNECTED = ListenEvent("reconnected")


@pytest.fixture
def pool(runner, create_pool):
    return runner(create_pool(server_settings={"application_name": "of the pool"}))


@pytest.fixture
def notifier(observer):
    return observer.connection


def heard(notifier, channel, payload):
    return ListenEvent("notification", channel, payload, notifier.get_server_pid())


async def listening_pid(notifier):
    """The server's end of the listener."""
    return await notifier.fetchval(
        "select pid from pg_stat_activity where application_name = 'of the pool' and query like 'LISTEN%'"
    )


async def test_notifications(pool, notifier, observer):
    async with pool.listener('a "channel"', "Other") as events:
        async with pool.acquire(timeout=5):  # none of the pool's connections is taken
            await notifier.execute("""notify "a ""channel\"\"\", 'first'; notify elsewhere; notify "Other", 'second'""")
            await notifier.execute("notify other, 'not this one'; select pg_notify('Other', repeat('ü', 3000))")
            assert await anext(events) == heard(notifier, 'a "channel"', "first")
            assert await anext(events) == heard(notifier, "Other", "second")
            assert await anext(events) == heard(notifier, "Other", "ü" * 3000)
        assert pool.stats().opened == 1
        pid = await listening_pid(notifier)
    await observer.gone(pid)


async def test_channels_change_meanwhile(pool, notifier):
    async with pool.listener() as events:
        waiting = asyncio.create_task(anext(events))
        await asyncio.gather(*(events.add(f"channel {i}") for i in range(20)), events.add("channel 3", "channel 4"))
        await asyncio.gather(events.remove("channel 3", "unknown"), events.remove("channel 4"), events.add("channel 4"))
        await notifier.execute("""notify "channel 3"; notify "channel 4"; notify "channel 19" """)
        assert (await waiting).channel == "channel 4"
        assert (await anext(events)).channel == "channel 19"
        assert len(await events._con.fetch("select pg_listening_channels()")) == 19


async def test_a_channel_that_can_not_be(pool, notifier):
    """What was wrong with one does not come again with the next."""
    async with pool.listener("a") as events:
        with pytest.raises(ValueError, match="NUL"):
            await events.add("b", "c\0")
        with pytest.raises(UnicodeEncodeError):
            await events.add("\ud800")
        await events.add("d")
        await notifier.execute("notify b; notify d, '1'; notify a, '2'")
        assert [(await anext(events)).payload for _ in range(2)] == ["1", "2"]


async def test_an_addition_that_is_cancelled(pool, notifier):
    async with pool.listener("a") as events:
        first, second = (asyncio.create_task(events.add(name)) for name in ("b", "c"))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await second
        await notifier.execute("notify b, 'b'; notify c, 'c'; notify a, 'a'")
        assert [(await anext(events)).payload for _ in range(2)] == ["c", "a"]


async def test_a_lost_connection(pool, notifier, observer):
    async with pool.listener("a", "b", **SOON) as events:
        await notifier.execute("notify a, 'before'")
        await asyncio.sleep(0.01)  # with or without, all of it comes
        await observer.terminate(await listening_pid(notifier))
        await notifier.execute("notify a, 'missed'")
        await events.remove("b")
        await events.add("c")
        assert await anext(events) == heard(notifier, "a", "before")
        assert await anext(events) == RECONNECTED
        await notifier.execute("notify b, 'unwanted'; notify c, 'new'; notify a, 'old'")
        assert [(await anext(events)).payload for _ in range(2)] == ["new", "old"]
        waiting = asyncio.create_task(anext(events))
        await observer.terminate(await listening_pid(notifier))
        assert await waiting == RECONNECTED


async def test_what_comes_right_behind_the_answer(dsn, notifier):
    """LISTEN and the first notification are one packet: that of a channel that notifies itself when it is connected."""

    class Eager(pgstride.Connection):
        async def execute(self, query, *args, timeout=None):
            return await super().execute(query + "notify a, 'at once'", timeout=timeout)

    async with pgstride.create_pool(dsn, min_size=0, max_size=1, connection_class=Eager) as pool:
        async with pool.listener("a", **SOON) as events:
            event = await asyncio.wait_for(anext(events), 5)
            assert event.payload == "at once"
            await notifier.fetchval("select pg_terminate_backend($1)", event.backend_pid)
            assert [(await anext(events))[::2] for _ in range(2)] == [("reconnected", ""), ("notification", "at once")]


class Gate:
    """Stands in for connect(), and fails as it is told. DIES: its connection is lost before it can listen."""

    DIES = ConnectionResetError("lost")

    def __init__(self):
        self.failures = []
        self.calls = 0

    async def __call__(self, *args, **options):
        self.calls += 1
        failure = self.failures.pop(0) if self.failures else None
        if failure not in (None, self.DIES):
            raise failure
        connection = await pgstride.connect(*args, **options)
        if failure is self.DIES:
            connection.terminate()
        return connection


@contextlib.asynccontextmanager
async def gated(dsn, **options):
    """A listener that has just lost its connection, and what its next attempts go through."""
    gate = Gate()
    async with pgstride.create_pool(dsn, min_size=0, max_size=1, connect=gate) as pool:
        async with pool.listener("a", **{**SOON, **options}) as events:
            events._con.terminate()
            gate.calls = 0
            yield events, gate


PASSING = [
    Gate.DIES,
    ConnectionRefusedError("refused"),
    asyncio.TimeoutError(),
    pgstride.CannotConnectNowError("starting up"),
    pgstride.TooManyConnectionsError("too many"),
    pgstride.ConnectionDoesNotExistError("closed"),
    pgstride.exceptions.TargetServerAttributeNotMatched("none is"),
]


async def test_it_tries_until_it_is_connected(dsn, notifier):
    async with gated(dsn) as (events, gate):
        gate.failures += PASSING
        assert await anext(events) == RECONNECTED
        assert gate.calls == len(PASSING) + 1
        await notifier.execute("notify a, 'again'")
        assert (await anext(events)).payload == "again"


async def test_it_gives_up_after_so_many_attempts(dsn):
    async with gated(dsn, attempts=3) as (events, gate):
        gate.failures += PASSING
        with pytest.raises(asyncio.TimeoutError):
            await anext(events)
        assert gate.calls == 3
        gate.failures.clear()  # it may be asked again
        assert await anext(events) == RECONNECTED


@pytest.mark.parametrize("failure", [pgstride.InvalidPasswordError("no"), pgstride.ClientConfigurationError("what?")])
async def test_it_gives_up_over_what_does_not_pass(dsn, failure):
    async with gated(dsn) as (events, gate):
        gate.failures.append(failure)
        with pytest.raises(type(failure)):
            await anext(events)
        assert gate.calls == 1


async def test_the_first_attempt_is_not_repeated(dsn):
    gate = Gate()
    gate.failures.append(ConnectionRefusedError("refused"))
    async with pgstride.create_pool(dsn, min_size=0, max_size=1, connect=gate) as pool:
        with pytest.raises(ConnectionRefusedError):
            async with pool.listener("a"):
                raise AssertionError("it was entered")
        assert not pool._listeners


async def test_an_overflow(pool, notifier):
    async with pool.listener("a", most_waiting=2) as events:
        await notifier.execute("select pg_notify('a', i::text) from generate_series(1, 5) i")
        await notifier.execute("notify a, '6'")
        while len(events._waiting) < 3:
            await asyncio.sleep(0.005)
        assert (await anext(events)).payload == "1"
        await notifier.execute("notify a, '7'")  # as many wait still, and it has been said
        await asyncio.sleep(0.02)
        assert [((event := await anext(events)).kind, event.payload) for _ in range(2)] == [
            ("notification", "2"),
            ("overflow", ""),
        ]
        await notifier.execute("notify a, '8'")
        assert (await anext(events)).payload == "8"


async def test_leaving_ends_it_at_once(pool, notifier):
    async with pool.listener("a") as events:
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0)
        with pytest.raises(InterfaceError, match="another task waits"):
            await anext(events)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await notifier.execute("notify a, 'still there'")
        assert (await anext(events)).payload == "still there"
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0)
    with pytest.raises(InterfaceError, match="the listener is closed"):
        await waiting
    for call in (events.add("b"), events.remove("a"), anext(events)):
        with pytest.raises(InterfaceError, match="the listener is closed"):
            await call
    with pytest.raises(InterfaceError, match="entered already"):
        await events.__aenter__()
    with pytest.raises(InterfaceError, match="not entered yet"):
        await anext(pool.listener("a"))


@pytest.mark.parametrize("end", ["close", "terminate"])
async def test_the_end_of_the_pool_ends_it(dsn, end):
    pool = await pgstride.create_pool(dsn, min_size=0, max_size=1)
    async with pool.listener("a") as events:
        connection = events._con
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0)
        if end == "close":
            await pool.close()
        else:
            pool.terminate()
        assert connection.is_closed()
        with pytest.raises(InterfaceError, match="pool is clos"):
            await waiting
    with pytest.raises(InterfaceError, match="pool is closed"):
        await pool.listener("a").__aenter__()


@pytest.mark.parametrize("failure", [ConnectionRefusedError("refused"), Gate.DIES])
async def test_the_end_of_the_pool_ends_a_pause(dsn, failure):
    async with gated(dsn, first_pause=1000, longest_pause=1000) as (events, gate):
        gate.failures.append(failure)
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0.05)
        assert gate.calls == 1 and not waiting.done()
        events._pool.terminate()
        with pytest.raises(InterfaceError, match="pool is closed"):
            await asyncio.wait_for(waiting, 5)


def test_options(dsn):
    pool = pgstride.create_pool(dsn)
    for option in ("most_waiting", "attempts"):
        with pytest.raises(ValueError, match=f"{option} is expected to be greater than zero"):
            pool.listener("a", **{option: 0})
