# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time and memory of the retention engine: ``python -m tests.benchmark.retention``."""

from __future__ import annotations

import random
import time
import tracemalloc
import uuid
from datetime import datetime, timedelta, timezone

from plugins.module_utils._backup.retention import Candidate, Policy, evaluate

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 3
NOW = datetime(2026, 9, 1, tzinfo=timezone.utc)
# All twelve rules without a limit, so that none of them may stop early.
RULES: dict[str, object] = {
    **dict.fromkeys(("keep_last", "keep_hourly", "keep_daily"), -1),
    **dict.fromkeys(("keep_weekly", "keep_monthly", "keep_yearly"), -1),
    **dict.fromkeys(("keep_within", "keep_within_hourly", "keep_within_daily"), "9999y"),
    **dict.fromkeys(("keep_within_weekly", "keep_within_monthly", "keep_within_yearly"), "9999y"),
}
# The same with an edge to compare with, and a usual policy that removes most.
POLICIES: dict[str, dict[str, object]] = {
    "all, UTC": RULES,
    "all, Berlin": {**RULES, "timezone": "Europe/Berlin"},
    "100 years, Berlin": {
        **{name: "100y" if value == "9999y" else value for name, value in RULES.items()},
        "timezone": "Europe/Berlin",
    },
    "usual, UTC": {"keep_last": 3, "keep_daily": 7, "keep_weekly": 4, "keep_monthly": 12},
}


def history(size: int) -> list[Candidate]:
    """Invent copies over fifteen years, in no order."""
    dice = random.Random(size)
    years = timedelta(days=15 * 365).total_seconds()
    return [
        Candidate(
            str(uuid.UUID(int=dice.getrandbits(128))),
            NOW - timedelta(seconds=dice.random() * years),
            dice.choice(("local", "documents")),
        )
        for _number in range(size)
    ]


def seconds(copies: list[Candidate], policy: Policy) -> float:
    """Take the best of some rounds, in processor time: the engine waits for nothing."""
    best = float("inf")
    for _round in range(ROUNDS):
        start = time.process_time()
        evaluate(copies, policy, NOW)
        best = min(best, time.process_time() - start)
    return best


def mebibytes(copies: list[Candidate], policy: Policy) -> float:
    """Take the peak on top of the copies themselves; in a run of its own, as tracing is slow."""
    tracemalloc.start()
    evaluate(copies, policy, NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    print(f"{'policy':<18} {'copies':>8} {'seconds':>9} {'growth':>7} {'MiB':>7} {'growth':>7}")
    for name, options in POLICIES.items():
        policy = Policy(options)
        before = None
        for size in SIZES:
            copies = history(size)
            took, peak = seconds(copies, policy), mebibytes(copies, policy)
            growth = (
                (f"x{took / before[0]:.1f}", f"x{peak / before[1]:.1f}") if before else ("", "")
            )
            print(f"{name:<18} {size:>8} {took:>9.4f} {growth[0]:>7} {peak:>7.1f} {growth[1]:>7}")
            before = took, peak


if __name__ == "__main__":
    main()
