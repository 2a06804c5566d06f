# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to wait for a task of the server. This fragment is private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait for the end of the server's task. With V(false), the task is returned as soon as it has started,
        and nobody notices when it fails.
    type: bool
    default: true
  poll_interval:
    description:
      - How many seconds to wait between two looks at the task. 1 or more. For a long task they become longer, up to 30
        seconds.
    type: int
    default: 5
"""
