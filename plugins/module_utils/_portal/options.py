# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that are times or durations. Loaded where a task may have one.

This file is private to the collection.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from .errors import config_error
from .values import parse_time

_NUMBER = re.compile("[0-9]{1,15}")
_PART = re.compile("([0-9]{1,15})([a-z])")
_PARTS = re.compile("(?:[0-9]{1,15}[a-z])+")
_SECONDS = {"y": 365 * 86400, "w": 7 * 86400, "d": 86400, "h": 3600}


def moment(params: dict[str, Any], option: str) -> datetime | None:
    """An option that is a time, None when it isn't given."""
    try:
        return None if params[option] is None else parse_time(params[option])
    except ValueError as error:
        raise config_error(f"{option}: {error}.") from error


def duration(params: dict[str, Any], option: str) -> int | None:
    """An option that is a duration, in seconds, None when it isn't given."""
    try:
        return None if params[option] is None else parse_duration(params[option], option)
    except ValueError as error:
        raise config_error(f"{error}.") from error


def parse_duration(value: object, option: str) -> int:
    """Read a duration such as ``90d``, ``36h``, ``2w``, ``1y``, ``1d12h`` as seconds.

    Parts come in any order, each unit at most once; a year is 365 days. A number is seconds.
    There is no upper bound, so compare ages in seconds, not points in time.
    """
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if _NUMBER.fullmatch(text):
        return int(text)
    parts = _PART.findall(text) if _PARTS.fullmatch(text) else []
    units = [unit for _number, unit in parts]
    if "m" in units:
        raise ValueError(f"{option}: {value!r} has m, which is no unit here; write 30d or 720h")
    if units and len(units) == len(_SECONDS.keys() & units):
        return sum(int(number) * _SECONDS[unit] for number, unit in parts)
    raise ValueError(
        f"{option}: {value!r} is not a duration; write it like 90d, 36h, 2w, 1y or 1d12h"
        " (each unit at most once), or as a number of seconds"
    )
