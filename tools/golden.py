#!/usr/bin/env python3
# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Asks a running server for tests/golden/values.tsv: values in binary and in text.

    PGHOST=... tools/golden.py > tests/golden/values.tsv

psql finds the server by its usual environment variables. PostgreSQL 17 or newer is needed, because
older ones know no infinite interval; for all other values every release gives the same file.
"""

import subprocess
import sys

SETTINGS = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}

ORDINARY_TIMESTAMPS = [
    "2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "1970-01-01 00:00:00", "2026-11-22 21:43:57.1",
    "2024-02-29 12:34:56.789012", "1900-03-01 00:00:00.000001", "0001-01-01 00:00:00",
    "0001-12-31 23:59:59.5 BC", "4714-11-24 00:00:00 BC", "9999-12-31 23:59:59.999999",
    "10000-01-01 00:00:00", "294276-12-31 23:59:59.999999", "infinity", "-infinity",
]  # fmt: skip

NUMERICS = [
    "0", "0.00", "0.0000", "1", "-1", "10", "9999", "10000", "10001", "120000", "1e20", "100000000",
    "0.1", "0.10", "-0.1", "1.0", "1.5", "-12.50", "0.0001", "0.00001", "0.00010000", "123456789.987654321",
    "-99999999.9999", "3.14159265358979323846264338327950288419716939937510", "1e1000", "-1e-1000",
    "9223372036854775807", "-170141183460469231731687303715884105728", "12345678901234567890123456789e100",
    "9" * 200 + "." + "9" * 200, "0." + "0" * 99 + "12300", "NaN", "Infinity", "-Infinity",
]  # fmt: skip

TEXTS = ["", "a", "hello, world", "naïve – 日本語 🐘", "tab\tnewline\nbackslash\\quote\"'", "{}", "NULL", " padded "]

UUIDS = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
         "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]  # fmt: skip

JSONS = ["null", "1", '"text"', "[]", "{}", '{"a": [1, 2.50, null, "\\u00e9"], "b": {"c": true}}']

# Literals by type. Arrays are given as literals, too.
VALUES = {
    "bool": ["true", "false"],
    "int2": ["0", "1", "-1", "258", "32767", "-32768"],
    "int4": ["0", "1", "-1", "16909060", "2147483647", "-2147483648"],
    "int8": ["0", "1", "-1", "72623859790382856", "9223372036854775807", "-9223372036854775808"],
    "oid": ["0", "1", "2147483648", "4294967295"],
    "xid": ["0", "3", "4294967295"],
    "cid": ["0", "4294967295"],
    "xid8": ["0", "4294967296", "18446744073709551615"],
    "float4": ["0", "-0", "1", "-1.5", "1.1", "3.4028235e38", "1e-45", "16777217", "NaN", "Infinity", "-Infinity"],
    "float8": ["0", "-0", "1", "-1.5", "0.1", "0.30000000000000004", "1.7976931348623157e308", "5e-324",
               "123456789012345680", "NaN", "Infinity", "-Infinity"],
    "numeric": NUMERICS,
    "text": TEXTS,
    "varchar": TEXTS,
    "bpchar": ["", "a", "é", "x  "],
    "name": ["", "pg_class", "Zürich"],
    '"char"': ["a", "~"],
    "json": JSONS,
    "jsonb": JSONS,
    "jsonpath": ["$", "$.a[*] ? (@ > 3)", "strict $.\"b c\""],
    "bytea": ["\\x", "\\x00", "\\x0001feff", "\\x" + bytes(range(256)).hex()],
    "uuid": UUIDS,
    "date": ["2000-01-01", "1999-12-31", "2000-02-29", "1970-01-01", "1900-02-28", "1600-12-31", "2026-11-22",
             "0001-01-01", "0001-12-31 BC", "0044-03-15 BC", "4714-11-24 BC", "9999-12-31", "32768-01-01",
             "5874897-12-31", "infinity", "-infinity"],
    "time": ["00:00:00", "00:00:00.000001", "12:34:56.789", "23:59:59.999999", "24:00:00"],
    "timetz": ["00:00:00+00", "12:34:56.789+02", "23:59:59.999999-08", "01:02:03+05:30", "24:00:00-03:30",
               "10:00:00+15:59:59", "10:00:00-15:59:59", "10:00:00+00:19:32"],
    "timestamp": ORDINARY_TIMESTAMPS,
    "timestamptz": ORDINARY_TIMESTAMPS,
    "interval": ["0", "1 microsecond", "-1 microsecond", "1 second", "59:59:59.999999", "-04:05:06.789",
                 "1 day", "-1 day", "3 days -00:00:01", "-3 days 00:00:01", "1 mon", "14 mons", "-14 mons",
                 "1 year", "-1 year 1 mon", "1 year -1 mon", "-1 year -2 mons +3 days -04:05:06.789",
                 "1 year 2 mons 3 days 04:05:06.789", "100000:00:00", "178000000 years", "-178000000 years",
                 "2147483647 days", "-2147483648 days", "2562047788:00:54.775807", "-2562047788:00:54.775807",
                 "infinity", "-infinity"],
    "inet": ["0.0.0.0", "192.168.1.1", "10.1.2.3/8", "255.255.255.255", "::", "::1", "2001:db8::ff00:42:8329",
             "fe80::1/64", "::ffff:1.2.3.4"],
    "cidr": ["0.0.0.0/0", "10.0.0.0/8", "192.168.1.0/24", "1.2.3.4/32", "::/0", "2001:db8::/32", "::1/128"],
    "macaddr": ["00:00:00:00:00:00", "08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit": ["0", "1", "101", "11111111", "010101010"],
    "varbit": ["", "1", "10000000", "1010101010101"],
    "point": ["(0,0)", "(1.5,-2.25)", "(1e300,-1e-300)", "(Infinity,NaN)"],
    "line": ["{1,2,3}", "{0,-1,0.5}"],
    "lseg": ["[(1,2),(3,4)]"],
    "box": ["(3,4),(1,2)"],
    "path": ["((0,0),(1,1),(2,0))", "[(0,0),(1,1)]"],
    "polygon": ["((0,0))", "((0,0),(1,1),(2,0))"],
    "circle": ["<(1,2),3>"],
    "tid": ["(0,1)", "(4294967295,65535)"],
    "pg_lsn": ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"],
    "pg_snapshot": ["10:10:", "10:20:10,14,15"],
    "txid_snapshot": ["10:20:10,14,15"],
    "int4range": ["empty", "[1,10)", "[1,)", "(,10)", "(,)"],
    "int8range": ["[-9223372036854775808,9223372036854775807)"],
    "numrange": ["[1.5,2.5]", "(1.5,2.5)", "(,0.00]"],
    "tsrange": ["[2000-01-01 00:00:00,2000-01-02 12:00:00)"],
    "tstzrange": ["[2000-01-01 00:00:00+00,infinity]"],
    "daterange": ["[2000-01-01,2000-02-01)", "[-infinity,infinity)"],
    "int4multirange": ["{}", "{[1,3)}", "{(,0),[1,3),[5,)}"],
    "datemultirange": ["{[2000-01-01,2000-02-01),[2001-01-01,2001-02-01)}"],
    "bool[]": ["{}", "{t,f,NULL}"],
    "int2[]": ["{-32768,0,32767}"],
    "int4[]": ["{}", "{1}", "{1,2,3}", "{NULL}", "{1,NULL,3}", "{{1,2},{3,4}}", "{{{1},{2}},{{3},{NULL}}}",
               "[0:2]={1,2,3}", "[-1:0][5:6]={{1,2},{3,4}}", "{{{{{{1,2}}}}}}"],
    "int8[]": ["{-9223372036854775808,9223372036854775807}"],
    "oid[]": ["{0,4294967295}"],
    "float4[]": ["{1.5,NaN,-Infinity}"],
    "float8[]": ["{0.1,NULL,5e-324}"],
    "numeric[]": ["{0.00,NULL,-12.50,NaN,1e30}"],
    "text[]": ["{}", '{"",a,NULL,"NULL","null","a b","{}","x,y","\\"","\\\\"," "}', '{{a,b},{"é",NULL}}'],
    "varchar[]": ["{a,b}"],
    "bpchar[]": ["{a,b}"],
    "name[]": ["{a,b}"],
    "json[]": ['{"{\\"a\\": 1}",NULL}'],
    "jsonb[]": ['{"{\\"a\\": 1}",null}'],
    "bytea[]": ['{"\\\\x","\\\\x00ff",NULL}'],
    "uuid[]": ["{" + ",".join(UUIDS) + ",NULL}"],
    "date[]": ["{2000-01-01,infinity,NULL,0044-03-15 BC}"],
    "time[]": ["{12:34:56.789,24:00:00}"],
    "timetz[]": ["{12:34:56.789+02}"],
    "timestamp[]": ['{"2000-01-01 00:00:00",-infinity,NULL}'],
    "timestamptz[]": ['{"2000-01-01 00:00:00.5+00",infinity}'],
    "interval[]": ['{"1 year 2 mons","-00:00:01",NULL}'],
    "inet[]": ["{10.1.2.3/8,::1}"],
    "point[]": ['{"(1,2)",NULL}'],
    "box[]": ["{(3,4),(1,2);(2,2),(0,0)}"],
    "int4range[]": ['{"[1,10)",empty}'],
    "int2vector": ["1 2 3"],
    "oidvector": ["", "23 25"],
}  # fmt: skip

# What has no literal.
EXPRESSIONS = {
    "record": ["row()", "row(null)", "row(1, 'a'::text, null::int8, true)", "row(1, row(2.50, '{1,NULL}'::int4[]))",
               "row('a b', 'c,d', '(\"')"],
    "record[]": ["array[row(1, 'a'::text), row(2, null::text)]"],
}  # fmt: skip

HEADER = """\
# Generated by tools/golden.py from a PostgreSQL {version} server. Do not edit.
# Columns, separated by tabs: type oid, type name, the binary form in hex, the text form. The text is escaped
# as COPY does it: \\\\, \\n, \\r, \\t. Settings:
# {settings}.
"""


def quote(literal: str) -> str:
    return "'" + literal.replace("'", "''") + "'"


def psql(script: str) -> str:
    settings = "".join(f"set {name} = '{value}';\n" for name, value in SETTINGS.items())
    command = ["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run(command, check=True, input=settings + script, stdout=subprocess.PIPE, text=True)
    return done.stdout


def send_functions() -> dict[str, str]:
    lines = psql("select oid, typsend from pg_type where typsend <> 0;").splitlines()
    return dict(line.split("|") for line in lines)


def main() -> None:
    expressions = {t: [f"{quote(v)}::{t}" for v in values] for t, values in VALUES.items()}
    expressions |= EXPRESSIONS
    # bit without a length means bit(1), and bpchar(1) likewise: the cast must not cut.
    expressions["bit"] = [f"B{quote(v)}" for v in VALUES["bit"]]
    send = send_functions()
    oids = dict(zip(expressions, psql("".join(f"select {quote(t)}::regtype::oid;\n" for t in expressions)).split()))
    script = ""
    for type_name, values in expressions.items():
        oid = oids[type_name]
        shown = type_name.replace('"', "")
        for value in values:
            # format() goes through the output function, where a cast to text may have a mind of its own.
            script += (
                f"copy (select {oid}, {quote(shown)}, encode({send[oid]}(v), 'hex'), format('%s', v)"
                f" from (select {value}) as t(v)) to stdout;\n"
            )
    version = psql("show server_version_num;")
    settings = ", ".join(f"{name} {value}" for name, value in SETTINGS.items())
    sys.stdout.write(HEADER.format(version=int(version) // 10000, settings=settings))
    sys.stdout.write(psql(script))


if __name__ == "__main__":
    main()
