# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup that makes a backup: started or joined, followed to each of its ends.

The whole module against a scripted portal, which fails the test on any request too many: that a
start is never sent twice shows in every script here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY, LINK, Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import (
    NEVER,
    ONE,
    RECORD,
    THREE,
    TWO,
    row,
    task,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    RESET,
    SILENCE,
    Answer,
    Wire,
    empty,
    failed,
    html,
    ok,
    patience,
    redirect,
)

Run = Callable[..., dict[str, Any]]

HISTORY, PROGRESS, START, CANCEL = (
    "getbackuphistory",
    "getbackupprogress",
    "startbackup",
    "cancelbackup",
)
SCHEDULE = "getbackupschedule"
LOCAL: dict[str, Any] = {"storage_type": "local", "path": "/srv/backup"}
PAIRS = [{"key": "filePath", "value": "/srv/backup"}]
BODY = {"storageType": "Local", "storageParams": PAIRS}
CREATED, RUNNING, DONE = task(status=0), task(progress=40), task(progress=100, status=2)
FACTS = {key: value for key, value in RECORD.items() if key != "age_seconds"}

# What a portal may say while it is away for a moment.
AWAY = [
    pytest.param(CLOSE, id="closed"),
    pytest.param(RESET, id="reset"),
    pytest.param(SILENCE, id="silence"),
    pytest.param(html(502), id="502"),
    pytest.param(html(503), id="503"),
    pytest.param(html(504), id="504"),
    pytest.param(empty(429), id="429"),
    pytest.param(failed(500), id="500"),
]
# What may come in place of the answer to a start that was taken all the same.
LOST = [
    pytest.param(CLOSE, id="closed"),
    pytest.param(RESET, id="reset"),
    pytest.param(SILENCE, id="silence"),
    pytest.param(Answer(200, b"x" * 100, {}, "cut"), id="cut off"),
    pytest.param(html(502), id="502"),
    pytest.param(html(504), id="504"),
    pytest.param(html(200), id="page"),
    pytest.param(ok(None), id="nothing"),
    pytest.param(ok(True), id="true"),
    pytest.param(ok({"taskId": ONE}), id="half a task"),
]


def begin(wire: Wire, answer: Answer | None = None, *, before: Any = None, **body: Any) -> None:
    """The portal's task is looked at, then one is started."""
    wire.expect("GET", PROGRESS, ok(before))
    wire.expect("POST", START, answer or ok(CREATED), body=body or BODY)


def look(wire: Wire, progress: Any, history: Any = None) -> None:
    """A look at the task, and at the history where one is needed. Rows, or whole answers."""
    wire.expect("GET", PROGRESS, progress if isinstance(progress, Answer) else ok(progress))
    if history is not None:
        wire.expect("GET", HISTORY, history if isinstance(history, Answer) else ok(history))


def make(run: Run, **options: Any) -> dict[str, Any]:
    return run("docspace_backup", **{**LOCAL, **options})


def seen(task_id: str = ONE, progress: int = 0, status: str = "running", **values: Any) -> Any:
    """A task as the module returns it."""
    return {
        "id": task_id,
        "progress": progress,
        "status": status,
        "warning": None,
        "error": None,
        **values,
    }


def made(result: dict[str, Any]) -> dict[str, Any]:
    """The backup without its age, which grows with the wait."""
    return {key: value for key, value in result["backup"].items() if key != "age_seconds"}


def refused(result: dict[str, Any], code: str = "task_failed", changed: bool = False) -> str:
    """The message of a task that failed as it should."""
    assert result["failed"] is True
    assert result["failure"]["code"] == code
    assert result["changed"] is changed
    return str(result["msg"])


# --- made ---


def test_a_backup_is_made_and_returned(wire: Wire, run: Run, clock: Clock) -> None:
    begin(wire)
    look(wire, CREATED)
    look(wire, RUNNING)
    look(wire, DONE, [row(TWO), row(age=-15)])
    result = make(run)
    assert result["changed"] is True
    # Made 15 s after the start of the test's clock, so now it is new.
    assert result["backup"] == {
        **RECORD,
        "created_on": "2026-11-05T12:00:15Z",
        "age_seconds": 0,
        "age": "0 seconds",
    }
    assert result["task"] == seen(ONE, 100, "completed")
    assert result["joined"] is False
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"]["id"] == ONE
    assert "warnings" not in result
    assert clock.sleeps == [5.0, 5.0, 5.0]
    assert wire.connections == 1


def test_a_quick_backup_costs_four_requests(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, DONE, [row()])
    make(run)
    assert len(wire.requests) == 4


def test_a_task_that_ended_before_is_not_followed(wire: Wire, run: Run) -> None:
    begin(wire, before=task(TWO, 100, status=2))
    look(wire, DONE, [row(), row(TWO)])
    assert made(make(run)) == FACTS


def test_the_servers_own_backup(wire: Wire, run: Run) -> None:
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(None))
    wire.expect("POST", START, ok(CREATED), body={**BODY, "dump": True})
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(DONE))
    wire.expect("GET", f"{HISTORY}?Dump=true", ok([row()]))
    assert made(make(run, dump=True)) == FACTS


def test_ids_are_compared_in_one_form(wire: Wire, run: Run) -> None:
    begin(wire, ok(task(ONE.upper(), status=0)))
    look(wire, DONE, [row(ONE.replace("-", ""))])
    assert make(run)["task"]["id"] == ONE


@pytest.mark.parametrize(
    "running", [None, task(TWO, 100, status=2), task(TWO, 9, error="Full.", status=2)]
)
def test_a_dry_run_makes_none_and_says_that_it_would(running: Any, wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(running))
    result = make(run, check_mode=True)
    assert result["changed"] is True
    assert (result["backup"], result["task"], result["joined"]) == (None, None, False)
    assert result["diff"] == {"before": {}, "after": {"storage_type": "local"}}


