# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No part of a secret is shown, wherever a text is cut, however it is quoted, in every module."""

from __future__ import annotations

import html
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from ansible.module_utils import basic

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.connection import (
    secrets_in,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY, USER
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, row, task
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    Answer,
    Wire,
    failed,
    ok,
    plain_json,
    redirect,
)

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


# Each form of a dictionary that Ansible takes, or refuses.
FORMS = [
    pytest.param("a=5ecretone b='5ecret two'", "", id="pairs"),
    pytest.param('{"a": "5ecret\\"one"}', "", id="JSON"),
    pytest.param("{'a': '5ecretone'}", "", id="literal"),
    pytest.param({"a": "5ecretone"}, "", id="dictionary"),
    pytest.param({"a": {"b": "5ecretone"}}, "'a' must be text", id="nested"),
    pytest.param([{"key": "a", "value": "5ecretone"}], "must be a dictionary", id="list"),
    pytest.param("5ecretone", "must be a dictionary", id="text"),
    pytest.param("5ecret=a 5ecretone", "must be a dictionary", id="half"),
    pytest.param('{"a": "5ecretone"', "must be a dictionary", id="cut"),
    pytest.param("['5ecretone']", "must be a dictionary", id="another literal"),
]


@pytest.mark.parametrize(("value", "refusal"), FORMS)
@pytest.mark.parametrize("module", ["docspace_backup", "docspace_backup_schedule"])
def test_secrets_in_each_form(module: str, value: Any, refusal: str, wire: Wire, run: Run) -> None:
    """The invocation, which is in each result, shows the arguments as the module has them."""
    options, target = FIRST[module]
    if not refusal:
        wire.expect("GET", target, failed(400, "No."))
    result = run(module, storage_secrets=value, secrets=("5ecret",), verbosity=4, **options)
    assert result["failure"]["code"] == ("config" if refusal else "rejected"), result["msg"]
    assert refusal in result["msg"]


def test_a_refusal_is_readable_though_a_secret_is_short(run: Run) -> None:
    result = run("docspace_backup", storage_secrets=[{"a": "e"}], **LOCAL)
    assert result["msg"] == "storage_secrets: must be a dictionary; this can't be read as one."


@pytest.mark.parametrize("name", ["secretaccesskey", "Password", "sas_token", "account-key"])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_secret_among_the_other_parameters(
    name: str, as_text: bool, wire: Wire, run: Run
) -> None:
    given: Any = {"module": "S3", "bucket": "copies", name: "5ecret\\one"}
    given = json.dumps(given) if as_text else given
    wire.expect("GET", "getbackupprogress", failed(400, "No."))
    result = run("docspace_backup", storage_params=given, secrets=("5ecret",), **LOCAL)
    assert result["invocation"]["module_args"]["storage_params"]["bucket"] == "copies"


def test_what_is_no_secret_among_the_other_parameters(wire: Wire, run: Run) -> None:
    given = {"acl": "private-read", "password": "local", "secret": "2026-11"}
    wire.expect("GET", "getbackupprogress", failed(400, "No."))
    result = run("docspace_backup", storage_params=given, **LOCAL)
    assert result["invocation"]["module_args"]["storage_params"] == given


