# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A throwaway PgBouncer in front of a server.

`with Bouncer(port, "transaction") as bouncer: connect(bouncer.dsn)`. It dies with the process that asked
for it.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

try:
    from tests.support import postgres
except ImportError:  # run as a command
    import postgres

PR_SET_PDEATHSIG = 1
START_TIMEOUT = 30.0

CONFIGURATION = """\
[databases]
* = host=127.0.0.1 port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {pool_size}
server_login_retry = 1
"""


def find() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


class Bouncer:
    def __init__(self, server_port: int, mode: str, pool_size: int = 2) -> None:
        self._server_port = server_port
        self._mode = mode
        self._pool_size = pool_size

    def __enter__(self) -> Bouncer:
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="pgstride-bouncer-"))
        self._folder.chmod(0o755)
        for _ in range(5):  # somebody else may take the port between our look and its bind
            self.port = postgres.free_port()
            if self._start():
                self.dsn = f"postgresql://postgres@127.0.0.1:{self.port}/{postgres.DATABASE}"
                return self
        log = (self._folder / "log").read_text(errors="replace")
        shutil.rmtree(self._folder, ignore_errors=True)
        raise RuntimeError("PgBouncer did not start:\n" + log[-4000:])

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> bool:
        values = {"server_port": self._server_port, "port": self.port, "folder": self._folder}
        configuration = self._folder / "pgbouncer.ini"
        configuration.write_text(CONFIGURATION.format(**values, mode=self._mode, pool_size=self._pool_size))
        (self._folder / "users").write_text('"postgres" ""\n')
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [find(), str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
                **_ordinary_user(),
            )
        deadline = time.monotonic() + START_TIMEOUT
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.02)
        self._process.kill()
        self._process.wait()
        return False


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _ordinary_user() -> dict[str, object]:
    """PgBouncer refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