def test_without_waiting(wire: Wire, run: Run, clock: Clock) -> None:
    begin(wire)
    result = make(run, wait=False)
    assert result["changed"] is True
    assert result["backup"] is None
    assert result["task"] == seen(ONE, 0, "created")
    assert clock.sleeps == []


def test_a_warning_of_the_task_is_no_failure(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, {**DONE, "warning": "2 files are missing."}, [row()])
    result = make(run)
    assert result["changed"] is True
    assert result["task"]["warning"] == "2 files are missing."
    (warning,) = result["warnings"]
    assert "2 files are missing." in warning and ONE in warning


# --- how a task ends ---


def test_a_failed_task_says_that_it_is_completed(wire: Wire, run: Run) -> None:
    """Its error tells, not its status (C23)."""
    begin(wire)
    look(wire, task(progress=18, status=2, error="No space left on device"))
    result = make(run)
    message = refused(result)
    assert message.startswith(f"Backup task {ONE} failed at 18 %.")
    assert "No space left on device" in message
    assert result["failure"]["detail"] == "No space left on device"
    assert result["task"] == seen(ONE, 18, "failed", error="No space left on device")
    assert result["joined"] is False


def test_a_task_with_the_status_failed(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, task(progress=18, status=4))
    result = make(run)
    assert "None" not in refused(result)
    assert result["task"]["status"] == "failed"


def test_a_long_error_keeps_the_message_short(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, task(status=2, error="x" * 5000))
    refused(make(run))


def test_a_cancelled_task(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, task(progress=18, status=3, warning="Backup cancelled"))
    result = make(run)
    message = refused(result)
    assert message.startswith(f"Backup task {ONE} was cancelled at 18 %")
    assert result["task"] == seen(ONE, 18, "cancelled", warning="Backup cancelled")


# The server's list may be empty, or hold somebody else's task.
ELSE = [pytest.param(None, id="gone"), pytest.param(task(TWO, 30), id="replaced")]


@pytest.mark.parametrize("instead", ELSE)
def test_a_task_that_is_gone_with_a_record_is_done(instead: Any, wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, instead, [row(TWO), row()])
    result = make(run)
    assert result["changed"] is True
    assert made(result) == FACTS
    assert result["task"] == seen(ONE, 100, "completed")


@pytest.mark.parametrize("instead", ELSE)
def test_a_task_that_is_gone_without_a_record(
    instead: Any, wire: Wire, run: Run, clock: Clock
) -> None:
    """It is looked for 10 s more, because a cancelled one comes back to say so (C24)."""
    begin(wire)
    look(wire, RUNNING)
    for _look in range(6):
        look(wire, instead, [row(TWO)])
    result = make(run)
    message = refused(result)
    assert message.startswith(f"Backup task {ONE} disappeared at 40 %")
    assert "cancelled" in message
    assert clock.sleeps == [5.0, 5.0] + [2.0] * 5
    assert result["task"]["id"] == ONE
    assert result["joined"] is False


