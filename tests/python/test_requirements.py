# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A test that claims to prove a requirement names one that exists."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))
import traceability  # noqa: E402


def test_what_is_cited_exists():
    assert set(traceability.citations()) <= set(traceability.catalogue())


def test_every_entry_belongs_to_a_chapter():
    entries = traceability.catalogue()
    assert {name.split("-")[0] for name in entries} == set(traceability.CHAPTERS)
    text = traceability.table(entries, traceability.citations())
    assert all(f"| {name} |" in text for name in entries)
