# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of simulated portals, and nights of it: real playbooks, with this checkout installed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.archive import (
    check_archive,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import (
    Manifest,
    manifest_path,
    write_manifest,
)
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator
from ansible_collections.onlyoffice.docspace.tests.simulator.fleet import Closed
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import targz

ROOT = Path(__file__).resolve().parents[2]
HOUR, DAY = 3600, 86400
LOCAL = {"storage_type": "local", "path": "/srv/backup"}
NIGHTLY, REPORT = "onlyoffice.docspace.nightly", "onlyoffice.docspace.fleet_report"


class Run(NamedTuple):
    """What came of a playbook. reports: by host, as fleet.json has them."""

    code: int
    text: str
    reports: dict[str, dict[str, Any]]
    seconds: float


def uuid(number: int) -> str:
    """An id that says which one it is."""
    return f"00000000-0000-4000-8000-{number:012d}"


def copies(*hours: float, storage_type: str = "Local", first: int = 1) -> list[dict[str, Any]]:
    """Records of these ages; their ids count from `first`."""
    return [
        {"id": uuid(first + at), "storage_type": storage_type, "age_seconds": int(age * HOUR)}
        for at, age in enumerate(hours)
    ]


def file_of(
    folder: Path, url: str, hours: float, number: int, *, name: str = "", broken: str = ""
) -> Path:
    """A backup file with its manifest. broken: `flipped` keeps its size, `cut` doesn't."""
    content = targz()
    path = folder / (name or f"copy-{number}.tar.gz")
    path.write_bytes(content)
    with path.open("rb") as opened:
        entries = check_archive(opened).entries
    manifest = Manifest(
        portal=url,
        id=uuid(number),
        file_name="workspace.tar.gz",
        storage_type="data_store",
        created_on=datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=hours),
        dump=False,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        entries=entries or 0,
    )
    write_manifest(manifest, manifest_path(str(path)))
    if broken == "flipped":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :])
    elif broken == "cut":
        path.write_bytes(content[:-9])
    return path


class Fleet:
    """Portals and their inventory. `variables` are those of all hosts."""

    def __init__(self, folder: Path, **variables: Any) -> None:
        self.folder = folder
        self.variables = variables
        self.hosts: dict[str, dict[str, Any]] = {}
        self.portals: dict[str, Simulator] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_details: object) -> None:
        self._stack.close()

    def add(
        self,
        name: str,
        seed: Sequence[Mapping[str, Any]] = (),
        *,
        task_seconds: float = 0.2,
        **variables: Any,
    ) -> Simulator:
        """A portal with such a history, and a host of the inventory for it."""
        sim = self._stack.enter_context(
            Simulator("empty", hosts=[f"{name}.example.test"], task_seconds=task_seconds)
        )
        sim.seed(list(seed))
        self.portals[name] = sim
        self.host(name, sim.url, sim.key, **variables)
        return sim

    def add_closed(self, name: str, **variables: Any) -> None:
        """A host at whose address nothing listens."""
        closed = Closed("127.0.0.1", 0)
        self._stack.callback(closed.stop)
        self.host(name, closed.url, "sk-nobody", **variables)

    def host(self, name: str, url: str, key: str, **variables: Any) -> None:
        """A host of the inventory."""
        connection = {"url": url, "api_key": key, "retries": 0, "timeout": 5}
        own = {"backup_rotation_connection": connection, **variables}
        self.hosts[name] = own

    def ids(self, name: str) -> set[int]:
        """Which backups a portal has, by the numbers of their ids."""
        return {int(one.rpartition("-")[2], 16) for one in self.portals[name].portal.ids()}

    def writes(self, name: str) -> list[str]:
        """What was sent to a portal that wasn't a GET."""
        return [
            f"{one.method} {one.path.rpartition('/')[2]}"
            for one in self.portals[name].requests
            if one.method != "GET"
        ]

    def inventory(self) -> Path:
        """Write it. JSON is YAML; a text that begins with `!vault ` is a vaulted one."""
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
        hosts = {name: {**common, **own} for name, own in self.hosts.items()}
        content = {"docspace_portals": {"vars": self.variables, "hosts": hosts}}
        path = self.folder / "inventory.yml"
        text = json.dumps(content, indent=1).replace('"!vault ', '!vault "')
        path.write_text(text, encoding="utf-8")
        return path

    def play(self, playbook: str, *options: str, **given: Any) -> Run:
        """Run a playbook on all of them. given: the extra variables."""
        place = Path(tempfile.mkdtemp(dir=self.folder, prefix="reports-"))
        given.setdefault("nightly_report_dir", str(place))
        given.setdefault("report_dir", str(place))
        begun = time.monotonic()
        done = ansible(
            *("playbook", "--inventory", str(self.inventory()), playbook, *options),
            *("--extra-vars", json.dumps(given)),
            folder=self.folder,
        )
        seconds = time.monotonic() - begun
        file = place / "fleet.json"
        portals = json.loads(file.read_text())["portals"] if file.exists() else []
        reports = {report["host"]: report for report in portals}
        return Run(done.returncode, done.stdout + done.stderr, reports, seconds)

    def rotate(self, *options: str, **given: Any) -> Run:
        """The role alone, in a play of one's own; the reports leave a dry run too."""
        play = {
            "hosts": "docspace_portals",
            "gather_facts": False,
            "roles": ["onlyoffice.docspace.backup_rotation"],
        }
        given.setdefault("backup_rotation_fail", False)
        done, reports = self.gather([play], "backup_rotation_report", *options, **given)
        return done._replace(reports=reports)

    def gather(
        self, plays: list[dict[str, Any]], fact: str, *options: str, **given: Any
    ) -> tuple[Run, dict[str, Any]]:
        """Run plays, and take a fact of each host that has it, also out of a dry run."""
        place = Path(tempfile.mkdtemp(dir=self.folder, prefix="gathered-"), "facts.json")
        those = (
            f"groups.docspace_portals | map('extract', hostvars) | selectattr('{fact}', 'defined')"
        )
        values = f"{those} | map(attribute='{fact}')"
        names = f"{those} | map(attribute='inventory_hostname')"
        write_all = {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {
                    "ansible.builtin.copy": {
                        "content": f"{{{{ dict({names} | zip({values})) | to_json }}}}",
                        "dest": str(place),
                        "mode": "0644",
                    },
                    "check_mode": False,
                }
            ],
        }
        (self.folder / "gather.yml").write_text(json.dumps([*plays, write_all]), encoding="utf-8")
        done = self.play("gather.yml", *options, **given)
        facts = json.loads(place.read_text()) if place.exists() else {}
        return done, facts


def environment(home: str) -> dict[str, str]:
    """The environment of the tests, with this checkout as the installed collection."""
    place = Path(home, "ansible_collections", "onlyoffice", "docspace")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(ROOT, target_is_directory=True)
    return {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": home,
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_PIPELINING": "true",
    }


def ansible(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an Ansible command of this Python."""
    with tempfile.TemporaryDirectory(prefix="docspace-fleet-") as home:
        return subprocess.run(
            [sys.executable, "-m", "ansible", *arguments],
            cwd=folder,
            env=environment(home),
            check=False,
            timeout=900,
            capture_output=True,
            text=True,
        )


def problems(report: Mapping[str, Any]) -> list[str]:
    """The problems of a report, as `step code`."""
    return [f"{one['step']} {one['code']}" for one in report["problems"]]


def row(text: str, host: str) -> str:
    """A host's line of the table."""
    lines = (line.strip().strip('",') for line in text.splitlines())
    return next(line for line in lines if line.split()[:1] == [host])
