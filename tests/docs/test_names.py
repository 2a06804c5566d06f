# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in the documentation exist in the code: metrics, options, result keys, variables, calls."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.errors import (
    DocSpaceError,
)
from ansible_collections.onlyoffice.docspace.tests.docs.examples import ROOT, TASK_WORDS
from ansible_collections.onlyoffice.docspace.tests.preview.playing import load_filter
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator
from ansible_collections.onlyoffice.docspace.tests.simulator.__main__ import arguments
from ansible_collections.onlyoffice.docspace.tests.simulator.app import ROUTES
from ansible_collections.onlyoffice.docspace.tests.simulator.control import create_control

RST = ROOT / "docs" / "docsite" / "rst"
ROLE = ROOT / "roles" / "backup_rotation"
RULES = ROOT / "playbooks" / "files" / "docspace_backups.rules.yml"
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
PAGES = [
    ROOT / "README.md",
    ROLE / "README.md",
    ROOT / "tests" / "simulator" / "README.md",
    *sorted(RST.glob("*.rst")),
]
# Names of other software that a page may use.
OTHERS = {
    *("awx_job_id", "client_max_body_size", "import_playbook", "vars_files", "gather_facts"),
    *("tests_simulator", "tenants_tenants", "restore_info"),
}
REPORTS = [
    {
        "host": "portal",
        "checked_on": "2026-11-05T12:00:00Z",
        "newest": {"created_on": "2026-11-05T03:00:00Z"},
        "newest_offsite": {"created_on": "2026-11-05T04:00:00Z"},
        "count": 11,
        "schedule": {"period": "daily", "hour": 3},
        "schedule_known": True,
        "problems": [{"step": "make", "code": code, "title": "x", "msg": "x"} for code in "aab"],
    }
]


def pages() -> list[Any]:
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]


def strings(path: Path) -> Iterator[str]:
    """The text in a Python file, without docstrings and the prose of documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            left_out |= set(ast.walk(node.value)) if isinstance(node.value, ast.Constant) else set()
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in DOCUMENTATION:
            left_out |= set(ast.walk(node.value))
            yield from words(yaml.safe_load(ast.literal_eval(node.value)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target)


DOCUMENTATION = ("DOCUMENTATION", "RETURN")


def words(documented: Any) -> Iterator[str]:
    """The names of options, results and choices of a documentation."""
    if isinstance(documented, list):
        for item in documented:
            yield from words(item)
    if isinstance(documented, dict):
        for name, value in documented.items():
            yield name
            if name == "choices":
                yield from map(str, value)
            elif name in ("options", "suboptions", "contains", "sample") or isinstance(value, dict):
                yield from words(value)


@cache
def known_names() -> frozenset[str]:
    """Every word with an underscore in code and data."""
    files = [*ROOT.glob("plugins/**/*.py"), *ROOT.glob("playbooks/**/*.py")]
    files += ROOT.glob("tests/simulator/*.py")
    texts = [text for path in files for text in strings(path)]
    for path in [*ROOT.glob("playbooks/**/*.yml"), *ROLE.glob("*/*.yml"), *ROOT.glob("meta/*.yml")]:
        texts += [line.partition(" # ")[0] for line in path.read_text().splitlines()]
    for folder in ("plugins", "playbooks", "roles", "tests"):
        texts += [str(path.with_suffix("")) for path in ROOT.glob(f"{folder}/**/*")]
    found = {word for text in texts for word in re.findall(r"\w+", text)}
    return frozenset(found | metric_names())


def literals(page: Path) -> set[str]:
    """What a page marks as literal, without its blocks of code, which run as they are."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        return set(re.findall(r"`([^`\n]+)`", text))
    text = re.sub(r"^\.\. code-block::.*\n((?:  .*\n|\n)+)", "", text, flags=re.MULTILINE)
    return set(re.findall(r"``([^`]+)``", text))


