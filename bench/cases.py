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
    cpp: str | None = None
    """What the C++ clients and their peers do. Rows: ``int`` or ``mixed``; ``pipelined``: an int from each of 1 000
    executions at once, each with a Sync; ``batch``: the same with one Sync; ``pool of 8``: an int, by 64 tasks on 8 connections; ``copy in`` (a million records),
    ``copy out``. None: not a case of theirs."""
    on_pool: bool = False
    """Each time on any connection of a pool that has opened ten, instead of always the same."""
    python: str | None = "fetch"
    """What the Python clients do: ``fetch``, ``pipelined`` (a fetch a thousand times, at once by those who can),
    ``connect`` (with SCRAM, and close), ``executemany`` (a hundred thousand times), ``copy records`` (a million, into the table) or ``copy out``. None: not a case of theirs."""


CONNECT = Case("connect with SCRAM", "", 30, python="connect")

MIXED = """select i, timestamptz '2026-01-01 00:00Z' + i * interval '1 day 7 seconds 11 microseconds',
    'row number ' || i, i / 7::float8, (i * 1.37)::numeric(12, 2), md5(i::text)::uuid from generate_series(1, {}) i"""

# Columns of few values, as tables of orders, events or people have them.
ORDERS = """select i, (array['new', 'paid', 'packed', 'shipped', 'returned'])[1 + i % 5], date '2026-01-01' + i % 90,
    (i % 40 * 2.5 + 0.99)::numeric(10, 2), (array['DE', 'FR', 'US', 'JP', 'BR'])[1 + i * 13 % 5], md5((i % 50)::text)::uuid
    from generate_series(1, {}) i"""

CASES = (
    Case("select 1", "select 1", 2000, cpp="int"),
    Case("select 1 on a pool", "select 1", 1000, on_pool=True),
    Case("one int argument", "select $1::int4", 2000, argument=42, cpp="int"),
    Case("1 000 pipelined", "select $1::int4", 5, argument=42, cpp="pipelined", python="pipelined"),
    Case("1 000 in a batch", "select $1::int4", 20, argument=42, cpp="batch", python=None),
    Case("64 tasks, pool of 8", "select 1", 6400, cpp="pool of 8", python=None),
    Case(
        "12 columns of pg_type",
        """select typname, typnamespace, typowner, typlen, typbyval, typcategory, typispreferred, typisdefined,
        typdelim, typrelid, typelem, typarray from pg_type where typtypmod = -1 and typisdefined""",
        30,
    ),
    Case("1 000 ints", "select generate_series(1, 1000)", 100, cpp="int"),
    Case("100 rows of 1 kB bytea", "select repeat(chr(64 + i % 26), 1024)::bytea from generate_series(1, 100) i", 300),
    Case(
        "100 rows of int[100]",
        "select array(select i + j from generate_series(1, 100) j) from generate_series(1, 100) i",
        50,
    ),
    Case("10 000 mixed rows", MIXED.format(10_000), 4, cpp="mixed"),
    Case("10 000 orders", ORDERS.format(10_000), 4),
    Case("100 000 mixed rows", MIXED.format(100_000), 1, cpp="mixed", python=None),
    Case("300 000 ints", "select generate_series(1, 300000)", 2, cpp="int"),
    Case("executemany 100 000", "id int, name text, x float8, at timestamptz", 1, python="executemany"),
    Case("COPY 1 000 000 in", "id int, name text, x float8, at timestamptz", 1, cpp="copy in", python="copy records"),
    Case(
        "COPY 1 000 000 out",
        "select i, 'row number ' || i, i / 7::float8 from generate_series(1, 1000000) i",
        1,
        cpp="copy out",
        python="copy out",
    ),
    CONNECT,
)

# With --tls only.
TLS_CASES = (CONNECT, *(case for case in CASES if case.name in ("select 1", "10 000 mixed rows", "300 000 ints")))

# With --memory only.
MEMORY_CASES = (
    Case(
        "1 000 000 rows",
        """select i, 'row number ' || i, i / 7::float8, timestamptz '2026-01-01 00:00Z' + i * interval '1 second'
        from generate_series(1, 1000000) i""",
        1,
    ),
    Case("1 000 000 orders", ORDERS.format(1_000_000), 1),
)

# With --types only: a thousand rows, each with a value of its own where a driver could find it again.
TYPE_CASES = tuple(
    Case(sql_type, f"select ({value})::{sql_type} from generate_series(1, 1000) i", 30)
    for sql_type, value in {
        "bool": "true",
        '"char"': "'c'",
        "int2": "12345",
        "int4": "1234567890",
        "int8": "1234567890123456789",
        "oid": "1234567890",
        "float4": "1.25",
        "float8": "3.141592653589793",
        "numeric": "31415926.53589793 + i",
        "money": "'1234.56'",
        "text": "'a text of thirty characters or so'",
        "varchar": "'a text of thirty characters or so'",
        "bpchar": "'a text of thirty characters or so'",
        "name": "'a_name' || i",
        "bytea": r"'\\x0123456789abcdef'",
        "uuid": "md5(i::text)",
        "json": """'{"a": [1, 2, 3]}'""",
        "jsonb": """'{"a": [1, 2, 3]}'""",
        "xml": "'<a/>'",
        "date": "date '2026-01-02' + i",
        "time": "time '03:04:05.678901' + i * interval '1 s'",
        "timetz": "'03:04:05.678901+02'",
        "timestamp": "timestamp '2026-01-02 03:04:05.678901' + i * interval '1 s'",
        "timestamptz": "timestamptz '2026-01-02 03:04:05.678901+00' + i * interval '1 s'",
        "interval": "i * interval '1 day 02:03:04.5'",
        "inet": "'192.168.100.128/25'",
        "cidr": "'192.168.100.0/24'",
        "macaddr": "'08:00:2b:01:02:03'",
        "macaddr8": "'08:00:2b:01:02:03:04:05'",
        "bit(12)": "B'101010101010'",
        "varbit": "B'1010101'",
        "point": "'(1, 2)'",
        "line": "'{1, 2, 3}'",
        "lseg": "'[(1, 2), (3, 4)]'",
        "box": "'(3, 4), (1, 2)'",
        "path": "'[(1, 2), (3, 4), (5, 6)]'",
        "polygon": "'((1, 2), (3, 4), (5, 6))'",
        "circle": "'<(1, 2), 3>'",
        "tid": "'(1, 2)'",
        "pg_snapshot": "'10:20:10,14,15'",
        "tsvector": "'a:1 b:2'",
        "int4range": "'[1, 10)'",
        "numrange": "'[1.5, 2.5]'",
        "tstzrange": "'[2026-01-01 00:00Z, 2026-02-01 00:00Z)'",
        "daterange": "'[2026-01-01, 2026-02-01)'",
        "int4multirange": "'{[1, 3), [5, 8)}'",
        "int4[]": "'{1, 2, 3, 4, 5}'",
        "text[]": "'{one, two, three}'",
        "int4[][]": "'{{1, 2}, {3, 4}}'",
        "record": "row(1, 'a text'::text, 2.5::float8)",
    }.items()
)
