# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a request says it is: from the task, from the environment, never from elsewhere."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    BASIC,
    KEY,
    PASSWORD,
    USER,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire, empty, ok

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"
BEARER = f"Bearer {KEY}"
OTHER = "sk-0ther5ecret"
OTHER_PASSWORD = "0ther pa55word"


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


API_KEY = {"DOCSPACE_API_KEY": OTHER}
TOKEN = {"DOCSPACE_AUTH_TOKEN": "t0ken0fthetests"}
PAIR = {"DOCSPACE_USERNAME": "joe@example.com", "DOCSPACE_PASSWORD": OTHER_PASSWORD}
OTHER_BASIC = basic("joe@example.com", OTHER_PASSWORD)

# What the task gives, what the environment has, the header that comes of it.
GOOD = [
    pytest.param({"api_key": KEY}, {}, BEARER, id="key"),
    pytest.param({"username": USER, "password": PASSWORD}, {}, f"Basic {BASIC}", id="pair"),
    pytest.param({"api_key": KEY}, {**API_KEY, **TOKEN, **PAIR}, BEARER, id="key first"),
    pytest.param(
        {"username": USER, "password": PASSWORD},
        {**API_KEY, **TOKEN, **PAIR},
        f"Basic {BASIC}",
        id="pair first",
    ),
    pytest.param({}, {**API_KEY, **TOKEN, **PAIR}, f"Bearer {OTHER}", id="key of environment"),
    pytest.param({}, {**TOKEN, **PAIR}, "Bearer t0ken0fthetests", id="token of environment"),
    pytest.param({}, PAIR, OTHER_BASIC, id="pair of environment"),
    pytest.param(
        {"username": USER}, {**API_KEY, **TOKEN, **PAIR}, basic(USER, OTHER_PASSWORD), id="user"
    ),
    pytest.param({"password": PASSWORD}, PAIR, basic("joe@example.com", PASSWORD), id="password"),
    pytest.param(
        {}, {"DOCSPACE_API_KEY": "", **TOKEN}, "Bearer t0ken0fthetests", id="empty is unset"
    ),
    pytest.param(
        {"username": "jürgen@example.com", "password": "paßwort"},
        {},
        basic("jürgen@example.com", "paßwort"),
        id="utf-8",
    ),
]


@pytest.mark.parametrize(("given", "env", "header"), GOOD)
def test_credentials(
    given: dict[str, str], env: dict[str, str], header: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok([]), headers={"Authorization": header})
    options = {"api_key": None, **given}
    secrets = (header.split()[1], OTHER, OTHER_PASSWORD, "t0ken0fthetests")
    result = run("docspace_backup_info", env=env, secrets=secrets, **options)
    assert result["count"] == 0


@pytest.mark.parametrize(("given", "env", "header"), GOOD)
def test_credentials_that_the_portal_echoes_are_hidden(
    given: dict[str, str], env: dict[str, str], header: str, wire: Wire, run: Run
) -> None:
    secret = header.split()[1]
    password = b64decode(secret).decode().partition(":")[2] if header[0:5] == "Basic" else secret
    body = json.dumps({"title": f"bad: {secret}, {password}."}).encode()
    wire.expect("GET", HISTORY, empty(400)._replace(body=body))
    options = {"api_key": None, **given}
    result = run("docspace_backup_info", env=env, secrets=(secret, password), **options)
    assert result["failure"]["code"] == "rejected"
    assert "bad: " in result["msg"]


