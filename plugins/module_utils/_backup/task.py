# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long to wait, how often to look, and how fast something was.

This file is private to the collection.

Start, follow and judge a task of the server: a backup or a restore.

This file is private to the collection.

What of a portal concerns backups beside its history: running tasks, and the usage.

This file is private to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, Effect, config_error, protocol_error
from .._portal.values import clean, first_line, is_int, normal_uuid
from .api import API, dump_query

LONGEST_PAUSE = 30.0
# A wait of more than a year is a mistake.
LONGEST_WAIT = 366 * 86400

WAIT: dict[str, Any] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "poll_interval": {"type": "int", "default": 5},
}


class Poller:
    """When to look again at a task, and when to give up."""

    def __init__(self, params: dict[str, Any]) -> None:
        for option in ("wait_timeout", "poll_interval"):
            if not 1 <= params[option] <= LONGEST_WAIT:
                raise config_error(f"{option}: give 1 second or more, and at most a year.")
        self.timeout: int = params["wait_timeout"]
        self._interval = float(params["poll_interval"])
        self._start = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds till the end of the wait."""
        return max(0.0, self.timeout - self.elapsed)

    @property
    def over(self) -> bool:
        """Whether the time to wait has passed."""
        return self.elapsed >= self.timeout

    def pause(self, at_most: float = float("inf")) -> None:
        """Sleep till the next look: longer for a long task, never beyond the end of the wait."""
        growing = max(self._interval, min(self.elapsed / 20.0, LONGEST_PAUSE))
        seconds, left = min(growing, at_most), self.timeout - self.elapsed
        if seconds < left < seconds + 1.0:
            # The last look comes at the end of the wait, and not within a second of this one.
            seconds = left - 1.0 if seconds >= 2.0 else left
        time.sleep(max(0.0, min(seconds, left)))


def format_rate(size: int, seconds: float) -> str:
    """Bytes, the time that they took, and how fast that is."""
    return f"{size} bytes in {seconds:.1f} s ({size / max(seconds, 0.001) / 1e6:.1f} MB/s)"


# A cancelled task is gone at once, and comes back seconds later to say that it was (C24).
REAPPEARS = 10.0
# When to look for the effect of a start or a cancel that wasn't answered with success: a task may
# show up seconds after its start (C31).
LOOKS = [1.0] * 9


class Task(NamedTuple):
    """A task as the server reports it. The signed `link` it may carry is a secret (C25): not here.

    progress: per cent. status: created, running, completed, cancelled or failed. told: whether the
    server gave a status; those before 3.7 don't, and then one that hasn't ended is "running" here,
    whether it has started or not.
    """

    id: str
    progress: int
    status: str
    warning: str | None
    error: str | None
    has_status: bool = True

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ("completed", "cancelled", "failed")

    @property
    def idle(self) -> bool:
        """Whether nothing has happened to it yet, which a server that gives no status can't say."""
        return self.status == "created" and self.progress == 0

    def result(self) -> dict[str, Any]:
        """The task as modules return it."""
        shown = self._asdict()
        del shown["has_status"]
        return shown


def read_backup_task(client: Client, *, dump: bool, once: bool = False) -> Task | None:
    """The portal's backup task, running or the last one ended; None for none."""
    task: Task | None = client.get(
        f"{API}getbackupprogress", dump_query(dump), read=parse_task, once=once
    )
    return task


def read_restore_task(client: Client, *, dump: bool, once: bool = False) -> Task | None:
    """The restore task of the portal, or with dump that of the whole server; None for none.

    Asked without credentials: wrong ones turn even this into 403 (C6). Always with `Dump`: without
    it the answer may be either one (C53).
    """
    query = {"Dump": "true" if dump else "false"}
    task: Task | None = client.get(
        f"{API}getrestoreprogress", query, read=parse_task, anonymous=True, once=once
    )
    return task


def parse_task(response: Any) -> Task | None:
    """The normal form of a progress answer (C23)."""
    if response is None:
        return None
    if not isinstance(response, dict) or not isinstance(response.get("isCompleted"), bool):
        raise protocol_error("The portal's answer holds no task, so its state is not known.")
    error, status = response.get("error"), response.get("status")
    # One that says both, that it has ended and that it runs, is looked at again.
    ended = response["isCompleted"] and not (is_int(status) and status in (0, 1))
    possible = range(2, 5) if ended else range(2)
    has_status = is_int(status) and status in possible
    if not ended:
        name = "created" if has_status and status == 0 else "running"
    elif error or (has_status and status == 4):
        # A failed task says that it is completed; its error tells.
        name = "failed"
    else:
        name = "cancelled" if has_status and status == 3 else "completed"
    return Task(
        _identity(response.get("taskId")),
        _per_cent(response.get("progress")),
        name,
        first_line(response["warning"]) or None if response.get("warning") else None,
        first_line(error) or "unknown" if error else None,
        has_status,
    )


def _identity(value: Any) -> str:
    text = clean(value or "")
    return normal_uuid(text) or text.lower()[:100]


