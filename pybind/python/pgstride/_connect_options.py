# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What connect() takes, for type checkers: which connection comes of it depends on two options only."""

from __future__ import annotations

import asyncio
import os
import ssl as ssl_
import typing

from ._parameters import Password


class ConnectOptions(typing.TypedDict, total=False):
    """All but `connection_class` and `record_class`."""

    host: str | typing.Sequence[str] | None
    port: int | str | typing.Sequence[int | str] | None
    user: str | None
    password: Password
    passfile: str | os.PathLike[str] | None
    service: str | None
    servicefile: str | os.PathLike[str] | None
    database: str | None
    loop: asyncio.AbstractEventLoop | None
    timeout: float | None
    statement_cache_size: int
    max_cached_statement_lifetime: float
    max_cacheable_statement_size: int
    command_timeout: float | None
    ssl: str | bool | ssl_.SSLContext | None
    direct_tls: bool | None
    server_settings: dict[str, str] | None
    target_session_attrs: str | None
    krbsrvname: str | None
    gsslib: str | None
    require_auth: str | None
    oauth_token: Password
