# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Expressions of every type, to be read."""

EXPRESSIONS = r"""
true::bool
false::bool
(-32768)::int2
32767::int2
(-2147483648)::int4
2147483647::int4
(-9223372036854775808)::int8
9223372036854775807::int8
4294967295::oid
'4294967295'::xid
'7'::cid
'18446744073709551615'::xid8
1.1::float4
'nan'::float4
'infinity'::float4
1.1::float8
'nan'::float8
'-infinity'::float8
1e-300::float8
0::numeric
0.00::numeric
10000::numeric
100000000000000000000::numeric
120000::numeric
120000.00::numeric
-1.5::numeric
'nan'::numeric
'infinity'::numeric
'-infinity'::numeric
1e1000::numeric
1.0e-1000::numeric
0.0001::numeric
0.00010000::numeric
12345678901234567890.123456789::numeric
99999999.9999::numeric
1e10::numeric
5e-10::numeric
-0.0::numeric
123456789::numeric
10001::numeric
1.10::numeric(10,4)
12.34::money
'-5'::money
''::text
'é€😀'::text
'abc'::varchar
'ab'::bpchar(5)
'n'::name
'<a/>'::xml
'a'::"char"
''::"char"
'\377'::"char"
'\xdeadbeef'::bytea
''::bytea
'01234567-89ab-cdef-0123-456789abcdef'::uuid
'{"a":1}'::json
'{"a":1}'::jsonb
'null'::jsonb
'$.a'::jsonpath
'2020-02-29'::date
'infinity'::date
'-infinity'::date
'0001-01-01'::date
'9999-12-31'::date
'0001-01-01 BC'::date
'10000-01-01'::date
'5000000-01-01'::date
'2020-02-29 01:02:03.000004'::timestamp
'infinity'::timestamp
'-infinity'::timestamp
'0001-01-01'::timestamp
'9999-12-31 23:59:59.999999'::timestamp
'0001-12-31 BC'::timestamp
'10000-01-01'::timestamp
'1999-12-31 23:59:59.999999'::timestamp
'1969-01-01'::timestamp
'2020-02-29 01:02:03.000004+05'::timestamptz
'infinity'::timestamptz
'-infinity'::timestamptz
'0001-12-31 BC'::timestamptz
'10000-01-01'::timestamptz
'01:02:03.000004'::time
'24:00:00'::time
'00:00'::time
'01:02:03+05:30'::timetz
'01:02:03-03:30:15'::timetz
'24:00:00+00'::timetz
'01:02:03+00'::timetz
'1 day'::interval
'14 mons'::interval
'-14 mons'::interval
'-1 mons +3 days -04:05:06.789'::interval
'1 year 2 mons 3 days 04:05:06.789'::interval
'-00:00:00.000001'::interval
'0'::interval
'12 mons'::interval
'-12 mons'::interval
'100 years'::interval
'178000000 years'::interval
'10.0.0.0/8'::cidr
'::/0'::cidr
'10.0.0.1/32'::cidr
'10.0.0.1'::inet
'10.0.0.1/8'::inet
'::1'::inet
'fe80::1/64'::inet
'08:00:2b:01:02:03'::macaddr
'08:00:2b:01:02:03:04:05'::macaddr8
B'10101'::bit(5)
B''::varbit
B'1'::varbit
B'111100001'::varbit
'(1,2)'::tid
'16/B374D848'::pg_lsn
'FFFFFFFF/FFFFFFFF'::pg_lsn
'10:20:10,14,15'::txid snapshot
'10:20:'::pg_snapshot
'(1,2)'::point
'(1,2),(3,4)'::box
'[(1,2),(3,4)]'::lseg
'{1,2,3}'::line
'<(1,2),3>'::circle
'((1,2),(3,4))'::path
'[(1,2),(3,4)]'::path
'((1,2),(3,4))'::polygon
'a b'::tsvector
'a&b'::tsquery
'pg_class'::regclass
'int4'::regtype
'now'::regproc
'12'::refcursor
'english'::regconfig
'simple'::regdictionary
'pg_catalog'::regnamespace
'postgres'::regrole
'"C"'::regcollation
'now()'::regprocedure
'+(int4,int4)'::regoperator
'||/'::regoper
'postgres=r/postgres'::aclitem
'{1,2,NULL}'::int4[]
'{}'::int4[]
'{{1,2},{3,4}}'::int4[]
'[2:3]={1,2}'::int4[]
'{{{{{{1}}}}}}'::int4[]
'{a,NULL,"",é}'::text[]
'{1.10,2}'::numeric[]
'{"(1,2)","(3,4)"}'::point[]
'{(1,2),(3,4);(5,6),(7,8)}'::box[]
'{"{}"}'::jsonb[]
'{2020-01-01,infinity}'::date[]
'{1.00,2.50}'::money[]
'{101,1}'::varbit[]
'[0:1]={1.00,2.50}'::money[]
'{{1,2},{3,NULL}}'::money[]
'{08:00:2b:01:02:03}'::macaddr[]
'{pg_class}'::regclass[]
'{t,f}'::bool[]
'{10.0.0.1,10.0.0.0/8}'::inet[]
'1 2 3'::oidvector
'1_2_3'::int2vector
''::int2vector
'[1,5]'::int4range
'(,5)'::int4range
'[1,)'::int4range
'(,)'::int4range
'empty'::int4range
'[1.5,2.5)'::numrange
'[2020-01-01,2020-02-01)'::daterange
'[2020-01-01,)'::tsrange
'[2020-01-01 00:00+00,infinity]'::tstzrange
'{[1,5),[7,9)}'::int4multirange
'{}'::int4multirange
'{[1,5),[7,)}'::nummultirange
'{"[1,5)",empty}'::int4range[]
'{[2020-01-01,2020-02-01)}'::datemultirange
'(1,x)'::citype
'(,)'::citype
'(,"")'::citype
'{"(1,x)","(2,y)",NULL}'::citype[]
'(1,ok,"{1,2}")'::ctype
'ok'::mood
'{ok,sad}'::mood[]
5::dom
'{1,2}'::dom[]
'ok'::moods
'{1,2}'::domarr
'[a,b)'::textr
row(1,'a'::text)
row()
row(1,null)
row(1,row(2,'x'::text))
row('ok'::mood)
row(1.5::numeric,array[1.5])
array[row(1,2),row(3,4)]
row(array[1,2],'2020-01-01'::date)
null::int4
null
null::int4[]
'x'
'x'::unknown
'x'::cstring
array_agg(1)
now()::date=now()::date
(select(t)from(select(1)as(a))t)
pg_typeof(1)
version()=version()
current_user
'a'::regtype::oid
(select(c)from(pg_class)c(where(c.relname='pg_class')))::text
is(not)null
'1 2 3'::int2vector
(select most_common_vals from pg_stats where most_common_vals is not null and schemaname='pg_catalog' limit 1)::text is not null
(select typdefaultbin from pg_type limit 1)
'{1,2}'::anyarray
(select c from pg_database c where datname='template1')
'{a}'::name[]
'{"a b","c\\"d"}'::tsvector[]
'{1,2}'::_int4
array[array[1,2],array[3,4]]::text[]
array[null]::money[]
'{}'::money[]
generate_series(1,3)
(1,2)::citype
'1'::int4[]
xmlparse(content '<a>b</a>')
'abc'::char(3)
repeat('x',100000)
array(select generate_series(1,1000))
pg_current_wal_lsn() is not null
'foo'::regclass
1/0
('{1,2}'::int[])[1:1]
interval '1 mon -1 day'
interval '-1 year 1 mon'
interval '1.5 years'
make_interval(secs=>1.0000005)
timestamptz '2020-01-01 00:00:00 Asia/Tokyo'
'2020-01-01 12:00:00.5 BC'::timestamp
""".strip().splitlines()
