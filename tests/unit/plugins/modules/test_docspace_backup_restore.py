# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_restore: nothing by accident, once, and followed while the portal is offline.

The whole module against a scripted portal, which fails the test on any request too many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY, Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import (
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
    is_clear,
    ok,
    patience,
    plain_json,
    redirect,
)

Run = Callable[..., dict[str, Any]]

HISTORY, BACKUP, RESTORE, START = (
    "getbackuphistory",
    "getbackupprogress",
    "getrestoreprogress?Dump=false",
    "startrestore",
)
DUMP = "?Dump=true"
RESTORE_DUMP = f"getrestoreprogress{DUMP}"
SIGNED: dict[str, str | None] = {"Authorization": f"Bearer {KEY}"}
ANONYMOUS: dict[str, str | None] = {"Authorization": None}
BODY = {"backupId": ONE, "storageType": "Local", "storageParams": [], "notify": False}
# The restore's task has an id of its own.
CREATED = task(TWO, status=0, backupProgressEnum=1)
RUNNING = task(TWO, 40, backupProgressEnum=1)
DONE = task(TWO, 100, status=2, backupProgressEnum=1)
OLD = task(THREE, 100, status=2, backupProgressEnum=1)
DIFF = {
    "before": {},
    "after": {
        "restored_from": ONE,
        **{name: RECORD[name] for name in ("file_name", "created_on", "age", "storage_type")},
        "kind": "portal",
    },
}
PROBLEM = {"title": "Forbidden", "status": 403, "traceId": "00-1"}

# What a portal may say while it is offline (C31), or nothing.
OFFLINE = [
    pytest.param(empty(401), id="401"),
    pytest.param(plain_json(PROBLEM, 403), id="403"),
    pytest.param(plain_json({**PROBLEM, "status": 404}, 404), id="404"),
    pytest.param(failed(500), id="500"),
    pytest.param(html(502), id="502"),
    pytest.param(html(503), id="503"),
    pytest.param(html(504), id="504"),
    pytest.param(empty(429), id="429"),
    pytest.param(html(200), id="page"),
    pytest.param(redirect("/preparation-portal"), id="redirect"),
    pytest.param(CLOSE, id="closed"),
    pytest.param(RESET, id="reset"),
    pytest.param(SILENCE, id="silence"),
]
LOST = [
    pytest.param(CLOSE, "connection", id="closed"),
    pytest.param(RESET, "connection", id="reset"),
    pytest.param(SILENCE, "timeout", id="silence"),
    pytest.param(html(502), "server", id="502"),
    pytest.param(html(504), "server", id="504"),
    pytest.param(html(200), "protocol", id="page"),
    pytest.param(ok(None), "protocol", id="nothing"),
]


def check(
    wire: Wire,
    rows: list[Any] | None = None,
    *,
    plain: Any = None,
    dump: Any = None,
    restore_dump: Any = None,
    restore: Any = None,
) -> None:
    """What is read before the start of a plain restore, in whatever order. Values, or answers."""
    answers = [
        (HISTORY, [row()] if rows is None else rows, SIGNED),
        (BACKUP, plain, SIGNED),
        (BACKUP + DUMP, dump, SIGNED),
        (RESTORE_DUMP, restore_dump, ANONYMOUS),
        (RESTORE, restore, ANONYMOUS),
    ]
    for target, value, headers in answers:
        answer = value if isinstance(value, Answer) else ok(value)
        wire.expect("GET", target, answer, headers=headers, in_order=False)


def begin(wire: Wire, answer: Answer | None = None, **checked: Any) -> None:
    """All that is read before, and the start."""
    check(wire, **checked)
    wire.expect("POST", START, answer or ok(CREATED), body=BODY, headers=SIGNED)


def look(wire: Wire, progress: Any) -> None:
    """A look at the restore, without credentials: wrong ones turn even it into 403 (C6)."""
    answer = progress if isinstance(progress, Answer) else ok(progress)
    wire.expect("GET", RESTORE, answer, headers=ANONYMOUS)


def close(wire: Wire, history: Any = None) -> None:
    """The portal answers again."""
    answer = history if isinstance(history, Answer) else ok([row()] if history is None else history)
    wire.expect("GET", HISTORY, answer, headers=SIGNED)


