# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What is measured. Rows are made by functions of the server, so no table has to be there."""

from __future__ import annotations

import typing


class Case(typing.NamedTuple):
    name: str
    sql: str
    per_round: int
    """How often it is run in one round, by each driver."""
    argument: int | None = None
    cpp_row: str | None = None
    """How the C++ clients read a row: ``int`` or ``mixed``, or ``pipelined`` for an int from each of 1 000 executions
    at once. None: not a case of theirs."""
    on_pool: bool = False
    """Each time on any connection of a pool that has opened ten, instead of always the same."""
    python: str | None = "fetch"
    """What the Python clients do: ``fetch``, ``copy records`` (a million, into the table) or ``copy out``. None: not a
    case of theirs."""


CASES = (
    Case("select 1", "select 1", 2000, cpp_row="int"),
    Case("select 1 on a pool", "select 1", 1000, on_pool=True),
    Case("one int argument", "select $1::int4", 2000, argument=42, cpp_row="int"),
    Case("1 000 pipelined", "select $1::int4", 5, argument=42, cpp_row="pipelined", python=None),
    Case(
        "12 columns of pg_type",
        """select typname, typnamespace, typowner, typlen, typbyval, typcategory, typispreferred, typisdefined,
        typdelim, typrelid, typelem, typarray from pg_type where typtypmod = -1 and typisdefined""",
        30,
    ),
    Case("1 000 ints", "select generate_series(1, 1000)", 100, cpp_row="int"),
    Case("100 rows of 1 kB bytea", "select repeat(chr(64 + i % 26), 1024)::bytea from generate_series(1, 100) i", 300),
    Case(
        "100 rows of int[100]",
        "select array(select i + j from generate_series(1, 100) j) from generate_series(1, 100) i",
        50,
    ),
    Case(
        "10 000 mixed rows",
        """select i, timestamptz '2026-01-01 00:00Z' + i * interval '1 day 7 seconds 11 microseconds', 'row number ' || i,
        i / 7::float8, (i * 1.37)::numeric(12, 2), md5(i::text)::uuid from generate_series(1, 10000) i""",
        4,
        cpp_row="mixed",
    ),
    Case("300 000 ints", "select generate_series(1, 300000)", 2, cpp_row="int"),
    Case("COPY 1 000 000 in", "id int, name text, x float8, at timestamptz", 1, python="copy records"),
    Case(
        "COPY 1 000 000 out",
        "select i, 'row number ' || i, i / 7::float8 from generate_series(1, 1000000) i",
        1,
        python="copy out",
    ),
)

# With --tls only: a statement of nothing stands for connecting, logging in and closing.
TLS_CASES = (
    Case("connect and log in", "", 30),
    Case("select 1", "select 1", 2000),
    *(case for case in CASES if case.name in ("10 000 mixed rows", "300 000 ints")),
)
