# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch a file through a link of the portal in small pieces, and resume where it broke off (C34-C36).

This file is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import unquote, urljoin, urlsplit

from .client import LONGEST_RETRY_AFTER, Client
from .connection import proxies_for
from .errors import DocSpaceError, Effect, protocol_error
from .http_session import HttpSession
from .response import from_answer, read_answer
from .values import PORTS, is_common, normal_uuid, parse_time, spellings

# Bytes. An attempt that brings fewer counts as failed. One that brings fewer in the time that an answer
# may take is ended.
LEAST = 64 * 1024
# Characters. Masking a shorter signature would hide parts of sizes and times.
SHORTEST_SIGNATURE = 12
# Names of query parameters that grant access, at the portal and the storages behind it.
_SIGNATURES = re.compile("auth|sig|token|credential|secret|key|pass", re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")

# What the portal's refusal of its own link means (C35).
_REFUSALS = {
    400: "The portal considers its own link incomplete",
    403: "The portal refuses its own link: it has expired, or these credentials aren't those of a "
    "portal administrator",
    404: "The file behind the link was deleted from the portal",
}


class RangeMismatch(DocSpaceError):
    """The bytes received don't continue the file that was begun, so it starts over."""


class StorageError(DocSpaceError):
    """The storage behind the portal refuses the file. It may accept the next signature."""

    @property
    def transient(self) -> bool:
        """Whether a repetition may succeed."""
        return True


class OutOfTime(DocSpaceError):
    """The deadline passed before the file was complete."""


class Sink(Protocol):
    """Where the bytes are written."""

    @property
    def size(self) -> int:
        """The number of bytes written."""

    def announced(self, total: int | None) -> None:
        """Take the size of the file before its first byte; None if it isn't known."""

    def take(self, piece: bytes, /) -> bool:
        """Write the next bytes. Returns False if no more of them are wanted."""

    def last(self) -> bytes:
        """Return the last byte written."""

    def restart(self) -> None:
        """Drop all bytes: the file starts over."""


def fetch(client: Client, link: str, sink: Sink) -> int:
    """Fetch the missing part of a file. Returns how often it was resumed.

    link: as `absolute_url` returns it. An attempt that brings little counts against the connection's
    `retries`; one that brings more resets the count. Raises OutOfTime when `client.deadline` passes.
    """
    return _Fetch(client, link, sink).run()


class _Fetch:
    def __init__(self, client: Client, target: str, sink: Sink) -> None:
        self._client, self._target, self._sink = client, target, sink
        self._storage: HttpSession | None = None
        self._total: int | None = None  # bytes of the file, None if not known
        self._resumed = 0

    def run(self) -> int:
        client, sink = self._client, self._sink
        failed, farthest, restarted = 0, sink.size, False
        while True:
            client.guard.wait(writes=False)
            try:
                if client.left <= 0:
                    raise self._out_of_time()
                self._attempt()
                return self._resumed
            except DocSpaceError as error:
                mismatch = isinstance(error, RangeMismatch)
                if mismatch:
                    sink.restart()
                    self._total = None
                    if not restarted:
                        # The bytes of an earlier run were of no use: that is no failed attempt.
                        restarted, farthest = True, 0
                        self._client.log("the partial file can't be resumed, starting over")
                        continue
                failed = 0 if sink.size - farthest >= LEAST else failed + 1
                farthest = max(farthest, sink.size)
                patient = (error.retry_after or 0.0) <= LONGEST_RETRY_AFTER
                again = mismatch or error.transient or error.code == "rate_limited"
                named = self._named(error)
                if again and client.left <= 0:
                    raise self._named(self._out_of_time()) from error
                if not (again and patient) or failed > client.retries:
                    if again and sink.size:
                        named = named.evolve(message=f"{error.message}{self._progress()}")
                    raise named from error
                client.pause(max(0, failed - 1), named, at_most=client.left)

    def _attempt(self) -> None:
        sink = self._sink
        # A range behind the end is an internal error of the server (C36). So unless it is known that
        # bytes are missing, the last byte is requested again.
        more = self._total is not None and sink.size < self._total
        begin = sink.size if more else sink.size - 1
        if begin <= 0:
            if sink.size:
                sink.restart()
            begin = 0
        with self._open({"Range": f"bytes={begin}-"} if begin else {}) as (session, answer):
            begin = self._begins_at(answer, begin)
            sink.announced(self._total)
            received, overlap = 0, begin < sink.size
            for piece in answer.raw.stream(LEAST, decode_content=False):
                received += len(piece)
                if received >= LEAST:
                    if self._client.left <= 0:
                        raise self._out_of_time()
                    session.more(self._client.limits()[1])
                    received = 0
                if overlap and piece[:1] != sink.last():
                    raise RangeMismatch(
                        "protocol", "The file on the portal isn't the one that was begun."
                    )
                wanted = sink.take(piece[1:] if overlap else piece)
                overlap = False
                if not wanted:
                    return
        if self._total is not None and sink.size < self._total:
            raise DocSpaceError(
                "connection",
                "The file was cut off before its end. Check proxies before the portal.",
            )

    def _begins_at(self, answer: Any, requested: int) -> int:
        """Return the position in the file where an answer begins: as requested, or 0."""
        headers = answer.headers
        kind = headers.get("Content-Type", "").lower()
        if "html" in kind or "json" in kind:
            raise protocol_error(
                "The answer is a web page instead of the file. Check proxies and login pages before "
                "the portal.",
                status=answer.status_code,
            )
        if answer.status_code == 200:
            if self._sink.size:
                self._client.log("the server sends the file from its beginning, not the range")
                self._sink.restart()
            length = headers.get("Content-Length", "")
            self._total = int(length) if re.fullmatch("[0-9]{1,18}", length) else None
            return 0
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
        begin, last, total = map(int, found.groups()) if found else (-1, -1, -1)
        if (
            not requested
            or (begin, last + 1) != (requested, total)
            or self._total not in (None, total)
        ):
            raise RangeMismatch(
                "protocol",
                "The answer isn't the requested range of the file. Check proxies before the portal, and "
                "run again.",
                status=answer.status_code,
            )
        self._total = total
        self._resumed += 1
        return requested

    @contextmanager
    def _open(self, headers: dict[str, str]) -> Iterator[tuple[HttpSession, Any]]:
        """Yield the answer with the file, from the portal or from the storage behind it (C36)."""
        client = self._client
        timeout, whole = client.limits()
        # Positions in a compressed answer would be others.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **headers}
        request: dict[str, Any] = {"timeout": timeout, "whole": whole, "headers": headers}
        with client.session.open("GET", self._target, **request) as answer:
            if answer.status_code in (200, 206):
                yield client.session, answer
                return
            if answer.status_code != 302:
                raise link_refused(answer)
            place = redirected(client, self._target, answer.location)
        try:
            session = self._storage_session(base_url(place))
            with session.open("GET", place, anonymous=True, **request) as answer:
                if answer.status_code not in (200, 206):
                    raise storage_refused(answer)
                yield session, answer
        except DocSpaceError as error:
            if error.code != "config":
                raise
            # No option is wrong: the portal chose this address, and a backup may have been started.
            raise protocol_error(
                "The address of the portal's storage can't be used. Check the settings of that storage, "
                f"and the proxy variables. {error.message}",
                status=302,
            ) from error

    def _storage_session(self, host: str) -> HttpSession:
        portal = self._client.connection
        if self._storage is None or self._storage.connection.url != host:
            proxies = proxies_for(host, portal.secrets)
            there = portal._replace(url=host, authorization="", proxies=proxies)
            self._storage = HttpSession(there, foreign=True)
        return self._storage

    def _out_of_time(self) -> OutOfTime:
        return OutOfTime(
            "task_failed",
            "'wait_timeout' passed before the file was complete. Raise it if this happens again."
            f"{self._progress()}",
        )

    def _progress(self) -> str:
        of = "" if self._total is None else f" of {self._total}"
        return f" {self._sink.size}{of} bytes downloaded; run the task again to resume."

    def _named(self, error: DocSpaceError) -> DocSpaceError:
        """Add the request to an error, without its query, which is signed."""
        return error.evolve(method="GET", path=urlsplit(self._target).path)


def absolute_url(client: Client, link: Any) -> str:
    """Return the address of a link that the portal gives. It is masked as a secret from here on.

    Raises an error unless it begins with one slash and leads to the portal itself.
    """
    target = f"{client.url}{link}"
    valid = isinstance(link, str) and re.fullmatch("/(?!/)[^\\\\\x00-\x1f\x7f\ud800-\udfff]*", link)
    if valid:
        _mask_signature(client, target)
    if not valid or _origin(target) != _origin(client.url):
        raise protocol_error(
            "The portal's link to the file doesn't lead to the portal, so nothing is sent there. "
            "Check that 'url' is the portal's own address."
        )
    return target


def redirected(client: Client, target: str, location: str) -> str:
    """Return the address to which the portal redirects. It is masked as a secret from here on."""
    place = urljoin(target, location)
    _mask_signature(client, place)
    origin = _origin(place)
    down = target.startswith("https:") and origin is not None and origin[0] != "https"
    if not location or origin is None or down or "@" in urlsplit(place).netloc:
        why = "an address without TLS" if down else "an address that can't be parsed"
        raise protocol_error(f"The portal redirects to {why}, which isn't followed.", status=302)
    return place


def base_url(place: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc}"


def link_refused(answer: Any) -> DocSpaceError:
    """Return the error for the portal's answer to a link that isn't the file."""
    status = answer.status_code
    decoded, page = read_answer(answer)
    failure = from_answer(status, answer.headers, decoded, page=page)
    error = failure or protocol_error("The portal answers without the file.", status=status)
    if status == 416:
        # The requested range isn't in this file, so it isn't the one that was begun.
        error = RangeMismatch(error.code, error.message, status=status, detail=error.detail)
    if status in _REFUSALS:
        message = f"{_REFUSALS[status]} (HTTP {status}). Create a new backup."
        error = error.evolve(message=message)
    return error.evolve(effect=Effect.NONE)


def storage_refused(answer: Any) -> DocSpaceError:
    """Return the error for a refusal by the storage behind the portal.

    Its own message may repeat the signature, so it isn't shown.
    """
    status = answer.status_code
    known = from_answer(status, answer.headers, {}, page=False)
    return (RangeMismatch if status == 416 else StorageError)(
        "protocol" if known is None else known.code,
        f"{answer.host}, where the portal keeps its files, refuses the file (HTTP {status}). Check the "
        "log of that storage, and the clocks of both servers.",
        status=status,
        retry_after=None if known is None else known.retry_after,
    )


def _mask_signature(client: Client, address: str) -> None:
    """Have the signature in a link masked in all texts of servers.

    A portal chooses it, so a value that is common in IDs or times doesn't count as one, and none is
    masked in results, which contain no link.
    """
    query = re.split("[?#]", address, maxsplit=1)[1:]
    found = set(query) if "=" in "".join(query) else set()
    for pair in re.split("[&;#]", "".join(query)):
        name, _equals, value = pair.partition("=")
        if _SIGNATURES.search(name):
            found |= {value, unquote(value)}
    client.connection.signatures.update(
        form for text in found if _is_signature(text) for form in spellings(text)
    )


def _is_signature(text: str) -> bool:
    if len(text) < SHORTEST_SIGNATURE or is_common(text) or text.isdigit() or normal_uuid(text):
        return False
    try:
        parse_time(text)
    except ValueError:
        return True
    return False


def _origin(address: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in PORTS:
        return None
    return parts.scheme, host, port or PORTS[parts.scheme]
