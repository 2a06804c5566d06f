# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the reports of many portals, worst first, and write them as metrics.

The role backup_rotation makes one report per host. Its text may come from a server, so every value
is checked. This file is private to the collection.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from ..module_utils._backup.local_files import UnsafeFile, error_text, open_regular, read_at_most
from ..module_utils._portal.values import clean, is_int, parse_time

OLD_REPORT = timedelta(hours=26)
CLOCK_SKEW = timedelta(minutes=5)
MAX_BYTES = 64 * 1024 * 1024  # 1,000 portals with some hundred backups each have less
_CODE = re.compile("[a-z][a-z0-9_]{0,39}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A gauge whose value isn't known is left out.
METRICS = {
    "up": "1 if the portal's backup history could be read, else 0.",
    "checked_timestamp_seconds": "When the portal was checked.",
    "newest_timestamp_seconds": "When the newest non-expiring backup on the portal was created.",
    "offsite_newest_timestamp_seconds": "When the newest off-site copy was created.",
    "copies": "Number of backups in the portal's history.",
    "scheduled": "1 if the portal has an automatic backup schedule, else 0.",
    "problem": "Number of problems with this failure code.",
}


class Problem(NamedTuple):
    """A problem of a portal."""

    step: str  # lower case letters, digits, underscores; so is code
    code: str
    title: str
    msg: str


class BackupEntry(NamedTuple):
    """A backup on the portal, or an off-site copy."""

    created_on: datetime
    where: str  # portal or offsite
    lasting: bool  # doesn't expire


class Portal(NamedTuple):
    """The report of one portal. None stands for a value that isn't known."""

    host: str
    url: str
    checked_on: datetime | None
    newest: datetime | None  # of the non-expiring backups
    offsite: datetime | None
    assumed: bool  # a dry run: newest is the backup that would be created
    backups: int | None
    made: bool | None
    removed: int | None
    offsite_removed: int | None
    schedule: dict[str, Any] | None
    schedule_known: bool
    copies: list[BackupEntry]
    problems: list[Problem]

    @property
    def up(self) -> bool:
        """Whether its history could be read."""
        return self.backups is not None

    @property
    def state(self) -> str:
        """`well`; `ill` with problems; `down` if its history couldn't be read."""
        return ("ill" if self.problems else "well") if self.up else "down"


class Fleet(NamedTuple):
    """All portals, worst first."""

    moment: datetime  # when the newest report was made
    portals: list[Portal]
    reports: list[dict[str, Any]]  # as given, in the same order, in types that JSON has


def read_reports(reports: Sequence[object], now: datetime) -> Fleet:
    """Parse reports. now: used if no report has a valid time."""
    given = [_report(report, number) for number, report in enumerate(reports, 1)]
    times = [_time(report.get("checked_on")) for report in given]
    moment = max((time for time in times if time and time <= now + CLOCK_SKEW), default=now)
    # Two series with the same labels would make Prometheus refuse the file.
    by_host = {}
    for report in given:
        portal = _portal(report, moment)
        by_host[portal.host] = (portal, report)
    ordered = sorted(by_host.values(), key=lambda pair: _rank(pair[0], moment))
    return Fleet(moment, [pair[0] for pair in ordered], [pair[1] for pair in ordered])


def read_previous(path: str, hosts: Collection[str]) -> list[dict[str, Any]]:
    """Read the reports of these hosts from the fleet.json of an earlier run, if there is one."""
    try:
        descriptor = open_regular(path)
        try:
            content = read_at_most(descriptor, MAX_BYTES)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return []
    except (OSError, UnsafeFile) as error:
        raise _unreadable(path, error_text(error)) from error
    if content is None:
        raise _unreadable(path, f"it has more than {MAX_BYTES} bytes")
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, "it isn't JSON") from error
    portals = found.get("portals") if isinstance(found, dict) else None
    if not isinstance(portals, list) or found.get("format") != 1:
        raise _unreadable(path, "it isn't a report of this playbook")
    names = set(hosts)
    reports = [one for one in portals if isinstance(one, dict)]
    return [one for one in reports if isinstance(one.get("host"), str) and one["host"] in names]


def report_of_failure(host: str, address: str, failure: Mapping[str, Any] | None) -> dict[str, Any]:
    """Compose the report of a host whose rotation has failed.

    failure: the result of the task that failed; None if no task could run on the host.
    """
    result = failure or {"msg": "The variables of this host can't be read. See the errors above."}
    if isinstance(result.get("report"), Mapping):
        return dict(result["report"])
    steps, known = result.get("steps"), result.get("failure")
    nothing_sent = not failure or (not steps and "timedout" not in failure)
    if isinstance(known, Mapping):
        code, title = known.get("code"), known.get("title")
    elif nothing_sent:
        code, title = "config", "wrong options"
    else:
        code, title = "interrupted", "interrupted"
    messages = result.get("argument_errors") or [result.get("msg") or "It failed."]
    step = steps[-1].get("step") if isinstance(steps, list) and steps else "config"
    problem = {"step": step, "code": code, "title": title, "msg": " ".join(map(str, messages))}
    return {
        "host": host,
        "portal": address,
        "checked_on": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
        **dict.fromkeys(("newest", "newest_offsite", "count"), None),
        "made": False if nothing_sent else None,
        "removed": 0 if nothing_sent else None,
        "offsite_removed": 0 if nothing_sent else None,
        "schedule": None,
        "copies": [],
        "problems": [problem],
    }


