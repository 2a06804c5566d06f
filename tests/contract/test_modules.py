# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every module in the folder, so that a new one cannot escape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.onlyoffice.docspace.tests.contract.scenarios import (
    FOLDER,
    HISTORY,
    SCENARIOS,
    STORAGE_SECRET,
    Scenario,
)
from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    COLLECTION,
    NOW,
    Clock,
    check_outcome,
    run_module,
    spec_of,
)

ROOT = Path(__file__).resolve().parents[2]
# These ask no portal, so they take no connection options and are in no action group.
OFFLINE = {"docspace_backup_file_info", "docspace_backup_file_prune"}
# The code of these is an action, which runs the others.
ACTIONS = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")}
FOUND = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
MODULES = sorted(FOUND - OFFLINE - ACTIONS)
PREFIX, ANSIBLE = "onlyoffice.docspace.", "ansible.builtin."
# Of every module, by Ansible itself.
ANSIBLES = {"changed", "failed", "msg", "invocation", "warnings"}
PYTHON_TYPES = {"str": str, "int": int, "bool": bool, "dict": dict, "list": list, "float": float}

Play = Callable[..., dict[str, Any]]


def document(module: str, name: str) -> Any:
    """DOCUMENTATION, EXAMPLES or RETURN of a module."""
    return yaml.safe_load(getattr(import_module(f"{COLLECTION}.plugins.modules.{module}"), name))


def documented(module: str) -> dict[str, Any]:
    """The documentation with its fragments, as ansible-doc puts them together."""
    own: dict[str, Any] = document(module, "DOCUMENTATION")
    options: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for fragment in own["extends_documentation_fragment"]:
        place = COLLECTION if fragment.startswith(PREFIX) else "ansible"
        file, _dot, part = fragment.removeprefix(PREFIX).removeprefix(ANSIBLE).partition(".")
        found = import_module(f"{place}.plugins.doc_fragments.{file}").ModuleDocFragment
        text = yaml.safe_load(getattr(found, part.upper() or "DOCUMENTATION"))
        options.update(text.get("options", {}))
        attributes.update(text.get("attributes", {}))
    for name, values in own.get("attributes", {}).items():
        attributes[name] = {**attributes.get(name, {}), **values}
    for name, option in own["options"].items():
        options[name] = {**options.get(name, {}), **option}
    return {**own, "options": options, "attributes": attributes}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A portal with a history, at the tests' time."""
    with Simulator(HISTORY, clock=DrivenClock(NOW)) as simulator:
        yield simulator


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    """Run a scenario's module against a simulator, whose time goes on while it waits."""

    def play(sim: Simulator, scenario: Scenario, **how: Any) -> dict[str, Any]:
        clock = Clock(sim.clock.now())
        clock.on_sleep = sim.advance
        secrets = (sim.key, sim.portal.password, STORAGE_SECRET)
        options = {"url": sim.url, "api_key": sim.key, **scenario.options}
        options = {
            name: str(tmp_path) if value == FOLDER else value(sim) if callable(value) else value
            for name, value in options.items()
            if value is not None
        }
        outcome = run_module(scenario.module, options, monkeypatch=monkeypatch, clock=clock, **how)
        return check_outcome(outcome, secrets)

    return play


def named(scenarios: list[Scenario]) -> list[Any]:
    return [pytest.param(one, id=f"{one.module}: {one.name}") for one in scenarios]


def writes(sim: Simulator) -> list[str]:
    return [f"{one.method} {one.path}" for one in sim.requests if one.method != "GET"]


def test_there_are_modules_and_each_has_scenarios() -> None:
    assert MODULES
    assert {scenario.module for scenario in SCENARIOS} == set(MODULES)


