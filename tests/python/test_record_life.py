# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Record: references, the garbage collector, copies and pickles."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import tracemalloc
import weakref
from typing import Any, Callable

import pytest

from pgstride._core import Record, _create_record, _record


class WithDict(Record):
    def __getattr__(self, name: str) -> Any:
        return self[name]


class WithSlots(Record):
    __slots__ = ()


CLASSES = [Record, WithDict, WithSlots]
SIZES = [0, 1, 3, 19, 20, 40]  # around the limit of what is kept for re-use


def names_of(size: int) -> tuple[str, ...]:
    return tuple(f"c{i}" for i in range(size))


# --- references -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("size", SIZES)
def test_values_are_let_go(cls, size):
    value = object()
    before = sys.getrefcount(value)
    records = [_record(names_of(size), (value,) * size, cls) for _ in range(10)]
    assert sys.getrefcount(value) == before + 10 * size
    del records
    assert sys.getrefcount(value) == before


@pytest.mark.parametrize("cls", [WithDict, WithSlots])
def test_subclass_counts_its_instances(cls):
    before = sys.getrefcount(cls)
    records = [_record(("a",), (1,), cls) for _ in range(100)]
    assert sys.getrefcount(cls) == before + 100
    del records
    assert sys.getrefcount(cls) == before


def test_type_counts_its_instances():
    if sys.getrefcount(Record) > 2**29:
        pytest.skip("immortal")
    before = sys.getrefcount(Record)
    for _ in range(3):  # the second time from the free list
        records = [_record(("a",), (1,)) for _ in range(600)]
        assert sys.getrefcount(Record) == before + 600
        del records
        assert sys.getrefcount(Record) == before


def test_instance_dict_is_let_go():
    value = object()
    before = sys.getrefcount(value)
    r = _record(("a",), (1,), WithDict)
    r.extra = value
    assert sys.getrefcount(value) == before + 1
    del r
    assert sys.getrefcount(value) == before


class Explodes:
    def __hash__(self) -> int:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __repr__(self) -> str:
        raise ZeroDivisionError


def attempt(operation: Callable[[Any], object]) -> Callable[[Any], None]:
    def run(r: Any) -> None:
        try:
            operation(r)
        except (ZeroDivisionError, KeyError, IndexError, TypeError, ValueError):
            pass

    return run


