# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read and copy: all YAML of the README, of the guides, and of EXAMPLES."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jinja2 import Environment, nodes

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "onlyoffice.docspace."
TASK_WORDS = {
    *("name", "register", "when", "loop", "loop_control", "vars", "tags", "until", "retries"),
    *("delay", "check_mode", "diff", "ignore_errors", "failed_when", "changed_when", "no_log"),
    *("delegate_to", "run_once", "environment", "notify", "timeout", "module_defaults", "throttle"),
    *("async", "poll"),
}
CONDITIONS = ("when", "that", "until", "failed_when", "changed_when")
SECTIONS = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")


class Example(NamedTuple):
    """Something that is copied as one. kind: tasks, plays or values (variables, an inventory)."""

    where: str
    kind: str
    content: Any
    text: str

    @property
    def tasks(self) -> Iterator[dict[str, Any]]:
        """Its tasks, also those in blocks."""
        return tasks_of(self.content if self.kind != "values" else [])

    @property
    def deletes(self) -> bool:
        """Whether it may remove a backup."""
        return any(removes(task) for task in self.tasks) or "backup_rotation" in self.text

    @property
    def replaces(self) -> bool:
        """Whether it restores a portal from a file, which has an empty history then (C45)."""
        name = f"{COLLECTION}docspace_backup_restore"
        return any("src" in (task.get(name) or {}) for task in self.tasks)


def removes(task: dict[str, Any]) -> bool:
    """Whether a task removes what lasts."""
    arguments = task.get(f"{COLLECTION}docspace_backup") or {}
    return f"{COLLECTION}docspace_backup_prune" in task or arguments.get("state") == "absent"


def tasks_of(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in items:
        inner = [item[section] for section in SECTIONS if section in item]
        if not inner and "hosts" not in item:
            yield item
        for section in inner:
            yield from tasks_of(section)


def action_of(task: dict[str, Any]) -> str:
    """The module of a task, by the name that it has there."""
    (action,) = set(task) - TASK_WORDS
    return action


def all_examples() -> list[Example]:
    """Every one there is."""
    found: list[Example] = []
    for path in [ROOT / "README.md", *sorted(ROOT.glob("roles/*/README.md"))]:
        found += read(path, r"^( *)```(\S+)\n((?:.*\n)*?)\1```$")
    for path in sorted((ROOT / "docs" / "docsite" / "rst").glob("*.rst")):
        found += read(path, r"^( *)\.\. code-block:: (\S+)\n((?:\1 +\S.*\n|\n)+)")
    for path in sorted(ROOT.glob("plugins/*/*.py")):
        found += read_plugin(path)
    return found


def read(path: Path, block: str) -> Iterator[Example]:
    """The YAML blocks of a page."""
    page = path.read_text(encoding="utf-8")
    for match in re.finditer(block, page, re.MULTILINE):
        if match[2] in ("yaml", "yaml+jinja"):
            line = page.count("\n", 0, match.start()) + 1
            text = textwrap.dedent(match[3])
            content = yaml.safe_load(text)
            yield Example(f"{path.name}:{line}", kind_of(content), content, text)


def kind_of(content: Any) -> str:
    """Whether it is plays, tasks or neither."""
    if not isinstance(content, list):
        return "values"
    whole = {"hosts" in item or "ansible.builtin.import_playbook" in item for item in content}
    assert len(whole) == 1, f"plays and tasks in one: {content}"
    return "plays" if whole.pop() else "tasks"


def read_plugin(path: Path) -> Iterator[Example]:
    """The EXAMPLES of a module or filter, cut where nothing is used any more of what was before.

    So a task that fails hides none that has nothing to do with it.
    """
    source = path.read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXAMPLES":
            text = ast.literal_eval(node.value)
            tasks = yaml.safe_load(text)
            if isinstance(tasks, dict):  # an inventory
                yield Example(path.name, "values", tasks, text)
                return
            for number, part in enumerate(parted(tasks), 1):
                text = yaml.safe_dump(part, sort_keys=False)
                yield Example(f"{path.name}, part {number}", "tasks", part, text)


def parted(tasks: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Tasks in groups, each from where a variable is registered to where it is used last."""
    used = [variables(task) for task in tasks]
    parts: list[list[dict[str, Any]]] = []
    end = -1
    for number, task in enumerate(tasks):
        if number > end:
            parts.append([])
        parts[-1].append(task)
        uses = [later for later, names in enumerate(used) if task.get("register") in names]
        end = max([end, number, *uses])
    return parts


def variables(value: Any, condition: bool = False) -> set[str]:
    """The variables that occur in templates and conditions."""
    if isinstance(value, dict):
        return {name for key, item in value.items() for name in variables(item, key in CONDITIONS)}
    if isinstance(value, list):
        return {name for item in value for name in variables(item, condition)}
    if not isinstance(value, str):
        return set()
    template = f"{{{{ {value} }}}}" if condition else value
    tree = Environment(autoescape=True).parse(template)
    return {node.name for node in tree.find_all(nodes.Name)}
