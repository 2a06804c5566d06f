# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook restore_drill by a real ansible-playbook, between two simulated portals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from ansible.errors import AnsibleFilterError

from ansible_collections.onlyoffice.docspace.tests.preview.playing import (
    Play,
    load_filter,
    play,
)
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

DRILL = "onlyoffice.docspace.restore_drill"
HASTE = str(Path(__file__).parents[1] / "haste")


def rows(*numbers: int) -> list[dict[str, Any]]:
    """A history of its own for each portal: from a number alone the simulator makes the same ids."""
    ids = (f"{number}0000000-0000-4000-8000-000000000000" for number in numbers)
    return [{"id": one, "storage_type": "Local", "age_days": 3} for one in ids]


class Stage(NamedTuple):
    """Two portals, and the folder with the copies."""

    source: Simulator
    second: Simulator
    folder: Path

    def given(self, **changed: Any) -> dict[str, Any]:
        """The variables, less those that are None."""
        variables = {
            "drill_source": {"url": self.source.url, "api_key": self.source.key},
            "drill_portal": {"url": self.second.url, "api_key": self.second.key},
            "drill_confirm": "127.0.0.1",
            "drill_dir": str(self.folder),
            "drill_wait_timeout": 60,
            **changed,
        }
        return {name: value for name, value in variables.items() if value is not None}

    def drill(self, **changed: Any) -> Play:
        """Run the playbook. `proxy` isn't a variable: it leads to all hosts but 127.0.0.1."""
        proxy = changed.pop("proxy", "")
        secrets = [
            key for sim in (self.source, self.second) for key in (sim.key, sim.portal.read_key)
        ]
        environ = {"ANSIBLE_VERBOSITY": "3", "PYTHONPATH": HASTE}
        environ.update({"http_proxy": proxy} if proxy else {})
        done = play(self.folder, playbook=DRILL, environ=environ, **self.given(**changed))
        for secret in secrets:
            assert secret not in done.text, "a secret is shown"
            for place in self.folder.iterdir():
                assert secret.encode() not in place.read_bytes(), place.name
        return done

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(
            (self.folder / "drill.json").read_text(encoding="utf-8")
        )
        return report

    def untouched(self) -> bool:
        """Whether neither portal was asked for anything but its history."""
        return {item.method for sim in (self.source, self.second) for item in sim.requests} <= {
            "GET"
        }


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    source, second = Simulator(rows(1, 2), task_seconds=1), Simulator(rows(3), task_seconds=1)
    with source, second:
        yield Stage(source, second, tmp_path)


def test_a_drill_and_the_next_one_with_the_same_copy(stage: Stage) -> None:
    done = stage.drill(drill_max_age="1d")
    assert done.code == 0, done.text
    report = stage.report()
    (copy,) = stage.folder.glob("*.tar.gz")
    assert report["format"] == 1
    assert report["passed"] is report["restored"] is True and report["problem"] is None
    assert (report["source"], report["portal"]) == (stage.source.url, stage.second.url)
    assert report["file"]["path"] == str(copy)
    assert report["file"]["size"] == copy.stat().st_size
    assert report["file"]["sha256"] == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert list(report["seconds"]) == ["fetch", "check", "upload", "restore", "ask"]
    assert all(0 <= seconds < 60 for seconds in report["seconds"].values())
    assert report["task"]["status"] == "completed"
    assert report["found"] == {"backups": 0, "schedule": False}
    # The second portal is the first one now.
    assert stage.second.portal.uploaded == copy.read_bytes()
    assert stage.second.key == stage.source.key
    assert len(stage.source.portal.ids()) == 2, "the temporary backup is gone again"
    assert (stage.folder / "drill.json").stat().st_mode & 0o777 == 0o600
    again = stage.drill(drill_max_age="1d")
    assert again.code == 0, again.text
    assert list(stage.folder.glob("*.tar.gz")) == [copy]
    assert stage.source.count("POST", "startbackup") == 1


