# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house: who may import whom, what runs without Ansible, and how large a file may be.

A module imports `_portal.module` and the verbs of `_backup`, the verbs import its nouns, and these
import the rest of `_portal`, which knows no backup. Never the other way.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
UTILS = PLUGINS / "module_utils"

# A new file of `_backup` is named here. A noun tells what is, a verb changes something.
NOUNS = (
    *(
        "archive",
        "files",
        "history",
        "info",
        "local_files",
        "manifest",
        "names",
        "record",
        "retention",
        "selection",
    ),
    *("pace", "part", "place", "source", "storage", "tar", "target", "task"),
)
VERBS = (
    *("delete", "download", "ensure", "follow", "make", "offer", "prune", "restore", "schedule"),
    *("file_prune", "settle", "upload", "watch"),
)
# Nouns that are values and rules alone: the filter, or another program, can use them anywhere.
PURE = (
    "archive",
    "local_files",
    "manifest",
    "names",
    "record",
    "retention",
    "selection",
    "storage",
    "tar",
)
# What of `_portal` is a module's own: nothing below a module builds a connection or ends a task.
FRONT = ("_portal.module", "_portal.connection")

LONGEST = 400
LONGEST_CODE_OF_A_MODULE = 80
IMPORT = (ast.Import, ast.ImportFrom)


def trees() -> dict[str, ast.Module]:
    """All files of plugins, such as `module_utils/_portal/client.py`."""
    return {
        path.relative_to(PLUGINS).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PLUGINS.rglob("*.py"))
    }