def test_a_task_that_is_gone_was_last_seen_as_the_message_says(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    for _look in range(6):
        look(wire, None, [])
    assert make(run)["task"] == seen(ONE, 40, "running")


def test_a_cancelled_task_comes_back_to_say_so(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, None, [])
    look(wire, None, [])
    look(wire, task(progress=18, status=3, warning="Backup cancelled"))
    assert "was cancelled at 18 %" in refused(make(run))


def test_a_task_that_was_missing_for_a_moment_is_followed_on(
    wire: Wire, run: Run, clock: Clock
) -> None:
    begin(wire)
    look(wire, None, [])
    look(wire, RUNNING)
    # Anew: else the first gap's time would count against the second one.
    look(wire, RUNNING)
    for _look in range(5):
        look(wire, None, [])
    look(wire, DONE, [row()])
    assert made(make(run)) == FACTS
    assert clock.sleeps == [5.0, 2.0, 5.0, 5.0] + [2.0] * 5


def test_a_record_may_come_after_the_task_is_gone(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, None, [])
    look(wire, None, [row()])
    assert made(make(run)) == FACTS


def test_a_portal_that_is_away_says_nothing_about_a_missing_task(wire: Wire, run: Run) -> None:
    """The 10 s are for looking. Nobody looked while the portal was away."""
    begin(wire)
    look(wire, None, [])
    for _look in range(8):
        look(wire, html(502))
    look(wire, RUNNING)
    look(wire, DONE, [row()])
    assert made(make(run)) == FACTS


def test_a_completed_task_without_a_record(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, DONE, [row(TWO)])
    result = make(run)
    message = refused(result)
    assert message.startswith(f"Backup task {ONE} is completed, but")
    assert "history" in message
    assert result["task"]["status"] == "completed"


def test_a_task_that_never_starts(wire: Wire, run: Run) -> None:
    begin(wire)
    for _look in range(4):
        look(wire, CREATED)
    result = make(run, wait_timeout=20)
    message = refused(result, changed=True)
    assert message.startswith(f"Backup task {ONE} hasn't started after 20 s ('wait_timeout')")
    assert result["task"] == seen(ONE, 0, "created")


def test_a_task_that_takes_too_long_goes_on(wire: Wire, run: Run, clock: Clock) -> None:
    begin(wire)
    for percent in (10, 20, 30):
        look(wire, task(progress=percent))
    result = make(run, wait_timeout=12)
    message = refused(result, changed=True)
    assert message.startswith(f"Backup task {ONE} is at 30 % after 12 s ('wait_timeout')")
    assert "still runs" in message
    assert result["task"] == seen(ONE, 30)
    assert result["joined"] is False
    assert clock.sleeps == [5.0, 5.0, 2.0]


def test_a_task_that_ends_with_the_last_look_is_done(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    look(wire, DONE, [row()])
    assert made(make(run, wait_timeout=10)) == FACTS


@pytest.mark.parametrize(
    ("odd", "status", "over"),
    [
        pytest.param({**RUNNING, "status": 7}, "running", False, id="7"),
        pytest.param({**RUNNING, "status": None}, "running", False, id="no"),
        pytest.param({**DONE, "status": 7}, "completed", True, id="7 done"),
        pytest.param({**DONE, "status": "2"}, "completed", True, id="text"),
    ],
)
def test_an_unknown_status(
    odd: dict[str, Any], status: str, over: bool, wire: Wire, run: Run
) -> None:
    """Whether it is over is what counts, and then whether there is a record."""
    begin(wire)
    look(wire, odd, [row()] if over else None)
    result = make(run, wait_timeout=5)
    assert result["task"]["status"] == status
    assert result.get("failed", False) is not over


# --- a portal that misbehaves meanwhile ---


@pytest.mark.parametrize("answer", AWAY)
def test_a_portal_that_is_away_for_a_while(
    answer: Answer, wire: Wire, run: Run, clock: Clock
) -> None:
    begin(wire)
    look(wire, RUNNING)
    for _look in range(3):
        look(wire, answer)
    look(wire, DONE, [row()])
    result = make(run, timeout=patience(answer), verbosity=1)
    assert made(result) == FACTS
    assert clock.sleeps == [5.0] * 5, "looked at in its own pace"
    assert sum("polled again" in line for line in result["log"]) == 3


@pytest.mark.parametrize("answer", AWAY)
def test_a_history_that_is_away_for_a_while(answer: Answer, wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, DONE, answer)
    look(wire, DONE, [row()])
    result = make(run, timeout=patience(answer), retries=0)
    assert made(result) == FACTS


def test_a_portal_that_stays_away(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    for _look in range(3):
        look(wire, html(502))
    result = make(run, wait_timeout=20)
    message = refused(result, changed=True)
    assert message.startswith(f"Backup task {ONE} is at 40 % after 20 s")
    assert result["task"] == seen(ONE, 40)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (empty(401), "auth"),
        (failed(402), "payment"),
        (empty(403), "forbidden"),
        (empty(404), "not_found"),
        (html(200), "protocol"),
        (redirect("https://sso.example.com/"), "protocol"),
        (ok(True), "protocol"),
        (ok([DONE]), "protocol"),
        (ok({**DONE, "isCompleted": "true"}), "protocol"),
    ],
)
@pytest.mark.parametrize("joined", [False, True])
def test_what_stays_wrong_ends_the_wait(
    joined: bool, answer: Answer, code: str, wire: Wire, run: Run
) -> None:
    """A backup of ours goes on meanwhile, and that is a change."""
    if joined:
        wire.expect("GET", PROGRESS, ok(RUNNING))
    else:
        begin(wire)
    look(wire, answer)
    result = make(run)
    refused(result, code, changed=not joined)
    assert result["joined"] is joined
    assert result["task"]["id"] == ONE


# --- joined ---


def test_a_running_backup_is_joined(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(RUNNING))
    look(wire, task(progress=80))
    look(wire, DONE, [row()])
    result = make(run)
    assert result["changed"] is False
    assert result["joined"] is True
    assert made(result) == FACTS
    assert result["task"] == seen(ONE, 100, "completed")
    assert result["diff"]["before"] == result["diff"]["after"]


@pytest.mark.parametrize("status", [0, 1])
def test_joined_without_waiting(status: int, wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(task(progress=40, status=status)))
    result = make(run, wait=False)
    assert (result["changed"], result["joined"], result["backup"]) == (False, True, None)
    assert result["task"]["progress"] == 40


def test_a_dry_run_joins(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(RUNNING))
    result = make(run, check_mode=True)
    assert (result["changed"], result["joined"], result["backup"]) == (False, True, None)
    assert result["task"] == seen(ONE, 40)


def test_a_joined_backup_that_takes_too_long_is_no_change(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(RUNNING))
    look(wire, RUNNING)
    result = make(run, wait_timeout=5)
    refused(result, changed=False)
    assert result["joined"] is True
    assert result["task"] == seen(ONE, 40)


@pytest.mark.parametrize(
    "end", [task(progress=9, status=2, error="Full."), task(progress=9, status=3)]
)
def test_a_joined_backup_that_ends_badly(end: Any, wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(RUNNING))
    look(wire, end)
    result = make(run)
    refused(result)
    assert result["joined"] is True


def test_a_joined_backup_of_another_type_is_followed_by_our_own(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(task(TWO, 40)))
    look(wire, task(TWO, 100, status=2), [row(TWO, storageType=4)])
    wire.expect("POST", START, ok(CREATED), body=BODY)
    look(wire, DONE, [row(), row(TWO, storageType=4)])
    result = make(run, verbosity=1)
    assert (result["changed"], result["joined"], made(result)) == (True, False, FACTS)
    assert result["task"]["id"] == ONE
    assert any("data_store" in line for line in result["log"])


def test_a_wait_for_two_backups_is_one_wait(wire: Wire, run: Run, clock: Clock) -> None:
    wire.expect("GET", PROGRESS, ok(task(TWO, 40)))
    look(wire, task(TWO, 60))
    look(wire, task(TWO, 100, status=2), [row(TWO, storageType=4)])
    wire.expect("POST", START, ok(CREATED), body=BODY)
    look(wire, RUNNING)
    result = make(run, wait_timeout=15)
    refused(result, changed=True)
    assert result["task"]["id"] == ONE
    assert sum(clock.sleeps) == 15


def test_no_time_is_left_for_our_own(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(task(TWO, 40)))
    look(wire, task(TWO, 100, status=2), [row(TWO, storageType=4)])
    result = make(run, wait_timeout=5)
    message = refused(result)
    assert "data_store" in message and "local" in message and "wait_timeout" in message


def test_a_failed_task_is_returned_also_when_no_time_is_left(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(task(TWO, 40)))
    look(wire, task(TWO, 100, status=2), [row(TWO, storageType=4)])
    result = make(run, wait_timeout=5)
    assert result["task"] == seen(TWO, 100, "completed")
    assert result["joined"] is True


def test_somebody_else_starts_first(wire: Wire, run: Run) -> None:
    """The server then answers with the running task, and ignores the start (C22)."""
    begin(wire, ok(task(TWO, 3)))
    look(wire, task(TWO, 100, status=2), [row(TWO)])
    result = make(run)
    assert (result["changed"], result["joined"]) == (False, True)
    assert made(result) == {**FACTS, "id": TWO}


def test_somebody_else_starts_one_of_another_type_first(wire: Wire, run: Run) -> None:
    begin(wire, ok(task(TWO, 3)))
    look(wire, task(TWO, 100, status=2), [row(TWO, storageType=0)])
    wire.expect("POST", START, ok(CREATED), body=BODY)
    look(wire, DONE, [row()])
    result = make(run)
    assert (result["changed"], result["joined"], made(result)) == (True, False, FACTS)


def test_somebody_elses_that_has_not_begun_shows_by_its_type(wire: Wire, run: Run) -> None:
    """A task just queued looks like ours; its record tells that it isn't."""
    begin(wire, ok(task(TWO, status=0)))
    look(wire, task(TWO, 100, status=2), [row(TWO, storageType=0)])
    wire.expect("POST", START, ok(CREATED), body=BODY)
    look(wire, DONE, [row()])
    assert made(make(run)) == FACTS


def test_one_that_was_joined_before_does_not_make_a_strangers_ours(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(task(TWO, 40)))
    look(wire, task(TWO, 100, status=2), [row(TWO, storageType=4)])
    wire.expect("POST", START, ok(task(THREE, status=0)), body=BODY)
    look(wire, task(THREE, 100, status=2), [row(THREE, storageType=0)])
    wire.expect("POST", START, ok(CREATED), body=BODY)
    look(wire, DONE, [row()])
    assert made(make(run)) == FACTS


def test_a_server_that_stores_elsewhere_is_not_asked_over_and_over(wire: Wire, run: Run) -> None:
    begin(wire, ok(task(TWO, status=0)))
    look(wire, task(TWO, 100, status=2), [row(TWO, storageType=0)])
    wire.expect("POST", START, ok(CREATED), body=BODY)
    look(wire, DONE, [row(storageType=0)])
    result = make(run)
    assert (result["backup"]["id"], result["backup"]["storage_type"]) == (ONE, "documents")


# --- a lost answer to the start ---


@pytest.mark.parametrize("answer", LOST)
def test_a_lost_start_is_looked_for_and_followed(
    answer: Answer, wire: Wire, run: Run, clock: Clock
) -> None:
    begin(wire, answer)
    look(wire, None)
    look(wire, CREATED)
    look(wire, DONE, [row()])
    result = make(run, timeout=patience(answer), verbosity=1)
    assert result["changed"] is True
    assert result["joined"] is False
    assert made(result) == FACTS
    assert clock.sleeps == [1.0, 5.0]
    assert any(START in line for line in result["log"])


@pytest.mark.parametrize("answer", LOST)
def test_a_lost_start_that_is_not_found_fails(
    answer: Answer, wire: Wire, run: Run, clock: Clock
) -> None:
    old = task(TWO, 100, status=2)
    begin(wire, answer, before=old)
    for _look in range(10):
        look(wire, old)
    wire.expect("GET", HISTORY, ok([row(THREE)]))
    message = refused(make(run, timeout=patience(answer)), failure_of(answer), changed=True)
    assert message.startswith("Not known whether")
    assert "the backup was started" in message and "run the task again" in message
    assert f"The newest backup in the history is {THREE} of 2026-" in message
    assert sum(clock.sleeps) <= 10


@pytest.mark.parametrize(
    ("history", "says"), [(ok([]), "is empty"), (failed(500), "couldn't be read either (server)")]
)
def test_a_lost_start_with_no_history_to_tell(
    history: Answer, says: str, wire: Wire, run: Run
) -> None:
    begin(wire, html(504))
    for _look in range(10):
        look(wire, None)
    wire.expect("GET", HISTORY, history)
    assert says in refused(make(run), "server", changed=True)


def failure_of(answer: Answer) -> str:
    if answer.end == "silence":
        return "timeout"
    if answer.end != "whole":
        return "connection"
    return "protocol" if answer.status == 200 else "server"


def test_a_lost_start_that_runs_already_is_ours(wire: Wire, run: Run) -> None:
    """Nothing ran just before, and a gateway gives up after a minute: the task is well on its way."""
    begin(wire, html(504))
    look(wire, RUNNING)
    look(wire, DONE, [row()])
    result = make(run)
    assert (result["changed"], result["joined"]) == (True, False)


def test_a_lost_start_that_has_ended_already(wire: Wire, run: Run) -> None:
    begin(wire, html(504))
    look(wire, DONE)
    look(wire, DONE, [row()])
    result = make(run)
    assert result["changed"] is True
    assert made(result) == FACTS


def test_a_portal_that_is_away_while_a_lost_start_is_looked_for(wire: Wire, run: Run) -> None:
    begin(wire, CLOSE)
    for answer in (CLOSE, html(502), empty(429), ok(CREATED)):
        look(wire, answer)
    look(wire, DONE, [row()])
    assert make(run)["changed"] is True


def test_a_start_that_was_refused_for_the_moment_is_repeated(
    wire: Wire, run: Run, clock: Clock
) -> None:
    """429 had no effect (C32)."""
    begin(wire, empty(429))
    wire.expect("POST", START, ok(CREATED), body=BODY)
    look(wire, DONE, [row()])
    assert make(run)["changed"] is True


@pytest.mark.parametrize("missing", [{**CREATED, "taskId": ""}, {**CREATED, "taskId": None}])
def test_a_task_without_an_id_cannot_be_followed(missing: Any, wire: Wire, run: Run) -> None:
    begin(wire, ok(missing))
    for _look in range(10):
        look(wire, missing)
    wire.expect("GET", HISTORY, ok([]))
    refused(make(run), "protocol", changed=True)


# --- refused ---

FOLDER = {"storage_type": "documents", "path": None, "folder_id": "17"}
FOLDER_BODY = {"storageType": "Documents", "storageParams": [{"key": "folderId", "value": "17"}]}


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (failed(404, "The required folder was not found"), "not_found", "'folder_id'"),
        (failed(403, "Access denied"), "forbidden", "access to this folder"),
        (failed(400, "wrong folder type"), "rejected", "'storage_type'"),
        (failed(500, "The given key 'x' was not present."), "server", "'storage_params'"),
        (failed(402, "Not more than 2 backups a month"), "payment", "quota"),
    ],
)
def test_the_servers_refusal_is_a_sentence(
    answer: Answer, code: str, says: str, wire: Wire, run: Run, clock: Clock
) -> None:
    begin(wire, answer, **FOLDER_BODY)
    looks = 10 if answer.status >= 500 else 1
    for _look in range(looks):
        look(wire, None)
    result = make(run, **FOLDER)
    message = refused(result, code)
    assert says in message
    assert result["failure"]["detail"] and result["failure"]["detail"] in message
    assert result["failure"]["method"] == "POST"
    assert clock.sleeps == [1.0] * (looks - 1)


