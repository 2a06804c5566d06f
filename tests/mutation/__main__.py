# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run it: `python -m tests.mutation --help`."""

from __future__ import annotations

import argparse
import fnmatch
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

import coverage
import pytest

from . import __doc__ as about
from .mutants import Mutant, mutants
from .suite import FORK, PLACE, Chosen, Reach, copy_tree, end, preload, start

FATES = ("killed", "survived", "timed out", "not covered")
MUTATED = ("plugins/module_utils/*", "plugins/modules/*", "plugins/filter/*")


class Tests(NamedTuple):
    """What the suite's run under coverage showed. reached: by file and line."""

    seconds: dict[str, float]
    reached: dict[tuple[str, int], set[str]]

    def of(self, mutant: Mutant) -> set[str]:
        """Those that reach it; what an import runs is in all that reach any line of the file."""
        names: set[str] = set()
        for (file, line), reached in self.reached.items():
            if file == mutant.file and (not mutant.first or mutant.first <= line <= mutant.line):
                names |= reached
        return names

    def files(self, names: set[str]) -> list[str]:
        """Where these tests are, those files first whose tests are quick."""
        each = defaultdict(list)
        for name in names:
            each[name.partition("::")[0]].append(self.seconds[name])
        return sorted(each, key=lambda file: (sum(each[file]) / len(each[file]), file))


def look(base: Path, paths: list[str], processes: int) -> Tests:
    """Run all tests once."""
    where = base / PLACE
    found = {file for path in paths for file in where.glob(path)}
    files = sorted(found, key=lambda file: (-file.stat().st_size, file))
    shares = [
        [str(file.relative_to(where)) for file in files[n::processes]] for n in range(processes)
    ]
    for process in [start(base, share, Reach(base, n)) for n, share in enumerate(shares) if share]:
        process.join()
        end(process)
        if process.exitcode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            sys.exit(f"The tests don't run:\n{(base / 'output').read_text()[-3000:]}")
    return learn(base)


def learn(base: Path) -> Tests:
    """What the run of all tests left in these files."""
    tests = Tests({}, defaultdict(set))
    failed = []
    for times in base.glob("coverage.*.times"):
        for line in times.read_text().splitlines():
            seconds, outcome, name = line.split(" ", 2)
            tests.seconds[name] = float(seconds)
            failed += [name] if outcome == "failed" else []
        data = coverage.CoverageData(str(times.with_suffix("")))
        data.read()
        for file in data.measured_files():
            short = str(Path(file).relative_to(base / PLACE))
            for line_number, names in data.contexts_by_lineno(file).items():
                tests.reached[short, line_number] |= set(names) - {"", *failed}
    print(f"{len(tests.seconds)} tests in {sum(tests.seconds.values()):.0f} s of their own.")
    for name in failed:
        print(f"left out, it fails on the unbroken tree: {name}")
    return tests


class Running(NamedTuple):
    """A mutant that is being judged. ends: when it has timed out."""

    process: Any
    mutant: Mutant
    copy: Path
    source: bytes
    ends: float


def judge(base: Path, sample: list[Mutant], tests: Tests, options: Any) -> dict[Mutant, str]:
    """Break the tree once for each mutant, as many as the time allows; what became of each."""
    until = options.begun + options.minutes * 60
    copies = [base]
    for number in range(1, options.processes):
        copies.append(base.with_name(f"{base.name}-{number}"))
        shutil.copytree(base, copies[-1])
    fates: dict[Mutant, str] = {}
    running: dict[Any, Running] = {}
    queue = list(reversed(sample))
    while (queue or running) and time.monotonic() < until:
        while queue and copies:
            mutant = queue.pop()
            if names := tests.of(mutant):
                if len(names) > options.most:
                    names = set(random.Random(options.seed).sample(sorted(names), options.most))
                judged = begin(copies.pop(), mutant, tests, names, serial=len(queue))
                running[judged.process.sentinel] = judged
            else:
                note(fates, mutant, "not covered")
        soon = min([until, *(judged.ends for judged in running.values())]) - time.monotonic()
        ready = wait(list(running), max(soon, 0.0)) if running else []
        for sentinel, judged in list(running.items()):
            if sentinel in ready:
                judged.process.join()
            elif time.monotonic() < judged.ends:
                continue
            code = judged.process.exitcode
            end(judged.process)
            if code == pytest.ExitCode.USAGE_ERROR:
                sys.exit(f"pytest could not be run for {judged.mutant}")
            fate = "timed out" if code is None else "killed" if code else "survived"
            note(fates, judged.mutant, fate)
            (judged.copy / PLACE / judged.mutant.file).write_bytes(judged.source)
            copies.append(judged.copy)
            del running[sentinel]
    return fates


