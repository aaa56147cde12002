# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Record: access, value semantics, iterators, subclasses. Its life is test_record_life.py."""

from __future__ import annotations

import collections
import collections.abc
import json
import operator
from typing import Any

import pytest

from pgstride._core import Record, RecordItemsIterator, RecordIterator, _record


def record(*values: Any, cls: type[Any] = Record, **named: Any) -> Any:
    names = tuple("abcdefgh"[: len(values)])
    return _record(names + tuple(named), values + tuple(named.values()), cls)


class Odd:
    """Neither str() nor repr() of it works."""

    def __str__(self) -> str:
        raise ZeroDivisionError

    __repr__ = __str__


class WithDict(Record):
    def __getattr__(self, name: str) -> Any:
        return self[name]


class WithSlots(Record):
    __slots__ = ()

    def total(self) -> int:
        return sum(self)


# --- access ---------------------------------------------------------------------------------------


def test_length_and_truth():
    assert len(record(1, None)) == 2
    assert record(0)
    assert not record()
    assert len(record()) == 0


def test_by_index():
    r = record("x", "y", "z")
    assert [r[0], r[2], r[-1], r[-3]] == ["x", "z", "z", "x"]
    assert r[True] == "y"

    class Two:
        def __index__(self) -> int:
            return 2

    assert r[Two()] == "z"
    for i in (3, -4, 2**62):
        with pytest.raises(IndexError, match="^record index out of range$"):
            r[i]
    with pytest.raises(IndexError):
        r[10**100]
    with pytest.raises(IndexError, match="^record index out of range$"):
        record()[0]


@pytest.mark.parametrize("start", [None, -9, -2, 0, 1, 3, 9])
@pytest.mark.parametrize("stop", [None, -9, -1, 0, 2, 9])
@pytest.mark.parametrize("step", [None, -2, -1, 1, 2, 9])
def test_slices_are_tuples(start, stop, step):
    at = slice(start, stop, step)
    sliced = record(10, 20, 30, 40)[at]
    assert type(sliced) is tuple
    assert sliced == (10, 20, 30, 40)[at]


def test_bad_slices():
    with pytest.raises(ValueError, match="slice step cannot be zero"):
        record(1)[::0]
    with pytest.raises(TypeError):
        record(1)["a":"b"]


def test_by_name():
    r = record(1, 2)
    assert (r["a"], r["b"]) == (1, 2)
    assert r["".join(["", "b"])] == 2

    class Name(str):
        pass

    assert r[Name("b")] == 2


@pytest.mark.parametrize("key", ["z", None, 1.0, b"a", (1, 2), []])
def test_missing_names(key):
    r = record(1, 2)
    with pytest.raises(KeyError) as caught:
        r[key]
    assert caught.value.args == (key,)
    assert key not in r
    assert r.get(key) is None
    assert r.get(key, r) is r


def test_errors_of_keys_propagate():
    class Bad:
        def __hash__(self) -> int:
            raise ZeroDivisionError

    r = record(1)
    for look_up in (r.__getitem__, r.__contains__, r.get):
        with pytest.raises(ZeroDivisionError):
            look_up(Bad())


def test_contains_is_about_names():
    r = record("x", "y")
    assert "a" in r and "b" in r
    assert "x" not in r and 0 not in r


def test_get():
    r = record(1, None)
    assert r.get("a") == 1
    assert r.get("b", 5) is None
    assert r.get("z", 5) == 5
    assert r.get(0) is None
    with pytest.raises(TypeError, match=r"^Record\.get\(\) takes no keyword arguments$"):
        r.get("a", default=None)
    with pytest.raises(TypeError, match=r"^Record\.get\(\) takes no keyword arguments$"):
        r.get(key="a")
    with pytest.raises(TypeError, match=r"^Record\.get\(\) expected 1 or 2 arguments, got 0$"):
        r.get()
    with pytest.raises(TypeError, match=r"^Record\.get\(\) expected 1 or 2 arguments, got 3$"):
        r.get(1, 2, 3)


