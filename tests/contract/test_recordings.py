# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every recorded answer of the vendor's server, asked again from the simulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.onlyoffice.docspace.tests.contract.compare import Comparison
from ansible_collections.onlyoffice.docspace.tests.contract.replay import names, replay_all

EXCEPTIONS: dict[str, str] = json.loads(
    (Path(__file__).parent / "exceptions.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def replayed() -> dict[str, list[str]]:
    """All scenes, played once."""
    return replay_all()


@pytest.mark.parametrize("name", names())
def test_answers_as_recorded(name: str, replayed: dict[str, list[str]]) -> None:
    if name in EXCEPTIONS:
        assert replayed[name], f"{name} is answered alike now: take it off exceptions.json"
    else:
        assert replayed[name] == []


def test_every_exchange_is_replayed_under_its_own_name(
    replayed: dict[str, list[str]], record_property: Callable[[str, object], None]
) -> None:
    equal = sum(not differences for differences in replayed.values())
    counts = f"replayed {len(replayed)}, equal {equal}, excepted {len(EXCEPTIONS)}"
    record_property("replay", counts)
    assert len(names()) == len(set(names())) == 343 + 95
    assert set(replayed) == set(names())


def test_exceptions_are_few_known_and_explained(replayed: dict[str, list[str]]) -> None:
    assert set(EXCEPTIONS) <= set(replayed)
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())
    assert len(EXCEPTIONS) * 20 <= len(replayed)


ID = "dddddddd-0000-4000-8000-000000000001"
RECORDED = {
    "status": 200,
    "headers": {"Content-Type": "application/json"},
    "body": json.dumps({"response": {"taskId": ID, "progress": 0, "link": ""}, "count": 1}),
}


@pytest.mark.parametrize(
    ("answer", "difference"),
    [
        ({}, None),
        ({"status": 500}, "status 500, recorded 200"),
        ({"type": "text/html"}, "Content-Type"),
        ({"response": {"progress": "0"}}, ".response.progress"),
        ({"response": {"progress": False}}, ".response.progress"),
        ({"response": {"link": "/x"}}, ".response.link"),
        ({"response": {"more": 1}}, ".response: members"),
        ({"response": {"taskId": "1"}}, ".response.taskId"),
        ({"count": 2}, ".count"),
    ],
)
def test_the_comparison_itself_sees_a_difference(
    answer: dict[str, object], difference: str | None
) -> None:
    task = {"taskId": "0f4f42ae-e725-5891-9d07-538e5e37f16f", "progress": 0, "link": ""}
    changes = answer.get("response", {})
    assert isinstance(changes, dict)
    body = {"response": {**task, **changes}, "count": answer.get("count", 1)}
    headers = {"Content-Type": str(answer.get("type", "application/json"))}
    status = answer.get("status", 200)
    assert isinstance(status, int)
    found = Comparison().differences(RECORDED, status, headers, json.dumps(body))
    if difference is None:
        assert found == []
    else:
        assert any(item.startswith(difference) for item in found), found
