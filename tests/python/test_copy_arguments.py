# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""copy_from_query with arguments, which take the places of the parameters that the server would find."""

import io

import pytest

import pgstride


@pytest.mark.parametrize(
    "query, args, expected",
    [
        ("select $1::int, $2::text", (1, "it's \\ a \"text\""), b'1\tit\'s \\\\ a "text"\n'),
        ("select $2::text, $1::text, $2::text", ("a", "b"), b"b\ta\tb\n"),
        ("select $1::int is null, $2::text is null", (None, None), b"t\tt\n"),
        ("select unnest($1::int[])", ([1, 2],), b"1\n2\n"),
        ("select $1::timestamptz at time zone 'utc'", (None,), b"\\N\n"),
        ("select $1::numeric + 1 limit $2", (2, 1), b"3\n"),
        ("select '$1', $1::text", ("x",), b"$1\tx\n"),
        ("select E'it\\'s $1', $1::text", ("x",), b"it's $1\tx\n"),
        ("select $$ $1 $$, $t$ $$ $1 $t$, $1::text", ("x",), b" $1 \t $$ $1 \tx\n"),
        ('select 1 as "$1", $1::text -- $1', ("x",), b"1\tx\n"),
        ("select /* $1 ' */ $1::text", ("x",), b"x\n"),
        ("select a$1 from (values ($1::text)) v(a$1)", ("x",), b"x\n"),
        ("select /* a /* b */ $1 */ $1::text", ("*/ 2, --",), b"*/ 2, --\n"),
        ("select /*/* $1 **/ $1 /*/ */ /**/*/ $1::text", ("x",), b"x\n"),
        ("select 1 +/* $1 */- -- $1 /*\n $1::int", (1,), b"0\n"),
        ("select 1 -- '\r, $1::text", ("x",), b"1\tx\n"),
        ("select U&'\\\\', $1::text, U&'$1\\0041'", ("x",), b"\\\\\tx\t$1A\n"),
        ("select N'\\', e'\\\\', $1::text, 'it''s $1'", ("x",), b"\\\\\t\\\\\tx\tit's $1\n"),
        ("select E'a' -- '\n -- '\n 'b\\'$1', $1::text", ("x",), b"ab'$1\tx\n"),
        ("select E'a' , 'b\\', $1::text", ("x",), b"a\tb\\\\\tx\n"),
        ("select 1 as \"\"\"$1\", $1::text as U&\"\\0041'\", 'a'", ("x",), b"1\tx\ta\n"),
        ("select $\u20ac_1$ $$ $1 $\u20ac$ $\u20ac_1$, $1::text, 1 as \u20ac$1", ("x",), b" $$ $1 $\xe2\x82\xac$ \tx\t1\n"),
        ("select u&$1, u&$1::int from (values (6)) v(u)", (3,), b"2\t2\n"),
        ("select $10::int - $1::int" + "".join(f", ${i}::int" for i in range(2, 10)), tuple(range(10)), b"9\t1\t2\t3\t4\t5\t6\t7\t8\n"),
    ],
)
async def test_arguments(connection, query, args, expected):
    output = io.BytesIO()
    assert await connection.copy_from_query(query, *args, output=output) == f"COPY {expected.count(10)}"
    assert output.getvalue() == expected


@pytest.mark.parametrize(
    "setting, query, expected",
    [
        ("on", r"select 'a\', $1::text, ''", b"a\\\\\tit's\t\n"),
        ("off", r"select 'a\', $1, ', $1::text, ''", b"a', $1, \tit's\t\n"),
    ],
)
async def test_a_backslash_is_what_the_server_takes_it_for(connection, setting, query, expected):
    await connection.execute(f"set standard_conforming_strings = {setting}")
    output = io.BytesIO()
    await connection.copy_from_query(query, "it's", output=output)
    assert output.getvalue() == expected


async def test_arguments_of_types_that_only_the_server_knows(connection):
    await connection.execute("create type pg_temp.\"Mood's\" as enum ('so \"so\"', 'good')")
    output = io.BytesIO()
    await connection.copy_from_query("select $1::pg_temp.\"Mood's\"", 'so "so"', output=output)
    assert output.getvalue() == b'so "so"\n'
    await connection.execute("drop type pg_temp.\"Mood's\"")


async def test_mogrify(connection):
    query = "select $1::int, $2::text, '$1', $3::numeric[]"
    mogrified = "select '1'::int, 'it''s'::text, '$1', NULL::numeric[]"
    assert await pgstride.utils._mogrify(connection, query, (1, "it's", None)) == mogrified


async def test_wrong_arguments(connection, usable):
    with pytest.raises(pgstride.InterfaceError, match="expects 1 argument"):
        await connection.copy_from_query("select $1::int", 1, 2, output=io.BytesIO())
    with pytest.raises(pgstride.DataError, match=r"query argument \$1"):
        await connection.copy_from_query("select $1::int", "no number", output=io.BytesIO())
    with pytest.raises(pgstride.UndefinedColumnError):
        await connection.copy_from_query("select no_such_column", output=io.BytesIO())
    await usable(connection)
