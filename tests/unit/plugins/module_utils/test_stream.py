# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file over HTTP: what another host is shown, whom is trusted there, and how slow is too slow."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal import client as clients
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.connection import (
    Connection,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.errors import (
    DocSpaceError,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.file_stream import (
    LEAST,
    fetch,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import targz
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, row, task
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    Answer,
    Wire,
    empty,
    ok,
    redirect,
)

Run = Callable[..., dict[str, Any]]

FILE = targz()
LINK = "/storage/backup/root/workspace.tar.gz?expire=1440&auth=51gned1inkOfTheTests"
PLACE = "/bucket/b.tar.gz?X-Amz-Expires=15&X-Amz-Signature=0therS1gnature"
SECRETS = ("51gned1ink", "0therS1gnature", "bucket/b.tar.gz")
ANONYMOUS = {"Authorization": None, "Cookie": None, "Range": None}


class Held:
    """What a file is written to, in memory."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.totals: list[int | None] = []

    @property
    def size(self) -> int:
        return len(self.content)

    def announced(self, total: int | None) -> None:
        self.totals.append(total)

    def take(self, piece: bytes) -> bool:
        self.content += piece
        return True

    def last(self) -> bytes:
        return self.content[-1:]

    def restart(self) -> None:
        self.content = b""


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    return made


@pytest.fixture
def elsewhere() -> Iterator[Wire]:
    """The storage behind the portal."""
    with Wire() as server:
        yield server
    server.verify()


def look(wire: Wire) -> None:
    """The backup, and its link."""
    history = row(age=60, storageType=4, expiresOn="2026-11-06T11:59:00")
    wire.expect("GET", "getbackuphistory", ok([history]))
    wire.expect("GET", "getbackupprogress", ok(task(progress=100, status=2, link=LINK)))


def led(wire: Wire, place: str, times: int = 1) -> None:
    """The portal leads to another place."""
    for _time in range(times):
        headers = {"Location": place, "Set-Cookie": "asc_auth_key=53cret; Path=/"}
        wire.expect("GET", LINK, Answer(302, b"", headers))


def download(run: Run, folder: Path, **options: Any) -> dict[str, Any]:
    return run("docspace_backup_download", dest=str(folder), id=ONE, secrets=SECRETS, **options)


def code(result: dict[str, Any]) -> str:
    assert result["failed"] is True, result
    return str(result["failure"]["code"])


# --- another host ---


def test_another_host_sees_no_credentials(
    wire: Wire, elsewhere: Wire, run: Run, tmp_path: Path
) -> None:
    look(wire)
    led(wire, elsewhere.url + PLACE)
    elsewhere.expect("GET", PLACE, Answer(200, FILE), headers=ANONYMOUS)
    assert download(run, tmp_path)["size"] == len(FILE)
    (asked,) = elsewhere.requests
    shown = " ".join(f"{name}: {value}" for name, value in asked.headers.items())
    assert KEY not in shown and "Bearer" not in shown and "51gned" not in shown
    assert set(asked.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


def test_on_from_where_it_was_through_the_portal(
    wire: Wire, elsewhere: Wire, run: Run, tmp_path: Path
) -> None:
    """Each try asks the portal, which signs anew."""
    look(wire)
    led(wire, elsewhere.url + PLACE, 2)
    headers = {"Content-Length": str(len(FILE))}
    elsewhere.expect("GET", PLACE, Answer(200, FILE[:200] * 2, headers, end="cut"))
    place = {"Content-Range": f"bytes 200-{len(FILE) - 1}/{len(FILE)}"}
    wanted = {**ANONYMOUS, "Range": "bytes=200-"}
    elsewhere.expect("GET", PLACE, Answer(206, FILE[200:], place), headers=wanted)
    assert download(run, tmp_path)["resumed"] == 1


def test_what_another_host_refuses_is_tried_with_another_signature(
    wire: Wire, elsewhere: Wire, run: Run, tmp_path: Path
) -> None:
    look(wire)
    led(wire, elsewhere.url + PLACE, 3)
    echo = b"<Error><SignatureProvided>0therS1gnature</SignatureProvided></Error>"
    elsewhere.expect("GET", PLACE, Answer(403, echo, {"Content-Type": "application/xml"}))
    elsewhere.expect("GET", PLACE, CLOSE)
    elsewhere.expect("GET", PLACE, Answer(200, FILE))
    assert download(run, tmp_path, verbosity=3)["changed"] is True


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (empty(403), "forbidden"),
        (empty(404), "not_found"),
        (empty(500), "server"),
        (redirect("http://127.0.0.1:1/x"), "protocol"),
        (empty(204), "protocol"),
        (CLOSE, "connection"),
    ],
)
def test_what_another_host_goes_on_to_refuse(
    wire: Wire, elsewhere: Wire, run: Run, tmp_path: Path, answer: Answer, expected: str
) -> None:
    look(wire)
    led(wire, elsewhere.url + PLACE, 2)
    for _time in range(2):
        elsewhere.expect("GET", PLACE, answer)
    result = download(run, tmp_path, retries=1, verbosity=3)
    assert code(result) == expected
    assert result["failure"]["path"] == LINK.partition("?")[0]


def test_nobody_is_there(wire: Wire, run: Run, tmp_path: Path) -> None:
    look(wire)
    led(wire, "http://127.0.0.1:1" + PLACE)
    assert code(download(run, tmp_path, retries=0)) == "connection"


# --- whom is trusted there ---


@pytest.fixture
def private(tmp_path: Path) -> tuple[trustme.CA, str]:
    """The authority of the portal's certificate, and its file."""
    authority = trustme.CA()
    path = tmp_path / "private.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, str(path)


@pytest.fixture
def secure(private: tuple[trustme.CA, str]) -> Iterator[Wire]:
    """A portal with a certificate of a private authority."""
    with Wire(context(private[0].issue_cert("127.0.0.1"))) as server:
        yield server
    server.verify()


def test_the_systems_authorities_and_the_one_that_is_given(
    secure: Wire, private: tuple[trustme.CA, str], run: Run, tmp_path: Path
) -> None:
    system = trustme.CA()
    system.cert_pem.write_to_path(str(tmp_path / "system.pem"))
    env = {"SSL_CERT_FILE": str(tmp_path / "system.pem")}
    folder = tmp_path / "copies"
    folder.mkdir()
    for number, authority in enumerate((system, private[0])):
        with Wire(context(authority.issue_cert("127.0.0.1"))) as other:
            look(secure)
            led(secure, other.url + PLACE)
            other.expect("GET", PLACE, Answer(200, FILE), headers=ANONYMOUS)
            dest = str(folder / f"{number}.tar.gz")
            options = {"url": secure.url, "ca_path": private[1], "env": env}
            result = run("docspace_backup_download", dest=dest, id=ONE, **options)
            assert result["changed"] is True


@pytest.mark.parametrize("validate_certs", [True, False])
def test_a_strangers_certificate(
    secure: Wire, private: tuple[trustme.CA, str], run: Run, tmp_path: Path, validate_certs: bool
) -> None:
    with Wire(context(trustme.CA().issue_cert("127.0.0.1"))) as other:
        look(secure)
        led(secure, other.url + PLACE)
        if not validate_certs:
            other.expect("GET", PLACE, Answer(200, FILE))
        result = download(
            run,
            tmp_path,
            url=secure.url,
            ca_path=private[1],
            validate_certs=validate_certs,
        )
    assert (result.get("failed") and code(result)) == ("tls" if validate_certs else None)


def test_never_from_https_to_http(
    secure: Wire, elsewhere: Wire, private: tuple[trustme.CA, str], run: Run, tmp_path: Path
) -> None:
    look(secure)
    led(secure, elsewhere.url + PLACE)
    result = download(run, tmp_path, url=secure.url, ca_path=private[1])
    assert code(result) == "protocol" and "without TLS" in result["msg"]
    assert elsewhere.connections == 0


# --- how slow is too slow ---


class Drops(BaseHTTPRequestHandler):
    """Sends a file in drops, on the real clock."""

    protocol_version = "HTTP/1.1"
    asked: list[str | None]
    file = bytes(range(256)) * 1024
    size, seconds = 0, 0.0

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        begin = int(wanted[6:-1]) if wanted else 0
        self.send_response_only(206 if wanted else 200)
        self.send_header("Content-Length", str(len(self.file) - begin))
        if wanted:
            place = f"bytes {begin}-{len(self.file) - 1}/{len(self.file)}"
            self.send_header("Content-Range", place)
        self.end_headers()
        stop = threading.Event()
        for at in range(begin, len(self.file), self.size):
            try:
                self.wfile.write(self.file[at : at + self.size])
            except OSError:
                return
            stop.wait(self.seconds)


@contextmanager
def dripping(size: int, seconds: float) -> Iterator[tuple[str, type[Drops]]]:
    handler = type("Handler", (Drops,), {"asked": [], "size": size, "seconds": seconds})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
        server.shutdown()


def client(url: str, timeout: float, retries: int = 0) -> clients.Client:
    connection = Connection(url, "Bearer x", True, {}, timeout, retries, set(), set())
    return clients.Client(connection, lambda _line: None)


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer as a whole may take half of the time-out, which leaves room for each read."""
    monkeypatch.setattr(clients, "WHOLE_ANSWER", 0.5)


@pytest.mark.usefixtures("half")
def test_a_file_that_drips_too_slowly() -> None:
    """Less than 64 KiB in the time of an answer: though something comes in each time-out."""
    with dripping(1000, 0.02) as (url, handler):
        held, began = Held(), time.monotonic()
        with pytest.raises(DocSpaceError) as error:
            fetch(client(url, 2.0), f"{url}/file", held)
        assert error.value.code == "timeout" and 0.9 < time.monotonic() - began < 5
        assert held.size == 0 and handler.asked == [None]


@pytest.mark.usefixtures("half")
def test_a_file_that_takes_longer_than_an_answer_may() -> None:
    """Each 64 KiB have their own time."""
    with dripping(4096, 0.025) as (url, handler):
        held, began = Held(), time.monotonic()
        assert fetch(client(url, 3.0), f"{url}/file", held) == 0
        assert held.content == handler.file and held.totals == [len(handler.file)]
        assert time.monotonic() - began > 1.5
        assert handler.asked == [None]


def test_a_file_that_drips_as_long_as_it_is_let() -> None:
    """Each 64 KiB come in time, but the whole may take only so long."""
    with dripping(LEAST, 0.6) as (url, handler):
        held, portal = Held(), client(url, 30.0, retries=5)
        with portal.deadline(1.0), pytest.raises(DocSpaceError) as error:
            fetch(portal, f"{url}/file", held)
        assert error.value.code == "task_failed" and "'wait_timeout'" in error.value.message
        assert 0 < held.size < len(handler.file) and handler.asked == [None]
        assert f"{held.size} of {len(handler.file)} bytes downloaded" in error.value.message


def test_a_file_that_stops_to_come() -> None:
    """What came till then counts: on from there."""
    with dripping(LEAST + 5, 0.6) as (url, handler):
        held = Held()
        assert fetch(client(url, 0.3), f"{url}/file", held) >= 3
        assert held.content == handler.file
        assert all(place is None or int(place[6:-1]) % LEAST == 0 for place in handler.asked)
