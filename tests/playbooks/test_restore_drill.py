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

from ansible_collections.onlyoffice.docspace.tests.preview.playing import Play, play
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
        secrets = [
            key for sim in (self.source, self.second) for key in (sim.key, sim.portal.read_key)
        ]
        environ = {"ANSIBLE_VERBOSITY": "3", "PYTHONPATH": HASTE}
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
    assert report["passed"] is True and report["problem"] is None
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


@pytest.mark.parametrize("change", ["slash", "case"])
def test_one_portal_under_one_address_is_refused(stage: Stage, change: str) -> None:
    url = stage.source.url
    portal = {"url": f"{url}//" if change == "slash" else url.upper(), "api_key": stage.second.key}
    done = stage.drill(drill_portal=portal)
    assert done.code != 0 and "guard: drill_source and drill_portal are one portal" in done.text
    assert stage.source.requests == stage.second.requests == []


def test_one_portal_under_two_names_is_refused(stage: Stage) -> None:
    portal = {
        "url": stage.source.url.replace("127.0.0.1", "localhost"),
        "api_key": stage.source.key,
    }
    done = stage.drill(drill_portal=portal, drill_confirm="localhost")
    assert done.code != 0 and "guard: both histories hold backup" in " ".join(done.text.split())
    assert stage.untouched()
    assert not (stage.folder / "drill.json").exists()


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
        report["problem"]["step"] == "It is whole" and "no whole backup" in report["problem"]["msg"]
    )
    assert report["file"]["valid"] is False
    assert stage.second.count("POST") == uploads


def test_a_restore_that_fails_is_written_down(stage: Stage) -> None:
    stage.second.set(task_fails_with="Unexpected end of archive")
    done = stage.drill()
    assert done.code != 0
    report = stage.report()
    assert report["problem"]["code"] == "task_failed"
    assert "Unexpected end of archive" in report["problem"]["msg"]
    assert list(report["seconds"]) == ["fetch", "check", "upload"]


def test_a_portal_that_is_somebody_elses_afterwards_fails(stage: Stage) -> None:
    """Restored "well", but not what the copy holds: the source's key is refused."""
    stage.second.set(restore_opens_archive=False)
    stage.second.fault("status", status=401, path="getbackuphistory", skip=2)
    assert stage.drill().code != 0
    problem = stage.report()["problem"]
    assert (problem["step"], problem["code"]) == (
        "Ask it with the credentials of the source",
        "auth",
    )


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
    assert (stage.second.count("GET", "getrestoreprogress") > 0) is there
