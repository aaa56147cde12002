# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""_create_record(): the factory of records that other test suites use, also to make impossible ones."""

from __future__ import annotations

import collections

import pytest

from pgstride._core import Record, _create_record

AB = collections.OrderedDict([("a", 0), ("b", 1)])


class Odd:
    """Neither str() nor repr() of it works."""

    def __str__(self) -> str:
        raise ZeroDivisionError

    __repr__ = __str__


def test_create_record():
    r = _create_record(AB, (1, 2))
    assert type(r) is Record
    assert (r["a"], r["b"], list(r.keys())) == (1, 2, ["a", "b"])
    assert _create_record({"a": 1, "b": 0}, ("x", "y"))["a"] == "y"
    empty = _create_record(None, ())
    assert repr(empty) == "<Record>" and empty == ()


@pytest.mark.parametrize("position", [1, 1000, -1, "a", None, 0.0])
def test_create_record_with_bad_positions(position):
    r = _create_record({"b": position}, (42,))
    assert "b" in r
    for look_up in (r.__getitem__, r.get):
        with pytest.raises(RuntimeError, match="^invalid record descriptor$"):
            look_up("b")


def test_create_record_with_too_many_values():
    r = _create_record({"a": 0}, (42, 43))
    with pytest.raises(RuntimeError, match="^invalid record mapping$"):
        repr(r)
    assert list(r.items()) == [("a", 42)]
    assert len(r) == 2


def test_create_record_with_too_few_values():
    r = _create_record(AB, (42,))
    assert repr(r) == "<Record a=42>"
    assert list(r.items()) == [("a", 42)]


def test_create_record_arguments():
    for arguments in (([], ()), ({}, [1]), ({},), ((), None)):
        with pytest.raises(TypeError):
            _create_record(*arguments)


def test_errors_of_names_propagate():
    with pytest.raises(ZeroDivisionError):
        repr(_create_record({Odd(): 0}, (42,)))
