# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is repeated and what isn't: each row of the design's table, by what goes over the wire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import NOW, Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, row
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    RESET,
    SILENCE,
    Answer,
    Wire,
    empty,
    failed,
    html,
    is_clear,
    ok,
    patience,
)

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"
DELETE = f"deletebackup/{ONE}"

# An answer that may be another one next time, the code it comes to, the HTTP status.
TRANSIENT = [
    pytest.param(CLOSE, "connection", None, id="closed"),
    pytest.param(RESET, "connection", None, id="reset"),
    pytest.param(Answer(200, b"x" * 100, {}, "cut"), "connection", None, id="cut off"),
    pytest.param(SILENCE, "timeout", None, id="silence"),
    pytest.param(Answer(200, b"x" * 100, {}, "stall"), "timeout", None, id="stalls"),
    pytest.param(html(502), "server", 502, id="502"),
    pytest.param(html(503), "server", 503, id="503"),
    pytest.param(html(504), "server", 504, id="504"),
    pytest.param(empty(429), "rate_limited", 429, id="429"),
]
# One that stays: nothing is repeated.
LASTING = [
    pytest.param(empty(401), "auth", id="401"),
    pytest.param(failed(402), "payment", id="402"),
    pytest.param(empty(403), "forbidden", id="403"),
    pytest.param(empty(404), "not_found", id="404"),
    pytest.param(empty(405), "rejected", id="405"),
    pytest.param(failed(500), "server", id="500"),
    pytest.param(failed(501), "server", id="501"),
    pytest.param(html(200), "protocol", id="login page"),
]


def doubling(sleeps: list[float]) -> bool:
    """From half a second, doubled each time up to 8, never less, a little more at random."""
    floors = [min(8.0, 0.5 * 2**number) for number in range(len(sleeps))]
    return all(low <= slept <= min(8.0, low * 1.5) for low, slept in zip(floors, sleeps))


