# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What the arguments of connect(), a URL, files and the environment come to. Nothing is connected."""

from __future__ import annotations

import os
import random
import ssl

import asyncpg.connect_utils
import pytest

import pgstride
from pgstride import _connect_options, _core, _parameters
from pgstride.connect_utils import SessionAttribute, SSLMode, SSLNegotiation

SOCKETS = [f"{folder}/.s.PGSQL.5432" for folder in ("/run/postgresql", "/var/run/postgresql", "/tmp", "/private/tmp")]
DEFAULT = [*SOCKETS, ("localhost", 5432)]


U = {"user": "u", "database": "d"}

# Arguments, environment, addresses, parameters.
CASES = {
    "nothing": ({}, {}, DEFAULT, {"user": "login", "database": "login", "password": None}),
    "environment": (
        {},
        {"PGUSER": "u", "PGDATABASE": "d", "PGPASSWORD": "p", "PGHOST": "h", "PGPORT": "7"},
        [("h", 7)],
        {"user": "u", "database": "d", "password": "p"},
    ),
    "empty variables": ({}, {"PGUSER": "", "PGHOST": "", "PGPORT": "", "PGSSLMODE": ""}, DEFAULT, {"user": "login"}),
    "environment hosts": (U, {"PGHOST": "a:1,/s,[::1]:3"}, [("a", 1), "/s/.s.PGSQL.5432", ("::1", 3)], {}),
    "environment ports": (U, {"PGHOST": "a:4,b", "PGPORT": "1,2"}, [("a", 4), ("b", 2)], {}),
    "port over environment": (U | {"port": 5}, {"PGHOST": "a:4,b", "PGPORT": "1,2"}, [("a", 5), ("b", 5)], {}),
    "url": (
        {"dsn": "postgres://user:pass@h:7/db"},
        {"PGUSER": "x", "PGHOST": "y", "PGPORT": "1", "PGPASSWORD": "z", "PGDATABASE": "w"},
        [("h", 7)],
        {"user": "user", "password": "pass", "database": "db"},
    ),
    "keywords over url": (
        {"dsn": "postgres://user:pass@h:7/db", "host": "k", "user": "ku", "password": "kp", "database": "kd"},
        {},
        [("k", 5432)],
        {"user": "ku", "password": "kp", "database": "kd"},
    ),
    "empty keywords": ({"host": "", "port": 0, "user": "", "database": ""}, {}, DEFAULT, {"user": "", "database": ""}),
    "first at sign": ({"dsn": "postgresql://u:p@ss@h/d"}, {}, [("ss@h", 5432)], {"password": "p"}),
    "percent": (
        {"dsn": "postgresql://u%20x:p%40%2F@%2Ftmp:%35/d%20b"},
        {},
        ["/tmp/.s.PGSQL.5"],
        {"user": "u x", "password": "p@/", "database": "d b"},
    ),
    "from a file": ({"dsn": " \tpostgresql://u@h/d\r\n"}, {}, [("h", 5432)], {"user": "u", "database": "d"}),
    "bare percent": ({"dsn": "postgresql://u:100%@h/d"}, {}, [("h", 5432)], {"password": "100%"}),
    "upper case": ({"dsn": "POSTGRES://u@h/d"}, {}, [("h", 5432)], {"user": "u"}),
    "nothing between": ({"dsn": "postgres://u:@h/"}, {}, [("h", 5432)], {"password": None, "database": ""}),
    "fragment": ({"dsn": "postgres://u@h/d#x?y=z"}, {}, [("h", 5432)], {"database": "d", "server_settings": None}),
    "host list": ({"dsn": "postgres://u@a:1,[::2],c:3/d"}, {"PGPORT": "9"}, [("a", 1), ("::2", 9), ("c", 3)], {}),
    "port over url": ({"dsn": "postgres://u@a:1,b/d", "port": 9}, {}, [("a", 9), ("b", 9)], {}),
    "ports over url": ({"dsn": "postgres://u@a:1,b/d", "port": [8, "9"]}, {}, [("a", 8), ("b", 9)], {}),
    "query host": ({"dsn": "postgres://u@/d?host=a:1,/s,[::1]"}, {}, [("a", 1), "/s/.s.PGSQL.5432", ("::1", 5432)], {}),
    "query port": ({"dsn": "postgres://u@/d?host=a,b:5&port=7"}, {}, [("a", 7), ("b", 7)], {}),
    "query port, keyword host": ({"dsn": "postgres://u@/d?port=7", "host": "h"}, {}, [("h", 7)], {}),
    "authority over query": ({"dsn": "postgres://u@h/d?host=x&port=7&user=y"}, {}, [("h", 5432)], {"user": "u"}),
    "query": (
        {
            "dsn": "postgres://h?user=a&user=b&password=p+w&dbname=d&search_path=x%2Cy&application_name=z"
            "&options=-c%20a%3Db&target_session_attrs=read-write&krbsrvname=k&gsslib=sspi&empty="
        },
        {"PGTARGETSESSIONATTRS": "standby", "PGKRBSRVNAME": "x"},
        [("h", 5432)],
        {
            "user": "b",
            "password": "p w",
            "database": "d",
            "server_settings": {"search_path": "x,y", "application_name": "z", "options": "-c a=b"},
            "target_session_attrs": "read-write",
            "krbsrvname": "k",
            "gsslib": "sspi",
        },
    ),
    "settings merge": (
        {"dsn": "postgres://u@h/d?a=1&b=2", "server_settings": {"b": "3", "c": "4"}},
        {},
        [("h", 5432)],
        {"server_settings": {"a": "1", "b": "3", "c": "4"}},
    ),
    "whole socket": (U | {"host": "/x/.s.PGSQL.9"}, {}, ["/x/.s.PGSQL.9"], {"ssl": None, "sslmode": SSLMode.disable}),
    "abstract socket": (U | {"host": "@x"}, {}, ["@x/.s.PGSQL.5432"], {"ssl": None}),
    "numeric": (U | {"hostaddr": "::1,127.0.0.2", "port": [1, 2]}, {}, [("::1", 1), ("127.0.0.2", 2)], {}),
    "numeric in the url": ({"dsn": "postgres://u@/d?hostaddr=::1&port=7"}, {}, [("::1", 7)], {}),
    "numeric in the environment": (U, {"PGHOSTADDR": "127.0.0.2"}, [("127.0.0.2", 5432)], {"sslmode": SSLMode.prefer}),
    "a socket with an address": (
        U | {"host": "/s", "hostaddr": "127.0.0.2"},
        {"PGHOSTADDR": "::1"},
        [("/s", 5432)],
        {"sslmode": SSLMode.prefer},
    ),
    "a comma in a keyword": (U | {"host": "a,b"}, {}, [("a,b", 5432)], {}),
    "mixed": (U | {"host": ("/a", "h"), "port": (1, 2)}, {}, ["/a/.s.PGSQL.1", ("h", 2)], {"sslmode": SSLMode.prefer}),
    "session": (
        U | {"host": "h", "server_settings": {"TimeZone": "UTC"}},
        {"PGTZ": "Asia/Tokyo", "PGDATESTYLE": "German", "PGGEQO": "off"},
        [("h", 5432)],
        {"server_settings": {"datestyle": "German", "timezone": "Asia/Tokyo", "geqo": "off", "TimeZone": "UTC"}},
    ),
    "requiressl": (U | {"host": "h"}, {"PGREQUIRESSL": "1"}, [("h", 5432)], {"sslmode": SSLMode.require}),
    "no requiressl": (U | {"host": "h"}, {"PGREQUIRESSL": "0"}, [("h", 5432)], {"sslmode": SSLMode.prefer}),
    "sslmode over requiressl": (
        U | {"host": "h"},
        {"PGREQUIRESSL": "1", "PGSSLMODE": "allow"},
        [("h", 5432)],
        {"sslmode": SSLMode.allow},
    ),
    "attribute": (
        U | {"host": "h", "target_session_attrs": SessionAttribute.prefer_standby},
        {},
        [("h", 5432)],
        {"target_session_attrs": SessionAttribute.prefer_standby},
    ),
    "ssl false": (U | {"host": "h", "ssl": False}, {}, [("h", 5432)], {"ssl": False, "sslmode": SSLMode.disable}),
    "ssl disable": (U | {"host": "h", "ssl": "disable"}, {}, [("h", 5432)], {"ssl": False, "sslmode": SSLMode.disable}),
    "direct": (
        U | {"host": "h", "ssl": "require", "direct_tls": True},
        {"PGSSLNEGOTIATION": "postgres"},
        [("h", 5432)],
        {"ssl_negotiation": "direct", "sslmode": SSLMode.require},
    ),
    "not direct": (
        U | {"host": "h", "direct_tls": False},
        {"PGSSLNEGOTIATION": "nonsense"},
        [("h", 5432)],
        {"ssl_negotiation": SSLNegotiation.postgres},
    ),
}


