# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fleet_report.yml needs to put the parts of a night together."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.local_files import (
    UnsafeFile,
    error_text,
    open_regular,
    read_at_most,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import (
    untrusted_filters,
)

# A thousand portals with some hundred copies each have less.
MOST_BYTES = 64 * 1024 * 1024


def parts(folder: str) -> dict[str, Any]:
    """The reports of all parts in a folder. What is wrong with them comes as ``error``."""
    try:
        return {"error": "", "reports": _join(Path(folder))}
    except ValueError as error:
        return {"error": str(error), "reports": []}


def _join(folder: Path) -> list[Any]:
    files = sorted(folder.glob("part-*.json"))
    if not files:
        raise ValueError(
            f"there is no part-NAME.json in {folder}. Run nightly with nightly_part and "
            "nightly_report_dir first."
        )
    whose: dict[str, str] = {}
    reports = []
    for file in files:
        for report in _read(file):
            host = report["host"]
            if host in whose:
                raise ValueError(
                    f"{whose[host]} and {file.name} both have the portal {host}. Remove the part "
                    "that is left over from another night."
                )
            whose[host] = file.name
            reports.append(report)
    return reports


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        descriptor = open_regular(str(file))
        try:
            text = read_at_most(descriptor, MOST_BYTES)
        finally:
            os.close(descriptor)
    except (OSError, UnsafeFile) as error:
        raise ValueError(f"{file} can't be read ({error_text(error)}).") from error
    if text is None:
        raise ValueError(f"{file} is longer than {MOST_BYTES} bytes. Remove it, or split the part.")
    try:
        content = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON. Write this part anew.") from error
    found = content.get("portals") if isinstance(content, dict) else None
    whole = isinstance(found, list) and all(
        isinstance(one, dict) and isinstance(one.get("host"), str) and one["host"] for one in found
    )
    if not isinstance(found, list) or not whole or content.get("format") != 1:
        raise ValueError(f"{file} is no part that nightly wrote. Write this part anew.")
    return [{"problems": [], **one} for one in found]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return untrusted_filters({"docspace_fleet_parts": parts})
