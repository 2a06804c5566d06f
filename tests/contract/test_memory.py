# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the API are read, or refused, within 512 MiB of memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Answer, Wire

MIB = 2**20
MOST = 512 * MIB
HISTORY = 100_000
# Reads the history with a limit on memory, and says what it was, and how much was used, in KiB.
SCRIPT = """
import json, re, resource, sys, pytest
from pathlib import Path
from ansible_collections.onlyoffice.docspace.tests.unit.plugins import harness
patch = pytest.MonkeyPatch()
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
given = {"url": sys.argv[1], "api_key": harness.KEY, "retries": 0}
outcome = harness.run_module("docspace_backup_info", given, monkeypatch=patch)
outcome.result.pop("backups", None)
# Not ru_maxrss, which a process inherits from the one that forked it.
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(json.dumps([outcome.result, int(peak[1])]))
"""


def run(answer: Answer) -> tuple[dict[str, Any], float]:
    """The result of reading the history in 512 MiB, and the peak of memory in MiB."""
    with Wire() as wire:
        wire.expect("GET", "getbackuphistory", answer)
        program = [sys.executable, "-c", SCRIPT, wire.url, str(MOST)]
        ended = subprocess.run(program, check=True, capture_output=True, timeout=300)
        wire.verify()
    result, peak = json.loads(ended.stdout)
    return result, peak / 1024


def packed(content: bytes) -> Answer:
    """An answer that swells."""
    return Answer(200, gzip.compress(content, 1), {"Content-Encoding": "gzip"})


def history(number: int, name: str) -> bytes:
    """A history with so many backups."""
    rows = (
        f'{{"id":"{at:08x}-5b7d-4c3e-9a61-0d8e7f6b5a43","fileName":"{name}-{at}.tar.gz",'
        f'"storageType":3,"createdOn":"2026-11-05T03:00:00.{at:06d}",'
        '"expiresOn":"0001-01-01T00:00:00"}'
        for at in range(number)
    )
    return envelope(f"[{','.join(rows)}]".encode())


def envelope(response: bytes) -> bytes:
    """The API's success, with an escape in it, so that each text is looked at for secrets."""
    return b'{"status":0,"statusCode":200,"a":"\\u0061","response":' + response + b"}"


def test_a_long_history() -> None:
    result, _peak = run(packed(history(HISTORY, "\\u0444\U0001f600")))
    assert result["count"] == HISTORY


VALUES, BYTES = 10**6 - 20, 32 * MIB - 200
# What is just not too large, of the kinds that take the most memory or time.
SHAPES: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b"[" + b"[]," * (VALUES // 2) + b"0]",
    "keys": lambda: b"{" + b",".join(b'"%07x":0' % at for at in range(VALUES)) + b"}",
    "wide text": lambda: b'"\xf0\x9f\x98\x80' + b"a" * BYTES + b'"',
    "wide texts": lambda: (
        b"[" + b'"\\ud83d\\ude00aaaaaaaaaaaaaaaaaaaaaaaa",' * (BYTES // 39) + b"0]"
    ),
    "digits": lambda: b"9" * BYTES,
    "keys of secrets": lambda: b'["' + KEY.encode() * (BYTES // len(KEY)) + b'"]',
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_an_answer_that_is_just_not_too_large(shape: str) -> None:
    result, peak = run(packed(envelope(SHAPES[shape]())))
    assert result["failure"]["code"] == "protocol" and "larger than" not in result["msg"]
    assert peak < 400


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: envelope(b"[" + b"[]," * 10**6 + b"0]"), id="values"),
        pytest.param(lambda: b" " * (66 * MIB), id="blanks"),
    ],
)
def test_an_answer_that_is_too_large(content: Callable[[], bytes]) -> None:
    result, peak = run(packed(content()))
    assert result["failure"]["code"] == "protocol" and "larger than 32 MiB" in result["msg"]
    assert peak < 200
