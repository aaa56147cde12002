#!/usr/bin/env python3
# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Holds the C++ blocks of the documentation against the regions of tests/snippets, which are compiled and run.

In a page, `<!-- snippet: name -->` stands in front of the block that quotes the region `//[name` … `//]`;
`--write` copies the regions into the pages. A ```cpp block without such a line is an error.
"""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs" / "cpp").glob("*.md")])
REGION = re.compile(r"^ *//\[(\w+)\n(.*?)^ *//\]$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"(?:^<!-- snippet: (\w+) -->\n)?^```cpp\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def regions() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((ROOT / "tests" / "snippets").rglob("*.cpp")):
        for name, text in REGION.findall(path.read_text(encoding="utf-8")):
            if name in found:
                raise SystemExit(f"{path}: region {name} is there twice")
            found[name] = textwrap.dedent(text)
    return found


def main() -> int:
    known, wrong, quoted = regions(), [], set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        where = page.relative_to(ROOT)

        def quote(block: re.Match[str]) -> str:
            name, shown = block.groups()
            quoted.add(name)
            if name not in known:
                wrong.append(f"{where}: a block quotes {name or 'no snippet'}")
            elif shown != known[name] and "--write" not in sys.argv:
                wrong.append(f"{where}: {name} is not what tests/snippets has")
            return f"<!-- snippet: {name} -->\n```cpp\n{known.get(name, shown)}```"

        written = BLOCK.sub(quote, text)
        if "--write" in sys.argv and not wrong:
            page.write_text(written, encoding="utf-8")
    wrong += [f"tests/snippets: no page quotes {name}" for name in sorted(set(known) - quoted)]
    print("\n".join(wrong) or f"{len(known)} snippets are quoted as they are")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
