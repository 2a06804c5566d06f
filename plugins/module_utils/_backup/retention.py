# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide which backups a retention policy keeps, and why.

The rules R1 to R13 are described in the guide on pruning. This file is private to the collection.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from .._portal.values import normal_uuid

_Rule = tuple[str, Callable[[datetime], object], int, dict[str, int]]  # reason, bucket, limit, span
_BUCKETS: dict[str, Callable[[datetime], object]] = {
    "last": lambda _moment: object(),  # equal to nothing: each backup has its own
    "hourly": lambda moment: (moment.toordinal(), moment.hour),
    "daily": lambda moment: moment.toordinal(),
    "weekly": lambda moment: moment.isocalendar()[:2],
    "monthly": lambda moment: (moment.year, moment.month),
    "yearly": lambda moment: moment.year,
}
_COUNTS = {f"keep_{name}": name for name in _BUCKETS}
_WINDOWS = {"keep_within": "last", **{f"keep_within_{n}": n for n in _BUCKETS if n != "last"}}
OPTIONS = (*_COUNTS, *_WINDOWS, "timezone", "group_by", "protect_ids", "min_keep")
NOT_KEPT = "not kept by any rule"
_DURATION = r"[0-9]{1,15}|(?!.*([ymwdh]).*\1)([0-9]{1,15}[ymwdh])+"  # each unit once


class RetentionError(ValueError):
    """An option of a policy is invalid."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option


class Candidate(NamedTuple):
    """A backup to evaluate."""

    id: str  # as returned by normal_id
    created_on: datetime  # aware, after the year 1
    storage_type: str = ""
    expires: bool = False


class RetentionResult(NamedTuple):
    """What a policy decides."""

    keep: list[tuple[Candidate, list[str]]]  # with reasons, newest first
    remove: list[Candidate]  # in the order of deletion: oldest first


def normal_id(text: str) -> str:
    """Return a UUID in its normal form, any other ID as it is."""
    return normal_uuid(text) or text


class Policy:
    """The rules of a retention policy."""

    def __init__(self, options: Mapping[str, object]) -> None:
        """Read the options by their public names. None counts as not given."""
        self.rules: list[_Rule] = []
        for option, name in _COUNTS.items():
            count = _read(options, option, 0, "-1|[0-9]{1,15}", "a whole number, or -1 for all")
            self.rules.append((name, _BUCKETS[name], int(count), {}))
        for option, name in _WINDOWS.items():
            text = _read(options, option, 0, _DURATION, "a duration such as 7d or 1y6m, or seconds")
            span = {unit: int(number) for number, unit in re.findall("([0-9]+)([ymwdh]?)", text)}
            reason = f"within {text if option == 'keep_within' else name}"
            self.rules.append((reason, _BUCKETS[name], -1 if any(span.values()) else 0, span))
        self.zone = _zone(_read(options, "timezone", "UTC", ".*", "an IANA name"))
        by = _read(options, "group_by", "storage_type", "storage_type|none", "storage_type or none")
        self.by_storage = by == "storage_type"
        self.min_keep = int(_read(options, "min_keep", 1, "[0-9]{1,15}", "a whole number from 0"))
        ids = options.get("protect_ids") or []
        if not isinstance(ids, (list, tuple)) or not all(isinstance(one, str) for one in ids):
            raise RetentionError("protect_ids", "must be a list of IDs")
        self.protected = set(map(normal_id, ids))
        if not any(limit for _reason, _bucket, limit, _span in self.rules):  # R13
            raise RetentionError("policy", "keeps nothing; set a keep_* option above 0")


def evaluate(candidates: Iterable[Candidate], policy: Policy, now: datetime) -> RetentionResult:
    """Decide for each candidate, within its group (R1)."""
    groups: dict[str, list[Candidate]] = {}
    why: dict[str, list[str]] = {}
    ordered = sorted(candidates, key=lambda copy: (now - copy.created_on, copy.id))  # R4
    for copy in ordered:
        if copy.id in why:
            raise RetentionError("backups", f"{copy.id} is listed twice")
        apart = (copy.id in policy.protected, copy.created_on > now, copy.expires)
        why[copy.id] = [r for r, true in zip(("protected", "future", "expires"), apart) if true]
        groups.setdefault(copy.storage_type if policy.by_storage else "", []).append(copy)
    for group in groups.values():
        rest = [copy for copy in group if not why[copy.id]]
        moments = [copy.created_on.astimezone(policy.zone) for copy in rest]
        for rule in policy.rules:
            for copy, reason in _taken(rule, rest, moments):
                why[copy.id].append(reason)
        lasting = [why[copy.id] for copy in group if copy.created_on <= now and not copy.expires]
        others = [reasons for reasons in lasting if not reasons]
        for reasons in others[: max(0, policy.min_keep - len(lasting) + len(others))]:  # R12
            reasons.append("min_keep")
    keep = [(copy, why[copy.id]) for copy in ordered if why[copy.id]]
    return RetentionResult(keep, [copy for copy in reversed(ordered) if not why[copy.id]])


def _taken(
    rule: _Rule, rest: list[Candidate], moments: list[datetime]
) -> Iterator[tuple[Candidate, str]]:
    """Return what a rule takes, from newest to oldest (R6)."""
    reason, bucket, limit, span = rule
    edge = _edge(moments[0], span) if span and moments else None
    taken = None
    for copy, moment in zip(rest, moments):
        if limit == 0 or (edge and copy.created_on <= edge):  # R9: strictly newer
            return
        here = bucket(moment)
        if here != taken or copy is rest[-1]:  # R7
            yield copy, reason if here != taken else f"oldest {reason}"
            limit, taken = limit - 1, here


def _edge(newest: datetime, span: dict[str, int]) -> datetime | None:
    """Go back by the calendar in the zone of `newest`, then by exact seconds (R11)."""
    y, m, w, d, h, seconds = (span.get(unit, 0) for unit in ("y", "m", "w", "d", "h", ""))
    try:
        if y or m or w or d:
            month = (newest.year - y) * 12 + newest.month - 1 - m
            first = newest.replace(year=month // 12, month=month % 12 + 1, day=1)
            newest = first + timedelta(days=newest.day - 1 - 7 * w - d)
        return newest.astimezone(timezone.utc) - timedelta(hours=h, seconds=seconds)
    except (ValueError, OverflowError):
        return None  # before year 1


def _read(given: Mapping[str, object], option: str, default: object, form: str, what: str) -> str:
    value = default if given.get(option) is None else given[option]
    if not re.fullmatch(form, str(value)):
        raise RetentionError(option, f"{value!r} is not {what}")
    return str(value)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return timezone.utc
    try:
        return zoneinfo.ZoneInfo("" if name == "localtime" else name)  # not the machine's zone
    except (KeyError, ValueError, OSError):
        problem = f"{name!r} is not an IANA name such as Europe/Berlin"
        if not zoneinfo.available_timezones():
            problem = f"no data on {name!r}: install the tzdata package (the system's or Python's)"
        raise RetentionError("timezone", problem) from None
