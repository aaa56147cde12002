# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Connections under TLS: which sslmode comes to what with which server (R-T3, TA-M1)."""

from __future__ import annotations

import logging
import os

import absent
import cpp_tour
import pytest

import pgstride

absent.skip_without_tls()
ROOT = os.environ["PGSTRIDE_TEST_ROOT"]

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
PLAIN, TLS, REFUSED, NO_ROOT = "plain", "TLS", "refused", "no root file"

# What the server allows the user, whether there is a root certificate, and what each mode comes to.
POLICIES = [
    ("postgres", True, [PLAIN, PLAIN, TLS, TLS, TLS, TLS]),
    ("postgres", False, [PLAIN, PLAIN, TLS, TLS, NO_ROOT, NO_ROOT]),
    ("pgstride_ssl", True, [REFUSED, TLS, TLS, TLS, TLS, TLS]),
    ("pgstride_ssl", False, [REFUSED, TLS, TLS, TLS, NO_ROOT, NO_ROOT]),
    ("pgstride_nossl", True, [PLAIN, PLAIN, PLAIN, REFUSED, REFUSED, REFUSED]),
    ("pgstride_nossl", False, [PLAIN, PLAIN, PLAIN, REFUSED, NO_ROOT, NO_ROOT]),
]


async def outcome(dsn: str) -> str:
    try:
        connection = await pgstride.connect(dsn)
    except pgstride.InvalidAuthorizationSpecificationError:
        return REFUSED
    except pgstride.ClientConfigurationError as error:
        assert "root certificate file" in str(error)
        return NO_ROOT
    try:
        encrypted = await connection.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        return TLS if encrypted else PLAIN
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("user", "root", "mode", "expected"),
    [(user, root, *row) for user, root, outcomes in POLICIES for row in zip(MODES, outcomes)],
)
async def test_policies(user: str, root: bool, mode: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    server = f"postgres://{user}@localhost:{os.environ['PGPORT']}/pgstride?sslmode={mode}"
    where = server + (f"&sslrootcert={ROOT}" if root else "")
    assert await outcome(where) == expected
    if cpp_tour.is_due():  # DT-10
        went_well, said = cpp_tour.run(where)
        assert went_well == (expected in (PLAIN, TLS)), said


async def test_going_on_in_clear_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-T4"""
    monkeypatch.setenv("HOME", "/nonexistent")
    caplog.set_level(logging.INFO, "pgstride")
    for user, expected in (("postgres", 0), ("pgstride_nossl", 1)):
        caplog.clear()
        connection = await pgstride.connect(
            f"postgres://{user}@localhost:{os.environ['PGPORT']}/pgstride?sslmode=prefer"
        )
        assert (connection.tls is None) == bool(expected)
        await connection.close()
        assert [record.getMessage() for record in caplog.records if record.name == "pgstride"] == [
            f"the connection to localhost:{os.environ['PGPORT']} is not encrypted: the server would not"
        ] * expected
