# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Output and messages that the documentation quotes are what a run shows."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.onlyoffice.docspace.tests.docs.examples import ROOT
from ansible_collections.onlyoffice.docspace.tests.docs.test_names import MODULES, documentation
from ansible_collections.onlyoffice.docspace.tests.preview.playing import load_filter, play
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

RST = ROOT / "docs" / "docsite" / "rst"
DOCUMENTED = ("DOCUMENTATION", "EXAMPLES", "RETURN")
GUIDES = sorted(RST.glob("*.rst"))
NAME = "onlyoffice.docspace"
# Sentences of other programs that the guides quote.
SAID_BY_OTHERS = {
    "Basic Constraints of CA cert not marked critical",
    "CA cert does not include key usage extension",
    "Missing Authority Key Identifier",
    "No space left on device",
}
DELETED = {
    "id": "2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43",
    "created": "2026-11-05T03:00:00Z",
    "file_name": "workspace_2026-11-05_03-00-00.tar.gz",
}
PRUNED = [
    {**DELETED, "age_seconds": 90_000, "file_name": "portal_2026-11-05_03-00-00.tar.gz"},
    {
        "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "age_seconds": 3_115_000,
        "file_name": "portal_2026-10-01_03-00-00.tar.gz",
    },
]


def blocks(guide: Path, language: str) -> list[str]:
    text = guide.read_text(encoding="utf-8")
    found = re.findall(rf"^\.\. code-block:: {language}\n((?:  .*\n|\n)+)", text, re.MULTILINE)
    return [textwrap.dedent(block).strip() for block in found]


