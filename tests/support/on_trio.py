# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Runs tests under Trio."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import typing

import absent
import pgstride
from postconditions import descriptors

absent.skip_without("trio")

import trio  # noqa: E402

HANG = 30.0
"""Seconds after which a test counts as hanging."""

Test = typing.Callable[..., typing.Awaitable[None]]


class Complaints(logging.Handler):
    """What the driver had nobody to tell of. A test that provokes it takes it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def take(self) -> list[logging.LogRecord]:
        taken, self.records = self.records, []
        return taken


complaints = Complaints()


def on_trio(test: Test) -> typing.Callable[..., None]:
    """A test that runs under Trio, and leaves neither descriptors nor complaints behind."""

    @functools.wraps(test)
    def run(**fixtures: object) -> None:
        async def limited() -> None:
            with trio.fail_after(HANG):
                await test(**fixtures)

        gc.collect()
        open_before = descriptors()
        logging.getLogger("pgstride").addHandler(complaints)
        try:
            trio.run(limited)
        finally:
            logging.getLogger("pgstride").removeHandler(complaints)
            left = complaints.take()
        gc.collect()
        assert not left, [record.getMessage() for record in left]
        assert descriptors() <= open_before

    return run


@contextlib.asynccontextmanager
async def connected(dsn: str, **options: typing.Any) -> typing.AsyncIterator[pgstride.Connection]:
    connection = await pgstride.connect(dsn, **options)
    try:
        yield connection
    finally:
        with trio.CancelScope(shield=True):
            await connection.close(timeout=HANG)


async def usable(connection: pgstride.Connection) -> None:
    token = f"token {trio.current_time()}"
    assert await connection.fetchval("select $1::text", token) == token


async def until(connection: pgstride.Connection, query: str, *args: object) -> None:
    """Returns once the query says true."""
    while not await connection.fetchval(query, *args):
        await trio.sleep(0.005)
