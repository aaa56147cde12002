# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Record: copies and pickles."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from test_record_life import CLASSES, WithDict

from pgstride._core import _record


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dumps, loads", [(pickle.dumps, pickle.loads), (pickle._dumps, pickle._loads)])
def test_pickle(cls, protocol, dumps, loads):
    r = _record(("a", "b", "a"), (1, ["x"], None), cls)
    again = loads(dumps(r, protocol))
    assert type(again) is cls
    assert again == r and again is not r
    assert list(again.items()) == [("a", 1), ("b", ["x"]), ("a", None)]
    assert again["a"] is None


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_the_instance_dict(protocol):
    r = _record(("a",), (1,), WithDict)
    r.extra = ["kept"]
    again = pickle.loads(pickle.dumps(r, protocol))
    assert (again.extra, again.a, tuple(again)) == (["kept"], 1, (1,))


def test_pickle_of_plain_records_names_no_class():
    assert b"protocol" not in pickle.dumps(_record(("a",), (1,)))


def test_pickled_rows_share_their_names():
    names = ("first", "second")
    rows = [_record(names, (i, str(i))) for i in range(100)]
    data = pickle.dumps(rows)
    assert data.count(b"second") == 1
    again = pickle.loads(data)
    assert again == rows
    assert again[0].__reduce__()[1][0] is again[99].__reduce__()[1][0]


def test_pickle_of_a_cycle():
    inside: list[Any] = []
    r = _record(("a",), (inside,))
    inside.append(r)
    again = pickle.loads(pickle.dumps(inside))
    assert again[0][0] is again


def test_empty_record_pickles():
    assert pickle.loads(pickle.dumps(_record((), ()))) == ()


@pytest.mark.parametrize("cls", CLASSES)
def test_copy(cls):
    r = _record(("a", "b"), (1, ["x"]), cls)
    again = copy.copy(r)
    assert type(again) is cls and again == r and again["b"] is r["b"]
    deep = copy.deepcopy(r)
    assert type(deep) is cls and deep == r and deep["b"] is not r["b"]


def test_copy_keeps_the_instance_dict():
    r = _record(("a",), (1,), WithDict)
    r.extra = ["kept"]
    assert copy.copy(r).extra is r.extra
    deep = copy.deepcopy(r)
    assert deep.extra == ["kept"] and deep.extra is not r.extra


def test_deepcopy_of_cycles():
    r = _record(("a",), (1,), WithDict)
    r.itself = r
    again = copy.deepcopy(r)
    assert again.itself is again and again is not r
    shared = [1]
    first, second = copy.deepcopy([_record(("a",), (shared,)), _record(("b",), (shared,))])
    assert first[0] is second[0] and first[0] is not shared


@pytest.mark.parametrize(
    "arguments, error",
    [
        ((("a",), ()), ValueError),
        (((), (1,)), ValueError),
        ((["a"], (1,)), TypeError),
        ((("a",), [1]), TypeError),
        (((1,), (1,)), TypeError),
        ((("a",),), TypeError),
        ((("a",), (1,), 5), TypeError),
    ],
)
def test_bad_pickles(arguments, error):
    with pytest.raises(error):
        _record(*arguments)
