# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways in which a portal, or what stands before it, can misbehave: one table for all.

Each is asked by a reading and by a delete. Reading must fail with the right code, and never be
taken for an empty history. A delete must be judged by the history, whatever it was answered.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY, Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, RECORD, TWO, row
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    RESET,
    SILENCE,
    STACK,
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

HISTORY = "getbackuphistory"
DELETE = f"deletebackup/{ONE}"
JSON = {"Content-Type": "application/json"}
PROBLEM = {"title": "Bad Request", "status": 400, "detail": STACK, "traceId": "00-1"}
LONG = "x" * 5000


def head(lines: bytes, body: bytes = b"") -> Answer:
    """An answer byte by byte."""
    return Answer(raw=lines.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)


# Answers with nothing to be concluded from, whatever was asked.
ANSWERS = [
    # By the HTTP status, whatever the body (C8).
    pytest.param(empty(401), "auth", id="401 empty"),
    pytest.param(html(401), "auth", id="401 page"),
    pytest.param(empty(402), "payment", id="402 empty"),
    pytest.param(failed(402), "payment", id="402 envelope"),
    pytest.param(plain_json(PROBLEM, 402), "payment", id="402 problem"),
    pytest.param(empty(403), "forbidden", id="403 empty"),
    pytest.param(failed(403, "Access denied"), "forbidden", id="403 envelope"),
    pytest.param(plain_json(PROBLEM, 403), "forbidden", id="403 problem"),
    pytest.param(empty(404), "not_found", id="404 empty"),
    pytest.param(html(404), "not_found", id="404 page"),
    pytest.param(empty(400), "rejected", id="400 empty"),
    pytest.param(plain_json({**PROBLEM, "errors": {"Dump": ["bad"]}}, 400), "rejected", id="400"),
    pytest.param(ok(PROBLEM, status=0, statusCode=415)._replace(status=415), "rejected", id="415"),
    pytest.param(empty(405, Allow="POST"), "rejected", id="405"),
    pytest.param(empty(418), "rejected", id="418"),
    pytest.param(empty(429), "rate_limited", id="429 empty"),
    pytest.param(html(429), "rate_limited", id="429 page"),
    pytest.param(failed(500), "server", id="500 envelope"),
    pytest.param(empty(500), "server", id="500 empty"),
    pytest.param(html(500), "server", id="500 page"),
    pytest.param(failed(500, f"\n\na\n{STACK}\n"), "server", id="500 lines"),
    pytest.param(failed(500, LONG), "server", id="500 long"),
    pytest.param(html(502), "server", id="502 page"),
    pytest.param(html(503), "server", id="503 page"),
    pytest.param(html(504), "server", id="504 page"),
    pytest.param(empty(599), "server", id="599"),
    # An error that looks like success in one place.
    pytest.param(ok([])._replace(status=401), "auth", id="401 with a list"),
    pytest.param(ok([])._replace(status=500), "server", id="500 with a list"),
    pytest.param(failed(500)._replace(status=200), "protocol", id="200 with an error"),
    pytest.param(ok([], status=1), "protocol", id="status 1"),
    pytest.param(ok([], statusCode=500), "protocol", id="statusCode 500"),
    pytest.param(ok([], statusCode=302), "protocol", id="statusCode 302"),
    pytest.param(ok([], status="0"), "protocol", id="status as text"),
    pytest.param(ok([], status=False), "protocol", id="status as bool"),
    pytest.param(ok([], status=None), "protocol", id="status null"),
    pytest.param(ok([], statusCode=None), "protocol", id="statusCode null"),
    # Not the API.
    pytest.param(html(200), "protocol", id="login page"),
    pytest.param(Answer(200, b"<html/>", JSON), "protocol", id="page that says JSON"),
    pytest.param(empty(200), "protocol", id="200 empty"),
    pytest.param(empty(204), "protocol", id="204"),
    pytest.param(plain_json({}), "protocol", id="empty object"),
    pytest.param(plain_json([]), "protocol", id="bare list"),
    pytest.param(plain_json([row()]), "protocol", id="bare rows"),
    pytest.param(plain_json(True), "protocol", id="bare true"),
    pytest.param(plain_json(None), "protocol", id="bare null"),
    pytest.param(plain_json("ok"), "protocol", id="bare text"),
    pytest.param(plain_json({"response": []}), "protocol", id="no envelope"),
    pytest.param(plain_json({"response": [], "status": 0}), "protocol", id="half an envelope"),
    pytest.param(plain_json({"status": "ok"}), "protocol", id="health page"),
    pytest.param(Answer(200, b'{"response":[', JSON), "protocol", id="half of JSON"),
    pytest.param(Answer(200, b"\xff\xfe\xfa" * 9, JSON), "protocol", id="bytes"),
    pytest.param(Answer(200, b"[" * 200_000, JSON), "protocol", id="deep list"),
    pytest.param(Answer(200, b'{"a":' * 200_000, JSON), "protocol", id="deep object"),
    pytest.param(Answer(200, b"9" * 20_000, JSON), "protocol", id="long number"),
    # Elsewhere.
    pytest.param(redirect("https://sso.example.com/in?ticket=51gned1ink"), "protocol", id="302"),
    pytest.param(redirect("/login?ticket=51gned1ink", 301), "protocol", id="301"),
    pytest.param(redirect("//sso.example.com/in", 307), "protocol", id="307"),
    pytest.param(redirect("https://a:51gned1ink@sso.example.com/", 308), "protocol", id="308"),
    pytest.param(redirect(f"https://sso.example.com/{LONG}", 303), "protocol", id="303 long"),
    pytest.param(empty(302), "protocol", id="302 to nowhere"),
    pytest.param(redirect("https://[broken/in"), "protocol", id="302 broken"),
    pytest.param(redirect("https://sso.example.com:port/"), "protocol", id="302 bad port"),
    pytest.param(redirect("javascript:alert(1)"), "protocol", id="302 script"),
    pytest.param(redirect("https://s\u00fc\u00df/"), "protocol", id="302 latin-1"),
    pytest.param(redirect("https:///x"), "protocol", id="302 no host"),
    pytest.param(empty(304), "protocol", id="304"),
    pytest.param(empty(300), "protocol", id="300"),
    # The transport.
    pytest.param(CLOSE, "connection", id="closed"),
    pytest.param(RESET, "connection", id="reset"),
    pytest.param(SILENCE, "timeout", id="silence"),
    pytest.param(ok([row()] * 9)._replace(end="cut"), "connection", id="cut off"),
    pytest.param(ok([row()] * 9)._replace(end="stall"), "timeout", id="stalls"),
    pytest.param(
        Answer(200, ok([]).body, {**JSON, "Content-Length": "5"}), "protocol", id="length too small"
    ),
    pytest.param(
        Answer(200, b"not gzip", {**JSON, "Content-Encoding": "gzip"}), "connection", id="no gzip"
    ),
    pytest.param(head(b"HTTP/1.1 200 OK\nContent-Length: 99", b"{}"), "connection", id="too short"),
    pytest.param(
        head(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"5\r\n{}"), "connection", id="chunk"
    ),
    pytest.param(
        head(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"zz\r\n"), "protocol", id="no chunk"
    ),
    pytest.param(head(b"HTTP/1.1 200 OK\nX: " + b"x" * 70_000), "connection", id="long header"),
    pytest.param(head(b"HTTP/1.1 200 OK\n" + b"X: 1\n" * 200), "connection", id="many headers"),
    pytest.param(head(b"SSH-2.0-OpenSSH_9.2"), "connection", id="another protocol"),
    pytest.param(Answer(raw=b"\x15\x03\x01\x00\x02\x02\x46"), "connection", id="a TLS alert"),
]
# What a history alone can be wrong in.
HISTORIES = [
    pytest.param(ok(), "protocol", id="no response"),
    pytest.param(
        plain_json({"response": None, "status": 0, "statusCode": 200}),
        "protocol",
        id="response null",
    ),
    pytest.param(ok({}), "protocol", id="response an object"),
    pytest.param(ok("[]"), "protocol", id="response a text"),
    pytest.param(ok(True), "protocol", id="response true"),
    pytest.param(ok({"items": [row()]}), "protocol", id="paged"),
    pytest.param(ok([None]), "protocol", id="row null"),
    pytest.param(ok(["a"]), "protocol", id="row a text"),
    pytest.param(ok([{}]), "protocol", id="row empty"),
    pytest.param(ok([row(), {**row(TWO), "id": None}]), "protocol", id="id null"),
    pytest.param(ok([row(), {**row(TWO), "id": ""}]), "protocol", id="id empty"),
    pytest.param(ok([row(), {**row(TWO), "id": 7}]), "protocol", id="id a number"),
    pytest.param(ok([row(), {**row(TWO), "id": "latest"}]), "protocol", id="id no UUID"),
    pytest.param(ok([row(), row(age=1)]), "protocol", id="same id, other time"),
    pytest.param(ok([row(), row(fileName="b")]), "protocol", id="same id, other name"),
    pytest.param(
        ok([row(), row(ONE.upper(), storageType=0)]), "protocol", id="same id, other storage"
    ),
]