@pytest.mark.parametrize(
    "spelling", ["HTTP://127.1:{}//", "http://localhost:{}", "http://127.0.0.1:{}/x/.."]
)
def test_one_portal_under_one_address_is_refused(stage: Stage, spelling: str) -> None:
    """How addresses are compared is tested with `is_same_portal`."""
    url = spelling.format(stage.source.url.rpartition(":")[2])
    done = stage.drill(drill_portal={"url": url, "api_key": stage.source.key})
    assert done.code != 0 and "guard: drill_source and drill_portal are one portal" in done.text
    assert stage.source.requests == stage.second.requests == []
    report = stage.report()
    assert report["passed"] is report["restored"] is False
    assert report["problem"]["code"] == "guard" and report["file"] is None


@pytest.mark.parametrize("kind", ["no folder", "a file", "a folder in place of the report"])
def test_a_report_that_cannot_be_written(stage: Stage, kind: str) -> None:
    place = stage.folder / "copies"
    if kind == "a file":
        place.touch()
    elif kind != "no folder":
        (place / "drill.json").mkdir(parents=True)
    given = {**stage.given(), "drill_dir": str(place)}
    done = play(stage.folder, playbook=DRILL, environ={"PYTHONPATH": HASTE}, **given)
    assert done.code != 0 and "guard: drill_dir must be a folder" in done.text, done.text
    assert stage.source.requests == stage.second.requests == []


def test_one_portal_under_two_names_is_refused(stage: Stage) -> None:
    done = stage.drill(**alias_of(stage.source))
    assert done.code != 0 and stage.untouched(), done.text
    problem = stage.report()["problem"]
    assert problem["code"] == "guard" and problem["msg"].startswith("guard: both histories hold")


def alias_of(sim: Simulator) -> dict[str, Any]:
    """A portal under a name of which no comparison of addresses can know whose it is."""
    portal = {"url": "http://alias.example.com", "api_key": sim.key}
    return {"drill_portal": portal, "drill_confirm": "alias.example.com", "proxy": sim.url}


@pytest.mark.parametrize("at_hand", [False, True])
def test_an_alias_is_found_by_the_last_task_when_there_is_no_history(
    stage: Stage, at_hand: bool
) -> None:
    """A copy that is at hand isn't used while nothing tells the portals apart."""
    stage.source.reset()
    if at_hand:
        assert stage.drill().code == 0
        stage.source.reset()
        stage.source.log.clear()
    done = stage.drill(drill_max_age="1d", **alias_of(stage.source))
    assert done.code != 0, done.text
    report = stage.report()
    assert report["problem"]["code"] == "guard" and "backup task" in report["problem"]["msg"]
    assert report["restored"] is False and report["file"]["valid"] is True
    assert stage.source.count("POST", "startbackup") == 1
    assert stage.source.count("POST", "startrestore") == 0
    assert stage.source.count("POST", "backupFileUpload.ashx") == 0
    again = stage.drill(drill_max_age="1d", **alias_of(stage.source))
    assert again.code != 0 and stage.report()["file"] is None
    assert stage.source.count("POST", "startbackup") == 1


def test_two_portals_without_history_and_tasks_are_told_apart_by_a_new_backup(stage: Stage) -> None:
    stage.source.reset()
    stage.second.reset()
    assert stage.drill(drill_max_age="1d").code == 0
    stage.source.reset()
    stage.second.reset()
    assert stage.drill(drill_max_age="1d").code == 0
    assert stage.source.count("POST", "startbackup") == 1
    assert stage.drill(drill_max_age="1d").code == 0
    assert stage.source.count("POST", "startbackup") == 1


def test_a_portal_that_does_not_tell_its_task_is_left_alone(stage: Stage) -> None:
    """Also when it doesn't any more, after the copy was fetched."""
    stage.second.fault("status", status=501, path="getbackupprogress", skip=1)
    assert stage.drill().code != 0
    problem = stage.report()["problem"]
    assert problem["step"] == "Read those of the portal to be replaced once more"
    assert stage.second.count("POST") == 0


