# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a whole module in this process, with a clock that doesn't wait, and looks at what it says."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings as recorded

from .wire import STACK

COLLECTION = "ansible_collections.onlyoffice.docspace"
KEY = "sk-5ecret0f7hetests"
USER = "jane@example.com"
PASSWORD = "pa55word:of the tests"
BASIC = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
LINK = "https://files.example.com/b.tar.gz?signature=51gned1ink"
NOW = datetime(2026, 11, 5, 12, 0, 0, tzinfo=timezone.utc)

# What the machine of the tests may have set, and what would steer a module.
STEERING = (
    *("DOCSPACE_BASE_URL", "DOCSPACE_API_KEY", "DOCSPACE_AUTH_TOKEN", "DOCSPACE_USERNAME"),
    *("DOCSPACE_PASSWORD", "DOCSPACE_VALIDATE_CERTS", "DOCSPACE_CA_PATH"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"),
)


UTILS = Path(__file__).parents[3] / "plugins" / "module_utils"
LAZY = [
    f"{COLLECTION}.plugins.module_utils.{path.parent.name}.{path.stem}"
    for path in sorted(UTILS.glob("_*/*.py"))
]


class Clock:
    """The time as modules see it: it goes on only when they sleep, and then at once.

    start: when it begins. on_sleep: is told how long, such as a simulator's `advance`.
    """

    def __init__(self, start: datetime = NOW) -> None:
        self._start = start
        self.sleeps: list[float] = []
        self.on_sleep: Callable[[float], None] = lambda seconds: None
        self._passed = 0.0

    def sleep(self, seconds: float) -> None:
        if not seconds >= 0:
            raise ValueError("sleep length must be non-negative")
        self.sleeps.append(seconds)
        self._passed += seconds
        self.on_sleep(seconds)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return 1000.0 + self._passed

    def time(self) -> float:
        return self.now().timestamp()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give it to all of the collection, and to nothing else."""
        clock = self
        # Also to what a module loads only when it needs it.
        for name in LAZY:
            if name not in sys.modules:
                import_module(name)

        class Frozen(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return clock.now().astimezone(tz)

        real: dict[str, Any] = {"sleep": time.sleep, "monotonic": time.monotonic}
        prefix = f"{COLLECTION}.plugins.module"
        for module in [one for name, one in list(sys.modules.items()) if name.startswith(prefix)]:
            if getattr(module, "time", None) is time:
                monkeypatch.setattr(module, "time", self)
            for attribute, function in real.items():
                if getattr(module, attribute, None) is function:
                    monkeypatch.setattr(module, attribute, getattr(self, attribute))
            if getattr(module, "datetime", None) is datetime and hasattr(module, "now"):
                monkeypatch.setattr(module, "datetime", Frozen)


class Outcome(NamedTuple):
    """What a module left: its result, how it ended, all it printed, all it logged."""

    result: dict[str, Any]
    code: Any
    output: str
    log: list[str]


def run_module(
    name: str,
    params: Mapping[str, Any],
    *,
    monkeypatch: pytest.MonkeyPatch,
    check_mode: bool = False,
    diff: bool = False,
    verbosity: int = 0,
    env: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> Outcome:
    """Run a module's main() as Ansible does. Its environment is empty but for `env`.

    name: a module of the collection, or the whole path of one of the tests' own. warnings in
    the result become a list of strings, whatever the version of ansible-core.
    """
    path = name if "." in name else f"plugins.modules.{name}"
    module = import_module(f"{COLLECTION}.{path}")
    log: list[str] = []
    with monkeypatch.context() as patch, _isolated(patch, log):
        for variable in STEERING:
            patch.delenv(variable, raising=False)
        for variable, value in (env or {}).items():
            patch.setenv(variable, value)
        (clock or Clock()).install(patch)
        internal = {
            "_ansible_check_mode": check_mode,
            "_ansible_diff": diff,
            "_ansible_verbosity": verbosity,
        }
        patch.setattr(sys, "argv", [name])
        printed, code = io.StringIO(), None
        with (
            _arguments({**params, **internal}, patch),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            try:
                module.main()
            except SystemExit as end:
                code = end.code
    output = printed.getvalue()
    lines = [line for line in output.splitlines() if line.startswith("{")]
    assert len(lines) == 1, f"not one result but {len(lines)}: {output}"
    result: dict[str, Any] = json.loads(lines[0])
    if "warnings" in result:
        result["warnings"] = [_text(warning) for warning in result["warnings"]]
    return Outcome(result, code, output, log)


def check_outcome(outcome: Outcome, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """What holds for each and every run: no secret, no stack trace, a failure of the right form."""
    result, code, output, log = outcome
    shown = output + "\n".join(log)
    for secret in (KEY, PASSWORD, BASIC, LINK, "51gned1ink", STACK, *secrets):
        assert secret not in shown, f"{secret!r} is shown"
    assert "Traceback" not in shown and "exception" not in result, shown
    assert isinstance(result.get("changed", False), bool)
    if not result.get("failed"):
        assert code == 0 and "failure" not in result
        return result
    assert code == 1 and 20 < len(result["msg"]) < 1000, result["msg"]
    if "failure" in result:
        assert set(result["failure"]) == {"code", "title", "status", "method", "path", "detail"}
        assert result["changed"] in (True, False)
    return result


def spec_of(module: str) -> dict[str, Any]:
    """What the module hands to AnsibleModule."""

    class Seen(Exception):
        pass

    def note(_module: Any, **given: Any) -> None:
        raise Seen(given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic.AnsibleModule, "__init__", note)
        with pytest.raises(Seen) as seen:
            import_module(f"{COLLECTION}.plugins.modules.{module}").main()
    given: dict[str, Any] = seen.value.args[0]
    if given.get("add_file_common_args"):
        given["argument_spec"] = {**basic.FILE_COMMON_ARGUMENTS, **given["argument_spec"]}
    return given


@contextlib.contextmanager
def _arguments(params: dict[str, Any], patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hand arguments over: ansible-core 2.19 and later have a helper, and need a profile."""
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:
        content = json.dumps({"ANSIBLE_MODULE_ARGS": params}).encode()
        patch.setattr(basic, "_ANSIBLE_ARGS", content)
        yield
    else:
        with patch_module_args(params):
            yield


@contextlib.contextmanager
def _isolated(patch: pytest.MonkeyPatch, log: list[str]) -> Iterator[None]:
    """A run of its own: no warnings of an earlier one, the log kept instead of sent to the system."""
    with contextlib.suppress(ImportError):
        from ansible.module_utils import _internal

        # Or ansible-core 2.19 hands warnings to the controller's display when that is loaded too.
        patch.setattr(_internal, "is_controller", False, raising=False)
    patch.setattr(basic, "has_journal", False)
    patch.setattr(basic.AnsibleModule, "_log_to_syslog", lambda module, text: log.append(text))
    recorded._global_warnings.clear()
    try:
        yield
    finally:
        recorded._global_warnings.clear()


def _text(warning: Any) -> str:
    return warning if isinstance(warning, str) else str(warning["event"]["msg"])