# One for each code, for what treats all of a code alike.
EACH_CODE = list({case.values[1]: case for case in HISTORIES + ANSWERS}.values())


@pytest.mark.parametrize(("answer", "code"), ANSWERS + HISTORIES)
def test_a_history_that_cant_be_read(answer: Answer, code: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, answer)
    result = run(
        "docspace_backup", id=ONE, state="absent", retries=0, timeout=patience(answer), verbosity=3
    )
    assert result["failure"]["code"] == code, result["msg"]
    assert result["failure"]["method"] == "GET"
    assert result["failure"]["path"] == f"/api/2.0/backup/{HISTORY}"
    assert result["changed"] is False
    if code not in ("connection", "timeout") and not answer.raw:
        assert result["failure"]["status"] == answer.status
    assert LONG not in json.dumps(result)
    assert len(result["failure"]["detail"] or "") <= 300


@pytest.mark.parametrize(("answer", "code"), EACH_CODE)
def test_a_dry_run_and_info_fail_alike(answer: Answer, code: str, wire: Wire, run: Run) -> None:
    given = {"retries": 0, "timeout": patience(answer)}
    wire.expect("GET", HISTORY, answer)
    result = run("docspace_backup", id=ONE, state="absent", check_mode=True, **given)
    assert result["failure"]["code"] == code and result["changed"] is False
    wire.expect("GET", HISTORY, answer)
    result = run("docspace_backup_info", **given)
    assert result["failure"]["code"] == code


