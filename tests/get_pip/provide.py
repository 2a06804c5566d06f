# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let `ansible-test --venv` work where its pip bootstrap script can't be downloaded.

ansible-test fetches the script from a host of the Ansible project, which a machine that only
reaches a package index can't. It looks into a cache first, so a few lines of our own go there
(get_pip.py), but only where the download fails, and never over a file that is there.

Run it with the Python that has ansible-core: which script is wanted depends on the release.
"""

from __future__ import annotations

import os
import re
import shutil
import types
import urllib.request
from pathlib import Path

import ansible_test
from ansible_test._internal.python_requirements import get_venv_packages
from ansible_test._util.target.common import constants

CACHE = Path("~/.ansible/test/cache").expanduser()
SOURCE = Path(ansible_test.__file__).parent / "_util" / "target" / "setup" / "requirements.py"


def wanted() -> set[str]:
    """The versions of pip that this ansible-test asks for, on the Pythons that modules run on."""
    pythons = constants.REMOTE_ONLY_PYTHON_VERSIONS + constants.CONTROLLER_PYTHON_VERSIONS
    return {
        get_venv_packages(types.SimpleNamespace(version=python))["pip"]
        for python in pythons
        if tuple(map(int, python.split("."))) >= (3, 9)  # python_requires in tests/config.yml
    }


def can_download(pip: str) -> bool:
    url = re.search(r"https://\S+/get-pip-%s\.py", SOURCE.read_text())
    if not url:
        return True  # it works in another way now: leave it alone
    try:
        with urllib.request.urlopen(url[0] % pip, timeout=10):
            return True
    except OSError:
        return False


for version in sorted(wanted()):
    script = CACHE / f"get_pip_{version.replace('.', '_')}.py"
    if script.exists() or can_download(version):
        continue
    CACHE.mkdir(parents=True, exist_ok=True)
    # In one step: sessions that run at the same time look for it too.
    new = script.with_suffix(f".{os.getpid()}")
    shutil.copyfile(Path(__file__).with_name("get_pip.py"), new)
    new.replace(script)
    print(f"The bootstrap script for pip {version} is out of reach: {script} does its work.")
