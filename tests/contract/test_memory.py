# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer that swells comes to in the memory of a process."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Answer, Wire, ok

MIB = 2**20
# Runs a module, and says with its result how much memory the process had at most, in KiB.
SCRIPT = """
import json, resource, sys, pytest
from ansible_collections.onlyoffice.docspace.tests.unit.plugins import harness
patch = pytest.MonkeyPatch()
given = {"url": sys.argv[1], "api_key": harness.KEY, "retries": 0}
outcome = harness.run_module("docspace_backup_info", given, monkeypatch=patch)
print(json.dumps([outcome.result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def run(answer: Answer) -> tuple[dict[str, object], float]:
    """The result of reading the history, and the peak of memory in MiB."""
    with Wire() as wire:
        wire.expect("GET", "getbackuphistory", answer)
        program = [sys.executable, "-c", SCRIPT, wire.url]
        ended = subprocess.run(program, check=True, capture_output=True, timeout=120)
        wire.verify()
    result, peak = json.loads(ended.stdout)
    return result, peak / 1024


def test_a_swelling_answer_takes_no_more_than_its_bound() -> None:
    """Half a megabyte that would come to twice the bound and more."""
    compressor, block = zlib.compressobj(9, zlib.DEFLATED, 31), b" " * MIB
    content = b"".join([*(compressor.compress(block) for _one in range(520)), compressor.flush()])
    assert len(content) < 600_000
    _result, usual = run(ok([]))
    result, peak = run(Answer(200, content, {"Content-Encoding": "gzip"}))
    assert result["failure"]["code"] == "protocol"  # type: ignore[index]
    assert "larger than 256 MiB" in str(result["msg"])
    assert peak - usual < 1.5 * 256
