# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on the way: what proxies, networks and broken servers do to a request."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from .log import Logged, RequestLog, matches, scheme

if TYPE_CHECKING:  # only newer Pythons have these at run time
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

KINDS = (
    "delay",
    "change",
    "drop",
    "reset",
    "truncate",
    "status",
    "html",
    "redirect",
    "json",
    "answer",
)
PASSING = ("delay", "change")
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
PROXY_PAGE = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
)
FROM_PROXIES = (502, 503, 504)


@dataclass
class Fault:
    """What happens to matching requests. `skip` lets some pass first, `times` None is for ever;
    with `after` the request takes effect and only its answer is lost or replaced."""

    kind: str
    method: str | None = None
    path: str | None = None
    skip: int = 0
    times: int | None = None
    after: bool = False
    seconds: float = 0.0
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    change: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Fault:
        """A fault from plain data; names that mean nothing are an error."""
        unknown = set(values) - {item.name for item in fields(cls)}
        if unknown:
            raise ValueError(f"unknown in a fault: {', '.join(sorted(unknown))}")
        if values.get("kind") not in KINDS:
            raise ValueError(f"kind {values.get('kind')!r} is not one of {', '.join(KINDS)}")
        return cls(**values)

    def as_data(self) -> dict[str, Any]:
        """The same for the control plane."""
        return asdict(self)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The answer that stands in for the server's."""
        if self.kind == "html":
            return 200, {"Content-Type": "text/html; charset=utf-8"}, LOGIN_PAGE.encode()
        if self.kind == "redirect":
            location = self.headers.get("Location", "/login?session=secret")
            status = self.status if 300 <= self.status < 400 else 302
            return status, {**self.headers, "Location": location}, b""
        if self.kind == "json":
            return 200, {"Content-Type": "application/json"}, json.dumps(self.body).encode()
        if self.kind == "status" and self.status in FROM_PROXIES and self.body is None:
            page = PROXY_PAGE.format(status_line(self.status)).encode()
            return self.status, {"Content-Type": "text/html", **self.headers}, page
        text = "" if self.body is None else self.body
        content = text if isinstance(text, str) else json.dumps(text)
        return self.status, self.headers, content.encode()


class Hangup(Exception):
    """The connection ends here: closed or reset, perhaps in the middle of an answer."""

    def __init__(self, reset: bool = False, answer: Captured | None = None) -> None:
        super().__init__("the connection is cut")
        self.reset = reset
        self.answer = answer


@dataclass
class Captured:
    """An answer of the application before it is sent."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class FaultLayer:
    """Stands before the application: logs each request and does to it what was ordered."""

    def __init__(
        self, app: WSGIApplication, log: RequestLog, change: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self.app = app
        self.log = log
        self.change = change
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Order a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Order no more faults."""
        with self._lock:
            self._faults = []

    def pending(self) -> list[Fault]:
        """The faults that still wait for a request."""
        with self._lock:
            return list(self._faults)

    def take(self, method: str, path: str) -> list[Fault]:
        """The faults for this request: all delays and changes, and the first that decides how it
        ends; the next of those waits for the next request."""
        taken: list[Fault] = []
        decided = False
        with self._lock:
            for fault in self._faults:
                if not matches(method, path, fault.method, fault.path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.kind in PASSING or not decided:
                    taken.append(fault)
                    decided = decided or fault.kind not in PASSING
                    if fault.times is not None:
                        fault.times -= 1
            self._faults = [fault for fault in self._faults if fault.times != 0]
        return taken

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path.startswith("/simulator"):
            return self.app(environ, start_response)
        entry = Logged(
            method,
            path,
            environ.get("QUERY_STRING", ""),
            environ.get("HTTP_HOST", ""),
            scheme(environ.get("HTTP_AUTHORIZATION", "")),
        )
        faults = self.take(method, path)
        entry.fault = ",".join(fault.kind for fault in faults)
        self.log.add(entry)
        captured = self.outcome(environ, faults)
        entry.status = int(captured.status.split()[0])
        start_response(captured.status, captured.headers)
        return [captured.body]

    def outcome(self, environ: WSGIEnvironment, faults: list[Fault]) -> Captured:
        """Waits and changes first, then the one fault that decides how it ends."""
        for fault in faults:
            if fault.kind == "delay":
                self.stopping.wait(fault.seconds)
            elif fault.kind == "change":
                self.change(fault.change)
        final = next((fault for fault in faults if fault.kind not in PASSING), None)
        if final is None:
            return capture(self.app, environ)
        genuine = final.after or final.kind == "truncate"
        captured = capture(self.app, environ) if genuine else Captured()
        if final.kind in ("drop", "reset"):
            raise Hangup(reset=final.kind == "reset")
        if final.kind == "truncate":
            raise Hangup(answer=captured)
        status, headers, content = final.answer()
        return Captured(status_line(status), list(headers.items()), content)


def status_line(status: int) -> str:
    """A status with its reason; an invented one has none."""
    return f"{status} {http.client.responses.get(status, 'Simulated')}"


def capture(app: WSGIApplication, environ: WSGIEnvironment) -> Captured:
    """Run the application to the end of its answer."""
    captured = Captured()

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: Any = None
    ) -> Callable[[bytes], object]:
        captured.status, captured.headers = status, list(headers)
        return lambda _data: None

    captured.body = b"".join(app(environ, start_response))
    return captured
