# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's fleet: six portals, of which two are ill, and a night of all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.simulator.__main__ import arguments, open_all
from tests.simulator.fleet import inventory

SIZE = 6
ILL = "refused,stale"
FLEET = """
A night of six portals. Two of them are ill, and the report has to say so.
"""


@contextlib.contextmanager
def six_portals(folder: Path) -> Iterator[tuple[Path, set[str]]]:
    """An inventory of the portals while they serve, and the names of those that are ill."""
    options = arguments().parse_args(
        ["--portals", str(SIZE), "--ill", ILL, "--task-seconds", "0.5"]
    )
    with contextlib.ExitStack() as stack:
        members = open_all(options, stack)
        path = folder / "inventory.yml"
        path.write_text(inventory(members), encoding="utf-8")
        yield path, {member.name for member in members if member.ill}


def night(folder: Path, run: Callable[[Path], int]) -> str:
    """Run the playbook on them. What is wrong with what came of it, or nothing."""
    with six_portals(folder) as (listed, ill):
        code = run(listed)
    report = folder / "fleet.json"
    if not report.exists():
        return "there is no report"
    portals = json.loads(report.read_text(encoding="utf-8"))["portals"]
    found = {one["host"] for one in portals if one["problems"]}
    if (code, len(portals), found) != (2, SIZE, ill):
        return f"expected problems at {sorted(ill)} and at no other, but the report has {found}"
    return ""
