#!/usr/bin/env python3
# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Which requirement is proved by which tests: writes tests/requirements.md, or with --check says what is wrong with it.

tests/requirements.tsv has one requirement or case a line: its name, level and sentence, and for some that are open the
reason. A test cites what it proves by that name (R-C6, HS-070) anywhere in its file: in its own name, a table's row, a
comment. What nobody cites is open.
"""

from __future__ import annotations

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "tests" / "requirements.tsv"
TABLE = ROOT / "tests" / "requirements.md"
NAME = re.compile(r"\b(?:R-[A-Z]\d+|(?:HS|NF|CX|FO|PM|FZ|LK|SK|DT)-\d+|TA-[A-Z]\d*)\b")
SUFFIXES = {".py", ".cpp", ".hpp", ".cmake", ".txt"}

CHAPTERS = {
    "R": "Requirements",
    "HS": "Hostile servers",
    "NF": "Network faults",
    "CX": "Cancellation and timeouts",
    "FO": "Failover",
    "PM": "Pool",
    "FZ": "Fuzzing",
    "LK": "Leaks and sanitizers",
    "TA": "TLS and authentication",
    "SK": "Soak",
    "DT": "Direct tests",
}
INTRODUCTION = """\
# Requirements and their tests

Written by `tools/traceability.py` from `tests/requirements.tsv`; `./dev lint` fails when it is out of date. What must
hold, and the files under `tests/` that cite it. **open** means that no test does yet. P0 belongs to the first release,
P1 to 1.0, P2 is wanted.

Names begin with what they are: R a requirement (with a letter for its subject); HS a hostile server; NF a network
fault; CX cancellation and timeouts; FO failover; PM an invariant of the pool; FZ a fuzzer; LK leaks and sanitizers; TA a
matrix of TLS and authentication; SK soak; DT a direct test of a requirement. How a case has to end:

| word | meaning |
|---|---|
| OK | accepted, and the result is right |
| DBERR | the server's error reaches the right request; the connection stays usable |
| DECODE | one value is bad: its request fails, the rest of the response is skipped, the connection stays usable |
| KILL | the driver closes the connection; everything under way fails with a protocol error; a pool replaces it |
| LOST | like KILL, but the peer or the network is the cause |
| CONNFAIL | connecting fails; nothing secret was sent, and nothing is tried again |
| WAIT | the driver waits until the caller's deadline, then times out |
"""


def catalogue() -> dict[str, tuple[str, str, str]]:
    """Of each name: its level, its sentence, and the reason why it is open or ""."""
    lines = CATALOGUE.read_text(encoding="utf-8").splitlines()
    entries = [(line + "\t").split("\t") for line in lines]
    return {name: (level, sentence, reason) for name, level, sentence, reason, *_ in entries}


def citations() -> dict[str, set[str]]:
    found = collections.defaultdict(set)
    for path in (ROOT / "tests").rglob("*"):
        if path.suffix in SUFFIXES and path.is_file():
            for name in NAME.findall(path.read_text(encoding="utf-8")):
                found[name].add(str(path.relative_to(ROOT / "tests")))
    return found


def table(known: dict[str, tuple[str, str, str]], cited: dict[str, set[str]]) -> str:
    parts = [INTRODUCTION]
    for prefix, title in CHAPTERS.items():
        rows = {name: entry for name, entry in known.items() if name.split("-")[0] == prefix}
        proved = sum(name in cited for name in rows)
        parts.append(f"## {title}: {proved} of {len(rows)}\n\n| | level | what | tests |\n|---|---|---|---|")
        for name, (level, sentence, reason) in rows.items():
            is_open = "**open**" + (f": {reason}" if reason else "")
            tests = ", ".join(f"`{test}`" for test in sorted(cited.get(name, ()))) or is_open
            parts.append(f"| {name} | {level} | {sentence.replace('|', '&#124;')} | {tests} |")
        parts.append("")
    return "\n".join(parts)


def main() -> int:
    known, cited = catalogue(), citations()
    unknown = sorted(set(cited) - set(known))
    for name in unknown:
        print(f"{', '.join(sorted(cited[name]))}: cites {name}, which tests/requirements.tsv does not know")
    text = table(known, cited)
    if sys.argv[1:] == ["--check"]:
        if not TABLE.exists() or TABLE.read_text(encoding="utf-8") != text:
            print("tests/requirements.md is out of date: run tools/traceability.py")
            return 1
        return 1 if unknown else 0
    TABLE.write_text(text, encoding="utf-8")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
