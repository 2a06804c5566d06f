# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All tests: the default sessions of noxfile.py, or those with a tag (`tests/whole.py matrix`), some
at the same time.

Most of them use one processor, and not all of it. The output of a session is shown when it has
ended, as a whole. `.venv/bin/nox -e NAME` runs one, and shows its output as it comes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
NOX = (sys.executable, "-m", "nox", "--reuse-venv", "yes", "--download-python", "never")
AT_ONCE = max(2, (os.cpu_count() or 2) // 2)
# Those that take longest begin first, or one of them would run alone at the end.
LONG = ("integration", "contract", "fleet", "units", "sanity", "preview", "oldest", "ansible")
# It only stands for others, which are in the list themselves.
STANDS_FOR_OTHERS = {"lint"}
# Says that all sessions once had what these files ask for.
INSTALLED = ROOT / ".nox" / "installed"
INSTALLS = ("noxfile.py", "antsibull-nox.toml", "requirements-dev.txt", "tests/**/requirements.txt")


class Done(NamedTuple):
    """A session that has run."""

    name: str
    code: int
    seconds: float
    output: str


def run(name: str, *options: str) -> Done:
    """Run a session."""
    print(f"----- {name} begins", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        [*NOX, *options, "--session", name],
        cwd=ROOT,
        # antsibull-nox then checks the formatting instead of changing files.
        env={**os.environ, "CI": "true"},
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return Done(name, done.returncode, time.monotonic() - began, done.stdout)


def sessions(tags: list[str]) -> list[str]:
    """The default sessions, or those with a tag, the longest first.

    Makes the Pythons callable on the way.
    """
    listing = [*NOX, "--list-sessions", "--json", *(("--tags", *tags) if tags else ())]
    output = subprocess.run(listing, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    names = [one["session"] for one in json.loads(output)]

    def place(name: str) -> int:
        kind = name.partition("-")[0]
        return LONG.index(kind) if kind in LONG else len(LONG)

    return sorted((name for name in names if name not in STANDS_FOR_OTHERS), key=place)


def digest() -> str:
    """Changes with what the sessions install."""
    files = sorted(file for pattern in INSTALLS for file in ROOT.glob(pattern))
    content = b"".join(file.read_bytes() for file in files)
    return hashlib.sha256(content + sys.version.encode()).hexdigest()


def main(tags: list[str]) -> int:
    """Run all. Gives the exit status."""
    state = digest()
    known = INSTALLED.exists() and INSTALLED.read_text(encoding="utf-8") == state
    options = ["--no-install"] if known and not tags else []
    began, ended = time.monotonic(), []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(run, name, *options) for name in sessions(tags)]
        try:
            for future in as_completed(running):
                done = future.result()
                ended.append(done)
                print(f"===== {done.name}\n{done.output.rstrip()}\n", flush=True)
        except KeyboardInterrupt:
            # Those that run were interrupted as well.
            pool.shutdown(wait=False, cancel_futures=True)
            return 130
    for done in sorted(ended, key=lambda one: one.code != 0):
        print(f"{'FAILED' if done.code else 'ok':6} {done.name:24} {done.seconds:5.0f} s")
    failed = sum(done.code != 0 for done in ended)
    print(f"{len(ended)} sessions, {failed} failed, {time.monotonic() - began:.0f} s")
    if not failed and not tags:
        INSTALLED.write_text(state, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
