# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the structure of the plugins: who may import whom, and what runs without Ansible."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
UTILS = PLUGINS / "module_utils"

# These hold values and rules alone: a filter, or another program, can use them anywhere.
PURE = ("archive", "contents", "manifest", "record", "retention", "tar_reader")
# Only a module, or what runs it, builds a connection or ends a task.
FRONT = ("_portal.module", "_portal.connection")
# An action plugin has a module of its name that holds its documentation alone.
ACTIONS = {path.stem for path in (PLUGINS / "action").glob("*.py")}


def imports(path: Path) -> set[str]:
    """Return what a file imports: `_portal.client` for a helper, else the top-level package."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            folder = list(path.relative_to(PLUGINS).parts[: -node.level])
            name = ".".join(filter(None, [*folder, node.module])).replace("module_utils.", "")
            # `from . import client` names files, `from .client import Client` names one.
            is_file = (UTILS / name.replace(".", "/")).with_suffix(".py").exists()
            found |= {name} if is_file else {f"{name}.{alias.name}" for alias in node.names}
    return found


IMPORTS = {path.relative_to(PLUGINS).as_posix(): imports(path) for path in PLUGINS.rglob("*.py")}
HELPERS = {
    name[len("module_utils/") : -len(".py")].replace("/", "."): found
    for name, found in IMPORTS.items()
    if name.startswith("module_utils/")
}


def in_folder(folder: str) -> dict[str, set[str]]:
    return {name: found for name, found in IMPORTS.items() if name.startswith(f"{folder}/")}


def test_portal_knows_no_backup() -> None:
    for name, found in HELPERS.items():
        if name.startswith("_portal."):
            assert not {one for one in found if one.startswith("_backup.")}, name


def test_helpers_build_no_connection_and_end_no_task() -> None:
    for name, found in HELPERS.items():
        if name.startswith("_backup."):
            assert not found & set(FRONT), name


def test_helpers_import_without_cycles() -> None:
    left = {name: found & set(HELPERS) for name, found in HELPERS.items()}
    while left:
        free = {name for name, found in left.items() if not found & set(left)}
        assert free, f"an import cycle among {sorted(left)}"
        left = {name: found for name, found in left.items() if name not in free}


def test_modules_import_helpers_and_no_other_module() -> None:
    for name, found in in_folder("modules").items():
        if Path(name).stem in ACTIONS:
            assert found == {"__future__"}, name
            continue
        assert "_portal.module" in found, name
        assert {one for one in found if "." in one} <= set(HELPERS), name


def test_actions_import_controller_helpers_and_values_only() -> None:
    for name, found in in_folder("action").items():
        helpers = {one for one in found if "." in one} - {"_portal.values"}
        assert {one.split(".")[0] for one in helpers} <= {"plugin_utils"}, name
        assert (PLUGINS / "modules" / Path(name).name).exists(), f"{name} has no documentation"


def test_filters_need_no_portal() -> None:
    allowed = {f"_backup.{name}" for name in PURE} | {"_backup.storage"}
    allowed |= {"_portal.values", "_portal.errors"}
    for name, found in in_folder("filter").items():
        assert {
            one for one in found if "." in one and not one.startswith("plugin_utils")
        } <= allowed, name


def test_only_the_standard_library_ansible_and_requests_are_imported() -> None:
    standard = getattr(sys, "stdlib_module_names", None)  # from Python 3.10 on
    if standard is None:
        pytest.skip("this Python doesn't list its standard library; another one of the tests does")
    for name, found in IMPORTS.items():
        others = {one for one in found if "." not in one} - standard
        # The controller has what ansible-core itself needs.
        more = {"yaml"} if name.startswith("plugin_utils/") else set()
        assert others <= {"ansible", "requests", "urllib3"} | more, name


def test_only_module_py_ends_a_task() -> None:
    for name in IMPORTS:
        tree = ast.parse((PLUGINS / name).read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        ends = {"exit_json", "fail_json"} & used
        assert not ends or name == "module_utils/_portal/module.py", f"{name}: {ends}"


BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("ansible", "requests", "urllib3", "socket", "ssl", "http"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
sys.path.insert(0, sys.argv[1])
import importlib
importlib.import_module("ansible_collections.onlyoffice.docspace.plugins.module_utils._backup." + sys.argv[2])
"""


@pytest.mark.parametrize("name", PURE)
def test_pure_helpers_need_neither_ansible_nor_requests(name: str) -> None:
    root = str(PLUGINS.parents[3])
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, root, name], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
