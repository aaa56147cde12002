# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""How long to wait before something is tried again."""

from __future__ import annotations

import random


def pause_after(attempt: int, first: float, longest: float) -> float:
    """Seconds, after so many failures in a row: doubled each time, and a random part of that, between half and all.

    Those who met must not meet again.
    """
    pause = min(first * 2.0 ** min(attempt - 1, 64), longest)
    return random.uniform(pause / 2, pause)
