# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A server in a process of its own that thousands can be connected to: `with Crowd() as crowd: crowd.port`.

Whoever comes is welcome. Each statement returns one row of one text, "here"; a `NOTIFY` is heard by all.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import struct
import subprocess
import sys
import typing

from hostile import NO_PARAMETERS, WELCOME, columns, complete, message, notification, ready, row

_REPLIES = {
    b"P": message(b"1"),
    b"D": NO_PARAMETERS + columns("answer"),
    b"B": message(b"2"),
    b"E": row(b"here") + complete(),
    b"S": ready(),
    b"Q": complete("LISTEN") + ready(),
}


def may_open(count: int) -> bool:
    """So many descriptors, if the limit can be raised to that."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < count:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    return True


class Crowd(contextlib.AbstractContextManager["Crowd"]):
    def __enter__(self) -> Crowd:
        self._process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
        self.port = int(typing.cast(typing.IO[str], self._process.stdout).readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class _Session(asyncio.Protocol):
    everybody: typing.ClassVar[set[_Session]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = typing.cast(asyncio.Transport, transport)
        self._unread = b""
        self._is_welcome = False
        self.everybody.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.everybody.discard(self)

    def data_received(self, data: bytes) -> None:
        if not self._is_welcome:
            self._is_welcome = True
            return self._transport.write(WELCOME)
        self._unread += data
        said = b""
        while len(self._unread) >= 5:
            size = 1 + struct.unpack_from("!i", self._unread, 1)[0]
            if len(self._unread) < size:
                break
            if self._unread[:1] == b"Q" and self._unread[5:].startswith(b"NOTIFY"):
                for session in self.everybody:
                    session._transport.write(notification("news", "for all"))
            said += _REPLIES.get(self._unread[:1], b"")
            self._unread = self._unread[size:]
        self._transport.write(said)


async def _serve() -> None:
    may_open(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    server = await asyncio.get_running_loop().create_server(_Session, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
