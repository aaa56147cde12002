# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""A short run of tests/chaos/chaos.py on each loop; `./dev chaos` runs long ones. The seed is printed.

CX-1, CX-9; the invariants are those of the program: R-C1, R-C2, R-C4, R-C5, R-C6, R-S1, R-S2.
"""

from __future__ import annotations

import pathlib

import pytest

CHAOS = pathlib.Path(__file__).parents[1] / "chaos" / "chaos.py"


@pytest.mark.parametrize("more", [[], ["--sabotage"]], ids=["quiet", "sabotage"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_chaos(python, loop, more):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    code, out, err = python("", str(CHAOS), "--seconds", "4", "--loop", loop, *more)
    print(out)
    assert code == 0 and "VIOLATION" not in err, out + err
