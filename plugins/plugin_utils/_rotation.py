# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of one night of one portal, and what is wrong with it. No I/O.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils._backup.storage import CONSUMER, location, location_differences
from ..module_utils._portal.values import normalize_portal, parse_duration, portal_key

# Options of the action that are dictionaries.
DICTIONARIES = ("connection", "schedule", "make", "offsite", "prune")
OPTIONS = (*DICTIONARIES, "max_age", "fail")


class Wishes(NamedTuple):
    """What is wanted. None: that step isn't. mistakes: sentences; while there is one, nothing goes.

    address: the portal's, in its one spelling; empty when there is none that may be shown. limit:
    `max_age` in seconds, None when it can't be read. served: whether anything may be sent at all.
    """

    connection: dict[str, Any]
    schedule: dict[str, Any] | None
    make: dict[str, Any] | None
    offsite: dict[str, Any] | None
    keep: dict[str, Any]
    prune: dict[str, Any]
    max_age: str
    limit: int | None
    dump: bool
    address: str
    served: bool
    mistakes: list[str]

    @property
    def thins(self) -> bool:
        """Whether something is to go, were it allowed."""
        return self.served and bool(self.prune or self.keep)

    @property
    def plain(self) -> bool:
        """Whether the portal's own policy decides alone what goes, by the present time."""
        alone = self.served and self.offsite is None and not self.mistakes
        return alone and bool(self.prune) and "now" not in self.prune

    @property
    def offsite_dest(self) -> Any:
        """The folder for the copies, just as it was typed: only the modules expand it."""
        return (self.offsite or {}).get("dest")

    @property
    def makes_ahead(self) -> bool:
        """Whether a lasting backup is to be made that may be started now and waited for later."""
        make = self.make or {}
        lasts = str(make.get("storage_type") or "data_store") != "data_store"
        asked = self.served and not self.mistakes and not {"wait", "on_timeout"} & set(make)
        return asked and lasts


def read_wishes(given: Mapping[str, Any], twins: Callable[[str], list[str]]) -> Wishes:
    """Read the options of the action. An option that is left out is not in given.

    twins: tells of an address which hosts of the play lead there.
    """
    nulls = [
        f"backup_rotation_{name}" for name in OPTIONS if name in given and is_null(given[name])
    ]
    parts = {name: dict(given.get(name) or {}) for name in DICTIONARIES}
    offsite = parts["offsite"]
    keep = offsite.pop("keep", {})
    if is_null(keep):
        nulls.append("backup_rotation_offsite.keep")
    address = address_of(parts["connection"].get("url"))
    hosts = twins(address) if address else []
    max_age, limit = str(given.get("max_age", "")), None
    kinds = {
        boolean(part.get("dump", False), strict=False)
        for name, part in parts.items()
        if part and name != "connection"
    }
    mistakes = [f"{name}: it is null. Leave it out where it is not wanted." for name in nulls]
    if not address:
        mistakes.append(
            "backup_rotation_connection.url: give the address of the portal, such as "
            "https://docs.example.com, without credentials."
        )
    if len(hosts) > 1:
        mistakes.append(
            "backup_rotation_connection.url: another host of this play has the same one, so neither "
            f"is served. Leave one of them out: {', '.join(hosts)}."
        )
    try:
        limit = parse_duration(max_age, "max_age")
    except ValueError:
        if "backup_rotation_max_age" not in nulls:
            mistakes.append(
                "backup_rotation_max_age: write it like 26h, 2d or 1d12h, or as a number of seconds."
            )
    if len(kinds) > 1:
        mistakes.append(
            "dump: it must be the same in all steps, because one run works on one history."
        )

    different = _storage_differences(parts["make"], parts["schedule"])
    if different:
        mistakes.append(
            f"backup_rotation_make and backup_rotation_schedule: {', '.join(different)} of "
            "third_party_consumer must be the same in both, or the server drops the records of "
            "backups that it looks for in the wrong place. Nothing was sent."
        )

    def wanted(name: str) -> dict[str, Any] | None:
        return None if is_null(given.get(name)) else parts[name]

    return Wishes(
        connection=parts["connection"],
        schedule=wanted("schedule"),
        make=wanted("make"),
        offsite=wanted("offsite"),
        keep=dict(keep or {}),
        prune=parts["prune"],
        max_age=max_age,
        limit=limit,
        dump=True in kinds,
        address=address,
        served=bool(address) and len(hosts) < 2 and not different,
        mistakes=mistakes,
    )


def _storage_differences(make: Mapping[str, Any], schedule: Mapping[str, Any]) -> list[str]:
    """Which parameters of an object storage a backup and the schedule don't have in common."""
    kinds = {str(part.get("storage_type", "")) for part in (make, schedule)}
    if kinds != {CONSUMER} or schedule.get("state") == "absent":
        return []
    # A schedule without a subdir gets that of a manual copy from its module (C47).
    one, other = (location(storage_params(part), scheduled=False) for part in (make, schedule))
    return location_differences(one, other)


def storage_params(part: Mapping[str, Any]) -> dict[str, str]:
    """All parameters of the storage in the options of a module."""
    found: dict[str, str] = {}
    for option in ("storage_params", "storage_secrets"):
        given = part.get(option) or {}
        try:
            pairs = check_type_dict(given)
        except TypeError:  # the module refuses it
            continue
        found.update({str(key): str(value) for key, value in pairs.items()})
    return found


def is_null(value: object) -> bool:
    """Whether an option came out null: that is an empty text on ansible-core before 2.19."""
    return value is None or (isinstance(value, str) and value == "")


def options_of_role() -> dict[str, Any]:
    """The options of the role backup_rotation, as it has them in its argument_specs."""
    path = Path(__file__).parents[2] / "roles/backup_rotation/meta/argument_specs.yml"
    # libyaml, where it is there, takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as file:
        specs = yaml.load(file, Loader=loader)  # noqa: S506
    options: dict[str, Any] = specs["argument_specs"]["main"]["options"]
    return options


def address_of(url: object) -> str:
    """An address in its one spelling, empty for what is none, or may hold more than an address."""
    try:
        return normalize_portal("" if url is None else str(url))
    except ValueError:
        return ""


def addresses(variables: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, str]:
    """Where each host's portal is, in one pass; empty for a host of which that can't be read.

    variables: those of all hosts.
    """
    return {str(host): _address_in(variables, host) for host in hosts}


def shared(places: Mapping[str, str]) -> dict[str, list[str]]:
    """Find duplicate hosts: for each address that leads to the portal of several hosts, all of them.

    places: the address of each host, empty where there is none.
    """
    found: dict[tuple[str, int | None, str], list[str]] = {}
    for host, address in places.items():
        if address:
            found.setdefault(portal_key(address), []).append(host)
    return {places[host]: hosts for hosts in found.values() if len(hosts) > 1 for host in hosts}


def _address_in(variables: Mapping[str, Any], host: str) -> str:
    """A host's address: as it was settled in this play, or else as its variables have it."""
    try:
        own = variables[host]
        if "_backup_rotation_address" in own:
            return address_of(own["_backup_rotation_address"])
        return address_of(own["backup_rotation_connection"]["url"])
    except Exception:  # whatever Ansible raises: each release has errors of its own
        return ""
