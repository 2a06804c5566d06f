# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's options are those of the modules, and its expressions agree with the modules' code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.onlyoffice.docspace.plugins.filter import backup_retention
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.names import (
    normal_portal,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.connection import (
    CONNECTION,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.options import (
    parse_duration,
)
from ansible_collections.onlyoffice.docspace.tests.fleet.nights import ROOT, Fleet, ansible
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import spec_of

ROLE = ROOT / "roles" / "backup_rotation"
SPEC: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())
OPTIONS = SPEC["argument_specs"]["main"]["options"]
# What has no place in a night: to name a copy, and what another step does.
LEFT_OUT = {
    "docspace_backup": {"state", "id"},
    "docspace_backup_prune": {"ids"},
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


def test_the_connection_and_the_policy_of_files() -> None:
    given = OPTIONS["backup_rotation_connection"]["options"]
    assert {name: alike(option) for name, option in given.items()} == {
        name: alike(option) for name, option in CONNECTION.items()
    }
    documented = yaml.safe_load(backup_retention.DOCUMENTATION)["options"]
    keep = OPTIONS["backup_rotation_offsite"]["options"]["keep"]["options"]
    rules = {name for name in keep if name.startswith("keep_") or name == "protect_ids"}
    assert set(keep) - rules == set(documented) - {"_input"}
    prune = OPTIONS["backup_rotation_prune"]["options"]
    assert {name: alike(keep[name]) for name in rules} == {
        name: alike(prune[name]) for name in prune if name in rules
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


URLS = [
    "https://docs.example.com",
    "HTTPS://Docs.Example.COM:443/Team//a/",
    "https://docs.example.com:0443/",
    "https://docs.example.com:/x",
    "http://docs.example.com:80",
    "http://docs.example.com:443//",
    "https://docs.example.com:80/Team",
    "https://docs.example.com:8443",
    "http://127.0.0.1:08080/",
    "http://[::1]:80/",
    "http://[2001:DB8::1]:8080/A/b",
]
REFUSED = [
    "https://me:secret@docs.example.com",
    "https://docs.example.com?key=secret",
    "https://docs.example.com/#secret",
    "docs.example.com",
    "ftp://docs.example.com",
    "https://",
    "https://docs .example.com",
]
AGES = ["26h", "2d", "1d12h", "1y2w3d4h", "90", "3600", "12h1d", "0"]
ODD_AGES = ["", "30m", "1d1d", "-1h", "1.5h", "h", "1h ", "26H", "later", "1h2"]


def test_addresses_and_ages_are_read_as_the_modules_read_them(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        for number, url in enumerate([*URLS, *REFUSED]):
            fleet.host(f"url{number}", "", "", backup_rotation_connection={"url": url})
        for number, age in enumerate([*AGES, *ODD_AGES]):
            fleet.host(f"age{number}", "http://127.0.0.1:1", "", backup_rotation_max_age=age)
        values = {
            "address": "{{ _backup_rotation_address }}",
            "good": "{{ _backup_rotation_limit_is_good }}",
            "seconds": "{{ _backup_rotation_seconds }}",
        }
        settle = {"name": "onlyoffice.docspace.backup_rotation", "tasks_from": "address"}
        play = {
            "hosts": "docspace_portals",
            "gather_facts": False,
            "tasks": [
                {"ansible.builtin.include_role": {**settle, "public": True}},
                {"ansible.builtin.set_fact": {"seen": values}},
            ],
        }
        run, found = fleet.gather([play], "seen")
    assert run.code == 0, run.text

    def seen(kind: str, number: int) -> dict[str, str]:
        return {key: str(value) for key, value in found[f"{kind}{number}"].items()}

    for number, url in enumerate(URLS):
        assert seen("url", number)["address"] == normal_portal(url)
    for number, url in enumerate(REFUSED, len(URLS)):
        assert seen("url", number)["address"] == "", url
    for number, age in enumerate(AGES):
        one = seen("age", number)
        assert (one["good"], int(one["seconds"])) == ("True", parse_duration(age, "age")), age
    for number, age in enumerate(ODD_AGES, len(AGES)):
        assert seen("age", number)["good"] == "False", age
