# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read and copy runs, and can't cost them their last lasting backup.

Every YAML block of the README, the guides and EXAMPLES is found, put into a playbook, and played
on a simulated portal of its own: all with a usual history, and those that may delete on histories
with little in them as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.onlyoffice.docspace.tests.docs.examples import (
    COLLECTION,
    ROOT,
    Example,
    action_of,
    all_examples,
)
from ansible_collections.onlyoffice.docspace.tests.docs.stage import HISTORIES, Played, Stage
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import spec_of

EXAMPLES = all_examples()
PLAYED = [example for example in EXAMPLES if example.kind != "values"]
RULES = (
    *("mutually_exclusive", "required_together", "required_one_of", "required_if"),
    "required_by",
)
MODULES = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}

# All were played for one process.
pytestmark = pytest.mark.xdist_group("examples")

# The README had this once. The expiring copy counts for "total", and outweighs the last lasting one.
CAUGHT = """
- name: Delete old backups, but not all
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Find backups older than 90 days
      onlyoffice.docspace.docspace_backup_info:
        older_than: 90d
      register: old
    - name: Delete them, unless they are all there is
      onlyoffice.docspace.docspace_backup:
        id: "{{ item.id }}"
        state: absent
      loop: "{{ old.backups }}"
      when: old.count < old.total
"""
BAD = Example("the README of old", "plays", yaml.safe_load(CAUGHT), CAUGHT)


@pytest.fixture(scope="session")
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str], Played]]:
    """What came of each example on each history; only of those that this run is about."""
    calls = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    wanted = {call.params["example"].where for call in calls if "example" in call.params}
    with ExitStack() as stack:
        stage = Stage(tmp_path_factory.mktemp("examples"), stack)
        names: dict[tuple[str, str], str] = {}
        plays = []
        for example in [*(one for one in PLAYED if one.where in wanted), BAD]:
            histories = HISTORIES if example.deletes else ["usual"]
            hosts = {history: stage.host(example, history) for history in histories}
            names.update({(example.where, history): host for history, host in hosts.items()})
            plays.append(stage.plays(example, list(hosts.values())))
        outcomes = stage.play(plays)
        yield {key: outcomes[host] for key, host in names.items()}


def named(examples: list[Example]) -> list[Any]:
    return [pytest.param(example, id=example.where) for example in examples]


def test_all_are_found() -> None:
    """Every guide and every plugin has some, and no block is of a kind that isn't looked at."""
    found = {re.split("[:,]", example.where)[0] for example in EXAMPLES}
    guides = {path.name for path in (ROOT / "docs" / "docsite" / "rst").glob("guide_*.rst")}
    assert found >= {"README.md", "backup_retention.py"} | guides | {f"{one}.py" for one in MODULES}


@pytest.mark.parametrize("example", named(PLAYED))
def test_it_runs(example: Example, played: dict[tuple[str, str], Played]) -> None:
    one = played[example.where, "usual"]
    assert not one.failed, one.text
    if not example.deletes and not example.replaces:
        lost = one.lasting_before - one.lasting_after
        assert lost <= 0, "it deletes what lasts: `removes` in examples.py has to know it"
    elif example.deletes and "check_mode: true" not in example.text:
        assert one.deletes, f"nothing was deleted, so this shows nothing: {one.text}"


@pytest.mark.parametrize("history", [name for name in HISTORIES if name != "empty"])
@pytest.mark.parametrize("example", named([one for one in PLAYED if one.deletes]))
def test_the_last_lasting_backup_stays(
    example: Example, history: str, played: dict[tuple[str, str], Played]
) -> None:
    one = played[example.where, history]
    assert one.asked and one.lasting_before, "it looked at nothing"
    assert one.lasting_after, one.text


@pytest.mark.parametrize("example", named([one for one in PLAYED if one.deletes]))
def test_an_empty_history_does_no_harm(
    example: Example, played: dict[tuple[str, str], Played]
) -> None:
    """It may fail, but not by an expression or an option that came out wrong."""
    one = played[example.where, "empty"]
    assert one.asked
    assert not re.search(r"undefined|templat|config|Traceback", one.text), one.text


def test_a_play_that_loses_all_is_noticed(played: dict[tuple[str, str], Played]) -> None:
    assert played[BAD.where, "old"].lasting_after == 2
    assert played[BAD.where, "temporary"].lasting_after == 0


@pytest.mark.parametrize("example", named(PLAYED))
def test_its_tasks_are_well_written(example: Example) -> None:
    for task in example.tasks:
        assert re.match("[A-Z]", task["name"]), task
        action = action_of(task)
        assert re.fullmatch(r"[a-z]+\.[a-z]+\.[a-z_]+", action), "by its full name"
        module = action[len(COLLECTION) :]
        if action.startswith(COLLECTION):
            assert module in MODULES, action
            check_arguments(module, task[action] or {}, task["name"])


def check_arguments(module: str, arguments: dict[str, Any], where: str) -> None:
    """They fit the spec, and hold no secret: that is for a vault."""
    secrets = [arguments.get(name, "{{") for name in ("api_key", "username", "password")]
    for value in [*secrets, *(arguments.get("storage_secrets") or {}).values()]:
        assert "{{" in value, f"{where}: a secret belongs into a vault"
    given = spec_of(module)
    # What a template makes of an option with choices is seen when the example is played.
    chosen = {name for name, option in given["argument_spec"].items() if "choices" in option}
    arguments = {
        name: value
        for name, value in arguments.items()
        if value != "{{ omit }}" and not (name in chosen and str(value).startswith("{{"))
    }
    rules = {rule: given[rule] for rule in RULES if rule in given}
    own = given["argument_spec"]
    url = {"url": "https://docspace.example.com"} if "url" in own else {}
    found = ArgumentSpecValidator(own, **rules).validate({**url, **arguments})
    assert found.error_messages == [], where
