# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The row type, and what is below a connection."""

from .._core import _create_record as _create_record
from .protocol import BUILTIN_TYPE_NAME_MAP, NO_TIMEOUT, Protocol, Transport
from .record import Record

__all__ = ("Protocol", "Record", "NO_TIMEOUT", "BUILTIN_TYPE_NAME_MAP", "Transport")