def text(value: object, longest: int = 200) -> str:
    """Format a value as one line, shortened with dots; blank if it is neither text nor a number."""
    if not isinstance(value, (str, int)):
        return ""
    line = clean(" ".join(str(value).split()))
    return line if len(line) <= longest else f"{line[: longest - 3].rstrip()}..."


def shorten(line: str, longest: int) -> str:
    """Cut the middle out of a long line: Ansible names the cause of an error at its end."""
    head = longest // 3
    if len(line) <= longest:
        return line
    return f"{line[:head].rstrip()} ... {line[len(line) - (longest - head - 5) :].lstrip()}"


def metrics(fleet: Fleet) -> Iterator[str]:
    """Write the lines of the metrics in the text format of Prometheus."""
    for name, meaning in METRICS.items():
        yield f"# HELP docspace_backup_{name} {meaning}"
        yield f"# TYPE docspace_backup_{name} gauge"
        for portal in fleet.portals:
            for labels, value in _samples(portal, name):
                pairs = ",".join(f'{label}="{_label(text)}"' for label, text in labels.items())
                yield f"docspace_backup_{name}{{{pairs}}} {value}"


def _samples(portal: Portal, name: str) -> Iterator[tuple[dict[str, str], int]]:
    labels = {"portal": portal.host}
    if name == "problem":
        codes = Counter(problem.code for problem in portal.problems)
        yield from (({**labels, "code": code}, codes[code]) for code in sorted(codes))
        return
    values = {
        "up": int(portal.up),
        "checked_timestamp_seconds": _seconds(portal.checked_on),
        "newest_timestamp_seconds": _seconds(portal.newest),
        "offsite_newest_timestamp_seconds": _seconds(portal.offsite),
        "copies": portal.backups,
        "scheduled": int(portal.schedule is not None) if portal.schedule_known else None,
    }
    value = values[name]
    if value is not None:
        yield labels, value


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _label(content: str) -> str:
    return content.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _unreadable(path: str, why: str) -> ValueError:
    return ValueError(
        f"{path} can't be read ({why}), so the reports of other hosts in it would be lost. Nothing "
        "was written. Remove the file and run the playbook for all hosts"
    )


def _report(given: object, number: int) -> dict[str, Any]:
    name = f"(report {number})"
    if isinstance(given, Mapping):
        report: dict[str, Any] = _plain(given)
        return report if text(report.get("host")) else {**report, "host": name}
    problem = {
        "step": "read",
        "code": "protocol",
        "title": "report not readable",
        "msg": "The report is not a dictionary.",
    }
    return {"host": name, "problems": [problem]}


def _plain(value: object) -> Any:
    """Convert to types that JSON has, and replace unpaired surrogates."""
    if isinstance(value, Mapping):
        return {_SURROGATE.sub("\ufffd", str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _SURROGATE.sub("\ufffd", str(value))


def _portal(report: dict[str, Any], moment: datetime) -> Portal:
    checked_on = _time(report.get("checked_on"))
    problems = [_problem(item) for item in _items(report, "problems")]
    if checked_on and moment - checked_on > OLD_REPORT:
        msg = f"The last check was on {checked_on:%Y-%m-%d %H:%M} UTC. Find out why there was none since."
        problems.append(Problem("read", "old_report", "old report", msg))
    count, schedule = _number(report, "count"), report.get("schedule")
    copies = [copy for copy in map(_copy, _items(report, "copies")) if copy]
    # A backup that expires or is dated in the future doesn't count.
    limit = (checked_on or moment) + CLOCK_SKEW
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
    made = report.get("made")
    return Portal(
        host=text(report["host"], 300),
        url=text(report.get("portal")),
        checked_on=checked_on,
        newest=newest,
        offsite=offsite,
        assumed=_mapping(report.get("newest")).get("assumed") is True,
        backups=count,
        made=made if isinstance(made, bool) else None,
        removed=_number(report, "removed"),
        offsite_removed=_number(report, "offsite_removed"),
        schedule=schedule if isinstance(schedule, dict) else None,
        # Null means no schedule only if the portal was read.
        schedule_known=isinstance(schedule, dict)
        or (schedule is None and "schedule" in report and count is not None),
        copies=copies,
        problems=problems,
    )


def _named(report: dict[str, Any], key: str, place: str) -> list[BackupEntry]:
    """Return the backup that a report calls the newest, if it doesn't expire."""
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
    return Problem(step, code, title, shorten(text(given.get("msg") or item, 10**6), 1000))


def _copy(item: object) -> BackupEntry | None:
    given = _mapping(item)
    created_on = _time(given.get("created_on"))
    if created_on is None or given.get("where") not in ("portal", "offsite"):
        return None
    return BackupEntry(created_on, given["where"], given.get("lasting") is True)


def _rank(portal: Portal, moment: datetime) -> tuple[Any, ...]:
    """Sort key: with problems, not read, without a backup, with an old one."""
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
