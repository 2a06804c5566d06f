# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's rate limits, off unless they are switched on (C32)."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from datetime import datetime, timedelta

PER_MINUTE = 1500
READS_AT_A_TIME = 50
WRITES_AT_A_TIME = 15
WRITES_A_DAY = 10_000


class Limits:
    """Counts per user; a request that is refused has no effect and is not counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute: dict[str, deque[datetime]] = defaultdict(deque)
        self._day: dict[str, deque[datetime]] = defaultdict(deque)
        self._at_work: dict[tuple[str, bool], int] = defaultdict(int)

    def enter(self, user: str, method: str, now: datetime) -> bool:
        """Whether the request may go on; it has to `leave` then."""
        reads, writes = method == "GET", method in ("POST", "PUT")
        with self._lock:
            forget(self._minute[user], now - timedelta(minutes=1))
            forget(self._day[user], now - timedelta(days=1))
            if (
                self._at_work[user, reads] >= (READS_AT_A_TIME if reads else WRITES_AT_A_TIME)
                or len(self._minute[user]) >= PER_MINUTE
                or (writes and len(self._day[user]) >= WRITES_A_DAY)
            ):
                return False
            self._at_work[user, reads] += 1
            self._minute[user].append(now)
            if writes:
                self._day[user].append(now)
            return True

    def leave(self, user: str, method: str) -> None:
        """The request is done."""
        with self._lock:
            self._at_work[user, method == "GET"] -= 1


def forget(times: deque[datetime], before: datetime) -> None:
    """Drop what is too old to count."""
    while times and times[0] <= before:
        times.popleft()
