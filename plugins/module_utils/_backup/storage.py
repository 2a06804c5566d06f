# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where backups are stored: the server's types of storage, and the options that name one.

This file is private to the collection.
"""

from __future__ import annotations

from typing import Any

from .._portal.values import clean

# In the order of the server's numbers (C12). The second name is the server's, misspelled there.
STORAGE_TYPES = {
    "documents": "Documents",
    "third_party_documents": "ThridpartyDocuments",
    "custom_cloud": "CustomCloud",
    "local": "Local",
    "data_store": "DataStore",
    "third_party_consumer": "ThirdPartyConsumer",
}
_BY_SERVER_NAME = {name.lower(): ours for ours, name in STORAGE_TYPES.items()}
# Should a server spell it right, it is the same.
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
    """Our name for what the server writes as a number or a name (C12); others stay as they are."""
    text = "unknown" if value is None else clean(value)[:100]
    return _BY_NUMBER.get(text) or _BY_SERVER_NAME.get(text.lower(), text)
