# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What connect() takes from files: passwords (DT-07), services, and what TLS needs. Nothing is connected."""

from __future__ import annotations

import pathlib
import ssl
import warnings

import pytest
from certificates import Authority

import pgstride
from pgstride.connect_utils import SSLMode

U = {"user": "u", "database": "d"}


# --- password files -----------------------------------------------------------------------------------

PASSWORDS = r"""
# comment
host:1:d:u:exact
too:few:fields
*:2:*:*:with:colons
localhost:*:a\:b:back\\slash:esc\:aped\\
/its/own/line:*:d:u:own
127.0.0.9:*:d:u:address
localhost:*:d:u:local
*:*:*:star:  spaced
"""


@pytest.fixture
def passfile(tmp_path):
    path = tmp_path / "passwords"
    path.write_text(PASSWORDS)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    "given, password",
    [
        ({"host": "host", "port": 1}, "exact"),
        ({"host": "host", "port": 3}, None),
        ({"host": "x", "port": 2}, "with:colons"),
        ({"host": ["x", "host"], "port": 1}, "exact"),
        ({"host": "localhost", "database": "a:b", "user": "back\\slash"}, "esc:aped\\"),
        ({"host": "localhost", "database": "a\\:b", "user": "back\\\\slash"}, "esc:aped\\"),
        ({"host": "/any/socket"}, "local"),
        ({"host": "/its/own/line"}, "own"),
        ({"hostaddr": "127.0.0.9"}, "address"),
        ({"host": "localhost", "hostaddr": "127.0.0.9"}, "local"),
        ({}, "local"),
        ({"user": "star"}, "  spaced"),
        ({"user": "nobody"}, None),
        ({"password": "mine"}, "mine"),
        ({"password": ""}, ""),
        ({"dsn": "postgres://u:url@host:1/d"}, "url"),
    ],
)
def test_password_file(passfile, given, password, parse):
    assert parse(**{**U, "passfile": passfile, **given})[1].password == password


def test_password_file_by_default(passfile, monkeypatch, tmp_path, parse):
    assert parse(**U)[1].password is None
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    assert parse(**U)[1].password == "local"
    monkeypatch.delenv("PGPASSFILE")
    passfile.rename(tmp_path / ".pgpass")
    assert parse(**U)[1].password == "local"
    monkeypatch.setenv("PGPASSWORD", "variable")
    assert parse(**U)[1].password == "variable"


def test_password_file_of_others(passfile, tmp_path, parse):
    for mode in (0o640, 0o644, 0o602, 0o701):
        passfile.chmod(mode)
        with pytest.warns(UserWarning, match="has group or world access; permissions should be u=rw .0600. or less"):
            assert parse(passfile=passfile, **U)[1].password is None
    with pytest.warns(UserWarning, match="is not a plain file"):
        assert parse(passfile=tmp_path, **U)[1].password is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse(passfile=tmp_path / "none" / "of it", **U)[1].password is None


def homeless():
    raise RuntimeError("Could not determine home directory.")


def test_no_home(monkeypatch, parse):
    monkeypatch.setattr(pathlib.Path, "home", homeless)
    assert parse(**U)[1].password is None


# --- service files ------------------------------------------------------------------------------------

SERVICES = """
# comment
[one]
host=sh:1,/s
user=su
password=s%p:1
dbname=sd
sslmode=disable
connect_timeout=3
target_session_attrs = standby

[two]
port=7
"""


@pytest.fixture
def services(tmp_path):
    path = tmp_path / "services"
    path.write_text(SERVICES)
    return path


@pytest.mark.parametrize(
    "given",
    [{"service": "one"}, {"dsn": "postgres://?service=one"}, {"dsn": "postgres://", "service": "one"}, {}],
)
def test_service(services, monkeypatch, given, parse):
    monkeypatch.setenv("PGUSER", "variable")
    monkeypatch.setenv("PGPORT", "9")
    if not given:
        monkeypatch.setenv("PGSERVICE", "one")
    addresses, params = parse(servicefile=services, **given)
    assert addresses == [("sh", 1), "/s/.s.PGSQL.9"]
    assert (params.user, params.password, params.database) == ("su", "s%p:1", "sd")
    assert params.sslmode is SSLMode.disable
    assert params.target_session_attrs == "standby"
    assert params.server_settings is None


def test_service_is_below_url_and_keywords(services, parse):
    addresses, params = parse(dsn="postgres://x@h/d?service=one", servicefile=services, password="mine")
    assert (addresses, params.user, params.password, params.database) == ([("h", 5432)], "x", "mine", "d")
    assert parse(host="h", service="two", servicefile=services, **U)[0] == [("h", 7)]


def test_service_names_the_database_as_asyncpg_does(services, parse):
    services.write_text("[s]\nhost=h\ndatabase=theirs\n[both]\nhost=h\ndatabase=theirs\ndbname=libpq's\n")
    databases = {name: parse(service=name, servicefile=services, user="u")[1].database for name in ("s", "both")}
    assert databases == {"s": "theirs", "both": "libpq's"}


