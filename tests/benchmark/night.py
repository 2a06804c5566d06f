# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A night for 100 portals: nightly against a playbook of uri tasks (long)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .playbooks import progress
from .portals import FORKS, Portals, Took
from .report import Ratio, Report

HERE = Path(__file__).parent
LONG = True
OURS, THEIRS = "onlyoffice.docspace.nightly", "night_uri.yml"
HOUR, DAY = 3600, 86400
KEPT = 30  # days, in both playbooks
TASK_SECONDS = 5.0
# Portals, and how many copies on each are too old: one in a night like any other, more when nights
# were missed. The second is small, since it takes the uri tasks so long.
NIGHTS = ((100, 1), (10, 10))


def history(portal: int, old: int) -> list[Mapping[str, Any]]:
    """A copy a day; the newest is too old for this night, and so many are too old to stay."""
    return [
        {
            "id": str(uuid.UUID(int=portal * 1000 + day)),
            "storage_type": "Local",
            "age_seconds": day * DAY + 3 * HOUR,
        }
        for day in range(1, KEPT + old)
    ]


def seed(portals: Portals, old: int) -> None:
    """The evening before."""
    for number, (url, _key) in enumerate(portals.portals, start=1):
        portals.order("POST", "reset", {"seed": history(number, old)}, url=url)


def check(portals: Portals, who: str) -> None:
    """Each portal has a new copy, and of the others those that are young enough."""
    for number, (url, _key) in enumerate(portals.portals, start=1):
        rows = portals.order("GET", "state", url=url)["backups"]
        left = {row["id"] for row in rows if not row["removed"]}
        stay = {row["id"] for row in history(number, 0)}
        new = left - stay
        if not stay <= left or len(new) != 1 or uuid.UUID(*new).int < 10**9:
            raise RuntimeError(f"{who}: portal {number} has {sorted(left)}")


def lines(path: Path) -> int:
    """Lines of YAML that say something: no comment, no empty one, no `---`."""
    texts = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return len([text for text in texts if text not in ("", "---") and text[0] != "#"])


def main() -> None:
    """About nine minutes on two processors that had other work too."""
    ways = {
        OURS: (OURS, "--extra-vars", f"@{HERE / 'night_ours.yml'}"),
        THEIRS: (str(HERE / THEIRS),),
    }
    rows, ratios = [], []
    for count, old in NIGHTS:
        took = {}
        with Portals(count, TASK_SECONDS) as portals:
            for name, (playbook, *options) in ways.items():
                progress(f"{count} portals, {old} to remove: {name}")
                seed(portals, old)
                took[name] = portals.play(playbook, *options)
                check(portals, name)
        progress("")
        what = f"{count} portals, {old} to remove on each"
        names = {OURS: "nightly", THEIRS: "uri tasks"}
        rows += [row(f"{what}: {names[name]}", count, took[name]) for name in ways]
        for label, figure, goal in (
            (f"{what}: nightly / uri", "wall", 0.5),
            ("  the same in processor time", "cpu", None),
            ("  the same in requests", "requests", None),
        ):
            value = getattr(took[OURS], figure) / getattr(took[THEIRS], figure)
            ratios.append(Ratio(label, value, goal))
    ours, theirs = lines(HERE / "night_ours.yml"), lines(HERE / THEIRS)
    ratios.append(Ratio(f"lines of YAML that one writes: {ours} / {theirs}", ours / theirs))
    head = ["a night", "s", "s of processor", "of the simulator", "requests each", "MiB"]
    notes = [
        f"{FORKS} forks, one run each, with Ansible's defaults. A backup takes {TASK_SECONDS:g} s, and "
        "both look every 2 s.\nBoth left the same copies on each portal, and a new one. MiB: of "
        "ansible-playbook's largest process."
    ]
    print(Report(head, rows, ratios, notes).text())


def row(what: str, count: int, took: Took) -> list[str]:
    """The cells of a table."""
    times = [f"{seconds:.1f}" for seconds in (took.wall, took.cpu, took.server)]
    return [what, *times, f"{took.requests / count:.1f}", f"{took.memory:.0f}"]
