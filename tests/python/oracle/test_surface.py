# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Every public name of asyncpg is there, is the same sort of thing, and takes the same parameters.

What is looked at are asyncpg's modules that the package has, their public classes with all public members,
functions and exceptions. Parameters are compared by name, kind and default; more of them are allowed when
nobody has to give them. ABSENT and DIFFERENT say what is not so, and why.
"""

from __future__ import annotations

import importlib
import inspect
import re
import typing

import pytest

import pgstride

asyncpg = pytest.importorskip("asyncpg")

MODULES = [name for name in ("", *(f".{module}" for module in pgstride._MODULES)) if name != ".exceptions._base"]

INNER = "the inside of asyncpg's extension, which nobody relies on"

# Names that are not there, as regular expressions, and why.
ABSENT: list[tuple[str, str]] = [
    (r"protocol\.protocol\.(Codec|CodecMap|DataCodecConfig|PreparedStatementState|SCRAMAuthentication|Timer)", INNER),
    (r"protocol\.protocol\.(RecordDescriptor|codec_map)", INNER),
    (r"protocol\.protocol\.ConnectionSettings\.(?!get_data_codec).*", INNER),
    (r"protocol\.(protocol\.)?(Base|Core)?Protocol\.(?!prepare|query|bind|execute|bind_execute|bind_execute_many|copy_).*", INNER),
    (r"protocol\.record\.RecordDescriptor\.make_record", INNER),
    (r"pgproto\.pgproto\.(pg_UUID|ReadBuffer|WriteBuffer|CodecContext\..*)", INNER),
    (r"connect_utils\.TLSUpgradeProto", "the core speaks TLS, or a user's context does"),
    (r"cluster\.platform_exe", "there is no Windows to have other names of programs"),
]

# Names that are something else, or take something else.
DIFFERENT: list[tuple[str, str]] = [
    (r"protocol\.(protocol\.)?\w*Protocol\.__init__", "made by the package alone"),
    (r"prepared_stmt\.PreparedStatement\.__init__", "made by the package alone"),
    (r"pool\.PoolConnectionHolder\.__init__", "made by the package alone"),
    (r"protocol\.(protocol\.)?\w*Protocol\.(bind_execute|bind_execute_many|execute)", "the class of rows is told as well"),
    (r"protocol\.(protocol\.)?\w*Protocol\.(prepare|copy_in|copy_out)", "only the statement is where tracing looks for it"),
    (r"introspection\.TypeRecord", "a class of named tuples, not a function that stands for one"),
    (r"cluster\.\w+\.start", "a default that nobody can change by accident; a port may be given"),
]

NEEDED = inspect.Parameter.empty
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def excused(path: str, reasons: list[tuple[str, str]]) -> bool:
    return any(re.fullmatch(pattern, path) for pattern, _ in reasons)


def shown(default: object) -> object:
    return default.__qualname__ if isinstance(default, type) and default is not NEEDED else default


def parameters(function: typing.Callable[..., object]) -> list[tuple[str, str, object]] | None:
    """Name, kind and default of each; None when nothing is known of them."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    return [
        # Nobody passes what is variadic by its name.
        (p.name if p.kind not in VARIADIC else "...", p.kind.description, shown(p.default))
        for p in signature.parameters.values()
    ]


def may_be_left_out(parameter: tuple[str, str, object]) -> bool:
    kind, default = parameter[1:]
    return kind == "variadic keyword" or (kind == "keyword-only" and default is not NEEDED)


def how_calls_differ(theirs: typing.Any, ours: typing.Any) -> str | None:
    wanted, given = parameters(theirs), parameters(ours)
    if wanted is None or given is None:
        return None
    known = {(name, kind) for name, kind, _ in wanted}
    common = [parameter for parameter in given if parameter[:2] in known or not may_be_left_out(parameter)]
    if wanted != common:
        return f"takes {inspect.signature(ours)}, not {inspect.signature(theirs)}"
    if inspect.iscoroutinefunction(theirs) != inspect.iscoroutinefunction(ours):
        return f"{'is not' if inspect.iscoroutinefunction(theirs) else 'is'} a coroutine function"
    return None


def sort_of(member: object) -> str:
    if isinstance(member, (property, classmethod, staticmethod)):
        return type(member).__name__
    if inspect.isclass(member):
        return "class"
    if inspect.isdatadescriptor(member):
        return "property"
    return "method" if callable(member) or inspect.ismethoddescriptor(member) else "value"


def members(cls: type) -> dict[str, object]:
    """Public members, and how an instance is made."""
    found: dict[str, object] = {}
    for owner in reversed(cls.__mro__[:-1]):
        found.update(vars(owner))
    return {
        name: member
        for name, member in found.items()
        if not name.startswith("_") or (name == "__init__" and inspect.isfunction(member))
    }


