# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Play examples with ansible-playbook, each on a simulated portal of its own."""

from __future__ import annotations

import grp
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import archive, manifest
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import (
    backup_file_name,
)
from ansible_collections.onlyoffice.docspace.tests.docs.examples import ROOT, Example
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import targz

PORTAL = "https://docspace.example.com"
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
NAMED = "2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43"
POLLS = ("docspace_backup", "docspace_backup_restore")
FAILED = "The example failed on {{ inventory_hostname }}."
PROCESSES = 2

# The old copies fit as many filters of the examples as copies can: by name, time and storage.
OLD: list[dict[str, Any]] = [
    {"storage_type": "Local", "file_name": "nightly_test_1.tar.gz", "age_days": 500},
    {"storage_type": "Local", "file_name": "nightly_test_2.tar.gz", "age_days": 520},
]
TEMPORARY: list[dict[str, Any]] = [{"storage_type": "DataStore", "age_seconds": 3600}]
MANY = [
    *({"storage_type": "Local", "age_days": day} for day in range(505, 509)),
    *(
        {"storage_type": "Local", "file_name": f"nightly_{n}.tar.gz", "age_seconds": n * 86400 + 60}
        for n in range(12)
    ),
    {"storage_type": "ThirdPartyConsumer", "age_seconds": 7200},
]
# What an example that may delete is played on: nothing there, only old copies, an old one and one
# that expires. The usual one is where each has to end well; in it are the backups that it names.
HISTORIES = {
    "empty": [],
    "old": OLD,
    "temporary": [*OLD[:1], *TEMPORARY],
    "usual": [*OLD, *TEMPORARY, *MANY],
}


class Played(NamedTuple):
    """What came of an example on a history. rows: the portal's own backups before and after."""

    failed: bool
    text: str
    asked: int
    deletes: int
    lasting_before: int
    lasting_after: int


