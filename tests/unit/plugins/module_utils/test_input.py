# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The portal's address, and all other input that is checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import PASSWORD
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, RECORD, row
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire, ok

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"


@pytest.mark.parametrize("option", ["url", "portal_url", "api_host"])
def test_names_of_the_address(option: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([]))
    assert not run("docspace_backup_info", **{"url": None, option: wire.url}).get("failed")


def test_the_address_of_the_environment(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([]))
    result = run("docspace_backup_info", url=None, env={"DOCSPACE_BASE_URL": wire.url})
    assert result["count"] == 0


def test_the_tasks_address_comes_before_that_of_the_environment(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([]))
    env = {"DOCSPACE_BASE_URL": "https://docspace.example.com"}
    assert run("docspace_backup_info", env=env)["count"] == 0


def test_no_address_at_all_names_the_variable(run: Run) -> None:
    result = run("docspace_backup_info", url=None)
    assert result["msg"].startswith("url: missing")
    assert "DOCSPACE_BASE_URL" in result["msg"]
    assert result["failure"]["code"] == "config"


@pytest.mark.parametrize(
    ("end", "prefix"),
    [
        ("", ""),
        ("/", ""),
        ("//", ""),
        ("/office", "/office"),
        ("/office/", "/office"),
        ("/a/b//", "/a/b"),
        # A double slash anywhere would be an empty 404 (C1).
        ("//a//b", "/a/b"),
        ("/Büro", "/B%C3%BCro"),
        ("/a%20b", "/a%20b"),
    ],
)
def test_path_prefixes(end: str, prefix: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", f"{prefix}/api/2.0/backup/{HISTORY}", ok([]))
    assert run("docspace_backup_info", url=wire.url + end)["count"] == 0


@pytest.mark.parametrize("scheme", ["HTTP", "Http"])
def test_the_scheme_in_any_case(scheme: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([]))
    assert run("docspace_backup_info", url=f"{scheme}://{wire.host}")["count"] == 0


REFUSED = [
    "",
    "/",
    "docspace.example.com",
    "docspace.example.com:443",
    "//docspace.example.com",
    "ftp://docspace.example.com",
    "file:///etc/passwd",
    "https:",
    "https://",
    "https:///path",
    "https://:443",
    "https:docspace.example.com",
    "https://docspace.example.com?a=b",
    "https://docspace.example.com/?",
    "https://docspace.example.com/#",
    "https://docspace.example.com/#/rooms",
    "https://docspace.example.com:0",
    "https://docspace.example.com:65536",
    "https://docspace.example.com:port",
    "https://[::1",
    "https://[evil]/",
    "https://docspace.example.com/a b",
    " https://docspace.example.com",
    "https://docspace.example.com\n",
    "https://docspace.example.com/\r\nX-Evil: 1",
    "https://docspace.example.com\\@evil.example",
]


@pytest.mark.parametrize("url", REFUSED)
def test_addresses_that_dont_do(url: str, run: Run) -> None:
    result = run("docspace_backup_info", url=url)
    assert result["failure"]["code"] == "config"
    assert "url" in result["msg"]


@pytest.mark.parametrize(
    ("login", "secrets"),
    [
        ("jane:5up3r5ecret", ("5up3r5ecret",)),
        ("jane:5up3r%2F5ecret", ("5up3r%2F5ecret", "5up3r/5ecret")),
        (":5up3r5ecret", ("5up3r5ecret",)),
        ("sk-5up3r5ecret", ("sk-5up3r5ecret",)),
        ("jane:5up3r@5ecret", ("5up3r@5ecret",)),
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http", "ftp"])
def test_credentials_in_the_address(
    scheme: str, login: str, secrets: tuple[str, ...], run: Run
) -> None:
    url = f"{scheme}://{login}@docspace.example.com/office"
    result = run("docspace_backup_info", url=url, secrets=secrets)
    assert result["failure"]["code"] == "config"
    assert "***@docspace.example.com" in result["msg"]


@pytest.mark.parametrize(
    ("host", "warns"),
    [
        ("localhost", False),
        ("LOCALHOST", False),
        ("127.0.0.1", False),
        ("127.1.2.3", False),
        ("[::1]", False),
        ("docspace.example.com", True),
        ("127.evil.example", True),
        ("127.0.0.1.evil.example", True),
        ("localhost.evil.example", True),
        ("192.0.2.7", True),
        ("[2001:db8::1]", True),
    ],
)
def test_plain_http_is_warned_of_when_it_leaves_the_machine(
    host: str, warns: bool, wire: Wire, run: Run
) -> None:
    # A proxy stands between, so that nothing is looked up and nothing leaves this machine.
    wire.expect("GET", f"http://{host.lower()}/api/2.0/backup/{HISTORY}", ok([]))
    result = run("docspace_backup_info", url=f"http://{host}", env={"http_proxy": wire.url})
    assert ("warnings" in result) == warns
    if warns:
        assert len(result["warnings"]) == 1
        assert "https" in result["warnings"][0]


def test_ids_of_ipv6_are_used_with_their_brackets(wire: Wire, run: Run) -> None:
    wire.expect("GET", f"http://[::1]:8080/office/api/2.0/backup/{HISTORY}", ok([]))
    env = {"http_proxy": wire.url}
    assert run("docspace_backup_info", url="http://[::1]:8080/office", env=env)["count"] == 0


# The forms that an id may have, all of them this one (C19).
@pytest.mark.parametrize(
    "text",
    [
        ONE,
        ONE.upper(),
        ONE.replace("-", ""),
        ONE.replace("-", "").upper(),
        f"{{{ONE}}}",
        f"{{{ONE.upper()}}}",
        f"{{{ONE.replace('-', '')}}}",
    ],
)
def test_ids(text: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    # Whatever was written, one form is sent.
    wire.expect("DELETE", f"deletebackup/{ONE}", ok(True))
    assert run("docspace_backup", id=text, state="absent")["backup"] == RECORD
    wire.expect("GET", HISTORY, ok([row()]))
    assert run("docspace_backup_info", id=text)["backups"] == [RECORD]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "latest",
        "1",
        ONE[:-1],
        ONE + "0",
        ONE.replace("2f", "2g"),
        f" {ONE}",
        f"{ONE} ",
        f"{ONE}\n",
        f"urn:uuid:{ONE}",
        f"{{{ONE}",
        f"{ONE}}}",
        f"({ONE})",
        f"{{{{{ONE}}}}}",
        ONE.replace("-", "", 1),
        ONE.replace("-", "_"),
        "2f4c-1e0a5b7d4c3e9a610d8e7f6b5a43",
        "2f4c1e0a5b7d-4c3e-9a61-0d8e7f6b5a43",
        f"{ONE}/../deletebackuphistory",
        f"{ONE}?x=1",
        "\uff12" + ONE[1:],
        "None",
        "0" * 500,
    ],
)
def test_ids_that_are_none(text: str, run: Run) -> None:
    for module, state in (
        ("docspace_backup", "absent"),
        ("docspace_backup", "present"),
        ("docspace_backup_info", None),
    ):
        result = run(module, id=text, state=state)
        assert result["failure"]["code"] == "config", (module, state)
        assert result["msg"].startswith("id: ")


def test_absent_without_an_id_is_refused_by_ansible(run: Run) -> None:
    result = run("docspace_backup", state="absent")
    assert "id" in result["msg"]
    assert "failure" not in result


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", "nan"),
        ("timeout", "inf"),
        ("timeout", 86401),
        ("retries", -1),
        ("limit", 0),
        ("limit", -1),
        ("newer_than", ""),
        ("newer_than", "30m"),
        ("newer_than", "-1d"),
        ("newer_than", "1.5d"),
        ("older_than", "yesterday"),
        ("older_than", "1d1d"),
        ("created_after", ""),
        ("created_after", "yesterday"),
        ("created_before", "2026-02-30"),
        ("created_before", "2026-13-01T00:00:00Z"),
        ("created_before", "1762300800"),
    ],
)
def test_values_that_dont_do(option: str, value: Any, run: Run) -> None:
    result = run("docspace_backup_info", **{option: value})
    assert result["failure"]["code"] == "config"
    assert result["msg"].startswith(f"{option}: ")


