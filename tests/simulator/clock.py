# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's time: the machine's, or one that a test drives."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """The machine's clock; `advance` lets it run ahead."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The current time, UTC."""
        return datetime.now(timezone.utc) + self._ahead

    def advance(self, seconds: float) -> None:
        """Let that much time pass at once."""
        self._ahead += timedelta(seconds=seconds)


class DrivenClock(Clock):
    """Stands still until it is told to advance: nothing has to sleep."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__()
        self._start = start or datetime.now(timezone.utc)

    def now(self) -> datetime:
        """The time that the last `advance` led to."""
        return self._start + self._ahead
