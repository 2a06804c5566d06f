# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under ansible-runner and in AWX: what the events say, and that no secret is in any artifact."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import ansible_runner
import pytest
import yaml
from jinja2 import Environment

from ansible_collections.onlyoffice.docspace.tests.fleet.nights import (
    NIGHTLY,
    ROOT,
    Fleet,
    ansible,
    copies,
    environment,
)

GUIDE = (ROOT / "docs" / "docsite" / "rst" / "guide_fleet.rst").read_text(encoding="utf-8")
PASSWORD = "the-vault-opens-with-this"
SECRET = "bucket-secret-of-an-extra-vars-file"
HOST_NAMES = ("101", "no")


def blocks(language: str) -> list[str]:
    """The guide's blocks in a language."""
    found = re.findall(
        rf"^\.\. code-block:: {re.escape(language)}\n((?:  .*\n|\n)+)", GUIDE, re.MULTILINE
    )
    return [textwrap.dedent(block).strip("\n") + "\n" for block in found]


def block(word: str) -> Any:
    """The one YAML block of the guide that has a word in it."""
    (text,) = [one for one in blocks("yaml") + blocks("yaml+jinja") if word in one]
    return yaml.safe_load(text)


class Job(NamedTuple):
    """A run, and what it wrote."""

    status: str
    events: list[dict[str, Any]]
    artifacts: Path
    secrets: list[str]
    asked: dict[str, int]
    report: Path

    @property
    def stats(self) -> dict[str, Any]:
        """What set_stats handed on."""
        last = [one for one in self.events if one["event"] == "playbook_on_stats"][-1]
        return dict(last["event_data"]["artifact_data"]["docspace_backups"])


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The guide's inventory and credential type, on a portal that is well and one that refuses."""
    folder = tmp_path_factory.mktemp("job")
    (folder / "copies").mkdir()
    with Fleet(folder) as fleet:
        sales, support = (fleet.add(name, copies(2, 48)) for name in HOST_NAMES)
        support.set(tariff_state="NotPaid")
        content = block("docspace_portals:")
        group = content["docspace_portals"]
        group["hosts"] = {name: {"docspace_url": fleet.portals[name].url} for name in HOST_NAMES}
        group["vars"]["backup_rotation_download"] |= {
            "dest": str(folder / "copies"),
            "poll_interval": 1,
        }
        group["vars"]["backup_rotation_backup"] |= {"max_age": "1h", "poll_interval": 1}
        group["vars"]["backup_rotation_backup"]["storage_secrets"] = {"token": "{{ token }}"}
        group["vars"] |= block("DOCSPACE_KEYS_FILE')")
        (folder / "inventory.yml").write_text(yaml.safe_dump(content, sort_keys=False))
        # The credential, as AWX makes it of the guide's input and injector.
        (field,) = block("multiline")["fields"]
        injector = block("tower.filename")
        keys = "".join(f'"{name}": {fleet.portals[name].key}\n' for name in HOST_NAMES)
        file = folder / "credential"
        file.write_text(render(injector["file"]["template"], {field["id"]: keys}))
        names = {"tower": {"filename": str(file)}}
        env = {name: render(text, names) for name, text in injector["env"].items()}
        # A secret from a file of extra variables that a vault has.
        (folder / "password").write_text(PASSWORD)
        (folder / "extra.yml").write_text(json.dumps({"token": SECRET}))
        options = ("--vault-password-file", str(folder / "password"))
        sealed = ansible("vault", "encrypt", *options, str(folder / "extra.yml"), folder=folder)
        assert sealed.returncode == 0, sealed.stderr
        programs = Path(sys.executable).parent
        (folder / "private").mkdir()
        run = ansible_runner.run(
            private_data_dir=str(folder / "private"),
            project_dir=str(folder),
            playbook=NIGHTLY,
            inventory=str(folder / "inventory.yml"),
            extravars={"nightly_report_dir": str(folder / "reports")},
            cmdline=f"--extra-vars @{folder / 'extra.yml'} --vault-password-file {folder / 'password'} -vvv",
            envvars={
                **environment(str(folder / "home")),
                **env,
                "PATH": f"{programs}:/usr/bin:/bin",
            },
            quiet=True,
        )
        asked = {name: len(sim.requests) for name, sim in fleet.portals.items()}
        secrets = [SECRET, PASSWORD, sales.key, support.key]
        artifacts = folder / "private" / "artifacts"
        return Job(run.status, list(run.events), artifacts, secrets, asked, folder / "reports")


