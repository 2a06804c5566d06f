# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what a request says: its query and its JSON body, as strictly as the server does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl

from .answers import Invalid, bad_argument, null_reference
from .state import DOCUMENTS, STORAGE_TYPES

PERIODS = ("EveryDay", "EveryWeek", "EveryMonth")


def query(text: str) -> dict[str, str]:
    """The query's members; their names are case-insensitive (C1)."""
    return {name.lower(): value for name, value in parse_qsl(text, keep_blank_values=True)}


def flag(values: Mapping[str, str], name: str) -> bool | None:
    """A boolean of the query: `true` and `false` in any case, nothing else (C2)."""
    value = values.get(name.lower())
    if value is None:
        return None
    if value.lower() not in ("true", "false"):
        wording = f"'{value}' is not valid for {name}" if value else "'' is invalid"
        raise Invalid(400, {name: [f"The value {wording}."]})
    return value.lower() == "true"


def moment(values: Mapping[str, str], name: str) -> datetime | None:
    """A time of the query."""
    value = values.get(name)
    if value is None:
        return None
    try:
        when = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        wording = f"The value '{value}' is not valid for {name.title()}."
        raise Invalid(400, {name: [wording]}) from None
    return when if when.tzinfo else when.replace(tzinfo=timezone.utc)


def json_body(content_type: str, body: bytes) -> dict[str, Any]:
    """The body's members; their names are case-insensitive at all levels (C20)."""
    if content_type.partition(";")[0].strip().lower() not in ("application/json", "text/json"):
        raise Invalid(415)
    if not body.strip():
        raise Invalid(400, {"": ["A non-empty request body is required."]})
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Invalid(400, {"$": [f"The JSON could not be read: {error}"]}) from None
    if value is None:
        raise Invalid(400, {"": ["A non-empty request body is required."]})
    if not isinstance(value, dict):
        raise not_a("$", "an object")
    return lower(value)


def lower(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its names in lower case."""
    return {name.lower(): item for name, item in value.items()}


def not_a(path: str, kind: str) -> Invalid:
    """A member of the wrong type."""
    return Invalid(400, {path: [f"The JSON value could not be converted to {kind}. Path: {path}"]})


def boolean(members: Mapping[str, Any], name: str) -> bool:
    """A JSON boolean; a string or null is refused."""
    value = members.get(name, False)
    if not isinstance(value, bool):
        raise not_a(f"$.{name}", "System.Boolean")
    return value


def whole(members: Mapping[str, Any], name: str, path: str) -> int | None:
    """A whole number, also as a string."""
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise not_a(path, "System.Int32")


def choice(members: Mapping[str, Any], name: str, path: str, names: Sequence[str]) -> int:
    """An enumeration: by name in any case, or by number; the first when missing."""
    value = members.get(name)
    if isinstance(value, str):
        known = [item.lower() for item in names]
        if value.lower() in known:
            return known.index(value.lower())
    try:
        return whole(members, name, path) or 0
    except Invalid:
        raise not_a(path, "an enumeration") from None


def storage_type(members: Mapping[str, Any]) -> int:
    """The storage; an unknown number passes here and fails later (C20)."""
    return choice(members, "storagetype", "$.storageType", STORAGE_TYPES) or DOCUMENTS


def period(members: Mapping[str, Any]) -> int:
    """The period of a schedule."""
    return choice(members, "period", "$.cronParams.period", PERIODS)


def storage_params(members: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """The list of key and value; a plain object is refused."""
    items = members.get("storageparams")
    if items is None:
        return []
    if not isinstance(items, list):
        raise not_a("$.storageParams", "a list of keys and values")
    pairs = []
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise not_a(f"$.storageParams[{number}]", "a key and a value")
        pair = lower(item)
        pairs.append((pair.get("key"), pair.get("value")))
    return pairs


def as_dictionary(pairs: Sequence[tuple[Any, Any]]) -> dict[str, str]:
    """The parameters as strings: a null breaks the server, a repeated key is refused (C20)."""
    params: dict[str, str] = {}
    for key, value in pairs:
        if key is None or value is None:
            raise null_reference()
        if str(key) in params:
            raise bad_argument(f"An item with the same key has already been added. Key: {key}")
        params[str(key)] = value if isinstance(value, str) else json.dumps(value)
    return params
