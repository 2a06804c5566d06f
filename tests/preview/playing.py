# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook as a user does, with this checkout as the installed collection."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PREVIEW = "onlyoffice.docspace.retention_preview"


class Play(NamedTuple):
    """What came of a run. changed: how many tasks, -1 without a recap."""

    code: int
    changed: int
    text: str
    page: Path


def play(
    folder: Path,
    *options: str,
    playbook: str = PREVIEW,
    root: Path = ROOT,
    environ: Mapping[str, str] | None = None,
    **given: Any,
) -> Play:
    """Run a playbook in a folder. root: the collection. given: the extra variables."""
    with tempfile.TemporaryDirectory(prefix="docspace-preview-") as home:
        place = Path(home, "ansible_collections", "onlyoffice", "docspace")
        place.parent.mkdir(parents=True)
        place.symlink_to(root, target_is_directory=True)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ansible", "playbook", "--inventory", "localhost,"),
                *("--connection", "local", "--extra-vars", json.dumps(given)),
                *("--extra-vars", f"ansible_python_interpreter={sys.executable}"),
                *(*options, playbook),
            ],
            cwd=folder,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": home,
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "ANSIBLE_NOCOLOR": "true",
                "ANSIBLE_PIPELINING": "true",
                **(environ or {}),
            },
            check=False,
            timeout=300,  # a busy machine takes its time
            capture_output=True,
            text=True,
        )
    text = done.stdout + done.stderr
    changed = re.search(r"^localhost .*changed=(\d+)", text, re.MULTILINE)
    page = folder / given.get("preview_output", "retention_preview.html")
    return Play(done.returncode, int(changed.group(1)) if changed else -1, text, page)


def load_filter(file: str, name: str) -> Callable[..., Any]:
    """A filter that stands beside the playbooks; they are in no package."""
    path = ROOT / "playbooks" / "filter_plugins" / f"{file}.py"
    spec = importlib.util.spec_from_file_location(file, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    filters: dict[str, Callable[..., Any]] = module.FilterModule().filters()
    return filters[name]