def restore(run: Run, **options: Any) -> dict[str, Any]:
    return run("docspace_backup_restore", **{"id": ONE, "confirm": "127.0.0.1", **options})


def seen(progress: int = 0, status: str = "running", **values: Any) -> dict[str, Any]:
    """The task as the module returns it."""
    return {
        "id": TWO,
        "progress": progress,
        "status": status,
        "warning": None,
        "error": None,
        **values,
    }


def refused(result: dict[str, Any], code: str, changed: bool = False) -> str:
    assert result["failed"] is True
    assert result["failure"]["code"] == code
    assert result["changed"] is changed
    return str(result["msg"])


# --- restored ---


def test_a_portal_is_restored(wire: Wire, run: Run, clock: Clock) -> None:
    begin(wire)
    look(wire, CREATED)
    look(wire, RUNNING)
    look(wire, DONE)
    close(wire)
    result = restore(run)
    assert result["changed"] is True
    assert result["task"] == seen(100, "completed")
    assert result["backup"] == RECORD
    assert result["diff"] == DIFF
    assert result["file"] is None
    assert "warnings" not in result
    assert clock.sleeps == [5.0, 5.0, 5.0]


def test_each_run_restores_again(wire: Wire, run: Run) -> None:
    for before in (None, DONE):
        begin(wire, ok(task(THREE, status=0)) if before else None, restore=before)
        look(wire, task(THREE, 100, status=2) if before else DONE)
        close(wire)
        assert restore(run)["changed"] is True


def test_a_dry_run_reads_all_and_starts_nothing(wire: Wire, run: Run) -> None:
    check(wire)
    result = restore(run, check_mode=True)
    assert result["changed"] is True
    assert result["task"] is None
    assert result["backup"] == RECORD
    assert result["diff"] == DIFF
    assert result["file"] is None


def test_without_waiting(wire: Wire, run: Run, clock: Clock) -> None:
    begin(wire)
    result = restore(run, wait=False)
    assert result["changed"] is True
    assert result["task"] == seen(0, "created")
    assert clock.sleeps == []


def test_users_are_told_only_if_asked_for(wire: Wire, run: Run) -> None:
    check(wire)
    wire.expect("POST", START, ok(CREATED), body={**BODY, "notify": True})
    assert restore(run, notify=True, wait=False)["changed"] is True


@pytest.mark.parametrize(
    ("kind", "name"), [(0, "Documents"), (1, "ThridpartyDocuments"), (4, "DataStore"), (99, "99")]
)
def test_the_storage_type_is_the_records(kind: int, name: str, wire: Wire, run: Run) -> None:
    check(wire, [row(TWO), row(storageType=kind)])
    wire.expect("POST", START, ok(CREATED), body={**BODY, "storageType": name})
    assert restore(run, wait=False)["changed"] is True


def test_a_backup_of_the_whole_server(wire: Wire, run: Run) -> None:
    targets = [HISTORY + DUMP, BACKUP, BACKUP + DUMP, RESTORE, RESTORE_DUMP]
    for target in targets:
        wire.expect("GET", target, ok([row()] if "history" in target else None), in_order=False)
    wire.expect("POST", START, ok(CREATED), body={**BODY, "dump": True})
    wire.expect("GET", RESTORE_DUMP, ok(DONE), headers=ANONYMOUS)
    wire.expect("GET", HISTORY + DUMP, ok([]))
    assert restore(run, dump=True)["changed"] is True


def test_a_warning_of_the_task(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, {**DONE, "warning": "2 files are missing."})
    close(wire)
    result = restore(run)
    assert result["task"]["warning"] == "2 files are missing."
    assert any("2 files are missing." in warning for warning in result["warnings"])


