# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Every snippet of README.md and docs/*.md does what the page around it says it does.

A page is run from top to bottom in a database of its own:

* A ```sql block, or an HTML comment that begins with `sql:`, is executed; the comment is how a page makes
  tables that its reader need not see.
* A ```python block is executed; `await`, `async for` and `async with` work at its top level. Names that one
  block binds are there in the next. `asyncio`, `pgstride`, `dsn` and, fresh for each block that mentions
  them, `conn` (a connection) and `pool` are there to begin with, and ADDRESS stands for the `dsn`.
* A block that cannot run is marked ```python no-run, followed by the reason in parentheses.

What a block opens it closes: a connection left behind fails the page, as it would any test.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import pathlib
import re
import types
import typing
import urllib.parse

import pytest

import pgstride

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ADDRESS = "postgres://app@localhost/shop"

BLOCK = re.compile(
    r"^```(?P<language>\w+)(?P<note>[^\n]*)\n(?P<code>.*?)^```$|^<!-- sql:(?P<hidden>.*?)-->$",
    re.DOTALL | re.MULTILINE,
)


class Block(typing.NamedTuple):
    line: int
    language: str
    note: str
    code: str


def blocks(text: str) -> list[Block]:
    found = []
    for match in BLOCK.finditer(text):
        group = "code" if match["hidden"] is None else "hidden"
        line = text.count("\n", 0, match.start(group))
        found.append(Block(line, match["language"] or "sql", (match["note"] or "").strip(), match[group]))
    return found


class Page:
    """The names and the database of one page."""

    def __init__(self, path: pathlib.Path, runner: typing.Any, dsn: str) -> None:
        self.path = path
        self.runner = runner
        self.dsn = dsn
        # A module, so that classes and pickles have somewhere to be from.
        self.names = vars(types.ModuleType("page")) | {"asyncio": asyncio, "pgstride": pgstride, "dsn": dsn}

    def run_sql(self, block: Block) -> None:
        async def execute() -> None:
            connection = await pgstride.connect(self.dsn)
            try:
                await connection.execute(block.code)
            finally:
                await connection.close()

        self.runner(execute())

    def run_python(self, block: Block) -> None:
        source = "\n" * block.line + block.code.replace(ADDRESS, self.dsn)
        tree = ast.parse(source, str(self.path))
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(tree, str(self.path), "exec", flags, dont_inherit=True)  # annotations are evaluated there
        if not code.co_flags & inspect.CO_COROUTINE:
            exec(code, self.names)  # it may call asyncio.run()
            return
        mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

        async def run() -> None:
            if "conn" in mentioned:
                self.names["conn"] = await pgstride.connect(self.dsn)
            if "pool" in mentioned:
                self.names["pool"] = await pgstride.create_pool(self.dsn, min_size=1, max_size=4)
            try:
                await eval(code, self.names)
            finally:
                if "conn" in mentioned:
                    await self.names.pop("conn").close()
                if "pool" in mentioned:
                    await self.names.pop("pool").close()

        self.runner(run())


@pytest.fixture
def database(runner, dsn) -> typing.Iterator[str]:
    """The address of an empty database."""
    parts = urllib.parse.urlsplit(dsn)

    async def execute(query: str) -> None:
        connection = await pgstride.connect(dsn)
        try:
            await connection.execute(query)
        finally:
            await connection.close()

    runner(execute("drop database if exists page"))
    runner(execute("create database page"))
    yield parts._replace(path="/page").geturl()
    runner(execute("drop database page with (force)"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page(path, runner, database, capsys):
    page = Page(path, runner, database)
    found = blocks(path.read_text(encoding="utf-8"))
    for block in found:
        if block.language == "sql":
            page.run_sql(block)
        elif block.language == "python" and block.note.startswith("no-run"):
            assert re.fullmatch(r"no-run \(.+\)", block.note), f"{path}:{block.line}: say why it cannot run"
        elif block.language == "python":
            page.run_python(block)


def test_a_page_fails_where_its_code_fails(runner, database, tmp_path):
    path = tmp_path / "page.md"
    path.write_text("Text.\n\n```python\nassert await conn.fetchval('select 1') == 1\nassert 1 == 2\n```\n")
    (block,) = blocks(path.read_text())
    with pytest.raises(AssertionError) as raised:
        Page(path, runner, database).run_python(block)
    assert raised.traceback[-1].lineno + 1 == 5
