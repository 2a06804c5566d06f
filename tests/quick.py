# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fast loop: format, lint, types, unit and contract tests on one Python, at the same time.

`make quick` runs all of it, `make quick FILE=tests/...` only the tests of that file or folder.
What it says is no promise that `make test` passes, which runs on more Pythons and in Ansible.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from antsibull_nox.collection import load_collection_data_from_disk, setup_current_tree

ROOT = Path(__file__).resolve().parent.parent
# Tests need the collection where Ansible looks for it.
PLACE = ROOT / ".nox" / "quick"
COPY = PLACE / "ansible_collections" / "onlyoffice" / "docspace"
CODE = ("noxfile.py", "playbooks", "plugins", "tests")
TESTS = ("tests/unit", "tests/contract")
# More than processors: half of their time, tests wait for an answer that is not to come.
WORKERS = "4"


class Done(NamedTuple):
    """A tool that has run."""

    name: str
    code: int
    seconds: float
    output: str


def run(name: str, *command: str) -> Done:
    """Run a tool of this Python's environment on the copy."""
    environment = {**os.environ, "PYTHONPATH": str(PLACE), "MYPYPATH": str(PLACE)}
    # Outside of the copy, which is made anew each time: to compile all tests takes seconds.
    environment["PYTHONPYCACHEPREFIX"] = str(PLACE / "compiled")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PLACE if name == "types" else COPY,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Done(name, done.returncode, time.monotonic() - began, done.stdout)


def tools(chosen: list[str]) -> dict[str, list[str]]:
    """What is to run. chosen: the tests that were asked for, none for all."""
    # mypy learns the names of modules from the folder that it starts in.
    mypy = ["mypy", "--explicit-package-bases", "--namespace-packages", "--no-color-output"]
    mypy += ["--config-file", str(COPY / "pyproject.toml"), "--cache-dir", str(PLACE / "mypy")]
    pytest = ["pytest", "--quiet", "--no-header"]
    if not chosen or any((ROOT / one).is_dir() for one in chosen):
        pytest += ["--numprocesses", WORKERS, "--dist", "worksteal"]
    # Git ignores the folder of the copy, and so would ruff.
    ruff = ["--no-cache", "--quiet", "--no-respect-gitignore"]
    commands = {
        "tests": [*pytest, *(chosen or TESTS)],
        "types": [*mypy, *(str((COPY / one).relative_to(PLACE)) for one in CODE)],
        "format": ["ruff", "format", *ruff, "--check", "--diff", *CODE],
        "lint": ["ruff", "check", *ruff, *CODE],
    }
    # Something of plugins, say, has no tests of its own.
    if chosen and not any(one.startswith("tests/") for one in chosen):
        del commands["tests"]
    return commands


def main(chosen: list[str]) -> int:
    """Run the tools at once. Gives the exit status."""
    PLACE.mkdir(parents=True, exist_ok=True)
    setup_current_tree(PLACE, load_collection_data_from_disk(ROOT))
    failed = 0
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(run, name, *command) for name, command in tools(chosen).items()]
        for future in as_completed(running):
            done = future.result()
            failed += done.code != 0
            if done.code:
                print(done.output.rstrip())
            summary = done.output.strip().splitlines()[-1:] if done.name == "tests" else []
            verdict = "FAILED" if done.code else "ok"
            print(f"{verdict:6} {done.name:6} {done.seconds:5.1f} s", *summary, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
