# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_prune with require_id and require_newer_than: what has to stay if others go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import (
    NEVER,
    ONE,
    THREE,
    TWO,
    row,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire, ok

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"
HOUR, DAY = 3600, 86400
NEW, OLD = row(ONE, age=60), [row(TWO, age=2 * DAY), row(THREE, age=3 * DAY)]
EXPIRES = "2026-11-06T12:00:00"


def prune(run: Run, **options: Any) -> dict[str, Any]:
    return run("docspace_backup_prune", **{"keep_last": 1, "concurrency": 1, **options})


def refused(result: dict[str, Any]) -> str:
    assert (result.get("failed"), result["changed"]) == (True, False)
    assert result["failure"]["code"] == "guard"
    assert "Nothing was removed" in result["msg"]
    return str(result["msg"])


@pytest.mark.parametrize(
    "options",
    [{"require_id": ONE.upper()}, {"require_newer_than": "26h"}, {"require_newer_than": 61}],
)
def test_what_is_there_lets_the_others_go(options: dict[str, Any], wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([NEW, *OLD]))
    for one in (THREE, TWO):
        wire.expect("DELETE", f"deletebackup/{one}", ok(True))
    result = prune(run, **options)
    assert [record["id"] for record in result["removed"]] == [THREE, TWO]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("newest", "words"),
    [
        ([], "isn't in the history"),
        ([row(ONE, age=60, expiresOn=EXPIRES)], f"{ONE} expires."),
        ([row("b" * 8 + ONE[8:], age=30), NEW], "would be removed itself"),
    ],
)
def test_the_one_that_is_named_has_to_stay(
    newest: list[dict[str, Any]], words: str, check_mode: bool, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok([*newest, *OLD]))
    assert words in refused(prune(run, require_id=ONE, check_mode=check_mode))


def test_it_stays_also_among_those_that_are_named(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([NEW, *OLD]))
    result = prune(run, keep_last=None, ids=[ONE, TWO], require_id=ONE)
    assert "would be removed itself" in refused(result)


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    "newest",
    [
        row(ONE, age=26 * HOUR),
        row(ONE, age=60, expiresOn=EXPIRES),
        row(ONE, age=-301),
        row(ONE, createdOn=NEVER),
    ],
    ids=["as old as the limit", "expires", "in the future", "without a time"],
)
def test_none_is_young_enough(
    newest: dict[str, Any], check_mode: bool, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok([newest, *OLD]))
    options = {"keep_last": None, "ids": [TWO], "require_newer_than": "26h"}
    assert "no non-expiring backup newer than" in refused(
        prune(run, **options, check_mode=check_mode)
    )


def test_a_clock_may_be_ahead_by_five_minutes(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row(ONE, age=-300), *OLD]))
    result = prune(run, keep_last=None, ids=[TWO], require_newer_than="26h", check_mode=True)
    assert result["counts"]["removed"] == 1


def test_the_young_ones_may_not_all_go(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([NEW, *OLD]))
    result = prune(run, keep_last=None, ids=[ONE, TWO], require_newer_than="26h")
    assert "would be kept" in refused(result)


def test_a_policy_with_a_time_of_its_own_is_held_to_the_present(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(OLD))
    refused(prune(run, now="2026-11-03T13:00:00Z", require_newer_than="26h"))


def test_that_one_is_there_does_not_make_it_young(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row(ONE, age=-2 * HOUR), *OLD]))
    message = refused(prune(run, require_id=ONE, require_newer_than="26h"))
    assert "Check the clocks" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"require_id": "newest"}, "require_id: must be the ID of a backup"),
        ({"require_newer_than": "1m"}, "require_newer_than: '1m' has m"),
    ],
)
def test_wrong_input_is_told_before_anything_is_sent(
    options: dict[str, Any], words: str, wire: Wire, run: Run
) -> None:
    result = prune(run, **options)
    assert result["failure"]["code"] == "config"
    assert words in result["msg"]
    assert wire.connections == 0