# --- nothing by accident ---


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("url", "confirm", "host"),
    [
        ("https://docspace.example.com", "", "docspace.example.com"),
        ("https://docspace.example.com", "docspace", "docspace.example.com"),
        ("https://docspace.example.com", "example.com", "docspace.example.com"),
        ("https://docspace.example.com", "docspace.example.com ", "docspace.example.com"),
        ("https://docspace.example.com", "docspace.example.com.", "docspace.example.com"),
        ("https://docspace.example.com", "https://docspace.example.com", "docspace.example.com"),
        ("https://docspace.example.com:8443", "docspace.example.com:8443", "docspace.example.com"),
        (
            "https://docspace.example.com/office",
            "docspace.example.com/office",
            "docspace.example.com",
        ),
        ("https://docspace.example.com", "true", "docspace.example.com"),
        ("https://docspace.example.com", "yes", "docspace.example.com"),
        ("http://127.0.0.1:9", "localhost", "127.0.0.1"),
        ("http://[::1]:9", "[::1]", "::1"),
        ("http://[::1]:9", "::2", "::1"),
    ],
)
def test_nothing_is_sent_unless_the_host_is_confirmed(
    url: str, confirm: str, host: str, check_mode: bool, wire: Wire, run: Run
) -> None:
    """No address here can be reached: a request would be a failure to connect."""
    result = restore(run, url=url, confirm=confirm, check_mode=check_mode)
    message = refused(result, "guard")
    assert message.startswith("confirm: ") and f"'{host}'" in message
    assert result["failure"]["method"] is None
    assert wire.connections == 0


@pytest.mark.parametrize(
    ("url", "confirm"),
    [
        ("http://127.0.0.1:{}", "127.0.0.1"),
        ("http://LocalHost:{}", "localhost"),
        ("http://localhost:{}/", "LOCALHOST"),
    ],
)
def test_the_host_in_any_case_is_confirmed(url: str, confirm: str, wire: Wire, run: Run) -> None:
    check(wire)
    address = url.format(wire.host.rpartition(":")[2])
    assert restore(run, url=address, confirm=confirm, check_mode=True)["changed"] is True


@pytest.mark.parametrize("url", ["http://[::1]:9", "http://[0:0::1]:9"])
def test_an_address_in_brackets_is_confirmed_without_them(url: str, wire: Wire, run: Run) -> None:
    confirm = url[8:].partition("]")[0]
    result = restore(run, url=url, confirm=confirm, retries=0)
    refused(result, "connection")
    assert result["failure"]["method"] == "GET", "nobody is there, but it was asked"


def test_the_guard_comes_with_any_path(wire: Wire, run: Run) -> None:
    wire.expect("GET", f"/office/api/2.0/backup/{HISTORY}", ok([]))
    result = restore(run, url=f"{wire.url}/office/")
    refused(result, "not_found")


@pytest.mark.parametrize("option", ["id", "confirm"])
def test_both_must_be_given(option: str, wire: Wire, run: Run) -> None:
    """Ansible itself says so."""
    result = restore(run, **{option: None})
    assert result["failed"] is True and option in result["msg"]


@pytest.mark.parametrize("bad", ["", "latest", ONE[:-1], f"urn:uuid:{ONE}"])
def test_an_id_that_is_none(bad: str, wire: Wire, run: Run) -> None:
    assert refused(restore(run, id=bad), "config").startswith("id: ")


@pytest.mark.parametrize("option", ["wait_timeout", "poll_interval"])
def test_a_wait_without_time_is_refused(option: str, wire: Wire, run: Run) -> None:
    assert option in refused(restore(run, **{option: 0}), "config")


@pytest.mark.parametrize("rows", [[], [row(TWO)]])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_backup_that_is_not_in_the_history(
    check_mode: bool, rows: list[Any], wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(rows))
    result = restore(run, check_mode=check_mode)
    assert ONE in refused(result, "not_found")


# --- while something else runs: what refuses is in tests/contract/test_restoring.py ---


@pytest.mark.parametrize(
    "ended",
    [
        {"plain": task(THREE, 100, status=2)},
        {"plain": task(THREE, 9, status=2, error="Full.")},
        {"plain": task(THREE, 9, status=3)},
        {"dump": task(THREE, 100, status=2)},
        {"restore": OLD},
        {"restore_dump": OLD},
    ],
)
def test_what_has_ended_is_in_nobodys_way(ended: dict[str, Any], wire: Wire, run: Run) -> None:
    begin(wire, **ended)
    assert restore(run, wait=False)["changed"] is True


