# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing by accident: every option of every module, with everything that may come out empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import FILE_COMMON_ARGUMENTS

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY, spec_of
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, THREE, TWO, row
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire, ok

Run = Callable[..., dict[str, Any]]

ROOT = Path(__file__).resolve().parents[4]
HISTORY = "getbackuphistory"
LOCAL = {"storage_type": "local", "path": "/srv/backup"}
PLAN = {**LOCAL, "period": "daily", "hour": 3, "backups_stored": 5}
# Tasks that are right as they are. A module that isn't here fails the tests.
TASKS: dict[str, list[dict[str, Any]]] = {
    "docspace_backup": [{"id": ONE, "state": "absent"}, {"id": ONE}, LOCAL],
    "docspace_backup_download": [{"dest": "/srv"}],
    "docspace_backup_file_info": [{"path": "/"}],
    "docspace_backup_file_prune": [{"path": "/", "portal": "https://a.example", "keep_last": 2}],
    "docspace_backup_info": [{}],
    "docspace_backup_prune": [{"keep_last": 2}, {"ids": [ONE]}],
    "docspace_backup_restore": [{"id": ONE, "confirm": "127.0.0.1"}],
    "docspace_backup_schedule": [PLAN, {"state": "absent"}],
}
FOUND = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
# The code of those is an action, which runs the others.
MODULES = sorted(FOUND - {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")})
CONNECTION = {"url", "api_key", "username", "password", "validate_certs", "ca_path", "timeout"}
CONNECTION |= {"retries"}

# What templates, surveys and inventories make of nothing.
BLANK = ["", " ", "\t", "\n", "\r\n", "\u00a0", "\u2003", ",", " , ", ",,"]
ONE_NOTHING: list[Any] = [None, [], {}, *BLANK]
NOTHING: list[Any] = [
    *ONE_NOTHING,
    *([one] for one in ONE_NOTHING),
    *([None, None], ["", None], [ONE, None], [ONE, ""], ["local", " "], [[None]], [[""]]),
]
# Where nothing is an answer.
FINE: dict[tuple[str, str], list[Any]] = {
    ("docspace_backup_file_prune", "protect_ids"): [[]],
    ("docspace_backup_prune", "ids"): [[]],
    ("docspace_backup_prune", "protect_ids"): [[]],
    ("docspace_backup_schedule", "weekday"): [None],
    ("docspace_backup_schedule", "monthday"): [None],
}
FINE_FOR_DICT: list[Any] = [{}]


def own_options() -> Iterator[Any]:
    for module in MODULES:
        given = spec_of(module)
        files = FILE_COMMON_ARGUMENTS if given.get("add_file_common_args") else {}
        for option, spec in {**files, **given["argument_spec"]}.items():
            if option not in CONNECTION:
                kind = FINE_FOR_DICT if spec.get("type") == "dict" else []
                fine = [*FINE.get((module, option), []), *kind]
                yield pytest.param(module, option, fine, id=f"{module}: {option}")


OPTIONS = list(own_options())


def task_of(module: str, options: dict[str, Any]) -> dict[str, Any]:
    """With an address and a key only where the module has them."""
    online = "url" in spec_of(module)["argument_spec"]
    return options if online else {"url": None, "api_key": None, **options}


def test_no_module_escapes() -> None:
    assert sorted(TASKS) == MODULES


@pytest.mark.parametrize(("module", "option", "fine"), OPTIONS)
def test_an_option_that_came_out_empty_is_refused(
    module: str, option: str, fine: list[Any], run: Run
) -> None:
    """Before anything is sent: a request fails the test. All forms of nothing in the first task."""
    for number, options in enumerate(TASKS[module]):
        for value in ONE_NOTHING[:4] if number else NOTHING:
            if value in fine:
                continue
            given = {**task_of(module, options), option: value}
            result = run(module, null=(option,) if value is None else (), **given)
            assert result.get("failed") and option in result["msg"], (value, result)
            assert result.get("changed", False) is False
            if value is None or value in ("", [], [None]):
                assert result["failure"]["code"] in ("config", "guard"), (value, result["msg"])
            if value is None:
                assert "Leave it out, or use omit" in result["msg"]


@pytest.mark.parametrize(("module", "option", "fine"), OPTIONS)
def test_a_number_that_nobody_means_is_refused(
    module: str, option: str, fine: list[Any], run: Run
) -> None:
    values = [10**400, -(10**400), float("inf"), float("nan")]
    if spec_of(module)["argument_spec"].get(option, {}).get("type") in ("int", "float"):
        values.append(True)
    for value in values:
        result = run(module, **{**task_of(module, TASKS[module][0]), option: value})
        assert result["failure"]["code"] == "config" and option in result["msg"], value


def test_a_policy_for_an_empty_pattern_deletes_nothing(wire: Wire, run: Run) -> None:
    """The case that this is all about: `keep_last: 2` was meant for some, not for all."""
    rows = [row(), row(TWO, age=2), row(THREE, age=3)]
    wire.expect("GET", HISTORY, ok(rows))
    wire.expect("DELETE", f"deletebackup/{ONE}", ok(True))
    assert run("docspace_backup_prune", keep_last=2)["counts"]["removed"] == 1
    assert run("docspace_backup_prune", keep_last=2, null=("name_pattern",))["failed"]


@pytest.mark.parametrize("option", ["ids", "protect_ids"])
def test_an_empty_list_of_ids_is_an_answer(option: str, wire: Wire, run: Run) -> None:
    beside: dict[str, Any] = {"ids": []} if option == "ids" else {"keep_last": 1}
    wire.expect("GET", HISTORY, ok([row()]))
    result = run("docspace_backup_prune", protect_ids=[], **beside)
    assert result["changed"] is False and result["counts"]["total"] == 1


@pytest.mark.parametrize("null", [("weekday", "monthday"), ("monthday",)])
def test_a_schedule_may_be_written_as_it_was_read(
    null: tuple[str, ...], wire: Wire, run: Run
) -> None:
    weekly = {"period": "weekly", "weekday": "monday"} if null == ("monthday",) else {}
    wire.expect("GET", "getbackupschedule", ok())
    result = run("docspace_backup_schedule", check_mode=True, null=null, **{**PLAN, **weekly})
    assert result["changed"] is True and result["schedule"]["monthday"] is None


def test_parameters_of_a_storage_may_be_none_at_all(wire: Wire, run: Run) -> None:
    wire.expect("GET", "getbackupprogress", ok())
    options = {**LOCAL, "storage_params": {}, "storage_secrets": {}}
    assert run("docspace_backup", check_mode=True, **options)["changed"] is True


@pytest.mark.parametrize("value", [None, [], {}])
@pytest.mark.parametrize("option", ["storage_params", "storage_secrets"])
def test_a_parameter_of_a_storage_that_is_nothing_is_refused(
    option: str, value: Any, run: Run
) -> None:
    """The server would fail on it (C20)."""
    result = run("docspace_backup", **{**LOCAL, option: {"bucket": value}})
    assert result["failure"]["code"] == "config" and option in result["msg"]


@pytest.mark.parametrize("name", ["url", "portal_url", "api_host"])
def test_a_null_connection_option_counts_as_left_out(name: str, wire: Wire, run: Run) -> None:
    """The environment counts then, and after it the default."""
    wire.expect("GET", HISTORY, ok([]), headers={"Authorization": f"Bearer {KEY}"})
    null = (name, *(CONNECTION - {"url"}))
    env = {"DOCSPACE_BASE_URL": wire.url, "DOCSPACE_API_KEY": KEY}
    result = run("docspace_backup_info", null=null, env=env, url=None, api_key=None)
    assert result["count"] == 0
    module_args = result.get("invocation", {}).get("module_args", {"timeout": 30.0, "retries": 3})
    assert (module_args["timeout"], module_args["retries"]) == (30.0, 3)


@pytest.mark.parametrize("option", sorted(CONNECTION))
def test_a_blank_connection_option_is_refused(option: str, run: Run) -> None:
    blank: list[Any] = ["", " ", [], [None], {}, [KEY]]
    for value in blank:
        if option == "ca_path" and value == "":
            continue  # no file is named, so the usual authorities count
        result = run("docspace_backup_info", **{option: value})
        assert result.get("failed") and option in result["msg"], (value, result)
