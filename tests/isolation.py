# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environments for programs that tests start, without the user's files and settings.

Ansible writes to the home folder that HOME names and to the one in the password database, which
differ in many containers. Both are replaced here, and nowhere else: `tests/conftest.py` does it for
every test, and what isn't run by pytest calls `environment`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# ansible-test passes on nothing of the user's, and its plugins for pytest read their own variables.
ANSIBLE_TEST = "ANSIBLE_CONTROLLER_MIN_PYTHON_VERSION"
# The tests' own switches.
SWITCHES = ("DOCSPACE_RANDOM_", "DOCSPACE_SITE", "DOCSPACE_TEST_")
# Where requests would read credentials, authorities and proxies.
NETWORK = (
    "all_proxy",
    "curl_ca_bundle",
    "http_proxy",
    "https_proxy",
    "netrc",
    "requests_ca_bundle",
)


def environment(folder: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which all that Ansible writes is below a folder."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    # Without one, Ansible looks into the current folder, the home folder and /etc/ansible.
    config = home / "ansible.cfg"
    config.touch()
    base = os.environ if base is None else base
    keep_all = ANSIBLE_TEST in base
    kept = {
        name: value
        for name, value in base.items()
        if keep_all or not name.startswith(("ANSIBLE_", "XDG_"))
    }
    return {
        **kept,
        "HOME": str(home),
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_HOME": str(home / ".ansible"),
        # Their defaults begin with ~, for which Ansible asks the password database.
        "ANSIBLE_ASYNC_DIR": str(home / ".ansible_async"),
        "ANSIBLE_REMOTE_TMP": str(home / ".ansible" / "tmp"),
    }


def environment_for_tests(folder: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment that also names no portal and no proxy of the user's."""
    return {
        name: value
        for name, value in environment(folder, base).items()
        if name.startswith(SWITCHES)
        or not (name.startswith("DOCSPACE_") or name.lower() in NETWORK)
    }
