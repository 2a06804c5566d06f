# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on the way: what proxies, networks and broken servers do to a request."""

from __future__ import annotations

import http.client
import json
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from .content import Slice
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
    "cut",
    "drip",
    "whole",
    "range",
    "headers",
    "gzip",
)
PASSING = ("delay", "change", "drip", "whole")
GENUINE = ("truncate", "cut", "range", "headers", "gzip")
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
PROXY_PAGE = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
)
FROM_PROXIES = (502, 503, 504)
PLACE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
BLANKS = 1024 * 1024


@dataclass
class Fault:
    """What happens to matching requests. `skip` lets some pass first, `times` None is for ever;
    with `after` the request takes effect and only its answer is lost or replaced. The README says
    which member belongs to which kind."""

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
    size: int = 1
    shift: int = 0
    total: int = 0
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

    def __init__(
        self, reset: bool = False, answer: Captured | None = None, part: int | None = None
    ) -> None:
        super().__init__("the connection is cut")
        self.reset = reset
        self.answer = answer
        self.part = part


@dataclass
class Captured:
    """An answer of the application before it is sent. What is no plain body comes beside it, in
    the request's environment: a content, and how slowly to send it."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    content: Slice | None = None
    drip: tuple[int, float] | None = None

    @property
    def length(self) -> int:
        """What `Content-Length` says."""
        return len(self.body) if self.content is None else self.content.announced


class Orders:
    """The faults that wait for a request."""

    def __init__(self) -> None:
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


class FaultLayer:
    """Stands before the application: logs each request and does to it what was ordered."""

    def __init__(
        self,
        app: WSGIApplication,
        log: RequestLog,
        change: Callable[[Mapping[str, Any]], None],
        orders: Orders | None = None,
    ) -> None:
        self.app = self.control = app
        self.log = log
        self.change = change
        self.orders = orders or Orders()
        self.stopping = threading.Event()
        self.add, self.clear = self.orders.add, self.orders.clear
        self.pending, self.take = self.orders.pending, self.orders.take

    def apply(self, change: Mapping[str, Any]) -> None:
        """Change the world, whoever does that by now."""
        self.change(change)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path.startswith("/simulator"):
            return self.control(environ, start_response)
        entry = Logged(
            method,
            path,
            without_signature(environ.get("QUERY_STRING", "")),
            environ.get("HTTP_HOST", ""),
            scheme(environ.get("HTTP_AUTHORIZATION", "")),
            range=environ.get("HTTP_RANGE", ""),
            size=int(environ.get("CONTENT_LENGTH") or 0),
        )
        faults = self.take(method, path)
        entry.fault = ",".join(fault.kind for fault in faults)
        self.log.add(entry)
        captured = self.outcome(environ, faults)
        entry.status = int(captured.status.split()[0])
        start_response(captured.status, captured.headers)
        environ["simulator.content"], environ["simulator.drip"] = captured.content, captured.drip
        return [captured.body]

    def outcome(self, environ: WSGIEnvironment, faults: list[Fault]) -> Captured:
        """Waits and changes first, then the one fault that decides how it ends."""
        for fault in faults:
            if fault.kind == "delay":
                self.stopping.wait(fault.seconds)
            elif fault.kind == "change":
                self.change(fault.change)
            elif fault.kind == "whole":
                environ.pop("HTTP_RANGE", None)
        captured = self.ending(environ, faults)
        for fault in faults:
            if fault.kind == "drip":
                captured.drip = (fault.size, fault.seconds)
        return captured

    def ending(self, environ: WSGIEnvironment, faults: list[Fault]) -> Captured:
        """The answer, or the end of the connection."""
        final = next((fault for fault in faults if fault.kind not in PASSING), None)
        if final is None:
            return capture(self.app, environ)
        genuine = final.after or final.kind in GENUINE
        captured = capture(self.app, environ) if genuine else Captured()
        if final.kind in ("drop", "reset"):
            raise Hangup(reset=final.kind == "reset")
        if final.kind == "truncate":
            raise Hangup(answer=captured, part=captured.length // 2)
        if final.kind == "cut":
            # One that fits is whole, and its connection lives on.
            if captured.length <= final.size:
                return captured
            raise Hangup(answer=captured, part=final.size)
        if final.kind in GENUINE:
            return spoilt(captured, final)
        status, headers, content = final.answer()
        return Captured(status_line(status), list(headers.items()), content)


def spoilt(answer: Captured, fault: Fault) -> Captured:
    """The server's own answer with something wrong about it."""
    headers = {name.lower(): (name, value) for name, value in answer.headers}
    if fault.kind == "headers":
        headers.update({name.lower(): (name, value) for name, value in fault.headers.items()})
    elif fault.kind == "range":
        found = PLACE.fullmatch(headers.get("content-range", ("", ""))[1])
        if found is not None:
            first, last, total = (int(item) for item in found.groups())
            first, last, total = first + fault.shift, last + fault.shift, total + fault.total
            headers["content-range"] = ("Content-Range", f"bytes {first}-{last}/{total}")
    else:
        headers["content-encoding"] = ("Content-Encoding", "gzip")
        answer.body = swelled(answer.body, fault.size)
    answer.headers = list(headers.values())
    return answer


def swelled(body: bytes, size: int) -> bytes:
    """Packed with so many blanks behind it: JSON still, but large when it is unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * BLANKS
    pieces = (
        packer.compress(blanks[: min(BLANKS, size - begin)]) for begin in range(0, size, BLANKS)
    )
    return b"".join([packer.compress(body), *pieces, packer.flush()])


def without_signature(query: str) -> str:
    """A query as it may be kept."""
    return re.sub("(auth|signature)=[^&]*", r"\1=...", query, flags=re.IGNORECASE)


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
    captured.content = environ.pop("simulator.content", None)
    captured.drip = environ.pop("simulator.drip", None)
    return captured