def imports(name: str, tree: ast.Module) -> set[str]:
    """What a file imports, late imports too: `_portal.client` for ours, else the first name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            folder = [*Path(name).parts[: -node.level], *(node.module or "").split(".")]
            place = ".".join(filter(None, folder)).replace("module_utils.", "")
            # `from . import client` names files, `from .client import Client` names one.
            file = (UTILS / place.replace(".", "/")).with_suffix(".py").exists()
            found |= {place} if file else {f"{place}.{alias.name}" for alias in node.names}
    return found


TREES = trees()
IMPORTS = {name: imports(name, tree) for name, tree in TREES.items()}
OURS = {f"_backup.{name}" for name in NOUNS + VERBS}
BACKUP = sorted(Path(name).stem for name in TREES if "/_backup/" in name)


def in_folder(folder: str) -> dict[str, set[str]]:
    return {name: found for name, found in IMPORTS.items() if name.startswith(f"{folder}/")}


def test_each_file_of_backup_is_a_noun_or_a_verb() -> None:
    assert not set(NOUNS) & set(VERBS)
    assert set(BACKUP) <= {*NOUNS, *VERBS}, "name the new file in NOUNS or in VERBS"
    assert set(PURE) <= set(BACKUP)


def test_the_portal_knows_no_backup() -> None:
    for name, found in in_folder("module_utils/_portal").items():
        inner = {one for one in found if "." in one}
        assert inner <= {f"_portal.{path.stem}" for path in (UTILS / "_portal").glob("*.py")}, name


@pytest.mark.parametrize("name", BACKUP)
def test_a_noun_imports_no_verb_and_nothing_below_imports_what_is_above(name: str) -> None:
    found = IMPORTS[f"module_utils/_backup/{name}.py"]
    allowed = {f"_backup.{noun}" for noun in NOUNS}
    if name in VERBS:
        allowed |= {f"_backup.{verb}" for verb in VERBS}
    for one in found:
        if one.startswith("_portal."):
            assert one not in FRONT, f"{name} is below a module, and imports {one}"
        elif "." in one:
            assert one in allowed, f"{name} imports {one}"


def test_no_two_files_need_each_other() -> None:
    left = {
        name.replace("module_utils/", "").replace("/", ".")[:-3]: {
            one for one in found if "." in one
        }
        for name, found in in_folder("module_utils").items()
    }
    while left:
        free = {name for name, found in left.items() if not found & set(left)}
        assert free, f"a circle among {sorted(left)}"
        left = {name: found for name, found in left.items() if name not in free}


# A module that stands in an action of the same name: its file is documentation alone.
ACTIONS = {Path(name).stem for name in TREES if name.startswith("action/")}
# What judges a night, for an action or a playbook. Of Ansible it needs the errors and the truth.
JUDGES = ("_rotation", "_rotation_night", "_rotation_report", "_rotation_state")


def test_a_module_imports_what_it_says_and_no_other_module() -> None:
    for name, found in in_folder("modules").items():
        if Path(name).stem in ACTIONS:
            assert found == {"__future__"}, name
            continue
        assert found & {"_portal.module"}, name
        for one in found:
            assert "." not in one or one.startswith("_portal.") or one in OURS, f"{name}: {one}"


def test_what_judges_starts_nothing_and_asks_nobody() -> None:
    for judge in JUDGES:
        tree = TREES[f"plugin_utils/{judge}.py"]
        asked = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        of_ansible = {one for one in asked if one and one.startswith("ansible")}
        assert of_ansible <= {
            "ansible.module_utils.common.validation",
            "ansible.module_utils.parsing.convert_bool",
        }, judge
        ours = {one for one in IMPORTS[f"plugin_utils/{judge}.py"] if one.startswith("_")}
        assert ours <= {
            *("_backup.names", "_backup.target", "_portal.options", "_portal.values"),
            "__future__",
        }, judge


def test_an_action_only_runs_modules_and_what_judges() -> None:
    for name, found in in_folder("action").items():
        ours = {".".join(one.split(".")[:2]) for one in found if "." in one}
        assert ours <= {f"plugin_utils.{judge}" for judge in JUDGES}, name
        assert (PLUGINS / "modules" / Path(name).name).exists(), f"{name} has no documentation"


def test_a_filter_needs_no_portal() -> None:
    for name, found in in_folder("filter").items():
        ours = {one for one in found if "." in one}
        assert ours <= {f"_backup.{noun}" for noun in PURE} | {
            "_portal.values",
            "_portal.errors",
            "plugin_utils._untrusted.untrusted_filters",
        }, name


def test_nothing_but_python_ansible_and_requests_is_imported() -> None:
    standard = getattr(sys, "stdlib_module_names", None)  # from Python 3.10 on
    if standard is None:
        pytest.skip("this Python doesn't name its standard library; another one of the tests does")
    for name, found in IMPORTS.items():
        others = {one for one in found if "." not in one} - standard
        # What runs on the controller has what ansible-core needs, too.
        more = {"yaml"} if name.startswith("plugin_utils/") else set()
        assert others <= {"ansible", "requests", "urllib3"} | more, name


def test_only_the_front_ends_a_task() -> None:
    for name, tree in TREES.items():
        said = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        ends = {"exit_json", "fail_json"} & said
        assert not ends or name == "module_utils/_portal/module.py", f"{name}: {ends}"


BLOCKED = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("ansible", "requests", "urllib3", "socket", "ssl", "http"):
            raise ImportError(f"{name} isn't there")

sys.meta_path.insert(0, Nothing())
sys.path.insert(0, sys.argv[1])
import importlib
importlib.import_module("ansible_collections.onlyoffice.docspace.plugins.module_utils._backup." + sys.argv[2])
"""


@pytest.mark.parametrize("name", PURE)
def test_no_ansible_and_no_network_are_needed(name: str) -> None:
    above = str(PLUGINS.parents[3])
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, above, name], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def lines_of_code(tree: ast.Module) -> int:
    """Lines of options and functions, without imports, comments, and what only tells."""
    taken: set[int] = set()
    for node in ast.walk(tree):
        value = getattr(node, "value", None)
        text = isinstance(value, ast.Constant) and isinstance(value.value, str)
        tells = text and isinstance(node, (ast.Expr, ast.Assign))
        if isinstance(node, ast.stmt) and not tells and not isinstance(node, IMPORT):
            # Of what has a body, that counts for itself.
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            taken |= set(range(node.lineno, max(end, node.lineno) + 1))
    return len(taken)


@pytest.mark.parametrize("name", TREES)
def test_a_file_is_small_and_named_for_a_thing_or_a_deed(name: str) -> None:
    assert not Path(name).stem.endswith("ing"), "not what is being done: what it is, or the verb"
    if name.startswith(("modules/", "filter/")):  # mostly documentation
        code = lines_of_code(TREES[name])
        assert code <= LONGEST_CODE_OF_A_MODULE, f"{code} lines of code"
    else:
        lines = len((PLUGINS / name).read_text(encoding="utf-8").splitlines())
        assert lines <= LONGEST, f"{lines} lines"
