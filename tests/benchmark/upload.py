# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The upload of a backup file against a loop of curl, and its memory.

Both send the same file to the same receiver, which throws the bytes away. The loop has its chunks
in files already, and checks nothing.
"""

from __future__ import annotations

import http.server
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.simulator.archive import archive

from .report import Ratio, Report

MB = 1_000_000
CHUNK = 10_485_760
ROUNDS = 5
PAGE = "/backupFileUpload.ashx"
SIZES = (20, 300)
LARGEST = 2000
ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.onlyoffice.docspace.plugins.module_utils"
SEND = f"""
import json, resource, sys, time
sys.path.insert(0, sys.argv[1])
from {COLLECTION}._backup.upload import open_source
from {COLLECTION}._backup.upload import Upload
from {COLLECTION}._portal.client import Client
from {COLLECTION}._portal.connection import Connection
how = Connection(sys.argv[2], "Bearer key", True, {{}}, 60.0, 0, set())
begin = time.perf_counter()
with open_source(sys.argv[3], dump=False, log=lambda line: None) as source:
    checked = time.perf_counter()
    Upload(Client(how, lambda line: None), source).send()
sent = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([checked - begin, sent - checked, peak]))
"""


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes an upload as the server does, and keeps only how much has come."""

    protocol_version = "HTTP/1.1"
    # An answer in one piece. Of two small ones, the second would wait 40 ms for the first one's
    # receipt, on a connection that stays open.
    wbufsize = -1
    total = came = 0

    def do_POST(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        length = int(self.headers.get("Content-Length") or 0)
        if "init" in query:
            Receiver.total, Receiver.came = int(query["totalSize"][0]), 0
        elif length:
            boundary = self.headers["Content-Type"].partition("boundary=")[2]
            left = length
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                left -= len(line)
            left -= len(line)
            Receiver.came += left - len(f"\r\n--{boundary}--\r\n")
            buffer = memoryview(bytearray(1024 * 1024))
            while left > 0:
                left -= self.rfile.readinto(buffer[: min(left, len(buffer))])
        ended = 0 < Receiver.total <= Receiver.came
        answer = json.dumps({"Success": True, "ChunkSize": CHUNK, "EndUpload": ended}).encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        """Say nothing."""


def backup(folder: Path, megabytes: int) -> Path:
    """A whole backup file of about that size."""
    place = folder / f"{megabytes}.tar.gz"
    with place.open("wb") as file:
        for piece in archive([{}], size=megabytes * MB).slice().pieces():
            file.write(piece)
    return place


def ours(url: str, file: Path) -> list[float]:
    """Seconds to check it, seconds to send it, and the peak of memory in MiB."""
    with tempfile.TemporaryDirectory() as home:
        place = Path(home, "ansible_collections", "onlyoffice", "docspace")
        place.parent.mkdir(parents=True)
        place.symlink_to(ROOT, target_is_directory=True)
        command = [sys.executable, "-c", SEND, home, url, str(file)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: list[float] = json.loads(done.stdout)
    return found


def loop(url: str, chunks: list[Path], size: int) -> float:
    """Seconds that a loop of curl takes. Without an empty `Expect` it waits a second per chunk."""
    lines = [f'curl -sf -X POST "{url}{PAGE}?init=true&totalSize={size}&extension=tar.gz"']
    lines += [
        f'curl -sf -H "Authorization: Bearer key" -H "Expect:" -F "file=@{chunk}" {url}{PAGE}'
        for chunk in chunks
    ]
    begin = time.perf_counter()
    subprocess.run(["sh", "-ec", "\n".join(lines)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def split(file: Path) -> list[Path]:
    """The file in chunks, each in a file of its own."""
    chunks: list[Path] = []
    with file.open("rb") as content:
        while data := content.read(CHUNK):
            chunks.append(file.with_name(f"{file.name}.{len(chunks):03d}"))
            chunks[-1].write_bytes(data)
    return chunks


def main() -> None:
    """Measure, and print the report."""
    if shutil.which("curl") is None:
        sys.stdout.write("curl isn't here, so there is nothing to compare with.\n")
        return
    rows, ratios, peaks = [], [], {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with tempfile.TemporaryDirectory() as name:
            for megabytes in SIZES:
                file = backup(Path(name), megabytes)
                chunks, size = split(file), file.stat().st_size
                turns = [(ours(url, file), loop(url, chunks, size)) for _round in range(ROUNDS)]
                checked, sent, peak = (
                    statistics.median(turn[0][column] for turn in turns) for column in range(3)
                )
                curl, peaks[megabytes] = statistics.median(turn[1] for turn in turns), peak
                rows.append(row(megabytes, checked, sent, curl, peak))
                ratios.append(Ratio(f"upload of {megabytes} MB / loop of curl", sent / curl, 1.1))
            checked, sent, peaks[LARGEST] = ours(url, backup(Path(name), LARGEST))
            rows.append(row(LARGEST, checked, sent, None, peaks[LARGEST]))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    more = peaks[LARGEST] - peaks[SIZES[0]]
    ratios.append(Ratio(f"MiB that {LARGEST} MB need above {SIZES[0]} MB", more, 20))
    head = ["file", "checked", "uploaded", "curl", "peak"]
    notes = [f"Medians of {ROUNDS} turns, in seconds; the last file once, without curl."]
    sys.stdout.write(f"{Report(head, rows, ratios, notes).text()}\n")


def row(megabytes: int, checked: float, sent: float, curl: float | None, peak: float) -> list[str]:
    """The cells of a file."""
    loop_of_curl = "" if curl is None else f"{curl:.2f}"
    return [f"{megabytes} MB", f"{checked:.2f}", f"{sent:.2f}", loop_of_curl, f"{peak:.0f} MiB"]
