# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""pgstride: an asynchronous PostgreSQL driver.

>>> connection = await pgstride.connect("postgres://app@localhost/shop")
>>> rows = await connection.fetch("select id, name from users where age > $1", 30)
"""

from . import exceptions, types
from ._core import __version__
from .connection import Connection, connect
from .exceptions import *  # noqa: F403
from .pool import Pool, create_pool
from .protocol import Record
from .types import *  # noqa: F403

__all__ = ("connect", "create_pool", "Pool", "Record", "Connection", *exceptions.__all__)
