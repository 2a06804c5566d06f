# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long to wait, how often to look, and how fast something was.

This file is private to the collection.
"""

from __future__ import annotations

import time
from typing import Any

from .._portal.errors import config_error

LONGEST_PAUSE = 30.0
# A wait of more than a year is a mistake.
LONGEST_WAIT = 366 * 86400

WAIT: dict[str, Any] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "poll_interval": {"type": "int", "default": 5},
}


class Pace:
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


def rate(size: int, seconds: float) -> str:
    """Bytes, the time that they took, and how fast that is."""
    return f"{size} bytes in {seconds:.1f} s ({size / max(seconds, 0.001) / 1e6:.1f} MB/s)"
