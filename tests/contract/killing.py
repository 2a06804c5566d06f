# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs docspace_backup_download in processes of its own, and kills them where a test wants it.

Reads a line of JSON per run, `{"options": {...}, "kill_at": 7, "folder": "..."}`, and answers with
one: the process's exit status, and what it did up to there. A point is a request that is about to
be sent, or something that is about to happen to a file of the folder.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ansible.module_utils import basic

from ansible_collections.onlyoffice.docspace.plugins.modules import docspace_backup_download

WATCHED = {"open", "os.rename", "os.remove", "os.chmod", "os.truncate", "http.client.send"}


def watch(folder: str, kill_at: int, seen: int) -> None:
    """Tell of each point, and end the process without a warning at one of them."""
    points = 0

    def point(what: str) -> None:
        nonlocal points
        points += 1
        os.pwrite(seen, f"{what}\n".encode(), os.fstat(seen).st_size)
        if points == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(event: str, values: tuple[Any, ...]) -> None:
        if event not in WATCHED:
            return
        if event == "http.client.send":
            point(bytes(values[1]).decode("latin-1").partition(" HTTP")[0].partition("?")[0])
        elif str(values[0]).startswith(folder):
            point(f"{event} {Path(str(values[0])).name}")

    def wrapped(name: str) -> Any:
        usual = getattr(os, name)

        def call(file: int, *values: Any) -> Any:
            if str(Path(f"/proc/self/fd/{file}").readlink()).startswith(folder):
                point(name)
            return usual(file, *values)

        return call

    sys.addaudithook(hear)
    os.write, os.fsync = wrapped("write"), wrapped("fsync")


def run(order: dict[str, Any]) -> dict[str, Any]:
    """One run, in a process of its own."""
    out, seen = os.memfd_create("out"), os.memfd_create("seen")
    pid = os.fork()
    if pid == 0:
        os.dup2(out, 1)
        arguments = {"ANSIBLE_MODULE_ARGS": {"_ansible_verbosity": 1, **order["options"]}}
        basic._ANSIBLE_ARGS = json.dumps(arguments).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        watch(order["folder"], order["kill_at"], seen)
        docspace_backup_download.main()
    _pid, status = os.waitpid(pid, 0)
    text = os.pread(out, 10**6, 0).decode()
    points = os.pread(seen, 10**6, 0).decode().splitlines()
    os.close(out)
    os.close(seen)
    lines = [line for line in text.splitlines() if line.startswith("{")]
    result = json.loads(lines[0]) if lines else None
    return {"killed": os.WIFSIGNALED(status), "points": points, "result": result}


def main() -> None:
    # What is waited for comes at once: the portal's time goes on with each look.
    time.sleep = lambda _seconds: None
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        answers.write(json.dumps(run(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