@pytest.mark.parametrize(
    ("answer", "code"), [(empty(401), "auth"), (empty(403), "forbidden"), (empty(404), "not_found")]
)
def test_a_refusal_without_words(answer: Answer, code: str, wire: Wire, run: Run) -> None:
    """That is no word on the folder: a key that only reads, say, gets an empty 403 (C5)."""
    begin(wire, answer)
    look(wire, None)
    assert "'folder_id'" not in refused(make(run), code)


# --- pace ---


@pytest.mark.parametrize("interval", [1, 3, 60])
def test_the_pace_is_the_users(interval: int, wire: Wire, run: Run, clock: Clock) -> None:
    begin(wire)
    for _look in range(3):
        look(wire, RUNNING)
    make(run, poll_interval=interval, wait_timeout=3 * interval)
    assert clock.sleeps == [float(interval)] * 3


def test_the_pauses_grow_to_half_a_minute(wire: Wire, run: Run, clock: Clock) -> None:
    begin(wire)
    for _look in range(70):
        look(wire, RUNNING)
    look(wire, DONE, [row()])
    make(run, wait_timeout=10000)
    assert clock.sleeps == sorted(clock.sleeps)
    assert clock.sleeps[0] == 5.0
    assert clock.sleeps[-1] == 30.0
    assert 5.0 < clock.sleeps[40] < 30.0


