# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all threads of a run pass before a request: no write after a signal, and a common pause.

This file is private to the collection.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal ends the run. It isn't an Exception, so that no handler takes it for an error."""

    def __init__(self, name: str, wrote: bool) -> None:
        super().__init__(name)
        self.name = name  # of the signal
        self.wrote = wrote  # whether a request that writes was sent before it


class InterruptGuard:
    """Holds back requests after a signal and during a pause. All clients of a run share one."""

    def __init__(self) -> None:
        # For the result of an interrupted run: what to do, and more keys, such as the task started.
        self.advice = "Run the task again to complete it."
        self.values: dict[str, Any] = {}
        self._closed: str | None = None
        self._wrote = False
        self._lock = threading.Lock()
        self._resume = 0.0

    @contextmanager
    def closed_by_signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM close the guard and raise Interrupted in the main thread."""
        before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # A caller that has the signal ignored wants the run to continue.
                if signal.getsignal(number) != signal.SIG_IGN:
                    before[number] = signal.signal(number, self._close)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _close(self, number: int, _frame: object) -> None:
        self._closed = signal.Signals(number).name
        raise Interrupted(self._closed, self._wrote)

    def wait(self, *, writes: bool) -> None:
        """Wait until a pause is over. Call it before each request: raises Interrupted for a write
        once the guard is closed."""
        while True:
            with self._lock:
                left = self._resume - time.monotonic()
            if left <= 0.001:
                break
            time.sleep(left)
        if not writes:
            return
        if self._closed is not None:
            raise Interrupted(self._closed, self._wrote)
        self._wrote = True

    def pause(self, seconds: float) -> None:
        """Hold back all requests for so long. It never shortens a pause that lasts already."""
        with self._lock:
            self._resume = max(self._resume, time.monotonic() + seconds)
        time.sleep(seconds)