@pytest.mark.parametrize("given, environment, addresses, expected", CASES.values(), ids=CASES)
def test_case(monkeypatch, given, environment, addresses, expected, parse):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    got, params = parse(**given)
    assert got == addresses
    assert {key: getattr(params, key) for key in expected} == expected


ERRORS = {
    "keyword string": ({"dsn": "host=h"}, "got ''"),
    "scheme": ({"dsn": "pq:///db"}, 'invalid DSN: scheme is expected to be either "postgresql" or "postgres", got \'pq\''),
    "bracket": ({"dsn": "postgres://[::1/d"}, "invalid IPv6 address in the connection URI: '[::1'"),
    "after bracket": ({"dsn": "postgres://[::1]x/d"}, "invalid IPv6 address in the connection URI: '[::1]x'"),
    "empty host": ({"dsn": "postgres://a,,b/d"}, "empty"),
    "ports": ({"host": ["a", "b"], "port": [1, 2, 3]}, "could not match 3 port numbers to 2 hosts"),
    "addresses": ({"host": "h", "hostaddr": "::1,::2"}, "could not match 1 host names to 2 hostaddr values"),
    "beside a context": (
        {"ssl": ssl.create_default_context(), "sslmode": None, "sslrootcert": "r", "sslcert": "c"},
        "sslcert has no effect beside an ssl.SSLContext; say it there",
    ),
    "port": ({"port": "x"}, "port"),
    "big port": ({"port": 65536}, "port"),
    "sslmode": (
        {"ssl": "sometimes"},
        "`sslmode` parameter must be one of: disable, allow, prefer, require, verify-ca, verify-full",
    ),
    "negotiation": (
        {"dsn": "postgres://h/d?sslnegotiation=x"},
        "`sslnegotiation` parameter must be one of: postgres, direct",
    ),
    "direct": ({"direct_tls": True, "host": "h"}, "direct TLS requires sslmode=require, verify-ca, or verify-full"),
    "settings": (
        {"server_settings": {"a": 1}},
        "server_settings is expected to be None or a Dict[str, str]",
    ),
    "gsslib": ({"gsslib": "x"}, "gsslib parameter must be either 'gssapi' or 'sspi', got 'x'"),
    "attribute": (
        {"target_session_attrs": "x"},
        "target_session_attrs is expected to be one of ['any', 'primary', 'standby', 'prefer-standby', 'read-write', "
        "'read-only'], got 'x'",
    ),
    "tls version": ({"dsn": "postgres://h/d?ssl_min_protocol_version=TLSv7"}, "No such TLS version: TLSv7"),
    "old tls": ({"dsn": "postgres://h/d?ssl_max_protocol_version=SSLv3"}, "Unsupported TLS version: SSLv3"),
    "service": ({"service": "none"}, 'definition of service "none" not found'),
}


