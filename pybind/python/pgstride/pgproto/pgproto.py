# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""What uuid columns come as."""

import codecs

from .._core import UUID


class BufferError(Exception):
    """Bytes that make no sense."""


class CodecContext:
    """What a conversion needs to know of its connection."""

    def get_text_codec(self) -> codecs.CodecInfo:
        return codecs.lookup("utf-8")


__all__ = ("UUID", "BufferError", "CodecContext")