@pytest.mark.parametrize("option", ["wait_timeout", "poll_interval"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_wait_without_time_is_refused(option: str, value: int, wire: Wire, run: Run) -> None:
    assert option in refused(make(run, **{option: value}), "config")


def test_the_user_sees_what_is_waited_for(wire: Wire, run: Run) -> None:
    begin(wire)
    for percent in (40, 40, 70):
        look(wire, task(progress=percent))
    look(wire, DONE, [row()])
    log = make(run, verbosity=1)["log"]
    assert ONE in log[0] and "3600 s" in log[0]
    assert [line.rpartition(", ")[2] for line in log[1:]] == ["40 %", "70 %", "100 %"]


def test_only_minus_v_shows_it(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, DONE, [row()])
    assert "log" not in make(run)


# --- fresh enough ---

DAY = 86400


def fresh(wire: Wire, run: Run, *rows: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A run that finds a backup young enough: one request, no change."""
    wire.expect("GET", HISTORY, ok(list(rows)))
    result = make(run, **{"max_age": "1d", **options})
    assert (result["changed"], result["joined"], result["task"]) == (False, False, None)
    assert result["diff"]["before"] == result["diff"]["after"] != {}
    return result


def stale(wire: Wire, run: Run, *rows: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A run that would make one."""
    wire.expect("GET", HISTORY, ok(list(rows)))
    wire.expect("GET", PROGRESS, ok(None))
    result = make(run, check_mode=True, **{"max_age": "1d", **options})
    assert (result["changed"], result["backup"]) == (True, None)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
def test_fresh_enough_is_one_request(check_mode: bool, wire: Wire, run: Run) -> None:
    result = fresh(wire, run, row(TWO, age=3 * DAY), row(age=DAY - 1), check_mode=check_mode)
    assert result["backup"]["id"] == ONE
    assert result["backup"]["age_seconds"] == DAY - 1
    assert "warnings" not in result


def test_the_newest_one_is_returned(wire: Wire, run: Run) -> None:
    result = fresh(wire, run, row(TWO, age=90), row(ONE, age=60), row(THREE, age=120))
    assert result["backup"]["id"] == ONE


@pytest.mark.parametrize("rows", [[], [row(age=DAY)], [row(age=DAY + 1), row(TWO, age=9 * DAY)]])
def test_none_is_fresh_enough(rows: list[Any], wire: Wire, run: Run) -> None:
    """One that is just as old as max_age is no younger."""
    assert "warnings" not in stale(wire, run, *rows)


def test_what_is_stale_is_made_anew(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row(TWO, age=2 * DAY)]))
    begin(wire)
    look(wire, DONE, [row(), row(TWO, age=2 * DAY)])
    result = make(run, max_age="1d")
    assert (result["changed"], made(result)) == (True, FACTS)


@pytest.mark.parametrize("max_age", ["0", "30m", "soon", "-1d", ""])
def test_a_max_age_that_is_none(max_age: str, wire: Wire, run: Run) -> None:
    if max_age == "0":
        stale(wire, run, row(age=0), max_age=max_age)
    else:
        assert "max_age" in refused(make(run, max_age=max_age), "config")


def test_a_copy_from_the_future_does_not_count_and_warns(wire: Wire, run: Run) -> None:
    """A wrong clock would else keep it fresh for years."""
    (warning,) = stale(wire, run, row(age=-301), row(TWO, age=2 * DAY))["warnings"]
    assert ONE in warning and "future" in warning
    (warning,) = fresh(wire, run, row(age=-301), row(TWO, age=60))["warnings"]
    assert ONE in warning


@pytest.mark.parametrize("when", [NEVER, "soon", "", None])
def test_a_copy_without_a_time_refuses(when: Any, wire: Wire, run: Run) -> None:
    rows = [row(TWO, age=60), row(createdOn=when, fileName="odd.tar.gz")]
    wire.expect("GET", HISTORY, ok(rows))
    message = refused(make(run, max_age="1d"), "protocol")
    assert message.startswith("max_age:") and ONE in message and "odd.tar.gz" in message


def test_a_copy_without_a_time_elsewhere_does_not_matter(wire: Wire, run: Run) -> None:
    fresh(wire, run, row(TWO, age=60), row(createdOn=NEVER, storageType=0))


EXPIRES: dict[str, Any] = {"storageType": 4, "expiresOn": "2026-11-06T11:00:00"}


def test_expiring_copies_count_only_where_they_are_asked_for(wire: Wire, run: Run) -> None:
    copy = row(age=60, **EXPIRES)
    stale(wire, run, copy)
    stale(wire, run, row(age=60, expiresOn=EXPIRES["expiresOn"]))
    asked = {"storage_type": "data_store", "path": None}
    assert fresh(wire, run, copy, **asked)["backup"]["storage_type"] == "data_store"


def test_only_copies_of_the_storage_type_count(wire: Wire, run: Run) -> None:
    stale(wire, run, row(age=60, storageType=0), row(TWO, age=60, storageType=5))
    result = fresh(wire, run, row(TWO, age=60, storageType=0), row(age=90, storageType="Local"))
    assert result["backup"]["id"] == ONE


def test_any_lasting_copy_counts_without_a_storage_type(wire: Wire, run: Run) -> None:
    rows = [row(age=300, storageType=0), row(TWO, age=60, **EXPIRES), row(THREE, age=DAY)]
    assert fresh(wire, run, *rows, storage_type=None, path=None)["backup"]["id"] == ONE


@pytest.mark.parametrize("check_mode", [False, True])
def test_without_a_storage_type_none_can_be_made(check_mode: bool, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row(age=2 * DAY)]))
    wire.expect("GET", PROGRESS, ok(None))
    options = {"storage_type": None, "path": None, "max_age": "1d", "check_mode": check_mode}
    assert refused(make(run, **options), "config").startswith("storage_type: required")


