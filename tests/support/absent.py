# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What a machine lacks. Tests that need it are skipped, and the run fails all the same (R-G4), unless it declares

    PGSTRIDE_ABSENT=postgres18,pgbouncer,...

by the names under which tests skip here. conftest.py holds the one against the other.
"""

from __future__ import annotations

import importlib.util
import os
import typing

import pytest

missed: dict[str, str] = {}
"""By name, why it cannot be had."""


def note(name: str, why: str) -> str:
    """The reason of a skip."""
    missed[name] = why
    return f"no {name}: {why}"


def skip(name: str, why: str) -> typing.NoReturn:
    """The test, or the module when it is being imported."""
    pytest.skip(note(name, why), allow_module_level=True)


def skip_without_tls() -> None:
    if "PGSTRIDE_TEST_ROOT" not in os.environ:
        skip("tls", "the server was built without it")


def skip_without(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        skip(module, "it is not installed")


def undeclared() -> dict[str, str]:
    declared = os.environ.get("PGSTRIDE_ABSENT", "").split(",")
    return {name: why for name, why in missed.items() if name not in declared}