def blocks(page: Path) -> list[str]:
    """The YAML of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        *re.findall(r"^```yaml.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL),
        *re.findall(r"^\.\. code-block:: yaml.*\n((?:  .*\n|\n)+)", text, re.MULTILINE),
    ]


@pytest.mark.parametrize("page", pages())
def test_every_name_exists(page: Path) -> None:
    """Names with an underscore are ours, or Ansible's, or in OTHERS."""
    # Not the names of files that a reader makes.
    name = re.compile(r"(?<![\w.-])[a-z]\w*_\w+\b(?!\.(?:html|json|pem|yml))")
    named = {word for text in literals(page) for word in name.findall(text)}
    # Variables of the page's own examples, which are run.
    own = {word for text in blocks(page) for word in re.findall(r"\w+", text)}
    unknown = {
        name for name in named - known_names() - own - OTHERS - TASK_WORDS if name[:8] != "ansible_"
    }
    assert unknown == set()


@cache
def metric_names() -> frozenset[str]:
    """The metrics that the exporter writes."""
    return frozenset(metrics())


@cache
def metrics() -> dict[str, tuple[str, str, frozenset[str]]]:
    """The metrics that the exporter writes, each with help, type and labels."""
    lines = load_filter("docspace_report", "docspace_report")(REPORTS)["metrics"].splitlines()
    helps = dict(line.split(" ", 3)[2:] for line in lines if line.startswith("# HELP"))
    types = dict(line.split(" ", 3)[2:] for line in lines if line.startswith("# TYPE"))
    samples = {re.split("[{ ]", line)[0]: line for line in lines if line[:1] != "#"}
    assert set(helps) == set(types) == set(samples)
    return {
        name: (helps[name], types[name], frozenset(re.findall(r'(\w+)="', samples[name])))
        for name in helps
    }


def test_the_guide_has_the_metrics_as_they_are() -> None:
    text = (RST / "guide_watch.rst").read_text(encoding="utf-8")
    rows = re.findall(
        r"^  \* - ``(docspace_\w+)``\n    -(.*)\n    - (.+(?:\n      .+)*)", text, re.M
    )
    shown = {
        name: (" ".join(meaning.split()), "gauge", frozenset(re.findall("``(.+?)``", labels)))
        for name, labels, meaning in rows
    }
    assert shown == metrics()
    assert "All metrics are gauges." in text


def test_no_page_names_another_metric() -> None:
    modules = {path.stem for path in MODULES} | {"docspace_backups"}
    for path in [*PAGES, RULES, ROOT / "CHANGELOG.md"]:
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"\bdocspace_backup\w*", text))
        unknown = {name for name in named if not name.endswith("_")} - modules - metric_names()
        assert unknown == set(), path.name
    for pattern in re.findall(r'__name__=~"([^"]+)"', RULES.read_text(encoding="utf-8")):
        assert [name for name in metrics() if re.fullmatch(pattern, name)], pattern


def test_the_rules_use_labels_that_there_are() -> None:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
            names = [name for name in metrics() if re.search(rf"\b{name}\b", rule["expr"])]
            labels = frozenset({"portal"}).union(*(metrics()[name][2] for name in names))
            assert used <= labels, rule["alert"]


@pytest.mark.parametrize("page", pages())
def test_every_result_key_of_a_path_is_documented(page: Path) -> None:
    """`failure.code` and the like: what is written with a dot is a key of a key of some module."""
    known = {path for module in MODULES for path in key_paths(documentation(module, "RETURN"))}
    roots = {path.partition(".")[0] for path in known}
    for text in literals(page):
        match = re.fullmatch(r"([a-z_]+)\.([a-z_]+)(\[\])?", text)
        if match and match[1] in roots and match[2] not in ("yml", "json"):
            assert f"{match[1]}.{match[2]}" in known, text


def documentation(module: Path, name: str) -> Any:
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return yaml.safe_load(ast.literal_eval(node.value)) or {}
    raise AssertionError(f"{module.name} has no {name}")