# Not written into a call: where tracebacks are on, a result shows the lines of this file.
PASSWORD_PART, ANY_PART = ("5ecret5",), ("5ecret",)


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read arguments as a module does: from ansible-core 2.19 on, a controller refuses surrogates."""

    def load() -> Any:
        given = json.loads(basic._ANSIBLE_ARGS)["ANSIBLE_MODULE_ARGS"]
        # Which of them ask for tracebacks is read here from ansible-core 2.19 on.
        monkeypatch.setattr(basic, "_PARSED_MODULE_ARGS", dict(given), raising=False)
        return given

    monkeypatch.setattr(basic, "_load_params", load)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("name", ["password", "username", "api_key", "url", "id", "retries"])
def test_an_unpaired_surrogate_in_an_option(name: str, run: Run) -> None:
    pair = {"api_key": None, "username": USER, "password": "5ecret5ecret"}
    given = {**(pair if name in pair else {}), name: "5ecret\ud800x"}
    result = run("docspace_backup", secrets=PASSWORD_PART, **given)
    assert result["failure"]["code"] == "config" and result["msg"].startswith(f"{name}: ")


PLACES = [
    ("docspace_backup", "storage_secrets", {"a": "5ecret\ud800"}),
    ("docspace_backup", "storage_params", {"a\udfff": "b"}),
    ("docspace_backup", "folder_id", "\udc80"),
    ("docspace_backup_restore", "confirm", "\ud800"),
    ("docspace_backup_download", "dest", "/srv/\udcff"),
    ("docspace_backup_file_info", "path", "/srv/\udcff"),
    ("docspace_backup_prune", "ids", [ONE, "\ud800"]),
]


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize(("module", "name", "value"), PLACES)
def test_an_unpaired_surrogate_in_each_module(module: str, name: str, value: Any, run: Run) -> None:
    """Nothing is sent."""
    alone = {"url": None, "api_key": None} if module == "docspace_backup_file_info" else {}
    result = run(module, secrets=ANY_PART, **{**alone, name: value})
    assert result["failure"]["code"] == "config" and result["msg"].startswith(f"{name}: ")


@pytest.mark.parametrize("variable", ["DOCSPACE_PASSWORD", "DOCSPACE_BASE_URL", "http_proxy"])
def test_an_unpaired_surrogate_in_the_environment(variable: str, run: Run) -> None:
    """A byte that isn't UTF-8 becomes one."""
    env = {
        "DOCSPACE_BASE_URL": "http://portal.example.com",
        "DOCSPACE_USERNAME": USER,
        "DOCSPACE_PASSWORD": "5ecret5ecret",
    }
    env[variable] = "http://5ecret\udcff@127.0.0.1:1"
    result = run("docspace_backup_info", url=None, api_key=None, env=env, secrets=("5ecret",))
    assert result["failure"]["code"] == "config"


# A key whose spelling differs wherever something encodes or escapes it.
ODD = "5ecret+/\"'&5ecret\u00e4;5ecret"
SPELLED = [
    ODD,
    quote(ODD),
    quote(ODD, safe=""),
    quote(ODD, safe="").lower(),
    quote_plus(ODD),
    json.dumps(ODD),
    repr(ODD),
    repr(ODD.encode()),
    html.escape(ODD),
    b64encode(f"{USER}:{ODD}".encode()).decode(),
]


@pytest.mark.parametrize("spelled", SPELLED)
@pytest.mark.parametrize("at", [0, 270, 290])
def test_other_spellings_of_a_password(spelled: str, at: int, wire: Wire, run: Run) -> None:
    wire.expect("GET", "getbackuphistory", failed(400, f"{'x' * at}{spelled} is no password"))
    pair = {"api_key": None, "username": USER, "password": ODD}
    result = run("docspace_backup_info", verbosity=4, secrets=(spelled[:12],), **pair)
    assert "5ecret" not in result["msg"]


def test_a_short_password_in_a_sentence(wire: Wire, run: Run) -> None:
    """Ansible masks it in the result, but not the half of it that a cut has left."""
    pair = {"api_key": None, "username": USER, "password": "5ecret"}
    for length in range(292, 301):
        wire.expect("GET", "getbackuphistory", failed(400, "x" * length + " 5ecret is no password"))
        run("docspace_backup_info", verbosity=4, secrets=("5ec",), **pair)


def test_a_redirect_that_repeats_a_secret(wire: Wire, run: Run) -> None:
    """Wherever it is cut, in each spelling, and divided by a character that is dropped."""
    pair = {"api_key": None, "username": USER, "password": ODD}
    latin = ODD.encode().decode("latin-1")
    places = [f"/{'x' * length}{quote(ODD)}" for length in range(170, 202, 3)]
    for place in (*places, f"/{latin}", f"http://{quote(ODD, safe='')}.example.com/"):
        wire.expect("GET", "getbackuphistory", redirect(place))
        result = run("docspace_backup_info", verbosity=4, secrets=("5ecret",), **pair)
        assert result["failure"]["code"] == "protocol" and "redirects" in result["msg"]
    wire.expect("GET", "getbackuphistory", redirect(f"/a/{KEY[:9]}\t{KEY[9:]}/"))
    run("docspace_backup_info", verbosity=4)


@pytest.mark.parametrize("length", range(25, 52, 3))
def test_an_encoding_that_repeats_a_key(length: int, wire: Wire, run: Run) -> None:
    encoding = {"Content-Encoding": "x" * length + KEY.upper() + "Secret"}
    wire.expect("GET", "getbackuphistory", Answer(200, b"{}", encoding))
    key = KEY.upper() + "Secret"
    result = run("docspace_backup_info", api_key=key, secrets=(key[:8], key[:8].lower()))
    assert result["failure"]["code"] == "protocol"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be", "latin-1"])