USES: dict[str, Callable[[Any], object]] = {
    "index": lambda r: (r[0], r[-1]),
    "bad index": attempt(lambda r: r[99]),
    "slice": lambda r: (r[:], r[::-1], r[5:1]),
    "name": lambda r: (r["name"], "name" in r, "other" in r),
    "bad name": attempt(lambda r: r["other"]),
    "unhashable": attempt(lambda r: r[[]]),
    "exploding key": attempt(lambda r: r[Explodes()]),
    "get": lambda r: (r.get("name"), r.get("other"), r.get("other", r)),
    "iterate": lambda r: (list(r), list(r.values()), list(r.items()), list(r.keys())),
    "iterate partly": lambda r: (next(iter(r)), next(r.items())),
    "reversed": lambda r: list(reversed(r)),
    "dict": lambda r: dict(r),
    "repr": repr,
    "exploding repr": attempt(lambda r: repr(_record(("a",), (Explodes(),)))),
    "hash": hash,
    "exploding hash": attempt(lambda r: hash(_record(("a",), (Explodes(),)))),
    "compare": lambda r: (r == r, r < (r[0], "zz"), r != [], r == (1,)),
    "exploding compare": attempt(lambda r: _record(("a",), (Explodes(),)) == r),
    "pickle": lambda r: pickle.loads(pickle.dumps(r)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "bad arguments": attempt(lambda r: _record(("a",), (r, r))),
    "bad names": attempt(lambda r: _record((r, r), (r, r))),
    "create": lambda r: _create_record({"a": 0}, (r,)),
    "bad create": attempt(lambda r: _create_record(r, (r,))),
    "generic": lambda r: Record[int],
}


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("use", USES)
def test_uses_do_not_leak(use, cls):
    operation = USES[use]
    value, name = "value-%d" % id(cls), "".join(["na", "me"])
    r = _record((name, "second"), (value, "é" * 10), cls)

    def growth() -> int:
        before = sys.getallocatedblocks()
        for _ in range(50):
            operation(r)
        return sys.getallocatedblocks() - before

    growth()
    counts = sys.getrefcount(r), sys.getrefcount(value), sys.getrefcount(cls)
    # Caches of the interpreter may fill now and then, a leak grows every time.
    assert min(growth() for _ in range(8)) < 50
    assert (sys.getrefcount(r), sys.getrefcount(value), sys.getrefcount(cls)) == counts


def test_memory_is_bounded():
    names, values = names_of(10), tuple(range(10))

    def churn() -> None:
        for _ in range(5):
            [_record(names, values) for _ in range(2000)]

    churn()
    tracemalloc.start()
    try:
        churn()
        settled, _ = tracemalloc.get_traced_memory()
        for _ in range(5):
            churn()
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown - settled < 10_000


# --- the garbage collector ------------------------------------------------------------------------


def test_records_of_atomic_values_are_untracked():
    assert not gc.is_tracked(_record(("a", "b"), (1, "x")))
    assert not gc.is_tracked(_record((), ()))
    assert gc.is_tracked(_record(("a",), ([],)))
    assert gc.is_tracked(_record(("a", "b"), (1, _record((), ()))))
    assert gc.is_tracked(_create_record({}, ()))


@pytest.mark.parametrize("cls", [WithDict, WithSlots])
def test_records_of_subclasses_are_tracked(cls):
    assert gc.is_tracked(_record(("a",), (1,), cls))


class Witness:
    """Can be watched, as records can not."""


@pytest.fixture
def no_automatic_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("size", [1, 25])
def test_cycles_through_a_value(cls, size, no_automatic_collection):
    witness = Witness()
    watch = weakref.ref(witness)
    inside: list[Any] = [witness]
    inside.append(_record(names_of(size), (inside,) * size, cls))
    del inside, witness
    assert watch() is not None
    gc.collect()
    assert watch() is None


def test_cycles_through_the_instance_dict(no_automatic_collection):
    witness = Witness()
    watch = weakref.ref(witness)
    r = _record(("a",), (1,), WithDict)
    r.itself, r.witness = r, witness
    del r, witness
    gc.collect()
    assert watch() is None


def test_cycles_through_the_class(no_automatic_collection):
    def make() -> weakref.ref[type[Any]]:
        class Local(Record):
            __slots__ = ()

        Local.last = _record(("a",), (1,), Local)
        return weakref.ref(Local)

    watch = make()
    gc.collect()
    assert watch() is None


def test_cycles_through_an_iterator(no_automatic_collection):
    witness = Witness()
    watch = weakref.ref(witness)
    inside: list[Any] = [witness]
    r = _record(("a", "b"), (inside, 1))
    inside += [r.values(), r.items(), iter(r)]
    del inside, witness, r
    gc.collect()
    assert watch() is None


def test_cycles_through_the_mapping(no_automatic_collection):
    witness = Witness()
    watch = weakref.ref(witness)
    mapping: dict[Any, Any] = {}
    mapping[0] = _create_record(mapping, (witness,))
    del mapping, witness
    gc.collect()
    assert watch() is None


@pytest.mark.parametrize("cls", CLASSES)
def test_deep_nesting_dies_quietly(cls):
    nested: Any = None
    for _ in range(200_000):
        nested = _record(("a",), (nested,), cls)
    del nested


def test_freed_memory_is_used_again_cleanly():
    for size in (1, 2, 19):
        for _ in range(3):
            tracked = [_record(names_of(size), ([],) * size) for _ in range(1000)]
            assert all(map(gc.is_tracked, tracked))
            del tracked
            records = [_record(names_of(size), (i,) * size) for i in range(1000)]
            assert not any(map(gc.is_tracked, records))
            assert all(r == (i,) * size for i, r in enumerate(records))
            del records
    gc.collect()


# --- copies and pickles ---------------------------------------------------------------------------


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
