# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The exceptions: the same classes as asyncpg's, and what is made of the server's messages."""

from __future__ import annotations

import contextlib
import copy
import pathlib
import pickle
import subprocess
import sys
import warnings
from typing import Any

import asyncpg
import pytest

from pgstride import exceptions
from pgstride.exceptions import _base

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = sorted(exceptions.__all__)

LETTERS = "SVCMDHPpqWstcdnFLR"
FIELDS = {letter: f"field {letter}" for letter in LETTERS} | {"C": "23505", "M": "duplicate key"}


def postgres_error(sqlstate: str, **fields: str) -> Any:
    return exceptions.PostgresError.new({"C": sqlstate, "M": "message", **fields})


# --- the classes ----------------------------------------------------------------------------------


def test_generated_file_is_current():
    generated = subprocess.run(
        [sys.executable, str(ROOT / "tools/exceptions.py")], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    assert generated == pathlib.Path(exceptions.__file__).read_text(encoding="utf-8")


def test_the_names_are_those_of_asyncpg():
    for ours, theirs in ((exceptions, asyncpg.exceptions), (_base, asyncpg.exceptions._base)):
        assert ours.__all__ == theirs.__all__
    assert len(set(NAMES)) == 276


@pytest.mark.parametrize("name", NAMES)
def test_class_is_that_of_asyncpg(name):
    ours, theirs = getattr(exceptions, name), getattr(asyncpg.exceptions, name)
    assert [base.__name__ for base in ours.__mro__] == [base.__name__ for base in theirs.__mro__]
    assert ours.__module__ == theirs.__module__.replace("asyncpg", "pgstride")
    assert ours.__qualname__ == name
    assert getattr(ours, "sqlstate", "none") == getattr(theirs, "sqlstate", "none")
    assert ("sqlstate" in vars(ours)) == ("sqlstate" in vars(theirs))


def test_every_sqlstate_has_its_class():
    with_sqlstate = [name for name in NAMES if "sqlstate" in vars(getattr(exceptions, name))]
    assert len(with_sqlstate) == 262
    for name in with_sqlstate:
        cls = getattr(exceptions, name)
        assert type(postgres_error(cls.sqlstate)) is cls


def test_there_are_two_data_errors():
    assert exceptions.DataError is not _base.DataError
    assert issubclass(exceptions.DataError, exceptions.PostgresError)
    assert not issubclass(exceptions.DataError, (exceptions.InterfaceError, ValueError))
    assert _base.DataError.__mro__[1:3] == (exceptions.InterfaceError, _base.InterfaceMessage)


# --- errors ---------------------------------------------------------------------------------------


def test_fields():  # R-X1
    for name in _base.PostgresMessageMeta._field_map.values():
        assert getattr(exceptions.PostgresError, name) is None
    error = exceptions.PostgresError.new({**FIELDS, "?": "from the future"}, query="insert")
    assert type(error) is exceptions.UniqueViolationError
    assert error.args == ("duplicate key",)
    assert error.query == "insert"
    theirs = asyncpg.PostgresError.new(FIELDS, query="insert")
    assert vars(error) == vars(theirs)
    assert error.as_dict() == theirs.as_dict()
    assert str(error) == str(theirs) == "duplicate key\nDETAIL:  field D\nHINT:  field H"
    assert repr(error) == "UniqueViolationError('duplicate key')"
    assert "?" not in vars(error)


def test_as_dict_has_only_what_was_sent():
    error = exceptions.PostgresError.new({"C": "22012", "M": "division by zero"}, "select 1/0")
    assert error.as_dict() == {"sqlstate": "22012", "message": "division by zero"}
    assert exceptions.PostgresError.new({"C": "22012", "M": ""}).query is None


def test_made_by_hand():
    error = exceptions.DataError("invalid input")
    assert (error.sqlstate, error.message, error.detail) == ("22000", None, None)
    assert not hasattr(error, "query")
    assert str(error) == "invalid input"
    assert str(exceptions.PostgresError()) == ""


@pytest.mark.parametrize("sqlstate", ["22P07", "57P99", "ZZ001", "00000", "23", "", "x" * 100])
def test_unknown_sqlstate(sqlstate):  # R-X1
    error = postgres_error(sqlstate)
    assert type(error) is exceptions.UnknownPostgresError
    assert error.sqlstate == sqlstate and str(error) == "message"


def test_fields_that_are_missing():
    error = exceptions.PostgresError.new({})
    assert type(error) is exceptions.UnknownPostgresError
    assert (error.sqlstate, error.message, str(error)) == (None, None, "")


def test_a_changed_plan_is_told_by_the_routine():
    error = postgres_error("0A000", R="RevalidateCachedQuery")
    assert type(error) is exceptions.InvalidCachedStatementError
    assert error.sqlstate == exceptions.InvalidCachedStatementError.sqlstate == "0A000"
    theirs = asyncpg.PostgresError.new({"C": "0A000", "M": "message", "R": "RevalidateCachedQuery"})
    assert str(error) == str(theirs) != "message"
    assert error.message == theirs.message == "message"
    assert type(postgres_error("0A000", R="transformStmt")) is exceptions.FeatureNotSupportedError
    assert type(postgres_error("0A000")) is exceptions.FeatureNotSupportedError
    assert type(postgres_error("XX000", R="RevalidateCachedQuery")) is exceptions.InternalServerError


@pytest.mark.parametrize("sqlstate", ["26000", "42P05"])
def test_pgbouncer_is_hinted_at(sqlstate):
    for error in (postgres_error(sqlstate), postgres_error(sqlstate, H="the hint of the server")):
        assert "pgbouncer" in error.hint and "statement_cache_size=0" in error.hint
        assert f"\nHINT:  {error.hint}" in str(error)
        assert "asyncpg" not in error.hint
    assert error.hint.startswith("the hint of the server\n")
    assert postgres_error("34000").hint is None


def test_a_warning_reported_as_an_error_can_be_raised():
    with pytest.raises(exceptions.PostgresWarning) as caught:
        with contextlib.suppress(), contextlib.ExitStack():
            raise postgres_error("01000")
    assert caught.value.message == "message"


def test_subclasses_of_users():
    class Rejected(exceptions.PostgresError):
        sqlstate = "ZZ777"

    try:
        error = postgres_error("ZZ777")
        assert type(error) is Rejected and error.sqlstate == "ZZ777"
        with pytest.raises(TypeError, match="ZZ777.* already defined by Rejected"):
            type("Again", (exceptions.PostgresError,), {"sqlstate": "ZZ777"})
    finally:
        del _base.PostgresMessageMeta._message_map["ZZ777"]
    with pytest.raises(TypeError, match="already defined by DivisionByZeroError"):
        type("Again", (exceptions.PostgresError,), {"sqlstate": "22012"})
    assert type(postgres_error("22012")) is exceptions.DivisionByZeroError


def test_names_of_the_package_are_taken():
    with pytest.raises(RuntimeError, match="exception class redefinition: DataError"):
        type("DataError", (exceptions.PostgresError,), {"__module__": "pgstride.exceptions"})
    type("DataError", (exceptions.PostgresError,), {})


# --- notices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", ["NOTICE", "INFO", "LOG", "DEBUG", "WARNING", "ERROR"])
@pytest.mark.parametrize("sqlstate", ["00000", "01000", "01004", "02000", "22012", "57P99", "42P01"])
@pytest.mark.parametrize("localised", [None, "HINWEIS"])
def test_notice_is_that_of_asyncpg(severity, sqlstate, localised):
    fields = {"C": sqlstate, "M": "message", "S": localised or severity, "H": "hint"}
    if localised:
        fields["V"] = severity
    ours, theirs = exceptions.PostgresLogMessage.new(fields, "q"), asyncpg.PostgresLogMessage.new(fields, "q")
    assert type(ours).__name__ == type(theirs).__name__
    assert str(ours) == str(theirs)
    assert ours.as_dict() == theirs.as_dict()
    assert ours.query == "q"  # type: ignore[attr-defined]


def test_notices_without_fields():
    assert type(exceptions.PostgresLogMessage.new({})) is exceptions.PostgresLogMessage


@pytest.mark.parametrize("sqlstate, name", [("00000", "PostgresLogMessage"), ("01000", "PostgresWarning")])
def test_notices_are_immutable(sqlstate, name):
    notice = exceptions.PostgresLogMessage.new({"C": sqlstate, "M": "message"})
    assert str(notice) == f"{name}: message"
    for attribute in ("message", "anything"):
        with pytest.raises(TypeError, match=f"^instances of {name} are immutable$"):
            setattr(notice, attribute, "changed")
    assert notice.message == "message"


def test_warnings_pass_through_context_managers():
    @contextlib.contextmanager
    def manager():
        yield

    with pytest.raises(exceptions.PostgresWarning):
        with manager():
            raise postgres_error("01000")


def test_log_messages_are_no_exceptions():
    assert not issubclass(exceptions.PostgresLogMessage, BaseException)
    with pytest.warns(exceptions.PostgresWarning):
        warnings.warn("message", exceptions.PostgresWarning, stacklevel=1)


# --- errors of the client -------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [exceptions.InterfaceError, exceptions.InterfaceWarning])
def test_interface_messages(cls):
    assert str(cls("message")) == "message"
    error = cls("message", detail="more", hint="try")
    assert (error.args, error.detail, error.hint) == (("message",), "more", "try")
    assert str(error) == "message\nDETAIL:  more\nHINT:  try"
    with pytest.raises(TypeError):
        cls("message", "detail")


def test_with_msg():
    try:
        raise exceptions.ClientConfigurationError("message", detail="more", hint="try")
    except exceptions.InterfaceError as caught:
        error = caught
    other = error.with_msg("other")
    assert type(other) is exceptions.ClientConfigurationError
    assert (other.args, other.detail, other.hint) == (("other",), "more", "try")
    assert other.__traceback__ is error.__traceback__ is not None


def test_outdated_schema_cache():
    error = exceptions.OutdatedSchemaCacheError("message", schema="s", data_type="t", position=3)
    assert (error.args, error.schema_name, error.data_type_name, error.position) == (
        ("message",),
        "s",
        "t",
        3,
    )
    assert exceptions.OutdatedSchemaCacheError("message").position is None


# --- copies and pickles ---------------------------------------------------------------------------


def through_pickle(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("duplicate", [through_pickle, copy.copy, copy.deepcopy])
@pytest.mark.parametrize(
    "original",
    [
        exceptions.PostgresError.new(FIELDS, "insert"),
        exceptions.PostgresError.new({"C": "0A000", "M": "message", "R": "RevalidateCachedQuery"}, "select"),
        exceptions.PostgresError.new({"C": "ZZ001", "M": "message"}),
        exceptions.PostgresLogMessage.new({"C": "00000", "M": "message"}),
        exceptions.PostgresLogMessage.new({"C": "01000", "M": "message", "H": "hint"}),
        exceptions.DataError("message"),
        exceptions.InterfaceError("message", detail="more"),
        exceptions.InterfaceWarning("message", hint="try"),
        exceptions.ClientConfigurationError("message"),
        exceptions.ProtocolError("message"),
        exceptions.OutdatedSchemaCacheError("message", schema="s", position=3),
    ],
    ids=lambda original: type(original).__name__,
)
def test_duplicates_are_complete(original, duplicate):
    again = duplicate(original)
    assert type(again) is type(original) and again is not original
    assert vars(again) == vars(original)
    assert str(again) == str(original)
    assert getattr(again, "args", None) == getattr(original, "args", None)
