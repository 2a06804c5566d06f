# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that only look right: numbers nobody means, framing that contradicts itself, proxies."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, TWO, row, task
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    Answer,
    Wire,
    empty,
    failed,
    html,
    ok,
)

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"
PROGRESS = "getbackupprogress"
RESTORING = "getrestoreprogress?Dump=false"
LOCAL = {"storage_type": "local", "path": "/srv/backup"}
BODY = {"storageType": "Local", "storageParams": [{"key": "filePath", "value": "/srv/backup"}]}
PLAN = {
    "storageType": 3,
    "storageParams": {"filePath": "/srv/backup"},
    "cronParams": {"period": 2, "hour": 3, "day": 5},
    "backupsStored": 5,
}


def literal(answer: Answer, text: str) -> Answer:
    """Writes a number as JSON of its own, in place of the one that is 424242 so far."""
    return answer._replace(body=answer.body.replace(b"424242", text.encode()))


# No whole number; the first three are no JSON either, though Python's reader takes them.
NO_NUMBER = ["Infinity", "-Infinity", "NaN", "1e400", "-1e400", "50.5", "true", "[]", "{}", '"x"']
NO_NUMBER += ["1" * 400, "1" * 5000, '"\\u00b2"', '"1e400"', '""', "-1"]


@pytest.mark.parametrize(
    "plan",
    [
        {**PLAN, "backupsStored": 424242},
        {**PLAN, "cronParams": {**PLAN["cronParams"], "hour": 424242}},  # type: ignore[dict-item]
        {**PLAN, "cronParams": {**PLAN["cronParams"], "day": 424242}},  # type: ignore[dict-item]
        {**PLAN, "cronParams": {**PLAN["cronParams"], "period": 424242}},  # type: ignore[dict-item]
    ],
    ids=["backupsStored", "hour", "day", "period"],
)
def test_a_schedule_with_no_number(plan: Any, wire: Wire, run: Run) -> None:
    # How many backups are stored at most is the server's own bound, and not ours to know.
    large = "9999999" if plan["backupsStored"] == 424242 else "99999"
    for number in [*NO_NUMBER, large]:
        wire.expect("GET", "getbackupschedule", literal(ok(plan), number))
        result = run("docspace_backup_info", gather=["schedule"])
        assert result["failure"]["code"] == "protocol" and result["changed"] is False, number


@pytest.mark.parametrize(
    ("number", "shown"),
    [("50.5", 50), ("true", 0), ('"50"', 0), ("1e400", 100), ("-5", 0), ("1" * 400, 100)]
    + [("null", 0), ("[50]", 0), ("1e-400", 0), ("-0.0", 0)],
)
def test_the_progress_is_a_whole_number_of_per_cent(
    number: str, shown: int, wire: Wire, run: Run
) -> None:
    wire.expect("GET", PROGRESS, literal(ok(task(progress=424242)), number))
    wire.expect("GET", RESTORING, literal(ok(task(TWO, progress=424242)), number))
    progress = run("docspace_backup_info", gather=["progress"])["progress"]
    assert progress["backup"]["progress"] == progress["restore"]["progress"] == shown