def test_immutable():
    r = record(1)
    with pytest.raises(
        TypeError, match="'pgstride.protocol.record.Record' object does not support item assignment"
    ):
        r[0] = 2
    with pytest.raises(
        TypeError, match="'pgstride.protocol.record.Record' object doesn't support item deletion"
    ):
        del r[0]
    with pytest.raises(AttributeError):
        r.x = 1
    with pytest.raises(TypeError, match="immutable type"):
        Record.x = 1
    assert not hasattr(r, "__dict__") and not hasattr(r, "__weakref__")


def test_duplicate_names_last_wins():
    r = _record(("a", "b", "a"), (1, 2, 3))
    assert r["a"] == 3
    assert r.get("a") == 3
    assert list(r.keys()) == ["a", "b", "a"]
    assert list(r.items()) == [("a", 1), ("b", 2), ("a", 3)]
    assert dict(r.items()) == {"a": 3, "b": 2}
    assert dict(r) == {"a": 3, "b": 2}
    assert repr(r) == "<Record a=1 b=2 a=3>"


def test_conversions():
    r = record(1, "x")
    assert tuple(r) == (1, "x") and list(r) == [1, "x"]
    assert list(reversed(r)) == ["x", 1]
    assert dict(r) == {**r} == dict(collections.OrderedDict(r)) == {"a": 1, "b": "x"}
    first, second = r
    assert (first, second) == (1, "x")
    assert json.dumps(tuple(r)) == '[1, "x"]'
    with pytest.raises(TypeError):
        json.dumps(r)


# --- iterators ------------------------------------------------------------------------------------


def test_values():
    r = record(1, 2, 3)
    for iterator in (iter(r), r.values()):
        assert type(iterator) is RecordIterator
        assert repr(iterator).startswith("<pgstride.protocol.record.RecordIterator ")
        assert iter(iterator) is iterator
        assert operator.length_hint(iterator) == 3
        assert next(iterator) == 1
        assert operator.length_hint(iterator) == 2
        assert list(iterator) == [2, 3]
        assert operator.length_hint(iterator) == 0
        assert list(iterator) == []


def test_items():
    iterator = record(1, 2).items()
    assert type(iterator) is RecordItemsIterator
    assert repr(iterator).startswith("<pgstride.protocol.record.RecordItemsIterator ")
    assert iterator.__length_hint__() == 2
    assert next(iterator) == ("a", 1)
    assert iterator.__length_hint__() == 1
    assert next(iterator) == ("b", 2)
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(iterator)
        assert iterator.__length_hint__() == 0


def test_keys():
    keys = record(1, 2).keys()
    assert iter(keys) is keys
    assert list(keys) == ["a", "b"]
    assert list(keys) == []


def test_iterators_outlive_their_record():
    r = record("x" * 20, "y" * 20)
    values, items, keys = r.values(), r.items(), r.keys()
    del r
    assert list(values) == ["x" * 20, "y" * 20]
    assert [name for name, _ in items] == list(keys)


@pytest.mark.parametrize("cls", [Record, RecordIterator, RecordItemsIterator, WithDict, WithSlots])
def test_not_made_by_hand(cls):
    for arguments in ((), ((1, 2),)):
        with pytest.raises(TypeError, match=f"^cannot create '{full_name(cls)}' instances$"):
            cls(*arguments)
    with pytest.raises(TypeError):
        object.__new__(cls)


def full_name(cls: type) -> str:
    return (
        cls.__name__ if issubclass(cls, (WithDict, WithSlots)) else f"pgstride.protocol.record.{cls.__name__}"
    )


# --- as a value -----------------------------------------------------------------------------------


def test_repr():
    assert repr(record()) == "<Record>"
    assert repr(record(1, "x")) == str(record(1, "x")) == "<Record a=1 b='x'>"
    assert repr(record(1, cls=WithDict)) == "<WithDict a=1>"
    assert f"{record(cls=WithSlots)}" == "<WithSlots>"
    assert repr(_record(("?column?", "é"), (None, record(2)))) == "<Record ?column?=None é=<Record a=2>>"


def test_recursive_repr():
    inside: list[Any] = []
    r = record(inside)
    inside.append(r)
    assert repr(r) == "<Record a=[<Record ...>]>"
    assert repr(r) == "<Record a=[<Record ...>]>"