@pytest.mark.parametrize("scenario", named(SCENARIOS))
def test_what_comes_of_it(scenario: Scenario, sim: Simulator, play: Play) -> None:
    """The table itself is right, and a second run changes nothing where that is promised."""
    scenario.arrange(sim)
    sim.log.clear()
    result = play(sim, scenario)
    assert result.get("failure", {}).get("code") == scenario.code, result.get("msg")
    if scenario.code is None:
        assert result["changed"] is scenario.changed
        assert writes(sim) or not scenario.changed, "a change takes a write"
    if scenario.code is None and scenario.repeats is not None:
        assert play(sim, scenario)["changed"] is scenario.repeats


@pytest.mark.parametrize("scenario", named(SCENARIOS))
def test_a_dry_run_writes_nothing_and_predicts_the_real_run(
    scenario: Scenario, sim: Simulator, play: Play
) -> None:
    scenario.arrange(sim)
    sim.log.clear()
    before = sim.state()
    dry = play(sim, scenario, check_mode=True, diff=True)
    assert sim.requests or scenario.code == "guard", "it looked at nothing"
    assert writes(sim) == []
    assert sim.state() == before
    if scenario.surprises:
        assert not dry.get("failed")
        return
    real = play(sim, scenario, diff=True)
    assert set(dry) == set(real)
    for key in set(dry) - set(scenario.unknown):
        assert dry[key] == real[key], key
    # What only the server can give is null, or it is the same.
    for key in {"backup", "task"} & set(scenario.unknown):
        assert dry[key] is None or set(dry[key]) == set(real[key])


@pytest.mark.parametrize("module", MODULES)
def test_returned_keys_are_those_documented(module: str, play: Play) -> None:
    described = document(module, "RETURN")
    seen: set[str] = set()
    own = [one for one in SCENARIOS if one.module == module]
    wrong = {**own[0].options, "api_key": "sk-wrong"}
    for scenario in [*own, own[0]._replace(name="wrong key", options=wrong)]:
        for check_mode in (False, True):
            with Simulator(HISTORY, clock=DrivenClock(NOW)) as sim:
                scenario.arrange(sim)
                # So that there is something to say in the log.
                sim.fault("status", method="GET", status=503, times=1)
                result = play(sim, scenario, check_mode=check_mode, verbosity=1)
            keys = set(result) - ANSIBLES
            assert keys <= set(described), f"{scenario.name}: not documented"
            seen |= keys
            for key in keys:
                compare(result[key], described[key], f"{scenario.name}: {key}")
    assert seen == set(described), "documented, and never returned"


def compare(value: Any, described: Mapping[str, Any], where: str) -> None:
    """A value is of the type that is documented, and has just the keys that are."""
    if value is None:
        return
    assert value.__class__ is PYTHON_TYPES[described["type"]], where
    contains = described.get("contains")
    items: list[Any] = value if isinstance(value, list) else [value]
    for item in items:
        if "elements" in described:
            assert item.__class__ is PYTHON_TYPES[described["elements"]], where
        if contains:
            assert set(item) == set(contains), where
            for key, inner in contains.items():
                compare(item[key], inner, f"{where}.{key}")


@pytest.mark.parametrize("module", [*MODULES, *sorted(OFFLINE)])
def test_samples_have_the_keys_that_are_documented(module: str) -> None:
    for key, described in document(module, "RETURN").items():
        assert described["description"] and described["returned"]
        compare(described["sample"], described, f"{module}: {key}")


