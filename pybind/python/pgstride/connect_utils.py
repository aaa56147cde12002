# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connecting: the hosts one after another, until one lets us in and is of the kind that is wanted."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import random
import ssl as _ssl
import typing

from . import _core, _failures, _loops, _observing, _parameters, _tls, exceptions, protocol, utils
from ._deadline import Budget
from ._parameters import Address as Address
from ._parameters import Password as Password
from ._parameters import SessionAttribute as SessionAttribute
from ._parameters import ConnectionParameters
from ._tls import SSLMode as SSLMode
from ._tls import SSLNegotiation as SSLNegotiation
from .protocol import Record, Transport

if typing.TYPE_CHECKING:
    from .connection import Connection

_ConnectionParameters = ConnectionParameters


class ConnectionConfiguration(typing.NamedTuple):
    """How a connection is used, as opposed to opened."""

    command_timeout: float | None
    statement_cache_size: int
    max_cached_statement_lifetime: float
    max_cacheable_statement_size: int


_ClientConfiguration = ConnectionConfiguration

_log = logging.getLogger("pgstride")

_ANOTHER_MAY_DO = (
    OSError,
    asyncio.TimeoutError,
    exceptions.CannotConnectNowError,
    exceptions.ConnectionDoesNotExistError,
    exceptions.TooManyConnectionsError,
)


def _parse_connect_dsn_and_args(
    **arguments: typing.Any,
) -> tuple[list[Address], _ConnectionParameters]:
    """The addresses to try and what to say there, from connect()'s arguments of the same names."""
    addresses, params, options, _ = _parameters.resolve(**arguments)
    if isinstance(params.ssl, SSLMode):
        params = params._replace(ssl=_tls.context(params.ssl, options))
    elif params.ssl is True:
        params = params._replace(ssl=_ssl.create_default_context())
    return addresses, params


class _Place(typing.NamedTuple):
    """Where a server may be, and what holds there."""

    address: Address
    params: _ConnectionParameters
    options: dict[str, str]
    """The driver's, by their names there."""


async def _connect(
    *,
    loop: asyncio.AbstractEventLoop,
    connection_class: type[Connection],
    record_class: type[Record],
    timeout: float | None,
    config: _ClientConfiguration,
    observer: _observing.Observer | None = None,
    require_auth: str | None = None,
    oauth_token: Password = None,
    **arguments: typing.Any,
) -> Connection:
    budget = Budget(loop, timeout)
    resolved = _parameters.resolve(**arguments)
    if require_auth is None and arguments.get("untrusted_dsn"):
        require_auth = "!gss"
    if require_auth is not None:
        if not isinstance(require_auth, str):
            raise TypeError(f"require_auth is expected to be a str, got {require_auth!r}")
        resolved.options["require_auth"] = require_auth
    connect = functools.partial(
        _connect_addr,  # looked up now: tracing packages put something of their own there
        loop=loop,
        config=config,
        connection_class=connection_class,
        record_class=record_class,
        oauth_token=oauth_token,
    )
    attempt = _connect_to_one(_places(resolved), resolved.params.target_session_attrs, loop, budget, connect)
    if observer is None:
        return await attempt
    with _observing.connecting(loop, observer, map(_name_of, resolved.addresses)) as arrived:
        connection = await attempt
        connection._observer = observer
        arrived(_name_of(connection._addr), connection._core.pid)
    return connection


async def _connect_to_one(
    places: list[_Place],
    wanted: SessionAttribute,
    loop: asyncio.AbstractEventLoop,
    budget: Budget,
    connect: typing.Callable[..., typing.Awaitable[Connection]],
) -> Connection:
    """A connection to the first of the places that lets us in and is of the kind that is wanted."""
    failures = _Failures()
    spare: Connection | None = None
    try:
        for i, (addr, params, options) in enumerate(places):
            share = Budget(loop, _limit(budget.share(len(places) - i), options))
            try:
                connection = await connect(addr=addr, params=params, timeout=share.share(), options=options)
                matches = await _matches(connection, wanted, share)
            except _ANOTHER_MAY_DO as failure:
                failures.add(addr, failure)
                if budget.is_spent():
                    break
                continue
            except exceptions.PostgresError as failure:
                raise failures.before(failure)
            if matches:
                return connection
            failures.add(addr, None, f"is not {wanted.value}")
            if wanted is SessionAttribute.prefer_standby and spare is None:
                spare = connection
            else:
                await _part(connection, budget)
        if spare is not None:
            chosen, spare = spare, None
            return chosen
    finally:
        if spare is not None:
            await _part(spare, budget)
    raise failures.summary() or exceptions.TargetServerAttributeNotMatched(
        f"None of the hosts match the target attribute requirement {wanted!r}"
    )


