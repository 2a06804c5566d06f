# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table in the guide "Thin out backups" is what the rules give."""

from __future__ import annotations

import csv
import re
import textwrap

from ansible_collections.onlyoffice.docspace.plugins.filter.backup_retention import (
    backup_retention,
)
from ansible_collections.onlyoffice.docspace.tests.docs.examples import ROOT, all_examples

GUIDE = (ROOT / "docs" / "docsite" / "rst" / "guide_prune.rst").read_text(encoding="utf-8")


def test_the_table() -> None:
    plays = [play for one in all_examples() if one.kind == "plays" for play in one.content]
    (example,) = [play for play in plays if "made" in play.get("vars", {})]
    (table,) = re.findall(r"^\.\. csv-table::\n((?:  .*\n|\n)+)", GUIDE, re.MULTILINE)
    lines = textwrap.dedent(table).strip().splitlines()
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
