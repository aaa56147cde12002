# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The row type."""

from .._core import _create_record as _create_record
from .record import Record

__all__ = ("Record",)
