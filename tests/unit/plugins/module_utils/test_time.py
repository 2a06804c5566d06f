# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    format_age,
    format_time,
    parse_duration,
    parse_time,
)

NOON = datetime(2026, 3, 1, 12, 30, 45, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:30:45", NOON),
        ("2026-03-01T12:30:45Z", NOON),
        ("2026-03-01t12:30:45z", NOON),
        ("2026-03-01 12:30:45", NOON),
        ("2026-03-01T14:30:45+02:00", NOON),
        ("2026-03-01T14:30:45+0200", NOON),
        ("2026-03-01T08:00:45-04:30", NOON),
        ("2026-03-01T12:30:45.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-03-01T12:30:45.1234567Z", NOON + timedelta(microseconds=123456)),
        ("2026-03-01T12:30:45.000000999", NOON),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=timezone.utc)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=timezone.utc)),
        ("2025-12-31T23:00:00-05:00", datetime(2026, 1, 1, 4, tzinfo=timezone.utc)),
    ],
)
def test_times_are_read(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected
    assert parse_time(text).tzinfo is timezone.utc


@pytest.mark.parametrize(
    "value",
    [
        *("", "soon", "2026-3-1", "2026-03-01T12:30", "2026-03-01Z", "20260301T123045Z"),
        *("2026-03-01T12:30:45,5Z", "2026-03-01T12:30:45.Z", "2026-03-01T12:30:45.0123456789"),
        *("2026-02-29", "2026-13-01", "2026-03-01T24:00:00", "2026-03-01T12:30:60Z", "0000-01-01"),
        *("2026-03-01T12:30:45+2", "2026-03-01T12:30:45+24:00", "2026-03-01T12:30:45+00:60"),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:30:00-01:00"),
        *(" 2026-03-01", "2026-03-01\n", "２０２６-03-01", b"2026-03-01", 20260301, None),
    ],
)
def test_other_values_are_no_times(value: object) -> None:
    with pytest.raises(ValueError, match="time") as caught:
        parse_time(value)
    assert repr(value) in str(caught.value)


def test_times_are_written_in_utc_with_the_fraction_cut() -> None:
    berlin_summer = timezone(timedelta(hours=2))
    assert format_time(datetime(2026, 11, 5, 5, 0, 0, 999999, berlin_summer)) == (
        "2026-11-05T03:00:00Z"
    )
    assert format_time(datetime(1, 1, 1, tzinfo=timezone.utc)) == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90d", 90 * 86400),
        ("36h", 36 * 3600),
        ("2w", 14 * 86400),
        ("1y", 365 * 86400),
        ("1d12h", 36 * 3600),
        ("12h1d", 36 * 3600),
        ("1y1w1d1h", 373 * 86400 + 3600),
        (0, 0),
        ("0", 0),
        (90, 90),
        ("90", 90),
        ("9999y", 9999 * 365 * 86400),
    ],
)
def test_durations_are_read(value: object, seconds: int) -> None:
    assert parse_duration(value, "max_age") == seconds


@pytest.mark.parametrize(
    "value",
    ["", "d", "1x", "1 d", "-1d", "1D", "1d1d", "1.5d", "1h30", "1d\n", -1, 1.5, True, None],
)
def test_other_values_are_no_durations(value: object) -> None:
    with pytest.raises(ValueError, match="^max_age: .*90d, 36h, 2w, 1y or 1d12h"):
        parse_duration(value, "max_age")


@pytest.mark.parametrize("value", ["30m", "1d30m", "1m1m"])
def test_months_and_minutes_are_refused_with_a_hint(value: str) -> None:
    with pytest.raises(ValueError, match="^newer_than: .* write 30d or 720h"):
        parse_duration(value, "newer_than")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *(
            (-301, "in the future"),
            (-300, "0 seconds"),
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
        ),
        *((60, "1 minute"), (7199, "1 hour"), (43200, "12 hours"), (86399, "23 hours")),
        *((86400, "1 day"), (172799, "1 day"), (259200, "3 days"), (10**9, "11574 days")),
    ],
)
def test_ages_in_words(seconds: int, text: str) -> None:
    assert format_age(seconds) == text