@pytest.mark.parametrize("given, message", ERRORS.values(), ids=ERRORS)
def test_error(given, message, parse):
    with pytest.raises(pgstride.ClientConfigurationError) as caught:
        parse(**{**U, **given})
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("field", ["foo", ""])
def test_bad_query_field(field, parse):
    with pytest.raises(ValueError, match=f"bad query field: '{field}'"):
        parse(dsn=f"postgres://h/d?a=b&{field}")


def test_nobody(monkeypatch, parse):
    def nobody():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    with pytest.raises(pgstride.ClientConfigurationError, match="could not determine user name to connect with"):
        parse(host="h")


def test_parameters_are_those_of_asyncpg(parse):
    _, params = parse(host="h", **U)
    _, theirs = parse(asyncpg, host="h", **U)
    assert list(params._asdict()) == list(theirs._asdict())
    assert type(params).__name__ == type(theirs).__name__
    assert params._replace(user="x").user == "x"


def test_password_is_not_in_the_repr(parse):
    _, params = parse(dsn="postgres://u:sesame@h/d")
    assert params.password == "sesame"
    assert "sesame" not in repr(params) + str(params)


# --- asyncpg itself -----------------------------------------------------------------------------------

PIECES = {
    "dsn": [None, None, "postgres://", "postgresql://{login}{hosts}{path}{query}"],
    "login": ["", "", "u@", "u:p@", "u%40:p%3a@", ":p@", "u:p:q@"],
    "hosts": ["", "h", "h:1", "a,b", "a:1,b", "a,b:2", "[::1]", "[::1]:3,b", "%2Fs", "%2Fs:4,h"],
    "path": ["", "/", "/d", "/d%20e", "/d/e"],
    "query": ["", "?x=1", "?host=q", "?host=q:5,/s", "?port=6", "?port=7,8", "?user=qu&dbname=qd", "?a=b&a=c&sslmode=allow"],
    "host": [None, None, "", "h", "/s", ["a", "b"], ("/s", "h"), "/s/.s.PGSQL.1"],
    "port": [None, None, 0, 1, "2", [3, 4], ["5"], [6, "7"]],
    "ssl": [None, None, None, False, True, "disable", "prefer", "require", "nonsense"],
    "direct_tls": [None, None, None, True, False],
    "server_settings": [None, {}, {"x": "2", "y": "3"}],
    "target_session_attrs": [None, "any", "standby"],
    "PGHOST": [None, None, "e", "e:1,f", "/es"],
    "PGPORT": [None, None, "9", "10,11"],
    "PGUSER": [None, "eu"],
    "PGDATABASE": [None, "ed"],
    "PGPASSWORD": [None, "ep"],
    "PGSSLMODE": [None, None, "require", "disable"],
}


