# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Every connection that one DSN leads to, the first of a pool, a later one and a request to cancel, is made in the same
way, whatever way that is (DT-11, R-T9, R-C9). The server here is a TLS server of Python's that notes how it is met."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import threading
import typing

import certificates
import hostile
import pytest
from hostile import CANCEL_REQUEST, SSL_REQUEST, WELCOME, error, ready
from postconditions import HANG

import pgstride

pytestmark = pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
PROFILES = 20
CANCELED = error("57014") + ready()


class Server:
    """Answers nothing before it was told to cancel that."""

    def __init__(self, make_context: typing.Callable[[], ssl.SSLContext]) -> None:
        self._make_context = make_context
        self._cancelled = threading.Event()
        self.met: list[tuple[object, ...]] = []
        """In order: what for and how."""

    def __call__(self, line: hostile.Line) -> None:
        is_direct = line.socket.recv(1, socket.MSG_PEEK) == b"\x16"
        if not is_direct:
            assert line.first_packet()[0] == SSL_REQUEST
            line.socket.sendall(b"S")
        names: list[str | None] = []
        context = self._make_context()
        context.sni_callback = lambda _, name, __: names.append(name)
        with context.wrap_socket(line.socket, server_side=True) as wire:
            line.socket = wire
            shown = wire.getpeercert(binary_form=True)
            self._serve(line, (is_direct, names, wire.version(), wire.selected_alpn_protocol(), shown))

    def _serve(self, line: hostile.Line, how: tuple[object, ...]) -> None:
        code, _ = line.first_packet()
        self.met.append(("cancel" if code == CANCEL_REQUEST else "session", *how))
        if code == CANCEL_REQUEST:
            self._cancelled.set()
            return
        line.say(WELCOME)
        while True:
            kind, _ = line.next()
            if kind == b"X":
                return
            if kind in b"QS":
                self._cancelled.wait(HANG)
                self._cancelled.clear()
                line.say(CANCELED)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("profiles") / "ca")


@pytest.fixture(scope="module")
def own(authority):
    return authority.issue("server", names=["DNS:localhost"])


@pytest.fixture(scope="module")
def clients(authority):
    return [authority.issue(f"client{i}", common_name="me") for i in range(2)]


@pytest.fixture(scope="module")
def make_context(authority, own):
    def make_context() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*own)
        context.load_verify_locations(authority.root)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["postgresql"])
        return context

    return make_context


def random_profile(dice, clients, authority):
    profile = {
        "sslmode": dice.choice(["require", "verify-ca", "verify-full"]),
        "sslnegotiation": dice.choice(["postgres", "direct"]),
        "sslsni": dice.choice([0, 1]),
        "sslrootcert": authority.root,
        "ssl_max_protocol_version": dice.choice(["TLSv1.2", "TLSv1.3"]),
    }
    if dice.random() < 0.6:
        profile["sslcert"], profile["sslkey"] = dice.choice(clients)
    return profile


async def test_each_connection_is_made_in_the_same_way(make_context, clients, authority, monkeypatch):  # DT-11, R-T9
    monkeypatch.setenv("HOME", "/nonexistent")
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    seen = set()
    for _ in range(PROFILES):
        profile = random_profile(dice, clients, authority)
        server = Server(make_context)
        with hostile.Hostile(server) as listener, socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))  # the first host, which leaves nothing for the second
            hosts = f"localhost:{dead.getsockname()[1]},localhost:{listener.port}"
            query = "&".join(f"{key}={value}" for key, value in profile.items())
            pool = pgstride.create_pool(f"postgresql://me@{hosts}/shop?{query}", min_size=1, max_size=2)
            async with pool:
                first = await pool.acquire()
                with pytest.raises(asyncio.TimeoutError):
                    await first.execute("select pg_sleep(60)", timeout=0.02)
                second = await pool.acquire()
                while len(server.met) < 3:  # with the request to cancel, which would not outlive the first
                    await asyncio.sleep(0.002)
                for each in (first, second):
                    each.terminate()
                    await pool.release(each)
        purposes, ways = zip(*((purpose, how) for purpose, *how in server.met))
        assert sorted(purposes) == ["cancel", "session", "session"]
        assert ways[0] == ways[1] == ways[2], profile
        is_direct, names, version, alpn, shown = ways[0]
        assert is_direct == (profile["sslnegotiation"] == "direct")
        assert names == (["localhost"] if profile["sslsni"] else [None])
        assert version == profile["ssl_max_protocol_version"]
        assert alpn == "postgresql" and bool(shown) == ("sslcert" in profile)
        seen.add(str(ways[0][:3]) + str(bool(shown)))
    assert len(seen) > 1
