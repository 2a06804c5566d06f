# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With this folder in PYTHONPATH, a process waits a twentieth of the time between its looks.

For playbooks that tests run whole, and that set no `poll_interval`: the modules are processes that
Ansible starts, out of reach for a test's own clock. Short waits stay: Ansible itself looks after
its workers in such.
"""

from __future__ import annotations

import time
from typing import SupportsIndex

_SLEEP = time.sleep


def _hasten(seconds: float | SupportsIndex, /) -> None:
    if isinstance(seconds, (int, float)) and seconds >= 0.5:
        seconds = seconds / 20
    _SLEEP(seconds)


time.sleep = _hasten