@pytest.mark.parametrize("answer", [empty(403), failed(403, "Access denied")])
def test_the_servers_own_backups_may_not_be_ours_to_see(
    answer: Answer, wire: Wire, run: Run
) -> None:
    begin(wire, dump=answer)
    assert restore(run, wait=False)["changed"] is True


def test_an_odd_answer_with_a_new_task_is_ours(wire: Wire, run: Run) -> None:
    """Not known is not "no": what shows up as new is followed (C30)."""
    begin(wire, ok({**task(THREE, 0, backupProgressEnum=1), "status": 9}))
    result = restore(run, wait=False)
    assert result["changed"] is True
    assert result["task"]["id"] == THREE


# --- followed while the portal is offline ---


@pytest.mark.parametrize("answer", OFFLINE)
def test_a_portal_that_is_offline_meanwhile(
    answer: Answer, wire: Wire, run: Run, clock: Clock
) -> None:
    begin(wire)
    look(wire, RUNNING)
    for _look in range(3):
        look(wire, answer)
    look(wire, DONE)
    close(wire)
    result = restore(run, timeout=patience(answer), verbosity=1)
    assert result["task"]["status"] == "completed"
    assert clock.sleeps == [5.0] * 5, "looked at in its own pace"
    assert sum("polled again" in line for line in result["log"]) == 3


@pytest.mark.parametrize(
    "other", [None, OLD, task(THREE, 9, status=2, error="Full."), task(THREE, 9)]
)
def test_only_its_own_task_counts(other: Any, wire: Wire, run: Run) -> None:
    """Right after the start there may be none yet (C31), or the one of last time."""
    begin(wire, restore=OLD)
    look(wire, other)
    look(wire, other)
    look(wire, DONE)
    close(wire)
    assert restore(run)["task"] == seen(100, "completed")


def test_the_pauses_grow(wire: Wire, run: Run, clock: Clock) -> None:
    begin(wire)
    for _look in range(70):
        look(wire, RUNNING)
    look(wire, DONE)
    close(wire)
    restore(run)
    assert clock.sleeps == sorted(clock.sleeps)
    assert (clock.sleeps[0], clock.sleeps[-1]) == (5.0, 30.0)


def test_the_user_sees_what_is_waited_for(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, RUNNING)
    look(wire, RUNNING)
    look(wire, DONE)
    close(wire)
    log = restore(run, verbosity=1)["log"]
    assert TWO in log[0] and "7200 s" in log[0]
    assert [line.rpartition(", ")[2] for line in log[1:]] == ["40 %", "100 %"]


# --- how it ends ---


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (task(TWO, 29, status=2, error="Bad archive."), "failed"),
        (task(TWO, 29, status=4), "failed"),
        (task(TWO, 29, status=3), "cancelled"),
    ],
)
def test_a_restore_that_fails(end: Any, state: str, wire: Wire, run: Run) -> None:
    """It may have been restored in part, so that it is a change."""
    begin(wire)
    look(wire, end)
    result = restore(run)
    message = refused(result, "task_failed", changed=True)
    assert message.startswith(f"Restore task {TWO} {state} at 29 %")
    assert "log" in message and "web page" in message
    assert (end["error"] or "") in message
    assert "None" not in message
    assert result["failure"]["detail"] == (end["error"] or None)
    assert result["task"] == seen(29, state, error=end["error"] or None)


@pytest.mark.parametrize("stuck", [CREATED, RUNNING, None, html(502), empty(403)])
def test_a_restore_that_takes_too_long(stuck: Any, wire: Wire, run: Run) -> None:
    """One that waits for a file stays at its beginning for ever (C30)."""
    begin(wire)
    for _look in range(3):
        look(wire, stuck)
    result = restore(run, wait_timeout=15)
    message = refused(result, "task_failed", changed=True)
    percent = 40 if stuck is RUNNING else 0
    assert message.startswith(f"Restore task {TWO} is at {percent} % after 15 s ('wait_timeout')")
    assert "web page" in message
    assert result["task"]["progress"] == percent


@pytest.mark.parametrize("answer", OFFLINE)
def test_a_portal_that_answers_late(answer: Answer, wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, DONE)
    close(wire, answer)
    close(wire)
    result = restore(run, timeout=patience(answer), verbosity=1)
    assert result["task"]["status"] == "completed"
    assert "warnings" not in result
    assert any(HISTORY in line for line in result["log"])


