# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What connect() takes, for type checkers: the type of the connection depends on two options only."""

from __future__ import annotations

import asyncio
import os
import ssl as ssl_
import typing

from ._observing import Observer
from ._parameters import Keyword, Password
from ._untrusted import DsnKeys


class LibpqOptions(typing.TypedDict, total=False):
    """What libpq has a name for and the signature of connect() has not."""

    application_name: Keyword
    channel_binding: Keyword
    client_encoding: Keyword
    connect_timeout: Keyword
    dbname: Keyword
    fallback_application_name: Keyword
    gssdelegation: Keyword
    gssencmode: Keyword
    hostaddr: Keyword
    keepalives: Keyword
    keepalives_count: Keyword
    keepalives_idle: Keyword
    keepalives_interval: Keyword
    load_balance_hosts: Keyword
    max_protocol_version: Keyword
    max_result_bytes: Keyword
    max_rows: Keyword
    min_protocol_version: Keyword
    options: Keyword
    replication: Keyword
    requirepeer: Keyword
    ssl_max_protocol_version: Keyword
    ssl_min_protocol_version: Keyword
    sslcert: Keyword
    sslcertmode: Keyword
    sslcompression: Keyword
    sslcrl: Keyword
    sslcrldir: Keyword
    sslkey: Keyword
    sslkeylogfile: Keyword
    sslmode: Keyword
    sslnegotiation: Keyword
    sslpassword: Keyword
    sslrootcert: Keyword
    sslsni: Keyword
    tcp_user_timeout: Keyword


class ConnectOptions(LibpqOptions, total=False):
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
    observer: Observer | None
    untrusted_dsn: DsnKeys