def test_without_a_storage_type_one_can_be_joined(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(RUNNING))
    look(wire, DONE, [row(storageType=0)])
    result = make(run, storage_type=None, path=None, max_age="1d")
    assert (result["changed"], result["joined"]) == (False, True)
    assert result["backup"]["storage_type"] == "documents"


def test_nothing_can_be_made_without_a_storage_type(wire: Wire, run: Run) -> None:
    for options in ({"path": None}, {"max_age": "1d"}):
        message = refused(make(run, storage_type=None, **options), "config")
        assert message.startswith("storage_type: required")


def test_the_servers_own_copies_count_for_a_dump(wire: Wire, run: Run) -> None:
    wire.expect("GET", f"{HISTORY}?Dump=true", ok([row(age=60)]))
    assert make(run, dump=True, max_age="1d")["changed"] is False


# --- cancelled when it takes too long ---


def late(wire: Wire, run: Run, **options: Any) -> dict[str, Any]:
    return make(run, on_timeout="cancel", wait_timeout=5, **options)


def test_ours_is_cancelled_when_it_takes_too_long(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    look(wire, RUNNING)
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(None))
    wire.expect("POST", CANCEL, ok(True))
    result = late(wire, run)
    message = refused(result, changed=False)
    assert message.startswith(f"Backup task {ONE} is at 40 % after 5 s ('wait_timeout'). ")
    assert "was cancelled" in message and "still runs" not in message
    assert result["task"]["id"] == ONE


@pytest.mark.parametrize("other", [empty(403), failed(403), ok(task(TWO, 100, status=2))])
def test_the_servers_own_backups_may_not_be_ours_to_see(
    other: Answer, wire: Wire, run: Run
) -> None:
    begin(wire)
    look(wire, RUNNING)
    look(wire, RUNNING)
    wire.expect("GET", f"{PROGRESS}?Dump=true", other)
    wire.expect("POST", CANCEL, ok(True))
    assert "was cancelled" in refused(late(wire, run))


def test_another_backup_keeps_the_cancel_from_being_sent(wire: Wire, run: Run) -> None:
    """The server's call cancels whatever runs, dump and plain (C2)."""
    begin(wire)
    look(wire, RUNNING)
    look(wire, RUNNING)
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(task(TWO, 7)))
    message = refused(late(wire, run), changed=True)
    assert "not cancelled" in message and TWO in message


def test_a_plain_backup_keeps_the_cancel_of_a_dump_from_being_sent(wire: Wire, run: Run) -> None:
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(None))
    wire.expect("POST", START, ok(CREATED), body={**BODY, "dump": True})
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(RUNNING))
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(RUNNING))
    wire.expect("GET", PROGRESS, ok(task(TWO, 7)))
    assert TWO in refused(late(wire, run, dump=True), changed=True)


