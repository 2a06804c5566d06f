# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment of all tests: no home folder, settings or portal of the user's."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ansible_collections.onlyoffice.docspace.tests.isolation import environment_for_tests

# Now, because ansible-core reads its settings as soon as a test imports it.
_FOLDER = Path(tempfile.mkdtemp(prefix="docspace-tests-"))
_BEFORE = dict(os.environ)
os.environ.clear()
os.environ.update(environment_for_tests(_FOLDER, _BEFORE))


def pytest_unconfigure() -> None:
    """Remove what the tests left in their home folder."""
    shutil.rmtree(_FOLDER, ignore_errors=True)
