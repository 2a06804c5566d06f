# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A portal that follows a script, on a real socket: strict about what is asked, free to misbehave.

A test says what it expects, in order, and what each request is answered with. A request that
isn't the next one fails the test, and so does an expected one that didn't come.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Mapping
from email.message import Message
from itertools import cycle, islice
from types import TracebackType
from typing import Any, NamedTuple

API = "/api/2.0/backup/"
# Stands in the server's error bodies, and must never be shown (C10).
STACK = "at ASC.Data.Backup.SecretStack()"
# No test lets a client wait for as long as this; a server thread must not outlive a broken one.
LONGEST_STALL = 30.0


class Answer(NamedTuple):
    """What a request is answered with.

    end: "whole"; "cut" or "stall" after half of the body; or instead of any answer "close",
    "reset" or "silence". raw: sent as it is, in place of all the rest; with the end "drip" the body
    follows it, byte by byte and over again, as long as somebody reads.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    end: str = "whole"
    raw: bytes | None = None


# How long a test lets a client wait for an answer that doesn't come: enough for one that does.
SHORT = 0.5

CLOSE = Answer(end="close")
RESET = Answer(end="reset")
SILENCE = Answer(end="silence")


def patience(answer: Answer) -> float:
    """The time-out for a test: short only where no whole answer comes."""
    return SHORT if answer.end in ("silence", "stall") else 30.0


def ok(response: Any = None, **envelope: Any) -> Answer:
    """The API's success. Without a response the key is missing, as the server does it (C7)."""
    body: dict[str, Any] = {} if response is None else {"response": response}
    count = len(response) if isinstance(response, list) else int(response is not None)
    body.update({"count": count, "links": [], "status": 0, "statusCode": 200})
    return plain_json({**body, **envelope})


def plain_json(body: Any, status: int = 200, **headers: str) -> Answer:
    """Any JSON, without the envelope."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, json.dumps(body).encode(), {**kind, **_names(headers)})


def failed(status: int, message: str = "It broke.") -> Answer:
    """The API's error envelope, with a stack trace in it (C8)."""
    error = {"message": message, "type": "System.Exception", "stack": STACK, "hresult": -2146233088}
    return plain_json({"error": error, "status": 1, "statusCode": status}, status)


def is_clear(answer: Answer) -> bool:
    """Whether an answer to a write is a clear no, after which nothing late is to be expected."""
    if answer.end != "whole" or answer.raw is not None:
        return False
    api = answer.status >= 500 and b'"statusCode"' in answer.body
    return api or (400 <= answer.status < 500 and answer.status != 408)


def empty(status: int, **headers: str) -> Answer:
    """No body at all."""
    return Answer(status, b"", _names(headers))


def html(status: int = 200, text: str = "Sign in") -> Answer:
    """A page of some other web server."""
    page = f"<!DOCTYPE html><html><body>{text}</body></html>".encode()
    return Answer(status, page, {"Content-Type": "text/html"})


def redirect(location: str, status: int = 302) -> Answer:
    """Another place to look at."""
    return Answer(status, b"", {"Location": location})


def file_in_form(content: bytes, boundary: bytes) -> bytes:
    """The bytes of a form's only file, which has to have a name (C39)."""
    nothing, part, end = content.split(b"--" + boundary)
    head, _blank, file = part.partition(b"\r\n\r\n")
    assert (nothing, end, file[-2:]) == (b"", b"--\r\n", b"\r\n"), "no form"
    assert head.startswith(b"\r\n") and b' filename="' in head, "a part without a file name"
    return file[:-2]


def _names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Request(NamedTuple):
    """A request as it came. target: as on the request line. body: decoded JSON, of a form the bytes
    of the one file in it, None for none."""

    method: str
    target: str
    headers: Message
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.target}" + ("" if self.body is None else f" {self.body}")


class Expected(NamedTuple):
    """A request of the script. headers: those that are compared; None for one that may not be."""

    method: str
    target: str
    answer: Answer
    body: Any
    headers: Mapping[str, str | None]
    in_order: bool

    def matches(self, request: Request) -> bool:
        return (
            (self.method, self.target) == (request.method, request.target)
            and self.body == request.body
            and all(request.headers.get(name) == value for name, value in self.headers.items())
        )

    def __str__(self) -> str:
        shown = f"{self.method} {self.target}" + ("" if self.body is None else f" {self.body}")
        return shown + (f" with {dict(self.headers)}" if self.headers else "")


