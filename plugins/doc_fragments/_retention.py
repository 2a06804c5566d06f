# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a retention policy. This fragment is private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  keep_last:
    description:
      - Keep this many of the newest backups. V(-1) keeps all, V(0) is the same as leaving it out.
      - At least one rule must be set to more than V(0). A policy that would keep nothing is an error.
    type: int
  keep_hourly:
    description:
      - Keep the newest backup of each of this many hours, counting back from the newest. V(-1) keeps one of every hour.
      - Hours without a backup do not count.
      - While fewer hours have backups than this, the oldest backup is kept as well.
    type: int
  keep_daily:
    description:
      - As O(keep_hourly), with days.
    type: int
  keep_weekly:
    description:
      - As O(keep_hourly), with weeks from Monday to Sunday.
    type: int
  keep_monthly:
    description:
      - As O(keep_hourly), with months.
    type: int
  keep_yearly:
    description:
      - As O(keep_hourly), with years.
    type: int
  keep_within:
    description:
      - Keep all backups that are younger than the newest one less this duration. The newest backup counts here and not
        the present, so when backups have stopped, the last of them stay.
      - A duration is written as V(7d), V(1y6m) or V(2w12h), with V(y), V(m), V(w), V(d) and V(h) for years, months, weeks,
        days and hours, each at most once; or it is a number of seconds. V(0) is the same as leaving it out.
      - Years, months, weeks and days are steps in the calendar of O(timezone). One month before 31 March is 3 March,
        or 2 March in a leap year, as there is no 31 February. Hours are exact.
    type: str
  keep_within_hourly:
    description:
      - Keep the newest backup of each hour, among those that are younger than the newest one less this duration.
        It is written as in O(keep_within).
    type: str
  keep_within_daily:
    description:
      - As O(keep_within_hourly), with days.
    type: str
  keep_within_weekly:
    description:
      - As O(keep_within_hourly), with weeks from Monday to Sunday.
    type: str
  keep_within_monthly:
    description:
      - As O(keep_within_hourly), with months.
    type: str
  keep_within_yearly:
    description:
      - As O(keep_within_hourly), with years.
    type: str
  protect_ids:
    description:
      - Keep the backups with these ids in any case. They take no place of any rule.
      - An id that is not among the backups is only a warning.
    type: list
    elements: str
"""
