# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The C++ quick start, which uses a bit of everything, as a test sees it."""

from __future__ import annotations

import asyncio
import pathlib
import subprocess

PROGRAM = next((pathlib.Path(__file__).parents[2] / "build").glob("*/examples/quickstart"), None)
"""None: the examples have not been built."""


def is_due() -> bool:
    """It is there, and this is asyncio's turn: Python's loops are nothing to it, so once is enough."""
    return PROGRAM is not None and type(asyncio.get_running_loop()).__module__.startswith("asyncio")


def run(dsn: str) -> tuple[bool, str]:
    """Whether it came to its end, on the server of a URL, and what it said."""
    assert PROGRAM is not None
    done = subprocess.run([PROGRAM, dsn], capture_output=True, text=True, timeout=60)
    return done.returncode == 0, done.stderr if done.returncode else done.stdout
