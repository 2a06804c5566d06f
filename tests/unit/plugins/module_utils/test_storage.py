# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a backup goes: what is refused before a request, and what is sent for each storage type.

All by whole runs of the two modules that take these options.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.storage import (
    STORAGE_TYPES,
    parse_storage_type,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import task
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Wire, ok

Run = Callable[..., dict[str, Any]]

SECRET = "st0rage5ecret"
# Both take the same options of storage.
MODULES = ["docspace_backup", "docspace_backup_schedule"]
DAILY = {"period": "daily", "hour": 3, "backups_stored": 5}
S3: dict[str, Any] = {"storage_type": "third_party_consumer", "storage_params": {"module": "s3"}}


def options(module: str, given: dict[str, Any]) -> dict[str, Any]:
    return {**(DAILY if module.endswith("schedule") else {"wait": False}), **given}


def refused(run: Run, module: str, **given: Any) -> str:
    """The message of a run that fails without a request: the wire expects none."""
    result = run(module, secrets=(SECRET,), verbosity=3, **options(module, given))
    assert result["failed"] is True
    assert result["failure"]["code"] == "config"
    assert result["failure"]["method"] is None
    assert result["changed"] is False
    return str(result["msg"])


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("given", "option", "says"),
    [
        ({"storage_type": "local"}, "path", "required"),
        ({"storage_type": "local", "path": ""}, "path", "empty"),
        ({"storage_type": "local", "storage_params": {"filepath": "/srv"}}, "path", "required"),
        ({"storage_type": "documents"}, "folder_id", "required"),
        ({"storage_type": "documents", "folder_id": ""}, "folder_id", "empty"),
        ({"storage_type": "documents", "folder_id": "sbox-1"}, "folder_id", "number"),
        ({"storage_type": "documents", "folder_id": "17a"}, "folder_id", "number"),
        ({"storage_type": "documents", "folder_id": "-"}, "folder_id", "number"),
        ({"storage_type": "documents", "folder_id": "1.5"}, "folder_id", "number"),
        ({"storage_type": "documents", "path": "/srv"}, "folder_id", "required"),
        ({"storage_type": "third_party_documents"}, "folder_id", "required"),
        ({"storage_type": "third_party_documents", "folder_id": "17"}, "folder_id", "number"),
        ({"storage_type": "third_party_documents", "folder_id": "-17"}, "folder_id", "number"),
        ({"storage_type": "third_party_consumer"}, "storage_params.module", "required"),
        (
            {"storage_type": "third_party_consumer", "storage_params": {"Module": "s3"}},
            "storage_params.module",
            "required",
        ),
        ({"storage_type": "custom_cloud"}, "storage_type", "Use third_party_consumer"),
        (
            {"storage_type": "custom_cloud", "storage_params": {"module": "s3"}},
            "storage_type",
            "Use third_party_consumer",
        ),
        *(
            (
                {**S3, "storage_params": {"module": "s3", key: "copies"}},
                "storage_params",
                "'subdir'",
            )
            for key in ("Subdir", "subDir", " subdir", "SUBDIR")
        ),
        ({**S3, "storage_secrets": {"Subdir": "copies"}}, "storage_secrets", "'subdir'"),
        *(
            ({**S3, "storage_params": {"module": "s3", "subdir": blank}}, "storage_params", "blank")
            for blank in ("", " ", "\t")
        ),
        (
            {**S3, "storage_params": {"module": "s3", "subdir": None}},
            "storage_params",
            "text or a number",
        ),
    ],
)
def test_what_a_storage_needs(
    given: dict[str, Any],
    option: str,
    says: str,
    module: str,
    check_mode: bool,
    wire: Wire,
    run: Run,
) -> None:
    message = refused(run, module, check_mode=check_mode, **given)
    assert message.startswith(f"{option}: ") and says in message


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("given", "option", "key"),
    [
        ({"path": "/a", "storage_params": {"filePath": "/a"}}, "storage_params", "filePath"),
        ({"path": "/a", "storage_secrets": {"filePath": "/b"}}, "storage_secrets", "filePath"),
        ({"folder_id": "1", "storage_params": {"folderId": "1"}}, "storage_params", "folderId"),
        (
            {"path": "/a", "storage_params": {"k": SECRET}, "storage_secrets": {"k": SECRET}},
            "storage_secrets",
            "k",
        ),
    ],
)
def test_a_parameter_is_given_once(
    given: dict[str, Any], option: str, key: str, module: str, wire: Wire, run: Run
) -> None:
    """The server answers the same key twice with 400 (C20)."""
    message = refused(run, module, storage_type="local", **given)
    assert message.startswith(f"{option}: ") and repr(key) in message and "twice" in message


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("option", ["storage_params", "storage_secrets"])
@pytest.mark.parametrize("value", [None, [], ["alpha"], {}, {"alpha": "beta"}])
def test_a_value_that_the_server_cannot_take(
    value: Any, option: str, module: str, wire: Wire, run: Run
) -> None:
    """A null is an internal error there (C20)."""
    message = refused(run, module, storage_type="data_store", **{option: {"odd": value}})
    assert message.startswith(f"{option}: ") and "'odd'" in message