@pytest.mark.parametrize("status", [200, 400])
def test_json_in_another_encoding(encoding: str, status: int, wire: Wire, run: Run) -> None:
    """A key in it wouldn't be recognised, and RFC 8259 allows UTF-8 alone."""
    body = ok([row(fileName=f"\u00e4{KEY}.tar.gz")])
    if status == 400:
        body = failed(400, f"\u00e4 {KEY} is no key")
    text = json.dumps(json.loads(body.body), ensure_ascii=False)
    wire.expect("GET", "getbackuphistory", body._replace(body=text.encode(encoding)))
    result = run("docspace_backup_info", verbosity=4)
    assert result["failure"]["code"] == ("protocol" if status == 200 else "rejected")
    assert result["failure"]["detail"] is None


def test_utf_8_with_a_byte_order_mark(wire: Wire, run: Run) -> None:
    answer = ok([row()])
    wire.expect("GET", "getbackuphistory", answer._replace(body=b"\xef\xbb\xbf" + answer.body))
    assert run("docspace_backup_info")["count"] == 1


def test_a_task_that_repeats_a_key(wire: Wire, run: Run) -> None:
    """Also where its id is made lower case, or cut."""
    key = "sk-5ECRET0f7hetests"
    for identity in (key, "x" * 90 + key):
        repeated = {**task(), "taskId": identity, "error": key, "warning": f"{'x' * 290}{key}"}
        wire.expect("GET", "getbackupprogress", ok(repeated))
        wire.expect("GET", "getrestoreprogress?Dump=false", ok(repeated))
        secrets = (key[:9], key[:9].lower())
        run("docspace_backup_info", gather=["progress"], api_key=key, secrets=secrets)


def test_a_download_that_is_told_of_a_key(wire: Wire, run: Run, tmp_path: Path) -> None:
    """The progress with the link is masked, too, all but the link."""
    key = "sk-5ECRET0f7hetests"
    wire.expect("GET", "getbackuphistory", ok([]))
    failing = {**task(status=1), "taskId": key}
    wire.expect("GET", "getbackupprogress", ok(failing))
    result = run(
        "docspace_backup_download",
        check_mode=True,
        dest=str(tmp_path),
        api_key=key,
        secrets=(key[:9], key[:9].lower()),
    )
    assert result["task"]["id"] == "********"


HOSTILE_NAME = "a\x1b]0;title\x07\u202eb.tar.gz"


def test_the_name_of_a_local_file(run: Run, tmp_path: Path) -> None:
    """It reaches a terminal as little as a name that the server gives."""
    (tmp_path / HOSTILE_NAME).write_bytes(b"\x1f\x8b\x08")
    given = {"url": None, "api_key": None, "path": str(tmp_path)}
    secrets = ("\\u001b", "\\u202e", "\x1b", "\u202e")
    result = run("docspace_backup_file_info", secrets=secrets, **given)
    assert result["files"][0]["path"] == str(tmp_path / "a\ufffd]0;title\ufffd\ufffdb.tar.gz")


@pytest.mark.parametrize("content", [b"", b"no backup"])
def test_the_name_of_a_file_to_restore(content: bytes, run: Run, tmp_path: Path) -> None:
    source = tmp_path / HOSTILE_NAME
    source.write_bytes(content)
    result = run("docspace_backup_restore", src=str(source), confirm="127.0.0.1")
    assert result["failure"]["code"] == "guard"
    assert "a\ufffd]0;title" in result["msg"] and result["msg"].isprintable()


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("https://me:p%40ss@docs.example.com/a", {"me:p%40ss", "me:p@ss", "p%40ss", "p@ss"}),
        ("http:/me:pass@docs.example.com", {"me:pass", "pass"}),
        ("me:pass@docs.example.com", {"me:pass", "pass"}),
        ("https://docs.example.com/a?sig=a%2Fb&n", {"sig=a%2Fb&n", "sig=a/b&n", "a%2Fb", "a/b"}),
        ("https://docs.example.com/a?sig=a/b", {"sig=a/b", "a/b", "a%2Fb"}),
        ("https://docs.example.com/a#tok=en", {"tok=en", "en"}),
        ("https://docs.example.com/a", set()),
        ("", set()),
    ],
)
def test_what_of_an_address_is_secret(address: str, secrets: set[str]) -> None:
    found = secrets_in(address)
    assert secrets <= found <= secrets | {quote(secret, safe="") for secret in secrets}
    assert secrets_in(address, 5) == {secret for secret in found if len(secret) >= 5}