def test_errors_of_repr_propagate():
    with pytest.raises(ZeroDivisionError):
        repr(record(Odd()))
    assert repr(record(1)) == "<Record a=1>"


@pytest.mark.parametrize("values", [(), (1,), (1, "x", None), ((1, 2), 3.5), tuple(range(30))])
def test_hash_is_that_of_the_tuple(values):
    r = _record(tuple(f"c{i}" for i in range(len(values))), values)
    assert hash(r) == hash(values)
    assert {values: "found"}[r] == "found"
    assert {r: "found"}[values] == "found"


def test_unhashable_values():
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        hash(record([]))


OPERATORS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize("compare", OPERATORS)
@pytest.mark.parametrize("left", [(), (1,), (1, 2), (1, 3), (2, 2), (1, 2, 3), Point(1, 2)])
@pytest.mark.parametrize("right", [(), (1,), (1, 2), (2,), (1, 2, 0), Point(1, 3)])
def test_compares_like_tuples(compare, left, right):
    expected = compare(left, right)
    assert compare(record(*left), right) is expected
    assert compare(left, record(*right)) is expected
    assert compare(record(*left), record(*right, cls=WithDict)) is expected
    assert compare(record(*left, cls=WithSlots), record(*right)) is expected


def test_comparison_ignores_names():
    assert record(a=1, b=2) == record(x=1, y=2)
    assert _record(("a", "a"), (1, 2)) == (1, 2)
    nan = float("nan")
    assert record(nan) == (nan,)  # the same object, as in tuples


@pytest.mark.parametrize("other", [[1, 2], {"a": 1, "b": 2}, None, 1, "ab", {1, 2}])
def test_incomparable(other):
    r = record(1, 2)
    assert (r == other) is False and (other == r) is False
    assert (r != other) is True
    with pytest.raises(TypeError, match="not supported between instances"):
        r < other
    with pytest.raises(TypeError, match="not supported between instances"):
        other >= r


def test_errors_of_comparison_propagate():
    class Bad:
        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError

        __hash__ = None  # type: ignore[assignment]

    for compare in OPERATORS:
        with pytest.raises(ZeroDivisionError):
            compare(record(Bad()), (1,))
    with pytest.raises(TypeError):
        record(1) < record("x")


def test_no_arithmetic():
    with pytest.raises(TypeError):
        record(1) + (2,)
    with pytest.raises(TypeError):
        record(1) * 2


def test_abstract_base_classes():
    r = record(1)
    for abc in (collections.abc.Collection, collections.abc.Hashable):
        assert isinstance(r, abc)
    for abc in (collections.abc.Mapping, collections.abc.Sequence, tuple, collections.abc.Reversible):
        assert not isinstance(r, abc)
    match r:
        case [_] | {"a": _}:
            pytest.fail("matched as a sequence or mapping")


def test_type():
    assert (Record.__module__, Record.__qualname__) == ("pgstride.protocol.record", "Record")
    assert repr(Record[int].__args__) == "(<class 'int'>,)"
    assert Record.__new__ is object.__new__ and Record.__init__ is object.__init__  # what record_class= asks


# --- subclasses -----------------------------------------------------------------------------------


def test_subclass_methods():
    assert record(1, 2, cls=WithSlots).total() == 3
    r = record(1, 2, cls=WithDict)
    assert (r.a, r["b"], len(r)) == (1, 2, 2)
    with pytest.raises(KeyError):
        r.z
    r.extra = "kept"
    assert r.extra == "kept" and list(r) == [1, 2]
    with pytest.raises(AttributeError):
        record(1, cls=WithSlots).extra = 1


@pytest.mark.parametrize("size", [0, 1, 7, 8, 25])
def test_subclass_dict_lies_behind_the_values(size):
    values = tuple(object() for _ in range(size))
    r = _record(tuple(f"c{i}" for i in range(size)), values, WithDict)
    assert vars(r) == {}
    for i in range(50):
        setattr(r, f"extra{i}", i)
    assert tuple(r) == values
    assert vars(r) == {f"extra{i}": i for i in range(50)}


def test_only_subclasses():
    for cls in (tuple, object, int):
        with pytest.raises(TypeError, match="not a subclass of Record"):
            _record(("a",), (1,), cls)
