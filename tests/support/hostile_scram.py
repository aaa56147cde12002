# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The server's half of SCRAM-SHA-256, which may lie at every step. Standard library only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import typing

from hostile import Line, authentication, cstrings

SALT = base64.b64encode(b"salty salt").decode()


def mechanisms(*names: str) -> bytes:
    return authentication(10, cstrings(*names, ""))


class Scram:
    """One exchange. `first` and `final` are given this and return what the server says; the honest ones are
    honest_first and honest_final, None says nothing."""

    def __init__(
        self,
        password: str,
        *,
        iterations: object = 4096,
        salt: str = SALT,
        first: typing.Callable[[Scram], bytes] | None = None,
        final: typing.Callable[[Scram], bytes | None] | None = None,
    ) -> None:
        self._password = password
        self.iterations, self.salt = iterations, salt
        self._first = first or Scram.honest_first
        self._final = final or Scram.honest_final
        self.nonce = ""
        self.signature = b""

    def __call__(self, line: Line) -> None:
        line.say(mechanisms("SCRAM-SHA-256"))
        _, body = line.next()
        self._bare = body.split(b"\0", 1)[1][4:].decode().split(",", 2)[2]
        self.nonce = self._bare.split("r=")[1]
        self._server_first = self._first(self)
        line.say(authentication(11, self._server_first))
        _, body = line.next()
        self._prove(body.decode())
        final = self._final(self)
        if final is not None:
            line.say(authentication(12, final))

    def honest_first(self) -> bytes:
        return f"r={self.nonce}server,s={self.salt},i={self.iterations}".encode()

    def honest_final(self) -> bytes:
        return b"v=" + base64.b64encode(self.signature)

    def _prove(self, client_final: str) -> None:
        without_proof, proof = client_final.rsplit(",p=", 1)
        message = f"{self._bare},{self._server_first.decode()},{without_proof}".encode()
        salted = hashlib.pbkdf2_hmac("sha256", self._password.encode(), base64.b64decode(self.salt), int(self.iterations))
        digest = lambda key, text: hmac.new(key, text, "sha256").digest()
        client_key = digest(salted, b"Client Key")
        expected = digest(hashlib.sha256(client_key).digest(), message)
        assert bytes(a ^ b for a, b in zip(expected, client_key)) == base64.b64decode(proof)
        self.signature = digest(digest(salted, b"Server Key"), message)
