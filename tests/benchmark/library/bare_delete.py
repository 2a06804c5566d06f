# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: the least module that asks for a history, deletes a backup and ends. Checks nothing."""

from __future__ import annotations

import os

import requests
from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """One GET, one DELETE."""
    module = AnsibleModule({"id": {"type": "str", "required": True}})
    url = f"{os.environ['DOCSPACE_BASE_URL']}/api/2.0/backup"
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {os.environ['DOCSPACE_API_KEY']}"
        history = session.get(f"{url}/getbackuphistory", timeout=30).json()["response"]
        there = any(backup["id"] == module.params["id"] for backup in history)
        if there:
            session.delete(f"{url}/deletebackup/{module.params['id']}", timeout=30)
    module.exit_json(changed=there)


if __name__ == "__main__":
    main()
