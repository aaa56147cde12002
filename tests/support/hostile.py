# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A server that says what it is told, in a thread of its own.

`Hostile` answers every connection with a part: a function that is given the `Line`, the wire as the server
sees it. `Part` is the usual one: an honest start-up, an honest answer to every request but one, and to that
one the bytes of a test. Honest means: one column of one text, which is the first argument, or "honest".
Standard library only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
import threading
import typing

SSL_REQUEST = 80877103
CANCEL_REQUEST = 80877102

# --- what servers say ---------------------------------------------------------------------------------


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def lying(kind: bytes, length: int, body: bytes = b"") -> bytes:
    """A message whose length field says something else."""
    return kind + struct.pack("!i", length) + body


def cstrings(*texts: str | bytes) -> bytes:
    return b"".join((text.encode() if isinstance(text, str) else text) + b"\0" for text in texts)


def authentication(kind: int, data: bytes = b"") -> bytes:
    return message(b"R", struct.pack("!i", kind) + data)


def parameter(name: str, value: str) -> bytes:
    return message(b"S", cstrings(name, value))


def key_data(pid: int = 7, key: bytes = b"abcd") -> bytes:
    return message(b"K", struct.pack("!i", pid) + key)


def ready(status: bytes = b"I") -> bytes:
    return message(b"Z", status)


def columns(*names: str, oid: int = 25, text: bool = False) -> bytes:
    body = struct.pack("!H", len(names))
    for name in names:
        body += cstrings(name) + struct.pack("!ihihih", 0, 0, oid, -1, -1, 0 if text else 1)
    return message(b"T", body)


def row(*values: bytes | None) -> bytes:
    body = struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return message(b"D", body)


def complete(tag: str = "SELECT 1") -> bytes:
    return message(b"C", cstrings(tag))


def fields(kind: bytes, **texts: str | bytes) -> bytes:
    letters = b"".join(letter.encode() + cstrings(text) for letter, text in texts.items())
    return message(kind, letters + b"\0")


def error(sqlstate: str = "22012", severity: str = "ERROR", text: str = "as told") -> bytes:
    return fields(b"E", S=severity, V=severity, C=sqlstate, M=text)


def notice(text: str = "by the way") -> bytes:
    return fields(b"N", S="NOTICE", V="NOTICE", C="00000", M=text)


def notification(channel: str, payload: str = "", pid: int = 1) -> bytes:
    return message(b"A", struct.pack("!i", pid) + cstrings(channel, payload))


def copy_response(kind: bytes, format: int = 0, columns: int = 1) -> bytes:
    return message(kind, struct.pack("!bH", format, columns) + struct.pack("!h", format) * columns)


PARSED, BOUND, CLOSED, NO_DATA = message(b"1"), message(b"2"), message(b"3"), message(b"n")
EMPTY, SUSPENDED, COPY_DONE = message(b"I"), message(b"s"), message(b"c")
NO_PARAMETERS = message(b"t", struct.pack("!H", 0))
SETTINGS = parameter("server_version", "15.4") + parameter("client_encoding", "UTF8") + parameter("TimeZone", "UTC")
WELCOME = authentication(0) + SETTINGS + key_data() + ready()

# --- the wire -----------------------------------------------------------------------------------------


class Gone(Exception):
    """The client has hung up."""