@pytest.mark.parametrize("now", [None, DONE, task(TWO, 7)])
def test_one_that_has_ended_just_now_is_not_cancelled(now: Any, wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    look(wire, now)
    message = refused(late(wire, run), changed=True)
    assert "has just ended" in message and "history" in message


def test_somebody_elses_is_never_cancelled(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(RUNNING))
    look(wire, RUNNING)
    assert "still runs" in refused(late(wire, run), changed=False)
    begin(wire, ok(RUNNING))
    look(wire, RUNNING)
    assert "still runs" in refused(late(wire, run), changed=False)


def test_only_a_time_out_cancels(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, task(progress=9, status=2, error="Full."))
    refused(late(wire, run))
    begin(wire)
    look(wire, empty(401))
    refused(late(wire, run), "auth", changed=True)


def test_nothing_is_cancelled_unless_asked_for(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    assert "still runs" in refused(make(run, wait_timeout=5), changed=True)


@pytest.mark.parametrize("answer", [failed(500, "Redis is away."), empty(403), empty(404)])
def test_a_cancel_that_fails(answer: Answer, wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    look(wire, RUNNING)
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(None))
    wire.expect("POST", CANCEL, answer)
    look(wire, RUNNING)
    result = late(wire, run)
    message = refused(result, changed=True)
    assert message.startswith(f"Backup task {ONE} is at 40 %")
    assert ("this server can't" if answer.status == 404 else "could not be cancelled") in message


def test_a_cancel_that_found_nothing_is_none(wire: Wire, run: Run) -> None:
    """The server says false when there is no task (cancel.01)."""
    begin(wire)
    look(wire, RUNNING)
    look(wire, RUNNING)
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(None))
    wire.expect("POST", CANCEL, ok(False))
    assert "was cancelled, as" not in refused(late(wire, run), changed=True)


@pytest.mark.parametrize("answer", [CLOSE, SILENCE, html(502), html(504)])
def test_a_lost_answer_to_the_cancel_is_looked_up(answer: Answer, wire: Wire, run: Run) -> None:
    """A cancelled task is gone at once (C24), and the cancel isn't sent twice."""
    begin(wire)
    look(wire, RUNNING)
    look(wire, RUNNING)
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(None))
    wire.expect("POST", CANCEL, answer)
    look(wire, None)
    assert "was cancelled" in refused(late(wire, run, timeout=patience(answer)))


def test_the_portal_is_away_when_it_should_cancel(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    look(wire, html(502))
    message = refused(late(wire, run, retries=0), changed=True)
    assert "could not be cancelled" in message


# --- secrets ---

SECRET = "st0rage5ecret"
CONSUMER: dict[str, Any] = {
    "storage_type": "third_party_consumer",
    "path": None,
    "storage_params": {"module": "s3", "bucket": "backups"},
    "storage_secrets": {"secretaccesskey": SECRET, "pin": 407778899, "more": "8 letters"},
}
CONSUMER_BODY: dict[str, Any] = {
    "storageType": "ThirdPartyConsumer",
    "storageParams": [
        {"key": "module", "value": "s3"},
        {"key": "bucket", "value": "backups"},
        {"key": "secretaccesskey", "value": SECRET},
        {"key": "pin", "value": "407778899"},
        {"key": "more", "value": "8 letters"},
    ],
}


def begin_elsewhere(wire: Wire, answer: Answer | None = None, **values: Any) -> None:
    """A backup is started in a storage for which the schedule is read first."""
    wire.expect("GET", PROGRESS, ok(values.pop("before", None)))
    wire.expect("GET", SCHEDULE, values.pop("schedule", ok(None)))
    body = {**CONSUMER_BODY, **values}
    wire.expect("POST", START, ok(CREATED) if answer is None else answer, body=body)


def secretly(run: Run, **options: Any) -> dict[str, Any]:
    return make(
        run, verbosity=3, diff=True, secrets=(SECRET, "407778899"), **{**CONSUMER, **options}
    )


def test_secrets_are_sent_and_not_shown(wire: Wire, run: Run) -> None:
    begin_elsewhere(wire)
    look(wire, {**DONE, "link": LINK}, [row(storageType=5)])
    assert secretly(run)["changed"] is True


def test_a_server_that_repeats_secrets_is_not_quoted(wire: Wire, run: Run) -> None:
    begin_elsewhere(wire, failed(500, f"Wrong key {SECRET} with pin 407778899"))
    for _look in range(10):
        look(wire, None)
    assert "Wrong key" in refused(secretly(run), "server")


def test_a_task_that_repeats_secrets_is_not_quoted(wire: Wire, run: Run) -> None:
    begin_elsewhere(wire)
    look(wire, task(progress=9, status=2, error=f"Wrong key {SECRET}"))
    assert "Wrong key" in refused(secretly(run))


def test_a_warning_that_repeats_secrets_is_not_quoted(wire: Wire, run: Run) -> None:
    begin_elsewhere(wire)
    look(wire, {**DONE, "warning": f"Weak key {SECRET}"}, [row(storageType=5)])
    assert "Weak key" in secretly(run)["warnings"][0]


def test_the_link_of_a_finished_backup_is_a_secret(wire: Wire, run: Run) -> None:
    """`run` looks for it in all that is shown."""
    linked = {**DONE, "link": LINK}
    options = {"storage_type": "data_store", "path": None, "verbosity": 3, "diff": True}
    begin_elsewhere(wire, storageType="DataStore", storageParams=[])
    look(wire, linked, [row(**EXPIRES)])
    make(run, **options)
    before = {**linked, "taskId": TWO}
    begin_elsewhere(wire, before=before, storageType="DataStore", storageParams=[])
    look(wire, {**linked, "error": "Full."})
    make(run, **options)


def test_the_key_goes_with_each_request(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, DONE, [row()])
    make(run)
    assert {request.headers["Authorization"] for request in wire.requests} == {f"Bearer {KEY}"}


# --- the schedule of an object storage ---


def scheduled(kind: int = 5, **params: str) -> dict[str, Any]:
    """A schedule, as the server has it. Its module, bucket and folder are those of CONSUMER."""
    defaults = {"module": "s3", "bucket": "backups", "subdir": "backup"}
    given = {key: value for key, value in {**defaults, **params}.items() if value != "none"}
    cron = {"period": 0, "hour": 3, "day": 0}
    return {"storageType": kind, "storageParams": given, "cronParams": cron, "backupsStored": 5}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("plan", "given", "differs"),
    [
        (None, {}, []),
        (scheduled(3), {}, []),
        (scheduled(), {}, []),
        (scheduled(module="S3"), {}, []),
        (scheduled(subdir="copies"), {"subdir": "copies"}, []),
        (scheduled(subdir="copies"), {}, ["subdir"]),
        (scheduled(), {"subdir": "copies"}, ["subdir"]),
        (scheduled(subdir="none"), {}, ["subdir"]),
        (scheduled(subdir="none", Subdir="backup"), {}, ["subdir"]),
        (scheduled(module="googlecloud"), {}, ["module"]),
        (scheduled(bucket="Backups"), {}, ["bucket"]),
        (scheduled(bucket="none"), {}, ["bucket"]),
        (scheduled(region="eu"), {}, ["region"]),
        (scheduled(region="eu"), {"region": "eu"}, []),
        (scheduled(), {"region": "eu"}, ["region"]),
        (scheduled(serviceurl="https://a"), {"serviceurl": "https://b"}, ["serviceurl"]),
        (scheduled(private_container="a"), {"private_container": "b"}, ["private_container"]),
        (scheduled(secretaccesskey="0ther5ecret"), {}, []),
        (scheduled(bucket="b", region="eu"), {}, ["bucket, region"]),
    ],
)
def test_copies_in_another_place_than_the_schedules(
    plan: Any, given: dict[str, str], differs: list[str], check_mode: bool, wire: Wire, run: Run
) -> None:
    """A listing looks for all in one place, and drops the records of the others (C48)."""
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, ok(plan))
    params = {**CONSUMER["storage_params"], **given}
    if not check_mode:
        shown = [{"key": key, "value": value} for key, value in params.items()]
        pairs = [*shown, *CONSUMER_BODY["storageParams"][2:]]
        wire.expect("POST", START, ok(CREATED), body={**CONSUMER_BODY, "storageParams": pairs})
    result = secretly(run, storage_params=params, check_mode=check_mode, wait=False)
    assert result["changed"] is True
    said = [warning.partition(" differs")[0] for warning in result.get("warnings", [])]
    assert said == [f"storage_params: {names}" for names in differs]