def compared(path: str, theirs: typing.Any, ours: typing.Any) -> typing.Iterator[str]:
    """What is different about `path`."""
    if sort_of(theirs) != sort_of(ours):
        yield f"{path} is a {sort_of(ours)}, not a {sort_of(theirs)}"
    elif inspect.isclass(theirs):
        wanted, given = members(theirs), members(ours)
        for name, member in wanted.items():
            inner = f"{path}.{name}"
            if name not in given and name != "__init__":
                if not excused(inner, ABSENT):
                    yield f"{inner} is missing"
            elif name in given and not excused(inner, DIFFERENT):
                yield from compared(inner, member, given[name])
    else:
        theirs, ours = [getattr(function, "__func__", function) for function in (theirs, ours)]
        if sort_of(theirs) == "method" and (how := how_calls_differ(theirs, ours)):
            yield f"{path} {how}"


def public(module: typing.Any) -> typing.Iterator[str]:
    """What a module has of its own, or says it exports."""
    exported = getattr(module, "__all__", ())
    for name, thing in vars(module).items():
        home = getattr(thing, "__module__", None)
        if name in exported or (not name.startswith("_") and (home or "").partition(".")[0] == "asyncpg"):
            yield name


@pytest.mark.parametrize("name", MODULES)
def test_module(name):
    theirs, ours = [importlib.import_module(package + name) for package in ("asyncpg", "pgstride")]
    found = []
    for attribute in public(theirs):
        path = f"{name}.{attribute}".lstrip(".")
        if not hasattr(ours, attribute):
            if not excused(path, ABSENT):
                found.append(f"{path} is missing")
        elif not excused(path, DIFFERENT):
            found += compared(path, getattr(theirs, attribute), getattr(ours, attribute))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", MODULES)
def test_where_classes_are_from(name):
    theirs, ours = [importlib.import_module(package + name) for package in ("asyncpg", "pgstride")]
    homes = {
        attribute: (thing.__module__.replace("asyncpg", "pgstride", 1), getattr(ours, attribute).__module__)
        for attribute, thing in vars(theirs).items()
        if isinstance(thing, type) and thing.__module__.startswith("asyncpg") and hasattr(ours, attribute)
    }
    assert not {attribute: home for attribute, home in homes.items() if home[0] != home[1]}


def test_built_in_types():
    """By all their names; PostgreSQL has had some that it has no more, and will have some."""
    theirs, ours = [
        (module.protocol.BUILTIN_TYPE_NAME_MAP, module.protocol.protocol.BUILTIN_TYPE_OID_MAP)
        for module in (asyncpg, pgstride)
    ]
    others = {"abstime", "reltime", "tinterval", "smgr", "opaque", "oid8", "regdatabase"}
    assert theirs[0].keys() - ours[0].keys() == others
    assert all(ours[0][name] == oid for name, oid in theirs[0].items() if name not in others)
    assert all(ours[1][oid] == name for oid, name in theirs[1].items() if name not in others)


def bases(exception: type) -> list[str]:
    """What may stand behind `except` for it; our inner classes have other names."""
    return [c.__name__ for c in exception.__mro__ if not c.__name__.endswith("Message") or c.__name__ == "PostgresLogMessage"]


def test_exceptions():
    assert set(asyncpg.exceptions.__all__) == set(pgstride.exceptions.__all__)
    for name in asyncpg.exceptions.__all__:
        theirs, ours = getattr(asyncpg, name), getattr(pgstride, name)
        assert ours is getattr(pgstride.exceptions, name)
        assert bases(ours) == bases(theirs)
        assert getattr(ours, "sqlstate", None) == getattr(theirs, "sqlstate", None)


def test_the_package_itself():
    assert set(asyncpg.__all__) == set(pgstride.__all__)
    extras = {"ListenEvent", "Listener", "Loan", "Observer", "PoolFullError", "ResultTooLargeError", "Stream"}
    assert extras <= vars(pgstride).keys() - set(pgstride.__all__)
    for name in dir(asyncpg):
        if not name.startswith("_") and name != "annotations":
            assert hasattr(pgstride, name), name


def test_a_difference_is_seen():
    def theirs(a, *, b=1): ...
    def renamed(x, *, b=1): ...
    def needs_more(a, *, b=1, c): ...
    def another_default(a, *, b=2): ...
    def takes_more(a, *, b=1, c=2): ...
    async def waits(a, *, b=1): ...

    assert how_calls_differ(theirs, theirs) is None
    assert how_calls_differ(theirs, takes_more) is None
    assert [how_calls_differ(theirs, other) is None for other in (renamed, needs_more, another_default, waits)] == [
        False
    ] * 4
