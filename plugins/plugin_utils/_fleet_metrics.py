# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports of many portals as metrics, in the text format of Prometheus. No I/O.

This file is private to the collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from ._fleet import Fleet, Portal

# Name, and what it tells. A gauge whose value isn't known is left out.
METRICS = {
    "up": "1 if the portal's backup history could be read, else 0.",
    "newest_timestamp_seconds": "When the newest non-expiring backup on the portal was created.",
    "offsite_newest_timestamp_seconds": "When the newest off-site copy was created.",
    "copies": "Number of backups in the portal's history.",
    "scheduled": "1 if the portal has an automatic backup schedule, else 0.",
    "problem": "Number of problems with this failure code.",
}


def metrics(read: Fleet) -> Iterator[str]:
    """The lines, without their ends."""
    for name, meaning in METRICS.items():
        yield f"# HELP docspace_backup_{name} {meaning}"
        yield f"# TYPE docspace_backup_{name} gauge"
        for portal in read.portals:
            for labels, value in _samples(portal, name):
                pairs = ",".join(
                    f'{label}="{_label(content)}"' for label, content in labels.items()
                )
                yield f"docspace_backup_{name}{{{pairs}}} {value}"
    name = "docspace_backup_report_timestamp_seconds"
    yield f"# HELP {name} When the newest of the reports was made."
    yield f"# TYPE {name} gauge"
    yield f"{name} {int(read.moment.timestamp())}"


def _samples(portal: Portal, name: str) -> Iterator[tuple[dict[str, str], int]]:
    labels = {"portal": portal.host}
    if name == "problem":
        codes = Counter(problem.code for problem in portal.problems)
        yield from (({**labels, "code": code}, codes[code]) for code in sorted(codes))
        return
    known = {
        "up": int(portal.up),
        "newest_timestamp_seconds": _seconds(portal.newest),
        "offsite_newest_timestamp_seconds": _seconds(portal.offsite),
        "copies": portal.backups,
        "scheduled": int(portal.schedule is not None) if portal.schedule_known else None,
    }
    value = known[name]
    if value is not None:
        yield labels, value


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _label(content: str) -> str:
    return content.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