def plain(text: str) -> str:
    """Without what differs from run to run: numbers, checksums, units, white space."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "CHECKSUM", text)
    text = re.sub(r"\b\w?B/s", "B/s", text)
    text = re.sub(r"(HTTP \d+) \([^)]+\)", r"\1 (WORDS OF THE SERVER)", text)
    return re.sub(r"\s+|\*\*+", " ", re.sub(r"\d+(\.\d+)?", "0", text)).strip()


def run(folder: Path, sim: Simulator, task: dict[str, Any], *options: str) -> str:
    """What ansible-playbook shows of a task."""
    content = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
    (folder / "play.yml").write_text(json.dumps(content), encoding="utf-8")
    environ = {"DOCSPACE_BASE_URL": sim.url, "DOCSPACE_API_KEY": sim.key}
    done = play(folder, *options, playbook="play.yml", environ=environ)
    assert done.code == 0, done.text
    return done.text


def first_task(guide: str) -> dict[str, Any]:
    """The task with which a guide begins."""
    task: dict[str, Any] = yaml.safe_load(blocks(RST / guide, "yaml")[0])[0]
    return task


def delete_in_check_mode(folder: Path) -> str:
    with Simulator([{**DELETED, "storage_type": "Local"}]) as sim:
        return run(folder, sim, first_task("guide_delete.rst"), "--check", "--diff")


def delete_that_leaves_the_file(folder: Path) -> str:
    with Simulator([{**DELETED, "storage_type": "Documents"}]) as sim:
        sim.set(documents_delete_fails=True)
        return run(folder, sim, first_task("guide_delete.rst"))


def prune_in_check_mode(folder: Path) -> str:
    with Simulator(PRUNED) as sim:
        task = {f"{NAME}.docspace_backup_prune": {"keep_daily": 1}}
        return run(folder, sim, task, "--check", "--diff")


def log_of_a_download(folder: Path) -> str:
    with Simulator("empty", task_seconds=0.2) as sim:
        task = {f"{NAME}.docspace_backup_download": {"dest": str(folder), "poll_interval": 1}}
        return run(folder, sim, task, "-v")


# How the output in a guide comes about, by the words with which the block begins.
PRODUCED: dict[tuple[str, str], Callable[[Path], str]] = {
    ("guide_delete", "TASK [Delete one backup]"): delete_in_check_mode,
    ("guide_delete", "[WARNING]: Backup "): delete_that_leaves_the_file,
    ("guide_offsite", '"log": ['): log_of_a_download,
    ("guide_prune", "- 7c9e6679-"): prune_in_check_mode,
}
# Blocks that another test holds, a table, and playbooks that import one of the collection's.
ELSEWHERE = {
    ("guide_fleet", "5 portals, 4 with problems"),
    ("guide_fleet", "- import_playbook"),
    ("guide_fleet", "- name: Report on all portals"),
}


def test_the_origin_of_all_output_is_known() -> None:
    """A new block of output: write down in PRODUCED which run shows it."""
    # The figures of the benchmark are printed by `make benchmark`.
    shown = [
        (guide.stem, block)
        for guide in GUIDES
        for block in blocks(guide, "text")
        if guide.stem != "benchmark"
    ]
    for known in [*PRODUCED, *ELSEWHERE]:
        (_block,) = [b for guide, b in shown if guide == known[0] and b.startswith(known[1])]
    assert len(shown) == len(PRODUCED) + len(ELSEWHERE)


@pytest.mark.parametrize("origin", [pytest.param(one, id=f"{one[0]} {one[1]}") for one in PRODUCED])
def test_the_output_in_a_guide_is_that_of_a_run(origin: tuple[str, str], tmp_path: Path) -> None:
    (block,) = [b for b in blocks(RST / f"{origin[0]}.rst", "text") if b.startswith(origin[1])]
    output = plain(PRODUCED[origin](tmp_path))
    if origin[1].startswith("[WARNING]"):
        pieces = [block]
    elif '"log"' in origin[1]:
        pieces = re.findall(r'^ +("[^"]+")', block, re.MULTILINE)
    else:
        pieces = block.splitlines()
    assert pieces
    for piece in map(plain, pieces):
        assert piece in output, f"{piece}\n\nis not in:\n\n{output}"


def test_the_table_of_the_guide_on_fleets() -> None:
    """Its columns, and each problem with a title and a step that a report can have."""
    (table,) = [b for b in blocks(RST / "guide_fleet.rst", "text") if "PORTAL" in b]
    header, *rows = table.splitlines()[2:]
    lines = load_filter("docspace_report", "docspace_report")([{"host": "x", "problems": []}])[
        "lines"
    ]
    assert header.split() == lines[2].split()
    report = documentation(ROOT / "plugins" / "modules" / "docspace_backup_rotation.py", "RETURN")
    steps = set(re.findall(r"V\((\w+)\)", str(report["steps"]["contains"]["step"]))) | {"age"}
    problems = re.findall(r"([a-z]+(?: [a-z]+)*) \((\w+)\)", "\n".join(rows))
    assert len(problems) >= 5
    for title, step in problems:
        assert step in steps
        assert title in texts(), title


@pytest.mark.parametrize("guide", [pytest.param(path, id=path.stem) for path in GUIDES])
def test_a_quoted_sentence_is_in_the_code(guide: Path) -> None:
    """In quotation marks, or marked as literal: text of three words or more that looks like a message."""
    prose = re.sub(
        r"^\.\. code-block::.*\n((?:  .*\n|\n)+)", "", guide.read_text("utf-8"), flags=re.M
    )
    quoted = re.findall(r'"([A-Z][^"]+)"', prose) + re.findall(r"``([A-Z][a-z][^`]+)``", prose)
    for sentence in quoted:
        if len(sentence.split()) > 2 and "..." not in sentence:
            begins = any(sentence in text for text in texts())
            assert begins or sentence in SAID_BY_OTHERS or is_said(sentence), sentence


@pytest.mark.parametrize("module", [pytest.param(path, id=path.stem) for path in MODULES])
def test_a_sample_of_a_message_is_in_the_code(module: Path) -> None:
    found = list(messages(documentation(module, "RETURN")))
    for message in found:
        assert is_said(message), message


def messages(documented: Any, key: str = "") -> Iterator[str]:
    """The samples of logs, messages, titles and reasons."""
    if isinstance(documented, dict):
        for name, value in documented.items():
            yield from messages(value, key if name in ("sample", "contains") else name)
    elif isinstance(documented, list):
        for item in documented:
            yield from messages(item, key)
    elif isinstance(documented, str) and key in ("log", "msg", "title"):
        yield documented


@cache
def texts() -> frozenset[str]:
    """The texts in the plugins, with a blank for each value that is put in."""
    found = set()
    for path in ROOT.glob("plugins/**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr)
            or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in DOCUMENTED)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    str(part.value) if isinstance(part, ast.Constant) else "\0"
                    for part in node.values
                ]
                found.add("".join(parts))
            elif isinstance(node, ast.Constant) and node not in prose:
                found.add(str(node.value))
    return frozenset(found)


def is_said(message: str) -> bool:
    """Whether a text of the plugins, with values put in, is this message."""
    return message in texts() or any(
        re.fullmatch(".+".join(map(re.escape, text.split("\0"))), message)
        for text in texts()
        # Of `{x}: {y}` any message would be one.
        if "\0" in text and (sum(map(str.isalpha, text)) >= 6 or re.match("[A-Z][a-z]{2}", text))
    )