def begin(copy: Path, mutant: Mutant, tests: Tests, names: set[str], *, serial: int) -> Running:
    file = copy / PLACE / mutant.file
    source = file.read_bytes()
    file.write_bytes(mutant.apply(source))
    # Or what was compiled of the one before would do for it: same size, same second.
    os.utime(file, (serial, serial))
    process = start(copy, tests.files(names), Chosen(names))
    ends = time.monotonic() + 60 + 4 * sum(tests.seconds[name] for name in names)
    return Running(process, mutant, copy, source, ends)


def note(fates: dict[Mutant, str], mutant: Mutant, fate: str) -> None:
    """Say at once what no test noticed."""
    fates[mutant] = fate
    if fate != "killed":
        print(f"{fate}: {mutant}")


def report(fates: dict[Mutant, str], total: int) -> None:
    """The table."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, fate in fates.items():
        counts[mutant.file][fate] += 1
        counts["in all"][fate] += 1
    width = max(map(len, counts), default=0)
    print(f"\n{'':{width}}" + "".join(f"  {fate:>11}" for fate in (*FATES, "noticed")))
    for file in sorted(counts, key=lambda name: (name == "in all", name)):
        count = counts[file]
        noticed = (count["killed"] + count["timed out"]) / sum(count.values())
        numbers = "".join(f"  {count[fate]:>11}" for fate in FATES)
        print(f"{file:{width}}{numbers}  {noticed:>11.0%}")
    print(f"\n{len(fates)} of {total} mutants.")


def main() -> int:
    """Break the tree, and report. Survivors decide nothing: 0 unless it can't run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--tree", type=Path, default=root, help="another checkout")
    parser.add_argument("--minutes", type=float, default=10, help="for all of it")
    parser.add_argument("--mutants", type=int, help="how many of them")
    parser.add_argument(
        "--most", type=int, default=10**6, help="how many tests for a mutant: drawn"
    )
    parser.add_argument("--seed", type=int, default=1, help="which come first")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--files", nargs="+", default=MUTATED, help="patterns of those to break")
    parser.add_argument(
        "--tests", nargs="+", default=["tests/unit/**/test_*.py", "tests/contract/test_*.py"]
    )
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    options.begun = time.monotonic()
    sample = [
        mutant
        for file in sorted((options.tree / "plugins").rglob("*.py"))
        if any(fnmatch.fnmatch(str(file.relative_to(options.tree)), it) for it in options.files)
        for mutant in mutants(str(file.relative_to(options.tree)), file.read_bytes())
    ]
    total = len(sample)
    random.Random(options.seed).shuffle(sample)
    preload()
    # Also when somebody has enough of it, nothing goes on.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    with tempfile.TemporaryDirectory() as folder:
        base = copy_tree(options.tree, Path(folder, "copy"))
        try:
            tests = look(base, options.tests, options.processes)
            report(judge(base, sample[: options.mutants], tests, options), total)
        finally:
            for process in FORK.active_children():
                end(process)
    return 0


if __name__ == "__main__":
    sys.exit(main())
