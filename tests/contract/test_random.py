# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd answers at random: real ones of the simulator, broken on their way, for every module.

Two hundred runs are tried each time. `DOCSPACE_RANDOM_ANSWERS=20000` tries so many, and
`DOCSPACE_RANDOM_SEED=7` other ones.
"""

from __future__ import annotations

import gc
import json
import os
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal import errors
from ansible_collections.onlyoffice.docspace.tests.contract.scenarios import (
    FOLDER,
    HISTORY,
    SCENARIOS,
    STORAGE_SECRET,
    Scenario,
)
from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    NOW,
    Clock,
    check_outcome,
    run_module,
)

ANSWERS = int(os.environ.get("DOCSPACE_RANDOM_ANSWERS", "200"))
SEED = int(os.environ.get("DOCSPACE_RANDOM_SEED", "1"))
PARTS = 4
# How many requests a scenario has, most of all, any of which may be broken; the others have two.
REQUESTS = {
    12: ("restored", "from a file"),
    8: ("made", "made elsewhere", "made with a secret", "too old", "joined"),
    5: ("policy", "begun", "everything"),
    4: ("busy",),
    3: ("dump gone",),
    1: ("history", "dump", "there", "not there", "was gone", "fresh", "none", "nothing to do")
    + ("no one", "was set", "other host", "no such"),
}
TURNS = {name: count for count, names in REQUESTS.items() for name in names}

# What no server means. Nothing here is a plausible lie: who says that a backup isn't there, or
# that a task is another one's, is believed.
ODD: list[Any] = [
    *(None, True, -1, 99, 2**63, 10**30, 10**400, 50.5, -0.5, 1e308, "", " ", "\u00b2", "1e400"),
    *("x" * 5000, "half \ud83d", "\x00\x1b[31m\x7f", "a\nb\r\u2028\u202e", "&lt;b&gt;", "%s{0}"),
    *([], [[]], [None], {}, {"a": 1}, {"": None}, "true", "null", "0001-01-01T00:00:00"),
    *("9999-12-31T23:59:59.9999999+14:00", "0000-00-00", "\U0001f4be", "Infinity", "-0"),
]
CONSTANTS = [
    "Infinity",
    "-Infinity",
    "NaN",
    "1e400",
    "-1e400",
    "0.1e-999",
    "00",
    "'a'",
    "undefined",
]
STATUS = [
    *(199, 201, 202, 204, 206, 226, 300, 301, 302, 304, 400, 401, 402, 403, 404, 405),
    *(407, 408, 409, 410, 413, 418, 421, 423, 429, 451, 500, 501, 502, 503, 504, 507, 511, 599),
]
HEADERS = [
    *(("Content-Type", kind) for kind in ("text/html", "", "application/json; charset=utf-16")),
    *(("Content-Encoding", kind) for kind in ("gzip", "br", "identity", "deflate", "x" * 300)),
    *(("Retry-After", after) for after in ("\u00b2", "-5", "9" * 400, "0", "1e9", "nan", "soon")),
    ("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Location", "https://jane:5ecret5ecret@evil.example/?key=5ecret5ecret"),
    ("Set-Cookie", "a=5ecret5ecret"),
    ("X-Long", "x" * 60_000),
    ("Transfer-Encoding", "gzip"),
    ("WWW-Authenticate", "Basic realm=x"),
]
UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
CODES = set(errors.TITLES)
# Only where somebody may have done something that this run can't tell from its own doing.
NOT_KNOWN = re.compile("ot known whether")


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    """Every place in a decoded body."""
    yield path
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value[:3])
    for key, item in inner:
        yield from paths(item, (*path, key))


def broken(body: Any, dice: random.Random) -> Any:
    """A body with something odd in one place, or without that place."""
    places = list(paths(body))
    *where, last = dice.choice(places[1:]) if len(places) > 1 else (None,)
    if last is None:
        return dice.choice(ODD)
    target = body
    for key in where:
        target = target[key]
    how = dice.randrange(6)
    if how == 0 and isinstance(target, dict):
        del target[last]
    elif how == 1 and isinstance(target, dict):
        target[dice.choice(["", "ID", "\ud83d", "x" * 300])] = target.pop(last)
    elif how == 2:
        target[last] = [target[last]]
    elif how == 3:
        target[last] = {"value": target[last]}
    else:
        target[last] = dice.choice(ODD)
    return body


Answer = tuple[int, list[tuple[str, str]], bytes]


def spoilt(answer: Answer, dice: random.Random, secret: str) -> Answer:
    """A real answer, broken in one of many ways."""
    status, headers, body = answer
    how = dice.randrange(20)
    if how < 12 and body[:1] == b"{":
        decoded = broken(json.loads(body), dice)
        if dice.random() < 0.2:
            decoded = broken(decoded, dice)
        body = json.dumps(decoded).encode()
        if dice.random() < 0.1:
            numbers = [*re.finditer(rb"(?<=:)[ ]?[0-9]+", body)]
            if numbers:
                start, end = dice.choice(numbers).span()
                body = body[:start] + dice.choice(CONSTANTS).encode() + body[end:]
    elif how < 14:
        status = dice.choice(STATUS)
        body = dice.choice([body, b"", b"<html>no</html>"])
    elif how < 16:
        headers = [*headers, dice.choice(HEADERS)]
        status = dice.choice([status, 429])
    elif how == 16:
        words = f"{'x' * dice.choice([0, 280, 290, 299, 300])}{secret} \ud83d\n at Stack"
        error = {"message": words, "errors": {"a'\\b": [words, words]}}
        body = json.dumps({"error": error, "status": 1, "statusCode": 500}).encode()
        status = dice.choice([400, 401, 403, 404, 500, 503])
    elif how == 17:
        body = body[: dice.randrange(len(body) + 1)]
    elif how == 18:
        place = dice.randrange(len(body) + 1)
        body = body[:place] + bytes(dice.randrange(256) for _one in range(3)) + body[place:]
    else:
        body = dice.choice([b"[" * 50_000, b"\xff\xfe", b'{"response":' * 2000, b"9" * 5000, b"<"])
    return status, headers, body


class Spoiler:
    """Stands before the simulator's application: breaks some answers, and notes what was done."""

    def __init__(self, app: Callable[..., Any], dice: random.Random, secret: str) -> None:
        self.app, self.dice, self.secret = app, dice, secret
        self.turn, self.more = 0, dice.random() < 0.25
        self.asked = self.spoilt = 0
        self.effects: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen: list[Any] = []

        def note(status: str, headers: list[tuple[str, str]], *_more: Any) -> None:
            seen.append((int(status.split(maxsplit=1)[0]), headers))

        body = b"".join(self.app(environ, note))
        if environ.get("simulator.content") is not None:
            # A file, which has tests of its own.
            start_response(f"{seen[0][0]} OK", seen[0][1])
            return [body]
        answer: Answer = (*seen[0], body)
        self.note_effect(environ, answer)
        if self.asked == self.turn or (self.more and self.asked > self.turn):
            answer = spoilt(answer, self.dice, self.secret)
            self.spoilt += 1
        self.asked += 1
        status, headers, body = answer
        headers = [item for item in headers if item[0] != "Content-Length"]
        start_response(f"{status} Odd", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def note_effect(self, environ: dict[str, Any], answer: Answer) -> None:
        """What a request that writes really did."""
        method, call = environ["REQUEST_METHOD"], environ["PATH_INFO"].rpartition("backup/")[2]
        if method == "GET" or answer[0] != 200 or answer[2][:1] != b"{":
            return
        response = json.loads(answer[2]).get("response")
        if call.startswith("start"):
            if response["status"] == 0:
                self.effects.append(call)
        elif response is True:
            self.effects.append(call)


def attempt(
    sim: Simulator,
    scenario: Scenario,
    dice: random.Random,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[dict[str, Any], Spoiler]:
    """One run of a module with broken answers, looked at."""
    sim.reset(HISTORY)
    scenario.arrange(sim)
    genuine, key = sim.faults.app, sim.key
    sim.faults.app = spoiler = Spoiler(genuine, dice, key)
    spoiler.turn = dice.randrange(TURNS.get(scenario.name, 2))
    clock = Clock(sim.clock.now())
    clock.on_sleep = sim.advance
    options: dict[str, Any] = {"url": sim.url, "api_key": key, "timeout": 10}
    options["retries"] = dice.choice([0, 1, 3])
    if scenario.changed and scenario.module in ("docspace_backup", "docspace_backup_restore"):
        options["wait_timeout"] = 90
    for name, value in scenario.options.items():
        place = tempfile.mkdtemp(dir=folder) if value == FOLDER else value
        options[name] = place(sim) if callable(place) else place
    try:
        outcome = run_module(
            scenario.module,
            options,
            monkeypatch=monkeypatch,
            clock=clock,
            diff=True,
            verbosity=dice.choice([0, 3]),
        )
    finally:
        sim.faults.app = genuine
    result = check_outcome(outcome, (key, "5ecret5ecret", STORAGE_SECRET))
    assert_told_well(result, key)
    return result, spoiler


def assert_told_well(result: dict[str, Any], key: str) -> None:
    """What holds for each result: every output can carry it, and its failure is a documented one."""
    shown = {**result, "diff": {}} if "prepared" in (result.get("diff") or {}) else result
    text = json.dumps(shown, ensure_ascii=False)
    text.encode()
    # A part of the key, cut off, would be as good as most of it.
    assert key[:12] not in text
    assert UNCLEAN.search(str(result.get("msg", ""))) is None
    if result.get("failed"):
        assert result["failure"]["code"] in CODES
        assert len(result["failure"]["detail"] or "") <= errors.LONGEST_DETAIL


def assert_truthful(result: dict[str, Any], spoiler: Spoiler) -> None:
    """`changed` is what happened; a failure that doesn't know says so."""
    if result.get("failed"):
        failure = result["failure"]
        told = NOT_KNOWN.search(result["msg"]) is not None
        # A status that says no is believed; of a delete only 401 is, else the history decides.
        refused = failure["method"] != "GET" and (failure["status"] or 0) >= 400
        believed = refused and (
            "/deletebackup/" not in failure["path"] or failure["code"] == "auth"
        )
        # And so is a task's own error.
        believed = believed or (failure["code"] == "task_failed" and "portal says" in result["msg"])
        # Two answers that are broken may agree on what isn't so.
        believed = believed or (spoiler.spoilt > 1 and "start" not in " ".join(spoiler.effects))
        assert result["changed"] is bool(spoiler.effects) or told or believed
    else:
        assert result["changed"] is bool(spoiler.effects)


@pytest.mark.parametrize("part", range(PARTS))
def test_odd_answers(
    part: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    tried: Counter[str] = Counter()
    usual = [one for one in SCENARIOS if not one.surprises and one.code in (None, "conflict")]
    with Simulator(clock=DrivenClock(NOW), task_seconds=30) as sim:
        for number in range(ANSWERS // PARTS):
            dice = random.Random(f"{SEED}/{part}/{number}")
            scenario = dice.choice(usual)
            if number % 100 == 99:
                gc.collect()  # connections of runs that ended, or the system has no more of them
            try:
                with monkeypatch.context() as patch:
                    result, spoiler = attempt(sim, scenario, dice, tmp_path, patch)
                if scenario.module != "docspace_backup_download":  # its change is a file
                    assert_truthful(result, spoiler)
            except Exception as error:
                raise AssertionError(f"{SEED}/{part}/{number}: {scenario.name}") from error
            failed = result["failure"]["code"] if result.get("failed") else "success"
            tried[failed] += spoiler.spoilt
    record_property("answers", dict(tried))
