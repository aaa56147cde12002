# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A bad network: a TCP proxy before a real server, which spoils the first connection through it at a chosen byte.

Later ones (requests to cancel) pass, unless `later` is another fault. Bytes are only counted, never understood, so
it works for encrypted connections just as well. Standard library only.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import random
import select
import socket
import struct
import threading
import time
import typing

TO_CLIENT, TO_SERVER = "to client", "to server"
BOTH_WAYS = "both ways"  # for jitter
LASTING = ("trickle", "delay", "hold")
"""Faults that only slow down."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens once `at` bytes have passed in that direction.

    reset: both sides are cut off with a RST. end: the receiving side reads the end of the stream, and nothing more
    passes. stall: nothing passes that way any more, without a word. trickle: from there on one byte at a time, each
    after `pause` seconds. delay: one message at a time, each after `pause` seconds; not of what is encrypted. hold:
    everything passes, but nothing before `pause` seconds are over. jitter: everything, from the first byte on, comes
    `pause` seconds later, give or take `spread`. none: everything passes.
    """

    kind: str = "none"
    direction: str = TO_CLIENT
    at: int = 0
    pause: float = 0.0
    spread: float = 0.0


class Proxy:
    def __init__(
        self,
        target: tuple[str, int],
        fault: Fault = Fault(),
        later: Fault = Fault(),
        listener: socket.socket | None = None,  # where connections come from, if not from this machine
    ) -> None:
        self.target, self._fault, self._later = target, fault, later  # where connections go from now on
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.passed = {TO_CLIENT: 0, TO_SERVER: 0}
        """Bytes of the first connection."""
        self.sent = bytearray()
        """What the client has said on it."""
        self.connections = 0

    def __enter__(self) -> Proxy:
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in [self._listener, *self._sockets]:
            each.close()

    def _start(self, function: typing.Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                return
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, server]
            first = self.connections == 0
            self.connections += 1
            self._start(self._pump, server, client, TO_CLIENT, first)
            self._start(self._pump, client, server, TO_SERVER, first)

    def _pump(self, source: socket.socket, sink: socket.socket, direction: str, first: bool) -> None:
        fault = self._fault if first else self._later
        passed = 0
        try:
            if fault.kind == "jitter" and fault.direction in (direction, BOTH_WAYS):
                self._pass_late(source, fault, lambda data: self._pass(sink, data, direction, first))
            while data := source.recv(1 << 16):
                if fault.direction == direction and fault.kind != "none" and passed + len(data) > fault.at:
                    keep = max(fault.at - passed, 0)
                    self._pass(sink, data[:keep], direction, first)
                    passed += keep
                    self._spoil(fault, source, sink, data[keep:])
                    if fault.kind not in LASTING:
                        return
                else:
                    self._pass(sink, data, direction, first)
                passed += len(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (source, sink):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _pass(self, sink: socket.socket, data: bytes, direction: str, first: bool) -> None:
        if first and direction == TO_SERVER:
            self.sent += data
        if first:
            self.passed[direction] += len(data)  # before anybody can have it
        sink.sendall(data)

    def _pass_late(self, source: socket.socket, fault: Fault, on: typing.Callable[[bytes], None]) -> None:
        """In order, so what has drawn a short delay may have to wait for what is before it. Ends with the stream."""
        on_its_way: collections.deque[tuple[float, bytes]] = collections.deque()
        due, is_over = 0.0, False
        while on_its_way or not is_over:
            wait = max(on_its_way[0][0] - time.monotonic(), 0) if on_its_way else None
            if select.select([] if is_over else [source], [], [], wait)[0]:
                data = source.recv(1 << 16)
                due = max(due, time.monotonic() + fault.pause + random.uniform(-fault.spread, fault.spread))
                on_its_way.append((due, data))
                is_over = not data
            elif data := on_its_way.popleft()[1]:
                on(data)

    def messages(self) -> list[tuple[str, bytes]]:
        """What the client has said on the first connection, if that is not encrypted: (type, body) each, the
        StartupMessage's type being empty."""
        said, at = bytes(self.sent), 0
        found = []
        while at < len(said):
            kind = said[at : at + 1].decode("latin-1") if at else ""
            (size,) = struct.unpack_from("!i", said, at + len(kind))
            found.append((kind, said[at + len(kind) + 4 : at + len(kind) + size]))
            at += len(kind) + size
        return found

    def _spoil(self, fault: Fault, source: socket.socket, sink: socket.socket, rest: bytes) -> None:
        if fault.kind == "reset":
            for each in (source, sink):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # The other pump still reads from it: shutting down wakes that one, close() alone would not.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RD)
                each.close()
        elif fault.kind == "end":
            sink.shutdown(socket.SHUT_WR)
            self._over.wait()
        elif fault.kind == "stall":
            self._over.wait()
        elif fault.kind == "trickle":
            for i in range(len(rest)):
                sink.sendall(rest[i : i + 1])
                if fault.pause:
                    self._over.wait(fault.pause)
        elif fault.kind == "delay":
            for each in messages_in(rest):
                self._over.wait(fault.pause)
                sink.sendall(each)
        elif fault.kind == "hold":
            self._over.wait(fault.pause)
            sink.sendall(rest)


def messages_in(said: bytes) -> typing.Iterator[bytes]:
    """What ends in the middle of one is taken for a message, too."""
    while said:
        size = 1 + struct.unpack_from("!i", said, 1)[0] if len(said) >= 5 else len(said)
        yield said[:size]
        said = said[size:]
