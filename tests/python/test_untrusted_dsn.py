# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connection URLs from strangers. (R-K5, DT-08)"""

import os

import pytest

import pgstride
from pgstride import _core, _parameters, _untrusted

NOTHING = dict.fromkeys(
    ("host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile", "direct_tls",
     "server_settings", "target_session_attrs", "krbsrvname", "gsslib")
)  # fmt: skip


def resolve(dsn, untrusted_dsn=True, **given):
    return _parameters.resolve(dsn=dsn, untrusted_dsn=untrusted_dsn, **{**NOTHING, **given})


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """Files and variables that would all have a say."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    for variable in filter(None, _core.options().values()):
        monkeypatch.setenv(variable, "canary")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".postgresql").mkdir()
    for name in ("postgresql.crt", "postgresql.key", "root.crt"):
        (tmp_path / ".postgresql" / name).write_text("canary")
    (tmp_path / ".pgpass").write_text("*:*:*:*:canary")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / ".pg_service.conf").write_text("[canary]\npassword=canary\n")


def encoded(text):
    return "".join(f"%{ord(c):02x}" for c in text)


FORBIDDEN = sorted((_core.options().keys() | _parameters.OWN_KEYS) - _untrusted.HARMLESS - {"database"})


@pytest.mark.parametrize("key", [*FORBIDDEN, "search_path", "session_authorization"])
def test_what_is_not_harmless_is_refused_however_it_is_written(key):
    for query in (f"{key}=1", f"{encoded(key)}=1", f"{key}=1&{key}=2", f"user=u&{key}=1&user=v"):
        with pytest.raises(pgstride.ClientConfigurationError, match="is not allowed in an untrusted DSN|oauth_token"):
            resolve(f"postgres://h/d?{query}")


def test_the_list_names_what_reads_files():
    assert {"passfile", "service", "servicefile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir",
            "sslkeylogfile", "options", "krbsrvname", "gsslib", "requirepeer"} <= {*FORBIDDEN}  # fmt: skip


@pytest.mark.parametrize("dsn", ["postgres:///d", "postgres://%2Ftmp/d", "postgres://h/d?host=/tmp", "postgres://h,%2Ftmp/d"])
def test_the_server_is_reached_by_tcp(dsn):
    if dsn == "postgres://h/d?host=/tmp":  # the authority wins, as ever
        assert resolve(dsn).addresses == [("h", 5432)]
    else:
        with pytest.raises(pgstride.ClientConfigurationError, match="must name a host, and not a Unix socket"):
            resolve(dsn)
    with pytest.raises(pgstride.ClientConfigurationError, match="must name a host"):
        resolve("postgres://u@/d?host=%2Ftmp")


def test_nothing_comes_from_here():
    addresses, params, options, _ = resolve("postgres://u@h/d?sslmode=verify-full")
    assert addresses == [("h", 5432)]
    assert (params.user, params.password, params.database, params.krbsrvname) == ("u", None, "d", None)
    assert options == {
        "sslmode": "verify-full",
        "sslnegotiation": "postgres",
        "sslcertmode": "disable",
        "sslrootcert": "system",
    }
    assert "canary" not in repr((params, options, params.server_settings))


def test_the_caller_may_add_to_it(tmp_path):
    resolved = resolve("postgres://u@h/d", passfile=tmp_path / ".pgpass", server_settings={"options": "-c geqo=off"})
    assert resolved.params.password == "canary"
    assert resolved.params.server_settings == {"options": "-c geqo=off"}


def test_fewer_keys_may_be_allowed_but_not_more():
    assert resolve("postgres://u@h", ["host", "user"]).params.user == "u"
    for dsn in ("postgres://u:p@h", "postgres://u@h/d", "postgres://u@h?database=d", "postgres://u@h?sslmode=disable"):
        with pytest.raises(pgstride.ClientConfigurationError, match="is not allowed in an untrusted DSN"):
            resolve(dsn, ("host", "user"))
    with pytest.raises(pgstride.ClientConfigurationError, match="'passfile' cannot be left to an untrusted DSN"):
        resolve("postgres://u@h", {"host", "passfile"})
    with pytest.raises(TypeError):
        resolve("postgres://u@h", "host")


async def test_connect_refuses_it_too():
    with pytest.raises(pgstride.ClientConfigurationError, match="'passfile' is not allowed in an untrusted DSN"):
        await pgstride.connect("postgres://h/d?passfile=x", untrusted_dsn=True)
