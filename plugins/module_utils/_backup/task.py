# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, follow and judge a task of the server: a backup or a restore.

This file is private to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, config_error, protocol_error
from .history import dump_query

# A cancelled task is gone at once, and comes back seconds later to say that it was (C24).
COMES_BACK = 10.0
LONGEST_PAUSE = 30.0
NOT_KNOWN = "Not known whether"

WAIT: dict[str, Any] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "poll_interval": {"type": "int", "default": 5},
}


class Task(NamedTuple):
    """A task as the server reports it. The signed `link` it may carry is a secret (C25): not here.

    progress: per cent. status: created, running, completed, cancelled or failed.
    """

    id: str
    progress: int
    status: str
    warning: str | None
    error: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ("completed", "cancelled", "failed")

    def result(self) -> dict[str, Any]:
        """The task as modules return it."""
        return self._asdict()


class Pace:
    """When to look again at a task, and when to give up."""

    def __init__(self, params: dict[str, Any]) -> None:
        if params["wait_timeout"] < 1 or params["poll_interval"] < 1:
            raise config_error("wait_timeout, poll_interval: give 1 second or more.")
        self.timeout: int = params["wait_timeout"]
        self._interval = float(params["poll_interval"])
        self._start = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._start

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


def read_backup_task(client: Client, *, dump: bool, once: bool = False) -> Task | None:
    """The portal's backup task, running or the last one ended; None for none."""
    return parse_task(client.get("getbackupprogress", dump_query(dump), once=once))


def read_restore_task(client: Client, *, dump: bool, once: bool = False) -> Task | None:
    """The restore task. Asked without credentials: wrong ones turn even this into 403 (C6)."""
    return parse_task(client.get("getrestoreprogress", dump_query(dump), anonymous=True, once=once))


def parse_task(response: Any) -> Task | None:
    """The normal form of a progress answer (C23)."""
    if response is None:
        return None
    if not isinstance(response, dict) or not isinstance(response.get("isCompleted"), bool):
        raise protocol_error("The portal's answer holds no task, so its state is not known.")
    error, status = response.get("error"), response.get("status")
    if not response["isCompleted"]:
        name = "created" if status == 0 else "running"
    elif error or status == 4:
        # A failed task says that it is completed; its error tells.
        name = "failed"
    else:
        name = "cancelled" if status == 3 else "completed"
    progress = response.get("progress")
    return Task(
        str(response.get("taskId") or "").lower(),
        progress if isinstance(progress, int) else 0,
        name,
        str(response["warning"]) if response.get("warning") else None,
        str(error) if error else None,
    )


def start(
    client: Client,
    call: str,
    body: dict[str, Any],
    *,
    before: Task | None,
    look: Callable[[], Task | None],
) -> tuple[Task, bool]:
    """Send a start, once. Gives the task, and whether the server may have named another one's.

    While a task runs, the server answers with that one and ignores the start (C22). When the
    answer is lost, only a task that wasn't there before is ours.
    before: the task that was there before the start. look: reads the one that is there now.
    """
    try:
        task = parse_task(client.post(call, body))
        if task is not None and task.id:
            return task, task.status == "running"
        lost = protocol_error("The portal's answer to the start holds no task.")
    except DocSpaceError as error:
        lost = error
    if not (lost.transient or lost.code == "protocol"):
        raise lost
    client.log(f"{call}: {lost.code}, so it is looked up whether a new task shows up")
    began = time.monotonic()
    while time.monotonic() - began < COMES_BACK:
        try:
            task = look()
        except DocSpaceError as error:
            client.log(f"{error.method} {error.path}: {error.code}")
            task = None
        if task is not None and task.id and (before is None or task.id != before.id):
            return task, False
        time.sleep(1.0)
    lost.message = (
        f"{NOT_KNOWN} {call} was taken: its answer was lost, and no new task showed up in "
        f"{COMES_BACK:.0f} s. It isn't sent twice; look at the portal, then run again. "
        f"{lost.message}"
    )
    raise lost
