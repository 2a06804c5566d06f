# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web server: connections that stay open, answers that leave in one piece."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import struct
from http.server import BaseHTTPRequestHandler
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .content import Content
from .doorman import doorman
from .faults import Captured, FaultLayer, Hangup, capture


class Handler(WSGIRequestHandler):
    """HTTP/1.1 with keep-alive; headers and body in one write, or each pair costs 40 ms."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Any

    def setup(self) -> None:
        """Shake hands on the connection's own thread: a client that waits blocks nobody else."""
        if self.server.ssl_context is not None:
            self.request = self.server.ssl_context.wrap_socket(
                self.request, server_side=True, do_handshake_on_connect=False
            )
        super().setup()
        self.server.connections.add(self.connection)

    def handle(self) -> None:
        """Serve the connection; a client that goes away is no news."""
        with contextlib.suppress(OSError, ValueError):
            if isinstance(self.connection, ssl.SSLSocket):
                self.connection.do_handshake()
            # Not werkzeug's own, which reports each client that goes away.
            BaseHTTPRequestHandler.handle(self)

    def finish(self) -> None:
        """Close, whatever state the connection is in."""
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        with contextlib.suppress(OSError):
            self.connection.close()

    def run_wsgi(self) -> None:
        """Read the whole request, run the application, send the whole answer."""
        if self.server.app.stopping.is_set():
            # Connections are cut one by one: one that is still open is no longer served.
            self.close_connection = True
            return
        environ = self.make_environ()
        # The base class folds leading slashes; the real server does not (C1).
        environ["REQUEST_URI"] = self.requestline.split(" ")[1]
        self.wfile.flush()  # a client may wait for "100 Continue" before it sends the body
        if not environ.get("wsgi.input_terminated"):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"] = io.BytesIO(self.rfile.read(length))
        try:
            self.send(capture(self.server.app, environ))
        except Hangup as hangup:
            self.hang_up(hangup)
        if self.server.app.stopping.is_set():
            self.close_connection = True

    def send(self, answer: Captured, part: int | None = None) -> None:
        """Write an answer, or its beginning."""
        code, _space, reason = answer.status.partition(" ")
        self.send_response_only(int(code), reason)
        self.send_header("Server", "simulator")
        self.send_header("Date", self.date_time_string())
        for name, value in answer.headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if code != "204":
            self.send_header("Content-Length", str(answer.length))
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(answer, part)
        self.wfile.flush()

    def send_body(self, answer: Captured, part: int | None) -> None:
        """Write a body at once, or drop by drop."""
        content = answer.content
        if answer.drip is not None:
            size, seconds = answer.drip
            content = content or Content((answer.body,)).slice()
            for piece in content.pieces(size, part):
                self.wfile.write(piece)
                self.wfile.flush()
                if self.server.app.stopping.wait(seconds):
                    break
        elif content is None:
            self.wfile.write(answer.body[:part])
        else:
            self.wfile.flush()
            content.send(self.connection, part)
        if content is not None and content.breaks:
            self.close_connection = True

    def hang_up(self, hangup: Hangup) -> None:
        """Close or reset the connection, after a part of an answer where there is one."""
        self.close_connection = True
        if hangup.answer is not None:
            self.send(hangup.answer, part=hangup.part)
        if hangup.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

    def log(self, *_args: Any, **_named: Any) -> None:
        """Say nothing: the request log has it all."""


class WebServer:
    """One listening socket; all of a process share the thread that waits for connections."""

    def __init__(
        self, app: FaultLayer, address: str, port: int, context: ssl.SSLContext | None
    ) -> None:
        self.app = app
        self.address = address
        try:
            self._server: BaseWSGIServer = make_server(
                address, port, app, threaded=True, request_handler=Handler
            )
        except SystemExit as error:  # the library's way to say that the port is taken
            raise OSError(f"port {port} of {address} is not free") from error
        # Set afterwards: the listening socket stays plain, each connection makes its own TLS.
        self._server.ssl_context = context
        self._connections: set[socket.socket] = set()
        self._server.connections = self._connections  # type: ignore[attr-defined]
        self.port: int = self._server.server_port

    def start(self) -> WebServer:
        """Begin to serve."""
        doorman().watch(self._server)
        return self

    def stop(self) -> None:
        """Stop listening and cut what is open; new connections are refused from here on."""
        self.app.stopping.set()
        doorman().forget(self._server)
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
