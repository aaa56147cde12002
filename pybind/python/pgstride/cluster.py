# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""PostgreSQL servers for tests: made, started, configured and thrown away.

>>> cluster = TempCluster()
>>> cluster.init()
>>> cluster.trust_local_connections()
>>> cluster.start(port="dynamic")
>>> connection = await cluster.connect(user="postgres", database="postgres")
>>> cluster.stop()
>>> cluster.destroy()

Everything blocks except :meth:`Cluster.connect`. Started as root, the server runs as an ordinary user.
"""

from __future__ import annotations

import asyncio
import glob
import os
import pathlib
import pwd
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import typing

from . import connection, serverversion, types

_START_ATTEMPTS = 5


class ClusterError(Exception):
    """The server could not be made to do something; the text has what it said."""


def find_available_port() -> int | None:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", 0))
        except OSError:
            return None
        return int(listener.getsockname()[1])


def _bindir(pg_config_path: str | None) -> pathlib.Path:
    config = pg_config_path or os.environ.get("PGINSTALLATION_CONFIG") or shutil.which("pg_config")
    if config:
        done = subprocess.run([config, "--bindir"], capture_output=True, text=True)
        found = pathlib.Path(done.stdout.strip())
        if done.returncode == 0 and (found / "pg_ctl").exists():
            return found
        if pg_config_path:
            raise ClusterError(f"there is no server where {pg_config_path} says: {done.stderr or found}")
    installed = [path for path in glob.glob("/usr/lib/postgresql/*/bin") if os.path.exists(f"{path}/pg_ctl")]
    if installed:
        return pathlib.Path(max(installed, key=lambda path: [int(n) for n in re.findall(r"\d+", path)]))
    if pg_ctl := shutil.which("pg_ctl"):
        return pathlib.Path(pg_ctl).resolve().parent
    raise ClusterError("found no PostgreSQL server: pg_config is not on the PATH")


def _ordinary_user() -> pwd.struct_passwd | None:
    """Whom to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise ClusterError("running as root, and there is neither a user postgres nor nobody to drop to")


