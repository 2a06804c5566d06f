# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a DocSpace portal: retries, bounds, envelope. Knows no resource.

This file is private to the collection.

A form with one file in it, of any size, and its way to a page outside of the API.

Its bytes are read while they are sent: `requests` itself would hold all of it in memory. This file is private to the collection.
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
from .http import HttpSession, too_large
from .interrupts import InterruptGuard
from .response import from_answer, read_answer
from .values import is_int

LONGEST_RETRY_AFTER = 30.0
# An answer as a whole may take so many times the time-out.
WHOLE_ANSWER = 10.0
# The last request of a wait has this long at least, or it couldn't be answered at all.
LEAST = 1.0

Read = Callable[[Any], Any]


class Client:
    """A session with one portal, for one thread at a time. log: takes a line on each repetition."""

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
        self._until: float | None = None
        self.session = HttpSession(connection)

    def clone(self) -> Client:
        """The same portal over a connection of its own, for another thread."""
        return Client(self.connection, self.log, self.guard)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """While something is waited for, no request takes longer than the wait has left."""
        before, self._until = self._until, time.monotonic() + seconds
        try:
            yield
        finally:
            self._until = before

    @property
    def left(self) -> float:
        """Seconds that the wait has left, 0 or less once it is over; infinite without one."""
        return float("inf") if self._until is None else self._until - time.monotonic()

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
        """Read: the answer's `response`, None where that key is missing (C7).

        path: from the portal's own address on, such as `/api/2.0/files/rooms`. read: makes of the
        response what it means; its failures name this request. anonymous: without credentials.
        once: not repeated, for a caller that asks again anyway. raw: as `read_answer` takes it.
        """
        how = {"anonymous": anonymous, "once": once, "raw": raw}
        return self._repeat("GET", path, query, read=read, **how)[0]

    def get_page(
        self, path: str, query: dict[str, str] | None = None, *, read: Read | None = None
    ) -> tuple[Any, int | None]:
        """Read one page of a list that the server gives in parts.

        Gives its items, and how many there are in all, None if that isn't said.
        """
        return self._repeat("GET", path, query, read=read)

    def delete(
        self, path: str, query: dict[str, str] | None = None, *, read: Read | None = None
    ) -> Any:
        """Write. Repeated here only on 429, which had no effect (C32); else the caller decides."""
        return self._repeat("DELETE", path, query, read=read)[0]

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, read: Read | None = None
    ) -> Any:
        """Write, and repeat as `delete` does."""
        return self._repeat("POST", path, body=body, read=read)[0]

    def look_up(
        self,
        failed: DocSpaceError,
        look: Callable[[], Any],
        pauses: Sequence[float] | None = None,
        *,
        patient: bool = False,
    ) -> Any:
        """Find out what a write did that wasn't answered with success.

        Gives what `look` finds, None for nothing. Then `failed.effect` is NOTHING if that is certain,
        else NOT_KNOWN, and `failed.changed` is true. The message is left to the caller.

        look: reads, and gives what shows the effect, None for none. pauses: seconds before each
        further look, by default as `late_looks`. A refusal is looked up once, unless patient.
        """
        if failed.effect == Effect.NONE:
            return None
        unread: DocSpaceError | None = None
        self.log(f"{failed.method} {failed.path}: {failed.code}, looking up its effect")
        waits = list(self.late_looks() if pauses is None else pauses)
        end = time.monotonic() + sum(waits)
        if failed.effect == Effect.REFUSED and not patient:
            waits = []
        while True:
            try:
                found, unread = look(), None
            except DocSpaceError as error:
                self.log(f"{error.method} {error.path}: {error.code}")
                found, unread = None, error
            if found is not None:
                return found
            if not waits or time.monotonic() >= end:
                break
            time.sleep(waits.pop(0))
        if failed.had_no_effect(unread):
            failed.effect = Effect.NONE
        else:
            failed.effect, failed.changed = Effect.UNKNOWN, True
        return None

    def late_looks(self) -> list[float]:
        """Pauses before two more looks for a late effect: one soon, the last after `timeout`."""
        timeout = self.connection.timeout
        return [timeout / 10.0, timeout * 0.9]

    def pause(self, attempt: int, why: DocSpaceError, at_most: float = float("inf")) -> None:
        """Wait before the repetition with this number, which counts from 0."""
        delay = min(8.0, 0.5 * 2.0 ** min(attempt, 4) * random.uniform(1.0, 1.25))
        if why.retry_after is not None:
            delay = why.retry_after
        delay = max(0.0, min(delay, at_most))
        self.log(f"{why.method} {why.path}: {why.code}, repeated after {delay:.1f} s")
        if why.code == "rate_limited":
            self.guard.pause(delay)
        else:
            time.sleep(delay)

    def _repeat(
        self, method: str, path: str, query: dict[str, str] | None = None, **request: Any
    ) -> tuple[Any, int | None]:
        attempt, once = 0, request.pop("once", False)
        while True:
            self.guard.wait(writes=method != "GET")
            try:
                return self._once(method, path, query, **request)
            except DocSpaceError as error:
                again = error.code == "rate_limited" or (method == "GET" and error.transient)
                patient = (error.retry_after or 0.0) <= LONGEST_RETRY_AFTER
                if once or not (again and patient and attempt < self.retries):
                    raise
                self.pause(attempt, error)
                attempt += 1

    def _once(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None,
        *,
        body: dict[str, Any] | None = None,
        read: Read | None = None,
        anonymous: bool = False,
        raw: Collection[str] = (),
    ) -> tuple[Any, int | None]:
        target = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            timeout, whole = self.limits()
            with self.session.open(
                method, target, timeout=timeout, whole=whole, anonymous=anonymous, json=body
            ) as answer:
                decoded, page = read_answer(answer, raw=raw)
            failure = from_answer(answer.status_code, answer.headers, decoded, page=page)
            if failure is not None:
                raise failure
            response, total = decoded.get("response"), decoded.get("total")
            try:
                result = read(response) if read else response
            except MemoryError:
                raise too_large(answer.status_code) from None
            return result, (total if is_int(total) else None)
        except DocSpaceError as error:
            # The one place where a failure learns which request it is about.
            error.method, error.path = method, target[target.index("/", 8) :]
            raise

    def limits(self) -> tuple[float, float]:
        """Seconds for each read, and for an answer as a whole: what the options and a wait leave."""
        timeout = self.connection.timeout
        whole = timeout * WHOLE_ANSWER
        left = max(LEAST, self.left)
        return min(timeout, left), min(whole, left)


