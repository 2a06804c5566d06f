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
from typing import Any

from .errors import DocSpaceError, config_error


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
        secrets |= {password} if password else set()
    if user is None and password is None:
        raise config_error(
            "No credentials: give 'api_key', or 'username' and 'password', or set "
            "DOCSPACE_API_KEY in the environment where the module runs."
        )
    if not user or not password:
        missing = "password" if user else "username"
        raise config_error(f"{missing}: missing; 'username' and 'password' go together.")
    if re.search(r"[\x00-\x1f\x7f]", user + password) or ":" in user:
        raise config_error(
            "username, password: no line breaks or other control characters, and no colon in "
            "the user name. Was one read from a file with its line end?"
        )
    basic = b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape")).decode()
    secrets.add(basic)
    return f"Basic {basic}"
