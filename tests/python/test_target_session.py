# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""target_session_attrs against a real primary and its standby, and after the standby was promoted."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess

import absent
import pytest

import pgstride
from tests.support import replication

PSQL = shutil.which("psql")

if not replication.available():
    absent.skip("pg_basebackup", "there is none beside the server")


@pytest.fixture(scope="module")
def pair():
    with replication.Replication() as pair:
        yield pair


@pytest.fixture
def dead():
    """A port where nobody listens."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        yield unheard.getsockname()[1]


@pytest.fixture
def choose(connect):
    """The port of the server that is chosen from those on these ports."""

    async def choose(wanted, *ports, **options):
        connection = await connect(
            None,
            host=["127.0.0.1"] * len(ports),
            port=list(ports),
            user="postgres",
            database="postgres",
            target_session_attrs=wanted,
            **options,
        )
        assert await connection.fetchval("select 1") == 1
        return connection._addr[1]

    return choose


async def test_choice(choose, pair, dead):
    primary, standby = pair.primary, pair.standby
    expected = {
        "any": (primary, standby),
        "primary": (primary, primary),
        "read-write": (primary, primary),
        "standby": (standby, standby),
        "read-only": (standby, standby),
        "prefer-standby": (standby, standby),
    }
    for wanted, (first, reversed_) in expected.items():
        assert await choose(wanted, primary, standby) == first, wanted
        assert await choose(wanted, standby, primary) == reversed_, wanted
        assert await choose(wanted, dead, primary, dead, standby) == first, wanted


@pytest.mark.parametrize("wanted", [attribute.value for attribute in pgstride.connect_utils.SessionAttribute])
def test_choice_from_cpp(tour, pair, dead, wanted):
    """Whose loop over hosts is another: the same as psql's. The tour writes, so it is over soon on a standby."""
    for ports in ([pair.primary, pair.standby], [pair.standby, pair.primary], [dead, pair.standby, pair.primary]):
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        where = f"postgresql://postgres@{hosts}/postgres?target_session_attrs={wanted}"
        expected = wanted in ("primary", "read-write") or (wanted == "any" and ports[0] == pair.primary)
        said = tour(where)
        assert ("the first 1000 square roots" if expected else "in a read-only transaction") in said
        if PSQL:
            command = [PSQL, "-wXAtc", "select not pg_is_in_recovery()", where]
            assert subprocess.check_output(command, text=True) == ("t\n" if expected else "f\n")


async def test_the_address_that_was_chosen(connect, pair):
    hosts = f"127.0.0.1:{pair.primary},127.0.0.1:{pair.standby}"
    connection = await connect(f"postgresql://postgres@{hosts}/postgres?target_session_attrs=standby")
    assert connection._addr == ("127.0.0.1", pair.standby)
    assert connection._params.target_session_attrs == "standby"
    assert await connection.fetchval("select pg_is_in_recovery()")


async def test_none_is_of_that_kind(choose, pair, dead):
    for wanted, port in (("standby", pair.primary), ("primary", pair.standby), ("read-write", pair.standby)):
        with pytest.raises(pgstride.TargetServerAttributeNotMatched) as caught:
            await choose(wanted, port, port)
        attribute = pgstride.connect_utils.SessionAttribute(wanted)
        text = f"None of the hosts match the target attribute requirement {attribute!r}"
        assert str(caught.value) == text
    with pytest.raises(ConnectionRefusedError) as caught:
        await choose("standby", pair.primary, dead)
    text = f"127.0.0.1:{pair.primary}: is not standby; 127.0.0.1:{dead}: Connection refused"
    assert caught.value.strerror == text


async def test_prefer_standby_takes_what_there_is(choose, pair, dead):
    assert await choose("prefer-standby", dead, pair.primary) == pair.primary


async def test_a_session_that_is_read_only_by_default(connect, choose, pair):
    admin = await connect(pair.dsn(pair.primary))
    await admin.execute("alter role postgres set default_transaction_read_only = on")
    try:
        assert await choose("read-only", pair.primary) == pair.primary
        assert await choose("primary", pair.primary) == pair.primary
        with pytest.raises(pgstride.TargetServerAttributeNotMatched):
            await choose("read-write", pair.primary)
    finally:
        await admin.execute("set default_transaction_read_only = off")
        await admin.execute("alter role postgres reset default_transaction_read_only")


async def test_those_not_chosen_are_left(connect, choose, pair):
    admin = await connect(pair.dsn(pair.primary))
    await choose("standby", pair.primary, pair.standby)
    others = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    while await admin.fetchval(others):
        await asyncio.sleep(0.01)


async def test_load_balance(connect, pair):
    hosts = f"127.0.0.1:{pair.primary},127.0.0.1:{pair.standby}"
    seen = set()
    for _ in range(40):
        connection = await connect(f"postgresql://postgres@{hosts}/postgres?load_balance_hosts=random")
        seen.add(connection._addr[1])
        await connection.close()
    assert seen == {pair.primary, pair.standby}


async def test_what_is_in_the_way_of_recovery(connect, pair, usable):  # FO-5
    """A standby ends a query that reads what is gone at the primary; of a transaction that does nothing, the session."""
    primary = await connect(pair.dsn(pair.primary))
    standby, observer = [await connect(pair.dsn(pair.standby)) for _ in range(2)]
    await primary.execute("drop table if exists conflict; create table conflict as select generate_series(1, 100) as a")
    await observer.execute("alter system set max_standby_streaming_delay = 0")
    await observer.execute("select pg_reload_conf()")
    there = "select count(*) from pg_class where relname = 'conflict'"
    while not await standby.fetchval(there) or await standby.fetchval("show max_standby_streaming_delay") != "0":
        await asyncio.sleep(0.01)
    begin = "begin isolation level repeatable read; select from conflict"
    await standby.execute(begin)
    running = asyncio.ensure_future(standby.fetch("select pg_sleep(600)"))
    sleeps = "select count(*) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'"
    while not await observer.fetchval(sleeps, standby.get_server_pid()):
        await asyncio.sleep(0.01)
    await primary.execute("delete from conflict where a < 50")
    await primary.execute("vacuum conflict")
    with pytest.raises(pgstride.SerializationError, match="conflict with recovery"):
        await asyncio.wait_for(running, 30)
    await standby.execute("rollback")
    await usable(standby)

    await standby.execute(begin)
    await primary.execute("drop table conflict")
    while not standby.is_closed():
        await asyncio.sleep(0.01)
    with pytest.raises(pgstride.InterfaceError) as caught:
        await standby.fetch("select 1")
    assert "conflict with recovery" in str(caught.value.__cause__)


@pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
def test_promotion(runner):
    """With two servers of its own, as there is no way back."""

    async def promote(pair):
        admin = await pgstride.connect(pair.dsn(pair.standby), database="postgres")
        assert await admin.fetchval("select pg_promote(wait_seconds => 60)")
        await admin.close()
        for wanted in ("primary", "read-write"):
            connection = await pgstride.connect(
                pair.dsn(pair.standby), database="postgres", target_session_attrs=wanted
            )
            assert not await connection.fetchval("select pg_is_in_recovery()")
            await connection.close()

    with replication.Replication() as pair:
        runner(promote(pair))
