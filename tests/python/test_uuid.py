# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""UUID: a uuid.UUID in all but its making."""

from __future__ import annotations

import copy
import gc
import pickle
import uuid
import weakref
from typing import Any

import pytest

from pgstride._core import UUID, _decode

TEXT = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
OURS = UUID(TEXT)
THEIRS = uuid.UUID(TEXT)


def test_is_a_uuid() -> None:
    assert UUID.__mro__ == (UUID, uuid.UUID, object)
    assert isinstance(OURS, uuid.UUID)
    assert (repr(OURS), str(OURS)) == (f"UUID('{TEXT}')", TEXT)
    assert type(_decode(2950, THEIRS.bytes)) is UUID
    with pytest.raises(TypeError):
        type("Sub", (UUID,), {})


@pytest.mark.parametrize("name", ["bytes", "bytes_le", "fields", "hex", "int", "urn", "variant", "version", "time", "node",
                                  "time_low", "time_mid", "time_hi_version", "clock_seq", "clock_seq_low",
                                  "clock_seq_hi_variant", "is_safe"])  # fmt: skip
def test_attributes(name: str) -> None:
    assert getattr(OURS, name) == getattr(THEIRS, name)


def test_value_semantics() -> None:
    assert OURS == THEIRS and THEIRS == OURS and OURS == UUID(THEIRS.bytes)
    assert not OURS != THEIRS
    assert hash(OURS) == hash(THEIRS) and {OURS: 1}[THEIRS] == 1
    small, large = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
    assert small < OURS < large and large > OURS > small and OURS <= THEIRS and OURS >= UUID(TEXT)
    assert sorted([OURS, large, UUID("0" * 32), small]) == [small, small, THEIRS, large]
    assert OURS != TEXT and OURS != 5 and OURS is not None
    assert hash(UUID("0" * 32)) == hash(small)
    with pytest.raises(TypeError):
        OURS < 5  # type: ignore[operator]  # noqa: B015


def test_copies() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert OURS.__reduce_ex__(protocol) == (UUID, (THEIRS.bytes,))
    for other in copy.copy(OURS), copy.deepcopy(OURS):
        assert other == OURS and type(other) is UUID


def test_life() -> None:
    mine = UUID(TEXT)
    weak = weakref.ref(mine)
    assert weak() is mine and not gc.is_tracked(mine)
    del mine
    assert weak() is None
    for name in "int", "hex", "anything":
        with pytest.raises((AttributeError, TypeError)):
            setattr(OURS, name, 1)


@pytest.mark.parametrize(("argument", "exception", "message"), [
    (1, TypeError, "a bytes or str object expected, got 1"),
    (b"x", ValueError, "16 bytes were expected, got 1"),
    ("x", ValueError, "invalid UUID 'x': length must be between 32..36 characters, got 1"),
    ("é" * 32, ValueError, f"invalid UUID '{'é' * 32}': length must be between 32..36 characters, got 64"),
    ("z" * 32, ValueError, f"invalid UUID '{'z' * 32}': unexpected character 'z'"),
    ("é" * 16, ValueError, f"invalid UUID '{'é' * 16}': unexpected character 'é'"),
    ("0" * 33, ValueError, f"invalid UUID '{'0' * 33}': decodes to more than 16 bytes"),
    ("-" * 32, ValueError, f"invalid UUID '{'-' * 32}': decodes to less than 16 bytes"),
])  # fmt: skip
def test_refused(argument: Any, exception: type[Exception], message: str) -> None:
    with pytest.raises(exception) as caught:
        UUID(argument)
    assert str(caught.value) == message


def test_one_positional_argument() -> None:
    for arguments, named in ((), {}), ((TEXT, TEXT), {}), ((), {"hex": TEXT}):
        with pytest.raises(TypeError):
            UUID(*arguments, **named)
    assert UUID(TEXT.upper().replace("-", "")) == OURS
