# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Two servers, the second a hot standby of the first by streaming replication.

`with Replication() as pair:` has pair.primary and pair.standby, the ports of 127.0.0.1 where they listen.
Like the single server of postgres.py they belong to a guard process, and are gone with whoever asked for
them. Trusted superuser: postgres.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

try:
    from tests.support import postgres
except ImportError:  # run as a command
    import postgres

SETTINGS = postgres.SETTINGS | {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}


class Replication:
    def __enter__(self) -> Replication:
        self._guard = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        told = self._guard.stdout.readline()
        if not told:
            self.__exit__()
            raise RuntimeError("the two servers did not start")
        self.primary, self.standby = json.loads(told)
        return self

    def __exit__(self, *_) -> None:
        self._guard.stdin.close()
        self._guard.wait()
        self._guard.stdout.close()

    def dsn(self, port: int) -> str:
        return f"postgresql://postgres@127.0.0.1:{port}/{postgres.DATABASE}"


class Standby(postgres.Cluster):
    """A copy of a running server that follows it."""

    def follow(self, primary: postgres.Cluster, port: int) -> int:
        self._run(
            *("pg_basebackup", "--pgdata", self._data, "--host", primary._scratch, "--port", str(port)),
            *("--username", "postgres", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"),
        )
        with open(self._data / "postgresql.conf", "a") as conf:
            conf.write(f"unix_socket_directories = '{self._scratch}'\n")
        for _ in range(5):
            own = postgres.free_port()
            if self._serve(own):
                return own
        raise RuntimeError("the standby did not start:\n" + self._log.read_text(errors="replace")[-4000:])


def available() -> bool:
    folder = postgres.find_binaries()
    return folder is not None and os.access(os.path.join(folder, "pg_basebackup"), os.X_OK)


def guard() -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="pgstride-pair-"))
    scratch.chmod(0o755)
    clusters: list[postgres.Cluster] = []
    try:
        for name in ("primary", "standby"):
            (scratch / name).mkdir(mode=0o755)
        primary = postgres.Cluster(scratch / "primary", SETTINGS)
        clusters.append(primary)
        port = primary.start()[1]
        standby = Standby(scratch / "standby", SETTINGS)
        clusters.append(standby)
        print(json.dumps([port, standby.follow(primary, port)]), flush=True)
        sys.stdin.read()
        return 0
    except (RuntimeError, OSError) as error:
        print(f"replication.py: {error}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for cluster in reversed(clusters):
            cluster.stop()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(guard())