@pytest.mark.parametrize("of", ["drill_source", "drill_portal"])
@pytest.mark.parametrize("option", ["portal_url", "newer_than"])
def test_options_that_get_round_the_checks_are_refused(stage: Stage, of: str, option: str) -> None:
    given = {**stage.given()[of], option: stage.source.url}
    done = stage.drill(**{of: given})
    assert done.code != 0 and f"Remove {option}." in " ".join(done.text.split())
    assert stage.source.requests == stage.second.requests == []
    assert stage.report()["problem"]["code"] == "guard"


@pytest.mark.parametrize("confirm", ["localhost", True])
def test_a_portal_that_is_not_confirmed_is_left_alone(stage: Stage, confirm: Any) -> None:
    done = stage.drill(drill_confirm=confirm)
    assert done.code != 0 and "guard: everything in" in done.text
    assert stage.source.requests == stage.second.requests == []


@pytest.mark.parametrize("missing", ["drill_source", "drill_dir"])
def test_what_has_to_be_given(stage: Stage, missing: str) -> None:
    done = stage.drill(**{missing: None})
    assert done.code != 0 and "Set drill_source and drill_portal" in done.text
    assert stage.source.requests == stage.second.requests == []


@pytest.mark.parametrize("of", ["drill_source", "drill_portal"])
def test_an_address_never_comes_from_the_environment(stage: Stage, of: str) -> None:
    done = stage.drill(**{of: {"api_key": stage.source.key}})
    assert done.code != 0 and "each with its url" in done.text


def test_a_copy_that_is_broken_is_found_and_written_down(stage: Stage) -> None:
    stage.source.set(file_broken="crc")
    done = stage.drill()
    assert done.code != 0 and "The drill failed at" in done.text
    report = stage.report()
    assert report["passed"] is False and report["problem"]["code"] == "protocol"
    assert report["found"] is None and report["task"] is None
    assert stage.second.count("POST") == 0


def test_a_byte_that_flipped_since_it_was_fetched_is_found(stage: Stage) -> None:
    assert stage.drill(drill_max_age="1d").code == 0
    (copy,) = stage.folder.glob("*.tar.gz")
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    uploads = stage.second.count("POST")
    assert stage.drill(drill_max_age="1d").code != 0
    report = stage.report()
    assert (
        report["problem"]["step"] == "Check that it is valid"
        and "not a valid backup" in report["problem"]["msg"]
    )
    assert report["file"]["valid"] is False
    assert stage.second.count("POST") == uploads


def test_a_restore_that_fails_is_written_down(stage: Stage) -> None:
    stage.second.set(task_fails_with="Unexpected end of archive")
    done = stage.drill()
    assert done.code != 0
    report = stage.report()
    assert report["problem"]["code"] == "task_failed" and report["restored"] is False
    assert "machinekey" not in report["problem"]["msg"]
    assert "Unexpected end of archive" in report["problem"]["msg"]
    assert list(report["seconds"]) == ["fetch", "check", "upload"]


def test_a_portal_that_is_somebody_elses_afterwards_fails(stage: Stage) -> None:
    """Restored "well", but not what the copy holds: the source's key is refused."""
    stage.second.set(restore_opens_archive=False)
    stage.second.fault("status", status=401, path="getbackuphistory", skip=3)
    done = stage.drill()
    assert done.code != 0 and "core.machinekey" in done.text
    report, problem = stage.report(), stage.report()["problem"]
    assert (problem["step"], problem["code"]) == (
        "Log in with the credentials of the source",
        "auth",
    )
    assert problem["msg"].startswith("The portal is restored, but") and "HTTP 401" in problem["msg"]
    assert report["restored"] is True and report["passed"] is False
    assert report["task"]["status"] == "completed"