class Stage:
    """The portals, and a folder with what else the examples take as given."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._portals: dict[str, tuple[Simulator, int]] = {}
        self._hosts: dict[str, dict[str, Any]] = {}
        self._here = self._open(HISTORIES["usual"])
        self._furnish()

    def _open(self, seed: Iterable[Mapping[str, Any]], backup: str = "/srv/backup") -> Simulator:
        folders = {
            "folders": ("17",),
            "local_folders": (backup, "/srv/backup", "/var/backups/docspace"),
        }
        sim = Simulator(list(seed), task_seconds=0.2, settings=folders)
        sim.portal.plan_daily(hour=3)
        return self._stack.enter_context(sim)

    def _furnish(self) -> None:
        """The files and programs that examples name."""
        (self.folder / "bin").mkdir()
        mountpoint = self.folder / "bin" / "mountpoint"
        mountpoint.write_text("#!/bin/sh\nexit 0\n")
        mountpoint.chmod(0o755)
        (self.folder / "ca.pem").touch()
        (self.folder / "docspace_secrets.yml").write_text("docspace_api_key: '{{ test_key }}'\n")

    def _copy_off_site(self, folder: Path) -> None:
        made = datetime.now(timezone.utc).replace(microsecond=0)
        copy = folder / backup_file_name(PORTAL, made, dump=False)
        copy.write_bytes(targz())
        with copy.open("rb") as file:
            verdict = archive.check_archive(file)
        assert verdict.sha256 is not None
        about = manifest.Manifest(
            portal=PORTAL,
            id="11111111-2222-4333-8444-555555555555",
            file_name="nightly.tar.gz",
            storage_type="local",
            created_on=made,
            dump=False,
            size=copy.stat().st_size,
            sha256=verdict.sha256,
            entries=verdict.entries,
        )
        manifest.write_manifest(about, manifest.manifest_path(str(copy)))

    def host(self, example: Example, history: str) -> str:
        """A host with a portal for an example."""
        seed = list(HISTORIES[history])
        named = sorted(set(UUID.findall(example.text)))
        if history == "usual":
            dump = "dump: true" in example.text
            seed += [{"id": one, "age_days": 100, "dump": dump} for one in named or [NAMED]]
        name = f"host{len(self._hosts):03d}_{history}"
        place = self.folder / name / "srv"
        for folder in re.findall(r"/srv/([\w-]+)", example.text):
            (place / folder).mkdir(parents=True, exist_ok=True)
            if folder == "docspace-copies":
                self._copy_off_site(place / folder)
        sim = self._open(seed, f"{place}/backup")
        second = sim
        if "second.example.com" in example.text:
            second = self._open([])
            second.portal.add_key(secret=sim.key)
        self._portals[name] = sim, lasting(sim)
        self._hosts[name] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "test_url": sim.url,
            "test_key": sim.key,
            "test_second_url": second.url,
            "test_srv": str(place),
            # What the examples take as given.
            "docspace_url": sim.url,
            "docspace_api_key": sim.key,
            "docspace_username": sim.portal.username,
            "docspace_password": sim.portal.password,
            "backup_id": NAMED,
            "earlier": NAMED,
            "backup_rotation_connection": {"url": sim.url, "api_key": sim.key},
        }
        return name

    def plays(self, example: Example, hosts: list[str]) -> list[dict[str, Any]]:
        """An example as plays on these hosts."""
        whole = example.kind == "plays"
        plays = example.content if whole else [{"gather_facts": False, "tasks": example.content}]
        ready = []
        for play in plays:
            own = self._replaced(play)
            environment = {
                "DOCSPACE_BASE_URL": "{{ test_url }}",
                "DOCSPACE_API_KEY": "{{ test_key }}",
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                **own.get("environment", {}),
            }
            defaults = {
                **{f"onlyoffice.docspace.{name}": {"poll_interval": 1} for name in POLLS},
                **own.get("module_defaults", {}),
            }
            # A play that fails on all of its hosts would end the playbook: others are to follow.
            said = {"ansible.builtin.debug": {"msg": FAILED}}
            tasks = [{"block": own["tasks"], "rescue": [said]}]
            given = {"hosts": hosts, "environment": environment, "module_defaults": defaults}
            ready.append({**own, **given, "tasks": tasks})
        return ready

    def _replaced(self, value: Any) -> Any:
        """With this test's portal, files and folders in the place of the invented ones."""
        if isinstance(value, dict):
            # A copy off site belongs to the portal that is invented.
            kept = {key: value[key] for key in ("portal",) if key in value}
            if "group" in value:
                kept["group"] = grp.getgrgid(os.getgid()).gr_name
            return {key: self._replaced(item) for key, item in value.items()} | kept
        if isinstance(value, list):
            return [self._replaced(item) for item in value]
        if not isinstance(value, str):
            return value
        for invented, own in {
            r"/etc/ssl/certs/example-ca\.pem": f"{self.folder}/ca.pem",
            r"^/srv/": "{{ test_srv }}/",
            r"https://second\.example\.com": "{{ test_second_url }}",
            r"https://\w+\.example\.com": "{{ test_url }}",
            r"^\w+\.example\.com$": "127.0.0.1",
        }.items():
            value = re.sub(invented, own, value)
        return value

    def play(self, plays: list[list[dict[str, Any]]]) -> dict[str, Played]:
        """Play all, and say what came of it on each host."""
        inventory = {"all": {"hosts": self._hosts}}
        (self.folder / "inventory.json").write_text(json.dumps(inventory))
        shares = [plays[number::PROCESSES] for number in range(PROCESSES)]
        with ThreadPoolExecutor(PROCESSES) as pool:
            texts = list(pool.map(self._run, range(PROCESSES), shares))
        return {host: self._outcome(host, "".join(texts)) for host in self._hosts}

    def _run(self, number: int, plays: list[list[dict[str, Any]]]) -> str:
        playbook = self.folder / f"examples{number}.yml"
        playbook.write_text(yaml.safe_dump([one for some in plays for one in some]))
        place = self.folder / f"collections{number}" / "ansible_collections" / "onlyoffice"
        place.mkdir(parents=True)
        (place / "docspace").symlink_to(ROOT, target_is_directory=True)
        program = (sys.executable, "-m", "ansible", "playbook", "--inventory", "inventory.json")
        done = subprocess.run(
            [*program, playbook.name],
            cwd=self.folder,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(place.parents[1]),
                "ANSIBLE_NOCOLOR": "true",
                "ANSIBLE_PIPELINING": "true",
                "DOCSPACE_BASE_URL": self._here.url,
                "DOCSPACE_API_KEY": self._here.key,
            },
            check=False,
            timeout=900,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr
        return done.stdout

    def _outcome(self, host: str, text: str) -> Played:
        sim, before = self._portals[host]
        recap = re.search(rf"^{host} .*unreachable=0 +failed=0", text, re.MULTILINE)
        assert recap, f"{host} didn't run to the end: {text}"
        own = [line for line in text.splitlines() if host in line]
        return Played(
            failed=FAILED.replace("{{ inventory_hostname }}", host) in text,
            text="\n".join(own),
            asked=sim.count(),
            deletes=sim.count("DELETE", "deletebackup"),
            lasting_before=before,
            lasting_after=lasting(sim),
        )


def lasting(sim: Simulator) -> int:
    """How many of a portal's backups are there and don't expire by themselves."""
    rows = [row for row in sim.state()["backups"] if not row["removed"] and row["tenantId"] > 0]
    return sum(row["expiresOn"].startswith("0001") for row in rows)