def _per_cent(value: Any) -> int:
    """Any number of the server as a whole one from 0 to 100; what is none is 0."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(min(100, max(0, value))) if number else 0


def task_not_found(
    kind: str, wanted: str, seen: Task | None, advice: str, *, dump: bool
) -> DocSpaceError:
    """The failure to follow a task that isn't there. kind: backup or restore. seen: another one."""
    there = f"The one that is there is {seen.id} ({seen.status}). " if seen else ""
    of, other = ("the whole server", "false") if dump else ("the portal", "true")
    return DocSpaceError(
        "not_found",
        f"task_id: no {kind} of {of} with the id {wanted} is to be seen. {there}Nothing was started. "
        f"Look at the id, and whether 'dump: {other}' belongs to it. {advice}",
    )


class Started(NamedTuple):
    """A task after a start. is_ours: whether it may be the one that was started. failed: what the start
    was answered with, if the task was only found by the look-up after it.
    """

    task: Task
    is_ours: bool
    failed: DocSpaceError | None


def start(
    client: Client,
    call: str,
    body: dict[str, Any],
    *,
    read: Callable[..., Task | None],
    dump: bool,
    before: Task | None,
    waits: bool = False,
    advice: str = "Check the portal, then run again.",
) -> Started:
    """Send a start, once.

    A start that was taken is answered with a new task that is `created`. While a task runs, the
    server answers with that one and ignores the start (C22), so one that is further on isn't ours.
    Anything but success is looked up: if a task shows up that wasn't there before, it counts as ours.

    An error with status 4xx in the API's envelope is looked up once, all else for 10 seconds, because
    the answer may have come from a proxy before the server was done. A restore that was started takes
    the portal offline, and may be the cause of a 401, 403 or 404 (C31), so these are looked up as long.

    read: reads the task that is there. before: the one that was there before the start. waits: whether
    that one waits for its file; then this start may be the one that it waits for, and is answered with
    its id (C44). advice: what to do when nothing is known.
    """

    def is_new(task: Task) -> bool:
        return normal_uuid(task.id) is not None and (before is None or task.id != before.id)

    def is_known(task: Task) -> bool:
        return waits and before is not None and task.id == before.id

    def taken(response: Any) -> Task:
        task = parse_task(response)
        if task is None or not (is_new(task) or is_known(task)):
            raise protocol_error("The portal's answer to the start holds no new task.")
        return task

    def look() -> Task | None:
        task = read(client, dump=dump, once=patient)
        if task is None or task.status == "cancelled":
            # One that somebody cancelled before comes back late (C24).
            return None
        return task if is_new(task) or (is_known(task) and not task.idle) else None

    try:
        task: Task = client.post(f"{API}{call}", body, read=taken)
        further = task.progress > 0 or (task.has_status and task.status == "running")
        return Started(task, not further, None)
    except DocSpaceError as error:
        failed = error
    refused = 400 <= (failed.status or 0) < 500
    offline = call == "startrestore" and failed.status in (401, 403, 404)
    patient = not refused or (offline and not failed.by_api)
    found, failed = client.look_up(failed, look, LOOKS, patient=patient)
    if found is not None:
        return Started(found, True, failed)
    if failed.effect == Effect.UNKNOWN:
        failed = failed.evolve(
            message=f"Not known whether {call} was taken: it wasn't answered with success, and no new "
            f"task was found. It isn't sent twice. {advice} {failed.message.partition('. ')[0]}."
        )
    raise failed


def read_progress(client: Client, *, dump: bool) -> dict[str, Any]:
    """The result key `progress`. While a restore runs, all but the restore's progress is refused
    (C31), so the backup's is null then. Without dump the restore is the portal's own, or one of the
    whole server while that keeps the portal offline.
    """
    refused = None
    backup = None
    try:
        backup = read_backup_task(client, dump=dump)
    except DocSpaceError as error:
        if error.code not in ("auth", "forbidden", "not_found"):
            raise
        refused = error
    restore = read_restore_task(client, dump=dump)
    if refused is not None and (restore is None or restore.ended):
        # A restore of the whole server takes all its portals offline.
        restore = None if dump else read_restore_task(client, dump=True)
        if restore is None or restore.ended:
            raise refused
    return {"backup": backup and backup.result(), "restore": restore and restore.result()}


def read_usage(client: Client, *, alone: bool) -> tuple[dict[str, Any] | None, str | None]:
    """The result key `usage`; null with a warning on a server that lacks the calls.

    alone: whether nothing else was asked for, so that this is a failure.
    """
    try:
        # Without `paid` the server counts the free ones only (C52).
        free = client.get(f"{API}getbackupscount", {"paid": "false"}, read=_count)
        paid = client.get(f"{API}getbackupscount", {"paid": "true"}, read=_count)
        enabled = client.get(f"{API}getservicestate", read=_enabled)
    except DocSpaceError as error:
        if error.status != 404:
            raise
        error.message = "This server tells no usage of backups: DocSpace 3.5.0 and newer do."
        if alone:
            raise
        return None, f"usage: {error.message}"
    usage = {
        "free_backups_this_month": free,
        "paid_backups_this_month": paid,
        "paid_service_enabled": enabled,
    }
    return usage, None


def _count(response: Any) -> int:
    if not is_int(response) or response < 0:
        raise protocol_error("The portal's answer holds no readable usage.")
    return int(response)


def _enabled(response: Any) -> bool:
    enabled = response.get("enabled") if isinstance(response, dict) else None
    if not isinstance(enabled, bool):
        raise protocol_error("The portal's answer holds no readable usage.")
    return enabled
