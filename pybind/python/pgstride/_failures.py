# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Which exception a failure in the core becomes, and what it says.

Called by the extension when something fails. The core names the kind of failure; which class that becomes,
what asyncpg's users match on, and how texts read is decided here.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import typing

from . import exceptions

_LONGEST_REPR = 40
_LONGEST_QUERY = 60


def make_exception(
    kind: str,
    system: int,
    detail: str,
    fields: dict[str, str] | None,
    query: str | None,
    outcome_unknown: bool,
) -> BaseException:
    """The exception for a core failure.

    `system` is the operating system's errno, or 0; `fields` is what the server said, if it said anything.
    """
    said = exceptions.PostgresError.new(fields, query) if fields is not None else None
    if kind == "server_error" and said is not None:
        return said
    exception: BaseException
    if kind == "timed_out":
        exception = asyncio.TimeoutError() if not detail or detail == "deadline passed" else asyncio.TimeoutError(detail)
    elif kind == "connection_lost":
        reason = "" if said is None else f": {said.args[0]}"
        exception = exceptions.ConnectionDoesNotExistError(f"connection was closed in the middle of operation{reason}")
        if said is None:
            exception.__cause__ = OSError(system, detail) if system else ConnectionError(detail)
    elif kind == "connection_closed":
        exception = exceptions.InterfaceError("connection is closed")
    elif kind == "cancelled":  # a COPY that was not let come to its end; the server would say the same
        exception = exceptions.QueryCanceledError("canceling statement due to user request")
    elif kind == "protocol_violation":
        exception = exceptions.ProtocolError(detail)
    elif kind == "result_too_large":
        exception = exceptions.ResultTooLargeError(f"the result has {detail}")
    elif kind == "host_not_found":
        exception = socket.gaierror(socket.EAI_NONAME, detail)
    elif kind == "tls_refused":
        exception = ConnectionError(detail)
    elif kind == "tls_failed":
        exception = ssl.SSLError(ssl.SSLErrorNumber.SSL_ERROR_SSL, detail)
    elif kind == "certificate_rejected":
        exception = ssl.SSLCertVerificationError(ssl.SSLErrorNumber.SSL_ERROR_SSL, detail)
    elif kind == "system":
        exception = OSError(system, detail)
    elif "asks for authentication by md5" in detail and (no_md5 := without_md5()):
        exception = exceptions.InternalClientError(f"unexpected error while performing authentication: {no_md5}")
        exception.__cause__ = no_md5
    else:
        exception = exceptions.InterfaceError(detail)
    if said is not None:
        exception.__cause__ = said
    if outcome_unknown:
        vars(exception)["outcome_unknown"] = True
    return exception


def without_md5() -> Exception | None:
    """Why this Python has no MD5, if it has none, as where only what FIPS allows is allowed. Then the core is not to
    use it either."""
    try:
        hashlib.md5()
    except Exception as error:
        return error
    return None


def bad_option(text: str) -> BaseException:
    return exceptions.ClientConfigurationError(text)


def busy(query: str | None, seconds: float) -> BaseException:
    """Another operation is in progress: which, and for how long."""
    what = "" if query is None else f": {_shorten(query, _LONGEST_QUERY)!r}, running for {seconds:.3f} s"
    return exceptions.InterfaceError("cannot perform operation: another operation is in progress" + what)


def argument_count(expected: int, given: int) -> BaseException:
    hint = "Check the query against the passed list of arguments."
    if expected == 0:
        hint += (
            "  Note that parameters are supported only in SELECT, INSERT, UPDATE, DELETE, MERGE and VALUES"
            " statements, and will *not* work in statements  like CREATE VIEW or DECLARE CURSOR."
        )
    return exceptions.InterfaceError(
        f"the server expects {expected} argument{'' if expected == 1 else 's'} for this query, "
        f"{given} {'was' if given == 1 else 'were'} passed",
        hint=hint,
    )


def too_many_arguments(most: int) -> BaseException:
    return exceptions.InterfaceError(f"the number of query arguments cannot exceed {most}")


def bad_argument(position: int, value: object, cause: BaseException, element: int) -> BaseException:
    """Why argument number `position` (from 1) could not be encoded.

    `element` is its set's place among many, negative when there is only one.
    """
    which = f"${position}" if element < 0 else f"${position} in element #{element} of executemany() sequence"
    if isinstance(cause, (AssertionError, exceptions.InternalClientError)) or not isinstance(cause, Exception):
        return cause
    if isinstance(cause, exceptions.InterfaceError):
        return cause.with_msg(f"query argument {which}: {cause.args[0]}")
    shown = repr(value)
    if len(shown) > _LONGEST_REPR:
        shown = shown[:_LONGEST_REPR] + "..."
    error = exceptions.DataError(f"invalid input for query argument {which}: {shown} ({cause})")
    error.__cause__ = cause
    return error


def bad_set(element: int, value: object) -> BaseException:
    """`element` is its place among many, negative when there is only one."""
    if element < 0:
        return exceptions.InternalClientError(f"Bind: expected a sequence, got {type(value).__name__}")
    return exceptions.DataError(
        f"invalid input in executemany() argument sequence element #{element}: "
        f"expected a sequence, got {type(value).__name__}"
    )


def bad_record_class(given: object) -> BaseException:
    return exceptions.InterfaceError(f"record_class is expected to be a subclass of pgstride.Record, got {given!r}")


def bad_type(position: int, name: str) -> BaseException:
    if name == "record":
        return exceptions.UnsupportedClientFeatureError(
            f"query argument ${position}: input of anonymous composite types is not supported",
            detail="PostgreSQL does not implement anonymous composite type input.",
            hint="Consider declaring an explicit composite type and using it to cast the argument.",
        )
    return exceptions.UnsupportedClientFeatureError(f"query argument ${position}: input of type {name} is not supported")


def bad_copied_column(oid: int, name: str) -> BaseException:
    return exceptions.InternalClientError(f"no binary format encoder for type {name} (OID {oid})")


def text_part(schema: str, name: str, kind: str) -> BaseException:
    return exceptions.UnsupportedClientFeatureError(
        f'cannot decode type "{schema}"."{name}": text encoding of {kind} types is not supported'
    )


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


__all__: typing.Final[tuple[str, ...]] = ()
