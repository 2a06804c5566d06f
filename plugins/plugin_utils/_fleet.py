# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the reports of many portals say, in one form, the worst portal first. No I/O.

A report is what the role backup_rotation leaves behind. A server may have had a hand in all of its
text, so nothing in it is taken for granted. This file is private to the collection.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from ..module_utils._portal.values import clean, is_int, parse_time

OLD_REPORT = timedelta(hours=26)
CLOCKS = timedelta(minutes=5)  # how far the clocks of two machines may be apart
_CODE = re.compile("[a-z][a-z0-9_]{0,39}")
_HALF = re.compile("[\ud800-\udfff]")


class Problem(NamedTuple):
    """What is wrong. step, code: of a few known letters. title: a few words. msg: sentences."""

    step: str
    code: str
    title: str
    msg: str


class Copy(NamedTuple):
    """One copy. where: `portal` or `offsite`. lasting: it doesn't expire by itself."""

    created_on: datetime
    where: str
    lasting: bool


class Portal(NamedTuple):
    """One portal's report. None stands for what isn't there or isn't known.

    newest, offsite: of the copies that last.
    """

    host: str
    url: str
    checked_on: datetime | None
    newest: datetime | None
    offsite: datetime | None
    backups: int | None
    made: bool
    removed: int
    offsite_removed: int
    schedule: dict[str, Any] | None
    schedule_known: bool
    copies: list[Copy]
    problems: list[Problem]

    @property
    def up(self) -> bool:
        """Whether its history could be read."""
        return self.backups is not None

    @property
    def state(self) -> str:
        """`well`, `ill`, or when its history could not be read `down`."""
        return ("ill" if self.problems else "well") if self.up else "down"


class Fleet(NamedTuple):
    """All portals, the worst first, as of the newest of their reports.

    reports: the same in the same order, as they were given, in types that JSON has.
    """

    moment: datetime
    portals: list[Portal]
    reports: list[dict[str, Any]]


def read_fleet(reports: object, now: datetime) -> Fleet:
    """Read all reports. now: stands in where no report has a time that can be."""
    if not isinstance(reports, (list, tuple)):
        raise ValueError("publish_reports must be a list of reports")
    given = [_report(report, number) for number, report in enumerate(reports, 1)]
    times = [_time(report.get("checked_on")) for report in given]
    moment = max((time for time in times if time and time <= now + CLOCKS), default=now)
    epoch = datetime.fromtimestamp(0, timezone.utc)
    latest: dict[str, tuple[Portal, dict[str, Any]]] = {}
    for report in given:
        portal = _portal(report, moment)
        before = latest.get(portal.host)
        # The same portal in two parts of a night: what was seen last is true.
        if before is None or (before[0].checked_on or epoch) <= (portal.checked_on or epoch):
            latest[portal.host] = (portal, report)
    ordered = sorted(latest.values(), key=lambda pair: _rank(pair[0], moment))
    return Fleet(moment, [pair[0] for pair in ordered], [pair[1] for pair in ordered])


def text(value: object, longest: int = 200) -> str:
    """A text in one line, of which a long one ends in dots; blank for what is no text."""
    if not isinstance(value, (str, int)):
        return ""
    line = clean(" ".join(str(value).split()))
    return line if len(line) <= longest else f"{line[: longest - 3].rstrip()}..."


def _report(given: object, number: int) -> dict[str, Any]:
    name = f"(report {number})"
    if isinstance(given, Mapping):
        report: dict[str, Any] = _plain(given)
        return report if text(report.get("host")) else {**report, "host": name}
    title, msg = "report not readable", "What stands in this place is no dictionary."
    problem = {"step": "read", "code": "protocol", "title": title, "msg": msg}
    return {"host": name, "problems": [problem]}


def _plain(value: object) -> Any:
    """In types that JSON has, text without half characters."""
    if isinstance(value, Mapping):
        return {_HALF.sub("\ufffd", str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _HALF.sub("\ufffd", str(value))


def _portal(report: dict[str, Any], moment: datetime) -> Portal:
    checked_on = _time(report.get("checked_on"))
    problems = [_problem(item) for item in _items(report, "problems")]
    if checked_on and moment - checked_on > OLD_REPORT:
        msg = (
            f"Nobody has looked since {checked_on:%Y-%m-%d %H:%M} UTC: see why the job doesn't run."
        )
        problems.append(Problem("read", "old_report", "old report", msg))
    count, schedule = _number(report, "count"), report.get("schedule")
    copies = [copy for copy in map(_copy, _items(report, "copies")) if copy]
    # A copy that expires, or that is dated in the future, is nothing to rely on.
    limit = (checked_on or moment) + CLOCKS
    lasting = [copy for copy in copies if copy.lasting and copy.created_on <= limit]
    newest, offsite = (
        max(
            (
                copy.created_on
                for copy in [*lasting, *_named(report, key, place)]
                if copy.where == place and copy.created_on <= limit
            ),
            default=None,
        )
        for key, place in (("newest", "portal"), ("newest_offsite", "offsite"))
    )
    return Portal(
        host=text(report["host"], 300),
        url=text(report.get("portal")),
        checked_on=checked_on,
        newest=newest,
        offsite=offsite,
        backups=count,
        made=report.get("made") is True,
        removed=_number(report, "removed") or 0,
        offsite_removed=_number(report, "offsite_removed") or 0,
        schedule=schedule if isinstance(schedule, dict) else None,
        # A portal that was read, and has none.
        schedule_known=isinstance(schedule, dict)
        or (schedule is None and "schedule" in report and count is not None),
        copies=copies,
        problems=problems,
    )


def _named(report: dict[str, Any], key: str, place: str) -> list[Copy]:
    """The copy that a report calls the newest, if it lasts."""
    given = _mapping(report.get(key))
    copy = _copy({**given, "where": place, "lasting": not given.get("expires_on")})
    return [copy] if copy and copy.lasting else []


def _problem(item: object) -> Problem:
    given = _mapping(item)
    step, code = (
        value if isinstance(value, str) and _CODE.fullmatch(value) else "other"
        for value in (given.get("step"), given.get("code"))
    )
    title = text(given.get("title"), 60) or code.replace("_", " ")
    return Problem(step, code, title, text(given.get("msg") or item, 1000))


def _copy(item: object) -> Copy | None:
    given = _mapping(item)
    created_on = _time(given.get("created_on"))
    if created_on is None or given.get("where") not in ("portal", "offsite"):
        return None
    return Copy(created_on, given["where"], given.get("lasting") is True)


def _rank(portal: Portal, moment: datetime) -> tuple[Any, ...]:
    """The worst first: with problems, not read, without a copy, with an old one."""
    times = [time for time in (portal.newest, portal.offsite) if time]
    oldness = (moment - max(times)).total_seconds() if times else math.inf
    return (portal.state == "well", portal.up, -oldness, -len(portal.problems), portal.host)


def _items(report: dict[str, Any], key: str) -> list[Any]:
    value = report.get(key)
    return value if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(report: dict[str, Any], key: str) -> int | None:
    value = report.get(key)
    return int(value) if isinstance(value, int) and is_int(value) and value >= 0 else None


def _time(value: object) -> datetime | None:
    try:
        moment = parse_time(value)
    except ValueError:
        return None
    return moment if 1970 <= moment.year < 9999 else None
