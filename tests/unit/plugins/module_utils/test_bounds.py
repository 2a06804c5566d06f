# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that drip and answers that swell: each ends within its bound, and is never believed.

The clock is the real one here, with small time-outs.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import trustme

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import api as history
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal import client
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal import (
    http_session as transport,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal import response as answers
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    KEY,
    Clock,
    check_outcome,
    run_module,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, TWO, row, task
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import Answer, Wire, ok

HISTORY = "getbackuphistory"
PROGRESS = "getbackupprogress"
LOCAL = {"storage_type": "local", "path": "/srv/backup"}
# Without a bound, a drip ends only after half a minute.
PROMPT = 10.0
MIB = 2**20

Real = Callable[..., dict[str, Any]]


class Present(Clock):
    """The real time."""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pass


@pytest.fixture
def real(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Real:
    """Run a module without a driven clock; it has to be prompt."""

    def run(module: str, *, env: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
        given = {"url": wire.url, "api_key": KEY, "retries": 0, **options}
        began = time.monotonic()
        outcome = run_module(
            module, given, monkeypatch=monkeypatch, env=env, clock=Present(), verbosity=1
        )
        assert time.monotonic() - began < PROMPT
        wire.verify()
        return check_outcome(outcome)

    return run


def drip(head: bytes, content: bytes = b" ") -> Answer:
    return Answer(raw=head, body=content, end="drip")


OK = b"HTTP/1.1 200 OK\r\n"
DRIPS = [
    pytest.param(drip(b"", b"H"), id="status line"),
    pytest.param(drip(OK + b"X: ", b"x"), id="header"),
    pytest.param(drip(OK, b"X: 1\r\n"), id="headers"),
    pytest.param(drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="continue"),
    pytest.param(drip(OK + b"Content-Length: 999999\r\n\r\n"), id="body"),
    pytest.param(drip(OK + b"\r\n"), id="body without an end"),
    pytest.param(drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), id="chunks"),
    pytest.param(drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"), id="size of a chunk"),
    pytest.param(
        drip(b"HTTP/1.1 500 Broken\r\nContent-Length: 999999\r\n\r\n"), id="body of a failure"
    ),
]


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Time-outs that leave room for answers on a busy machine: one second for each as a whole."""
    monkeypatch.setattr(client, "WHOLE_ANSWER", 0.2)
    return {"timeout": 5.0}


@pytest.mark.parametrize("answer", DRIPS)
def test_an_answer_that_drips(
    answer: Answer, wire: Wire, real: Real, brief: dict[str, float]
) -> None:
    """Each byte is in time, the answer as a whole isn't."""
    wire.expect("GET", HISTORY, answer)
    result = real("docspace_backup_info", **brief)
    # A line that is never to end is too long at some point.
    assert result["failure"]["code"] == "timeout", result["msg"]


def test_a_delete_whose_answer_drips_is_looked_up(
    wire: Wire, real: Real, brief: dict[str, float]
) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    wire.expect("DELETE", f"deletebackup/{ONE}", drip(OK + b"Content-Length: 9999\r\n\r\n"))
    wire.expect("GET", HISTORY, ok([]))
    result = real("docspace_backup", id=ONE, state="absent", **brief)
    assert result["changed"] is True and "got no answer" in result["warnings"][0]


def test_a_start_whose_answer_drips_is_looked_up(
    wire: Wire, real: Real, brief: dict[str, float]
) -> None:
    wire.expect("GET", PROGRESS, ok())
    body = {"storageType": "Local", "storageParams": [{"key": "filePath", "value": "/srv/backup"}]}
    wire.expect("POST", "startbackup", drip(OK + b"Content-Length: 9999\r\n\r\n"), body=body)
    wire.expect("GET", PROGRESS, ok(task(TWO)))
    result = real("docspace_backup", wait=False, **brief, **LOCAL)
    assert result["changed"] is True and result["task"]["id"] == TWO


def test_a_wait_ends_in_time_though_the_looks_drip(wire: Wire, real: Real) -> None:
    """`wait_timeout` and one poll, whatever `timeout` allows."""
    wire.expect("GET", PROGRESS, ok())
    body = {"storageType": "Local", "storageParams": [{"key": "filePath", "value": "/srv/backup"}]}
    wire.expect("POST", "startbackup", ok(task(TWO, status=0)), body=body)
    wire.expect("GET", PROGRESS, drip(OK + b"Content-Length: 9999\r\n\r\n"))
    began = time.monotonic()
    result = real("docspace_backup", wait_timeout=1, poll_interval=1, timeout=60, **LOCAL)
    assert result["failure"]["code"] == "task_failed" and result["changed"] is True
    assert time.monotonic() - began < 3.0


@contextmanager
def bare_server(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """What isn't even HTTP, on a port of its own: `127.0.0.1:12345`."""
    over = threading.Event()

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                connection, _address = listening.accept()
                with connection, suppress(OSError):
                    serve(connection, over)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def drip_a_handshake(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(4096)
    # A record of 16 KB, a byte at a time.
    connection.sendall(b"\x16\x03\x03\x40\x00")
    while not over.wait(0.005):
        connection.sendall(b"\x02")


def drip_a_tunnel(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not over.wait(0.005):
        connection.sendall(b"x")


def test_a_handshake_that_drips(real: Real) -> None:
    with bare_server(drip_a_handshake) as host:
        result = real("docspace_backup_info", url=f"https://{host}", timeout=0.1)
    assert result["failure"]["code"] == "timeout"


def test_a_proxy_that_drips(real: Real) -> None:
    url = "https://docspace.example.com"
    with bare_server(drip_a_tunnel) as host:
        env = {"https_proxy": f"http://{host}"}
        result = real("docspace_backup_info", url=url, timeout=0.1, env=env)
    assert result["failure"]["code"] == "timeout"


def cut_off(connection: socket.socket, over: threading.Event) -> None:
    """As a proxy does that is reloaded: the client has said hello, and nothing comes back."""
    connection.recv(4096)


def cut_off_late(connection: socket.socket, over: threading.Event) -> None:
    """After half of the server's hello."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(connection.recv(4096))
    with suppress(ssl.SSLWantReadError):
        engine.do_handshake()
    hello = outgoing.read()
    connection.sendall(hello[: len(hello) // 2])


@pytest.mark.parametrize("serve", [cut_off, cut_off_late])
def test_a_handshake_that_is_cut_off_is_repeated(
    serve: Callable[..., None], run: Callable[..., dict[str, Any]], clock: Clock
) -> None:
    with bare_server(serve) as host:
        result = run("docspace_backup_info", url=f"https://{host}", retries=2)
    assert result["failure"]["code"] == "connection", result["msg"]
    assert len(clock.sleeps) == 2


def bomb(size: int, compressor: Any) -> bytes:
    """Blanks, of which JSON may have any number."""
    block = b" " * MIB
    pieces = [compressor.compress(block) for _number in range(size // MIB + 1)]
    return b"".join([*pieces, compressor.flush()])


@pytest.mark.parametrize(("wbits", "encoding"), [(31, "gzip"), (15, "deflate")])
@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_swells(
    status: int, wbits: int, encoding: str, wire: Wire, real: Real, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it comes to in the memory of a process, a test of tests/contract measures."""
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 8 * MIB)
    content = bomb(8 * MIB, zlib.compressobj(9, zlib.DEFLATED, wbits))
    assert len(content) < 20_000
    wire.expect("GET", HISTORY, Answer(status, content, {"Content-Encoding": encoding}))
    result = real("docspace_backup_info")
    assert result["failure"]["code"] == "protocol" and "larger than" in result["msg"]


def test_an_answer_that_is_large_as_it_is(
    wire: Wire, real: Real, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", MIB)
    wire.expect("GET", HISTORY, Answer(200, b" " * (MIB + 1)))
    assert real("docspace_backup_info")["failure"]["code"] == "protocol"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "compress", "x" * 500])
def test_an_encoding_that_wasnt_asked_for(encoding: str, wire: Wire, real: Real) -> None:
    twice = gzip.compress(gzip.compress(ok([]).body))
    wire.expect("GET", HISTORY, Answer(200, twice, {"Content-Encoding": encoding}))
    result = real("docspace_backup_info")
    assert result["failure"]["code"] == "protocol" and "encoded as" in result["msg"]


def test_memory_that_runs_out(wire: Wire, real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it does while an answer is read."""

    def refuse(*_args: Any, **_options: Any) -> Any:
        raise MemoryError

    for place, name in ((answers, "read_body"), (answers, "_decode"), (history, "newest_first")):
        wire.expect("GET", HISTORY, ok([row()]))
        with monkeypatch.context() as patch:
            patch.setattr(place, name, refuse)
            result = real("docspace_backup_info", limit=1)
        assert result["failure"]["code"] == "protocol" and "larger than" in result["msg"]


def test_an_answer_of_too_many_values(
    wire: Wire, real: Real, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_VALUES", 50)
    wire.expect("GET", HISTORY, ok([row()] * 3))
    assert real("docspace_backup_info")["count"] == 1
    wire.expect("GET", HISTORY, ok([row()] * 20))
    result = real("docspace_backup_info")
    assert result["failure"]["code"] == "protocol" and "larger than" in result["msg"]
