# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Values of every sort, to be sent as every type."""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import ipaddress
import math
import typing
import uuid

SETUP = """
drop schema if exists oracle cascade;
create schema oracle;
set search_path = oracle, public, pg_catalog;
create type citype as (a int, b text);
create type mood as enum ('sad', 'ok');
create domain dom as int check (value < 1000);
create type ctype as (a int, b mood, c int[]);
create domain moods as mood;
create domain domarr as int[];
create type textr as range (subtype = text);
create table t (a int primary key, b text);
insert into t select g, g::text from generate_series(1, 10) g;
create table u (a int unique, b int references t (a), c int check (c > 0), d int not null default 1);
"""

TYPES = """
bool int2 int4 int8 oid xid cid xid8 float4 float8 numeric money text varchar bpchar name xml "char" bytea
uuid json jsonb jsonpath date timestamp timestamptz time timetz interval cidr inet macaddr macaddr8 bit(5)
varbit tid pg_lsn txid_snapshot pg_snapshot point box lseg line circle path polygon tsvector tsquery regclass
regtype regproc refcursor int4[] text[] numeric[] point[] box[] jsonb[] date[] uuid[] bool[] bytea[]
varchar(3) int4range int8range numrange daterange tsrange tstzrange int4multirange datemultirange int4range[]
money[] varbit[] timestamptz[] inet[] oidvector int2vector void citype ctype[] mood dom moods domarr mood[]
dom[] record float8[] textr
""".split()

utc = dt.timezone.utc


class Sized:
    def __len__(self) -> int:
        return 2

    def __iter__(self) -> typing.Iterator[int]:
        return iter((1, 2))


class Int:
    def __int__(self) -> int:
        return 7


class Index:
    def __index__(self) -> int:
        return 7


class Float:
    def __float__(self) -> float:
        return 1.5


