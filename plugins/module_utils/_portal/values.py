# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What values mean: UUIDs, times, numbers, text. No I/O.

Whatever the server says passes here before anything is concluded from it. This file is private to
the collection.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_HEX = frozenset("0123456789abcdef")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):?(\d\d))?)?",
    re.ASCII,
)
# Control characters, half characters (of which no result may hold any, or Ansible refuses it), and
# those that change the direction of a line or break it.
_UNCLEAN = "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
# What a port is when an address names none.
PORTS = {"http": 80, "https": 443}
_AGES = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def normal_uuid(text: str) -> str | None:
    """A UUID in lower case with hyphens, None for anything else.

    Hyphens stand in all the usual places or in none, and braces may stand around.
    """
    inner = text[1:-1] if text[:1] + text[-1:] == "{}" else text
    inner = inner.lower()
    digits = inner.replace("-", "")
    normal = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    right = len(digits) == 32 and inner in (digits, normal) and _HEX.issuperset(digits)
    return normal if right else None


def clean(value: object) -> str:
    """A text of the server in one line that every output can carry."""
    text = str(value)
    # What is printable has none of them.
    return text if text.isprintable() else re.sub(_UNCLEAN, "\ufffd", text)


def first_line(value: object) -> str:
    """The first line of a message that isn't blank: never the stack trace behind it (C10)."""
    lines = (line.strip() for line in str(value).splitlines())
    return clean(next(filter(None, lines), ""))


def is_whole(value: object) -> bool:
    """Whether a decoded value is a whole number, which true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def whole(value: object, low: int, high: int) -> int:
    """A whole number of the server, also as text or with a zero fraction, within its bounds.

    Anything else is a ValueError.
    """
    if isinstance(value, float) and value == value // 1:  # not infinite either: inf // 1 is nan
        value = int(value)
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,15}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"no whole number from {low} to {high}")
    return value


def age_text(seconds: int) -> str:
    """An age in words, for tables: `12 hours`, `3 days`; whole units, the rest cut."""
    if seconds < 0:
        return "in the future"
    size, unit = next(one for one in _AGES if seconds >= one[0] or one[0] == 1)
    number = seconds // size
    return f"{number} {unit}{'' if number == 1 else 's'}"


def parse_time(value: object) -> datetime:
    """Read an ISO 8601 date, or date and time with seconds, as an aware time in UTC.

    Without an offset it is UTC. Fractions are cut to microseconds. Anything else is a ValueError.
    """
    # datetime.fromisoformat of Python 3.9 knows neither Z nor the server's seven digits.
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not an ISO 8601 time such as 2026-03-01T02:15:00Z")
    year, month, day, hour, minute, second, fraction, sign, offset_h, offset_m = found.groups()
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int(fraction[:6].ljust(6, "0")) if fraction else 0,
            timezone.utc,
        )
        if sign:
            if int(offset_h) > 23 or int(offset_m) > 59:
                raise ValueError(f"no such offset: {sign}{offset_h}:{offset_m}")
            offset = timedelta(hours=int(offset_h), minutes=int(offset_m))
            moment = moment - offset if sign == "+" else moment + offset
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is not a time: {error}") from error
    return moment


def format_time(moment: datetime) -> str:
    """Write an aware time in UTC and whole seconds, the rest cut: ``2026-11-05T03:00:00Z``."""
    utc = moment.astimezone(timezone.utc)
    return utc.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
