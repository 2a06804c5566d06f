# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of the portal over HTTP: in small pieces, and on from where it broke off (C34-C36).

This file is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

from .client import LONGEST_RETRY_AFTER, Client
from .errors import DocSpaceError, protocol_error
from .link import Astray, redirected, refused, refused_elsewhere, root
from .wire import Wire, proxies_for

# A try that brings less counts as a failed one, and one that is slower than this in the time that
# an answer may take is given up.
LEAST = 64 * 1024

_PLACE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


class OutOfTime(DocSpaceError):
    """The wait was over before the file was complete."""


class Sink(Protocol):
    """Where the bytes go."""

    @property
    def size(self) -> int:
        """How many are there."""

    def announced(self, total: int | None) -> None:
        """How long the whole file is, before the first byte comes; None where it isn't said."""

    def take(self, piece: bytes, /) -> bool:
        """The next bytes. False for: no more of them are wanted."""

    def last(self) -> bytes:
        """The last byte that is there."""

    def restart(self) -> None:
        """Forget all that is there: the file comes from its beginning."""


def fetch(client: Client, link: str, sink: Sink) -> int:
    """Fetch what is missing of a file. Gives how often that went on from the middle.

    link: as `whole_address` gives it. A try that brings little counts against the portal's
    `retries`; one that brings more starts the count anew. Within `client.within` the whole fetch
    ends with OutOfTime when that wait is over.
    """
    return _Fetch(client, link, sink).run()


class _Fetch:
    def __init__(self, client: Client, target: str, sink: Sink) -> None:
        self._client, self._target, self._sink = client, target, sink
        self._elsewhere: Wire | None = None
        self._total: int | None = None
        self._went_on = 0

    def run(self) -> int:
        client, sink = self._client, self._sink
        failed, farthest = 0, sink.size
        while True:
            client.gate.wait(writes=False)
            try:
                if client.left <= 0:
                    raise self._out_of_time()
                self._try()
                return self._went_on
            except DocSpaceError as error:
                # Without its query, which is signed.
                error.method, error.path = "GET", urlsplit(self._target).path
                astray = isinstance(error, Astray)
                if astray:
                    sink.restart()
                    self._total = None
                failed = 0 if sink.size - farthest >= LEAST else failed + 1
                farthest = max(farthest, sink.size)
                patient = (error.retry_after or 0.0) <= LONGEST_RETRY_AFTER
                again = astray or error.transient or error.code == "rate_limited"
                if again and client.left <= 0:
                    raise self._out_of_time() from error
                if not (again and patient) or failed > client.retries:
                    if again and sink.size:
                        error.message += self._progress()
                    raise
                client.pause(max(0, failed - 1), error, at_most=client.left)

    def _out_of_time(self) -> OutOfTime:
        error = OutOfTime(
            "task_failed",
            "'wait_timeout' passed before the file was complete. Raise it if this happens again."
            f"{self._progress()}",
        )
        error.method, error.path = "GET", urlsplit(self._target).path
        return error

    def _progress(self) -> str:
        of = "" if self._total is None else f" of {self._total}"
        return f" {self._sink.size}{of} bytes downloaded; run the task again to resume."

    def _try(self) -> None:
        sink = self._sink
        # Behind the end there is an internal error (C36). So unless it is known that something is
        # missing, the last byte is asked for again.
        more = self._total is not None and sink.size < self._total
        begin = sink.size if more else sink.size - 1
        if begin <= 0:
            if sink.size:
                sink.restart()
            begin = 0
        with self._open({"Range": f"bytes={begin}-"} if begin else {}) as (wire, answer):
            begin = self._begins_at(answer, begin)
            sink.announced(self._total)
            came, again = 0, begin < sink.size
            for piece in answer.raw.stream(LEAST, decode_content=False):
                came += len(piece)
                if came >= LEAST:
                    if self._client.left <= 0:
                        raise self._out_of_time()
                    wire.more(self._client.limits()[1])
                    came = 0
                if again and piece[:1] != sink.last():
                    raise Astray("protocol", "The portal's file isn't the one that was begun.")
                wanted = sink.take(piece[1:] if again else piece)
                again = False
                if not wanted:
                    return
        if self._total is not None and sink.size < self._total:
            raise DocSpaceError(
                "connection",
                "The file was cut off before its end. Look at proxies on the way.",
            )

    def _begins_at(self, answer: Any, asked: int) -> int:
        """Where in the file an answer begins: what was asked for, or at the beginning."""
        headers = answer.headers
        kind = headers.get("Content-Type", "").lower()
        if "html" in kind or "json" in kind:
            raise protocol_error(
                "A web page came in place of the file. Look at proxies and login pages on the way.",
                status=answer.status_code,
            )
        if answer.status_code == 200:
            if self._sink.size:
                self._client.log("the file comes from its beginning, though the rest was asked for")
                self._sink.restart()
            length = headers.get("Content-Length", "")
            self._total = int(length) if re.fullmatch("[0-9]{1,18}", length) else None
            return 0
        found = _PLACE.fullmatch(headers.get("Content-Range", "").strip())
        begin, last, total = map(int, found.groups()) if found else (-1, -1, -1)
        if not asked or (begin, last + 1) != (asked, total) or self._total not in (None, total):
            raise Astray(
                "protocol",
                "The rest of the file was asked for, and another part of it, or of another file, "
                "came. Look at proxies on the way, and run again.",
                status=answer.status_code,
            )
        self._total = total
        self._went_on += 1
        return asked

    @contextmanager
    def _open(self, headers: dict[str, str]) -> Iterator[tuple[Wire, Any]]:
        """The answer with the file, from the portal or from where it leads to (C36)."""
        client = self._client
        timeout, whole = client.limits()
        # A packed answer would have its places elsewhere.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **headers}
        request: dict[str, Any] = {"timeout": timeout, "whole": whole, "headers": headers}
        with client.wire.open("GET", self._target, **request) as answer:
            if answer.status_code in (200, 206):
                yield client.wire, answer
                return
            if answer.status_code != 302:
                raise refused(client, answer)
            place = redirected(client, self._target, answer.location)
        try:
            wire = self._wire_to(root(place))
            with wire.open("GET", place, anonymous=True, **request) as answer:
                if answer.status_code not in (200, 206):
                    raise refused_elsewhere(place, answer)
                yield wire, answer
        except DocSpaceError as error:
            if error.code != "config":
                raise
            # No option is wrong: the portal chose this address, and a backup may have been started.
            raise protocol_error(
                "The address where the portal keeps its files can't be used. Look at the settings of "
                f"that storage, and at the proxy variables. {error.message}",
                status=302,
            ) from error

    def _wire_to(self, host: str) -> Wire:
        known = self._client.connection
        if self._elsewhere is None or self._elsewhere.connection.url != host:
            proxies = proxies_for(host, known.secrets)
            there = known._replace(url=host, authorization="", proxies=proxies)
            self._elsewhere = Wire(there, foreign=True)
        return self._elsewhere
