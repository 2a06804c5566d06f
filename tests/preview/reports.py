# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as the role backup_rotation leaves them, and such as nobody should."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

NOW = datetime(2026, 11, 5, 3, 40, tzinfo=timezone.utc)
HOSTILE = (
    "\"'><img src=http://example.com/x onerror=alert(1)><script>alert(2)</script>{{ 7*7 }}\n\\"
)
LONG = "x" * 220
DAILY = {"period": "daily", "hour": 3, "weekday": None, "monthday": None, "backups_stored": 5}


def ago(**age: float) -> str:
    return f"{NOW - timedelta(**age):%Y-%m-%dT%H:%M:%SZ}"


def problem(step: str, code: str, title: str, msg: str = "") -> dict[str, str]:
    return {"step": step, "code": code, "title": title, "msg": msg}


def copy(where: str = "portal", lasting: bool = True, **age: float) -> dict[str, Any]:
    return {"created_on": ago(**age), "where": where, "lasting": lasting}


def report(host: str, **other: Any) -> dict[str, Any]:
    """Of a portal that is well, but for what is said."""
    well = {
        "host": host,
        "portal": f"https://{host}.example.com",
        "checked_on": ago(),
        "newest": {"created_on": ago(hours=1), "expires_on": None, "storage_type": "local"},
        "newest_offsite": {"created_on": ago(minutes=20)},
        "count": 14,
        "made": True,
        "removed": 2,
        "offsite_removed": 0,
        "schedule": DAILY,
        "copies": [
            *(copy(days=day, hours=1) for day in range(14)),
            *(copy("offsite", days=day, minutes=20) for day in range(0, 56, 7)),
        ],
        "problems": [],
    }
    return {**well, **other}


def dead(host: str) -> dict[str, Any]:
    why = problem("make", "connection", "not reached", "The connection was refused.")
    nothing = dict.fromkeys(("newest", "newest_offsite", "count", "schedule"))
    return report(host, **nothing, made=False, removed=0, copies=[], problems=[why])


def fleet() -> list[dict[str, Any]]:
    """Five portals, of which one is well."""
    temporary = [copy(lasting=False, hours=hours) for hours in (1, 2, 9)]
    return [
        report("alpha"),
        dead("bravo"),
        report(
            "charlie",
            newest={"created_on": ago(days=12)},
            newest_offsite=None,
            schedule={**DAILY, "period": "weekly", "weekday": "sunday"},
            removed=0,
            copies=[copy(days=12), copy(days=20), copy(lasting=False, days=12, hours=1)],
            problems=[
                problem("make", "payment", "unpaid", "Pay for the portal."),
                problem("fresh", "stale", "no fresh copy", "The newest is 12 days old."),
            ],
        ),
        report(
            "delta",
            newest={"created_on": ago(hours=1), "expires_on": ago(hours=-23)},
            newest_offsite=None,
            schedule=None,
            copies=temporary,
            problems=[problem("fresh", "stale", "no fresh copy", "Only temporary copies.")],
        ),
        report("echo", newest={"created_on": ago(hours=3)}, copies=[], offsite_removed=12),
    ]


def hostile() -> list[Any]:
    """What a server, or whoever else can, might put into its report."""
    return [
        report(
            HOSTILE,
            portal=HOSTILE,
            newest={"created_on": HOSTILE, "storage_type": HOSTILE},
            schedule={"period": HOSTILE, "hour": HOSTILE, "weekday": HOSTILE},
            problems=[problem(HOSTILE, HOSTILE, HOSTILE, HOSTILE * 40), HOSTILE],
        ),
        report(
            LONG, portal=f"https://{LONG}", problems=[problem("make", "server", LONG, LONG * 9)]
        ),
        report("m\u00fcnchen \u4e2d\u6587 \ud800"),
        HOSTILE,
    ]
