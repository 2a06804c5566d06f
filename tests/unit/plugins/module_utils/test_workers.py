# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several deletes at a time, when something goes wrong with the workers themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import delete
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.client import Client
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import row
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    Answer,
    Request,
    Wire,
    empty,
    ok,
)

Run = Callable[..., dict[str, Any]]

COPIES = 21


def uid(number: int) -> str:
    return f"{number:08d}-0000-4000-8000-000000000000"


class Portal(Wire):
    """Has a history, and forgets what is deleted."""

    def __init__(self, clock: Clock, refuse: Callable[[int], Answer | None]) -> None:
        super().__init__()
        self.copies = {uid(number): row(uid(number), age=number) for number in range(COPIES)}
        self.deletes: list[float] = []
        self._clock, self._refuse = clock, refuse
        self._counting = threading.Lock()

    def answer(self, request: Request) -> Answer:
        with self._counting:
            if request.method == "GET":
                return ok(list(self.copies.values()))
            self.deletes.append(self._clock.monotonic())
            refused = self._refuse(len(self.deletes))
            if refused is None:
                self.copies.pop(request.target.rpartition("/")[2])
            return refused or ok(True)


def prune(
    run: Run, clock: Clock, refuse: Callable[[int], Answer | None], **options: Any
) -> tuple[dict[str, Any], Portal]:
    """Remove all copies but one. Every copy is accounted for, once, and truly."""
    portal = Portal(clock, refuse)
    with portal:
        result = run("docspace_backup_prune", url=portal.url, keep_last=1, **options)
    removed = {one["id"] for one in result["removed"]}
    failed = {one["id"] for one in result["failures"]}
    assert removed | failed == {uid(number) for number in range(1, COPIES)}
    assert not removed & failed
    assert removed == {uid(number) for number in range(COPIES)} - set(portal.copies)
    assert result["changed"] is bool(removed)
    return result, portal


def never(_number: int) -> Answer | None:
    return None


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError, KeyError, OSError, RecursionError])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_an_exception_in_a_worker(
    concurrency: int,
    kind: type[Exception],
    run: Run,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    genuine = Client.delete

    def broken(client: Client, path: str, *args: Any, **options: Any) -> Any:
        if path.endswith((uid(5), uid(9))):
            raise kind("of some kind\nand more")
        return genuine(client, path, *args, **options)

    monkeypatch.setattr(Client, "delete", broken)
    result, _portal = prune(run, clock, never, concurrency=concurrency)
    assert {one["id"] for one in result["failures"]} == {uid(5), uid(9)}
    assert result["failure"]["code"] == "protocol" and kind.__name__ in result["msg"]


def test_a_worker_that_ends_in_the_middle(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had begun is a failure, the others do the rest."""
    genuine, ended = Client.delete, threading.Event()

    def broken(client: Client, path: str, *args: Any, **options: Any) -> Any:
        beside = threading.current_thread() is not threading.main_thread()
        if beside and not ended.is_set():
            ended.set()
            raise SystemExit
        if not beside:
            # Else the main thread might have done all before anybody else begins.
            ended.wait(20)
        return genuine(client, path, *args, **options)

    monkeypatch.setattr(Client, "delete", broken)
    result, _portal = prune(run, clock, never, concurrency=3)
    assert len(result["failures"]) == 1 and "didn't end" in result["msg"]


@pytest.mark.parametrize("started", [0, 2])
def test_no_more_threads_to_be_had(
    started: int, run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [None] * started

    class Scarce(threading.Thread):
        def start(self) -> None:
            if not left:
                raise RuntimeError("can't start new thread")
            left.pop()
            super().start()

    stand_in = SimpleNamespace(Thread=Scarce, Lock=threading.Lock)
    monkeypatch.setattr(delete, "threading", stand_in)
    result, portal = prune(run, clock, never, concurrency=10, verbosity=1)
    assert result["failures"] == [] and list(portal.copies) == [uid(0)]
    assert portal.connections <= started + 1
    assert any("no thread left" in line for line in result["log"])


@pytest.mark.parametrize("concurrency", [1, 4, 10])
def test_a_portal_that_refuses_all_is_asked_a_few_times(
    concurrency: int, run: Run, clock: Clock
) -> None:
    """Twenty backups with three repeats each would be eighty requests. The third that is given up
    ends it, when each worker has at most one more in hand.
    """
    result, portal = prune(run, clock, lambda _number: empty(429), concurrency=concurrency)
    assert result["failure"]["code"] == "rate_limited"
    assert len(portal.deletes) <= (concurrency + 2) * 4


@pytest.mark.parametrize("concurrency", [2, 10])
def test_a_refusal_makes_all_workers_pause(concurrency: int, run: Run, clock: Clock) -> None:
    """The one that was refused sleeps first, and here not before another does."""
    first, paused, another = threading.Lock(), threading.Event(), threading.Event()
    sleep = clock.sleep

    def wait_for_another(seconds: float) -> None:
        if first.acquire(blocking=False):
            paused.set()
            another.wait(10)
        another.set()
        sleep(seconds)

    def answer(number: int) -> Answer | None:
        if number == 1:
            return empty(429, Retry_After="25")
        # What is on its way already can't be held back: it is answered when all know of the pause.
        paused.wait(10)
        return None

    clock.sleep = wait_for_another  # type: ignore[method-assign]
    began = clock.monotonic()
    result, portal = prune(run, clock, answer, concurrency=concurrency)
    assert result["failures"] == []
    early = [when for when in portal.deletes if when < began + 25]
    assert len(early) <= concurrency