def test_records_of_the_source_are_lost_only_where_that_is_allowed(stage: Stage) -> None:
    """A temporary backup hides scheduled copies without `subdir` (C48)."""
    schedule = {
        "storageType": "ThirdPartyConsumer",
        "storageParams": [{"key": "module", "value": "s3"}],
        "backupsStored": 7,
        "cronParams": {"period": "EveryDay", "hour": 3, "day": 0},
        "dump": False,
    }
    url = f"{stage.source.url}/api/2.0/backup/createbackupschedule"
    headers = {"Authorization": f"Bearer {stage.source.key}"}
    requests.post(url, json=schedule, headers=headers, timeout=10).raise_for_status()
    assert stage.drill().code != 0
    assert stage.report()["problem"]["code"] == "guard"
    assert stage.source.count("POST", "startbackup") == 0
    assert stage.drill(drill_allow_lost_records=True).code == 0
    assert stage.report()["passed"] is True


@pytest.mark.parametrize("there", [False, True])
def test_a_dry_run_changes_nothing(stage: Stage, there: bool) -> None:
    """With a copy that is young enough it makes all checks of the restore."""
    if there:
        assert stage.drill(drill_max_age="1d").code == 0
        (stage.folder / "drill.json").unlink()
        stage.source.log.clear()
        stage.second.log.clear()
    given = stage.given(drill_max_age="1d")
    done = play(stage.folder, "--check", playbook=DRILL, **given)
    assert done.code == 0 and "This was a dry run" in done.text, done.text
    assert stage.untouched()
    assert not (stage.folder / "drill.json").exists()
    assert (stage.second.count("GET", "getrestoreprogress") > 2) is there


FIRST, OTHER = "10000000-0000-4000-8000-000000000000", "20000000-0000-4000-8000-000000000000"


def answer(*backups: str, task: str | None = None) -> dict[str, Any]:
    """What docspace_backup_info returns."""
    found = [{"id": one} for one in backups]
    return {"backups": found, "progress": {"backup": task and {"id": task}, "restore": None}}


@pytest.mark.parametrize(
    ("target", "before", "after", "copy", "verdict"),
    [
        (answer(), answer(), answer(), None, "unknown"),
        (answer(FIRST), answer(FIRST), answer(FIRST), None, "same"),
        (answer(task=FIRST), answer(task=FIRST.upper()), answer(), None, "same"),
        (answer(), answer(FIRST), answer(FIRST), None, "different"),
        (answer(FIRST), answer(), answer(), None, "different"),
        (answer(task=FIRST), answer(), answer(), None, "different"),
        (answer(), answer(task=FIRST), answer(task=FIRST), None, "different"),
        (answer(task=OTHER), answer(task=FIRST), answer(task=FIRST), None, "different"),
        # A backup was started, ended or deleted on the source while both were asked.
        (answer(), answer(), answer(task=FIRST), None, "unknown"),
        (answer(task=FIRST), answer(), answer(task=FIRST), None, "same"),
        (answer(FIRST), answer(), answer(FIRST), None, "same"),
        (answer(), answer(FIRST), answer(), None, "unknown"),
        # The copy is one of the portal that is to be replaced.
        (answer(FIRST), answer(), answer(), FIRST, "same"),
        (answer(task=FIRST), answer(), answer(), FIRST, "same"),
        (answer(), answer(task=FIRST), answer(task=FIRST), FIRST, "different"),
    ],
)
def test_portals_are_compared_by_what_they_answer(
    target: Any, before: Any, after: Any, copy: str | None, verdict: str
) -> None:
    compare = load_filter("docspace_drill", "docspace_compare_portals")
    fetched = copy and {"backup": {"id": copy}}
    assert compare(target, before, after, fetched)["verdict"] == verdict


@pytest.mark.parametrize("unknown", [{"backups": None}, {"progress": None}])
def test_a_portal_that_answers_nothing_is_not_compared(unknown: dict[str, Any]) -> None:
    compare = load_filter("docspace_drill", "docspace_compare_portals")
    for at in range(3):
        answers = [answer(FIRST), answer(OTHER), answer(OTHER)]
        answers[at] = {**answers[at], **unknown}
        with pytest.raises(AnsibleFilterError):
            compare(*answers)
