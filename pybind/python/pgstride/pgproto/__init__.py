# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Import paths that asyncpg's users know."""

from . import pgproto, types

__all__ = ("pgproto", "types")
