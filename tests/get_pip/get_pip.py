# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the pip bootstrap script that `ansible-test --venv` downloads; see provide.py."""

from __future__ import annotations

import subprocess
import sys

# ensurepip brings setuptools along where get-pip.py would be told to leave it out: the options
# that say so are get-pip.py's own, and pip doesn't know them.
WANTED = [
    argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")
]

subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([sys.executable, "-m", "pip", "install", "--upgrade", *WANTED], check=True)