async def _connect_addr(
    *,
    addr: Address,
    loop: asyncio.AbstractEventLoop,
    params: _ConnectionParameters,
    config: _ClientConfiguration,
    connection_class: type[Connection],
    record_class: type[Record],
    timeout: float | None = None,
    options: dict[str, str] | None = None,
    oauth_token: Password = None,
) -> Connection:
    """A connection to one place."""
    budget = Budget(loop, timeout)
    if options is None:
        options = {"sslmode": params.sslmode.libpq_name, "sslnegotiation": params.ssl_negotiation.value}
    context = params.ssl if isinstance(params.ssl, _ssl.SSLContext) else None
    if context is not None:
        options = {**options, "sslmode": "require"}  # it says itself what it verifies
    if _failures.without_md5():
        options = {"require_auth": "!md5", **options}
    password = await _resolve_secret("password", params.password, loop, budget)
    token = await _resolve_secret("OAuth token", oauth_token, loop, budget)
    login = {
        "user": params.user,
        "dbname": params.database,
        "password": password,
        "oauth_token": token,
        "krbsrvname": params.krbsrvname,
    }
    core = await _core.connect(
        loop,
        addr,
        [*options.items(), *((key, value) for key, value in login.items() if value)],
        _parameters.settings_for_server(params),
        budget.share(),
        config.command_timeout,
        utils._whole(config.statement_cache_size),
        record_class,
        utils._whole(config.max_cacheable_statement_size),
        config.max_cached_statement_lifetime or None,
        context,
    )
    if core.tls is None and options["sslmode"] == "prefer" and not isinstance(addr, str):
        _log.info("the connection to %s:%s is not encrypted: the server would not", *addr)
    # What can be asked for anew is kept; what was given once stays with the caller alone.
    kept = params if callable(params.password) else params._replace(password=None)
    # Looked up now: tracing packages put something of their own there.
    return connection_class(
        protocol.Protocol(addr, None, kept, core), Transport(core, addr), loop, addr, config, kept
    )


async def _matches(connection: Connection, wanted: SessionAttribute, budget: Budget) -> bool:
    """Whether it is the one; a connection of which that cannot be told is over."""
    try:
        async with _loops.library_of(connection._loop).deadline(budget.share()):
            return await target_attrs_check[wanted](connection)
    except asyncio.TimeoutError as failure:
        connection.terminate()
        raise asyncio.TimeoutError(f"{_name_of(connection._addr)}: no answer in time") from failure
    except BaseException:
        connection.terminate()
        raise


async def _any(connection: Connection) -> bool:
    return True


async def _is_standby(connection: Connection) -> bool:
    said = getattr(connection.get_settings(), "in_hot_standby", None)
    if said is not None:
        return bool(said == "on")
    return bool(await connection.fetchval("SELECT pg_catalog.pg_is_in_recovery()"))


async def _is_primary(connection: Connection) -> bool:
    return not await _is_standby(connection)


async def _is_read_only(connection: Connection) -> bool:
    settings = connection.get_settings()
    said = [getattr(settings, name, None) for name in ("default_transaction_read_only", "in_hot_standby")]
    if "on" in said:
        return True
    return None in said and await connection.fetchval("SHOW transaction_read_only") == "on"


async def _is_read_write(connection: Connection) -> bool:
    return not await _is_read_only(connection)


target_attrs_check: dict[SessionAttribute, typing.Callable[[Connection], typing.Awaitable[bool]]] = {
    SessionAttribute.any: _any,
    SessionAttribute.primary: _is_primary,
    SessionAttribute.standby: _is_standby,
    SessionAttribute.prefer_standby: _is_standby,
    SessionAttribute.read_write: _is_read_write,
    SessionAttribute.read_only: _is_read_only,
}


