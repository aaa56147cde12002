# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What the options that asyncpg does not have refuse, and that they do so by name, before anything is opened."""

from __future__ import annotations

import math

import pytest

import pgstride

POOL = [
    ({"init_size": 1.5}, TypeError, "init_size is expected to be an integer, got 1.5"),
    ({"init_size": "5"}, TypeError, "init_size is expected to be an integer, got '5'"),
    ({"max_waiting": 1.5}, TypeError, "max_waiting is expected to be an integer, got 1.5"),
    ({"max_waiting": True}, TypeError, "max_waiting is expected to be an integer, got True"),
    ({"max_waiting": math.inf}, TypeError, "max_waiting is expected to be an integer, got inf"),
    ({"max_lifetime": None}, TypeError, "max_lifetime is expected to be a number of seconds, got None"),
    ({"max_lifetime": True}, TypeError, "max_lifetime is expected to be a number of seconds, got True"),
    ({"check_after": "5"}, TypeError, "check_after is expected to be a number of seconds, got '5'"),
    ({"check_after": math.nan}, ValueError, "check_after is expected to be greater or equal to zero"),
]


@pytest.mark.parametrize("options, error, text", POOL)
def test_of_a_pool(options, error, text):
    with pytest.raises(error) as raised:
        pgstride.create_pool(**options)
    assert str(raised.value) == text


LISTENER = [
    ({"most_waiting": "5"}, TypeError, "most_waiting is expected to be an integer, got '5'"),
    ({"attempts": 1.5}, TypeError, "attempts is expected to be an integer, got 1.5"),
    ({"first_pause": -1}, ValueError, "first_pause is expected to be greater or equal to zero"),
    ({"longest_pause": math.nan}, ValueError, "longest_pause is expected to be greater or equal to zero"),
    ({"longest_pause": None}, TypeError, "longest_pause is expected to be a number of seconds, got None"),
]


@pytest.mark.parametrize("options, error, text", LISTENER)
def test_of_a_listener(options, error, text):
    with pytest.raises(error) as raised:
        pgstride.create_pool().listener(**options)
    assert str(raised.value) == text


CONNECTION = [
    ({"require_auth": 5}, "require_auth is expected to be a str, got 5"),
    ({"untrusted_dsn": None}, "untrusted_dsn is expected to be a bool or a collection of keys, got None"),
    ({"untrusted_dsn": 0}, "untrusted_dsn is expected to be a bool or a collection of keys, got 0"),
    ({"max_rows": 1.5}, "max_rows is expected to be a str, an int or a path, got 1.5"),
    ({"sslrootcert": ["a"]}, "sslrootcert is expected to be a str, an int or a path, got ['a']"),
]


@pytest.mark.parametrize("options, text", CONNECTION)
async def test_of_a_connection(dsn, options, text):
    with pytest.raises(TypeError) as raised:
        await pgstride.connect(dsn, **options)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    "options",
    [
        {"max_waiting": 10**30},
        {"max_queries": 10**30},
        {"max_queries": math.inf},
        {"max_inactive_connection_lifetime": True},
        {"max_inactive_connection_lifetime": math.inf},
        {"max_lifetime": math.inf, "check_after": 10**30},
    ],
)
async def test_as_much_as_anybody_wants(create_pool, options):
    pool = await create_pool(**options)
    assert await pool.fetchval("select 1") == 1
