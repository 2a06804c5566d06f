# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide "Thin out backups": its examples run, and its table is what the rules give."""

from __future__ import annotations

import csv
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.onlyoffice.docspace.plugins.filter.backup_retention import (
    backup_retention,
)
from ansible_collections.onlyoffice.docspace.tests.preview.playing import ROOT, play
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

GUIDE = (ROOT / "docs" / "docsite" / "rst" / "guide_prune.rst").read_text(encoding="utf-8")
LABEL = ".. _ansible_collections.onlyoffice.docspace.docsite.guide_prune:"


def blocks(directive: str) -> list[str]:
    """What stands, indented, under each such directive."""
    found = re.findall(rf"^\.\. {directive}\n((?:  .*\n|\n)+)", GUIDE, re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") + "\n" for block in found]


def examples() -> list[dict[str, Any]]:
    """The examples as plays: those that are only tasks become one."""
    plays: list[dict[str, Any]] = []
    for block in blocks("code-block:: yaml(?:\\+jinja)?"):
        items = yaml.safe_load(block)
        if isinstance(items, dict):
            continue  # variables
        whole = all("hosts" in item for item in items)
        plays += items if whole else [{"hosts": "localhost", "gather_facts": False, "tasks": items}]
    return plays


def test_the_label() -> None:
    assert LABEL in GUIDE


def test_the_table() -> None:
    (example,) = [play for play in examples() if "made" in play.get("vars", {})]
    (table,) = blocks("csv-table::")
    lines = table.strip().splitlines()
    # The header is an option of the directive, and names the rules with their numbers.
    rules = {name: int(count) for name, count in re.findall(r"``(\w+)`` (\d+)", lines[0])}
    assert list(rules) == ["keep_last", "keep_daily", "keep_weekly", "keep_monthly"]
    call = re.sub(r"\s", "", example["vars"]["plan"])
    assert ",".join(f"{name}={count}" for name, count in rules.items()) in call
    (now,) = re.findall(r"now='([^']+)'", call)

    history = [{"id": made, "created_on": made} for made in example["vars"]["made"]]
    plan = backup_retention(history, now=now, **rules)
    judged = {item["id"]: item["reasons"] for item in plan["keep"] + plan["remove"]}
    rows = list(csv.reader(lines[2:], skipinitialspace=True))
    assert [row[0].replace(" ", "T") + ":00Z" for row in rows] == example["vars"]["made"]
    taken = dict.fromkeys(rules, 0)
    for row, made in zip(rows, example["vars"]["made"]):
        reasons = judged[made]
        for rule, cell in zip(rules, row[1:5]):
            if {rule[5:], f"oldest {rule[5:]}"} & set(reasons):
                taken[rule] += 1
                assert cell == str(taken[rule]), (row, rule)
            else:
                assert cell == "", (row, rule)
        assert row[5] == ", ".join(reasons), row
    assert (len(plan["keep"]), len(plan["remove"])) == (11, 4), "the sentence below the table"
    assert "Eleven stay and four go." in GUIDE


def test_the_examples_run(tmp_path: Path) -> None:
    plays = examples()
    (tmp_path / "guide.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    with Simulator(30) as portal:
        done = play(
            tmp_path,
            playbook="guide.yml",
            environ={"DOCSPACE_BASE_URL": portal.url, "DOCSPACE_API_KEY": portal.key},
        )
        left = [row for row in portal.state()["backups"] if not row["removed"]]
    assert done.code == 0, done.text
    assert "would go, the oldest is" in done.text
    # "keep_last: 4" is the last of them, and nothing had to be rescued.
    assert len(left) == 4
    assert re.search(r"failed=0 .*rescued=0", done.text), done.text


def test_the_variables_serve_the_preview_and_the_module(tmp_path: Path) -> None:
    (variables,) = [block for block in blocks("code-block:: yaml") if "\npreview_policy:" in block]
    (tmp_path / "policy.yml").write_text(variables)
    (task,) = re.findall(r"``(docspace_backup_prune: .*?)``", GUIDE)
    task = task.replace("docspace_", "onlyoffice.docspace.docspace_")
    (tmp_path / "task.yml").write_text(f"- hosts: localhost\n  tasks:\n    - {task}\n")
    with Simulator(5) as portal:
        environ = {"DOCSPACE_BASE_URL": portal.url, "DOCSPACE_API_KEY": portal.key}
        options = ("-e", "@policy.yml")
        seen = play(tmp_path, *options, environ=environ, preview_portal=True)
        done = play(tmp_path, *options, "--check", playbook="task.yml", environ=environ)
    assert seen.code == 0, seen.text
    assert f"The history of {portal.url}" in seen.page.read_text()
    assert done.code == 0, done.text
