# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No part of a secret is shown, wherever a text is cut, however it is quoted, in every module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY, USER
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire, failed, plain_json

Run = Callable[..., dict[str, Any]]

LOCAL = {"storage_type": "local", "path": "/srv/backup"}
PLAN = {**LOCAL, "period": "daily", "hour": 3, "backups_stored": 5}
# A task of each module that asks a portal, and what it asks first.
FIRST: dict[str, tuple[dict[str, Any], str]] = {
    "docspace_backup": (LOCAL, "getbackupprogress"),
    "docspace_backup_download": ({"dest": "/"}, "getbackuphistory"),
    "docspace_backup_info": ({}, "getbackuphistory"),
    "docspace_backup_prune": ({"keep_last": 2}, "getbackuphistory"),
    "docspace_backup_restore": ({"id": ONE, "confirm": "127.0.0.1"}, "getbackuphistory"),
    "docspace_backup_schedule": (PLAN, "getbackupschedule"),
}
# Quoted, escaped or broken in two, it must not be seen either.
HARD = "a5ecret\\b'c5ecret\"d/5ecret<&>\u00e45ecret"


def shown(value: Any) -> list[str]:
    """All texts of a result, decoded."""
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in shown(item)]
    if isinstance(value, list):
        return [text for item in value for text in shown(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("module", sorted(FIRST))
def test_a_key_at_the_cut(module: str, wire: Wire, run: Run) -> None:
    """Wherever a message of the portal is cut, no part of the key is left before it."""
    options, target = FIRST[module]
    for length in (*range(300 - len(KEY) - 1, 302), 980, 999):
        wire.expect("GET", target, failed(400, "x" * length + KEY + " is no key"))
        result = run(module, secrets=(KEY[:6],), verbosity=3, **options)
        assert result["failure"]["code"] == "rejected"


def test_a_short_key_at_the_cut(wire: Wire, run: Run) -> None:
    """One of eight characters is hidden, too."""
    for length in range(290, 301):
        wire.expect("GET", "getbackuphistory", failed(400, "x" * length + "5ecret78 is no key"))
        run("docspace_backup_info", api_key="5ecret78", secrets=("5ec",), verbosity=3)


ERRORS: list[Callable[[str], Any]] = [
    lambda secret: {"a": [f"no {secret}", secret]},
    lambda secret: {"a": secret},
    lambda secret: {secret: ["wrong"]},
    lambda secret: {"a": {"b": [secret]}},
    lambda secret: [secret],
    lambda secret: {"a": ["x" * 290 + secret]},
]


@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("module", sorted(FIRST))
def test_a_password_in_a_list_of_errors(
    module: str, errors: Callable[[str], Any], wire: Wire, run: Run
) -> None:
    """Python's own way to show a list would escape it, so that nobody knows it again."""
    options, target = FIRST[module]
    problem = {"title": f"Bad: {HARD}", "status": 400, "errors": errors(HARD)}
    wire.expect("GET", target, plain_json(problem, 400))
    pair = {"api_key": None, "username": USER, "password": HARD}
    result = run(module, verbosity=4, **pair, **options)
    assert result["failure"]["code"] == "rejected" and "Bad: " in result["msg"]
    assert [text for text in shown(result) if "5ecret" in text] == []


ADDRESSES = [
    "https://docspace.example.com/?key=5ecret5ecret",
    "https://docspace.example.com/#access_token=5ecret5ecret",
    "https://docspace.example.com?a=1&key=5ecret%2F5ecret",
    "https://docspace.example.com?5ecret5ecret",
    "https://jane:5ecret5ecret@docspace.example.com",
    "https://jane:5ecret/5ecret@docspace.example.com",
    "https://5ecret5ecret@docspace.example.com:port",
    "jane:5ecret5ecret@docspace.example.com",
    "https:/jane:5ecret5ecret@docspace.example.com",
]
NAMES = ("url", "portal_url", "api_host", "DOCSPACE_BASE_URL")


# Each module with each address and each name, and each address by each name.
GIVEN = [
    pytest.param(module, NAMES[(at + number) % len(NAMES)], address, id=f"{module}-{number}")
    for at, module in enumerate(sorted(FIRST))
    for number, address in enumerate(ADDRESSES)
]


@pytest.mark.parametrize(("module", "name", "address"), GIVEN)
def test_what_an_address_gives_away(module: str, name: str, address: str, run: Run) -> None:
    """Ansible logs the arguments of a module before anybody has looked at them."""
    env = {name: address} if name.isupper() else {}
    given = {"url": None, **({} if env else {name: address}), **FIRST[module][0]}
    result = run(module, verbosity=4, env=env, secrets=("5ecret",), **given)
    assert result["failure"]["code"] == "config" and "url: " in result["msg"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_the_address_of_a_files_portal_gives_away(address: str, run: Run) -> None:
    options = {"url": None, "api_key": None, "path": "/", "portal": address}
    result = run("docspace_backup_file_info", verbosity=4, secrets=("5ecret",), **options)
    assert result["failure"]["code"] == "config" and "portal: " in result["msg"]
