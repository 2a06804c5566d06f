# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The attributes that all modules share. This fragment is private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell whether something would change, without changing anything.
  diff_mode:
    description: Returns what changed, or in check mode would change, as a diff.
  idempotent:
    description: When run twice in a row with the same arguments, the second run changes nothing.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/onlyoffice.docspace.docspace) in C(module_defaults) to set defaults for all modules.
    support: full
    membership:
      - onlyoffice.docspace.docspace
"""
