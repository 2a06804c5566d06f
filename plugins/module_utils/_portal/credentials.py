# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User name and password, and a key that is none. Loaded where no good key is given.

This file is private to the collection.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.common.validation import check_type_dict

from .errors import DocSpaceError, config_error
from .values import has_surrogate, is_common, spellings

# Names of parameters whose values are secrets, in dictionaries that aren't secret as a whole.
_SECRET = re.compile(
    "pass(word|phrase|wd)|secret|token|credential|signature|"
    "(access|acess|account|api|private|master|shared|customer|encryption)[_-]?key",
    re.IGNORECASE,
)
SHORTEST_SECRET = 8


def note_secrets(given: dict[str, Any], spec: dict[str, Any], secrets: set[str]) -> None:
    """Find the secrets among the arguments before anything is checked or logged.

    Ansible takes a dictionary that is given as text for one secret, and shows the values in it. So
    such a text is replaced by the dictionary. In a dictionary that isn't secret as a whole, values
    whose name says that they are secrets become secrets, too.
    """
    refused = None
    for option, rules in spec.items():
        for name in {option, *rules.get("aliases", ())} & given.keys():
            value = given[name]
            if rules.get("type") == "dict":
                try:
                    value = given[name] = _dictionary(value)
                except (TypeError, ValueError):
                    # Parts of it may be secrets, whatever their names.
                    secrets.update(_leaves(value))
                    refused = refused or name
            secret = bool(rules.get("no_log"))
            if secret or (rules.get("type") == "dict" and isinstance(value, dict)):
                secrets.update(_secrets_in(value, whole=secret))
    if refused is not None:
        raise config_error(f"{refused}: must be a dictionary; this can't be read as one.")


def _dictionary(value: Any) -> Any:
    """What is given for a dictionary; a TypeError or ValueError if it is neither that nor blank."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return value
    found = check_type_dict(value)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _secrets_in(value: Any, *, whole: bool) -> Iterator[str]:
    if whole:
        for secret in _leaves(value):
            yield from spellings(secret)
        return
    for key, item in value.items():
        for secret in _leaves(item) if _SECRET.search(str(key)) else ():
            if len(secret) >= SHORTEST_SECRET and not is_common(secret):
                yield from spellings(secret)


def _leaves(value: Any) -> Iterator[str]:
    """The texts in a value, numbers as text among them. Keys aren't."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    elif value not in (None, "") and not isinstance(value, bool):
        yield str(value)


def refuse_key() -> DocSpaceError:
    """The failure of a key that no header can carry."""
    return config_error(
        "api_key: empty, or with white space, a line break or a character that a header can't "
        "carry. Was it read from a file with its line end?"
    )


def from_pair(params: dict[str, Any], secrets: set[str]) -> str:
    """The header's value for basic authentication. A half that is missing comes from the environment."""
    user, password = params["username"], params["password"]
    user = os.environ.get("DOCSPACE_USERNAME") or None if user is None else user
    if password is None:
        password = os.environ.get("DOCSPACE_PASSWORD") or None
    if user is None and password is None:
        raise config_error(
            "No credentials: give 'api_key', or 'username' and 'password', or set "
            "DOCSPACE_API_KEY in the environment where the module runs."
        )
    if not user or not password:
        missing = "password" if user else "username"
        raise config_error(f"{missing}: missing; 'username' and 'password' go together.")
    odd = re.search(r"[\x00-\x1f\x7f]", user + password) or has_surrogate([user, password])
    if odd or ":" in user:
        raise config_error(
            "username, password: must be UTF-8 text without line breaks or other control "
            "characters, and the user name without a colon. Was one read from a file with its "
            "line end?"
        )
    basic = b64encode(f"{user}:{password}".encode()).decode()
    secrets |= {*spellings(password), *spellings(basic)}
    return f"Basic {basic}"
