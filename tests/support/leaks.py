# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Whether anything is left of what was done many times. PGSTRIDE_ROUNDS is how many; 100000 is worth an hour."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
import typing
import warnings

ROUNDS = int(os.environ.get("PGSTRIDE_ROUNDS", "100"))
ATTEMPTS = 12
# They outlive every call, so only their counts tell. From 3.12 on some never change theirs.
WATCHED: list[object] = [None, True]


class Mallinfo2(ctypes.Structure):
    """glibc's; `uordblks` is how many bytes are in use."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


try:
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Mallinfo2
except (AttributeError, OSError):  # not glibc
    mallinfo2 = Mallinfo2


async def measured() -> list[int]:
    """Python's blocks of memory; C's, each worth at least 32 bytes; references to what is watched."""
    for _ in range(3):
        # asyncio lets go of timers that were cancelled when there are many of them.
        for _ in range(200):
            asyncio.get_running_loop().call_later(3600, print).cancel()
        await asyncio.sleep(0)
        gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.13 on
        getattr(sys, "_clear_type_cache", int)()  # it holds the names of what was looked up
    return [sys.getallocatedblocks(), mallinfo2().uordblks // 32, *map(sys.getrefcount, WATCHED)]


Act = typing.Callable[[], typing.Awaitable[object]]


async def nothing_is_left_of(act: Act, rounds: int = ROUNDS) -> None:
    growth: list[int] = []
    for _ in range(ATTEMPTS):
        for _ in range(3):
            await act()
        before = await measured()
        for _ in range(rounds):
            await act()
        growth = [after - earlier for after, earlier in zip(await measured(), before)]
        if max(growth) < 0.8 * rounds:
            return
    raise AssertionError(f"after {rounds} more rounds there was more of something: {growth}")
