# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the benchmark: `python -m tests.benchmark --help`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from .report import machine

assert __package__


def cases() -> dict[str, ModuleType]:
    """The files of this folder that have a `main`."""
    names = [found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = {
        name: importlib.import_module(f"{__package__}.{name}") for name in names if name[0] != "_"
    }
    return {name: module for name, module in modules.items() if hasattr(module, "main")}


def main() -> int:
    """Run all cases, or those named. The timings decide nothing: 0 unless a case can't run."""
    known = cases()
    titles = {name: str(module.__doc__).partition("\n")[0] for name, module in known.items()}
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmark",
        description="Ratios between cases that take turns on this machine.",
        epilog="cases:\n" + "\n".join(f"  {name:13} {title}" for name, title in titles.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("case", nargs="*", help="all but the long ones unless named")
    usual = [name for name, module in known.items() if not getattr(module, "LONG", False)]
    chosen = parser.parse_args().case or usual
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}")
    sys.stdout.write(f"{machine()}\n")
    for name in chosen:
        sys.stdout.write(f"\n{name}: {titles[name]}\n\n")
        sys.stdout.flush()
        known[name].main()
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
