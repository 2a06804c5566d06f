# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounds on an answer: the time that it takes as a whole, headers included, and what it swells to.

The time-out of requests is for each read, so that a server that drips never ends. This file is
private to the collection.

One exchange over HTTP: session, TLS, proxies, credentials and time. Knows no API.

This file is private to the collection.
"""

from __future__ import annotations

import gc
import http.client
import io
import socket
import time
import traceback
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

from .connection import Connection
from .errors import DocSpaceError, protocol_error
from .transport_errors import from_exception
from .values import clean

# What an import makes stays. To look for garbage in it takes a tenth of the time of this one, which
# takes longer than all else in a start.
gc.disable()
try:
    from requests.adapters import HTTPAdapter
    from requests.exceptions import ChunkedEncodingError, ContentDecodingError
except Exception:  # the wire says so
    HTTPAdapter = object  # type: ignore[assignment, misc]
finally:
    gc.enable()

# An answer of this size, with as many values, is parsed within 512 MiB of memory. A history of
# 100,000 backups takes 25 MB and 600,000 values.
LARGEST_ANSWER = 32 * 2**20
MOST_VALUES = 10**6
PIECE = 2**16
# As much is inflated at a time.
STEP = 2**20


class Deadline:
    """The time that the answer which is read now may still take."""

    def __init__(self) -> None:
        self._end = 0.0

    def begin(self, seconds: float) -> None:
        """Begin anew."""
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left; none is a time-out."""
        left = self._end - time.monotonic()
        if left <= 0.0:
            raise socket.timeout("the answer as a whole takes too long")
        return left


class _Reader(io.RawIOBase):
    """What http.client reads from: a socket, each read of which fits into the budget."""

    def __init__(self, sock: Any, budget: Deadline) -> None:
        super().__init__()
        self._sock, self._budget = sock, budget
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        usual = self._sock.gettimeout()
        left = self._budget.left()
        self._sock.settimeout(left if usual is None else min(usual, left))
        try:
            count: int | None = self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(usual)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Source:
    """The one method of a socket that http.client uses for an answer."""

    def __init__(self, sock: Any, budget: Deadline) -> None:
        self._sock, self._budget = sock, budget

    def makefile(self, _mode: str, *_args: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._budget))


class Adapter(HTTPAdapter):
    """The transport of requests, with connections that keep to the budget.

    context: for TLS, in place of the usual one.
    """

    def __init__(self, budget: Deadline, context: Any = None) -> None:
        self._budget = budget
        self._tls: dict[str, Any] = {} if context is None else {"ssl_context": context}
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **{**options, **self._tls})
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options, **self._tls)
        if not known:
            self._bound(manager)
        return manager

    def _bound(self, manager: Any) -> None:
        def answer(sock: Any, *args: Any, **options: Any) -> http.client.HTTPResponse:
            source: Any = _Source(sock, self._budget)
            return http.client.HTTPResponse(source, *args, **options)

        def pool(kind: Any) -> Any:
            made = {"response_class": staticmethod(answer)}
            connection = type("Connection", (kind.ConnectionCls,), made)
            return type("Pool", (kind,), {"ConnectionCls": connection})

        kinds = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: pool(kind) for scheme, kind in kinds}


def too_large(status: int) -> DocSpaceError:
    """The failure of an answer that can't be parsed in the memory that a module may have."""
    return protocol_error(
        f"The answer is larger than {LARGEST_ANSWER // 2**20} MiB, or holds more than "
        f"{MOST_VALUES} values, so it isn't evaluated. If the portal really has so much, delete "
        "some of it in the portal.",
        status=status,
    )


def _inflated(inflate: Any, piece: bytes) -> Iterator[bytes]:
    """What a piece swells to, a step at a time."""
    while True:
        try:
            part = inflate.decompress(piece, STEP)
        except zlib.error as error:
            raise ContentDecodingError(error) from error
        yield part
        piece = inflate.unconsumed_tail
        if not piece and len(part) < STEP:
            return


