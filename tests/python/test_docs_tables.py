# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The tables of docs/ against the program: texts of errors, word for word, and the options that there are."""

from __future__ import annotations

import pathlib
import re
import typing

import pytest

from pgstride import _core

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Table of each page: its heading, and the column that quotes.
TABLES = {"connecting.md": ("## When it does not work", 1), "tls.md": ("## When it fails", 0)}

# What the operating system, OpenSSL, PostgreSQL and PgBouncer say.
NOT_OURS = {
    "Connection refused", "No such file or directory", "password authentication failed", "no pg_hba.conf entry",
    "sorry, too many clients already", "the database system is starting up", "database", "does not exist",
    "unsupported startup parameter", "connection requires a valid client certificate", "certificate verify failed",
    "self-signed certificate", "in certificate chain", "unable to get local issuer certificate",
    "certificate has expired", "certificate revoked", "unable to get certificate CRL",
}  # fmt: skip


def quoted(page: str) -> typing.Iterator[str]:
    heading, column = TABLES[page]
    _, _, section = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(f"\n{heading}\n")
    rows = [line.split("|")[1:] for line in section.split("\n## ")[0].splitlines() if line.startswith("|")]
    for row in rows[2:]:
        yield from re.findall("`([^`]+)`", row[column])


def pieces(text: str) -> list[str]:
    """What is left between names that stand for others, and between our words and those of others."""
    parts = re.split(r'…|host:port|\(address\)|/dir/\S+|(?<=failed): |(?<=upgrade): |"[^"]*"', text)
    return [part for part in (part.strip(' :"@?,') for part in parts) if len(part) > 3]


@pytest.fixture(scope="module")
def said() -> str:
    files = [*(ROOT / "driver").rglob("*.cpp"), *(ROOT / "protocol").rglob("*.cpp"), *(ROOT / "pybind").rglob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r'"\s*\n\s*f?"', "", text.replace('\\"', '"'))  # literals that are cut in two


@pytest.mark.parametrize("page", TABLES)
def test_texts(page: str, said: str) -> None:
    found = [piece for text in quoted(page) for piece in pieces(text)]
    assert len(found) > 15
    assert [piece for piece in found if piece not in said and piece not in NOT_OURS] == []


def test_options() -> None:
    """Each has its row, with its variable."""
    tables = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in TABLES)
    rows = [line for line in tables.splitlines() if line.startswith("|")]
    missing = {}
    for name, variable in _core.options().items():
        own = [row for row in rows if f"`{name}`" in row]
        if not any(variable is None or f"`{variable}`" in row for row in own):
            missing[name] = variable
    assert missing == {}
