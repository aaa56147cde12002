# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Direct TLS: with PostgreSQL 17 and newer, and the end that it comes to with older ones (R-T12, DT-12)."""

from __future__ import annotations

import asyncio
import os
import ssl

import absent
import pytest

import pgstride

absent.skip_without_tls()

WHERE = (
    f"postgresql://postgres@localhost:{os.environ['PGPORT']}/pgstride"
    f"?sslmode=verify-full&sslrootcert={os.environ['PGSTRIDE_TEST_ROOT']}"
)


def context() -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=os.environ["PGSTRIDE_TEST_ROOT"])
    made.set_alpn_protocols(["postgresql"])
    return made


@pytest.mark.parametrize("arguments", [{}, {"ssl": context()}], ids=["options", "context"])
async def test_direct(arguments: dict[str, ssl.SSLContext]) -> None:
    usual = await pgstride.connect(WHERE)
    version = usual.get_server_version().major
    await usual.close()
    if version < 17:
        with pytest.raises(ssl.SSLError, match="before PostgreSQL 17 there is no direct TLS"):
            await pgstride.connect(WHERE, direct_tls=True, **arguments)
        return
    connection = await pgstride.connect(WHERE, direct_tls=True, **arguments)
    assert connection.tls is not None and connection.tls.alpn == "postgresql"
    assert await connection.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    with pytest.raises(asyncio.TimeoutError):
        await connection.execute("select pg_sleep(60)", timeout=0.2)
    assert await connection.fetchval("select 1") == 1
    await connection.close()


async def test_alpn_is_not_optional() -> None:
    silent = ssl.create_default_context(cafile=os.environ["PGSTRIDE_TEST_ROOT"])
    with pytest.raises(OSError):
        await pgstride.connect(WHERE, direct_tls=True, ssl=silent)
