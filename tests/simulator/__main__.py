# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the simulator: `python -m tests.simulator --help`."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from .fleet import (
    ILLS,
    UNKNOWN_KEY,
    Closed,
    Member,
    environment,
    furnish,
    inventory,
    some_ill,
)
from .settings import Settings, listing, parse
from .simulator import Simulator
from .versions import KNOWN

HELP = """\
A small ONLYOFFICE DocSpace on this machine, to try playbooks without a portal. Nothing is
stored: it all goes when it ends.

  python -m tests.simulator                    a dozen of backups, on a free port
  python -m tests.simulator --seed 1000        one backup a day, a thousand days back
  python -m tests.simulator --seed mine.json   a JSON list of backups, see below
  python -m tests.simulator --portals 100 --inventory fleet.yml
                                               a hundred portals, a few of them ill in some way
  python -m tests.simulator --server 3.6       as an older server answers

It prints lines for a shell, then serves until Ctrl-C:

  export DOCSPACE_BASE_URL=http://127.0.0.1:PORT
  export DOCSPACE_API_KEY=sk-...
"""

SEED_HELP = """\
A backup in a JSON list; every member is optional:
  {"id": "<uuid>", "storage_type": "Local", "age_days": 3, "file_name": "portal.tar.gz",
   "created": "2026-03-01T02:15:00Z", "expires": null, "owner": "server (dump)",
   "file_exists": true, "storage_params": {}, "scheduled": false, "paid": false}
Storage types: Documents, ThridpartyDocuments, CustomCloud, Local, DataStore, ThirdPartyConsumer.

Backup files are real archives: their links can be followed, they can be uploaded and restored.
tests/simulator/README.md explains faults, files and what else there is.

Tests order more under /simulator/ on the same port (reset, seed, set, apply, clock, faults,
requests, state): GET /simulator/ answers with addresses and keys.
"""


SWITCHES_HELP = """
Switches, with their defaults; the C-numbers stand in tests/contract/README.md:
"""


def ills() -> str:
    """What can be wrong with a portal."""
    lines = (f"  {name}: {text}" for name, text in ILLS.items())
    return "\n".join(["", "Portals that are ill (--ill):", *lines, ""])


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator",
        description=HELP,
        epilog=SEED_HELP + ills() + SWITCHES_HELP + listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 (default) takes a free one; more portals follow it")
    add("--seed", help="demo (default for one portal), empty, a number, or a JSON file")
    add(
        "--portals",
        type=int,
        default=1,
        metavar="N",
        help="how many, each on its own port; without --seed their histories differ",
    )
    add("--ill", metavar="KINDS", help=f"none, or of {','.join(ILLS)}; default: some of them")
    add("--inventory", metavar="FILE", help="write an Ansible inventory to FILE; - shows it")
    add("--key", metavar="SECRET", help="the API key to take; by default one is made")
    add("--read-only-key", action="store_true", help="print the key that may only read")
    add("--task-seconds", type=float, default=10.0, metavar="S", help="how long a backup takes")
    add("--write-env", type=Path, metavar="FILE", help="also write the lines to FILE when ready")
    add("--server", default="3.7", metavar="VERSION", help=f"{', '.join(map(str, KNOWN))} (3.7)")
    add(
        "--set",
        action="append",
        default=[],
        type=switch,
        dest="switches",
        metavar="NAME=VALUE",
        help="set a switch, see below; may be given often",
    )
    add("--certfile", help="serve TLS with this certificate")
    add("--keyfile", help="the certificate's key, when it is not in the same file")
    return parser


def switch(text: str) -> dict[str, Any]:
    """`--set`: a name and a value that fit."""
    try:
        values = parse(text)
        Settings().change(values)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return values


def write_whole(path: Path, text: str) -> None:
    """Write a file that others wait for: it is there complete, or not at all."""
    handle, name = tempfile.mkstemp(dir=path.absolute().parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def open_all(options: argparse.Namespace, stack: contextlib.ExitStack) -> list[Member]:
    """Start all portals; the stack stops them."""
    members = []
    alike = options.seed is not None or (options.portals == 1 and options.ill is None)
    ills = {} if alike else some_ill(options.portals, options.ill)
    for number in range(options.portals):
        ill = ills.get(number)
        port = options.port + number if options.port else 0
        name = f"portal{number + 1:03d}"
        if ill == "down":
            closed = Closed("127.0.0.1", port)
            stack.callback(closed.stop)
            members.append(Member(name, closed.url, UNKNOWN_KEY, ill))
            continue
        sim = Simulator(
            (options.seed or "demo") if alike else "empty",
            hosts=[f"{name}.example.test"],
            server=options.server,
            task_seconds=options.task_seconds,
            settings={k: v for values in options.switches for k, v in values.items()},
            port=port,
            certfile=options.certfile,
            keyfile=options.keyfile,
        )
        if options.key:
            sim.portal.add_key(secret=options.key, role="key")
        if not alike:
            furnish(sim, ill)
        stack.enter_context(sim)
        key = sim.portal.read_key if options.read_only_key else sim.key
        members.append(Member(name, sim.url, UNKNOWN_KEY if ill == "refused" else key, ill))
    return members


def tell(options: argparse.Namespace, members: list[Member]) -> None:
    """Say on the screen and in files that all is ready, and where."""
    lines, listed = environment(members), inventory(members)
    if options.inventory is None:
        shown = lines
    elif options.inventory == "-":
        shown = listed
    else:
        write_whole(Path(options.inventory), listed)
        shown = f"# {len(members)} portals, see {options.inventory}\n"
    sys.stdout.write(shown)
    sys.stdout.flush()
    if options.write_env:
        write_whole(options.write_env, lines)


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal comes."""
    parser = arguments()
    options = parser.parse_args(argv)
    if options.portals < 1:
        parser.error("--portals must be 1 or more")
    if options.key and not options.key.startswith("sk-"):
        parser.error("--key must begin with sk-, or the server takes it for a portal token")
    if options.seed is not None and options.ill is not None:
        parser.error("--ill has its own histories: leave --seed out")
    ended = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda _number, _frame: ended.set())
    try:
        if options.write_env:
            options.write_env.unlink(missing_ok=True)
        with contextlib.ExitStack() as stack:
            tell(options, open_all(options, stack))
            ended.wait()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot serve: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
