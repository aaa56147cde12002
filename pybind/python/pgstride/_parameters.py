# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""From the arguments of connect() to what is used: where to connect, as whom, and how.

For each parameter the first source that supplies it wins: keyword argument (libpq's name is as good as
asyncpg's), what stands before the ``?`` of the URL, what stands behind it, service file, environment, default.

These are asyncpg's rules, which differ from libpq's in what a URL means, what counts as given, which host
is the default and what an error says. The driver has libpq's rules for C++; from here it gets a complete
answer, and looks up nothing by itself. The names of libpq's options are known there only.
"""

from __future__ import annotations

import collections
import enum
import getpass
import os
import ssl as _ssl
import typing

from . import _core, _dsn, _passfile, _tls, _untrusted, exceptions
from ._tls import SSLMode, SSLNegotiation

DEFAULT_PORT = 5432
DEFAULT_HOSTS = ["/run/postgresql", "/var/run/postgresql", "/tmp", "/private/tmp", "localhost"]

Address = typing.Union[typing.Tuple[str, int], str]
Password = typing.Union[str, typing.Callable[[], typing.Union[str, typing.Awaitable[str]]], None]

# What a URL's query may say to us; whatever else it says is for the server.
OWN_KEYS = frozenset({
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "database",
    "passfile",
    "sslmode",
    "sslnegotiation",
    "target_session_attrs",
    "krbsrvname",
    "gsslib",
    "service",
    *_tls.OPTIONS,
})


# What is for the server, though the driver has a name for it, too.
_FOR_THE_SERVER = {"application_name", "client_encoding", "options", "replication"}
_LIBPQ_OPTIONS = _core.options()
"""The driver's options, with their environment variables."""
_SESSION_VARIABLES = _core.session_variables()
"""Environment variables that set a run-time parameter, and which."""
_DRIVER_OPTIONS = (
    _LIBPQ_OPTIONS.keys()
    - OWN_KEYS
    - _FOR_THE_SERVER
    - {"servicefile", "requiressl", "oauth_token", "cancel_grace", "statement_cache_size"}
)
_KEYWORDS = (_DRIVER_OPTIONS | _FOR_THE_SERVER | {"dbname", "sslmode", "sslnegotiation", *_tls.OPTIONS}) - {"require_auth"}
"""libpq's options that are keyword arguments of connect() without standing in its signature."""

Keyword = typing.Union[str, int, os.PathLike[str], None]
Environment = typing.Mapping[str, str]


class SessionAttribute(str, enum.Enum):
    """Which kind of server will do."""

    __module__ = "pgstride.connect_utils"

    any = "any"
    primary = "primary"
    standby = "standby"
    prefer_standby = "prefer-standby"
    read_write = "read-write"
    read_only = "read-only"


class ConnectionParameters(
    collections.namedtuple(
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
):
    __module__ = "pgstride.connect_utils"
    __slots__ = ()

    def __repr__(self) -> str:
        shown = self._replace(password="***") if self.password is not None else self
        return super(ConnectionParameters, shown).__repr__()


class Resolved(typing.NamedTuple):
    """What holds."""

    addresses: list[Address]
    params: ConnectionParameters
    """Its `ssl` is what the mode was made from: a context, True, a mode, False or, nobody having asked, None."""
    options: dict[str, str]
    """What the driver is told besides, under libpq's names."""
    filed_passwords: list[str | None]
    """What the password file has for each address; empty when it was not asked. No host gets another's."""

    def __repr__(self) -> str:
        return f"<Resolved {self.addresses!r}>"


class _Sources:
    """The sources of a parameter that libpq names. What the authority of the URL says comes before the second."""

    def __init__(self, environment: Environment, *given: dict[str, str]) -> None:
        self._environment = environment
        self._given = given

    def __call__(self, key: str, variable: str | None = None) -> str | None:
        for source in self._given:
            if key in source:
                return source[key]
        return self._environment.get(variable) or None if variable else None


def resolve(
    *,
    dsn: str | None,
    host: str | typing.Sequence[str] | None,
    port: int | str | typing.Sequence[int | str] | None,
    user: str | None,
    password: Password,
    passfile: str | os.PathLike[str] | None,
    database: str | None,
    ssl: str | bool | SSLMode | _ssl.SSLContext | None,
    service: str | None,
    servicefile: str | os.PathLike[str] | None,
    direct_tls: bool | None,
    server_settings: dict[str, str] | None,
    target_session_attrs: str | SessionAttribute | None,
    krbsrvname: str | None,
    gsslib: str | None,
    untrusted_dsn: _untrusted.DsnKeys = False,
    **more: Keyword,
) -> Resolved:
    url = _dsn.parse(dsn) if dsn else _dsn.Dsn()
    is_trusted = untrusted_dsn is False
    environment: Environment = os.environ if is_trusted else {}
    if not is_trusted:
        _untrusted.check(url, untrusted_dsn)
    keywords = _keywords(more)
    database = _same("database", database, "dbname", keywords.get("dbname"))
    ssl = _same("ssl", ssl, "sslmode", keywords.get("sslmode"))
    service = service or url.query.get("service") or environment.get("PGSERVICE")
    if "oauth_token" in url.query:
        raise exceptions.ClientConfigurationError("oauth_token is an argument of connect(), not a part of a URL")
    if "database" in url.query:
        url.query.setdefault("dbname", url.query["database"])
    served = _passfile.service(service, servicefile) if service else {}
    sources = _Sources(environment, keywords, url.query, served)
    settings = _settings({**url.query, **keywords}, server_settings, environment)
    driver_options = _driver_options(settings or {}, served, environment)
    numeric = driver_options["hostaddr"].split(",") if "hostaddr" in driver_options else []
    hosts, ports = _hosts(host, port, url.hosts, sources, environment.get("PGPORT"), numeric)
    if numeric and len(numeric) != len(hosts):
        raise exceptions.ClientConfigurationError(
            f"could not match {len(hosts)} host names to {len(numeric)} hostaddr values"
        )
    if not is_trusted and not host:
        _untrusted.check_hosts([] if hosts is DEFAULT_HOSTS else hosts)
    user = _first(user, url.user, sources("user", "PGUSER"))
    if user is None:
        user = _login_name()
    # asyncpg reads "/" as a database without a name, which stands for the user's.
    database = _first(database, url.database, sources("dbname", "PGDATABASE"), user)
    password = _first(password, url.password, sources("password", "PGPASSWORD"))
    filed_passwords: list[str | None] = []
    if password is None and (is_trusted or passfile is not None):
        passfile = _first(passfile, sources("passfile", "PGPASSFILE"))
        places = _places_by_name(hosts, ports)
        filed_passwords = _passfile.find_passwords(passfile, places, typing.cast(str, database), user)
        password = next(filter(None, filed_passwords), None)
    addresses: list[Address] = [
        _socket_path(name, number) if _dsn.is_socket(name) and not numeric else (name, number)
        for name, number in zip(hosts, ports)
    ]
    any_tcp = any(isinstance(address, tuple) for address in addresses)
    security, mode, negotiation, options = _security(ssl, direct_tls, keywords, sources, any_tcp, is_trusted)
    options.update(driver_options)
    gsslib = _first(gsslib, sources("gsslib", "PGGSSLIB"), "gssapi")
    if gsslib not in ("gssapi", "sspi"):
        raise exceptions.ClientConfigurationError(f"gsslib parameter must be either 'gssapi' or 'sspi', got {gsslib!r}")
    params = ConnectionParameters(
        user=user,
        password=password,
        database=database,
        ssl=security,
        sslmode=mode,
        ssl_negotiation=negotiation,
        server_settings=settings,
        target_session_attrs=_session_attribute(
            _first(target_session_attrs, sources("target_session_attrs", "PGTARGETSESSIONATTRS"), "any")
        ),
        krbsrvname=_first(krbsrvname, sources("krbsrvname", "PGKRBSRVNAME")),
        gsslib=gsslib,
    )
    return Resolved(addresses, params, options, filed_passwords)


def settings_for_server(params: ConnectionParameters) -> list[tuple[str, str]]:
    """asyncpg takes for a server setting whatever it does not know; some of that is for the driver."""
    settings = (params.server_settings or {}).items()
    return [(key, value) for key, value in settings if key not in _DRIVER_OPTIONS]


def _settings(said: dict[str, str], given: dict[str, str] | None, environment: Environment) -> dict[str, str] | None:
    """What asyncpg takes for settings of the server, and sends in this order: the later of two wins there."""
    settings = {name: value for variable, name in _SESSION_VARIABLES.items() if (value := environment.get(variable))}
    settings.update((key, value) for key, value in said.items() if key not in OWN_KEYS)
    if given is None:
        return settings or None
    _check_settings(given)
    return {**settings, **given}


def _driver_options(settings: dict[str, str], service: dict[str, str], environment: Environment) -> dict[str, str]:
    options = {key: value for key, value in settings.items() if key in _DRIVER_OPTIONS}
    for key in (_DRIVER_OPTIONS | _FOR_THE_SERVER) - settings.keys():
        variable = _LIBPQ_OPTIONS[key]
        if value := service.get(key) or (environment.get(variable) if variable else None):
            options[key] = value
    return options


def _keywords(more: dict[str, Keyword]) -> dict[str, str]:
    for key in more.keys() - _KEYWORDS:
        raise TypeError(f"connect() got an unexpected keyword argument {key!r}")
    given = {}
    for key, value in more.items():
        if isinstance(value, int):
            value = int(value)  # libpq has 0 and 1 for False and True
        elif value is not None and not isinstance(value, str):
            if not isinstance(value, (bytes, os.PathLike)):
                raise TypeError(f"{key} is expected to be a str, an int or a path, got {value!r}")
            value = os.fspath(value)
        if value is not None:
            given[key] = str(value)
    return given


def _same(name: str, value: typing.Any, other: str, other_value: typing.Any) -> typing.Any:
    if value is not None and other_value is not None:
        raise exceptions.ClientConfigurationError(f"{name} and {other} are the same; give one of them")
    return _first(value, other_value)


def _first(*values: typing.Any) -> typing.Any:
    return next((value for value in values if value is not None), None)


def _hosts(
    host: str | typing.Sequence[str] | None,
    port: int | str | typing.Sequence[int | str] | None,
    authority: str,
    sources: _Sources,
    default_port: str | None,
    numeric: list[str],
) -> tuple[list[str], list[int]]:
    default = _dsn.parse_ports(default_port or DEFAULT_PORT)
    given = _dsn.parse_ports(port) if port else None
    if not host and authority:
        return _dsn.parse_hosts(authority, given, default, decode=True)
    if given is None and (listed := sources("port")):
        given = _dsn.parse_ports(listed)
    if not host and (listed := sources("host", "PGHOST")):
        return _dsn.parse_hosts(listed, given, default)
    hosts = [host] if isinstance(host, str) and host else list(host or ()) or numeric or DEFAULT_HOSTS
    return hosts, _dsn.ports_for(len(hosts), default if given is None else given)


def _places_by_name(hosts: list[str], ports: list[int]) -> list[tuple[list[str], int]]:
    """The names that a password file may know each host by, and its port."""
    if hosts is DEFAULT_HOSTS:
        return [(["localhost"], ports[0])] * len(hosts)
    return [([name, "localhost"] if _dsn.is_socket(name) else [name], port) for name, port in zip(hosts, ports)]


def _socket_path(host: str, port: int) -> str:
    return host if ".s.PGSQL." in host else os.path.join(host, f".s.PGSQL.{port}")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # no such user in the system's lists
        raise exceptions.ClientConfigurationError("could not determine user name to connect with") from None


def _security(
    ssl: str | bool | SSLMode | _ssl.SSLContext | None,
    direct_tls: bool | None,
    keywords: dict[str, str],
    sources: _Sources,
    any_tcp: bool,
    is_trusted: bool,
) -> tuple[typing.Any, SSLMode, SSLNegotiation, dict[str, str]]:
    """What params.ssl is made from, the mode, the way to begin, and the driver's options."""
    if ssl is None:
        trusts_system = sources("sslrootcert", _tls.VARIABLES["sslrootcert"]) == "system"
        requires = (sources("requiressl", "PGREQUIRESSL") or "").startswith("1")  # as it was said before there were modes
        default = "require" if requires else "verify-full" if trusts_system else "prefer"
        ssl = sources("sslmode", "PGSSLMODE") or (default if any_tcp else None)
    if direct_tls is not None:
        negotiation = SSLNegotiation.direct if direct_tls else SSLNegotiation.postgres
    else:
        negotiation = SSLNegotiation.parse(sources("sslnegotiation", "PGSSLNEGOTIATION") or "postgres")
    options: dict[str, str] = {}
    if isinstance(ssl, (str, SSLMode)):
        mode = SSLMode.parse(ssl)
        security: typing.Any = mode or False
        if mode:
            values = {key: sources(key, _tls.VARIABLES.get(key)) for key in _tls.OPTIONS}
            options = _tls.complete(
                mode, {key: value for key, value in values.items() if value is not None}, uses_home=is_trusted
            )
    elif ssl is not None and not isinstance(ssl, (bool, _ssl.SSLContext)):
        raise TypeError(f"ssl is expected to be an sslmode, a bool or an ssl.SSLContext, got {ssl!r}")
    else:
        security, mode = ssl, SSLMode.verify_full if ssl is True else SSLMode.disable
        if isinstance(ssl, _ssl.SSLContext) and (idle := _tls.IN_A_CONTEXT & keywords.keys()):
            raise exceptions.ClientConfigurationError(f"{min(idle)} has no effect beside an ssl.SSLContext; say it there")
        if ssl is True:
            options = {"sslrootcert": "system", **{key: keywords[key] for key in _tls.OPTIONS if key in keywords}}
    if negotiation is SSLNegotiation.direct and mode < SSLMode.require and not isinstance(ssl, _ssl.SSLContext):
        raise exceptions.ClientConfigurationError("direct TLS requires sslmode=require, verify-ca, or verify-full")
    options["sslmode"] = mode.libpq_name
    options["sslnegotiation"] = negotiation.value
    return security, mode, negotiation, options


def _check_settings(settings: object) -> None:
    if not isinstance(settings, dict) or not all(isinstance(s, str) for pair in settings.items() for s in pair):
        raise exceptions.ClientConfigurationError("server_settings is expected to be None or a Dict[str, str]")


def _session_attribute(value: str) -> SessionAttribute:
    try:
        return SessionAttribute(value)
    except ValueError:
        raise exceptions.ClientConfigurationError(
            f"target_session_attrs is expected to be one of {[known.value for known in SessionAttribute]}, got {value!r}"
        ) from None
