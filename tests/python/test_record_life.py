# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Record: references and the garbage collector."""

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


@pytest.mark.parametrize("value, head", [(1, 0), ([], 16)])
def test_records_of_atomic_values_carry_nothing_for_the_collector(value, head):
    names, values = names_of(30), (value,) * 30  # so wide that no freed memory lies ready
    tracemalloc.start()
    try:
        records: list[Any] = [None] * 1000
        before, _ = tracemalloc.get_traced_memory()
        for i in range(1000):
            records[i] = _record(names, values)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert round((after - before) / 1000 / 8) * 8 == head + 24 + 8 + 30 * 8


def test_what_holds_records_of_atomic_values_is_collected(no_automatic_collection):
    witness = Witness()
    watch = weakref.ref(witness)
    held = [witness, _record(("a",), (1,))]
    held.append(held)
    del held, witness
    gc.collect()
    assert watch() is None


def test_making_records_of_atomic_values_sets_off_no_collection():
    runs: list[str] = []
    gc.collect()
    gc.callbacks.append(lambda phase, info: runs.append(phase))
    try:
        records = [_record(("a", "b"), (1.5, "x")) for _ in range(50_000)]
    finally:
        gc.callbacks.pop()
    assert len(records) == 50_000 and len(runs) <= 2


@pytest.mark.parametrize("cls", [WithDict, WithSlots])
def test_records_of_subclasses_are_tracked(cls):
    assert gc.is_tracked(_record(("a",), (1,), cls))


class Witness:
    """Can be watched, as records cannot."""


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
