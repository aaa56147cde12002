# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A network of its own: a client's namespace, and those of two servers, of which one has the servers' address.

    client ──one── server "one"      10.213.0.9, until it moves
       └────other── server "other"

The namespaces have no names, so that they cannot be in anybody's way and are gone with whoever made them, however that
ends. Nothing leads out of them: a thread that enters one makes its sockets there, and a proxy's threads that have not
entered it carry the bytes on. Needs root, `ip`, `nft` and what they need of the kernel; as a command, says what of it
is missing. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import typing

SERVER, PORT = "10.213.0.9", 5432
CLIENT = "10.213.0.1"
CLONE_NEWNET = 0x40000000

# What comes in is lost, on either side: TCP would be told of what cannot even leave.
LOSSY = """\
table ip lab {{
  counter seen {{ }}
  counter lost {{ }}
  chain incoming {{
    type filter hook prerouting priority -300; policy accept;
    counter name seen
    numgen random mod 100 < {percent} counter name lost drop
  }}
}}
"""

libc = ctypes.CDLL(None, use_errno=True)


def call(function: str, *arguments: int) -> None:
    if getattr(libc, function)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function}: {os.strerror(error)}")


def own() -> int:
    """This thread's namespace."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


@contextlib.contextmanager
def elsewhere(function: str, *arguments: int) -> typing.Iterator[None]:
    """Brings this thread to another namespace, and back."""
    home = own()
    try:
        call(function, *arguments)
        try:
            yield
        finally:
            call("setns", home, CLONE_NEWNET)
    finally:
        os.close(home)


class Namespace:
    """Lives as long as this object, and the sockets and threads in it."""

    def __init__(self) -> None:
        with elsewhere("unshare", CLONE_NEWNET):
            self._fd = own()

    def entered(self) -> typing.ContextManager[None]:
        """Meanwhile the sockets, processes and threads that this thread makes belong there."""
        return elsewhere("setns", self._fd, CLONE_NEWNET)

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    def ip(self, *commands: str) -> None:
        self._run("ip", "-batch", "-", said="\n".join(commands))

    def lose(self, percent: int) -> None:
        self._run("nft", "-f", "-", said=LOSSY.format(percent=percent))

    def packets(self) -> tuple[int, int]:
        """How many have come, and how many of them were lost."""
        told = json.loads(self._run("nft", "-j", "list", "counters", "table", "ip", "lab"))["nftables"]
        counters = {each["counter"]["name"]: each["counter"]["packets"] for each in told if "counter" in each}
        return counters["seen"], counters["lost"]

    def _run(self, program: str, *arguments: str, said: str = "") -> str:
        with self.entered():
            done = subprocess.run([find(program), *arguments], input=said, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")
        return str(done.stdout)

    def close(self) -> None:
        os.close(self._fd)


class Lab:
    def __enter__(self) -> Lab:
        with contextlib.ExitStack() as stack:
            self.client, self.one, self.other = (stack.enter_context(contextlib.closing(Namespace())) for _ in "123")
            for name, server in (("one", self.one), ("other", self.other)):
                self.client.ip(
                    f"link add {name} type veth peer name client netns {server.path}",
                    f"addr add {CLIENT}/32 dev {name}",
                    f"link set {name} up",
                )
                server.ip("link set client up")
            self._has_address(self.one, "one")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            self.client.ip("link del one", "link del other")

    def _has_address(self, server: Namespace, name: str) -> None:
        server.ip(f"addr add {SERVER} peer {CLIENT}/32 dev client")
        self.client.ip(f"route replace {SERVER} dev {name} src {CLIENT}")

    def move(self) -> None:
        """The servers' address is that of the other one from now on. The first does not tell anybody."""
        self.one.ip(f"addr del {SERVER} peer {CLIENT}/32 dev client")
        self._has_address(self.other, "other")

    def listen(self, server: Namespace) -> socket.socket:
        with server.entered():
            return socket.create_server(("", PORT), backlog=64)

    @contextlib.contextmanager
    def down(self) -> typing.Iterator[None]:
        """The link to the first server. What is sent meanwhile is lost without a word."""
        self.one.ip("link set client down")
        try:
            yield
        finally:
            self.one.ip("link set client up")


def find(program: str) -> str:
    """Or "" if it is not there."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin") or ""


def what_is_missing() -> str | None:
    """Found by trying."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces are for root on Linux"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if not find(program):
            return f"there is no {program} (Debian: {package})"
    try:
        with Lab() as lab:
            lab.client.lose(1)
    except (OSError, RuntimeError) as error:
        return f"this machine cannot do it: {error}"
    return None


if __name__ == "__main__":
    sys.exit(what_is_missing())
