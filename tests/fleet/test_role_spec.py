# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's options are those of the modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.connection import (
    CONNECTION,
)
from ansible_collections.onlyoffice.docspace.tests.fleet.nights import ROOT, ansible
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import spec_of

ROLE = ROOT / "roles" / "backup_rotation"
SPEC: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())
OPTIONS = SPEC["argument_specs"]["main"]["options"]
# What has no place in a night: to name a copy, and what the role itself or another step does.
LEFT_OUT = {
    "docspace_backup": {"state", "id", "task_id"},
    "docspace_backup_prune": {"ids", "gather", "require_id", "require_newer_than", "assume_new"},
    "docspace_backup_download": {"id"},
}
STEPS = {
    "docspace_backup_schedule": "backup_rotation_schedule",
    "docspace_backup": "backup_rotation_make",
    "docspace_backup_download": "backup_rotation_offsite",
    "docspace_backup_prune": "backup_rotation_prune",
}
SAME = ("type", "choices", "elements", "no_log")
COMMON = {
    **dict.fromkeys(
        ("owner", "group", "seuser", "serole", "selevel", "setype", "attributes"), "str"
    ),
    "mode": "raw",
    "unsafe_writes": "bool",
}


def alike(option: dict[str, Any]) -> dict[str, Any]:
    """What both specs have to say alike."""
    return {key: option.get(key) for key in SAME if option.get(key)}


@pytest.mark.parametrize("module", STEPS)
def test_a_step_takes_what_its_module_takes(module: str) -> None:
    given = OPTIONS[STEPS[module]]["options"]
    own = dict(spec_of(module)["argument_spec"])
    for name in {*CONNECTION, *LEFT_OUT.get(module, ())}:
        own.pop(name, None)
    if module == "docspace_backup_download":
        own |= {name: {"type": kind} for name, kind in COMMON.items()}
        given = {name: option for name, option in given.items() if name != "keep"}
        assert given["dest"]["required"] is True
    assert set(given) == set(own)
    assert {name: alike(option) for name, option in given.items()} == {
        name: alike(option) for name, option in own.items()
    }


def test_the_connection() -> None:
    given = OPTIONS["backup_rotation_connection"]["options"]
    assert {name: alike(option) for name, option in given.items()} == {
        name: alike(option) for name, option in CONNECTION.items()
    }


def test_the_policy_of_files_is_that_of_its_module() -> None:
    own = dict(spec_of("docspace_backup_file_prune")["argument_spec"])
    for name in ("path", "portal", "dump", "require_newer_than", "assume_new"):
        own.pop(name)
    given = OPTIONS["backup_rotation_offsite"]["options"]["keep"]["options"]
    assert {name: alike(option) for name, option in given.items()} == {
        name: alike(option) for name, option in own.items()
    }


def test_the_other_entry_point_takes_the_same() -> None:
    report = SPEC["argument_specs"]["report"]["options"]
    assert report == {name: OPTIONS[name] for name in report}
    assert set(OPTIONS) - set(report) == {
        *("backup_rotation_schedule", "backup_rotation_make", "backup_rotation_prune")
    }


def test_ansible_doc_shows_it(tmp_path: Path) -> None:
    name = "onlyoffice.docspace.backup_rotation"
    shown = ansible("doc", "--type", "role", name, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "backup_rotation_connection" in shown.stdout
