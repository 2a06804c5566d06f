# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The counts of the replay, at the end of a run."""

from __future__ import annotations

import os

import pytest

# Files that tests leave for a module must not be writable by a group, whatever the user's mask.
os.umask(0o022)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many recorded exchanges were replayed, equal and excepted."""
    for report in terminalreporter.getreports("passed"):
        # It comes with the report of a test, so also from another process.
        for name, value in report.user_properties:
            if name == "replay":
                terminalreporter.write_line(str(value))