def outcome(parse, package, given):
    try:
        addresses, params = parse(package, **given)
    except Exception as e:
        return type(e).__name__, str(e)
    known = params._asdict()
    if isinstance(known["ssl"], ssl.SSLContext):
        known["ssl"] = (known["ssl"].verify_mode, known["ssl"].check_hostname)
    return list(addresses), {key: str(value) for key, value in known.items()}


@pytest.mark.parametrize("seed", range(3))
def test_as_asyncpg(monkeypatch, seed, parse):
    dice = random.Random(seed)
    answered = 0
    for _ in range(120):
        chosen = {key: dice.choice(values) for key, values in PIECES.items()}
        given = {key: value for key, value in chosen.items() if key.islower() and key not in ("login", "hosts", "path", "query")}
        if given["dsn"]:
            given["dsn"] = given["dsn"].format(**chosen)
        for name, value in chosen.items():
            if name.startswith("PG"):
                monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
        theirs = outcome(parse, asyncpg, given)
        assert outcome(parse, pgstride, given) == theirs, (given, {k: v for k, v in os.environ.items() if k[:2] == "PG"})
        answered += theirs[0] != "ClientConfigurationError"
    assert answered > 40


# --- libpq's names --------------------------------------------------------------------------------------


def test_libpq_keywords(parse, monkeypatch, tmp_path):
    """They win over the URL, the service and the environment; their types are Python's."""
    monkeypatch.setenv("PGAPPNAME", "environment")
    _, params = parse(
        dsn="postgres://u@h/d?application_name=url&keepalives_idle=1&channel_binding=disable&sslmode=allow",
        application_name="keyword",
        keepalives_idle=5,
        keepalives=True,
        sslmode="prefer",
        sslkey=tmp_path / "key",
        channel_binding=None,
        dbname="other",
    )
    assert params.database == "other"
    assert params.sslmode is pgstride.connect_utils.SSLMode.prefer
    assert params.server_settings == {
        "application_name": "keyword",
        "keepalives_idle": "5",
        "keepalives": "1",
        "channel_binding": "disable",
    }