NONE = [
    pytest.param({}, {}, id="nothing"),
    pytest.param({}, {"DOCSPACE_API_KEY": "", "DOCSPACE_PASSWORD": ""}, id="empty variables"),
    pytest.param({"username": USER}, {}, id="no password"),
    pytest.param({"username": USER}, {"DOCSPACE_USERNAME": "joe"}, id="user twice"),
    pytest.param({"password": PASSWORD}, {}, id="no user"),
    pytest.param({}, {"DOCSPACE_USERNAME": USER}, id="no password in environment"),
    pytest.param({}, {"DOCSPACE_PASSWORD": PASSWORD}, id="no user in environment"),
    # A key that the environment has is not asked for when the task begins a pair.
    pytest.param({"username": USER}, API_KEY, id="pair begun"),
    pytest.param({"username": USER, "password": ""}, {}, id="empty password"),
    pytest.param({"username": "", "password": PASSWORD}, {}, id="empty user"),
    pytest.param({"api_key": ""}, API_KEY, id="empty key"),
    pytest.param({"api_key": " "}, {}, id="blank key"),
    pytest.param({"api_key": "sk-a\n"}, {}, id="key with a line end"),
    pytest.param({"api_key": "sk-a\r\nX-Evil: 1"}, {}, id="key with a header"),
    pytest.param({"api_key": "Bearer sk-a"}, {}, id="key with its scheme"),
    pytest.param({"api_key": "sk-ä"}, {}, id="key that no header carries"),
    pytest.param({}, {"DOCSPACE_API_KEY": "sk-a\n"}, id="line end in environment"),
    pytest.param({"username": USER, "password": "pass\n"}, {}, id="password with a line end"),
    pytest.param({"username": "jane\n", "password": PASSWORD}, {}, id="user with a line end"),
    pytest.param({"username": "a:b", "password": PASSWORD}, {}, id="user with a colon"),
    pytest.param({"username": USER}, {"DOCSPACE_PASSWORD": "pass\n"}, id="line end in half"),
]


@pytest.mark.parametrize(("given", "env"), NONE)
def test_credentials_that_dont_do_fail_before_anything_is_sent(
    given: dict[str, str], env: dict[str, str], run: Run
) -> None:
    result = run("docspace_backup_info", env=env, **{"api_key": None, **given})
    assert result["failure"]["code"] == "config"
    assert result["failure"]["method"] is None


@pytest.mark.parametrize(
    ("half", "missing"), [({"username": USER}, "password"), ({"password": PASSWORD}, "username")]
)
def test_the_missing_half_is_named(half: dict[str, str], missing: str, run: Run) -> None:
    result = run("docspace_backup_info", api_key=None, **half)
    assert result["msg"].startswith(f"{missing}: missing")


@pytest.mark.parametrize(
    "given", [{"username": USER}, {"password": PASSWORD}, {"username": USER, "password": PASSWORD}]
)
def test_both_kinds_at_once_are_refused_by_ansible(given: dict[str, str], run: Run) -> None:
    result = run("docspace_backup_info", **given)
    assert "mutually exclusive" in result["msg"]
    assert "failure" not in result


def test_netrc_is_never_read(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = "machine 127.0.0.1 login evil password evil\ndefault login evil password evil\n"
    for name in (".netrc", "_netrc", "elsewhere"):
        (tmp_path / name).write_text(entry, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    wire.expect("GET", "getbackupprogress", ok(), headers={"Authorization": BEARER})
    # And also no request without credentials gets any.
    wire.expect("GET", "getrestoreprogress?Dump=false", ok(), headers={"Authorization": None})
    env = {"NETRC": str(tmp_path / "elsewhere"), "HOME": str(tmp_path)}
    result = run("docspace_backup_info", gather=["progress"], env=env)
    assert result["progress"] == {"backup": None, "restore": None}


def test_no_cookie_is_taken_along(wire: Wire, run: Run) -> None:
    """A session's cookie would be a credential, also for the request that must have none (C6)."""
    answer = ok()
    cookie = {**answer.headers, "Set-Cookie": "asc_auth_key=evil; path=/"}
    wire.expect("GET", "getbackupprogress", answer._replace(headers=cookie))
    wire.expect("GET", "getrestoreprogress?Dump=false", ok(), headers={"Cookie": None})
    assert not run("docspace_backup_info", gather=["progress"]).get("failed")


def test_the_environments_secrets_are_not_in_the_log_of_invocations(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([]))
    result = run("docspace_backup_info", env=API_KEY, secrets=(OTHER,), api_key=None, verbosity=4)
    # ansible-core 2.21 returns it only when the controller asks for it.
    invocation = result.get("invocation", {"module_args": {"api_key": None}})
    assert invocation["module_args"]["api_key"] is None
