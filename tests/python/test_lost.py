# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connections that the network takes away, told by a server that is not one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest

import pgstride


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


WELCOME = message(b"R", struct.pack("!i", 0)) + message(b"K", struct.pack("!i4s", 7, b"abcd")) + message(b"Z", b"I")


@contextlib.asynccontextmanager
async def connection_to(answer):
    """A connection to a server that welcomes everybody and meets the first query with `answer`."""
    writers = []

    async def serve(reader, writer):
        writers.append(writer)
        await reader.read(4096)
        writer.write(WELCOME)
        await reader.read(4096)
        await answer(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = await pgstride.connect(host="127.0.0.1", port=port, user="me", password="", timeout=10)
    try:
        yield connection
    finally:
        connection.terminate()
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)


async def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def end(writer):
    writer.close()


async def test_reset_in_the_middle_of_an_operation(runner):
    async with connection_to(reset) as connection:
        with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation") as raised:
            await connection.fetch("select 1")
        assert isinstance(raised.value.__cause__, ConnectionResetError)
        assert connection.is_closed()
        with pytest.raises(pgstride.InterfaceError, match="connection is closed"):
            await connection.fetch("select 1")


async def test_end_in_the_middle_of_an_operation(runner):
    async with connection_to(end) as connection:
        with pytest.raises(pgstride.ConnectionDoesNotExistError, match="in the middle of operation") as raised:
            await connection.fetch("select 1")
        assert isinstance(raised.value.__cause__, ConnectionError)
        assert connection.is_closed()
