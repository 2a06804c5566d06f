# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of the server, a backup or a restore: their state, their start, and how to wait for them.

This file is private to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, Effect, config_error, protocol_error
from .._portal.values import clean, first_line, is_int, normal_uuid

WAIT: dict[str, Any] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "poll_interval": {"type": "int", "default": 5},
}
# Seconds. The longest pause between two polls.
LONGEST_PAUSE = 30.0
# Seconds. A longer wait is a mistake.
LONGEST_WAIT = 366 * 86400
# Seconds. A cancelled task disappears at once, and may reappear so much later as cancelled (C24).
REAPPEARS = 10.0
# Seconds between look-ups after an unclear answer: a task may show up that late (C31).
LOOK_UP_PAUSES = [1.0] * 9


class Task(NamedTuple):
    """A task as the server reports it, without its signed link, which is a secret (C25)."""

    id: str
    progress: int  # per cent
    status: str  # created, running, completed, cancelled or failed
    warning: str | None
    error: str | None
    # Whether the server gave a status. Before 3.7 it doesn't; until the task ends, `status` is then
    # "running", whether it has begun or not.
    has_status: bool = True

    @property
    def ended(self) -> bool:
        """Whether it is completed, cancelled or failed."""
        return self.status in ("completed", "cancelled", "failed")

    @property
    def idle(self) -> bool:
        """Whether it hasn't begun, as far as the server gives a status."""
        return self.status == "created" and self.progress == 0

    def result(self) -> dict[str, Any]:
        """Return the task as modules do."""
        values = self._asdict()
        del values["has_status"]
        return values


def parse_task(response: Any) -> Task | None:
    """Read an answer about the progress of a task (C23)."""
    if response is None:
        return None
    if not isinstance(response, dict) or not isinstance(response.get("isCompleted"), bool):
        raise protocol_error("The portal's answer holds no task.")
    error, status = response.get("error"), response.get("status")
    # A task that is both completed and running is polled again.
    ended = response["isCompleted"] and not (is_int(status) and status in (0, 1))
    has_status = is_int(status) and status in (range(2, 5) if ended else range(2))
    if not ended:
        name = "created" if has_status and status == 0 else "running"
    elif error or (has_status and status == 4):
        # A failed task has the status of a completed one; its error decides.
        name = "failed"
    else:
        name = "cancelled" if has_status and status == 3 else "completed"
    task_id = clean(response.get("taskId") or "")
    return Task(
        normal_uuid(task_id) or task_id.lower()[:100],
        _parse_percentage(response.get("progress")),
        name,
        first_line(response["warning"]) or None if response.get("warning") else None,
        first_line(error) or "unknown" if error else None,
        has_status,
    )


def _parse_percentage(value: Any) -> int:
    """Read any number as an integer from 0 to 100; other values are 0."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(min(100, max(0, value))) if is_number else 0


class Poller:
    """Decides when to poll a task again, and when to give up."""

    def __init__(self, params: dict[str, Any]) -> None:
        for option in ("wait_timeout", "poll_interval"):
            if not 1 <= params[option] <= LONGEST_WAIT:
                raise config_error(f"{option}: must be from 1 second to a year.")
        self.timeout: int = params["wait_timeout"]
        self._interval = float(params["poll_interval"])
        self._start = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds until the wait ends."""
        return max(0.0, self.timeout - self.elapsed)

    @property
    def over(self) -> bool:
        """Whether the wait has ended."""
        return self.elapsed >= self.timeout

    def pause(self, at_most: float = float("inf")) -> None:
        """Sleep until the next poll: longer for a long task, never beyond the end of the wait."""
        growing = max(self._interval, min(self.elapsed / 20.0, LONGEST_PAUSE))
        seconds, left = min(growing, at_most), self.timeout - self.elapsed
        if seconds < left < seconds + 1.0:
            # The last poll is at the end of the wait, and not within a second of this one.
            seconds = left - 1.0 if seconds >= 2.0 else left
        time.sleep(max(0.0, min(seconds, left)))


class Started(NamedTuple):
    """A task after a start."""

    task: Task
    is_ours: bool  # whether it can be the one that was started
    failed: DocSpaceError | None  # the error of the start, if the task was found by a look-up


def start_task(
    client: Client,
    send: Callable[[Callable[[Task | None], Task]], Task],
    read: Callable[..., Task | None],
    *,
    kind: str,
    before: Task | None,
    advice: str = "Check the portal, then run the task again.",
) -> Started:
    """Start a task, once.

    A start is answered with a new task that is `created`. While a task runs, the server answers with
    that one and ignores the start (C22), so one that has progressed isn't ours. Any other answer is
    looked up: a task that wasn't there before counts as ours.

    An API error with status 4xx is looked up once, all else for 10 seconds, because the answer may
    have come from a proxy before the server was done. A restore takes the portal offline, which may
    be the cause of a 401, 403 or 404 (C31), so these are looked up as long.

    Args:
        client: Of the portal.
        send: Sends the start, and passes the task in its answer to the function that it gets.
        read: Reads the portal's task.
        kind: "backup" or "restore".
        before: The portal's task before the start. If it waits for a file, this start may be the
            one that it waits for, and is answered with its ID (C44).
        advice: What to do if the effect stays unknown.
    """
    waiting = before if kind == "restore" and before is not None and not before.ended else None

    def is_new(task: Task) -> bool:
        return normal_uuid(task.id) is not None and (before is None or task.id != before.id)

    def is_waiting(task: Task) -> bool:
        return waiting is not None and task.id == waiting.id

    def accept(task: Task | None) -> Task:
        if task is None or not (is_new(task) or is_waiting(task)):
            raise protocol_error("The portal's answer to the start holds no new task.")
        return task

    def find_new() -> Task | None:
        task = read(once=patient)
        # A task that was cancelled before may reappear late (C24).
        if task is None or task.status == "cancelled":
            return None
        return task if is_new(task) or (is_waiting(task) and not task.idle) else None

    try:
        task = send(accept)
        progressed = task.progress > 0 or (task.has_status and task.status == "running")
        return Started(task, not progressed, None)
    except DocSpaceError as error:
        failed = error
    refused = 400 <= (failed.status or 0) < 500
    offline = kind == "restore" and failed.status in (401, 403, 404)
    patient = not refused or (offline and not failed.by_api)
    found, failed = client.look_up(failed, find_new, LOOK_UP_PAUSES, patient=patient)
    if found is not None:
        return Started(found, True, failed)
    if failed.effect == Effect.UNKNOWN:
        raise failed.evolve(
            # Without the message of the failed request, whose advice may be to run the task again.
            message=f"Not known whether the {kind} was started: it wasn't answered with success "
            f"({failed.summary}), and no new task was found. The start isn't sent twice. {advice}"
        ) from failed
    raise failed


def task_not_found(
    kind: str, wanted: str, current: Task | None, advice: str, *, dump: bool
) -> DocSpaceError:
    """Return the error for a task to wait for that isn't there. kind: backup or restore."""
    instead = f"The current one is {current.id} ({current.status}). " if current else ""
    what, other = (f"server-wide {kind}", "false") if dump else (f"{kind} of the portal", "true")
    return DocSpaceError(
        "not_found",
        f"task_id: no {what} with the ID {wanted} was found. {instead}Nothing was started. Check the "
        f"ID, and whether it needs 'dump: {other}'. {advice}",
    )


def format_rate(size: int, seconds: float) -> str:
    """Format a number of bytes, the seconds that they took, and the rate."""
    return f"{size} bytes in {seconds:.1f} s ({size / max(seconds, 0.001) / 1e6:.1f} MB/s)"
