# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for all unit tests of modules."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    KEY,
    Clock,
    check_outcome,
    run_module,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire

# A shell that starts the tests in its background has it ignored, and so would all that they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Files that tests leave for a module must not be writable by a group, whatever the user's mask.
os.umask(0o022)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A portal that follows the test's script."""
    with Wire() as server:
        yield server
    server.verify()


@pytest.fixture
def clock() -> Clock:
    """The time that modules see in this test; `clock.sleeps` is how long they would have waited."""
    return Clock()


@pytest.fixture
def run(wire: Wire, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """`run("docspace_backup", id=..., state="absent")` runs it against the wire to the end.

    An option of None is left out, so that `api_key=None` takes the usual one away. `secrets` are
    looked for in all that is shown, besides the usual ones. null: options that are given as null.
    The rest is for `run_module`.
    """

    def run(
        name: str,
        /,
        *,
        check_mode: bool = False,
        diff: bool = False,
        verbosity: int = 0,
        env: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        null: tuple[str, ...] = (),
        **options: Any,
    ) -> dict[str, Any]:
        params = {"url": wire.url, "api_key": KEY, **options}
        outcome = run_module(
            name,
            {
                **{option: value for option, value in params.items() if value is not None},
                **dict.fromkeys(null),
            },
            monkeypatch=monkeypatch,
            check_mode=check_mode,
            diff=diff,
            verbosity=verbosity,
            env=env,
            clock=clock,
        )
        # First, because a request that wasn't expected explains whatever else is wrong.
        wire.verify()
        return check_outcome(outcome, secrets)

    return run