class Form:
    """What `requests` sends as it comes: it has a length, and can be gone through, once.

    pieces: of the file, of `length` bytes in all. The file has a name, or it would be none (C39).
    """

    def __init__(self, pieces: Iterable[bytes], length: int) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._pieces, self._length = pieces, length
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


def post(
    client: Client, path: str, query: dict[str, str] | None, form: Form | None, *, whole: float
) -> dict[str, Any]:
    """Send a form, or none, once: the object that the page answers with, without envelope.

    whole: seconds for all of it.
    """
    client.guard.wait(writes=True)
    target = f"{client.url}{path}" + (f"?{urlencode(query)}" if query else "")
    headers = {} if form is None else {"Content-Type": form.content_type}
    try:
        with client.session.open(
            *("POST", target),
            timeout=client.connection.timeout,
            whole=whole,
            data=form,
            headers=headers,
        ) as answer:
            decoded, page = read_answer(answer)
        if answer.status_code >= 300:
            failure = from_answer(answer.status_code, answer.headers, decoded, page=page)
            raise failure  # type: ignore[misc]
        if not decoded:
            raise protocol_error("The answer isn't the portal's, so nothing is concluded from it.")
        return decoded
    except DocSpaceError as error:
        error.method, error.path = "POST", target[target.index("/", 8) :]
        raise
