# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of tasks/publish_report.yml.

All that is written leaves here as text, since ansible-core before 2.19 renders other values anew in
each template.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    format_age,
    format_time,
    is_int,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._report import (
    BackupEntry,
    Fleet,
    Portal,
    metrics,
    read_previous,
    read_reports,
    report_of_failure,
    shorten,
    text,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import (
    untrusted_filters,
)

TITLE = "Backups of all portals"
DAYS, SPANS = 60, 4  # the calendar strip, and its parts
TITLE_TIMES = 8
# The columns of the table with their maximum widths.
COLUMNS = {
    "PORTAL": 32,
    "NEWEST": 13,
    "OFF SITE": 13,
    "COUNT": 9,
    "CREATED": 7,
    "REMOVED": 20,
    "SCHEDULE": 20,
    "PROBLEM": 70,
}
DETAILS = 40  # lines with messages below the table
_ENDS: dict[object, str] = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
PLACES = {"portal": "on the portal", "offsite": "off site"}


def collect(hostvars: Mapping[str, Any], hosts: Collection[str]) -> list[Any]:
    """Collect the reports of these hosts from their facts; each host has one."""
    return [_collect(hostvars, str(host)) for host in hosts]


def _collect(hostvars: Mapping[str, Any], host: str) -> Any:
    facts: dict[str, Any] = {}
    names = ("backup_rotation_report", "docspace_failure", "_backup_rotation_address")
    try:
        own = hostvars[host]
        facts = {name: own[name] for name in names if name in own}
    except Exception:  # noqa: S110  # whatever Ansible raises: each release has errors of its own
        pass
    report, failure, address = map(facts.get, names)
    return report or report_of_failure(host, address or "", failure)


def publish(
    reports: Sequence[object],
    dry_run: object = False,
    previous: str = "",
    others: Collection[str] = (),
) -> dict[str, Any]:
    """Write the reports as table, page, JSON and metrics. An error of the input is in ``error``.

    previous: the path of the fleet.json of an earlier run. Its reports of the hosts in others are
    kept, but aren't in the table.
    """
    now = datetime.now(timezone.utc).replace(microsecond=0)
    fleet = everything = read_reports(reports, now)
    error = ""
    if previous:
        try:
            everything = read_reports([*read_previous(previous, others), *fleet.reports], now)
        except ValueError as problem:
            error = str(problem)
    return {
        "error": error,
        "lines": _lines(fleet, bool(dry_run)),
        "page": _page(everything),
        "json": _json(everything),
        "metrics": "\n".join(metrics(everything)),
        "stats": _stats(fleet),
        "problems": {
            portal.host: "; ".join(_titles(portal))
            for portal in fleet.portals
            if portal.state != "well"
        },
    }


def _json(fleet: Fleet) -> str:
    content = {"format": 1, "checked_on": format_time(fleet.moment), "portals": fleet.reports}
    return json.dumps(content, indent=1)


def _stats(fleet: Fleet) -> dict[str, Any]:
    """Sums for AWX, which passes them on as variables; so without braces of a template."""
    states = Counter(portal.state for portal in fleet.portals)
    return {
        "checked_on": format_time(fleet.moment),
        "portals": len(fleet.portals),
        **{state: states[state] for state in ("well", "ill", "down")},
        "made": sum(portal.made is True for portal in fleet.portals),
        "removed": sum(portal.removed or 0 for portal in fleet.portals),
        "offsite_removed": sum(portal.offsite_removed or 0 for portal in fleet.portals),
        "problems": {
            _harmless(portal.host): [
                _harmless(f"{problem.step}: {problem.title}") for problem in portal.problems
            ]
            for portal in fleet.portals
            if portal.problems
        },
    }


def _harmless(given: str) -> str:
    return given.translate({ord("{"): "(", ord("}"): ")"})


def _lines(fleet: Fleet, dry_run: bool) -> list[str]:
    rows = [[*COLUMNS], *(_cells(portal, fleet.moment) for portal in fleet.portals)]
    rows = [[_ascii(cell, most) for cell, most in zip(row, COLUMNS.values())] for row in rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    details = [
        _ascii(shorten(f"{portal.host}: {problem.step}: {problem.title}: {problem.msg}", 200), 200)
        for portal in fleet.portals
        for problem in portal.problems
        if problem.msg
    ]
    more = len(details) - DETAILS
    if more > 0:
        details[DETAILS:] = [f"and {more} more"]
    end = " This was a dry run: nothing was changed." if dry_run else ""
    table = ["", *table] if fleet.portals else []
    return [_headline(fleet) + end, *table, *([""] if details else []), *details]


def _headline(fleet: Fleet) -> str:
    number = len(fleet.portals)
    problems = sum(portal.state != "well" for portal in fleet.portals)
    portals = "No portals" if not number else f"{number} portal{'s' * (number != 1)}"
    return f"{portals}, {problems or 'none'} with problems, as of {_minute(fleet.moment)}."


def _cells(portal: Portal, moment: datetime) -> list[str]:
    newest, offsite = (_age(then, moment) for then in (portal.newest, portal.offsite))
    off = "" if portal.offsite_removed == 0 else f", {_number(portal.offsite_removed)} off site"
    return [
        portal.host,
        "assumed" if portal.assumed else newest or ("none" if portal.up else "?"),
        offsite or "none",
        _number(portal.backups),
        "?" if portal.made is None else "yes" if portal.made else "no",
        "?"
        if portal.removed is portal.offsite_removed is None
        else f"{_number(portal.removed)}{off}",
        _schedule(portal, brief=True),
        "; ".join(_titles(portal)),
    ]


def _titles(portal: Portal) -> list[str]:
    titles = [f"{one.title} ({one.step})" for one in portal.problems]
    return titles or ([] if portal.up else ["not read"])


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)


def _age(then: datetime | None, moment: datetime) -> str:
    return "" if then is None else format_age(max(0, int((moment - then).total_seconds())))


def _schedule(portal: Portal, *, brief: bool = False) -> str:
    """Format the schedule: `every day at 03:00`, in brief `daily 03:00`."""
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
    """Replace what a terminal may not show or Ansible's output escapes, to keep columns aligned."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", given) if not unicodedata.combining(c))
    plain = plain.translate({ord('"'): "'", ord("\\"): "/"})
    return text(plain.encode("ascii", "replace").decode(), longest)


def _page(fleet: Fleet) -> str:
    templates = FileSystemLoader(Path(__file__).resolve().parent.parent / "templates")
    environment = Environment(
        loader=templates,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    first = fleet.moment.date() - timedelta(days=DAYS - 1)
    start = datetime.combine(first, time(), timezone.utc)
    length = DAYS // SPANS
    return environment.get_template("fleet.html.j2").render(
        title=TITLE,
        headline=_headline(fleet),
        states=Counter(portal.state for portal in fleet.portals),
        portals=[
            {
                "number": number,
                "portal": portal,
                "cells": dict(zip(COLUMNS, _cells(portal, fleet.moment))),
                "newest": _when(portal.newest, fleet.moment),
                "offsite": _when(portal.offsite, fleet.moment),
                "schedule": _schedule(portal),
                "checked": "" if portal.checked_on is None else _minute(portal.checked_on),
                "spans": spans,
                "marks": any(marks for span in spans for marks in span.values()),
            }
            for number, portal in enumerate(fleet.portals, 1)
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
    """Lay out the calendar strip: for each part and place, a mark for each day with backups."""
    days: dict[tuple[int, str], list[BackupEntry]] = {}
    for copy in portal.copies:
        days.setdefault(((copy.created_on - start).days, copy.where), []).append(copy)
    spans: list[dict[str, list[dict[str, Any]]]] = [
        {place: [] for place in PLACES} for _span in range(SPANS)
    ]
    for day, place in sorted(key for key in days if 0 <= key[0] < DAYS):
        span, column = divmod(day, DAYS // SPANS)
        spans[span][place].append(_mark(days[day, place], column + 1))
    return spans


def _mark(copies: list[BackupEntry], column: int) -> dict[str, Any]:
    kinds = {copy.lasting for copy in copies}
    times = [
        f"{copy.created_on:%H:%M} {'non-expiring' if copy.lasting else 'expires'}"
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
        return untrusted_filters({"docspace_collect": collect, "docspace_report": publish})
