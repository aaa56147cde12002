# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A test that claims to prove a requirement names one that exists."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))
import traceability  # noqa: E402


def test_what_is_cited_exists():
    assert set(traceability.citations()) <= set(traceability.catalogue())


def test_every_entry_belongs_to_a_chapter():
    entries = traceability.catalogue()
    assert {name.split("-")[0] for name in entries} == set(traceability.CHAPTERS)
    text = traceability.table(entries, traceability.citations())
    assert all(f"| {name} |" in text for name in entries)


@pytest.mark.parametrize(("declared", "code"), [("", 1), ("kdc,tls", 0)])
def test_what_is_absent_must_be_declared(python, monkeypatch, declared, code):  # R-G4, DT-36
    monkeypatch.delenv("PGSTRIDE_TEST_ROOT", raising=False)
    monkeypatch.setenv("PGSTRIDE_ABSENT", declared)
    tests = [str(pathlib.Path(__file__).with_name(f"test_{name}.py")) for name in ("tls", "uuid")]
    left, out, _ = python("", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert left == code and "no tls: the server was built without it" in out
    assert ("to do without: PGSTRIDE_ABSENT=tls" in out) == bool(code)