def test_service_says_what_libpq_lets_it_say(services, tmp_path, resolve):
    services.write_text(
        "[s]\nhost=h\nhostaddr=::1\nrequire_auth=scram-sha-256\nchannel_binding=require\nsslcertmode=disable\n"
        "application_name=a\noptions=-c geqo=off\nconnect_timeout=3\nnonsense=1\n"
    )
    resolved = resolve(service="s", servicefile=services, channel_binding="prefer", **U)
    said = ("hostaddr", "require_auth", "channel_binding", "sslcertmode", "application_name", "options", "connect_timeout")
    assert [resolved.options.get(key) for key in said] == [
        "::1", "scram-sha-256", "prefer", "disable", "a", "-c geqo=off", "3"
    ]  # fmt: skip
    assert "nonsense" not in resolved.options
    assert resolved.params.server_settings == {"channel_binding": "prefer"}


def test_service_files_by_default(services, monkeypatch, tmp_path, parse):
    monkeypatch.setenv("PGSYSCONFDIR", str(tmp_path))
    services.rename(tmp_path / "pg_service.conf")
    assert parse(service="two", host="h", **U)[0] == [("h", 7)]
    (tmp_path / ".pg_service.conf").write_text("[two]\nport=8\n")
    assert parse(service="two", host="h", **U)[0] == [("h", 8)]
    (tmp_path / "third").write_text("[two]\nport=9\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "third"))
    assert parse(service="two", host="h", **U)[0] == [("h", 9)]
    assert parse(service="one", **U)[0] == [("sh", 1), "/s/.s.PGSQL.5432"]  # the system's comes after it
    with pytest.raises(pgstride.ClientConfigurationError, match='^service file "/none/at/all" not found$'):
        parse(service="one", servicefile="/none/at/all", **U)


def test_bad_service_file_is_not_quoted(tmp_path, parse):
    path = tmp_path / "bad"
    path.write_text("password=sesame\n[one]\n")
    with pytest.raises(pgstride.ClientConfigurationError, match="syntax error in service file") as caught:
        parse(service="one", servicefile=path, **U)
    assert "sesame" not in str(caught.value) and caught.value.__suppress_context__


# --- TLS ----------------------------------------------------------------------------------------------


def test_context(parse):
    for mode in ("allow", "prefer", "require"):
        _, params = parse(host="h", ssl=mode, **U)
        assert params.sslmode.name == mode
        assert params.ssl.verify_mode is ssl.CERT_NONE and not params.ssl.check_hostname
        assert params.ssl.minimum_version is ssl.TLSVersion.TLSv1_2
    _, params = parse(host="h", ssl=True, **U)
    assert params.ssl.verify_mode is ssl.CERT_REQUIRED and params.ssl.check_hostname
    assert params.sslmode is SSLMode.verify_full
    mine = ssl.create_default_context()
    _, params = parse(host="h", ssl=mine, **U)
    assert params.ssl is mine and params.sslmode is SSLMode.disable


@pytest.mark.parametrize("mode, name_counts", [("require", False), ("verify-ca", False), ("verify-full", True)])
def test_context_with_a_root_certificate(tmp_path, parse, mode, name_counts):
    root = Authority(tmp_path / "ca").root
    _, params = parse(dsn=f"postgres://h/d?sslmode={mode}&sslrootcert={root}")
    assert params.ssl.verify_mode is ssl.CERT_REQUIRED and params.ssl.check_hostname is name_counts


def test_versions(monkeypatch, parse):
    monkeypatch.setenv("PGSSLMINPROTOCOLVERSION", "TLSv1.3")
    _, params = parse(dsn="postgres://h/d?ssl_max_protocol_version=TLSv1.3")
    assert params.ssl.minimum_version is params.ssl.maximum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_no_root_certificate(monkeypatch, tmp_path, mode, parse):
    path = tmp_path / ".postgresql" / "root.crt"
    with pytest.raises(pgstride.ClientConfigurationError) as caught:
        parse(host="h", ssl=mode, **U)
    assert caught.value.args[0] == f'root certificate file "{path}" does not exist or cannot be accessed'
    assert caught.value.hint == f'Provide the certificate file directly or make sure "{path}" exists and is readable.'
    monkeypatch.setattr(pathlib.Path, "home", homeless)
    with pytest.raises(pgstride.ClientConfigurationError, match='file "~/.postgresql/root.crt" does') as caught:
        parse(host="h", ssl=mode, **U)
    assert "HOME is either unset" in caught.value.detail


def test_home_is_a_file(monkeypatch, tmp_path, parse):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(pathlib.Path, "home", lambda: tmp_path / "file")
    assert parse(host="h", ssl="require", **U)[1].ssl.verify_mode is ssl.CERT_NONE
