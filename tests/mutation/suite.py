# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tests in a copy of the tree, in a process that has the slow imports done already."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import coverage
import pytest

PLACE = Path("ansible_collections", "onlyoffice", "docspace")
OPTIONS = (
    *("-q", "--tb=no", "-W", "ignore", "-p", "no:cacheprovider"),
    # A file may have the name of another one in another folder.
    "--import-mode=importlib",
)
FORK = multiprocessing.get_context("fork")
# A mutant that never ends may ask for memory for as long. A thread is given 8 MiB for its stack where
# nobody says less, and the tests' servers leave hundreds behind.
MEMORY, STACK = 4 << 30, 1 << 20


def copy_tree(tree: Path, base: Path) -> Path:
    """The files of a checkout, as they are now, where Ansible's collections are imported from."""
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    output = subprocess.run(("git", "-C", str(tree), *listed), capture_output=True, check=True)
    for name in filter(None, output.stdout.decode().split("\0")):
        if (tree / name).is_file():
            (base / PLACE / name).parent.mkdir(parents=True, exist_ok=True)
            (base / PLACE / name).write_bytes((tree / name).read_bytes())
    return base


def preload() -> None:
    """What the tests import but for the tree's own files: each fork has it then."""
    for name in ("requests", "ansible.module_utils.basic", "flask", "hypothesis", "trustme"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def start(base: Path, tests: list[str], *plugins: Any) -> Any:
    """Run pytest in a fork, in this copy; the process's exit code is that of pytest."""
    process = FORK.Process(target=_run, args=(base, tests, plugins), daemon=False)
    process.start()
    return process


def _run(base: Path, tests: list[str], plugins: tuple[Any, ...]) -> NoReturn:
    os.setsid()
    # In the background of a shell it is ignored, and the tests of interruptions fail.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    output = os.open(base / "output", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    for stream in (0, 1, 2):
        os.dup2(output, stream)
    threading.stack_size(STACK)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    os.chdir(base / PLACE)
    os.environ["PYTHONPATH"] = str(base)
    # The plain checkout that this was started in must not be found beside the copy.
    outside = [path for path in sys.path if "-packages" in path or path.startswith(sys.base_prefix)]
    sys.path[:] = [str(base), *outside]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    seed = ("--hypothesis-seed=0",) if find_spec("hypothesis") else ()
    code = pytest.main([*OPTIONS, *seed, *tests], plugins=plugins)
    # Threads of a broken test may hang.
    os._exit(int(code))


def end(process: Any) -> None:
    """Kill what is left of a run, with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


class Chosen:
    """Of the files that pytest was given, only these tests; the first that fails is enough."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)

    def pytest_configure(self, config: pytest.Config) -> None:
        config.option.maxfail = 1

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._names]


class Reach:
    """Which test reaches which line, and how long it takes: written to a file of coverage.

    Times and failures go beside it, as lines of `seconds outcome name`.
    """

    def __init__(self, base: Path, number: int) -> None:
        self._source = base / PLACE / "plugins"
        self._data = base / f"coverage.{number}"
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    def pytest_sessionstart(self) -> None:
        self._coverage = coverage.Coverage(
            data_file=str(self._data), source=[str(self._source)], config_file=False
        )
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        begun = time.monotonic()
        result = yield
        self._seconds[item.nodeid] = time.monotonic() - begun
        self._coverage.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self._failed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        self._coverage.save()
        lines = [
            f"{seconds:.3f} {'failed' if name in self._failed else 'passed'} {name}\n"
            for name, seconds in self._seconds.items()
        ]
        self._data.with_suffix(f"{self._data.suffix}.times").write_text("".join(lines))
