# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide "Bring backups off site": its plays run, and do what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import _CHECKS
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "docsite" / "rst" / "guide_offsite.rst").read_text(encoding="utf-8")
COPIES = "/srv/docspace-copies"


def blocks(language: str) -> list[str]:
    """The examples in a language."""
    found = re.findall(rf"^\.\. code-block:: {language}\n((?:  .*\n|\n)+)", GUIDE, re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") + "\n" for block in found]


def test_the_examples_run_one_after_the_other(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    plays: list[dict[str, Any]] = []
    for block in blocks(r"yaml(?:\+jinja)?"):
        items = yaml.safe_load(block.replace(COPIES, str(copies)).replace("delay: 5", "delay: 1"))
        whole = all("hosts" in item for item in items)
        plays += items if whole else [{"hosts": "localhost", "gather_facts": False, "tasks": items}]
    assert len(plays) == 7
    file = tmp_path / "guide.yml"
    with Simulator(task_seconds=0.2) as sim:
        text = yaml.safe_dump(plays, sort_keys=False)
        file.write_text(text.replace("https://docspace.example.com", sim.url), encoding="utf-8")
        old = sim.url.replace("http://127.0.0.1:", "127.0.0.1-")
        for month in ("01", "02"):
            # Two of each day. The first policy keeps one of a day and the oldest, the second three.
            for hour in ("03", "04"):
                lay(copies / f"{old}_2026-{month}-01T{hour}-00-00Z.tar.gz", sim.url)
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), str(file)],
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"],
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "ANSIBLE_PIPELINING": "true",
                "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
                "DOCSPACE_BASE_URL": sim.url,
                "DOCSPACE_API_KEY": sim.key,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        # One backup is young enough for all of them.
        assert sim.count("POST", "startbackup") == 1, done.stdout
    # The last of them finds those that aren't whole: what was laid there is made up.
    assert "failed=1" in done.stdout and "isn't whole any more" in done.stdout, done.stdout
    assert re.search(r"\d+(\.\d+)? Bytes so far", done.stdout), done.stdout
    left = sorted(entry.name for entry in copies.iterdir())
    assert [f"{name}.json" for name in left[::2]] == left[1::2]
    (_newest, *laid) = sorted(re.findall("_(.{13})", name)[0] for name in left[::2])[::-1]
    assert laid == ["2026-02-01T04", "2026-01-01T04"]


def lay(file: Path, portal: str) -> None:
    """A copy that looks like one, with its manifest."""
    file.write_bytes(b"\x1f\x8b" + bytes(600))
    moment = re.sub("T(..)-(..)-(..)", r"T\1:\2:\3", file.name.rpartition("_")[2][:20])
    fields = {
        "format": 1,
        "portal": portal,
        "id": f"2f4c1e0a-5b7d-4c3e-9a61-0d8e{moment[5:7]}{moment[11:13]}5a43",
        "file_name": "workspace.tar.gz",
        "storage_type": "data_store",
        "created_on": moment,
        "dump": False,
        "size": 602,
        "sha256": "0" * 64,
        "entries": 1,
    }
    file.with_name(f"{file.name}.json").write_text(json.dumps(fields), encoding="utf-8")


def test_the_manifest_that_is_shown() -> None:
    (shown,) = blocks("json")
    fields = json.loads(shown)
    assert fields.pop("format") == 1 and set(fields) == set(_CHECKS)
    for name, check in _CHECKS.items():
        check(fields[name])
