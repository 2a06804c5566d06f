# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links of the portal to files: where they lead, and what it means when one is refused (C34-C36).

This file is private to the collection.

A file of the portal over HTTP: in small pieces, and on from where it broke off (C34-C36).

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
from .http import HttpSession
from .response import from_answer, read_answer
from .values import PORTS, is_common, normal_uuid, parse_time, spellings

# Shorter ones would hide parts of sizes and times.
SHORTEST_SIGNATURE = 12
# The names of a query's values that let somebody in, for the portal and the storages behind it.
_SIGNATURES = re.compile("auth|sig|token|credential|secret|key|pass", re.IGNORECASE)

# What the portal's refusal of its own link means (C35).
_MEANS = {
    400: "The portal takes its own link for incomplete",
    403: "The portal refuses its own link: it is no longer good, or these credentials aren't those "
    "of a portal administrator",
    404: "The file behind the link is gone from the portal",
}


class RangeMismatch(DocSpaceError):
    """What came can't be put behind what is there, so that the file is begun anew."""


class StorageError(DocSpaceError):
    """A refusal of the storage behind the portal: it may take the next signature."""

    @property
    def transient(self) -> bool:
        """Whether a repetition may succeed."""
        return True


def absolute_url(client: Client, link: Any) -> str:
    """The address of a link that the portal gives. It is a secret from here on.

    It begins with one slash and leads to the portal itself; nothing is sent anywhere else.
    """
    target = f"{client.url}{link}"
    right = isinstance(link, str) and re.fullmatch("/(?!/)[^\\\\\x00-\x1f\x7f\ud800-\udfff]*", link)
    if right:
        _hide(client, target)
    if not right or _origin(target) != _origin(client.url):
        raise protocol_error(
            "The portal's link to the file doesn't lead to the portal, so nothing is sent there. "
            "Check that 'url' is the portal's own address."
        )
    return target


def redirected(client: Client, target: str, location: str) -> str:
    """Where a redirect of the portal leads. It is a secret from here on, too."""
    place = urljoin(target, location)
    _hide(client, place)
    goal = _origin(place)
    down = target.startswith("https:") and goal is not None and goal[0] != "https"
    if not location or goal is None or down or "@" in urlsplit(place).netloc:
        why = "to a place without TLS" if down else "to an address that can't be read"
        raise protocol_error(f"The portal leads {why}, which isn't followed.", status=302)
    return place


def base_url(place: str) -> str:
    """The address of a place's host."""
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc}"


def link_refused(_client: Client, answer: Any) -> DocSpaceError:
    """What the portal's answer to a link means that isn't the file."""
    status = answer.status_code
    decoded, page = read_answer(answer)
    failure = from_answer(status, answer.headers, decoded, page=page)
    error = failure or protocol_error("The portal answers without the file.", status=status)
    if status == 416:
        # The requested range isn't in this file, so the part isn't its beginning.
        error = RangeMismatch(error.code, error.message, status=status, detail=error.detail)
    if status in _MEANS:
        error.message = f"{_MEANS[status]} (HTTP {status}). Have a new backup made."
    error.effect = Effect.NONE
    return error


def storage_refused(_place: str, answer: Any) -> DocSpaceError:
    """The same of the storage behind it. Its words may repeat the signature: they aren't shown."""
    status = answer.status_code
    known = from_answer(status, answer.headers, {}, page=False)
    return (RangeMismatch if status == 416 else StorageError)(
        "protocol" if known is None else known.code,
        f"{answer.host}, where the portal keeps its files, refuses the file (HTTP "
        f"{status}). Look into the log of that storage, and at the clocks of both.",
        status=status,
        retry_after=None if known is None else known.retry_after,
    )


def _hide(client: Client, address: str) -> None:
    """Have the signature of a link masked wherever a server repeats it.

    The portal chooses it, so what would mask ids, times and the like isn't taken for one, and none
    is masked in results, which say nothing of a link.
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
        self._elsewhere: HttpSession | None = None
        self._total: int | None = None
        self._went_on = 0

    def run(self) -> int:
        client, sink = self._client, self._sink
        failed, farthest = 0, sink.size
        while True:
            client.guard.wait(writes=False)
            try:
                if client.left <= 0:
                    raise self._out_of_time()
                self._try()
                return self._went_on
            except DocSpaceError as error:
                # Without its query, which is signed.
                error.method, error.path = "GET", urlsplit(self._target).path
                astray = isinstance(error, RangeMismatch)
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
                    raise RangeMismatch(
                        "protocol", "The portal's file isn't the one that was begun."
                    )
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
            raise RangeMismatch(
                "protocol",
                "The rest of the file was asked for, and another part of it, or of another file, "
                "came. Look at proxies on the way, and run again.",
                status=answer.status_code,
            )
        self._total = total
        self._went_on += 1
        return asked

    @contextmanager
    def _open(self, headers: dict[str, str]) -> Iterator[tuple[HttpSession, Any]]:
        """The answer with the file, from the portal or from where it leads to (C36)."""
        client = self._client
        timeout, whole = client.limits()
        # A packed answer would have its places elsewhere.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **headers}
        request: dict[str, Any] = {"timeout": timeout, "whole": whole, "headers": headers}
        with client.session.open("GET", self._target, **request) as answer:
            if answer.status_code in (200, 206):
                yield client.session, answer
                return
            if answer.status_code != 302:
                raise link_refused(client, answer)
            place = redirected(client, self._target, answer.location)
        try:
            wire = self._wire_to(base_url(place))
            with wire.open("GET", place, anonymous=True, **request) as answer:
                if answer.status_code not in (200, 206):
                    raise storage_refused(place, answer)
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

    def _wire_to(self, host: str) -> HttpSession:
        known = self._client.connection
        if self._elsewhere is None or self._elsewhere.connection.url != host:
            proxies = proxies_for(host, known.secrets)
            there = known._replace(url=host, authorization="", proxies=proxies)
            self._elsewhere = HttpSession(there, foreign=True)
        return self._elsewhere