def test_keywords_beside_true(resolve):
    """R-T3: what is said of TLS holds, or is refused; the environment is not for those who say True."""
    resolved = resolve(host="h", ssl=True, sslrootcert="mine.crt", ssl_min_protocol_version="TLSv1.3", **U)
    assert resolved.options == {
        "sslmode": "verify-full",
        "sslnegotiation": "postgres",
        "sslrootcert": "mine.crt",
        "ssl_min_protocol_version": "TLSv1.3",
    }


def test_every_variable_of_libpq_is_looked_at(resolve, monkeypatch):
    """What the driver knows a variable for comes through from there, but for what `parse` covers."""
    looked_at = "PGHOSTADDR PGCONNECT_TIMEOUT PGAPPNAME PGOPTIONS PGREQUIREAUTH PGCHANNELBINDING PGREQUIREPEER PGLOADBALANCEHOSTS "
    looked_at += "PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION PGSSLCERTMODE PGSSLCRLDIR PGSSLSNI PGGSSENCMODE PGGSSDELEGATION"
    for variable in looked_at.split():
        monkeypatch.setenv(variable, variable)
    options = resolve(host="h", **U).options
    assert sorted(value for value in options.values() if value.startswith("PG")) == sorted(looked_at.split())
    elsewhere = {name for name in _core.options().values() if name} - {*looked_at.split()}
    assert elsewhere == {
        *"PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGTARGETSESSIONATTRS".split(),
        *"PGSSLMODE PGREQUIRESSL PGSSLNEGOTIATION PGSSLROOTCERT PGSSLCERT PGSSLKEY PGSSLCRL PGKRBSRVNAME PGGSSLIB".split(),
        *"PGSSLMINPROTOCOLVERSION PGSSLMAXPROTOCOLVERSION".split(),
    }


def test_libpq_keywords_are_known_to_type_checkers():
    assert _connect_options.LibpqOptions.__annotations__.keys() == _parameters._KEYWORDS


def test_libpq_keywords_that_are_wrong(parse):
    with pytest.raises(TypeError, match=r"^connect\(\) got an unexpected keyword argument 'sslmod'$"):
        parse(host="h", sslmod="require")
    for same in ({"ssl": "require", "sslmode": "prefer"}, {"database": "a", "dbname": "b"}):
        with pytest.raises(pgstride.ClientConfigurationError, match=" and ".join(same) + " are the same"):
            parse(host="h", **same)


async def test_libpq_keywords_do_what_they_say(connect, dsn, create_pool):
    connection = await connect(dsn, application_name="till", options="-c search_path=a")
    assert connection.get_settings().application_name == "till"
    assert await connection.fetchval("show search_path") == "a"
    with pytest.raises(pgstride.InterfaceError, match="channel binding is required"):
        await connect(dsn, channel_binding="require")
    pool = await create_pool(application_name="pool")
    assert await pool.fetchval("show application_name") == "pool"
