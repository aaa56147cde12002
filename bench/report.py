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
    Ratio("query", "libpqxx", "cpu"),
    Ratio("query", "tokio", "cpu"),
    Ratio("query", "tokio", "wall"),
    Ratio("query", "pgx", "cpu"),
    Ratio("query", "pgx", "wall"),
    Ratio("each as", "each", "cpu"),
    Ratio("typed", "query", "cpu"),
    Ratio("each", "bare", "cpu"),
    Ratio("query", "bare", "cpu"),
    Ratio("query", "bare", "wall"),
)

FOOTNOTE = """
µs: client CPU (user + system) per operation, median of the rounds. Ratios: time of the left one over
time of the right one, median of the rounds' ratios, in brackets the middle half of them. Below 1: faster.
-: it does no such work."""


def _ratios(names: typing.Collection[str]) -> list[Ratio]:
    return [ratio for ratio in RATIOS if ratio.ours in names and ratio.theirs in names]


def heading(names: typing.Collection[str]) -> str:
    times = "".join(f"{name + ' µs':>13}" for name in names)
    return f"{'case':22}{times}" + "".join(f"{f'{r.ours}/{r.theirs} {r.of}':>24}" for r in _ratios(names))


def line(case: str, names: typing.Collection[str], samples: Samples) -> str:
    """`names` are of all contestants, of whom some may not have done this."""
    times = "".join(f"{_microseconds(samples.get(name)):>13}" for name in names)
    return f"{case:22}{times}" + "".join(f"{_shown(ratio, samples):>24}" for ratio in _ratios(names))


def _microseconds(samples: list[Sample] | None) -> str:
    return f"{statistics.median(sample.cpu for sample in samples) / 1000:,.1f}" if samples else "-"


def _shown(ratio: Ratio, samples: Samples) -> str:
    if ratio.ours not in samples or ratio.theirs not in samples:
        return "-"
    pairs = zip(samples[ratio.ours], samples[ratio.theirs])
    low, middle, high = statistics.quantiles(
        (getattr(ours, ratio.of) / getattr(theirs, ratio.of) for ours, theirs in pairs), n=4, method="inclusive"
    )
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"
