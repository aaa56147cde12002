# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What all exceptions derive from, and how a server's message becomes one of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = (
    "PostgresError",
    "FatalPostgresError",
    "UnknownPostgresError",
    "InterfaceError",
    "InterfaceWarning",
    "PostgresLogMessage",
    "ClientConfigurationError",
    "InternalClientError",
    "OutdatedSchemaCacheError",
    "ProtocolError",
    "UnsupportedClientFeatureError",
    "TargetServerAttributeNotMatched",
    "UnsupportedServerFeatureError",
)

_PACKAGE = __name__.partition(".")[0]

_PLAN_CHANGED = "cached statement plan is invalid due to a database schema or configuration change"

_PGBOUNCER_NOTE = """\
NOTE: this is how prepared statements fail behind pgbouncer when its pool_mode is "transaction" or
"statement" and it does not keep track of them (max_prepared_statements is 0). Either

* connect to the server itself and let the connection pool of pgstride take the place of pgbouncer, or

* pass statement_cache_size=0 to connect() or create_pool(), so that no statement stays prepared.
"""


def _with_details(message: object, detail: str | None, hint: str | None) -> str:
    text = str(message)
    if detail:
        text += f"\nDETAIL:  {detail}"
    if hint:
        text += f"\nHINT:  {hint}"
    return text


class PostgresMessageMeta(type):
    """Registers every class whose body says `sqlstate = ...` as the one for that SQLSTATE."""

    _message_map: dict[str, type[PostgresMessage]] = {}
    _field_map = {
        "S": "severity",
        "V": "severity_en",
        "C": "sqlstate",
        "M": "message",
        "D": "detail",
        "H": "hint",
        "P": "position",
        "p": "internal_position",
        "q": "internal_query",
        "W": "context",
        "s": "schema_name",
        "t": "table_name",
        "c": "column_name",
        "d": "data_type_name",
        "n": "constraint_name",
        "F": "server_source_filename",
        "L": "server_source_line",
        "R": "server_source_function",
    }

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> PostgresMessageMeta:
        cls = super().__new__(mcls, name, bases, namespace)
        module = namespace.get("__module__", "")
        if module.partition(".")[0] == _PACKAGE and hasattr(sys.modules.get(module), name):
            raise RuntimeError(f"exception class redefinition: {name}")
        sqlstate = namespace.get("sqlstate")
        if sqlstate is not None:
            taken = mcls._message_map.get(sqlstate)
            if taken is not None:
                raise TypeError(
                    f"{name} has duplicate SQLSTATE code {sqlstate}, which is already defined by {taken.__name__}"
                )
            mcls._message_map[sqlstate] = cast("type[PostgresMessage]", cls)
        return cls


class PostgresMessage(metaclass=PostgresMessageMeta):
    """What the server says of an error or notice; a field it did not send is None."""

    severity: str | None = None
    severity_en: str | None = None
    sqlstate: str | None = None
    message: str | None = None
    detail: str | None = None
    hint: str | None = None
    position: str | None = None
    internal_position: str | None = None
    internal_query: str | None = None
    context: str | None = None
    schema_name: str | None = None
    table_name: str | None = None
    column_name: str | None = None
    data_type_name: str | None = None
    constraint_name: str | None = None
    server_source_filename: str | None = None
    server_source_line: str | None = None
    server_source_function: str | None = None

    query: str | None  # what was being run; only in instances made by new()

    def as_dict(self) -> dict[str, str]:
        """The fields that the server sent, by attribute name."""
        values = ((name, getattr(self, name)) for name in PostgresMessageMeta._field_map.values())
        return {name: value for name, value in values if value is not None}


def _attributes(fields: Mapping[str, str], query: str | None) -> dict[str, str | None]:
    names = PostgresMessageMeta._field_map
    attributes: dict[str, str | None] = {"query": query}
    attributes.update((names[code], value) for code, value in fields.items() if code in names)
    return attributes


