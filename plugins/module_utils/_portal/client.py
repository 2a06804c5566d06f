# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send requests to a portal: retry them, limit their time, read the envelope of the answer.

It knows no endpoint. This file is private to the collection.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from .connection import Connection
from .errors import DocSpaceError, Effect, protocol_error
from .http_session import HttpSession, too_large
from .interrupts import InterruptGuard
from .response import from_answer, read_answer
from .values import is_int

# Seconds. If the portal asks for a longer pause, the request fails.
LONGEST_RETRY_AFTER = 30.0
# A whole answer may take this many times the time-out, which is for each read.
WHOLE_ANSWER = 10.0
# Seconds. Even the last request within a deadline gets this long, or it could never be answered.
SHORTEST_TIMEOUT = 1.0

Read = Callable[[Any], Any]


class Client:
    """A session with one portal, for one thread at a time."""

    def __init__(
        self,
        connection: Connection,
        log: Callable[[str], None],
        guard: InterruptGuard | None = None,
    ) -> None:
        self.connection = connection
        self.url = connection.url
        self.retries = connection.retries
        self.log = log
        self.guard = guard or InterruptGuard()
        self.session = HttpSession(connection)
        self._until: float | None = None

    def clone(self) -> Client:
        """Return a client of the same portal with a session of its own, for another thread."""
        return Client(self.connection, self.log, self.guard)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Let no request within the block take longer than what is left of these seconds."""
        before, self._until = self._until, time.monotonic() + seconds
        try:
            yield
        finally:
            self._until = before

    @property
    def left(self) -> float:
        """Seconds until the deadline: 0 or less when it has passed, infinite without one."""
        return float("inf") if self._until is None else self._until - time.monotonic()

    def limits(self) -> tuple[float, float]:
        """Return the seconds that each read, and that an answer as a whole may take."""
        timeout = self.connection.timeout
        left = max(SHORTEST_TIMEOUT, self.left)
        return min(timeout, left), min(timeout * WHOLE_ANSWER, left)

    def get(
        self,
        path: str,
        query: dict[str, str] | None = None,
        *,
        read: Read | None = None,
        anonymous: bool = False,
        once: bool = False,
        raw: Collection[str] = (),
    ) -> Any:
        """Read: return the answer's `response`, None if that key is missing (C7).

        Args:
            path: From the portal's address on, such as `/api/2.0/files/rooms`.
            query: Parameters of the address.
            read: Parses the response. An error that it raises names this request.
            anonymous: Send no credentials.
            once: Don't retry, for a caller that polls.
            raw: As in `read_answer`.
        """
        return self._send("GET", path, query, read=read, once=once, anonymous=anonymous, raw=raw)[0]

    def get_page(
        self, path: str, query: dict[str, str] | None = None, *, read: Read | None = None
    ) -> tuple[Any, int | None]:
        """Read one page of a list: return its items, and the number of all, None if not told."""
        return self._send("GET", path, query, read=read)

    def get_object(self, path: str) -> dict[str, Any]:
        """Read the JSON object of a page outside of the API, which has no envelope."""
        found: dict[str, Any] = self._retried("GET", self._target(path, None), self._send_bare)
        return found

    def delete(
        self, path: str, query: dict[str, str] | None = None, *, read: Read | None = None
    ) -> Any:
        """Write. Retried only after 429, which had no effect (C32); else the caller decides."""
        return self._send("DELETE", path, query, read=read)[0]

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, read: Read | None = None
    ) -> Any:
        """Write, and retry as `delete` does."""
        return self._send("POST", path, read=read, json=body)[0]

    def post_form(
        self, path: str, query: dict[str, str] | None, form: Form | None, *, whole: float
    ) -> dict[str, Any]:
        """Send a form, or no body, to a page outside of the API, once. Return its JSON object.

        whole: seconds that the exchange may take.
        """
        self.guard.wait(writes=True)
        target = self._target(path, query)
        timeout, headers = self.connection.timeout, {} if form is None else form.headers
        with self._named("POST", target):
            return self._send_bare(
                "POST", target, timeout=timeout, whole=whole, data=form, headers=headers
            )

    def look_up(
        self,
        failed: DocSpaceError,
        find: Callable[[], Any],
        pauses: Sequence[float] | None = None,
        *,
        patient: bool = False,
    ) -> tuple[Any, DocSpaceError]:
        """Find out what a write did that wasn't answered with success.

        Returns what `find` finds, None for nothing, and the error: its effect is then NONE if that
        is certain, else UNKNOWN with `changed`.

        Args:
            failed: The error of the write.
            find: Reads, and returns what shows the effect, None if there is none.
            pauses: Seconds before each further look-up; by default those of `late_pauses`.
            patient: Look up a refusal as often as any other error, not only once.
        """
        if failed.effect == Effect.NONE:
            return None, failed
        unread: DocSpaceError | None = None
        self.log(f"{failed.method} {failed.path}: {failed.code}, looking up its effect")
        waits = list(self.late_pauses() if pauses is None else pauses)
        end = time.monotonic() + sum(waits)
        if failed.effect == Effect.REFUSED and not patient:
            waits = []
        while True:
            try:
                found, unread = find(), None
            except DocSpaceError as error:
                self.log(f"{error.method} {error.path}: {error.code}")
                found, unread = None, error
            if found is not None:
                return found, failed
            if not waits or time.monotonic() >= end:
                break
            time.sleep(waits.pop(0))
        if failed.had_no_effect(unread):
            return None, failed.evolve(effect=Effect.NONE)
        return None, failed.evolve(effect=Effect.UNKNOWN, changed=True)

    def late_pauses(self) -> list[float]:
        """Seconds before two more look-ups of a late effect: one soon, the last after `timeout`."""
        timeout = self.connection.timeout
        return [timeout / 10.0, timeout * 0.9]

    def pause(self, attempt: int, why: DocSpaceError, at_most: float = float("inf")) -> None:
        """Wait before a retry. attempt: its number, from 0."""
        delay = min(8.0, 0.5 * 2.0 ** min(attempt, 4) * random.uniform(1.0, 1.25))
        if why.retry_after is not None:
            delay = why.retry_after
        delay = max(0.0, min(delay, at_most))
        self.log(f"{why.method} {why.path}: {why.code}, repeated after {delay:.1f} s")
        if why.code == "rate_limited":
            self.guard.pause(delay)
        else:
            time.sleep(delay)

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        read: Read | None = None,
        once: bool = False,
        **request: Any,
    ) -> tuple[Any, int | None]:
        """Send a request to the API, with retries: the parsed response, and `total`."""

        def send(method: str, target: str, **limits: Any) -> tuple[Any, int | None]:
            return self._send_once(method, target, read, **limits, **request)

        found: tuple[Any, int | None]
        found = self._retried(method, self._target(path, query), send, once=once)
        return found

    def _retried(
        self, method: str, target: str, send: Callable[..., Any], *, once: bool = False
    ) -> Any:
        attempt = 0
        while True:
            self.guard.wait(writes=method != "GET")
            timeout, whole = self.limits()
            try:
                with self._named(method, target):
                    return send(method, target, timeout=timeout, whole=whole)
            except DocSpaceError as error:
                again = error.code == "rate_limited" or (method == "GET" and error.transient)
                patient = (error.retry_after or 0.0) <= LONGEST_RETRY_AFTER
                if once or not (again and patient and attempt < self.retries):
                    raise
                self.pause(attempt, error)
                attempt += 1

    def _send_once(
        self, method: str, target: str, read: Read | None, **request: Any
    ) -> tuple[Any, int | None]:
        status, decoded, failure = self._exchange(method, target, **request)
        if failure is not None:
            raise failure
        response, total = decoded.get("response"), decoded.get("total")
        try:
            result = read(response) if read else response
        except MemoryError:
            raise too_large(status) from None
        return result, (total if is_int(total) else None)

    def _send_bare(self, method: str, target: str, **request: Any) -> dict[str, Any]:
        """Send a request to a page outside of the API: the JSON object of its answer."""
        status, decoded, failure = self._exchange(method, target, **request)
        if status >= 300 and failure is not None:
            raise failure
        if not decoded:
            raise protocol_error("The answer doesn't come from the portal, so it is ignored.")
        return decoded

    def _exchange(
        self, method: str, target: str, *, raw: Collection[str] = (), **request: Any
    ) -> tuple[int, dict[str, Any], DocSpaceError | None]:
        """One request and its answer: status, JSON object, and why it isn't the API's success."""
        with self.session.open(method, target, **request) as answer:
            decoded, page = read_answer(answer, raw=raw)
            failure = from_answer(answer.status_code, answer.headers, decoded, page=page)
            return answer.status_code, decoded, failure

    def _target(self, path: str, query: dict[str, str] | None) -> str:
        return f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")

    @contextmanager
    def _named(self, method: str, target: str) -> Iterator[None]:
        """Add to an error which request it is about. The one place that does so."""
        try:
            yield
        except DocSpaceError as error:
            path = target[target.index("/", 8) :]
            raise error.evolve(method=method, path=path) from error


class Form:
    """A multipart form with one file, read while it is sent: `requests` would hold it in memory.

    It can be iterated over once.
    """

    def __init__(self, pieces: Iterable[bytes], length: int) -> None:
        """Build the form. pieces: of the file, `length` bytes in all."""
        boundary = uuid.uuid4().hex
        self.headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self._pieces, self._length = pieces, length
        # Without a file name the server takes it for a text field (C39).
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            'filename="backup.tar.gz"\r\nContent-Type: application/octet-stream\r\n\r\n'
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()

    def __len__(self) -> int:
        return len(self._head) + self._length + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._pieces
        yield self._tail
