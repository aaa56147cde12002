# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""From samples to the lines of a table."""

from __future__ import annotations

import statistics
import typing


class Sample(typing.NamedTuple):
    """Of one round: nanoseconds per operation."""

    cpu: float
    wall: float


Samples = typing.Dict[str, typing.List[Sample]]  # by contestant, in the order of rounds


class Ratio(typing.NamedTuple):
    """Of the same thing measured for two contestants."""

    ours: str
    theirs: str
    of: str


# Shown when both are among the contestants.
RATIOS = (
    Ratio("pgstride", "asyncpg", "cpu"),
    Ratio("pgstride", "asyncpg", "wall"),
    Ratio("pgstride", "psycopg", "cpu"),
    Ratio("pgstride", "psycopg", "wall"),
    Ratio("each", "libpq", "cpu"),
    Ratio("query", "libpq", "cpu"),
    Ratio("query", "libpq", "wall"),
    Ratio("typed", "each", "cpu"),
    Ratio("each", "bare", "cpu"),
    Ratio("query", "bare", "cpu"),
    Ratio("query", "bare", "wall"),
)

FOOTNOTE = """
µs: client CPU (user + system) per operation, median of the rounds. Ratios: time of the left one over
time of the right one, median of the rounds' ratios, in brackets the middle half of them. Below 1: faster."""


def _ratios(names: typing.Collection[str]) -> list[Ratio]:
    return [ratio for ratio in RATIOS if ratio.ours in names and ratio.theirs in names]


def heading(names: typing.Collection[str]) -> str:
    times = "".join(f"{name + ' µs':>13}" for name in names)
    return f"{'case':22}{times}" + "".join(f"{f'{r.ours}/{r.theirs} {r.of}':>24}" for r in _ratios(names))


def line(case: str, samples: Samples) -> str:
    times = "".join(f"{statistics.median(s.cpu for s in of_one) / 1000:13,.1f}" for of_one in samples.values())
    return f"{case:22}{times}" + "".join(f"{_shown(ratio, samples):>24}" for ratio in _ratios(samples))


def _shown(ratio: Ratio, samples: Samples) -> str:
    pairs = zip(samples[ratio.ours], samples[ratio.theirs])
    low, middle, high = statistics.quantiles(
        (getattr(ours, ratio.of) / getattr(theirs, ratio.of) for ours, theirs in pairs), n=4, method="inclusive"
    )
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"