@pytest.mark.parametrize(("answer", "code", "status"), TRANSIENT)
def test_reading_is_repeated(
    answer: Answer, code: str, status: int | None, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", HISTORY, answer)
    wire.expect("GET", HISTORY, answer)
    wire.expect("GET", HISTORY, ok([row()]))
    result = run("docspace_backup_info", retries=2, timeout=patience(answer), verbosity=1)
    assert result["count"] == 1
    assert len(clock.sleeps) == 2 and doubling(clock.sleeps)
    assert len(result["log"]) == 2
    assert all(f"{HISTORY}: {code}, repeated after " in line for line in result["log"])


@pytest.mark.parametrize(("answer", "code", "status"), TRANSIENT)
def test_reading_is_repeated_no_more_often_than_asked(
    answer: Answer, code: str, status: int | None, wire: Wire, run: Run, clock: Clock
) -> None:
    for _time in range(2):
        wire.expect("GET", HISTORY, answer)
    result = run("docspace_backup_info", retries=1, timeout=patience(answer))
    assert result["failure"]["code"] == code
    assert result["failure"]["status"] == status
    assert result["failure"]["method"] == "GET"
    assert result["failure"]["path"] == f"/api/2.0/backup/{HISTORY}"
    assert result["changed"] is False
    assert "log" not in result, "only -v shows what was repeated"


@pytest.mark.parametrize(("answer", "code", "status"), TRANSIENT)
def test_nothing_is_repeated_with_no_retries(
    answer: Answer, code: str, status: int | None, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", HISTORY, answer)
    result = run("docspace_backup_info", retries=0, timeout=patience(answer))
    assert result["failure"]["code"] == code
    assert clock.sleeps == []


@pytest.mark.parametrize(("answer", "code"), LASTING)
def test_a_lasting_failure_is_not_repeated(
    answer: Answer, code: str, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", HISTORY, answer)
    result = run("docspace_backup_info")
    assert result["failure"]["code"] == code
    assert clock.sleeps == []


def test_three_repeats_are_the_default(wire: Wire, run: Run, clock: Clock) -> None:
    for _time in range(4):
        wire.expect("GET", HISTORY, html(503))
    assert run("docspace_backup_info")["failure"]["status"] == 503
    assert len(clock.sleeps) == 3 and doubling(clock.sleeps)


def test_the_wait_grows_to_eight_seconds(wire: Wire, run: Run, clock: Clock) -> None:
    for _time in range(13):
        wire.expect("GET", HISTORY, html(503))
    assert run("docspace_backup_info", retries=12)["failed"]
    assert doubling(clock.sleeps)
    assert clock.sleeps[-1] == 8.0


def test_the_wait_has_jitter(wire: Wire, run: Run, clock: Clock) -> None:
    for _time in range(9):
        wire.expect("GET", HISTORY, html(503))
    assert run("docspace_backup_info", retries=8)["failed"]
    exact = [min(8.0, 0.5 * 2**number) for number in range(4)]
    assert clock.sleeps[:4] != exact


# Retry-After, the seconds that are waited; None for a task that fails at once.
RETRY_AFTER = [
    pytest.param("0", 0.0, id="now"),
    pytest.param("7", 7.0, id="seconds"),
    pytest.param(" 7 ", 7.0, id="blanks"),
    pytest.param("30", 30.0, id="just"),
    pytest.param("31", None, id="too long"),
    pytest.param("86400", None, id="a day"),
    pytest.param("9" * 400, None, id="endless"),
    pytest.param(format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9.0, id="date"),
    pytest.param(format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0, id="past date"),
    pytest.param(format_datetime(NOW + timedelta(hours=1), usegmt=True), None, id="far date"),
    pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", None, id="last date"),
    pytest.param("Thu, 01 Jan 1970 00:00:00 GMT", 0.0, id="first date"),
]


@pytest.mark.parametrize(("header", "seconds"), RETRY_AFTER)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_retry_after(
    method: str, header: str, seconds: float | None, wire: Wire, run: Run, clock: Clock
) -> None:
    refused = empty(429, Retry_After=header)
    if method == "GET":
        wire.expect("GET", HISTORY, refused)
        if seconds is not None:
            wire.expect("GET", HISTORY, ok([]))
        result = run("docspace_backup_info")
    else:
        wire.expect("GET", HISTORY, ok([row()]))
        wire.expect("DELETE", DELETE, refused)
        if seconds is None:
            wire.expect("GET", HISTORY, ok([row()]))
        else:
            wire.expect("DELETE", DELETE, ok(True))
        result = run("docspace_backup", id=ONE, state="absent")
    if seconds is None:
        assert result["failure"]["code"] == "rate_limited"
        assert clock.sleeps == []
    else:
        assert not result.get("failed")
        assert clock.sleeps == [seconds]


@pytest.mark.parametrize(
    "header",
    [
        *("soon", "-5", "", "1.5", "Thu, 99 Nov 2026 12:00:00 GMT", "\u00b2", "1\u00b2", "\u00bd"),
        *("1e400", "nan", "inf", "+5", "0x10", "5;", "Thu, 05 Nov 99999 12:00:00 GMT", "\x00"),
    ],
)
def test_an_unreadable_retry_after_counts_as_none(
    header: str, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", HISTORY, empty(429, Retry_After=header))
    wire.expect("GET", HISTORY, ok([]))
    assert run("docspace_backup_info")["count"] == 0
    assert len(clock.sleeps) == 1 and doubling(clock.sleeps)


def test_retry_after_counts_only_with_429(wire: Wire, run: Run, clock: Clock) -> None:
    wire.expect("GET", HISTORY, empty(503, Retry_After="3000"))
    wire.expect("GET", HISTORY, ok([]))
    assert run("docspace_backup_info")["count"] == 0
    assert doubling(clock.sleeps)


@pytest.mark.parametrize(("answer", "code", "status"), TRANSIENT[:-1])
def test_a_delete_is_repeated_while_the_history_has_the_backup(
    answer: Answer, code: str, status: int | None, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    for _time in range(2):
        wire.expect("DELETE", DELETE, answer)
        wire.expect("GET", HISTORY, ok([row()]))
    wire.expect("DELETE", DELETE, ok(True))
    result = run("docspace_backup", id=ONE, state="absent", timeout=patience(answer), verbosity=1)
    assert result["changed"] is True
    assert "warnings" not in result
    assert len(clock.sleeps) == 2 and doubling(clock.sleeps)
    assert [DELETE in line for line in result["log"]] == [True, True]


@pytest.mark.parametrize(("answer", "code", "status"), TRANSIENT[:-1])
def test_a_delete_is_not_repeated_when_the_backup_is_gone(
    answer: Answer, code: str, status: int | None, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    wire.expect("DELETE", DELETE, answer)
    wire.expect("GET", HISTORY, ok([]))
    result = run("docspace_backup", id=ONE, state="absent", timeout=patience(answer))
    assert result["changed"] is True
    assert clock.sleeps == []


@pytest.mark.parametrize(("answer", "code", "status"), TRANSIENT[:-1])
@pytest.mark.parametrize("retries", [0, 1])
def test_a_delete_is_repeated_no_more_often_than_asked(
    retries: int, answer: Answer, code: str, status: int | None, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    for _time in range(retries + 1):
        wire.expect("DELETE", DELETE, answer)
        wire.expect("GET", HISTORY, ok([row()]))
    for _late in range(0 if is_clear(answer) else 2):
        wire.expect("GET", HISTORY, ok([row()]))
    result = run(
        "docspace_backup", id=ONE, state="absent", timeout=patience(answer), retries=retries
    )
    assert result["failure"]["code"] == code
    assert result["failure"]["status"] == status
    assert result["failure"]["method"] == "DELETE"
    assert result["changed"] is not is_clear(answer)
    assert ("was not deleted" in result["msg"]) == is_clear(answer)


def test_a_refused_delete_is_repeated_without_a_look(wire: Wire, run: Run, clock: Clock) -> None:
    """429 had no effect (C32)."""
    wire.expect("GET", HISTORY, ok([row()]))
    for _time in range(3):
        wire.expect("DELETE", DELETE, empty(429))
    wire.expect("DELETE", DELETE, ok(True))
    assert run("docspace_backup", id=ONE, state="absent")["changed"] is True
    assert len(clock.sleeps) == 3 and doubling(clock.sleeps)


def test_a_delete_that_stays_refused_fails(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    for _time in range(2):
        wire.expect("DELETE", DELETE, empty(429))
    wire.expect("GET", HISTORY, ok([row()]))
    result = run("docspace_backup", id=ONE, state="absent", retries=1)
    assert result["failure"]["code"] == "rate_limited"
    assert result["changed"] is False


@pytest.mark.parametrize("answer", [failed(500), failed(404, "/srv/backup"), empty(410)])
def test_a_delete_that_failed_for_good_is_not_repeated(
    answer: Answer, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    wire.expect("DELETE", DELETE, answer)
    wire.expect("GET", HISTORY, ok([row()]))
    result = run("docspace_backup", id=ONE, state="absent")
    assert result["failure"]["status"] == answer.status
    assert clock.sleeps == []


def test_the_second_reading_is_repeated_too(wire: Wire, run: Run, clock: Clock) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    wire.expect("DELETE", DELETE, CLOSE)
    wire.expect("GET", HISTORY, html(502))
    wire.expect("GET", HISTORY, ok([]))
    assert run("docspace_backup", id=ONE, state="absent")["changed"] is True
    assert len(clock.sleeps) == 1
