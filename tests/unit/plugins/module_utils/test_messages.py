# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task says when something of its surroundings isn't right: it names just that."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal import (
    http_session as imported,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.module import (
    missing_requests,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire, ok

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"


@pytest.mark.parametrize("env", [{}, {"DOCSPACE_BASE_URL": ""}])
def test_no_address_names_option_and_variable(env: dict[str, str], run: Run) -> None:
    result = run("docspace_backup_info", url=None, env=env)
    assert result["failure"]["code"] == "config"
    assert result["msg"].startswith("url: ") and "DOCSPACE_BASE_URL" in result["msg"]


@pytest.mark.parametrize(
    "variable", ["DOCSPACE_VALIDATE_CERTS", "DOCSPACE_CA_PATH", "DOCSPACE_BASE_URL"]
)
def test_an_empty_variable_counts_as_not_set(variable: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([]))
    assert run("docspace_backup_info", env={variable: ""})["count"] == 0


@pytest.mark.parametrize("value", [" ", "maybe", "no\n"])
def test_a_variable_that_is_no_boolean_is_named(value: str, run: Run) -> None:
    result = run("docspace_backup_info", env={"DOCSPACE_VALIDATE_CERTS": value})
    assert result["failure"]["code"] == "config"
    assert result["msg"].startswith(f"DOCSPACE_VALIDATE_CERTS: {value!r}")


@pytest.mark.parametrize("place", ["option", "environment"])
@pytest.mark.parametrize("blank", [" {}", "{} ", "{}\n", "\t{}"])
def test_white_space_around_the_address_is_named(
    blank: str, place: str, wire: Wire, run: Run
) -> None:
    url = blank.format(wire.url)
    if place == "option":
        result = run("docspace_backup_info", url=url)
    else:
        result = run("docspace_backup_info", url=None, env={"DOCSPACE_BASE_URL": url})
    assert result["failure"]["code"] == "config"
    assert result["msg"].startswith("url: has white space at an end.")


@pytest.mark.parametrize("blank", [" {}", "{} ", "{}\n"])
def test_white_space_around_the_confirmation_is_named(blank: str, run: Run) -> None:
    result = run("docspace_backup_restore", id=ONE, confirm=blank.format("127.0.0.1"))
    assert result["failure"]["code"] == "guard"
    assert result["msg"].endswith("Remove the white space around it.")


def test_another_wrong_confirmation_has_none(run: Run) -> None:
    result = run("docspace_backup_restore", id=ONE, confirm="docspace.example.com")
    assert result["failure"]["code"] == "guard"
    assert "white space" not in result["msg"]


class Finder:
    """Lets the import of one module fail."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "requests":
            raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModuleNotFoundError("No module named 'requests'"), None),
        (ImportError("cannot import name 'x'"), "ImportError: cannot import name 'x'"),
        (ModuleNotFoundError("No module named 'idna'"), "No module named 'idna'"),
        (RuntimeError("bad magic number"), "RuntimeError: bad magic number"),
        (SyntaxError("invalid syntax"), "SyntaxError: invalid syntax"),
    ],
)
def test_a_requests_that_cant_be_imported_is_named(
    error: Exception, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "requests")
    monkeypatch.setattr(sys, "meta_path", [Finder(error), *sys.meta_path])
    name = f"{imported.__name__}_again"
    spec = importlib.util.spec_from_file_location(name, imported.__file__)
    assert spec is not None and spec.loader is not None
    again = importlib.util.module_from_spec(spec)
    # Its classes look for their module there.
    monkeypatch.setitem(sys.modules, name, again)
    spec.loader.exec_module(again)
    message = missing_requests(again.REQUESTS_ERROR)
    assert "required Python library (requests)" in message
    assert (reason or "can't be imported") in message if reason else "It is there" not in message
