# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: a playbook to follow on the screen, on a simulated portal or on a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.demo import fleet
from tests.isolation import environment
from tests.simulator.simulator import Simulator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

ON_SIMULATOR = """\
This runs on a simulated portal on this machine. No real backup is touched.
"""
OUT_AND_BACK = """\
Now a copy out of this portal, and into a second one.
"""
ON_PORTAL = """\
This runs on {url}. It deletes {what}.
Reading a history lets any DocSpace drop the records whose file it can't find.
"""
NEXT = """
What to try next
{more}  * The guide "Delete a backup safely": docs/docsite/rst/guide_delete.rst
  * Your own playbook: README.md begins with one
"""
MORE_ON_SIMULATOR = """\
  * The simulator alone, for playbooks of your own:
      {python} -m tests.simulator
  * This on your portal. It only reads there, unless you name a backup:
      DOCSPACE_BASE_URL=https://docspace.example.com DOCSPACE_API_KEY=... make demo
"""
MORE_ON_PORTAL = """\
  * The delete itself, of a backup of the table that you can do without:
      make demo BACKUP_ID=...
"""


def main() -> int:
    """Run the demo; the answer is the exit code."""
    signal.signal(signal.SIGTERM, end)
    names = ("DOCSPACE_BASE_URL", "DOCSPACE_API_KEY")
    given = [name for name in names if os.environ.get(name)]
    backup_id = os.environ.get("BACKUP_ID", "").strip()
    if len(given) == 1:
        return refuse(f"only {given[0]} is set. Set both {' and '.join(names)}, or neither.")
    if backup_id and not given:
        return refuse(f"BACKUP_ID names a backup of your portal: set {' and '.join(names)} too.")
    try:
        if given:
            return on_portal(backup_id)
        return on_simulator()
    except KeyboardInterrupt:
        return 130


def on_simulator() -> int:
    """Everything, the delete included, and a look at what the portal saw."""
    # On a thread of this process, so that it can't outlive the demo.
    with Simulator("demo") as sim:
        environ = {
            # Nothing that was meant for a real portal, and no proxy before this machine.
            **without("DOCSPACE_", os.environ),
            "DOCSPACE_BASE_URL": sim.url,
            "DOCSPACE_API_KEY": sim.key,
            "no_proxy": "127.0.0.1",
            "NO_PROXY": "127.0.0.1",
        }
        oldest = min(sim.state()["backups"], key=lambda backup: backup["createdOn"])
        say(ON_SIMULATOR)
        code = play(environ, oldest["id"])
        if code != 0:
            return code
        deletes = [request.path for request in sim.requests if request.method != "GET"]
        reads = len(sim.requests) - len(deletes)
        say(f"The portal's own log: {reads} reads, {len(deletes)} write (the delete).")
        if len(deletes) != 1 or oldest["id"] not in deletes[0]:
            return refuse(f"expected one delete of {oldest['id']}, but the portal saw {deletes}")
        code = out_and_back(sim, environ)
        if code != 0:
            return code
    code = on_fleet(environ)
    if code != 0:
        return code
    python = Path(sys.executable)
    short = python.relative_to(ROOT) if python.is_relative_to(ROOT) else python
    say(NEXT.format(more=MORE_ON_SIMULATOR.format(python=short)))
    return 0


def out_and_back(sim: Simulator, environ: Mapping[str, str]) -> int:
    """A copy of the portal becomes a second one, and what that one got are the copy's bytes."""
    say(OUT_AND_BACK)
    folder = tempfile.TemporaryDirectory(prefix="docspace-copies-")
    with folder as place, Simulator(3, task_seconds=0.5) as second:
        sim.set(task_start_delay_ms=50, task_step_ms=40)
        there = {
            "DEMO_FOLDER": place,
            "DEMO_SECOND_URL": second.url,
            "DEMO_SECOND_KEY": second.key,
        }
        code = play({**environ, **there}, playbook="out_and_back.yml")
        copies = [path.read_bytes() for path in Path(place).glob("127*.tar.gz")]
        if code == 0 and copies != [second.portal.uploaded]:
            return refuse("the second portal wasn't given the bytes of the copy")
    return code


def on_fleet(environ: Mapping[str, str]) -> int:
    """Six portals in one night. The playbook has to fail, and for the two that are ill alone."""
    say(fleet.FLEET)
    with tempfile.TemporaryDirectory(prefix="docspace-fleet-") as place:
        there = {**environ, "DEMO_FOLDER": place}
        wrong = fleet.night(
            Path(place),
            lambda listed: play(there, "", "--inventory", str(listed), playbook="fleet.yml"),
        )
    return refuse(wrong) if wrong else 0


def on_portal(backup_id: str) -> int:
    """Only what the person named may go. Without a name it is a dry run from end to end."""
    what = f"one backup there, {backup_id}" if backup_id else "nothing: BACKUP_ID is not set"
    say(ON_PORTAL.format(url=os.environ["DOCSPACE_BASE_URL"], what=what))
    code = play(os.environ, backup_id, *([] if backup_id else ["--check"]))
    if code == 0:
        say(NEXT.format(more="" if backup_id else MORE_ON_PORTAL))
    return code


def play(
    environ: Mapping[str, str],
    backup_id: str = "",
    *options: str,
    playbook: str = "playbook.yml",
) -> int:
    """Run the playbook. It finds this checkout as an installed collection, and leaves nothing."""
    with tempfile.TemporaryDirectory(prefix="docspace-demo-") as home:
        place = Path(home, "ansible_collections", "onlyoffice", "docspace")
        place.parent.mkdir(parents=True)
        place.symlink_to(ROOT, target_is_directory=True)
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "ansible", "playbook", *options),
                *("--inventory", "localhost,", "--connection", "local"),
                *("--extra-vars", f"ansible_python_interpreter={sys.executable}"),
                str(HERE / playbook),
            ],
            env={
                **environment(Path(home), environ),
                "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": home,
                "DEMO_BACKUP_ID": backup_id,
            },
        ) as running:
            try:
                return running.wait()
            except BaseException:
                # Ctrl-C reaches the playbook too, but another signal only us.
                running.terminate()
                running.wait()
                raise


def without(prefix: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment less a family of variables."""
    return {name: value for name, value in environ.items() if not name.startswith(prefix)}


def end(_number: int, _frame: FrameType | None) -> NoReturn:
    """Ended from outside: go through every clean-up, as after Ctrl-C."""
    raise KeyboardInterrupt


def refuse(why: str) -> int:
    """The demo can't go on, or saw something wrong."""
    sys.stderr.write(f"demo: {why}\n")
    return 2


def say(text: str) -> None:
    """Print now: the playbook writes to the same screen."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
