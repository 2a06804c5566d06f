# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fleet_report reads from a folder of parts: regular files, of a limited length."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.onlyoffice.docspace.tests.preview.playing import load_filter

parts = load_filter("docspace_fleet_parts", "docspace_fleet_parts")
GOOD = json.dumps({"format": 1, "portals": [{"host": "one"}]})


def test_a_part_is_read(tmp_path: Path) -> None:
    (tmp_path / "part-one.json").write_text(GOOD)
    read = parts(str(tmp_path))
    assert read["error"] == "" and [report["host"] for report in read["reports"]] == ["one"]


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "circular link", "device", "huge"])
def test_what_is_not_read(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "part-two.json"
    (tmp_path / "part-one.json").write_text(GOOD)
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    elif kind == "link":
        (tmp_path / "real").write_text(GOOD)
        place.symlink_to(tmp_path / "real")
    elif kind == "circular link":
        place.symlink_to(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    else:
        place.touch()
        os.truncate(place, 4 * 1024**4)
    words = {"pipe": "isn't a regular file", "folder": "isn't a regular file"}
    expected = words.get(kind, "is longer than" if kind == "huge" else "it is a symbolic link")
    read = parts(str(tmp_path))
    assert read["reports"] == []
    assert str(place) in read["error"] and expected in read["error"]
