# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The object storage behind a portal: another origin, which must see no credentials (C36)."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .clock import Clock
from .content import Content
from .faults import FaultLayer, status_line
from .log import RequestLog

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from .server import WebServer

PREFIX = "/object-storage/"
VALID = timedelta(seconds=15)
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Asked:
    """A request as it came, with all its headers."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    status: int = 0


class SecondOrigin:
    """Serves what was granted, for 15 seconds by the simulator's clock. It listens from the first
    grant on. `requests` has what it was asked."""

    def __init__(
        self, clock: Clock, faults: FaultLayer, serve: Callable[[FaultLayer, int], WebServer]
    ) -> None:
        self._clock = clock
        self._serve = serve
        self._layer = FaultLayer(self.answer, RequestLog(), faults.apply, faults.orders)
        self._grants: dict[str, tuple[Content, datetime]] = {}
        self._lock = threading.Lock()
        self._web: WebServer | None = None
        self._port = 0
        self.scheme = "http"
        self.requests: list[Asked] = []

    @property
    def url(self) -> str:
        """Its address; it begins to listen when somebody asks for that."""
        with self._lock:
            if self._web is None:
                self._layer.stopping.clear()
                self._web = self._serve(self._layer, self._port)
                self._port = self._web.port
            return f"{self.scheme}://{self._web.address}:{self._port}"

    def grant(self, content: Content) -> str:
        """A signed address for a file."""
        signature = secrets.token_hex(32)
        self._grants[signature] = (content, self._clock.now())
        return f"{self.url}{PREFIX}backup.tar.gz?X-Amz-Expires=15&X-Amz-Signature={signature}"

    def stop(self) -> None:
        """Serve no more; the port stays its own."""
        with self._lock:
            if self._web is not None:
                self._web.stop()
                self._web = None

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application: as an object storage does it, ranges included."""
        headers = {
            name[5:].replace("_", "-").title(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        query = environ["QUERY_STRING"]
        asked = Asked(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers)
        self.requests.append(asked)
        asked.status, sent = self.find(asked, environ)
        start_response(status_line(asked.status), sent)
        return []

    def find(self, asked: Asked, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
        """The status and the headers; the content goes another way, see `Captured`."""
        granted = self._grants.get(asked.query.rpartition("X-Amz-Signature=")[2])
        if granted is None or asked.method != "GET" or self._clock.now() >= granted[1] + VALID:
            return 403, [("Content-Type", "application/xml")]
        content = granted[0]
        headers = [("Accept-Ranges", "bytes"), ("ETag", f'"{content.length:032x}"')]
        found = RANGE.fullmatch(asked.headers.get("Range", ""))
        if found is None:
            environ["simulator.content"] = content.slice()
            return 200, headers
        start = int(found[1])
        if start >= content.length:
            return 416, [("Content-Range", f"bytes */{content.length}")]
        stop = int(found[2]) + 1 if found[2] else None
        part = environ["simulator.content"] = content.slice(start, stop)
        place = f"bytes {part.start}-{part.stop - 1}/{content.length}"
        return 206, [*headers, ("Content-Range", place)]
