# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Rows, their names and their iterators: the types of the extension, where asyncpg has them."""

from .._core import Record, RecordDescriptor, RecordItemsIterator, RecordIterator

__all__ = ("Record", "RecordDescriptor", "RecordIterator", "RecordItemsIterator")