def render(template: str, values: dict[str, Any]) -> str:
    return Environment(autoescape=False).from_string(template).render(values)  # noqa: S701


def test_the_events_say_what_the_table_says(job: Job) -> None:
    assert job.status == "failed"
    assert all(job.asked.values()), "a portal was never asked"
    stats = job.stats
    assert (stats["portals"], stats["well"], stats["ill"] + stats["down"]) == (2, 1, 1), stats
    assert stats["made"] == 1
    assert list(stats["problems"]) == ["no"]
    assert "backup: unpaid" in stats["problems"]["no"]
    table = "\n".join(one["stdout"] for one in job.events)
    assert re.search(r"no .* unpaid \(backup\)", table)
    reports = json.loads((job.report / "fleet.json").read_text())["portals"]
    said = {one["host"]: [f"{p['step']}: {p['title']}" for p in one["problems"]] for one in reports}
    assert {host: problems for host, problems in said.items() if problems} == stats["problems"]
    failed = [one for one in job.events if one["event"] == "runner_on_failed"]
    assert [one["event_data"]["host"] for one in failed] == ["no"]


def test_no_secret_is_in_any_artifact(job: Job) -> None:
    files = [path for path in job.artifacts.rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        content = path.read_bytes()
        for secret in job.secrets:
            assert secret.encode() not in content, path
    for path in job.report.iterdir():
        assert not [one for one in job.secrets if one in path.read_text()], path


def test_the_survey_asks_for_variables_that_there_are() -> None:
    (survey,) = (json.loads(text) for text in blocks("json"))
    playbook = (ROOT / "playbooks" / "nightly.yml").read_text(encoding="utf-8")
    for question in survey["spec"]:
        assert re.search(rf"\b{question['variable']} \| default\([^)]*, true\)", playbook), question
        assert set(question) >= {"question_name", "variable", "type", "required", "default"}


def test_the_execution_environment_has_what_the_collection_needs(tmp_path: Path) -> None:
    """ansible-builder finds it in the collection as it is built, and writes an image's context."""
    built = ansible(
        "galaxy", "collection", "build", "--output-path", str(tmp_path), str(ROOT), folder=tmp_path
    )
    assert built.returncode == 0, built.stderr
    (tarball,) = tmp_path.glob("*.tar.gz")
    place = tmp_path / "collections"
    installed = ansible(
        "galaxy",
        "collection",
        "install",
        "-p",
        str(place),
        str(tarball),
        "--offline",
        "--force",
        folder=tmp_path,
    )
    assert installed.returncode == 0, installed.stdout + installed.stderr
    builder = shutil.which("ansible-builder", path=str(Path(sys.executable).parent))
    assert builder, "install tests/fleet/requirements.txt"
    seen = run(builder, "introspect", str(place), folder=tmp_path)
    assert re.search(r"requests>=2\.25\.1", seen)
    assert "tzdata" in seen
    definition = {
        "version": 3,
        "images": {"base_image": {"name": "registry.example.com/ansible:latest"}},
        "dependencies": {"galaxy": {"collections": [{"name": str(tarball), "type": "file"}]}},
    }
    (tmp_path / "execution-environment.yml").write_text(yaml.safe_dump(definition))
    run(builder, "create", "--context", str(tmp_path / "context"), folder=tmp_path)
    # Its name depends on which container program there is.
    (recipe,) = (tmp_path / "context").glob("*file")
    assert "collection install" in recipe.read_text()


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, check=False, timeout=120, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
