# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""pgstride: an asynchronous PostgreSQL driver.

>>> connection = await pgstride.connect("postgres://app@localhost/shop")
>>> rows = await connection.fetch("select id, name from users where age > $1", 30)
"""

import importlib
import sys

from . import (
    compat,
    connect_utils,
    connection,
    connresource,
    cursor,
    exceptions,
    introspection,
    pgproto,
    pool,
    prepared_stmt,
    protocol,
    serverversion,
    transaction,
    types,
    utils,
)
from ._core import __version__
from .connection import Connection, connect
from .exceptions import *  # noqa: F403
from .pool import Pool, create_pool
from .protocol import Record
from .types import *  # noqa: F403

__all__ = ("connect", "create_pool", "Pool", "Record", "Connection", *exceptions.__all__)

_MODULES = (
    "cluster",
    "compat",
    "connect_utils",
    "connection",
    "connresource",
    "cursor",
    "exceptions",
    "exceptions._base",
    "introspection",
    "pgproto",
    "pgproto.pgproto",
    "pgproto.types",
    "pool",
    "prepared_stmt",
    "protocol",
    "protocol.protocol",
    "protocol.record",
    "serverversion",
    "transaction",
    "types",
    "utils",
)


def install_as_asyncpg() -> None:
    """Make ``import asyncpg``, and of anything below it, mean this package, for libraries that import asyncpg.

    To be called before those are imported.
    """
    for name in [name for name in sys.modules if name == "asyncpg" or name.startswith("asyncpg.")]:
        del sys.modules[name]
    sys.modules["asyncpg"] = sys.modules[__name__]
    for name in _MODULES:
        sys.modules[f"asyncpg.{name}"] = importlib.import_module(f"{__name__}.{name}")
