# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The package, and a program that uses it, as type checkers see them."""

from __future__ import annotations

import inspect
import json
import pathlib
import re
import subprocess
import sys
import typing

import absent

import pgstride

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "pybind" / "python"
USAGE = ROOT / "tests" / "python" / "typed_usage.py"


def run(checker: str, *arguments: object, cwd: pathlib.Path = SOURCES) -> str:
    """What the checker says; a failure unless it says that all is well."""
    absent.skip_without(checker)
    done = subprocess.run([sys.executable, "-m", checker, *map(str, arguments)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mypy():
    run("mypy", "--strict", "--python-version=3.10", f"--cache-dir={ROOT}/.cache/mypy", "pgstride", USAGE)


def test_pyright(tmp_path):
    config = {"include": ["pgstride", "usage.py"], "pythonVersion": "3.10", "reportMissingModuleSource": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    (tmp_path / "pgstride").symlink_to(SOURCES / "pgstride")
    (tmp_path / "usage.py").symlink_to(USAGE)
    assert "0 errors, 0 warnings" in run("pyright", "--pythonpath", sys.executable, cwd=tmp_path)


def test_hints_are_there_at_run_time():
    for module in (pgstride, pgstride.pool, pgstride.connection, pgstride.cursor, pgstride.prepared_stmt, pgstride.transaction):
        for name in module.__all__ if hasattr(module, "__all__") else dir(module):
            thing = getattr(module, name)
            if isinstance(thing, type) and thing.__module__.startswith("pgstride"):
                typing.get_type_hints(thing)
    for name, method in inspect.getmembers(pgstride.Connection, inspect.isfunction):
        if not name.startswith("_"):
            typing.get_type_hints(method)


def test_what_is_generic_can_be_subscripted():
    for generic in (
        pgstride.Connection,
        pgstride.Pipeline,
        pgstride.Pool,
        pgstride.Record,
        pgstride.Reply,
        pgstride.Stream,
        pgstride.cursor.Cursor,
        pgstride.cursor.CursorFactory,
        pgstride.cursor.CursorIterator,
        pgstride.pool.PoolConnectionProxy,
        pgstride.prepared_stmt.PreparedStatement,
    ):
        assert re.match(r"pgstride\.[a-z]", repr(generic[pgstride.Record]))

    class Users(pgstride.Connection[pgstride.Record]):
        __slots__ = ()

    assert issubclass(Users, pgstride.Connection) and Users._hooked is pgstride.Connection._hooked