class Cluster:
    """A data directory and the server on it."""

    def __init__(self, data_dir: str, *, pg_config_path: str | None = None) -> None:
        self._data_dir = data_dir
        self._pg_config_path = pg_config_path
        self._spec: dict[str, typing.Any] = {}
        self._overridden: dict[str, typing.Any] = {}
        self._user = _ordinary_user()

    # --- asking ---------------------------------------------------------------------------------------

    def get_data_dir(self) -> str:
        return self._data_dir

    def is_managed(self) -> bool:
        """This process starts and stops it."""
        return True

    def get_pg_version(self) -> types.ServerVersion:
        return serverversion.split_server_version_string(self._run("postgres", "--version").split()[2])

    def get_status(self) -> str:
        """``'not-initialized'``, ``'stopped'`` or ``'running'``."""
        if not os.path.exists(os.path.join(self._data_dir, "PG_VERSION")):
            return "not-initialized"
        code, said = self._program("pg_ctl", "status", "-D", self._data_dir)
        if code not in (0, 3):
            raise ClusterError(f"pg_ctl status exited with {code}:\n{said}")
        return "running" if code == 0 else "stopped"

    def get_connection_spec(self) -> dict[str, typing.Any] | None:
        """`host` and `port` of the running server, and what was overridden; None when it does not run."""
        if not self._spec and self.get_status() == "running":
            lines = pathlib.Path(self._data_dir, "postmaster.pid").read_text().splitlines()
            self._spec = {"host": lines[4] or lines[5], "port": int(lines[3])}
        return {**self._spec, **self._overridden} if self._spec else None

    def override_connection_spec(self, **kwargs: typing.Any) -> None:
        """Say how to connect, in place of what the server says."""
        self._overridden = kwargs

    async def connect(
        self, loop: asyncio.AbstractEventLoop | None = None, **kwargs: typing.Any
    ) -> connection.Connection:
        """A connection to the running server."""
        spec = self.get_connection_spec()
        if spec is None:
            raise ClusterError("the server does not run")
        return await connection.connect(loop=loop, **{**spec, **kwargs})

    # --- life -----------------------------------------------------------------------------------------

    def init(self, **settings: str) -> str:
        """Make the data directory; `settings` are options of initdb. What initdb said."""
        if self.get_status() != "not-initialized":
            raise ClusterError(f"cluster in {self._data_dir!r} has already been initialized")
        settings = {"encoding": "UTF-8", "username": "postgres", **settings}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        self._hand_over(pathlib.Path(self._data_dir))
        return self._run("initdb", "-D", self._data_dir, "--auth=trust", "--no-sync", *options)

    def start(
        self,
        wait: float = 60,
        *,
        server_settings: dict[str, str] | None = None,
        port: int | str | None = None,
        **opts: str,
    ) -> None:
        """Start the server, within `wait` seconds. The `port` may be ``'dynamic'``; `opts` are options of postgres."""
        status = self.get_status()
        if status == "running":
            return
        if status == "not-initialized":
            raise ClusterError(f"cluster in {self._data_dir!r} has not been initialized")
        port = port or opts.pop("port", None) or 5432
        for attempt in range(1, _START_ATTEMPTS + 1):
            number = find_available_port() if port == "dynamic" else int(port)
            settings = {"unix_socket_directories": self._data_dir, "port": str(number), **(server_settings or {})}
            words = [f"--{name.replace('_', '-')}={value}" for name, value in opts.items()]
            for name, value in settings.items():
                words += ["-c", f"{name}={value}"]
            log = os.path.join(self._data_dir, "server.log")
            try:
                self._run(
                    "pg_ctl", "start", "-D", self._data_dir, "-w", "-t", str(int(wait)), "-l", log, "-o", shlex.join(words)
                )
                break
            except ClusterError as error:
                # Somebody else may have taken the port between our look and the server's bind.
                if port != "dynamic" or attempt == _START_ATTEMPTS:
                    said = pathlib.Path(log).read_text(errors="replace") if os.path.exists(log) else ""
                    raise ClusterError(f"{error}\n{said[-4000:]}") from None
        self._spec = {}
        self._overridden.pop("port", None)

    def stop(self, wait: float = 60) -> None:
        """Stop the server; who is connected is thrown out."""
        self._run("pg_ctl", "stop", "-D", self._data_dir, "-t", str(int(wait)), "-m", "fast")
        self._spec = {}

    def reload(self) -> None:
        """Let the running server read its configuration files again."""
        self._run("pg_ctl", "reload", "-D", self._data_dir)

    def destroy(self) -> None:
        """Remove the data directory of a stopped server."""
        if self.get_status() == "running":
            raise ClusterError(f"cannot destroy {self.get_status()} cluster")
        shutil.rmtree(self._data_dir, ignore_errors=True)

    # --- configuring ----------------------------------------------------------------------------------

    def reset_wal(self, *, oid: int | None = None, xid: int | None = None) -> None:
        """Let a stopped server go on with these as the next object or transaction id."""
        if self.get_status() != "stopped":
            raise ClusterError("cannot modify WAL status: cluster is not stopped")
        options = [f"{flag}{number}" for flag, number in (("-o", oid), ("-x", xid)) if number is not None]
        if not options:
            raise ClusterError("reset_wal() needs `oid` or `xid`")
        self._run("pg_resetwal", "-f", *options, "-D", self._data_dir)

    def reset_hba(self) -> None:
        """Nobody may connect, until add_hba_entry()."""
        self._write_hba("w", "")

    def add_hba_entry(
        self,
        *,
        type: str = "host",
        database: str,
        user: str,
        address: str | None = None,
        auth_method: str,
        auth_options: dict[str, str] | None = None,
    ) -> None:
        """One more line in pg_hba.conf."""
        if type not in ("local", "host", "hostssl", "hostnossl"):
            raise ValueError(f"invalid HBA record type: {type!r}")
        if (address is None) != (type == "local"):
            raise ValueError(f"{type!r} entry {'requires an' if address is None else 'takes no'} address")
        words = [type, database, user, address or "", auth_method]
        words += [f"{name}={value}" for name, value in (auth_options or {}).items()]
        self._write_hba("a", " ".join(filter(None, words)) + "\n")

    def trust_local_connections(self) -> None:
        """Everybody on this machine may connect without a password."""
        self.add_hba_entry(type="local", database="all", user="all", auth_method="trust")
        self._trust_loopback("all", "all")

    def trust_local_replication_by(self, user: str) -> None:
        """The user may replicate from this machine without a password."""
        self.add_hba_entry(type="local", database="replication", user=user, auth_method="trust")
        self._trust_loopback("replication", user)

    def _trust_loopback(self, database: str, user: str) -> None:
        for address in ("127.0.0.1/32", "::1/128"):
            self.add_hba_entry(type="host", address=address, database=database, user=user, auth_method="trust")
        if self.get_status() == "running":
            self.reload()

    def _write_hba(self, mode: str, text: str) -> None:
        if self.get_status() == "not-initialized":
            raise ClusterError("cannot modify HBA records: cluster is not initialized")
        with open(os.path.join(self._data_dir, "pg_hba.conf"), mode, encoding="utf-8") as file:
            file.write(text)

    # --- programs -------------------------------------------------------------------------------------

    def _hand_over(self, directory: pathlib.Path) -> None:
        """The directory belongs to whom the server runs as."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._user is not None:
            os.chown(directory, self._user.pw_uid, self._user.pw_gid)

    def _program(self, program: str, *arguments: str) -> tuple[int, str]:
        """How it ended and what it said."""
        identity: dict[str, typing.Any] = {}
        if self._user is not None:
            identity = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        # To a file: a server that goes on running must not hold a pipe that is read to its end.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            done = subprocess.run(
                [str(_bindir(self._pg_config_path) / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**environment, "LC_MESSAGES": "C"},
                **identity,
            )
            output.seek(0)
            return done.returncode, output.read()

    def _run(self, program: str, *arguments: str) -> str:
        code, said = self._program(program, *arguments)
        if code != 0:
            raise ClusterError(f"{program} exited with {code}:\n{said}")
        return said


class TempCluster(Cluster):
    """A server on a temporary directory."""

    def __init__(
        self,
        *,
        data_dir_suffix: str | None = None,
        data_dir_prefix: str | None = None,
        data_dir_parent: str | None = None,
        pg_config_path: str | None = None,
    ) -> None:
        super().__init__(
            tempfile.mkdtemp(suffix=data_dir_suffix, prefix=data_dir_prefix, dir=data_dir_parent),
            pg_config_path=pg_config_path,
        )


class HotStandbyCluster(TempCluster):
    """A standby of another server, from which it is copied; `master` is that one's connection specification."""

    def __init__(
        self,
        *,
        master: dict[str, typing.Any],
        replication_user: str,
        data_dir_suffix: str | None = None,
        data_dir_prefix: str | None = None,
        data_dir_parent: str | None = None,
        pg_config_path: str | None = None,
    ) -> None:
        super().__init__(
            data_dir_suffix=data_dir_suffix,
            data_dir_prefix=data_dir_prefix,
            data_dir_parent=data_dir_parent,
            pg_config_path=pg_config_path,
        )
        self._master = master
        self._replication_user = replication_user

    def init(self, **settings: str) -> str:
        if settings:
            raise ClusterError("a standby is a copy: it takes no settings of initdb")
        if self.get_status() != "not-initialized":
            raise ClusterError(f"cluster in {self._data_dir!r} has already been initialized")
        self._hand_over(pathlib.Path(self._data_dir))
        return self._run(
            "pg_basebackup", "-R", "-c", "fast", "-h", str(self._master["host"]), "-p", str(self._master["port"]),
            "-D", self._data_dir, "-U", self._replication_user,
        )

    def start(
        self, wait: float = 60, *, server_settings: dict[str, str] | None = None, **options: typing.Any
    ) -> None:
        """Start it as a standby that can be read from."""
        super().start(wait, server_settings={"hot_standby": "on", **(server_settings or {})}, **options)


class RunningCluster(Cluster):
    """A server that somebody else runs."""

    def __init__(self, **conn_spec: typing.Any) -> None:
        self._spec = conn_spec
        self._overridden = {}

    def is_managed(self) -> bool:
        return False

    def get_connection_spec(self) -> dict[str, typing.Any]:
        return {**self._spec, **self._overridden}

    def get_status(self) -> str:
        return "running"

    def init(self, **settings: str) -> str:
        return ""

    def start(self, wait: float = 60, **options: typing.Any) -> None:
        pass

    def stop(self, wait: float = 60) -> None:
        pass

    def destroy(self) -> None:
        pass

    def reset_hba(self) -> None:
        raise ClusterError("cannot modify HBA records of unmanaged cluster")

    def _write_hba(self, mode: str, text: str) -> None:
        raise ClusterError("cannot modify HBA records of unmanaged cluster")


__all__ = (
    "Cluster",
    "ClusterError",
    "HotStandbyCluster",
    "RunningCluster",
    "TempCluster",
    "find_available_port",
)
