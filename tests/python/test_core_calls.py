# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""The functions of _core take what they take by position, and say so."""

import pytest

from pgstride import _core

FIRST = {
    "copy_timeout": (2, "a Core"),
    "copy_records": (5, "a Core"),
    "copy_in": (4, "a Core"),
    "copy_out": (3, "a Core"),
    "copy_write": (2, r"what copy_in\(\) has returned"),
    "copy_write_record": (2, r"what copy_in\(\) has returned"),
    "copy_end": (1, r"what copy_in\(\) has returned"),
    "copy_break_off": (2, r"what copy_in\(\) has returned"),
    "copy_give_up": (2, "a COPY's awaitable"),
    "copy_next": (1, r"what copy_out\(\) has returned"),
    "stream": (5, "a Core"),
    "stream_next": (1, r"what stream\(\) has returned"),
    "stream_give_up": (1, r"what stream\(\) has returned"),
    "stream_end": (1, "a Core"),
}


@pytest.mark.parametrize("name", [*FIRST, "connect"])
def test_wrong_number(name):
    wanted = FIRST[name][0] if name in FIRST else 11
    for given in (0, wanted + 1):
        with pytest.raises(TypeError, match=rf"^{name}\(\) takes {wanted} arguments \({given} given\)$"):
            getattr(_core, name)(*[None] * given)


@pytest.mark.parametrize("name", FIRST)
def test_wrong_first_argument(name):
    wanted, what = FIRST[name]
    with pytest.raises(TypeError, match=rf"^{name}\(\): the first argument must be {what}, not int$"):
        getattr(_core, name)(*[1] * wanted)


@pytest.mark.parametrize("name", ["set_type_codec", "set_type_alias"])
async def test_wrong_number_for_a_connection(connection, name):
    with pytest.raises(TypeError, match=rf"^{name}\(\) takes 5 arguments \(1 given\)$"):
        getattr(connection._core, name)(1)
