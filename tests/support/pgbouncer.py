# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A throwaway PgBouncer in front of a server.

`with Bouncer(port, "transaction") as bouncer: connect(bouncer.dsn)`. It dies with the process that asked
for it.

    pgbouncer.py [--pool-size 8] MODE command...   runs a command that finds one of that mode in PGSTRIDE_TEST_DSN, and
                                                   what had been there, the server behind it, in PGSTRIDE_DIRECT_DSN
"""

from __future__ import annotations

import argparse
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

try:
    from tests.support import certificates, postgres
except ImportError:  # run as a command
    import certificates
    import postgres

PR_SET_PDEATHSIG = 1
START_TIMEOUT = 30.0

CONFIGURATION = """\
[databases]
* = host={server_host} port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = {auth_type}
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {pool_size}
server_login_retry = 1
admin_users = postgres
"""
CLIENT_TLS = """\
client_tls_sslmode = require
client_tls_cert_file = {folder}/bouncer.crt
client_tls_key_file = {folder}/bouncer.key
"""
SERVER_TLS = """\
server_tls_sslmode = verify-full
server_tls_ca_file = {server_root}
"""
USERS = """\
"postgres" ""
"pgstride_ssl" ""
"pgstride_scram" "secret"
"""


def find() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


class Bouncer:
    """With a `certificate` its clients must do TLS; with `server_root` it does so itself, to a server at localhost."""

    def __init__(
        self,
        server_port: int,
        mode: str,
        pool_size: int = 2,
        auth_type: str = "trust",
        certificate: certificates.Certificate | None = None,
        server_root: str | None = None,
    ) -> None:
        self._values = {
            "server_host": "localhost" if server_root else "127.0.0.1",
            "server_port": server_port,
            "server_root": server_root,
            "mode": mode,
            "pool_size": pool_size,
            "auth_type": auth_type,
        }
        self._template = CONFIGURATION + (CLIENT_TLS if certificate else "") + (SERVER_TLS if server_root else "")
        self._certificate = certificate

    def __enter__(self) -> Bouncer:
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="pgstride-bouncer-"))
        self._folder.chmod(0o755)
        if self._certificate:
            for file, name in zip(self._certificate, ("bouncer.crt", "bouncer.key")):
                shutil.copy(file, self._folder / name)
                os.chown(self._folder / name, _ordinary_user().get("user", -1), -1)
        for _ in range(5):  # somebody else may take the port between our look and its bind
            self.port = postgres.free_port()
            if self._start():
                where = f"postgresql://postgres@127.0.0.1:{self.port}"
                self.dsn, self.console = f"{where}/{postgres.DATABASE}", f"{where}/pgbouncer"
                return self
        log = (self._folder / "log").read_text(errors="replace")
        shutil.rmtree(self._folder, ignore_errors=True)
        raise RuntimeError("PgBouncer did not start:\n" + log[-4000:])

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> bool:
        configuration = self._folder / "pgbouncer.ini"
        configuration.write_text(self._template.format(**self._values, port=self.port, folder=self._folder))
        (self._folder / "users").write_text(USERS)
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool-size", type=int, default=8)
    parser.add_argument("mode", choices=["session", "transaction", "statement"])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    direct = os.environ["PGSTRIDE_TEST_DSN"]
    with Bouncer(urllib.parse.urlsplit(direct).port, options.mode, options.pool_size) as bouncer:
        environment = os.environ | {"PGSTRIDE_TEST_DSN": bouncer.dsn, "PGSTRIDE_DIRECT_DSN": direct}
        return subprocess.run(options.command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
