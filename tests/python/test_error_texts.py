# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The troubleshooting tables of docs/ quote texts that are in the program, word for word."""

from __future__ import annotations

import pathlib
import re
import typing

import pytest

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
