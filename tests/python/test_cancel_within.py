# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Giving up from within the very code that a request calls: a decoder, an encoder, an iterable, a sink.

Ctrl-C does that. asyncio's runner answers it by cancelling the main task from a signal handler, which Python runs
between any two lines of such code, so in the middle of a message that is read or written.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import sys

import pytest

import pgstride

ROWS = 5000


class GivesUp:
    """Cancels the task that waits, at the `at`th call."""

    def __init__(self, at: int, how: str = "cancel", connection: pgstride.Connection | None = None) -> None:
        self._left = at
        self._how = how
        self._connection = connection
        self._task = asyncio.current_task()

    def __call__(self, value=None):
        self._left -= 1
        if self._left == 0:
            if self._how == "cancel":
                self._task.cancel()
            else:
                self._connection.terminate()
        return value

    def rows(self):
        for i in range(ROWS):
            self()
            yield i, "x" * 1000


async def check(connection, usable, call, at, how):
    """`call` takes one of those who give up."""
    task = asyncio.ensure_future(run(connection, call, at, how))
    if how == "cancel":
        with pytest.raises(asyncio.CancelledError):
            await task
        await usable(connection)
    else:
        with pytest.raises((pgstride.ConnectionDoesNotExistError, pgstride.InterfaceError)):
            await task
        assert connection.is_closed()


async def run(connection, call, at, how):
    await call(GivesUp(at, how, connection))


HOW = pytest.mark.parametrize("how", ["cancel", "terminate"])
AT = pytest.mark.parametrize("at", [1, 2, 100, 1000])


@HOW
@AT
async def test_an_iterable_of_arguments(connect, usable, how, at):
    connection = await connect()
    await connection.execute("create temp table within (a int, b text)")
    query = "insert into within values ($1, $2)"
    await check(connection, usable, lambda it: connection.executemany(query, it.rows()), at, how)
    if how == "cancel":
        assert await connection.fetchval("select count(*) from within") == 0


@HOW
@AT
async def test_an_iterable_of_records(connect, usable, how, at):
    connection = await connect()
    await connection.execute("create temp table within (a int, b text)")
    await check(
        connection, usable, lambda it: connection.copy_records_to_table("within", records=it.rows()), at, how
    )
    if how == "cancel":
        assert await connection.fetchval("select count(*) from within") == 0


@HOW
@AT
async def test_an_encoder(connect, usable, how, at):
    connection = await connect()
    await connection.execute("create temp table within (a int, b json)")

    async def call(gives_up):
        await connection.set_type_codec("json", schema="pg_catalog", encoder=gives_up, decoder=str)
        await connection.executemany("insert into within values ($1, $2)", [(i, "1") for i in range(ROWS)])

    await check(connection, usable, call, at, how)


@HOW
@AT
@pytest.mark.parametrize("format", ["text", "binary"])
async def test_a_decoder(connect, usable, how, at, format):
    connection = await connect()

    async def call(gives_up):
        await connection.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=gives_up, format=format)
        await connection.fetch("select '{}'::json from generate_series(1, $1)", ROWS)

    await check(connection, usable, call, at, how)


@HOW
@AT
async def test_a_decoder_of_many(connect, usable, how, at):
    connection = await connect()

    async def call(gives_up):
        await connection.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=gives_up)
        await connection.fetchmany("select $1::int, '{}'::json", [(i,) for i in range(ROWS)])

    await check(connection, usable, call, at, how)


@HOW
async def test_python_s_own_types(connect, usable, monkeypatch, how):
    connection = await connect()
    network = ipaddress.ip_interface

    async def call(gives_up):
        monkeypatch.setattr(ipaddress, "ip_interface", lambda *args: gives_up(network(*args)))
        await connection.set_type_codec("inet", schema="pg_catalog", encoder=str, decoder=ipaddress.ip_interface)
        await connection.fetch("select '10.0.0.1/8'::inet from generate_series(1, 10)")

    await check(connection, usable, call, 1, how)


@HOW
@AT
async def test_what_a_copy_out_is_written_to(connect, usable, how, at):
    connection = await connect()

    async def call(gives_up):
        class Sink(io.BytesIO):
            def write(self, data):
                gives_up()
                return super().write(data)

        await connection.copy_from_query(
            "select i, repeat('x', 1000) from generate_series(1, 200000) i", output=Sink()
        )

    await check(connection, usable, call, min(at, 2), how)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.run() leaves SIGINT to Python before 3.11")
@pytest.mark.parametrize("call", ["executemany", "copy", "decoder"])
def test_ctrl_c(python, call):
    """The signal comes there, and not by chance."""
    code, out, err = python(
        """
        import asyncio, os, signal, sys
        import pgstride

        def interrupts(value=None, left=[3]):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGINT)
            return value

        def rows():
            for i in range(3000):
                interrupts()
                yield i, "x" * 1000

        async def main():
            connection = await pgstride.connect(os.environ["PGSTRIDE_TEST_DSN"])
            await connection.execute("create temp table within (a int, b text)")
            await connection.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=interrupts)
            try:
                match sys.argv[1]:
                    case "executemany":
                        await connection.executemany("insert into within values ($1, $2)", rows())
                    case "copy":
                        await connection.copy_records_to_table("within", records=rows())
                    case "decoder":
                        await connection.fetch("select '1'::json from generate_series(1, 1000)")
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()
                print(await connection.fetchval("select count(*) from within"))
                await connection.close()
                raise

        asyncio.run(main())
        """,
        call,
    )
    assert (code, out.strip()) == (-2, "0"), err
    assert err.strip().endswith("KeyboardInterrupt")