@pytest.mark.parametrize("module", [*MODULES, *sorted(OFFLINE)])
def test_documented_options_are_those_of_the_spec(module: str) -> None:
    options, spec = documented(module)["options"], spec_of(module)["argument_spec"]
    assert set(options) == set(spec)
    for name, option in options.items():
        described = {
            "type": option.get("type", "str"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "aliases": option.get("aliases", []),
            "elements": option.get("elements"),
        }
        taken = {
            "type": spec[name].get("type", "str"),
            "required": spec[name].get("required", False),
            "default": spec[name].get("default"),
            "choices": spec[name].get("choices"),
            "aliases": spec[name].get("aliases", []),
            "elements": spec[name].get("elements"),
        }
        assert described == taken, name
        assert option["description"], name


@pytest.mark.parametrize("module", MODULES)
def test_secret_options_are_marked(module: str) -> None:
    spec = spec_of(module)["argument_spec"]
    secret = {name for name in spec if re.search("key|password|secret|token", name)}
    assert {"api_key", "password"} <= secret
    assert {name for name in secret if spec[name].get("no_log") is not True} == set()


@pytest.mark.parametrize("module", MODULES)
def test_attributes(module: str) -> None:
    attributes = documented(module)["attributes"]
    for name in ("check_mode", "diff_mode", "idempotent", "action_group"):
        assert attributes[name]["description"]
        assert attributes[name]["support"] in ("full", "partial", "none", "N/A")
        if attributes[name]["support"] in ("partial", "none"):
            assert attributes[name]["details"], f"{name}: say why"
    assert attributes["check_mode"]["support"] == "full"
    assert attributes["action_group"]["membership"] == ["onlyoffice.docspace.docspace"]
    assert spec_of(module)["supports_check_mode"] is True
    own = [scenario for scenario in SCENARIOS if scenario.module == module]
    repeats = any(scenario.repeats for scenario in own)
    assert (attributes["idempotent"]["support"] == "full") is not repeats
    changes = any(scenario.changed for scenario in own)
    assert attributes["diff_mode"]["support"] == ("full" if changes else "N/A")


@pytest.mark.parametrize("scenario", named([one for one in SCENARIOS if one.changed]))
def test_what_changes_shows_a_diff(scenario: Scenario, sim: Simulator, play: Play) -> None:
    scenario.arrange(sim)
    diff = play(sim, scenario, check_mode=True, diff=True)["diff"]
    assert diff.get("prepared") or diff["before"] != diff["after"]


@pytest.mark.parametrize("module", sorted(OFFLINE))
def test_a_module_that_asks_no_portal_takes_no_connection(module: str) -> None:
    given = spec_of(module)
    assert given["supports_check_mode"] is True
    assert not {"url", "api_key", "password"} & set(given["argument_spec"])
    attributes = documented(module)["attributes"]
    assert attributes["check_mode"]["support"] == "full" and "action_group" not in attributes


def test_the_action_group_is_complete() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert sorted(runtime["action_groups"]["docspace"]) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_an_answer_that_echoes_secrets_shows_none(module: str, play: Play) -> None:
    """`check_outcome` looks for them in the result, the output and the log."""
    scenario = next(one for one in SCENARIOS if one.module == module and one.code is None)
    with Simulator(HISTORY, clock=DrivenClock(NOW)) as sim:
        words = f"no such key: {sim.key}"
        answer = {"error": {"message": words}, "status": 1, "statusCode": 500}
        sim.fault("answer", status=500, body=answer)
        result = play(sim, scenario, verbosity=4, diff=True)
    assert "no such key: " in result["msg"]


@pytest.mark.parametrize("scenario", named([one for one in SCENARIOS if one.code is None]))
def test_a_pairs_secrets_are_shown_nowhere(scenario: Scenario, sim: Simulator, play: Play) -> None:
    scenario.arrange(sim)
    pair = {"api_key": None, "username": sim.portal.username, "password": sim.portal.password}
    result = play(
        sim, scenario._replace(options={**scenario.options, **pair}), verbosity=4, diff=True
    )
    assert not result.get("failed")
    assert {one.authorization for one in sim.requests[-1:]} <= {"Basic", ""}


@pytest.mark.parametrize("module", MODULES)
def test_a_wrong_key_is_an_auth_failure(module: str, sim: Simulator, play: Play) -> None:
    scenario = next(one for one in SCENARIOS if one.module == module and one.code is None)
    wrong = scenario._replace(options={**scenario.options, "api_key": "sk-wrong"})
    result = play(sim, wrong)
    assert result["failure"]["code"] == "auth"
    assert result["changed"] is False
    assert writes(sim) == []