def values(types: typing.Any) -> dict[str, typing.Any]:
    """By a name; `types` is the driver's module, for those that are its own."""
    D = decimal.Decimal  # noqa: N806
    T = types  # noqa: N806
    return {
        'None': None,
        'True': True,
        'False': False,
        '0': 0,
        '1': 1,
        '-1': -1,
        '300': 300,
        '2**15': 2 ** 15,
        '2**31': 2 ** 31,
        '2**31-1': 2 ** 31 - 1,
        '2**32': 2 ** 32,
        '2**63': 2 ** 63,
        '2**64': 2 ** 64,
        '-2**63': -2 ** 63,
        '2**256': 2 ** 256,
        '-2**31': -2 ** 31,
        '1.9': 1.9,
        '-1.5': -1.5,
        'inf': math.inf,
        'nan': math.nan,
        '1e300': 1e+300,
        '1e39': 1e+39,
        '1e-320': 1e-320,
        'D1': D(1),
        'D2.7': D('2.7'),
        'D0.00': D('0.00'),
        'D1E+1000': D('1E+1000'),
        'D1E-1000': D('1.0E-1000'),
        'Dbigexp': D('1E+200000'),
        'Dsmallexp': D('1E-20000'),
        'DNaN': D('NaN'),
        'DsNaN': D('sNaN'),
        'DInf': D('Infinity'),
        'D-Inf': D('-Infinity'),
        'D10000': D('10000'),
        'D-0': D('-0'),
        'D-0.0001': D('-0.0001'),
        'Dlong': D('123456789012345678901234567890.123456789'),
        "''": '',
        "'a'": 'a',
        "'abc'": 'abc',
        "'1'": '1',
        "'12.5'": '12.5',
        "'nul'": 'a\x00b',
        "'surr'": '\ud800',
        "'é€😀'": 'é€😀',
        'uuidstr': '0123456789abcdef0123456789abcdef',
        'uuiddash': '01234567-89ab-cdef-0123-456789abcdef',
        'uuidshort': '0123',
        'uuidbad': 'z123456789abcdef0123456789abcdef',
        'uuidlong': '0123456789abcdef0123456789abcdef0123456',
        'uuid36': '0123456789abcdef0123456789abcdef0123',
        "'infinity'": 'infinity',
        "'2020-01-01'": '2020-01-01',
        'json': '{"a": 1}',
        "'10.0.0.1'": '10.0.0.1',
        "'10.0.0.1/8'": '10.0.0.1/8',
        "'10.0.0.0/8'": '10.0.0.0/8',
        "'::1'": '::1',
        "'zzz'": 'zzz',
        "'08:00:2b:01:02:03'": '08:00:2b:01:02:03',
        "'$.a'": '$.a',
        'long': 'x' * 100,
        "b''": b'',
        "b'a'": b'a',
        "b'abc'": b'abc',
        'bytearray': bytearray(b'xy'),
        'memoryview': memoryview(b'xyz'),
        'noncontig': memoryview(b'abcdef')[::2],
        'array': array.array('i', [1, 2]),
        'b16': b'0123456789abcdef',
        'uuid': uuid.UUID(int=5),
        'date': dt.date(2020, 2, 29),
        'date.max': dt.date.max,
        'date.min': dt.date.min,
        'datetime': dt.datetime(2020, 2, 29, 1, 2, 3, 4),
        'datetimeutc': dt.datetime(2020, 2, 29, 1, 2, 3, 4, tzinfo=utc),
        'datetime+5': dt.datetime(2020, 2, 29, 1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))),
        'dt.max': dt.datetime.max,
        'dt.min': dt.datetime.min,
        'dt.maxutc': dt.datetime.max.replace(tzinfo=utc),
        'dt.minutc': dt.datetime.min.replace(tzinfo=utc),
        'time': dt.time(1, 2, 3, 4),
        'timeutc': dt.time(1, 2, 3, 4, tzinfo=utc),
        'time-3:30:15': dt.time(1, 2, 3, 4, tzinfo=dt.timezone(-dt.timedelta(hours=3, minutes=30, seconds=15))),
        'td': dt.timedelta(3, 4, 5),
        'td-': dt.timedelta(-3, 4, 5),
        'td.max': dt.timedelta.max,
        'td.min': dt.timedelta.min,
        'ip4': ipaddress.ip_address('10.0.0.1'),
        'ip6': ipaddress.ip_address('::1'),
        'net4': ipaddress.ip_network('10.0.0.0/8'),
        'net6': ipaddress.ip_network('fe80::/10'),
        'if4': ipaddress.ip_interface('10.0.0.1/8'),
        '[]': [],
        '[1]': [1],
        '[1,2]': [1, 2],
        '(1,2)': (1, 2),
        '()': (),
        '(1,)': (1,),
        '(1,2,3)': (1, 2, 3),
        '[None]': [None],
        '[1,None]': [1, None],
        "['a','b']": ['a', 'b'],
        '[[1,2],[3,4]]': [[1, 2], [3, 4]],
        '[[1],[2,3]]': [[1], [2, 3]],
        '[[],[]]': [[], []],
        '[[1],2]': [[1], 2],
        '[1,[2]]': [1, [2]],
        '[[1,2],[3,[4]]]': [[1, 2], [3, [4]]],
        "[[(1,'x')],[[2,'y']]]": [[(1, 'x')], [[2, 'y']]],
        '[(1,2),(3,4)]': [(1, 2), (3, 4)],
        '[(1,2),None]': [(1, 2), None],
        '7d': [[[[[[[1]]]]]]],
        '6d': [[[[[[1]]]]]],
        'set': {1},
        'deque': collections.deque([1, 2]),
        'dict': {'a': 1},
        'range': range(3),
        'gen': (i for i in ()),
        'dict_keys': {'a': 1}.keys(),
        "['1','x']": ['1', 'x'],
        "[1,'x']": [1, 'x'],
        '[2**40]': [2 ** 40],
        '[[1,"x"]]': [[1, 'x']],
        '[b"a"]': [b'a'],
        '[\'a,b\',\'\',\'NULL\',\'q"\',\'\\\\\',\'{}\',\' x\']': ['a,b', '', 'NULL', 'q"', '\\', '{}', ' x'],
        'Sized': Sized(),
        'Int': Int(),
        'Index': Index(),
        'Float': Float(),
        'object': object(),
        'Range(1,5)': T.Range(1, 5),
        'Range()': T.Range(),
        'Rangeempty': T.Range(empty=True),
        'Range(5,1)': T.Range(5, 1),
        'Range(1,None)': T.Range(1, None),
        'Range(d)': T.Range(dt.date(2020, 1, 1), dt.date(2021, 1, 1)),
        "Range('a')": T.Range('a', 'b'),
        'Range(1.5,2)': T.Range(1.5, 2),
        '[Range]': [T.Range(1, 5), T.Range(7, 9)],
        '[(1,2),(4,5)]': [(1, 2), (4, 5)],
        '[[1,2]]': [[1, 2]],
        '(Range,)': (T.Range(1, 2),),
        'Bit': T.BitString('1010 1'),
        'Bit0': T.BitString(''),
        'Bit8': T.BitString('11110000'),
        'Point': T.Point(1, 2),
        'Box': T.Box((1, 2), (3, 4)),
        'LSeg': T.LineSegment((1, 2), (3, 4)),
        'Line': T.Line(1, 2, 3),
        'Circle': T.Circle(T.Point(1, 2), 3),
        'Path': T.Path((1, 2), (3, 4)),
        'Pathc': T.Path((1, 2), (3, 4), is_closed=True),
        'Poly': T.Polygon((1, 2), (3, 4), (5, 6)),
        '((1,2),(3,4))': ((1, 2), (3, 4)),
        '((1,2),3)': ((1, 2), 3),
        '(1.5,"x")': (1.5, 'x'),
        '[(1,2),3]': [(1, 2), 3],
        '{a:1,b:x}': {'a': 1, 'b': 'x'},
        '{b:x}': {'b': 'x'},
        '{z}': {'z': 1},
        "(1,'x')": (1, 'x'),
        "(1,'x',3)": (1, 'x', 3),
        "[1,'x']": [1, 'x'],
        '(1,2,[3,4])': (1, 2, [3, 4]),
        '(10,20,())': (10, 20, ()),
        '(1,2,3)': (1, 2, 3),
        '(1.5,2)': (1.5, 2),
        '(2**33,1)': (2 ** 33, 1),
        '(1,70000)': (1, 70000),
    }