def read_body(answer: Any) -> bytearray:
    """The decoded body, read in pieces. It is refused as soon as it is too large."""
    encoding = clean(answer.headers.get("Content-Encoding", "identity").strip())
    if encoding.lower() not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise protocol_error(f"The answer is encoded as '{encoding[:50]}', which wasn't asked for.")
    # 47: zlib or gzip, as the head says.
    inflate = None if encoding.lower() in ("identity", "") else zlib.decompressobj(47)
    content, received = bytearray(), 0
    for piece in answer.raw.stream(PIECE, decode_content=False):
        received += len(piece)
        for part in (piece,) if inflate is None else _inflated(inflate, piece):
            content += part
            if len(content) > LARGEST_ANSWER:
                raise too_large(answer.status_code)
    # Some versions of urllib3 take a body that ends too early for the whole one.
    announced = answer.headers.get("Content-Length", "")
    whole = answer.status_code == 304 or not announced.isdecimal() or received >= int(announced)
    if not whole or (inflate and received and not inflate.eof):
        raise ChunkedEncodingError("shorter than announced")
    return content


# A shorter secret is masked only by Ansible, in the result as a whole.
# In a text without blanks, which may be an id, a time or a path, only those of this length are.
LONGEST_HOST = 260

REQUESTS_ERROR: str | None = None
try:
    import requests

except Exception:  # a requests that is broken fails in any way
    REQUESTS_ERROR = traceback.format_exc()


class Answer:
    """An answer, the body still to be read. Each text in it is decoded and masked.

    host: where it comes from. location: where it redirects to as it came, to be followed, never to
    be shown. raw: the body, for those who don't take it for text.
    """

    def __init__(self, answer: Any, host: str, connection: Connection) -> None:
        self.status_code: int = answer.status_code
        self.host = host
        self.masker = connection.masker
        headers = {name: connection.mask(_header(value)) for name, value in answer.headers.items()}
        self.headers: Mapping[str, str] = requests.structures.CaseInsensitiveDict(headers)
        self.location: str = answer.headers.get("Location", "")
        self.raw = answer.raw


def _header(value: str) -> str:
    """A header's value, which is read as Latin-1, and mostly is UTF-8 if it isn't ASCII."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


class HttpSession:
    """A session with one host, for one thread at a time.

    foreign: the host isn't the portal's, so that an authority which is given counts beside the
    usual ones, not in their place.
    """

    def __init__(self, connection: Connection, *, foreign: bool = False) -> None:
        self.connection = connection
        self._budget = Deadline()
        self._session = session = requests.Session()
        # Nothing of the environment: neither .netrc, nor a CA bundle that would override ours.
        session.trust_env = False
        session.proxies.update(connection.proxies)
        own = foreign and isinstance(connection.verify, str)
        for scheme in ("http://", "https://"):
            session.mount(scheme, Adapter(self._budget, _all_authorities() if own else None))
        session.headers["Accept"] = "application/json"
        session.headers["Accept-Encoding"] = "gzip, deflate"
        session.headers["User-Agent"] = "ansible-onlyoffice.docspace"
        # A cookie would be a credential also for the call that must have none (C6), and requests
        # would read the goal of a redirect, which may be anything, though it isn't followed.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.get_redirect_target = lambda *_answer: None  # type: ignore[method-assign]

    @contextmanager
    def open(
        self,
        method: str,
        target: str,
        *,
        timeout: float,
        whole: float,
        anonymous: bool = False,
        **request: Any,
    ) -> Iterator[Answer]:
        """One request, and its answer, the body still to be read.

        target: a whole address. timeout: seconds to connect, and for each read. whole: seconds for
        the answer with its body. anonymous: without credentials. request: as requests takes it,
        such as json, headers, files. What goes wrong, also while the body is read, is a
        DocSpaceError, which doesn't know yet which request it is about.
        """

        def sign(prepared: Any) -> Any:
            if not anonymous:
                prepared.headers["Authorization"] = self.connection.authorization
            return prepared

        host = clean(self.connection.mask(urlsplit(target).netloc))[:LONGEST_HOST]
        self._budget.begin(whole)
        try:
            answer = self._session.request(
                method,
                target,
                auth=sign,
                timeout=timeout,
                verify=self.connection.verify,
                allow_redirects=False,
                stream=True,
                **request,
            )
            try:
                yield Answer(answer, host, self.connection)
            finally:
                # Back into the pool if it was read to its end, else closed.
                answer.close()
        except DocSpaceError:
            raise
        except MemoryError:
            raise too_large(200) from None
        except Exception as error:
            raise from_exception(error, host, self.connection.mask) from error

    def more(self, seconds: float) -> None:
        """From here on, the answer that is read may take so many seconds more."""
        self._budget.begin(seconds)


def _all_authorities() -> Any:
    """What TLS trusts without being told: the system's authorities, and those of requests."""
    import ssl

    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context