# What a delete alone can be answered with that is no `true`.
ANSWERED = [
    pytest.param(ok(), "protocol", id="no response"),
    pytest.param(ok(False), "protocol", id="false"),
    pytest.param(ok("true"), "protocol", id="a text"),
    pytest.param(ok(1), "protocol", id="one"),
    pytest.param(ok([]), "protocol", id="a list"),
    pytest.param(ok({}), "protocol", id="an object"),
    # The storage refuses: the record is gone, the file is there (C18).
    pytest.param(failed(500, "Access to /srv/backup is denied"), "server", id="storage"),
    pytest.param(failed(404, "/srv/backup"), "not_found", id="folder unmounted"),
]


@pytest.mark.parametrize(("answer", "code"), EACH_CODE + ANSWERED)
def test_a_delete_after_which_it_is_gone(answer: Answer, code: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row(), row(TWO)]))
    wire.expect("DELETE", DELETE, answer)
    wire.expect("GET", HISTORY, ok([row(TWO)]))
    result = run(
        "docspace_backup", id=ONE, state="absent", retries=0, timeout=patience(answer), verbosity=3
    )
    assert result["changed"] is True
    assert result["backup"] == RECORD
    assert len(result["warnings"]) == 1
    assert "may remain" in result["warnings"][0] and len(result["warnings"][0]) < 1000


