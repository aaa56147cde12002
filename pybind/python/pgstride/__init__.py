# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""pgstride: an asynchronous PostgreSQL driver.

>>> connection = await pgstride.connect("postgres://app@localhost/shop")
>>> rows = await connection.fetch("select id, name from users where age > $1", 30)
"""

import importlib.machinery
import sys
from types import ModuleType as _ModuleType

from . import _main_interpreter  # noqa: F401  isort: skip
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
from ._observing import Observer as Observer  # asyncpg has none, so it is not in __all__; nor are the others
from .connection import Connection, connect
from .connection import Pipeline as Pipeline
from .connection import Reply as Reply
from .connection import Stream as Stream
from .exceptions import *  # noqa: F403
from .exceptions import ResultTooLargeError as ResultTooLargeError
from .pool import Listener as Listener
from .pool import ListenEvent as ListenEvent
from .pool import Loan as Loan
from .pool import Pool, create_pool
from .pool import PoolFullError as PoolFullError
from .protocol import Record
from .types import *  # noqa: F403

__all__: tuple[str, ...] = ("connect", "create_pool", "Pool", "Record", "Connection")
__all__ += exceptions.__all__

# What `asyncpg.__version__` is after install_as_asyncpg(): the release whose API this is. What 0.32 has added is there,
# too, but where 0.32 changed behaviour we stay with 0.31 (docs/coming-from-asyncpg.md).
_ASYNCPG_VERSION = "0.31.0"

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
    if isinstance(sys.modules.get("asyncpg"), _AsAsyncpg):
        return
    for name in [name for name in sys.modules if name == "asyncpg" or name.startswith("asyncpg.")]:
        del sys.modules[name]
    sys.modules["asyncpg"] = _AsAsyncpg()
    for name in _MODULES:
        sys.modules[f"asyncpg.{name}"] = importlib.import_module(f"{__name__}.{name}")


class _AsAsyncpg(_ModuleType):
    """This package's names, of the version of asyncpg whose API they are: libraries ask for a least one.

    It has no path, so what is not in `_MODULES` is not found below it, and nothing is loaded twice.
    """

    def __init__(self) -> None:
        super().__init__("asyncpg", __doc__)
        names = {name: value for name, value in globals().items() if not name.startswith("__")}
        self.__dict__.update(names, __all__=__all__, __version__=_ASYNCPG_VERSION, __file__=__file__)
        self.__spec__ = importlib.machinery.ModuleSpec("asyncpg", None, origin=__file__, is_package=True)
        self.__package__ = "asyncpg"
        self.__path__ = []
