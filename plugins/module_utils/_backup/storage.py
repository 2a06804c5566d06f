# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups are stored: the types of storage, the options for one, and what they mean.

Values in, values out. This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .._portal.errors import DocSpaceError, config_error
from .._portal.values import clean, is_common

# By our names, in the order of the server's numbers (C12): the server's names, one misspelled.
STORAGE_TYPES = {
    "documents": "Documents",
    "third_party_documents": "ThridpartyDocuments",
    "custom_cloud": "CustomCloud",
    "local": "Local",
    "data_store": "DataStore",
    "third_party_consumer": "ThirdPartyConsumer",
}
_BY_SERVER_NAME = {name.lower(): ours for ours, name in STORAGE_TYPES.items()}
# The right spelling, should a server have it.
_BY_SERVER_NAME["thirdpartydocuments"] = "third_party_documents"
_BY_NUMBER = {str(number): ours for number, ours in enumerate(STORAGE_TYPES)}

SPEC: dict[str, Any] = {
    "storage_type": {"type": "str", "choices": list(STORAGE_TYPES)},
    "folder_id": {"type": "str"},
    "path": {"type": "str"},
    "storage_params": {"type": "dict"},
    "storage_secrets": {"type": "dict", "no_log": True},
}


def parse_storage_type(value: Any) -> str:
    """Return our name for a number or name of the server (C12), and any other text as it is."""
    text = "unknown" if value is None else clean(value)[:100]
    return _BY_NUMBER.get(text) or _BY_SERVER_NAME.get(text.lower(), text)


CONSUMER = "third_party_consumer"
# Without `subdir`, the server stores manual copies in the first, scheduled ones in the second (C47).
SUBDIR, TENANT_SUBDIR = "backup", "<tenant>/backup"
# The parameters by which the server finds a copy in an object storage (C48). Some modules call
# their bucket a container.
_LOCATION = (
    *("module", "serviceurl", "bucket", "private_container", "public_container"),
    *("region", "subdir"),
)

_NEEDS = {
    "documents": ("folderId", "folder_id"),
    "third_party_documents": ("folderId", "folder_id"),
    "local": ("filePath", "path"),
    "third_party_consumer": ("module", "storage_params.module"),
}

# By code: what an error of the server means for storage options (C20, C21).
_REFUSED = {
    "not_found": "the folder doesn't exist. Check 'folder_id'",
    "forbidden": "not allowed. Check the access to this folder and to server-wide backups, and whether "
    "this portal may use this type of storage",
    "rejected": "these storage options don't match each other. Check 'storage_type' and 'folder_id'",
    # DocSpace 3.1 to 3.6 answer so for an unknown folder, too.
    "server": "most likely a parameter of the storage is missing, or the folder doesn't exist. Check "
    "'storage_params' and 'folder_id'",
}


class Storage(NamedTuple):
    """Where a new backup is stored."""

    type: str
    params: dict[str, str]
    secrets: dict[str, str]  # further parameters, which are never shown

    @property
    def all_params(self) -> dict[str, str]:
        """All parameters, for the server."""
        return {**self.params, **self.secrets}


def parse_storage(options: dict[str, Any]) -> Storage:
    """Check the options of `SPEC` by what the server requires (C20, C21)."""
    kind: str | None = options["storage_type"]
    if kind is None:
        raise config_error("storage_type: required to create a backup.")
    if kind == "custom_cloud":
        raise config_error(
            "storage_type: custom_cloud doesn't work on any DocSpace version; each backup fails "
            "with 'Unknown storage type.' Use third_party_consumer with the storage's 'module' in "
            "storage_params."
        )
    params: dict[str, str] = {}
    secrets: dict[str, str] = {}
    given = [
        (params, "folder_id", {"folderId": options["folder_id"]}),
        (params, "path", {"filePath": options["path"]}),
        (params, "storage_params", options["storage_params"] or {}),
        (secrets, "storage_secrets", options["storage_secrets"] or {}),
    ]
    for target, option, pairs in given:
        for key, value in pairs.items():
            if value is None and option in ("folder_id", "path"):
                continue
            if key in params:
                raise config_error(f"{option}: {key!r} is given twice. Set each parameter once.")
            target[str(key)] = _text(value, option, key)
            if kind == CONSUMER:
                _check_subdir(option, str(key), target[str(key)])
    for key, value in secrets.items():
        if is_common(value):
            raise config_error(
                f"storage_secrets: the value of {key!r} is too short or common to mask safely. Put "
                "non-secret values in storage_params."
            )
    key, option = _NEEDS.get(kind, ("", ""))
    value = params.get(key) or secrets.get(key) or ""
    if key and not value:
        raise config_error(f"{option}: required for storage_type {kind}.")
    numeric = value.lstrip("-").isdigit()
    if kind == "documents" and not numeric:
        raise config_error("folder_id: must be the number of a folder for storage_type documents.")
    if kind == "third_party_documents" and numeric:
        raise config_error(
            "folder_id: must be the ID of a folder in a connected third-party storage, such as 'sbox-1'. "
            "A number is a folder of Documents."
        )
    return Storage(kind, params, secrets)


def location(params: Mapping[str, str], *, scheduled: bool) -> dict[str, str]:
    """Return the place where the server looks for a copy with these parameters (C47, C48)."""
    found = {key: params[key] for key in _LOCATION if params.get(key, "").strip()}
    if "module" in found:
        found["module"] = found["module"].lower()
    return {"subdir": TENANT_SUBDIR if scheduled else SUBDIR, **found}


def location_differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the parameters by which two results of `location` differ."""
    return [key for key in _LOCATION if one.get(key) != other.get(key)]


def schedule_differences(
    storage_type: str, params: Mapping[str, str], schedule: Mapping[str, Any] | None
) -> list[str]:
    """Return the parameters by which a new backup and the schedule cost each other records (C48).

    A temporary backup isn't in an object storage, but hides copies without `subdir`.

    schedule: as `BackupApi.schedule` or docspace_backup_schedule returns it.
    """
    if schedule is None or schedule["storage_type"] != CONSUMER:
        return []
    scheduled = location(schedule["storage_params"], scheduled=True)
    if storage_type == CONSUMER:
        return location_differences(location(params, scheduled=False), scheduled)
    if storage_type == "data_store" and scheduled["subdir"] == TENANT_SUBDIR:
        return ["subdir"]
    return []


def explain_refusal(error: DocSpaceError, what: str) -> DocSpaceError:
    """Return an error with what it means for the storage options. what: failed, a sentence.

    Only for an error with the server's own words: others don't come from the storage (C8).
    """
    if error.detail and error.code in _REFUSED and error.status and not error.transient:
        return error.evolve(
            message=f"{what}: {_REFUSED[error.code]} (HTTP {error.status}). The portal says: "
            f"{error.detail}"
        )
    return error


def _check_subdir(option: str, key: str, value: str) -> None:
    """Reject a `subdir` that the server would ignore (C20), and so use another folder (C47)."""
    if key != "subdir" and key.strip().lower() == "subdir":
        raise config_error(f"{option}: {key!r} has no effect on the server. Write it as 'subdir'.")
    if key == "subdir" and not value.strip():
        raise config_error(f"{option}: 'subdir' is blank. Set a folder, or leave it out.")


def _text(value: Any, option: str, key: str) -> str:
    """Return a parameter as text, the only type that the server accepts (C20)."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise config_error(f"{option}: the value of {key!r} must be text or a number.")
