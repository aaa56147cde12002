#!/usr/bin/env python3
# Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
"""Measures pgstride beside other drivers, through `./dev bench`, and prints the ratios.

Each driver lives in a process of its own, all of them and the server pinned to one core, over the
Unix socket. They take turns round by round, so that whatever else the machine does hits them alike;
what counts is the ratio within a round. CPU is user + system of the client's process alone.
Before a case is measured, the drivers must have returned the same rows.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import typing

import report
from cases import CASES, MEMORY_CASES, TLS_CASES, TYPE_CASES, Case

TAB = "\t"
HERE = pathlib.Path(__file__).resolve().parent
ROUNDS, QUICK_ROUNDS = 15, 3
QUICK_PART = 10  # a quick round does this part of a round's work


class Contestant:
    """A driver in its process, which does as it is told."""

    def __init__(self, name: str, *command: str | pathlib.Path) -> None:
        self.name = name
        self._is_python = command[0] == sys.executable
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.introduction = self._read()

    def check(self, case: Case) -> str | None:
        """What came of it; None: it does not do that."""
        digest = self._ask("check", case, 1)
        return None if digest == "-" else digest

    def run(self, case: Case, count: int) -> report.Sample:
        """Nanoseconds per operation."""
        cpu, wall = self._ask("run", case, count).split(TAB)
        return report.Sample(int(cpu) / count, int(wall) / count)

    def peak(self, case: Case) -> str:
        """KiB by which the process has been larger with the rows than before."""
        return self._ask("peak", case, 1)

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, action: str, case: Case, count: int) -> str:
        argument = "" if case.argument is None else str(case.argument)
        sql = " ".join(case.sql.split())
        try:
            how = "pool" if case.on_pool else case.python if self._is_python else case.cpp
            print(action, count, argument, how, sql, sep="\t", file=self._process.stdin, flush=True)
        except BrokenPipeError:
            pass  # it has said why; what we read next is the end
        return self._read()

    def _read(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: {self.name} ended with status {self._process.wait()}")
        return line.rstrip("\n")


def check(case: Case, contestants: list[Contestant]) -> list[Contestant]:
    """Those who do it."""
    digests = {contestant.name: contestant.check(case) for contestant in contestants}
    found = {name: digest for name, digest in digests.items() if digest is not None}
    if "bare" in found:  # it does not look at values, but counts rows
        reference = found["query"].split()[0]
        found["bare"] = found["query"] if found["bare"].split()[0] == reference else found["bare"]
    if len(set(found.values())) != 1:
        raise SystemExit(f"bench: {case.name}: not the same rows: {found}")
    return [contestant for contestant in contestants if contestant.name in found]


def measure(case: Case, contestants: list[Contestant], rounds: int, count: int) -> report.Samples:
    if case.python != "connect":
        contestants = check(case, contestants)
    for contestant in contestants:
        contestant.run(case, max(1, count // 2))
    samples: report.Samples = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        first = number % len(contestants)  # so that nobody always follows the same one
        for contestant in contestants[first:] + contestants[:first]:
            samples[contestant.name].append(contestant.run(case, count))
    return samples


def python_contestants(loop: str, dsn: str, drivers: typing.Iterable[str]) -> list[Contestant]:
    return [Contestant(name, sys.executable, HERE / "python_client.py", name, loop, dsn) for name in drivers]


def cpp_contestants(dsn: str) -> list[Contestant]:
    folder = pathlib.Path(os.environ.get("PGSTRIDE_BUILD_DIR", "build/release")) / "bench"
    program = folder / "pgstride_bench"
    if not program.exists():
        raise SystemExit(f"bench: {program} has not been built; ./dev bench does it")
    contestants = [Contestant(name, program, name, dsn) for name in ("each", "each as", "typed", "query", "libpq", "bare")]
    peers = {
        "libpqxx": (program, "libpqxx", dsn),
        "tokio": (folder / "tokio" / "release" / "tokio_peer", dsn),
        "pgx": (folder / "pgx", dsn),
    }
    for name, command in peers.items():
        try:
            contestants.append(Contestant(name, *command))
        except (FileNotFoundError, SystemExit):
            print(f"bench: {name} is not there and not measured", file=sys.stderr)
    return contestants


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Client CPU and wall time beside other drivers.")
    parser.add_argument("--quick", action="store_true", help="few and short rounds: shows that it works")
    parser.add_argument("--case", action="append", choices=[case.name for case in (*CASES, *TYPE_CASES)], metavar="NAME",
                        help="only this one; may be repeated: " + ", ".join(case.name for case in CASES))
    parser.add_argument("--only", choices=["asyncio", "uvloop", "cpp"], action="append", help="may be repeated")
    parser.add_argument("--tls", action="store_true",
                        help="Python's drivers under TLS on 127.0.0.1, with SCRAM, instead of the Unix socket")
    parser.add_argument("--types", action="store_true", help="decoding a value of each type, beside asyncpg alone")
    parser.add_argument("--memory", action="store_true", help="what a million rows take, instead of time")
    parser.add_argument("--json", action="store_true", help="every round as JSON instead of tables")
    return parser.parse_args()


def suites(options: argparse.Namespace, dsn: str) -> typing.Iterator[tuple[str, list[Contestant], list[Case]]]:
    """What runs where, by whom, one after the other."""
    cases = TLS_CASES if options.tls else TYPE_CASES if options.types else CASES
    drivers = ("pgstride", "asyncpg") if options.types else ("pgstride", "asyncpg", "psycopg")
    usual = ["asyncio"] if options.types else ["asyncio", "uvloop"] if options.tls else ["asyncio", "uvloop", "cpp"]
    for suite in options.only or usual:
        contestants = cpp_contestants(dsn) if suite == "cpp" else python_contestants(suite, dsn, drivers)
        theirs = [case for case in cases if (case.cpp if suite == "cpp" else case.python)]
        yield suite, contestants, [case for case in theirs if not options.case or case.name in options.case]
        for contestant in contestants:
            contestant.stop()


def measure_memory(dsn: str) -> None:
    """How much a process grows by a million rows that it keeps."""
    for case in MEMORY_CASES:
        print(f"\n{case.name}")
        for driver in ("pgstride", "asyncpg", "psycopg"):
            (contestant,) = python_contestants("asyncio", dsn, [driver])
            print(f"{contestant.introduction.split(TAB)[0]:24}{int(contestant.peak(case)) / 1024:8.1f} MiB")
            contestant.stop()


def main() -> int:
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    options = parse_options()
    dsn = os.environ.get("PGSTRIDE_TEST_DSN")
    if not dsn:
        raise SystemExit("bench: PGSTRIDE_TEST_DSN names no server; ./dev bench starts one")
    if options.memory:
        measure_memory(dsn)
        return 0
    if options.tls:
        dsn = f"postgresql://pgstride_scram:secret@127.0.0.1:{os.environ['PGPORT']}/pgstride?sslmode=require"
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pinned = f"pinned to core {cpus[0]}" if len(cpus) == 1 else "NOT PINNED: do not trust these numbers"

    results = []
    for suite, contestants, cases in suites(options, dsn):
        if not options.json:
            names = [contestant.introduction.split(TAB)[0] for contestant in contestants]
            where = f"CPython {platform.python_version()}, {suite}" if suite != "cpp" else "C++"
            print(f"\n{where}: {', '.join(names)}; {rounds} rounds, {pinned}")
            print(report.heading([contestant.name for contestant in contestants]))
        for case in cases:
            count = max(1, case.per_round // (QUICK_PART if options.quick else 1))
            samples = measure(case, contestants, rounds, count)
            results.append({"suite": suite, "case": case.name, "operations": count, "nanoseconds": samples})
            if not options.json:
                names = [contestant.name for contestant in contestants]
                print(report.line(case.name, names, samples), flush=True)
    if options.json:
        json.dump({"pinned": len(cpus) == 1, "rounds": rounds, "results": results}, sys.stdout, indent=1)
        print()
    else:
        print(report.FOOTNOTE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
