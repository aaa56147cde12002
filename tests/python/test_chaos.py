# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A short run of tests/chaos/chaos.py on each loop; `./dev chaos` runs long ones. The seed is printed.

CX-1, CX-2, CX-9; the invariants are those of the program: R-C1, R-C2, R-C4, R-C5, R-C6, R-S1, R-S2, R-Q3.
"""

from __future__ import annotations

import pathlib

import absent
import pgbouncer
import pytest

CHAOS = pathlib.Path(__file__).parents[1] / "chaos" / "chaos.py"


VARIANTS = {
    "quiet": [],
    "sabotage": ["--sabotage"],
    "session pooler": ["--bouncer", "session"],
    "transaction pooler": ["--bouncer", "transaction"],
}


@pytest.mark.parametrize("more", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_chaos(python, loop, more):
    if loop == "uvloop":
        absent.skip_without("uvloop")
    if "--bouncer" in more and pgbouncer.find() is None:
        absent.skip("pgbouncer", "there is none on this machine")
    code, out, err = python("", str(CHAOS), "--seconds", "4", "--loop", loop, *more)
    print(out)
    assert code == 0 and "VIOLATION" not in err, out + err
