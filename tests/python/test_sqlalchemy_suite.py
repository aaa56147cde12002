# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""SQLAlchemy's own suite for dialects, which comes with it, on pgstride in asyncpg's place.

Left out is what asks the catalogs about tables, for which it would have to be told what PostgreSQL can, and SQL alone.
"""

from __future__ import annotations

import re

WORDS = "Reflection HasTable HasIndex QuotedName DistinctOn DDL LongName CTE Join OrderBy Compound Collate Exists"
LEFT_OUT = " and ".join(f"not {word}" for word in WORDS.split())
FILES = {
    "conftest.py": "from sqlalchemy.testing.plugin.pytestplugin import *\n",
    "pytest.ini": "[pytest]\n",  # ours is not for it
    "setup.cfg": """\
[sqla_testing]
requirement_cls = sqlalchemy.testing.requirements:SuiteRequirements
profile_file = profiles.txt
""",
    "test_suite.py": "from sqlalchemy.testing.suite import *\n",
}
SCRIPT = """
import asyncio, os, sys, urllib.parse
import pgstride, pytest
pgstride.install_as_asyncpg()
folder, dsn, left_out = sys.argv[1:]
url = urllib.parse.urlsplit(dsn)

async def prepare():
    conn = await pgstride.connect(dsn)
    await conn.execute("drop database if exists pgstride_sqlalchemy with (force)")
    await conn.execute("create database pgstride_sqlalchemy")
    await conn.close()
    conn = await pgstride.connect(dsn, database="pgstride_sqlalchemy")
    await conn.execute("create schema test_schema; create schema test_schema_2")
    await conn.close()

async def clean_up():
    conn = await pgstride.connect(dsn)
    await conn.execute("drop database pgstride_sqlalchemy with (force)")
    await conn.close()

asyncio.run(prepare())
os.chdir(folder)
own = url._replace(scheme="postgresql+asyncpg", path="/pgstride_sqlalchemy").geturl()
options = ["-q", "-p", "no:cacheprovider", "-W", "ignore", "--maxfail", "5", "-k", left_out]
code = pytest.main([*options, "--dburi", own, "test_suite.py"])
asyncio.run(clean_up())
assert sys.modules["asyncpg"].connect is pgstride.connect
sys.exit(code)
"""


def test_sqlalchemy_suite(python, dsn, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    code, out, err = python(SCRIPT, str(tmp_path), dsn, LEFT_OUT, timeout=110)
    assert code == 0, out[-4000:] + err
    passed = re.search(r"(\d+) passed", out)
    assert passed and int(passed[1]) > 350, out[-4000:]