@pytest.mark.parametrize("number", ["Infinity", "NaN", "50.5", "true", "-1", '"1"', "1e400"])
def test_a_usage_that_is_no_number(number: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", "getbackupscount?paid=false", literal(ok(424242), number))
    result = run("docspace_backup_info", gather=["usage"])
    assert result["failure"]["code"] == "protocol"


TRACE = "Disk full.\n   at Some.Method()\r\n   at Other()\u2028--- End"


@pytest.mark.parametrize("module", ["docspace_backup", "docspace_backup_restore"])
def test_the_error_of_a_task_is_one_line(module: str, wire: Wire, run: Run) -> None:
    bad = {**task(progress=9, status=2, error=TRACE, warning=TRACE)}
    if module == "docspace_backup":
        wire.expect("GET", PROGRESS, ok())
        wire.expect("POST", "startbackup", ok(task(status=0)), body=BODY)
        wire.expect("GET", PROGRESS, ok(bad))
        result = run(module, **LOCAL)
    else:
        start_a_restore(wire, ok(task(status=0)))
        wire.expect("GET", RESTORING, ok(bad))
        result = run(module, id=ONE, confirm="127.0.0.1")
    assert result["failure"]["code"] == "task_failed"
    assert result["task"]["error"] == result["task"]["warning"] == "Disk full."
    assert "Some.Method" not in json.dumps(result)


def start_a_restore(wire: Wire, answer: Answer) -> None:
    """All that a restore looks at before, and its start."""
    wire.expect("GET", HISTORY, ok([row()]))
    servers = (f"{PROGRESS}?Dump=true", "getrestoreprogress?Dump=true")
    for call in (PROGRESS, RESTORING, *servers):
        wire.expect("GET", call, ok(), in_order=False)
    body = {"backupId": ONE, "storageType": "Local", "storageParams": [], "notify": False}
    wire.expect("POST", "startrestore", answer, body=body)


def head(lines: bytes, body: bytes = b"") -> Answer:
    return Answer(raw=b"HTTP/1.1 200 OK\r\n" + lines.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)


GOOD = ok(task(status=0)).body
SIZE = b"%d" % len(GOOD)
# Framing that contradicts itself, or breaks off: nothing is concluded, but the request was sent.
FRAMES = [
    pytest.param(head(b"Content-Length: 5, 6", GOOD), "protocol", id="5, 6"),
    pytest.param(head(b"Content-Length: 5\nContent-Length: 6", GOOD), "protocol", id="5 and 6"),
    pytest.param(head(b"Content-Length: 0", GOOD), "protocol", id="none at all"),
    pytest.param(head(b"Content-Length: 9999", GOOD), "connection", id="shorter"),
    pytest.param(
        head(b"Transfer-Encoding: chunked", b"zz\r\n" + GOOD), "protocol", id="size of a chunk"
    ),
    pytest.param(
        head(b"Transfer-Encoding: chunked", b"-5\r\n" + GOOD), "protocol", id="negative chunk"
    ),
    pytest.param(
        head(b"Transfer-Encoding: chunked", b"ffff\r\n" + GOOD), "connection", id="short chunk"
    ),
    pytest.param(
        head(b"Transfer-Encoding: chunked", SIZE + b"\r\n" + GOOD), "connection", id="decimal chunk"
    ),
    pytest.param(head(b"X: " + b"x" * 70_000, GOOD), "connection", id="long header"),
    pytest.param(head(b"X: 1\n" * 200, GOOD), "connection", id="many headers"),
    pytest.param(Answer(raw=b"HTTP/1.1 2000 OK\r\n\r\n" + GOOD), "connection", id="status 2000"),
    pytest.param(Answer(raw=b"\x00" * 70_000), "connection", id="zeros"),
    pytest.param(
        head(b"Content-Encoding: gzip\nContent-Length: 4", b"\x1f\x8b\x08\x00"),
        "connection",
        id="gz",
    ),
]


@pytest.mark.parametrize(("answer", "code"), FRAMES)
def test_an_answer_that_breaks_http(answer: Answer, code: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, answer)
    result = run("docspace_backup_info", retries=0)
    assert result["failure"]["code"] == code, result["msg"]


@pytest.mark.parametrize(("answer", "code"), FRAMES)
def test_a_start_whose_answer_breaks_http_is_looked_up(
    answer: Answer, code: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", PROGRESS, ok())
    wire.expect("POST", "startbackup", answer, body=BODY)
    wire.expect("GET", PROGRESS, ok(task(TWO)))
    result = run("docspace_backup", wait=False, **LOCAL)
    assert result["changed"] is True and result["task"]["id"] == TWO and not result["joined"]


@pytest.mark.parametrize(("answer", "code"), FRAMES)
def test_a_restore_whose_answer_breaks_http_is_looked_up(
    answer: Answer, code: str, wire: Wire, run: Run
) -> None:
    start_a_restore(wire, answer)
    wire.expect("GET", RESTORING, ok(task(TWO)))
    result = run("docspace_backup_restore", id=ONE, confirm="127.0.0.1", wait=False)
    assert result["changed"] is True and result["task"]["id"] == TWO


# A task of ours in an answer to the start: nobody knows what these states are, but it is new.
STATES: list[Any] = [7, -1, None, "0", "created", True, [], {}, 0.5, 10**30, "missing"]


def in_state(state: Any) -> Answer:
    new = task(TWO, progress=0, status=1)
    new["status"] = state
    if state == "missing":
        del new["status"]
    return ok(new)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("module", ["docspace_backup", "docspace_backup_restore"])
def test_a_new_task_in_an_odd_state_is_ours(module: str, state: Any, wire: Wire, run: Run) -> None:
    if module == "docspace_backup":
        wire.expect("GET", PROGRESS, ok())
        wire.expect("POST", "startbackup", in_state(state), body=BODY)
        result = run(module, wait=False, **LOCAL)
        assert result["joined"] is False
    else:
        start_a_restore(wire, in_state(state))
        result = run(module, id=ONE, confirm="127.0.0.1", wait=False)
    assert result["changed"] is True and result["task"]["id"] == TWO


@pytest.mark.parametrize("name", [None, "", "latest", 50.5, True, [], {}, f"{TWO}0", f"x{TWO}"])
def test_a_task_that_has_no_id_is_looked_for(name: Any, wire: Wire, run: Run) -> None:
    """It could never be followed."""
    wire.expect("GET", PROGRESS, ok())
    wire.expect("POST", "startbackup", ok(task(name, status=0)), body=BODY)
    wire.expect("GET", PROGRESS, ok(task(TWO)))
    result = run("docspace_backup", wait=False, **LOCAL)
    assert result["changed"] is True and result["task"]["id"] == TWO


@pytest.mark.parametrize("state", [0, 1])
@pytest.mark.parametrize("module", ["docspace_backup", "docspace_backup_restore"])
def test_a_task_that_has_ended_and_runs_is_looked_at_again(
    module: str, state: int, wire: Wire, run: Run
) -> None:
    """It contradicts itself, so that it has ended isn't believed."""
    odd = {**task(progress=9, status=state), "isCompleted": True}
    done = task(progress=100, status=2)
    if module == "docspace_backup":
        wire.expect("GET", PROGRESS, ok())
        wire.expect("POST", "startbackup", ok(task(status=0)), body=BODY)
        wire.expect("GET", PROGRESS, ok(odd))
        wire.expect("GET", PROGRESS, ok(done))
        wire.expect("GET", HISTORY, ok([row()]))
        result = run(module, **LOCAL)
    else:
        start_a_restore(wire, ok(task(status=0)))
        wire.expect("GET", RESTORING, ok(odd))
        wire.expect("GET", RESTORING, ok(done))
        wire.expect("GET", HISTORY, ok([row()]))
        result = run(module, id=ONE, confirm="127.0.0.1")
    assert result["changed"] is True and result["task"]["status"] == "completed"


@pytest.mark.parametrize("kind", [TypeError, KeyError, AttributeError, RuntimeError, IndexError])
def test_an_exception_that_nobody_expects_is_no_matter_of_certificates(
    kind: type[Exception], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_options: Any) -> Any:
        raise kind("of some kind")

    monkeypatch.setattr(requests.Session, "send", broken)
    result = run("docspace_backup_info", retries=0)
    assert result["failure"]["code"] == "connection" and "of some kind" in result["msg"]


# --- proxies ---

PAGES = [html(403, "Blocked by policy"), html(502, "Bad gateway"), html(200, "Log in"), html(503)]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_a_proxy_is_told_as_such(page: Answer, wire: Wire, run: Run) -> None:
    wire.expect("GET", f"http://docspace.example.com/api/2.0/backup/{HISTORY}", page)
    env = {"http_proxy": wire.url}
    result = run("docspace_backup_info", url="http://docspace.example.com", retries=0, env=env)
    assert "proxy" in result["msg"].lower()


@pytest.mark.parametrize("answer", [empty(407), html(407, "Who are you?"), failed(407)])
def test_a_proxy_that_wants_credentials_says_so_over_http(
    answer: Answer, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", f"http://docspace.example.com/api/2.0/backup/{HISTORY}", answer)
    env = {"http_proxy": wire.url}
    result = run("docspace_backup_info", url="http://docspace.example.com", env=env)
    assert result["failure"]["code"] == "protocol" and result["failure"]["status"] == 407
    assert "proxy" in result["msg"].lower() and "Check the options" not in result["msg"]
    assert clock.sleeps == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_missing_support_for_socks_is_named(scheme: str, run: Run) -> None:
    if importlib.util.find_spec("socks"):
        pytest.skip("PySocks is there, so nothing is missing")
    env = {f"{scheme}_proxy": "socks5://jane:5ecret5ecret@127.0.0.1:9"}
    url = f"{scheme}://docspace.example.com"
    result = run("docspace_backup_info", url=url, env=env, secrets=("5ecret5ecret",))
    assert result["failure"]["code"] == "config"
    assert "PySocks" in result["msg"] and "Check 'url'" not in result["msg"]


@pytest.mark.parametrize(
    "address",
    [
        *("http://jane:5ecret5ecret@:port", "http://jane:5ecret5ecret@[::1", "jane:5ecret5ecret@"),
        *(
            "ht!tp://jane:5ecret5ecret@p",
            "http://jane:5ecret5ecret@host:99999",
            "http://jane:5ecret5ecret@",
        ),
        *(
            "http://jane:5ecret'5ecret@p:x",
            "http://jane:5ecret\\5ecret@p:x",
            "http://5ecret5ecret@p:x",
        ),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_address_of_a_proxy_that_cant_be_read_shows_no_part_of_a_secret(
    scheme: str, address: str, run: Run
) -> None:
    result = run(
        "docspace_backup_info",
        url=f"{scheme}://docspace.example.com",
        retries=0,
        verbosity=4,
        env={f"{scheme}_proxy": address},
    )
    assert result["failure"]["code"] in ("config", "connection"), result
    assert re.search("5ecret|jane", json.dumps(result)) is None
