# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fleet_report with 100 and 1,000 portals: time per portal, and memory (long)."""

from __future__ import annotations

from ..simulator.fleet import history
from .playbooks import progress
from .portals import FORKS, Portals
from .report import table

LONG = True
SIZES = (100, 1000)
HEAD = ["fleet_report", "s", "ms a portal", "ms of processor", "requests each", "MiB"]


def main() -> None:
    """A second or two per portal on two processors."""
    rows = []
    for size in SIZES:
        with Portals(size) as portals:
            progress(f"{size} portals")
            for number, (url, _key) in enumerate(portals.portals, start=1):
                seed = history(f"portal{number:04d}.example.test")
                portals.order("POST", "reset", {"seed": seed}, url=url)
            took = portals.play("onlyoffice.docspace.fleet_report")
        each = [f"{seconds / size * 1000:.0f}" for seconds in (took.wall, took.cpu)]
        ends = [f"{took.requests / size:g}", f"{took.memory:.0f}"]
        rows.append([f"{size:,} portals", f"{took.wall:.1f}", *each, *ends])
    progress("")
    print(table(HEAD, rows))
    print(
        f"\n{FORKS} forks, one run each. Histories of 5 to 60 days. MiB: of ansible-playbook's "
        "largest process."
    )
