# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The browser, for all tests of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ansible_collections.onlyoffice.docspace.tests.preview.browser import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A test that needs it fails without one, unless somebody says why it may be left out."""
    if why := os.environ.get("PREVIEW_SKIP_BROWSER"):
        pytest.skip(f"PREVIEW_SKIP_BROWSER: {why}")
    with Browser() as started:
        yield started