def test_another_place_is_also_told_when_the_wait_is_over(wire: Wire, run: Run) -> None:
    begin_elsewhere(wire, schedule=ok(scheduled(bucket="b")))
    look(wire, RUNNING)
    result = secretly(run, wait_timeout=5)
    refused(result, changed=True)
    assert "bucket differs" in result["warnings"][0]


@pytest.mark.parametrize("answer", [empty(403), empty(401), failed(500), ok({"odd": 1})])
def test_a_schedule_that_cannot_be_read_prevents_no_backup(
    answer: Answer, wire: Wire, run: Run
) -> None:
    begin_elsewhere(wire, schedule=answer)
    result = secretly(run, wait=False)
    assert result["changed"] is True
    (warning,) = result["warnings"]
    assert "couldn't be read" in warning


def test_the_servers_own_schedule_counts_for_a_dump(wire: Wire, run: Run) -> None:
    wire.expect("GET", f"{PROGRESS}?Dump=true", ok(None))
    wire.expect("GET", f"{SCHEDULE}?Dump=true", ok(scheduled(bucket="b")))
    result = secretly(run, dump=True, check_mode=True)
    assert "bucket differs" in result["warnings"][0]


def test_nothing_is_created_so_no_schedule_is_read(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row(storageType=5, age=60)]))
    assert secretly(run, max_age="1d")["changed"] is False
    wire.expect("GET", PROGRESS, ok(RUNNING))
    assert secretly(run, check_mode=True)["joined"] is True


TEMPORARY = {"storage_type": "data_store", "path": None}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("dump", [False, True])
def test_a_temporary_backup_that_hides_scheduled_copies_is_refused(
    dump: bool, check_mode: bool, wire: Wire, run: Run
) -> None:
    """Before copies without `subdir` it makes the server look for them elsewhere (C48)."""
    suffix = "?Dump=true" if dump else ""
    wire.expect("GET", PROGRESS + suffix, ok(None))
    wire.expect("GET", SCHEDULE + suffix, ok(scheduled(subdir="none")))
    message = refused(make(run, **TEMPORARY, dump=dump, check_mode=check_mode), "guard")
    assert "'subdir: backup'" in message and "'allow_lost_records: true'" in message


def test_a_temporary_backup_that_is_allowed_reads_no_schedule(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(None))
    body = {"storageType": "DataStore", "storageParams": []}
    wire.expect("POST", START, ok(CREATED), body=body)
    result = make(run, **TEMPORARY, allow_lost_records=True, wait=False)
    assert result["changed"] is True and "warnings" not in result


def test_another_place_that_is_allowed_reads_no_schedule(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(None))
    result = secretly(run, allow_lost_records=True, check_mode=True)
    assert result["changed"] is True and "warnings" not in result


@pytest.mark.parametrize("plan", [None, scheduled(), scheduled(3), scheduled(4)])
def test_a_temporary_backup_that_hides_nothing(plan: Any, wire: Wire, run: Run) -> None:
    begin_elsewhere(wire, schedule=ok(plan), storageType="DataStore", storageParams=[])
    result = make(run, **TEMPORARY, wait=False)
    assert result["changed"] is True and "warnings" not in result


def test_a_schedule_that_cannot_be_read_refuses_a_temporary_backup(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, empty(403))
    message = refused(make(run, **TEMPORARY), "forbidden")
    assert "Nothing was started" in message and "'allow_lost_records: true'" in message


def test_one_that_follows_another_is_checked_when_it_is_its_turn(wire: Wire, run: Run) -> None:
    wire.expect("GET", PROGRESS, ok(task(TWO, 40)))
    look(wire, task(TWO, 100, status=2), [row(TWO)])
    wire.expect("GET", SCHEDULE, ok(scheduled(subdir="none")))
    refused(make(run, **TEMPORARY), "guard")
