# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A short run of tests/chaos/chaos.py on each loop; `./dev chaos` runs long ones. The seed is printed.

CX-1, CX-2, CX-9; the invariants are those of the program: R-C1, R-C2, R-C4, R-C5, R-C6, R-S1, R-S2, R-Q3.
"""

from __future__ import annotations

import pathlib
import sys

import absent
import pgbouncer
import pytest

TESTS = pathlib.Path(__file__).parents[1]
CHAOS = [str(TESTS / "chaos" / "chaos.py"), "--seconds", "4"]
BEHIND = [str(TESTS / "support" / "pgbouncer.py"), "--pool-size"]

VARIANTS = {
    "quiet": CHAOS,
    "sabotage": [*CHAOS, "--sabotage"],
    "session pooler": [*BEHIND, "4", "session", sys.executable, *CHAOS],
    "transaction pooler": [*BEHIND, "2", "transaction", sys.executable, *CHAOS, "--cache", "0"],
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_chaos(python, loop, variant):
    if loop == "uvloop":
        absent.skip_without("uvloop")
    if BEHIND[0] in variant and pgbouncer.find() is None:
        absent.skip("pgbouncer", "there is none on this machine")
    code, out, err = python("", *variant, "--loop", loop)
    print(out)
    assert code == 0 and "VIOLATION" not in err, out + err
