# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests depend on nothing in the user's home folder, and leave nothing there."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.onlyoffice.docspace.tests.isolation import environment

TESTS = Path(__file__).resolve().parents[1]
# With Ansible's defaults, a copy and an asynchronous task each write to a home folder.
TASKS = [
    {"ansible.builtin.copy": {"content": "text", "dest": "{{ playbook_dir }}/copied"}},
    {"ansible.builtin.command": "true", "async": 60, "poll": 0, "register": "job"},
    {
        "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
        "register": "status",
        "until": "status.finished",
        "delay": 1,
        "retries": 60,
    },
]


@pytest.mark.parametrize("home", ["elsewhere", "missing", "unset"])
def test_ansible_writes_to_the_given_folder_alone(home: str, tmp_path: Path) -> None:
    user_home = tmp_path / "user"
    if home == "elsewhere":
        user_home.mkdir()
        # Ansible would end if it read this.
        (user_home / ".ansible.cfg").write_text("[defaults]\ninventory_plugins\n")
    before = sorted(tmp_path.rglob("user/*"))
    base = {**os.environ, "HOME": str(user_home), "ANSIBLE_FORKS": "none"}
    if home == "unset":
        del base["HOME"]
    playbook = tmp_path / "play.yml"
    play = {"hosts": "localhost", "gather_facts": False, "tasks": TASKS}
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    folder = tmp_path / "given"
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-vvv", str(playbook)],
        env=environment(folder, base),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    paths = re.findall(r"/[\w./-]*/\.ansible(?:_async)?/", done.stdout)
    assert {str(Path(path).relative_to(folder)) for path in paths} == {
        "home/.ansible",
        "home/.ansible_async",
    }
    assert sorted(tmp_path.rglob("user/*")) == before


def test_a_test_has_a_home_folder_of_its_own() -> None:
    assert Path.home() != Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert Path(os.environ["ANSIBLE_REMOTE_TMP"]).is_relative_to(Path.home())
    assert "DOCSPACE_BASE_URL" not in os.environ


def test_one_place_decides_where_ansible_writes() -> None:
    """A test that made an environment of its own would write to the user's home folder again."""
    names = re.compile(r"""["']ANSIBLE_(?:HOME|REMOTE_TE?MP|ASYNC_DIR|)["']""")
    found = {
        path.name for path in TESTS.rglob("*.py") if names.search(path.read_text(encoding="utf-8"))
    }
    assert found - {Path(__file__).name} == {"isolation.py"}