class PostgresError(PostgresMessage, Exception):
    """An error reported by the server."""

    def __str__(self) -> str:
        return _with_details(self.args[0] if self.args else "", self.detail, self.hint)

    @classmethod
    def new(cls, fields: Mapping[str, str], query: str | None = None) -> PostgresError:
        """The error of an ErrorResponse, whose fields are named by the letters of the protocol.

        SQLSTATE chooses the class, which is no subclass of PostgresError only when the server reports a
        warning's SQLSTATE as an error: PL/pgSQL can.
        """
        attributes = _attributes(fields, query)
        message = attributes.get("message") or ""
        sqlstate = fields.get("C", "")
        found = PostgresMessageMeta._message_map.get(sqlstate)
        if found is None or not issubclass(found, Exception):
            found = UnknownPostgresError
        # The message is localised, the function that raises it is not.
        if sqlstate == "0A000" and fields.get("R") == "RevalidateCachedQuery":
            from . import InvalidCachedStatementError

            found, message = InvalidCachedStatementError, _PLAN_CHANGED
        if sqlstate in ("26000", "42P05"):  # such a statement does not exist, or exists already
            hint = attributes.get("hint")
            attributes["hint"] = f"{hint}\n{_PGBOUNCER_NOTE}" if hint else _PGBOUNCER_NOTE
        error = cast("type[PostgresError]", found)(message)
        vars(error).update(attributes)
        return error


class FatalPostgresError(PostgresError):
    """An error that ends the connection."""


class UnknownPostgresError(FatalPostgresError):
    """An error with a SQLSTATE that no class stands for."""


class PostgresLogMessage(PostgresMessage):
    """A notice or a line of the log that the server sent to this client."""

    def __str__(self) -> str:
        return f"{type(self).__name__}: {self.message}"

    def __setattr__(self, name: str, value: object) -> None:
        # Warnings are exceptions: contextlib, for one, sets the __traceback__ of those that pass.
        if not name.startswith("__"):
            raise TypeError(f"instances of {type(self).__name__} are immutable")
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        vars(self).update(state or {})

    @classmethod
    def new(cls, fields: Mapping[str, str], query: str | None = None) -> PostgresMessage:
        """The message of a NoticeResponse; SQLSTATE chooses the class, which may be that of an error."""
        attributes = _attributes(fields, query)
        found = PostgresMessageMeta._message_map.get(fields.get("C", ""))
        if found is None:
            severity = attributes.get("severity_en") or attributes.get("severity")
            found = PostgresMessageMeta._message_map["01000"] if severity == "WARNING" else PostgresLogMessage
        arguments = (attributes.get("message") or "",) if issubclass(found, BaseException) else ()
        message = found(*arguments)
        vars(message).update(attributes)
        return message


class InterfaceMessage:
    """What this client has to say of its use."""

    args: tuple[Any, ...]

    def __init__(self, *, detail: str | None = None, hint: str | None = None) -> None:
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return _with_details(self.args[0] if self.args else "", self.detail, self.hint)


class InterfaceError(InterfaceMessage, Exception):
    """A wrong use of this client."""

    def __init__(self, msg: str, *, detail: str | None = None, hint: str | None = None) -> None:
        InterfaceMessage.__init__(self, detail=detail, hint=hint)
        Exception.__init__(self, msg)

    def with_msg(self, msg: str) -> Self:
        """The same error with another message."""
        return type(self)(msg, detail=self.detail, hint=self.hint).with_traceback(self.__traceback__)


class ClientConfigurationError(InterfaceError, ValueError):
    """Connection parameters that make no sense."""


class DataError(InterfaceError, ValueError):
    """Never raised and not exported: arguments that cannot be encoded raise the SQLSTATE class 22000."""


class UnsupportedClientFeatureError(InterfaceError):
    """Something this client cannot do."""


class ResultTooLargeError(InterfaceError):
    """A result exceeds the connection's `max_rows` or `max_result_bytes`."""


class UnsupportedServerFeatureError(InterfaceError):
    """Something the server cannot do."""


class InterfaceWarning(InterfaceMessage, UserWarning):
    """A doubtful use of this client."""

    def __init__(self, msg: str, *, detail: str | None = None, hint: str | None = None) -> None:
        InterfaceMessage.__init__(self, detail=detail, hint=hint)
        UserWarning.__init__(self, msg)


class InternalClientError(Exception):
    """This client made a mistake, or the server one that it could not explain."""


class ProtocolError(InternalClientError):
    """The server sent what the protocol does not allow."""


class TargetServerAttributeNotMatched(InternalClientError):
    """No host is of the kind that target_session_attrs asks for."""


class OutdatedSchemaCacheError(InternalClientError):
    """What this client remembers of the database's types is no longer true."""

    def __init__(
        self,
        msg: str,
        *,
        schema: str | None = None,
        data_type: str | None = None,
        position: int | None = None,
    ) -> None:
        super().__init__(msg)
        self.schema_name = schema
        self.data_type_name = data_type
        self.position = position
