# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks/fleet_publish.yml needs: the reports of many portals as table, page, JSON and metrics.

It stands beside the playbooks, because it serves nothing else. All that is written leaves here as
text: ansible-core before 2.19 reads other values anew in each template.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    format_age,
    format_time,
    is_int,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._fleet import (
    Copy,
    Fleet,
    Portal,
    read_fleet,
    text,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._fleet_metrics import (
    metrics,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import (
    untrusted_filters,
)

DAYS, SPANS = 60, 4  # the strip, and the parts in which it may be broken into lines
TITLE_TIMES = 8
# Columns of the table with the most letters they may take.
COLUMNS = {
    "PORTAL": 32,
    "NEWEST": 13,
    "OFF SITE": 13,
    "COUNT": 9,
    "REMOVED": 20,
    "SCHEDULE": 20,
    "PROBLEM": 70,
}
DETAILS = 40  # lines below the table that say more of the problems
_ENDS: dict[object, str] = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
PLACES = {"portal": "on the portal", "offsite": "off site"}


def fleet(
    reports: object, title: object = "Backups of all portals", dry_run: object = False
) -> dict[str, Any]:
    """Everything at once, as text. What is wrong with the input comes as ``error``."""
    try:
        read = read_fleet(reports, datetime.now(timezone.utc).replace(microsecond=0))
    except ValueError as error:
        return {"error": str(error)}
    return {
        "error": "",
        "lines": _lines(read, bool(dry_run)),
        "page": _page(read, text(title)),
        "json": _json(read),
        "metrics": "\n".join(metrics(read)),
        "stats": _stats(read),
    }


def _json(read: Fleet) -> str:
    content = {"format": 1, "checked_on": format_time(read.moment), "portals": read.reports}
    return json.dumps(content, indent=1)


def _stats(read: Fleet) -> dict[str, Any]:
    """Few and harmless: AWX hands them on as variables, where a template would be run."""
    states = Counter(portal.state for portal in read.portals)
    return {
        "checked_on": format_time(read.moment),
        "portals": len(read.portals),
        **{state: states[state] for state in ("well", "ill", "down")},
        "made": sum(portal.made for portal in read.portals),
        "removed": sum(portal.removed for portal in read.portals),
        "offsite_removed": sum(portal.offsite_removed for portal in read.portals),
        "problems": {
            _harmless(portal.host): [
                _harmless(f"{problem.step}: {problem.title}") for problem in portal.problems
            ]
            for portal in read.portals
            if portal.problems
        },
    }


def _harmless(given: str) -> str:
    return given.translate({ord("{"): "(", ord("}"): ")"})


def _lines(read: Fleet, dry_run: bool) -> list[str]:
    rows = [[*COLUMNS], *(_cells(portal, read.moment) for portal in read.portals)]
    rows = [[_ascii(cell, most) for cell, most in zip(row, COLUMNS.values())] for row in rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    details = [
        _ascii(f"{portal.host}: {problem.step}: {problem.title}: {problem.msg}", 200)
        for portal in read.portals
        for problem in portal.problems
        if problem.msg
    ]
    more = len(details) - DETAILS
    if more > 0:
        details[DETAILS:] = [f"and {more} more"]
    end = " This was a dry run: nothing was changed." if dry_run else ""
    table = ["", *table] if read.portals else []
    return [_headline(read) + end, *table, *([""] if details else []), *details]


def _headline(read: Fleet) -> str:
    number = len(read.portals)
    ill = sum(portal.state != "well" for portal in read.portals)
    portals = "No portals" if not number else f"{number} portal{'s' * (number != 1)}"
    return f"{portals}, {ill or 'none'} with problems, as of {_minute(read.moment)}."


def _cells(portal: Portal, moment: datetime) -> list[str]:
    first, *others = [f"{one.title} ({one.step})" for one in portal.problems] or [
        "" if portal.up else "not read"
    ]
    newest, offsite = (_age(then, moment) for then in (portal.newest, portal.offsite))
    off = f", {portal.offsite_removed} off site" if portal.offsite_removed else ""
    return [
        portal.host,
        newest or ("none" if portal.up else "?"),
        offsite or "none",
        "?" if portal.backups is None else str(portal.backups),
        f"{portal.removed}{off}",
        _schedule(portal, brief=True),
        "; ".join([first, *others]),
    ]


def _age(then: datetime | None, moment: datetime) -> str:
    return "" if then is None else format_age(int((moment - then).total_seconds()))


def _schedule(portal: Portal, *, brief: bool = False) -> str:
    """The automatic backup in words: `every day at 03:00`, in brief `daily 03:00`."""
    schedule = portal.schedule
    if schedule is None:
        return ("none" if portal.schedule_known else "?") if brief else ""
    hour, day = schedule.get("hour"), schedule.get("monthday")
    time = f"{hour:02}:00" if is_int(hour) and hour in range(24) else "?"
    day = day if is_int(day) and day in range(1, 32) else "?"
    weekday, period = text(schedule.get("weekday"), 20), text(schedule.get("period"), 20)
    if brief:
        which = {"weekly": weekday[:3], "monthly": f"day {day}"}.get(period, "")
        return " ".join(filter(None, [period, which, time]))
    if period == "weekly":
        return f"every {weekday.capitalize()} at {time}"
    if period == "monthly":
        return f"every month on the {day}{_ENDS.get(day, 'th')} at {time}"
    return f"every day at {time}" if period == "daily" else f"{period} at {time}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ascii(given: str, longest: int) -> str:
    """What any terminal shows, and Ansible's output doesn't escape, so that columns stay even."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", given) if not unicodedata.combining(c))
    plain = plain.translate({ord('"'): "'", ord("\\"): "/"})
    return text(plain.encode("ascii", "replace").decode(), longest)


def _page(read: Fleet, title: str) -> str:
    templates = FileSystemLoader(Path(__file__).resolve().parent.parent / "templates")
    environment = Environment(
        loader=templates,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    first = read.moment.date() - timedelta(days=DAYS - 1)
    start = datetime.combine(first, time(), timezone.utc)
    length = DAYS // SPANS
    return environment.get_template("fleet.html.j2").render(
        title=title,
        headline=_headline(read),
        states=Counter(portal.state for portal in read.portals),
        portals=[
            {
                "number": number,
                "portal": portal,
                "cells": dict(zip(COLUMNS, _cells(portal, read.moment))),
                "newest": _when(portal.newest, read.moment),
                "offsite": _when(portal.offsite, read.moment),
                "schedule": _schedule(portal),
                "checked": "" if portal.checked_on is None else _minute(portal.checked_on),
                "spans": spans,
                "marks": any(marks for span in spans for marks in span.values()),
            }
            for number, portal in enumerate(read.portals, 1)
            for spans in [_spans(portal, start)]
        ],
        dates=[
            f"{_day(first + timedelta(days=at))} to {_day(first + timedelta(days=at + length - 1))}"
            for at in range(0, DAYS, length)
        ],
        days=DAYS,
        length=length,
    )


def _day(day: Any) -> str:
    return f"{day:%Y-%m-%d}"


def _when(then: datetime | None, moment: datetime) -> dict[str, str] | None:
    return None if then is None else {"age": _age(then, moment), "on": _minute(then)}


def _spans(portal: Portal, start: datetime) -> list[dict[str, list[dict[str, Any]]]]:
    """The strip: for each part, for each place, a mark for each day that has copies."""
    days: dict[tuple[int, str], list[Copy]] = {}
    for copy in portal.copies:
        days.setdefault(((copy.created_on - start).days, copy.where), []).append(copy)
    spans: list[dict[str, list[dict[str, Any]]]] = [
        {place: [] for place in PLACES} for _span in range(SPANS)
    ]
    for day, place in sorted(key for key in days if 0 <= key[0] < DAYS):
        span, column = divmod(day, DAYS // SPANS)
        spans[span][place].append(_mark(days[day, place], column + 1))
    return spans


def _mark(copies: list[Copy], column: int) -> dict[str, Any]:
    kinds = {copy.lasting for copy in copies}
    times = [
        f"{copy.created_on:%H:%M} {'lasting' if copy.lasting else 'temporary'}"
        for copy in sorted(copies)[:TITLE_TIMES]
    ]
    if len(copies) > TITLE_TIMES:
        times.append(f"and {len(copies) - TITLE_TIMES} more")
    return {
        "column": column,
        "kind": "both" if len(kinds) == 2 else "lasting" if True in kinds else "temporary",
        "number": len(copies),
        "says": f"{copies[0].created_on:%Y-%m-%d} {PLACES[copies[0].where]}: {', '.join(times)}",
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return untrusted_filters({"docspace_fleet": fleet})
