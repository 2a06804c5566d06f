# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one worker of a run learns holds the others: a pause, and an interruption."""

from __future__ import annotations

import signal
import types

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal import interrupts


def test_a_pause_is_for_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many requests: the portal counts those of all workers."""
    now, slept = [1000.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        # The first to sleep is still asleep when the next one asks.
        now[0] += seconds if len(slept) > 1 else 0

    time = types.SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr(interrupts, "time", time)
    shared = interrupts.InterruptGuard()
    shared.pause(5)
    shared.wait(writes=False)
    assert slept == [5, 5]
    shared.wait(writes=True)
    assert slept == [5, 5], "it is over"


@pytest.mark.parametrize("wrote", [False, True])
def test_after_an_interruption_others_read_but_do_not_write(wrote: bool) -> None:
    shared = interrupts.InterruptGuard()
    if wrote:
        shared.wait(writes=True)
    with pytest.raises(interrupts.Interrupted), shared.closed_by_signals():
        signal.raise_signal(signal.SIGTERM)
    shared.wait(writes=False)
    with pytest.raises(interrupts.Interrupted) as late:
        shared.wait(writes=True)
    assert (late.value.name, late.value.wrote) == ("SIGTERM", wrote)
