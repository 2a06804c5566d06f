# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all connections of a run pass before a request: nothing after an interruption, and together
in a pause that the portal asks for.

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
    """A signal ends the run. Not an Exception: nothing on the way may take it for a failure.

    name: of the signal. wrote: whether a request that writes was begun before it.
    """

    def __init__(self, name: str, wrote: bool) -> None:
        super().__init__(name)
        self.name = name
        self.wrote = wrote


class InterruptGuard:
    """One for all connections of a run. advice: what to do after an interruption. values: more result
    keys for it, such as the task that was started.
    """

    def __init__(self) -> None:
        self.advice = "Run the task again to see and to finish."
        self.values: dict[str, Any] = {}
        self._closed: str | None = None
        self._wrote = False
        self._lock = threading.Lock()
        self._resume = 0.0

    @contextmanager
    def closed_by_signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM close the guard, and end what the main thread does."""
        before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # Who starts a run so that it ignores a signal wants it to go on.
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
        """Before each request: till the pause is over. No write is begun once the guard is closed."""
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
        """No request for so long, whoever asks. A pause that is on already isn't made shorter."""
        with self._lock:
            self._resume = max(self._resume, time.monotonic() + seconds)
        time.sleep(seconds)
