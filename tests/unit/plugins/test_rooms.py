# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`_portal` serves any resource: a module for rooms is small, and its failures speak of rooms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    Answer,
    Wire,
    empty,
    failed,
    html,
    ok,
)

Run = Callable[..., dict[str, Any]]

ROOMS = "tests.unit.plugins.rooms"
SOURCE = Path(__file__).with_name("rooms.py")
ADDRESS = "/api/2.0/files/rooms"


def page(*titles: str, first: int = 1, total: Any = 3) -> Answer:
    """A page of the list as the server gives it. first: the id of its first room."""
    folders = [{"id": first + n, "title": title, "roomType": 5} for n, title in enumerate(titles)]
    return ok({"files": [], "folders": folders, "current": {"id": 9}}, total=total)


def expect_pages(wire: Wire, *pages: Answer, starts: tuple[int, ...] = (0, 2)) -> None:
    for start, answer in zip(starts, pages):
        wire.expect("GET", f"{ADDRESS}?startIndex={start}&count=2", answer)


def test_module_for_another_resource_needs_portal_helpers_only() -> None:
    assert "_backup" not in SOURCE.read_text(encoding="utf-8")


def test_one_of_the_second_page_is_found(wire: Wire, run: Run) -> None:
    expect_pages(wire, page("Design", "Sales"), page("Audit", first=3))
    result = run(ROOMS, title="Audit", diff=True)
    assert (result["changed"], result["room"]) == (False, {"id": 3, "title": "Audit"})
    assert result["diff"]["before"] == result["diff"]["after"]


@pytest.mark.parametrize("total", [None, 2])
def test_a_full_last_page_is_followed_by_an_empty_one(wire: Wire, run: Run, total: Any) -> None:
    expect_pages(wire, page("Design", "Sales", total=total), page(total=total))
    assert not run(ROOMS, title="Sales")["changed"]


def test_a_missing_one_is_made(wire: Wire, run: Run) -> None:
    expect_pages(wire, page("Design", total=1))
    wire.expect(
        "POST", ADDRESS, ok({"id": 7, "title": "Law"}), body={"title": "Law", "roomType": 5}
    )
    result = run(ROOMS, title="Law")
    assert (result["changed"], result["room"]) == (True, {"id": 7, "title": "Law"})


def test_check_mode_says_so_and_sends_nothing(wire: Wire, run: Run) -> None:
    expect_pages(wire, page("Design", total=1))
    result = run(ROOMS, title="Law", check_mode=True)
    assert (result["changed"], result["room"]) == (True, {"id": None, "title": "Law"})


@pytest.mark.parametrize(
    ("pages", "total"),
    [
        pytest.param([page("A", "B", total=4), page("C", first=3, total=4)], 4, id="too many"),
        pytest.param([page("A", "B", total=2), page("C", first=3, total=2)], 2, id="too few"),
        pytest.param([page("A", "B"), page("A", "B")], 3, id="the same page for ever"),
    ],
)
def test_a_total_that_lies(wire: Wire, run: Run, pages: list[Answer], total: int) -> None:
    expect_pages(wire, *pages)
    result = run(ROOMS, title="Law")
    assert result["failure"]["code"] == "protocol" and not result["changed"]
    assert f"says that there are {total} rooms" in result["msg"]


@pytest.mark.parametrize(
    "response",
    [None, [], {"folders": None}, {"folders": [{"id": "x", "title": "A"}]}, {"files": []}],
)
def test_an_odd_page_is_named_with_its_request(wire: Wire, run: Run, response: Any) -> None:
    expect_pages(wire, page("A", "B"), ok(response, total=3))
    result = run(ROOMS, title="Law")
    failure = result["failure"]
    assert (failure["code"], failure["method"]) == ("protocol", "GET")
    assert failure["path"] == f"{ADDRESS}?startIndex=2&count=2"
    assert "room" in result["msg"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (failed(400, "No such type"), "rejected"),
        (empty(401), "auth"),
        (empty(402), "payment"),
        (empty(403), "forbidden"),
        (failed(404, "The required folder was not found"), "not_found"),
        (failed(500), "server"),
        (html(502), "server"),
    ],
)
def test_no_failure_speaks_of_backups(wire: Wire, run: Run, answer: Answer, code: str) -> None:
    expect_pages(wire, page("Design", total=1))
    wire.expect("POST", ADDRESS, answer, body={"title": "Law", "roomType": 5})
    result = run(ROOMS, title="Law")
    assert result["failure"]["code"] == code
    assert (result["failure"]["method"], result["failure"]["path"]) == ("POST", ADDRESS)
    assert "backup" not in result["msg"].lower() and "history" not in result["msg"].lower()


@pytest.mark.parametrize(
    ("answer", "whose"),
    [
        pytest.param(failed(404, "The required folder was not found"), "item", id="the API's"),
        pytest.param(empty(404), "either", id="empty"),
        pytest.param(html(404), "either", id="page"),
    ],
)
def test_whose_a_404_is(wire: Wire, run: Run, answer: Answer, whose: str) -> None:
    """An answer of the API itself comes from the right address."""
    expect_pages(wire, answer)
    message = run(ROOMS, title="Law")["msg"]
    assert "item" in message
    assert ("'url'" in message) is (whose == "either"), message
