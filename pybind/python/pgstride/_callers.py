# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Where in the user's program something began, for asyncio's debug mode."""

from __future__ import annotations

import os
import sys
import traceback


def frames() -> str:
    """The innermost ones outside this package, as a traceback shows them."""
    package = os.path.dirname(__file__)
    frame = sys._getframe(1)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename).startswith(package):
        frame = frame.f_back
    return "".join(traceback.format_stack(frame, limit=10))
