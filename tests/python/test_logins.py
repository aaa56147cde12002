# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Names, passwords and ways to log in of every sort, against what the server makes of them (TA-A)."""

from __future__ import annotations

import pytest

import pgstride
from pgstride.utils import _quote_ident, _quote_literal

NAMES = [
    'a "quoted" name',
    "a=b c='d'",
    "back\\slash",
    "GROẞ und 小",
    "%41",
    "n" * 63,
    "ü" * 31,
]

# What is stored, and what is the same by SASLprep (RFC 4013); or is not.
PASSWORDS = [
    ("IX", "I\u00adX", True),  # the soft hyphen is mapped to nothing
    ("user", "user", True),
    ("user", "USER", False),
    ("a", "\u00aa", True),  # NFKC
    ("\u2168", "IX", True),
    ("a b", "a\u00a0b", True),  # every blank is the blank
    ("\x07", "\x07", True),  # prohibited: as it is
    ("\u0627\u0031", "\u0627\u0031", True),  # letters of two directions: likewise
    ("\u00ad", "\u00ad", True),  # nothing would be left: likewise
    ("pä55wörd €", "pä55wörd €", True),
    ("long " * 200, "long " * 200, True),
    ("secret", "secret ", False),
]


@pytest.mark.parametrize("name", NAMES)
async def test_names(connect, dsn, name) -> None:
    admin = await connect()
    await admin.execute(f"create role {_quote_ident(name)} login")
    try:
        connection = await connect(dsn, user=name, database="pgstride")
        assert await connection.fetchval("select session_user") == name
        await connection.close()
    finally:
        await admin.execute(f"drop role {_quote_ident(name)}")


@pytest.fixture
def admin(runner, connect):
    """May change the password of pgstride_scram, which is put back."""
    admin = runner(connect())
    yield admin
    runner(admin.execute("alter role pgstride_scram password 'secret'"))


@pytest.mark.parametrize(("stored", "given", "is_right"), PASSWORDS)
async def test_passwords(connect, dsn, admin, stored, given, is_right) -> None:
    await admin.execute(f"alter role pgstride_scram password {_quote_literal(stored)}")
    login = {"user": "pgstride_scram", "password": given, "require_auth": "scram-sha-256"}
    if is_right:
        await connect(dsn, **login)
        return
    with pytest.raises(pgstride.InvalidPasswordError):
        await connect(dsn, **login)


METHODS = {"trust": "none", "password": "password", "md5": "md5", "scram": "scram-sha-256"}


@pytest.mark.parametrize("user", METHODS)
async def test_what_may_be_asked_for(connect, dsn, user) -> None:  # TA-R
    own = METHODS[user]
    others = [method for method in METHODS.values() if method != own]
    allowed = [own, ",".join([others[0], own]), *(f"!{other}" for other in others), ",".join(f"!{o}" for o in others)]
    refused = [f"!{own}", ",".join([f"!{others[0]}", f"!{own}"]), *others, ",".join(others), "gss", "oauth"]
    for methods in allowed:
        await connect(dsn, user=f"pgstride_{user}", password="secret", require_auth=methods)
    for methods in refused:
        with pytest.raises(pgstride.InterfaceError, match="which require_auth does not allow"):
            await connect(dsn, user=f"pgstride_{user}", password="secret", require_auth=methods)