class Wire:
    """The scripted portal; `with Wire() as wire:` serves at `wire.url`."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._context = context
        self._expected: list[Expected] = []
        self._unexpected: list[str] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.wire = self
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        # The server waits for a connection, whatever else happens.
        socket.create_connection(("127.0.0.1", self._server.server_address[1])).close()
        self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        """Not `serve_forever`, whose end is waited for in each test: it looks up now and then only."""
        while True:
            connection, address = self._server.get_request()
            if self._released.is_set():
                connection.close()
                return
            self._server.process_request(connection, address)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://{self.host}"

    def expect(
        self,
        method: str,
        target: str,
        answer: Answer,
        *,
        body: Any = None,
        headers: Mapping[str, str | None] | None = None,
        in_order: bool = True,
    ) -> None:
        """The next request. target: a path and query, or what comes after the API's prefix.

        in_order: False lets it come before or after its neighbours that say the same.
        """
        if not target.startswith(("/", "http:")) and method != "CONNECT":
            target = API + target
        self._expected.append(Expected(method, target, answer, body, headers or {}, in_order))

    def verify(self) -> None:
        """What was asked is the script, all of it. Says so once, then begins anew."""
        unexpected, self._unexpected = self._unexpected, []
        missing, self._expected = [str(expected) for expected in self._expected], []
        assert not unexpected, "; ".join(unexpected)
        assert not missing, f"never asked: {'; '.join(missing)}"

    def answer(self, request: Request) -> Answer:
        """The script's answer, for the server's threads."""
        with self._lock:
            self.requests.append(request)
            for number, expected in enumerate(self._expected):
                if number and expected.in_order:
                    break
                if expected.matches(request):
                    return self._expected.pop(number).answer
                if expected.in_order:
                    break
            following = str(self._expected[0]) if self._expected else "nothing more"
            shown = f"{request} with {dict(request.headers)}"
            self._unexpected.append(f"asked: {shown}; expected: {following}")
        return Answer(400, b"not in the script of this test")

    def wrap(self, connection: socket.socket) -> socket.socket:
        """Each connection on its own thread makes its own TLS."""
        with self._lock:
            self.connections += 1
        if self._context is None:
            return connection
        return self._context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )

    def drip(self, file: Any, content: bytes) -> None:
        """Let a reader have a byte now and then, till it goes away or the test is over."""
        for byte in islice(cycle(content), int(LONGEST_STALL * 200)):
            if self._released.wait(0.005):
                return
            file.write(bytes([byte]))
            file.flush()

    def hold(self) -> None:
        """Say nothing until the test is over."""
        self._released.wait(LONGEST_STALL)


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    wire: Wire

    def server_bind(self) -> None:
        # That of HTTPServer looks its own name up in the DNS.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Any

    def setup(self) -> None:
        self.request = self.server.wire.wrap(self.request)
        super().setup()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        # Or the wrapped socket of a TLS connection would stay open.
        with contextlib.suppress(OSError):
            self.request.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        # `self.path` has its leading slashes folded.
        target = self.requestline.split(" ")[1]
        kind = self.headers.get("Content-Type", "")
        body: Any = None
        if kind.startswith("multipart/form-data; boundary="):
            body = file_in_form(content, kind.partition("=")[2].encode())
        elif content:
            body = json.loads(content)
        wire = self.server.wire
        self.send(wire, wire.answer(Request(self.command, target, self.headers, body)))

    def send(self, wire: Wire, answer: Answer) -> None:
        self.close_connection = answer.end != "whole" or answer.raw is not None
        if answer.raw is not None:
            self.wfile.write(answer.raw)
            if answer.end == "drip":
                self.wfile.flush()
                wire.drip(self.wfile, answer.body)
        elif answer.end == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        elif answer.end == "silence":
            wire.hold()
        elif answer.end != "close":
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not {"Content-Length", "Transfer-Encoding"} & set(answer.headers):
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            whole = answer.end == "whole"
            self.wfile.write(answer.body if whole else answer.body[: len(answer.body) // 2])
            self.wfile.flush()
            if answer.end == "stall":
                wire.hold()

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        """Say nothing: the wire has it all."""