@pytest.mark.parametrize(("answer", "code"), ANSWERS + ANSWERED)
def test_a_delete_after_which_it_is_still_there(
    answer: Answer, code: str, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", HISTORY, ok([row(), row(TWO)]))
    wire.expect("DELETE", DELETE, answer)
    for _look in range(1 if is_clear(answer) else 3):
        wire.expect("GET", HISTORY, ok([row(TWO), row()]))
    result = run(
        "docspace_backup", id=ONE, state="absent", retries=0, timeout=patience(answer), verbosity=3
    )
    assert result["failure"]["code"] == code
    assert result["failure"]["method"] == "DELETE"
    assert result["failure"]["path"] == f"/api/2.0/backup/{DELETE}"
    assert "warnings" not in result
    if is_clear(answer):
        assert result["changed"] is False
        assert "was not deleted" in result["msg"]
        assert clock.sleeps == []
    else:
        assert result["changed"] is True, "not known is not no"
        assert (
            result["msg"].startswith("Not known whether") and "was not deleted" not in result["msg"]
        )
        assert sum(clock.sleeps) == pytest.approx(patience(answer))


@pytest.mark.parametrize(
    ("first", "code"), [(failed(500), "server"), (CLOSE, "connection"), (html(200), "protocol")]
)
@pytest.mark.parametrize(
    "second", [empty(401), failed(500), html(502), CLOSE, ok(), ok([{}]), html(200)]
)
def test_a_delete_of_which_nothing_is_known(
    second: Answer, first: Answer, code: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    wire.expect("DELETE", DELETE, first)
    for _look in range(1 if is_clear(first) else 3):
        wire.expect("GET", HISTORY, second)
    result = run("docspace_backup", id=ONE, state="absent", retries=0, verbosity=3)
    assert result["failure"]["code"] == code, "the first error is the one to tell"
    assert result["failure"]["method"] == "DELETE"
    assert result["changed"] is True
    assert "ot known whether" in result["msg"] and "Run the task again" in result["msg"]


# Unusual, but right: these must work.
def zipped(answer: Answer) -> Answer:
    body = gzip.compress(answer.body)
    return answer._replace(body=body, headers={**answer.headers, "Content-Encoding": "gzip"})


def chunked(answer: Answer) -> Answer:
    size = b"%x\r\n" % len(answer.body)
    return answer._replace(
        body=size + answer.body + b"\r\n0\r\n\r\n", headers={**JSON, "Transfer-Encoding": "chunked"}
    )


LIST = ok([row()])
RIGHT = [
    pytest.param(zipped(LIST), id="gzip"),
    pytest.param(
        LIST._replace(body=zlib.compress(LIST.body), headers={"Content-Encoding": "deflate"}),
        id="deflate",
    ),
    pytest.param(chunked(LIST), id="chunked"),
    pytest.param(
        chunked(zipped(LIST))._replace(
            headers={**JSON, "Transfer-Encoding": "chunked", "Content-Encoding": "gzip"}
        ),
        id="chunked gzip",
    ),
    pytest.param(LIST._replace(body=b"\xef\xbb\xbf" + LIST.body), id="byte order mark"),
    pytest.param(LIST._replace(body=b"\r\n " + LIST.body + b"\n"), id="blanks around"),
    pytest.param(LIST._replace(headers={"Content-Type": "text/plain"}), id="another type"),
    pytest.param(LIST._replace(headers={}), id="no type"),
    pytest.param(LIST._replace(status=201), id="201"),
    pytest.param(ok([row()], total=1, more={"a": [1]}), id="more keys"),
    pytest.param(ok([row()], count=99), id="wrong count"),
    pytest.param(ok([row(), row(), row()]), id="repeated rows"),
    pytest.param(ok([row(), row(ONE.upper())]), id="repeated in another case"),
    pytest.param(
        ok([row(), {**row(), "expiresOn": None, "storageType": "Local"}]), id="repeated otherwise"
    ),
    pytest.param(ok([row(unknown={"a": 1})]), id="more in a row"),
    pytest.param(ok([row(f"{{{ONE.upper()}}}")]), id="id in braces"),
    pytest.param(head(b"HTTP/1.0 200 OK", LIST.body), id="HTTP/1.0 without a length"),
    pytest.param(
        Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + LIST.body), id="100"
    ),
]


@pytest.mark.parametrize("answer", RIGHT)
def test_unusual_but_right(answer: Answer, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, answer)
    result = run("docspace_backup_info", retries=0)
    assert result["backups"] == [RECORD]
    assert result["total"] == 1


@pytest.mark.parametrize("answer", [zipped(ok(True)), chunked(ok(True)), ok(True, count=0)])
def test_a_delete_that_is_unusual_but_right(answer: Answer, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    wire.expect("DELETE", DELETE, answer)
    result = run("docspace_backup", id=ONE, state="absent")
    assert result["changed"] is True
    assert "warnings" not in result


# The sentence of each code names what to do.
ADVICE = [
    pytest.param(empty(401), "Check that the key", id="auth"),
    pytest.param(empty(402), "tariff", id="payment"),
    pytest.param(empty(403), "'*:write'", id="forbidden"),
    pytest.param(empty(404), "'url'", id="not_found"),
    pytest.param(empty(429), "Run again later", id="rate_limited"),
    pytest.param(empty(500), "the portal's log", id="server"),
    pytest.param(empty(400), "options", id="rejected"),
    pytest.param(html(200), "'url'", id="protocol"),
    pytest.param(
        redirect("https://sso.example.com/in?a=b"), "https://sso.example.com/in'", id="3xx"
    ),
    pytest.param(CLOSE, "Run again", id="connection"),
    pytest.param(SILENCE, "'timeout'", id="timeout"),
]


@pytest.mark.parametrize(("answer", "advice"), ADVICE)
def test_the_sentence_says_what_to_do(answer: Answer, advice: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, answer)
    result = run("docspace_backup_info", retries=0, timeout=patience(answer))
    assert advice in result["msg"]


def test_the_portals_words_are_told_but_only_the_first_line(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, failed(500, "Disk full.\n   at Some.Method()\n"))
    result = run("docspace_backup_info")
    assert result["failure"]["detail"] == "Disk full."
    assert "Disk full." in result["msg"]
    assert "Some.Method" not in json.dumps(result)


@pytest.mark.parametrize("verbosity", [0, 1, 3, 4])
def test_a_key_that_the_portal_echoes_is_hidden(verbosity: int, wire: Wire, run: Run) -> None:
    """`run` looks for it in all that is shown."""
    wire.expect("GET", HISTORY, failed(500, f"no such key: {KEY}"))
    result = run("docspace_backup_info", verbosity=verbosity)
    assert "no such key: " in result["msg"]


def test_text_that_is_no_unicode_is_shown_all_the_same(wire: Wire, run: Run) -> None:
    broken = Answer(200, ok([row(fileName="a?b")]).body.replace(b"a?b", b"a\\ud800b"), JSON)
    wire.expect("GET", HISTORY, broken)
    assert run("docspace_backup_info")["backups"][0]["id"] == ONE