@pytest.mark.parametrize("unit", ["30m", "1d30m"])
def test_months_are_refused_with_advice(unit: str, run: Run) -> None:
    result = run("docspace_backup_info", older_than=unit)
    assert "30d" in result["msg"] and "720h" in result["msg"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("timeout", "soon"), ("retries", "often"), ("retries", 1.5), ("state", "gone"), ("force", 1)],
)
def test_values_that_ansible_refuses(option: str, value: Any, run: Run) -> None:
    result = run("docspace_backup", **{"id": ONE, option: value})
    assert result["failed"]
    assert "failure" not in result


@pytest.mark.parametrize("env", [False, True])
def test_a_ca_file_that_is_not_there(env: bool, run: Run, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    result = (
        run("docspace_backup_info", env={"DOCSPACE_CA_PATH": missing})
        if env
        else run("docspace_backup_info", ca_path=missing)
    )
    assert result["failure"]["code"] == "config"
    assert "ca_path" in result["msg"] and missing in result["msg"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_bad_input_is_found_in_check_mode_too(state: str, run: Run) -> None:
    result = run("docspace_backup", id="latest", state=state, check_mode=True)
    assert result["failure"]["code"] == "config"


def test_a_password_in_a_line_of_its_own_is_not_shown(run: Run) -> None:
    result = run("docspace_backup_info", api_key=None, username="jane", password=f"{PASSWORD}\n")
    assert result["failure"]["code"] == "config"
