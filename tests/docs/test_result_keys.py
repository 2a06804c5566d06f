# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Result keys that the examples read are documented under RETURN.

`tests/contract/test_modules.py` holds the keys of real results against RETURN, so an example that
passes here reads what there is. A run wouldn't notice each wrong key: `default` and `when` hide some.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from jinja2 import Environment, nodes

from ansible_collections.onlyoffice.docspace.tests.docs.examples import (
    COLLECTION,
    CONDITIONS,
    ROOT,
    Example,
    all_examples,
)
from ansible_collections.onlyoffice.docspace.tests.docs.test_names import documentation

# What Ansible adds to each result.
COMMON = ("changed", "failed", "skipped", "msg", "warnings", "diff", "attempts", "ansible_job_id")
SAME = ("default", "d", "list", "reverse", "unique", "sort", "selectattr", "rejectattr")
EXAMPLES = [one for one in all_examples() if COLLECTION in one.text and one.kind != "values"]


class Shape:
    """What is known of a value. keys: None where any key may be in it."""

    def __init__(self, entry: dict[str, Any]) -> None:
        sample = entry.get("sample")
        first = sample[0] if isinstance(sample, list) and sample else sample
        keys: dict[str, Any] = {name: {} for name in first} if isinstance(first, dict) else {}
        keys.update(entry.get("contains", {}))
        self.is_list = entry.get("type") == "list"
        self.keys: dict[str, Any] | None = keys or None

    def element(self) -> Shape:
        one = Shape({})
        one.keys = self.keys
        return one

    def member(self, name: str, where: str) -> Shape | None:
        if self.keys is None or self.is_list:
            return None
        assert name in self.keys, f"{where}: {name} is not among {', '.join(sorted(self.keys))}"
        return Shape(self.keys[name])


Values = dict[str, Shape]


def result_of(module: str) -> Shape:
    """The result of a module of the collection."""
    keys = documentation(ROOT / "plugins" / "modules" / f"{module}.py", "RETURN")
    return Shape({"contains": {**{name: {} for name in COMMON}, **keys}})


def follow(node: nodes.Node, values: Values, where: str) -> Shape | None:
    """Check all keys in an expression. Gives what is known of its value."""
    if isinstance(node, nodes.Name):
        return values.get(node.name)
    if isinstance(node, (nodes.Getattr, nodes.Getitem)):
        base = follow(node.node, values, where)
        if isinstance(node, nodes.Getattr):
            return base and base.member(node.attr, where)
        if base and isinstance(node.arg, nodes.Const):
            if isinstance(node.arg.value, int):
                return base.element() if base.is_list else None
            return base.member(str(node.arg.value), where)
        return None
    if isinstance(node, nodes.Filter):
        return through_filter(node, values, where)
    found = [follow(child, values, where) for child in node.iter_child_nodes()]
    single = isinstance(node, (nodes.Template, nodes.Output)) and len(found) == 1
    return found[0] if single else None


def through_filter(node: nodes.Filter, values: Values, where: str) -> Shape | None:
    base = follow(node.node, values, where) if node.node else None
    for child in [*node.args, *(keyword.value for keyword in node.kwargs)]:
        follow(child, values, where)
    if base is None or not base.is_list:
        return base if base and node.name in SAME else None
    named = [keyword.value for keyword in node.kwargs if keyword.key == "attribute"]
    if node.name in ("selectattr", "rejectattr"):
        named = node.args[:1]
    inner: Shape | None = base.element()
    for attribute in named:
        if isinstance(attribute, nodes.Const):
            for name in str(attribute.value).split("."):
                inner = inner and inner.member(name, where)
    if node.name in ("first", "last"):
        return inner
    if node.name == "map":
        return None
    return base if node.name in SAME else None


def check(value: Any, values: Values, where: str, condition: bool = False) -> Shape | None:
    """Check all templates in a task or play."""
    if isinstance(value, dict):
        for name, item in value.items():
            check(item, values, where, name in CONDITIONS)
    elif isinstance(value, list):
        for item in value:
            check(item, values, where, condition)
    elif isinstance(value, str):
        template = f"{{{{ {value} }}}}" if condition else value
        return follow(Environment(autoescape=True).parse(template), values, where)
    return None


def check_tasks(tasks: list[dict[str, Any]], values: Values, where: str) -> None:
    for task in tasks:
        here = dict(values)
        if isinstance(task.get("loop"), str):
            items = check(task["loop"], here, where)
            if items:
                here["item"] = items.element()
        rest = {name: item for name, item in task.items() if name != "loop"}
        modules = [name for name in rest if name.startswith(COLLECTION)]
        register = str(task.get("register"))
        values.pop(register, None)
        if "register" in task and modules and "loop" not in task and task.get("poll") != 0:
            # `until` and `failed_when` read the task's own result.
            values[register] = result_of(modules[0][len(COLLECTION) :])
            here[register] = values[register]
        check(rest, here, where)


def check_example(example: Example) -> None:
    plays = example.content if example.kind == "plays" else [{"tasks": example.content}]
    for play in plays:
        assert "tasks" in play or "import_playbook" in str(play)
        check_tasks(list(Example("", "tasks", play.get("tasks", []), "").tasks), {}, example.where)


@pytest.mark.parametrize("example", [pytest.param(one, id=one.where) for one in EXAMPLES])
def test_the_keys_of_an_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("{{ seen.latest.created | default('none') }}", "created"),
        ("{{ seen.backups | map(attribute='name') | list }}", "name"),
        ("{{ (seen.backups | selectattr('valid') | first).id }}", "valid"),
        ("{{ (seen.backups | first).ids }}", "ids"),
        ("{{ seen.progress.restore.number }}", "number"),
    ],
)
def test_a_wrong_key_is_noticed(expression: str, wrong: str) -> None:
    tasks = [
        {f"{COLLECTION}docspace_backup_info": {}, "register": "seen"},
        {"ansible.builtin.debug": {"msg": expression}},
    ]
    with pytest.raises(AssertionError, match=rf"\b{re.escape(wrong)} is not among"):
        check_example(Example("here", "tasks", tasks, ""))