@pytest.mark.parametrize("answer", [empty(401), empty(403), failed(404), failed(402)])
def test_credentials_that_are_no_longer_those_of_the_portal(
    answer: Answer, wire: Wire, run: Run, clock: Clock
) -> None:
    """For a while they may be refused all the same, so they are suspected only then."""
    begin(wire)
    look(wire, DONE)
    for _look in range(7):
        close(wire, answer)
    result = restore(run)
    assert result["changed"] is True
    (warning,) = result["warnings"]
    assert warning.startswith("The portal is restored")
    unpaid = answer.status == 402
    assert ("credentials" in warning) != unpaid
    # The likeliest cause comes first (C54).
    assert ("First check 'core.machinekey'" in warning) != unpaid
    assert "licence" not in warning.lower() or unpaid
    assert clock.sleeps == [5.0] * 7


def test_a_portal_that_never_answers_again(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, DONE)
    for _look in range(4):
        close(wire, failed(500))
    result = restore(run, wait_timeout=20)
    message = refused(result, "task_failed", changed=True)
    assert message.startswith(f"Restore task {TWO} is completed, but the portal doesn't answer")
    assert result["task"] == seen(100, "completed")


def test_credentials_are_suspected_at_the_end_of_the_wait_too(wire: Wire, run: Run) -> None:
    begin(wire)
    look(wire, DONE)
    close(wire, empty(401))
    close(wire, empty(401))
    assert "credentials" in restore(run, wait_timeout=7)["warnings"][0]


# --- a lost answer to the start ---


@pytest.mark.parametrize(("answer", "code"), LOST)
def test_a_lost_start_is_looked_for_and_followed(
    answer: Answer, code: str, wire: Wire, run: Run
) -> None:
    begin(wire, answer, restore=OLD)
    for progress in (None, OLD, empty(403), html(502), CREATED, DONE):
        look(wire, progress)
    close(wire)
    result = restore(run, timeout=patience(answer), verbosity=1)
    assert result["changed"] is True
    assert result["task"] == seen(100, "completed")
    assert any(START in line for line in result["log"])


@pytest.mark.parametrize(("answer", "code"), LOST)
@pytest.mark.parametrize("there", [None, OLD])
def test_a_lost_start_that_is_not_found_fails(
    there: Any, answer: Answer, code: str, wire: Wire, run: Run, clock: Clock
) -> None:
    """A finished task that was there before is not ours."""
    begin(wire, answer, restore=OLD if there else None)
    for _look in range(10):
        look(wire, there)
    message = refused(restore(run, timeout=patience(answer)), code, changed=True)
    assert message.startswith("Not known whether the restore was started")
    assert sum(clock.sleeps) <= 10


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (empty(401), "auth"),
        (failed(402, "Your pricing plan does not support this option"), "payment"),
        (empty(403), "forbidden"),
        (failed(404, "Unable to find the specified file."), "not_found"),
        (failed(400, "wrong folder type"), "rejected"),
        (failed(500, "Out of memory."), "server"),
    ],
)
def test_a_refused_start_of_which_nothing_is_found_changed_nothing(
    answer: Answer, code: str, wire: Wire, run: Run, clock: Clock
) -> None:
    """One look after a refusal of the API, ten after what a portal being restored may answer."""
    begin(wire, answer)
    looks = 1 if is_clear(answer) and answer.body and answer.status < 500 else 10
    for _look in range(looks):
        look(wire, None)
    result = restore(run)
    refused(result, code)
    assert result["failure"]["path"].endswith(START)
    assert clock.sleeps == [1.0] * (looks - 1)


def test_a_backup_that_went_meanwhile_does_not_blame_the_address(wire: Wire, run: Run) -> None:
    begin(wire, failed(404, "Unable to find the specified file."))
    look(wire, None)
    assert "'url'" not in refused(restore(run), "not_found")


def test_a_start_that_was_refused_for_the_moment_is_repeated(wire: Wire, run: Run) -> None:
    """429 had no effect (C32)."""
    begin(wire, empty(429))
    wire.expect("POST", START, ok(CREATED), body=BODY)
    assert restore(run, wait=False)["changed"] is True