class Line:
    """One connection, as the server sees it."""

    def __init__(self, connection: socket.socket, heard: list[str]) -> None:
        self.socket = connection
        self._heard = heard
        self._unread = b""

    def say(self, *what: bytes) -> None:
        try:
            for each in what:
                self.socket.sendall(each)
        except OSError:
            raise Gone from None

    def read(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._unread += self._receive()
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _receive(self) -> bytes:
        try:
            received = self.socket.recv(1 << 16)
        except OSError:
            raise Gone from None
        if not received:
            raise Gone
        return received

    def first_packet(self) -> tuple[int, bytes]:
        """(code, body) of StartupMessage, SSLRequest or CancelRequest."""
        length, code = struct.unpack("!ii", self.read(8))
        body = self.read(length - 8)
        self._heard.append({SSL_REQUEST: "ssl", CANCEL_REQUEST: "cancel"}.get(code, "startup"))
        return code, body

    def next(self) -> tuple[bytes, bytes]:
        """(type, body) of the next message."""
        kind, length = struct.unpack("!ci", self.read(5))
        body = self.read(length - 4)
        self._heard.append(kind.decode("latin-1"))
        return kind, body

    def listen(self) -> typing.NoReturn:
        """Reads until the client hangs up."""
        self._unread = b""
        while True:
            self._receive()

    def reset(self) -> typing.NoReturn:
        """Hangs up without a good-bye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        raise Gone


Saying = typing.Union[bytes, typing.Callable[[Line], None]]


def say(line: Line, what: Saying) -> None:
    if callable(what):
        what(line)
    else:
        line.say(what)


# --- parts --------------------------------------------------------------------------------------------


class Honest:
    """A server that plays by the rules, as far as it goes."""

    def __init__(self) -> None:
        self._parameters = 0
        self._command = False
        self._argument = b"honest"

    def __call__(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"P":
            self._parameters = 1 if b"$1" in body else 0
            self._command = not body.split(b"\0", 1)[1].lower().startswith((b"select", b"show"))
            return PARSED
        if kind == b"D":
            parameters = struct.pack("!H", self._parameters) + struct.pack("!i", 25) * self._parameters
            return message(b"t", parameters) + (NO_DATA if self._command else columns("answer"))
        if kind == b"B":
            _, _, rest = body.split(b"\0", 2)
            at = 2 + 2 * struct.unpack_from("!H", rest)[0]
            count, size = struct.unpack_from("!Hi", rest + bytes(4), at)
            self._argument = rest[at + 6 : at + 6 + size] if count else b"honest"
            return BOUND
        if kind == b"E":
            return complete("LISTEN") if self._command else row(self._argument) + complete()
        if kind == b"Q":
            return columns("answer", text=True) + row(b"honest") + complete() + ready()
        return {b"C": CLOSED, b"S": ready()}.get(kind, b"")


@dataclasses.dataclass
class Part:
    """Welcomes, answers honestly, and says `reply` instead of the answer to request number `turn` (from 1),
    once the whole of that request (up to its Sync or Query) was read; with turn 0, right after the welcome."""

    reply: Saying = b""
    turn: int = 1
    welcome: Saying = WELCOME
    byte_by_byte: bool = False

    def __call__(self, line: Line) -> None:
        code, _ = line.first_packet()
        if code == CANCEL_REQUEST:
            return
        if code == SSL_REQUEST:
            line.say(b"N")
            line.first_packet()
        say(line, self.welcome)
        if self.turn == 0:
            self._lie(line)
        requests, answer, honest = 0, b"", Honest()
        while True:
            kind, body = line.next()
            if kind == b"X":
                return
            answer += honest(kind, body)
            if kind not in b"SQ":
                continue
            requests += 1
            if requests == self.turn:
                self._lie(line)
            else:
                line.say(answer)
            answer = b""

    def _lie(self, line: Line) -> None:
        if self.byte_by_byte and isinstance(self.reply, bytes):
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.say(*(self.reply[i : i + 1] for i in range(len(self.reply))))
        else:
            say(line, self.reply)


# --- the server ---------------------------------------------------------------------------------------


class Hostile:
    """Plays `part` on every connection to `port`, each in a thread; all are over when the `with` block ends.

    `heard` is what arrived, in order: "startup", "ssl", "cancel" and the letters of messages.
    """

    def __init__(self, part: typing.Callable[[Line], None]) -> None:
        self._part = part
        self._lines: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.heard: list[str] = []
        self.connections = 0
        self.failures: list[BaseException] = []
        self.hung_up = threading.Event()
        """The first client is gone, or has been left."""

    def __enter__(self) -> Hostile:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def stop_listening(self) -> None:
        """From now on connections are refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()

    def __exit__(self, kind: object, *_: object) -> None:
        self.stop_listening()
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        if kind is None and self.failures:
            raise self.failures[0]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._lines.append(connection)
            thread = threading.Thread(target=self._play, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, connection: socket.socket) -> None:
        line = Line(connection, self.heard)
        try:
            self._part(line)
        except Gone:
            pass
        except BaseException as failure:  # told to the test when the block ends
            self.failures.append(failure)
        finally:
            connection.close()
            self.hung_up.set()
