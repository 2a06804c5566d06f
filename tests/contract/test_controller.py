# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a real ansible-playbook shows: results that pass the controller, and its diff."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.onlyoffice.docspace.tests.contract.scenarios import numbered
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

# Half a character, which ansible-core 2.19 refuses a result for; colours; lines and directions.
HALF, CODES, LINES = "half \ud83d", "\x1b[31mred\x07\x00\x7f\x9b", "turned\u202e\u2028\r\x85"
FORGED = (
    "a.gz\n- 00000000-0000-4000-8000-000000000000  forged.gz  1d 0h  local  not kept by any rule"
)
EVIL = [HALF, CODES, LINES, FORGED]
UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
ROWS = [
    {"id": numbered(day), "storage_type": "Local", "age_days": day, "file_name": name}
    for day, name in enumerate(["newest.gz", *EVIL], 1)
]


def play(
    folder: Path, sim: Simulator, *tasks: tuple[str, dict[str, Any]], **variables: Any
) -> tuple[list[dict[str, Any]], str]:
    """Run modules one after the other. Gives their results, and all that the run showed."""
    steps: list[dict[str, Any]] = [
        {
            f"onlyoffice.docspace.{module}": {"url": sim.url, "api_key": sim.key, **options},
            "register": f"result_{number}",
            "ignore_errors": True,
        }
        for number, (module, options) in enumerate(tasks)
    ]
    names = ", ".join(f"result_{number}" for number in range(len(tasks)))
    copy = {"content": f"{{{{ [{names}] | to_json }}}}", "dest": str(folder / "results.json")}
    steps.append({"ansible.builtin.copy": copy, "diff": False})
    whole = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": steps}
    (folder / "play.yml").write_text(json.dumps([whole]), encoding="utf-8")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    ended = subprocess.run(
        [program, "--diff", str(folder / "play.yml")],
        check=False,
        capture_output=True,
        timeout=300,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"],
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_NOCOLOR": "true",
        },
    )
    shown = (ended.stdout + ended.stderr).decode()
    assert ended.returncode == 0, shown
    return json.loads((folder / "results.json").read_text(encoding="utf-8")), shown


def texts(value: Any) -> list[str]:
    """All texts in a result, keys too, but for the table of a diff, which has lines."""
    if isinstance(value, dict):
        inner = [*value.keys(), *(item for key, item in value.items() if key != "prepared")]
        return [text for item in inner for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def clean(results: list[dict[str, Any]], shown: str) -> None:
    """Nothing that steers a terminal or breaks a line is in a result, or was shown."""
    assert [text for text in texts(results) if UNCLEAN.search(text)] == []
    assert UNCLEAN.search(re.sub("[\t\n]", "", shown)) is None


def test_a_history_full_of_odd_names(tmp_path: Path) -> None:
    with Simulator(ROWS) as sim:
        policy = {"keep_last": 1, "protect_ids": [numbered(2)]}
        results, shown = play(
            tmp_path,
            sim,
            ("docspace_backup_info", {}),
            ("docspace_backup_prune", {**policy, "max_delete": 3}),
            ("docspace_backup", {"id": numbered(2), "state": "absent"}),
        )
        info, pruned, absent = results
        assert len(info["backups"]) == 5 and info["changed"] is False
        assert pruned["changed"] is True and pruned["counts"]["removed"] == 3
        assert absent["changed"] is True and absent["backup"]["file_name"] == "half \ufffd"
        assert sim.count("DELETE") == 4 and len(sim.portal.ids()) == 1
    clean(results, shown)
    table = pruned["diff"]["prepared"].splitlines()
    assert [line[:2] for line in table] == ["- ", "- ", "- ", "  ", "  "]
    assert len([line for line in shown.splitlines() if re.match("[+-] ?[0-9a-f]{8}-", line)]) == 3


def test_answers_full_of_odd_texts(tmp_path: Path) -> None:
    evil = "".join(EVIL)
    task = {"isCompleted": True, "status": 4, "progress": 50, "taskId": evil, "warning": evil}
    plan = {
        "storageType": 3,
        "storageParams": {"filePath": evil, evil: evil},
        "cronParams": {"period": 0, "hour": 3, "day": 0},
        "backupsStored": 5,
    }
    good = {"status": 0, "statusCode": 200}
    bad = {"error": {"message": evil}, "status": 1, "statusCode": 500}
    write = {"storage_type": "local", "path": "/x", "period": "daily"}
    with Simulator(ROWS) as sim:
        for path, body in (
            ("getbackupschedule", {**good, "response": plan}),
            ("getbackupprogress", {**good, "response": {**task, "error": evil}}),
            ("getrestoreprogress", {**good, "response": {**task, "error": evil}}),
        ):
            sim.fault("answer", status=200, path=path, body=body)
        for method in ("POST", "DELETE"):
            sim.fault("answer", status=500, method=method, body=bad)
        results, shown = play(
            tmp_path,
            sim,
            ("docspace_backup_info", {"gather": ["schedule", "progress"]}),
            ("docspace_backup_schedule", {"state": "absent"}),
            ("docspace_backup_schedule", {**write, "hour": 4, "backups_stored": 5}),
            ("docspace_backup", {"storage_type": "local", "path": "/x"}),
            ("docspace_backup_prune", {"keep_last": 1, "concurrency": 2}),
            ("docspace_backup_restore", {"id": numbered(1), "confirm": "127.0.0.1"}),
        )
        assert len(sim.portal.ids()) == 5
    clean(results, shown)
    assert results[0]["progress"]["backup"]["error"].startswith("half \ufffd")
    assert results[0]["schedule"]["storage_params"]["filePath"].startswith("half \ufffd")
    failures = [result["failure"]["code"] for result in results[1:]]
    assert failures == ["server", "server", "server", "server", "server"]
    assert not any(result["changed"] for result in results)


def test_what_came_out_empty_deletes_nothing(tmp_path: Path) -> None:
    """A null really is one when it arrives, and `omit` leaves an option out."""
    tasks: list[tuple[str, dict[str, Any]]] = []
    for value in (None, "{{ nothing }}", "{{ blank }}"):
        tasks += [
            ("docspace_backup_prune", {"keep_last": 2, "name_pattern": value}),
            ("docspace_backup", {"state": "absent", "id": value}),
            ("docspace_backup", {"storage_type": "local", "path": "/x", "id": value}),
            ("docspace_backup_info", {"older_than": value}),
        ]
    omit = "{{ nothing | default(omit, true) }}"
    last = {"keep_last": 4, "name_pattern": omit, "max_delete": omit}
    tasks.append(("docspace_backup_prune", last))
    with Simulator(ROWS) as sim:
        results, _shown = play(tmp_path, sim, *tasks, nothing=None, blank="")
        *refused, pruned = results
        assert [result["failure"]["code"] for result in refused] == ["config"] * 12
        assert all("Leave it out, or use omit" in result["msg"] for result in refused[::4])
        assert pruned["changed"] is True
        assert sim.count("DELETE") == 1 and sim.count("POST") == 0