@pytest.mark.parametrize("module", MODULES)
def test_a_type_that_is_none(module: str, wire: Wire, run: Run) -> None:
    """Ansible itself says so."""
    result = run(module, **options(module, {"storage_type": "Local", "path": "/a"}))
    assert result["failed"] is True and "storage_type" in result["msg"]


# What is given, and what goes over the wire.
SENT = [
    pytest.param({"path": "/a"}, "local", [("filePath", "/a")], id="local"),
    pytest.param(
        {"storage_params": {"filePath": "/a"}}, "local", [("filePath", "/a")], id="local by params"
    ),
    pytest.param({"folder_id": 17}, "documents", [("folderId", "17")], id="documents"),
    pytest.param({"folder_id": "-3"}, "documents", [("folderId", "-3")], id="negative folder"),
    pytest.param(
        {"storage_params": {"folderId": 17}}, "documents", [("folderId", "17")], id="by params"
    ),
    pytest.param(
        {"folder_id": "sbox-1"}, "third_party_documents", [("folderId", "sbox-1")], id="third party"
    ),
    pytest.param({}, "data_store", [], id="data store"),
    pytest.param(
        {
            "storage_params": {"module": "s3", "forcepathstyle": True, "usehttp": False},
            "storage_secrets": {"secretaccesskey": SECRET, "pin": 1234567.5},
        },
        "third_party_consumer",
        [
            *(("module", "s3"), ("forcepathstyle", "true"), ("usehttp", "false")),
            *(("secretaccesskey", SECRET), ("pin", "1234567.5")),
        ],
        id="consumer",
    ),
    pytest.param(
        {"storage_secrets": {"module": "selectel-private"}},
        "third_party_consumer",
        [("module", "selectel-private")],
        id="module as a secret",
    ),
    pytest.param(
        {"path": "/a", "storage_params": {"filepath": "/b", "empty": ""}},
        "local",
        [("filePath", "/a"), ("filepath", "/b"), ("empty", "")],
        id="keys have a case",
    ),
]


@pytest.mark.parametrize(("given", "kind", "pairs"), SENT)
def test_what_is_sent_for_a_backup(
    given: dict[str, Any], kind: str, pairs: list[tuple[str, str]], wire: Wire, run: Run
) -> None:
    """The type by the server's name, the parameters as a list of pairs of text (C20)."""
    body = {
        "storageType": STORAGE_TYPES[kind],
        "storageParams": [{"key": key, "value": value} for key, value in pairs],
    }
    wire.expect("GET", "getbackupprogress", ok(None))
    if kind in ("data_store", "third_party_consumer"):
        wire.expect("GET", "getbackupschedule", ok(None))
    wire.expect("POST", "startbackup", ok(task(status=0)), body=body)
    run("docspace_backup", storage_type=kind, wait=False, secrets=(SECRET,), **given)


@pytest.mark.parametrize(("given", "kind", "pairs"), SENT)
def test_what_is_sent_for_a_schedule(
    given: dict[str, Any], kind: str, pairs: list[tuple[str, str]], wire: Wire, run: Run
) -> None:
    if kind == "third_party_consumer":
        # The server adds it for a manual backup, but not for a schedule (C47).
        shown = len(given.get("storage_params", {}))
        pairs = [*pairs[:shown], ("subdir", "backup"), *pairs[shown:]]
    body = {
        "storageType": STORAGE_TYPES[kind],
        "storageParams": [{"key": key, "value": value} for key, value in pairs],
        "backupsStored": 5,
        "cronParams": {"period": "EveryDay", "hour": 3},
        "dump": False,
    }
    wire.expect("GET", "getbackupschedule", ok(None))
    wire.expect("POST", "createbackupschedule", ok(True), body=body)
    run("docspace_backup_schedule", storage_type=kind, secrets=(SECRET,), **DAILY, **given)


def test_the_servers_names_of_storage_types() -> None:
    """Misspelled where the server misspells (C12, C20)."""
    assert list(STORAGE_TYPES.values()) == [
        *("Documents", "ThridpartyDocuments", "CustomCloud"),
        *("Local", "DataStore", "ThirdPartyConsumer"),
    ]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *((number, name) for number, name in enumerate(STORAGE_TYPES)),
        *((str(number), name) for number, name in enumerate(STORAGE_TYPES)),
        *((server, name) for name, server in STORAGE_TYPES.items()),
        *((server.lower(), name) for name, server in STORAGE_TYPES.items()),
        *((99, "99"), ("99", "99"), ("Tape", "Tape"), ("", ""), (-1, "-1"), (True, "True")),
    ],
)
def test_a_type_is_read_in_all_its_forms(value: Any, name: str) -> None:
    assert parse_storage_type(value) == name