def key_paths(documented: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, entry in documented.items():
        yield prefix + name
        sample = entry.get("sample")
        keys: dict[str, Any] = {key: {} for key in sample} if isinstance(sample, dict) else {}
        yield from key_paths({**keys, **entry.get("contains", {})}, f"{prefix}{name}.")


@pytest.mark.parametrize("page", pages())
def test_every_failure_code_exists(page: Path) -> None:
    """Those in the tables of failures."""
    text = page.read_text(encoding="utf-8")
    tables = re.findall(r"^  \* - (?:Code|``failure\.code``)\n(.*?)(?=\n\S|\Z)", text, re.M | re.S)
    for row in re.findall(r"^  \* - (.*)", "\n".join(tables), re.MULTILINE):
        for code in re.findall(r"``(\w+)``", row):
            # A code that doesn't exist is a KeyError.
            assert DocSpaceError(code, "").code == code


@pytest.mark.parametrize("module", [pytest.param(path, id=path.stem) for path in MODULES])
def test_a_sample_of_a_failure_is_one_that_occurs(module: Path) -> None:
    """Code and title belong together, and the portal has this call with this method."""
    returned = documentation(module, "RETURN")
    if "failure" not in returned:  # an action that only runs other modules
        assert module.stem == "docspace_backup_rotation"
        return
    sample = returned["failure"]["sample"]
    assert (
        sample["title"] == DocSpaceError(sample["code"], "").title
        or sample["title"] == "interrupted"
    )
    if sample.get("path"):
        assert sample["method"] in methods(sample["path"])


@pytest.mark.parametrize(
    "path", [*PAGES, *MODULES, ROOT / "CHANGELOG.md"], ids=lambda path: path.name
)
def test_every_call_has_the_method_that_the_portal_takes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for method, call in re.findall(
        r"\b(GET|POST|PUT|DELETE) (/(?:api/2\.0/backup|simulator)[\w/.-]*)", text
    ):
        assert method in methods(call), (method, call)


def methods(call: str) -> set[str]:
    """The methods with which the simulated portal takes a call, which is replayed against recordings."""
    if call.startswith("/simulator/"):
        with Simulator("empty") as sim:
            adapter = create_control(sim).url_map.bind("127.0.0.1")
            return set(adapter.allowed_methods(call))
    name = call.removeprefix("/api/2.0/backup/").partition("/")[0]
    return {ROUTES[name].method} if name in ROUTES else set()


def sections() -> dict[str, str]:
    """The sections of the page on playbooks."""
    text = (RST / "playbooks.rst").read_text(encoding="utf-8")
    parts = re.split(r"^(\w+)\n-+\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


@pytest.mark.parametrize("playbook", [pytest.param(path, id=path.stem) for path in PLAYBOOKS])
def test_the_variables_of_a_playbook(playbook: Path) -> None:
    """Its header, the page on playbooks and its plays have the same ones."""
    text = playbook.read_text(encoding="utf-8")
    header = set(re.findall(r"^#   (\w+)  +\S", text, re.MULTILINE))
    assert header
    page = set(re.findall(r"^  \* - ``(\w+)``", sections()[playbook.stem], re.MULTILINE))
    assert page == header
    plays = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    rows = re.findall(
        r"^  \* - ``(\w+)``\n    - ``(.+)``$", sections()[playbook.stem], re.MULTILINE
    )
    for name, value in rows:
        if "." not in value or value.endswith(".html"):
            default = rf"\b{name}: {value}$|\b{name} \| default\('?{value}'?\b"
            assert re.search(default, plays, re.MULTILINE), f"{name} is {value} by default"
    for included in re.findall(r"tasks/\w+\.yml", plays):
        plays += (ROOT / "playbooks" / included).read_text(encoding="utf-8")
    for name in header:
        assert re.search(rf"\b{name}\b", plays), name


def test_the_keys_of_a_report() -> None:
    """The guide and the role's README name those that the module documents."""
    module = ROOT / "plugins" / "modules" / "docspace_backup_rotation.py"
    keys = set(documentation(module, "RETURN")["report"]["contains"])
    guide = (RST / "guide_fleet.rst").read_text(encoding="utf-8")
    (table,) = re.findall(r"  \* - Key\n    - Meaning\n((?:  [* ].*\n)+)", guide)
    assert set(re.findall(r"``(\w+)``", " ".join(re.findall(r"^  \* - (.*)", table, re.M)))) == keys
    readme = (ROLE / "README.md").read_text(encoding="utf-8")
    (left,) = re.findall(r"^The fact `backup_rotation_report`: (.*?)\n\n", readme, re.M | re.S)
    (before, _each) = left.split("each with")
    assert set(re.findall(r"`(\w+)`", before)) == keys


def test_the_options_of_the_simulator() -> None:
    parser = arguments()
    options = {option for action in parser._actions for option in action.option_strings}
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            if "tests.simulator" in line or page.parent.name == "simulator":
                named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", line)) - {"--help"}
                assert named <= options, line
