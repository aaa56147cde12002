# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What connect() is told, checked and turned into the options of the core."""

from __future__ import annotations

import collections
import inspect
import typing

from . import exceptions
from .protocol import Record

_ConnectionParameters = collections.namedtuple(
    "ConnectionParameters",
    [
        "user",
        "password",
        "database",
        "ssl",
        "sslmode",
        "ssl_negotiation",
        "server_settings",
        "target_session_attrs",
        "krbsrvname",
        "gsslib",
    ],
)
_ClientConfiguration = collections.namedtuple(
    "ConnectionConfiguration",
    [
        "command_timeout",
        "statement_cache_size",
        "max_cached_statement_lifetime",
        "max_cacheable_statement_size",
    ],
)

Password = typing.Union[str, typing.Callable[[], typing.Union[str, typing.Awaitable[str]]], None]


async def resolve_password(password: Password) -> str | None:
    if not callable(password):
        return password
    result = password()
    return await result if inspect.isawaitable(result) else result


def join(values: str | int | typing.Sequence[str | int] | None) -> str | None:
    """A single value or a list of them, as libpq spells it."""
    if not values and values != 0:
        return None
    return ",".join(map(str, values)) if isinstance(values, (list, tuple)) else str(values)


def sslmode(ssl: str | bool | None) -> str | None:
    if ssl is None or isinstance(ssl, str):
        return ssl
    if ssl is False:
        return "disable"
    raise exceptions.UnsupportedClientFeatureError("`ssl` other than a mode's name is not supported yet")


def settings_of(settings: dict[str, str] | None) -> list[tuple[str, str]]:
    if settings is None:
        return []
    if not isinstance(settings, dict) or not all(isinstance(s, str) for pair in settings.items() for s in pair):
        raise exceptions.ClientConfigurationError("server_settings is expected to be None or a Dict[str, str]")
    return list(settings.items())


def check_not_negative(name: str, value: object) -> None:
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError(f"{name} is expected to be greater or equal to 0, got {value!r}")


def check_command_timeout(value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise ValueError(f"invalid command_timeout value: expected greater than 0 float (got {value!r})")


def check_record_class(record_class: object) -> None:
    if record_class is Record:
        return
    if not (isinstance(record_class, type) and issubclass(record_class, Record)):
        raise exceptions.InterfaceError(
            f"record_class is expected to be a subclass of pgstride.Record, got {record_class!r}"
        )
    if record_class.__new__ is not object.__new__ or record_class.__init__ is not object.__init__:
        raise exceptions.InterfaceError("record_class must not redefine __new__ or __init__")
