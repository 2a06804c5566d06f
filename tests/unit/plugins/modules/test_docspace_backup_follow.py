# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup with task_id: it waits for what somebody else started, and sends nothing but GETs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, TWO, row, task
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire, failed, ok

Run = Callable[..., dict[str, Any]]

HISTORY, PROGRESS = "getbackuphistory", "getbackupprogress"
NEW, OLD = row(ONE, age=60), [row(TWO, age=2 * 86400)]


def follow(run: Run, **options: Any) -> dict[str, Any]:
    result = run("docspace_backup", **{"task_id": ONE, **options})
    assert result["changed"] is False
    return result


def found(result: dict[str, Any]) -> str:
    assert "failed" not in result, result.get("msg")
    assert result["joined"] is False
    assert result["diff"]["before"] == result["diff"]["after"]
    return str(result["backup"]["id"])


@pytest.mark.parametrize("options", [{}, {"check_mode": True}, {"wait": False}])
def test_one_that_is_there_is_not_waited_for(options: dict[str, Any], wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([NEW, *OLD]))
    result = follow(run, task_id=ONE.upper(), **options)
    assert (found(result), result["task"]) == (ONE, None)


def test_one_that_is_being_made_is_waited_for(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(OLD))
    for progress in (10, 60):
        wire.expect("GET", PROGRESS, ok(task(ONE, progress)))
    wire.expect("GET", PROGRESS, ok(task(ONE, 100, status=2, warning="A file is missing.")))
    wire.expect("GET", HISTORY, ok([NEW, *OLD]))
    result = follow(run)
    assert (found(result), result["task"]["status"]) == (ONE, "completed")
    assert any("A file is missing." in warning for warning in result["warnings"])


@pytest.mark.parametrize("options", [{"check_mode": True}, {"wait": False}])
def test_it_may_look_once(options: dict[str, Any], wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(OLD))
    wire.expect("GET", PROGRESS, ok(task(ONE, 10)))
    result = follow(run, **options)
    assert (result["backup"], result["task"]["progress"]) == (None, 10)
    assert result["diff"] == {"before": {}, "after": {}}


def test_one_that_came_between_two_looks_is_there(wire: Wire, run: Run) -> None:
    """The portal's next backup hides that this one's task has ended."""
    wire.expect("GET", HISTORY, ok(OLD))
    wire.expect("GET", PROGRESS, ok(task(TWO, 5)))
    wire.expect("GET", HISTORY, ok([NEW, *OLD]))
    assert found(follow(run)) == ONE


@pytest.mark.parametrize("other", [None, task(TWO, 5)])
@pytest.mark.parametrize("dump", [False, True])
def test_one_that_nobody_makes(
    other: dict[str, Any] | None, dump: bool, wire: Wire, run: Run
) -> None:
    query = "?Dump=true" if dump else ""
    wire.expect("GET", f"{HISTORY}{query}", ok(OLD))
    wire.expect("GET", f"{PROGRESS}{query}", ok(other))
    wire.expect("GET", f"{HISTORY}{query}", ok(OLD))
    result = follow(run, dump=dump)
    assert result["failure"]["code"] == "not_found"
    assert f"no {'server-wide backup' if dump else 'backup of the portal'}" in result["msg"]
    assert (f"The current one is {TWO} (running)" in result["msg"]) is bool(other)


@pytest.mark.parametrize(("status", "word"), [(3, "was cancelled"), (4, "failed")])
def test_one_that_failed_before_is_told_at_once(
    status: int, word: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(OLD))
    error = "No space" if status == 4 else ""
    wire.expect("GET", PROGRESS, ok(task(ONE, 40, status=status, error=error)))
    result = follow(run)
    assert (result["failure"]["code"], result["task"]["id"]) == ("task_failed", ONE)
    assert f"{word} at 40 %" in result["msg"]


def test_one_that_takes_too_long(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(OLD))
    for _look in range(3):
        wire.expect("GET", PROGRESS, ok(task(ONE, 10)))
    result = follow(run, wait_timeout=10)
    assert (result["failure"]["code"], result["task"]["status"]) == ("task_failed", "running")
    assert "is at 10 % after 10 s ('wait_timeout')" in result["msg"]


def test_a_portal_that_refuses_while_it_is_followed(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(OLD))
    wire.expect("GET", PROGRESS, ok(task(ONE, 10)))
    wire.expect("GET", PROGRESS, failed(403))
    assert follow(run)["failure"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task_id": "newest"}, "task_id: must be the ID of a backup"),
        ({"id": TWO}, "mutually exclusive: task_id|id"),
        ({"max_age": "1d"}, "mutually exclusive: task_id|max_age"),
        ({"storage_type": "local"}, "mutually exclusive: task_id|storage_type"),
        ({"state": "absent"}, "state is absent but all of the following are missing: id"),
        ({"on_timeout": "cancel"}, "on_timeout: cancel can't be combined"),
        ({"wait_timeout": 0}, "wait_timeout: must be from 1 second"),
    ],
)
def test_wrong_input_is_told_before_anything_is_sent(
    options: dict[str, Any], words: str, wire: Wire, run: Run
) -> None:
    result = run("docspace_backup", **{"task_id": ONE, **options})
    assert result["failed"] is True
    assert words in result["msg"]
    assert wire.connections == 0
