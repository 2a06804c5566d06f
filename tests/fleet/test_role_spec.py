# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the role names the variables that the action reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation import OPTIONS
from ansible_collections.onlyoffice.docspace.tests.fleet.nights import ROOT, ansible

ROLE = ROOT / "roles" / "backup_rotation"
SPECS: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())
MAIN, REPORT = (SPECS["argument_specs"][name]["options"] for name in ("main", "report"))


def test_the_variables_of_the_role_are_those_of_the_action() -> None:
    assert set(MAIN) == {f"backup_rotation_{name}" for name in (*OPTIONS, "fail")}


def test_the_other_entry_point_has_the_same() -> None:
    assert {name: MAIN[name] for name in REPORT} == REPORT
    assert set(MAIN) - set(REPORT) == {"backup_rotation_schedule"}


def test_ansible_doc_shows_it(tmp_path: Path) -> None:
    name = "onlyoffice.docspace.backup_rotation"
    shown = ansible("doc", "--type", "role", name, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "backup_rotation_connection" in shown.stdout