def _name_of(addr: Address) -> str:
    return addr if isinstance(addr, str) else f"{addr[0]}:{addr[1]}"


def _places(resolved: _parameters.Resolved) -> list[_Place]:
    """Where to try, in this order."""
    addresses, params, options, passwords = resolved
    places = [_Place(address, params, options) for address in addresses]
    if passwords:
        places = [place._replace(params=params._replace(password=own)) for place, own in zip(places, passwords)]
    if "hostaddr" in options:
        numeric = options["hostaddr"].split(",")
        places = [place._replace(options={**options, "hostaddr": own}) for place, own in zip(places, numeric)]
    if options.get("load_balance_hosts") == "random":
        random.shuffle(places)
    return places


def _limit(share: float | None, options: dict[str, str]) -> float | None:
    """What is left for one place; a connect_timeout, as in libpq, is about one."""
    try:
        own = int(options.get("connect_timeout", 0))
    except ValueError:
        own = 0  # the driver will say what is wrong with it
    return share if own <= 0 else own if share is None else min(own, share)


async def _resolve_secret(
    what: str, secret: Password, loop: asyncio.AbstractEventLoop, budget: Budget
) -> str | None:
    if callable(secret):
        result = secret()
        if inspect.isawaitable(result):
            try:
                async with _loops.library_of(loop).deadline(budget.share()):
                    result = await result
            except asyncio.TimeoutError as failure:
                if not budget.is_spent():
                    raise  # its own
                raise asyncio.TimeoutError(f"there was no {what} in time") from failure
        secret = result
    if secret is not None and not isinstance(secret, str):
        raise exceptions.InterfaceError(f"the {what} is expected to be a str, got {type(secret).__name__}")
    return secret


async def _part(connection: Connection, budget: Budget) -> None:
    """Take leave of a server that is not the one."""
    try:
        await connection.close(timeout=budget.share(2))
    except (OSError, asyncio.TimeoutError, exceptions.PostgresError):
        connection.terminate()


class _Failures:
    """What was wrong with the places that were tried."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._last: BaseException | None = None

    def add(self, addr: Address, failure: BaseException | None, text: str = "") -> None:
        """`failure` is None for a place that let us in, but is not of the kind that is wanted."""
        host = addr if isinstance(addr, str) else addr[0]
        if isinstance(failure, exceptions.PostgresError):
            failure = self.before(failure)
        if failure is not None:
            self._last = failure
            text = str(getattr(failure, "strerror", None) or failure)
        # The driver's own words begin with the host.
        self._texts.append(text if text.startswith(host) else f"{_name_of(addr)}: {text}")

    def before(self, failure: exceptions.PostgresError) -> exceptions.PostgresError:
        """The server's own words stay as they are; what was tried before it is their cause."""
        if self._texts:
            failure.__cause__ = self.summary() or exceptions.TargetServerAttributeNotMatched("; ".join(self._texts))
        return failure

    def summary(self) -> BaseException | None:
        """The last failure, with the text of all of them; None when everybody let us in."""
        last = self._last
        if last is None or len(self._texts) == 1 or isinstance(last, exceptions.PostgresError):
            return last
        text = "; ".join(self._texts)
        summary = type(last)(last.errno, text) if isinstance(last, OSError) and last.errno is not None else type(last)(text)
        summary.__cause__ = last
        return summary


def check_not_negative(name: str, value: object) -> None:
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError(f"{name} is expected to be greater or equal to 0, got {value!r}")


def check_command_timeout(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, bool):
        try:
            value = float(typing.cast(float, value))
        except (TypeError, ValueError):
            pass
        else:
            if value > 0:
                return value
    raise ValueError(f"invalid command_timeout value: expected greater than 0 float (got {value!r})")


def check_record_class(record_class: object) -> None:
    if record_class is Record:
        return
    if not (isinstance(record_class, type) and issubclass(record_class, Record)):
        raise _failures.bad_record_class(record_class)
    if record_class.__new__ is not object.__new__ or record_class.__init__ is not object.__init__:
        raise exceptions.InterfaceError("record_class must not redefine __new__ or __init__")
