# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What uuid columns come as."""

from .._core import UUID

__all__ = ("UUID",)
