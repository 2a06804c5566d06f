# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One exchange over HTTP: session, TLS, proxies, credentials, and limits of time and size.

The time-out of requests is for each read; here the whole answer has a deadline, too. It knows no API.
This file is private to the collection.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
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

REQUESTS_ERROR: str | None = None
try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.exceptions import ChunkedEncodingError, ContentDecodingError
    from requests.utils import DEFAULT_CA_BUNDLE_PATH
except Exception:  # a broken requests fails in any way
    REQUESTS_ERROR = traceback.format_exc()
    HTTPAdapter = object  # type: ignore[assignment, misc]

# Bytes and values of a JSON answer that can be parsed within 512 MiB of memory. A history of 100,000
# backups takes 25 MB and 600,000 values.
LARGEST_ANSWER = 32 * 2**20
MOST_VALUES = 10**6
# Bytes read, and decompressed, at a time.
PIECE = 2**16
STEP = 2**20
# Characters of a host's name in messages.
LONGEST_HOST = 260


class Deadline:
    """The time until which the current answer must be complete."""

    def __init__(self) -> None:
        self._end = 0.0

    def begin(self, seconds: float) -> None:
        """Set it so many seconds ahead."""
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds until then. Raises a time-out when it has passed."""
        left = self._end - time.monotonic()
        if left <= 0.0:
            raise socket.timeout("the answer as a whole takes too long")
        return left


class _Reader(io.RawIOBase):
    """Reads a socket for http.client, with a deadline over all reads."""

    def __init__(self, sock: Any, deadline: Deadline) -> None:
        super().__init__()
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        usual = self._sock.gettimeout()
        left = self._deadline.left()
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
    """A socket with the one method that http.client uses for an answer."""

    def __init__(self, sock: Any, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def makefile(self, _mode: str, *_args: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._deadline))


class Adapter(HTTPAdapter):
    """The transport of requests, with connections that keep the deadline.

    context: for TLS, instead of the default one.
    """

    def __init__(self, deadline: Deadline, context: Any = None) -> None:
        self._deadline = deadline
        self._tls: dict[str, Any] = {} if context is None else {"ssl_context": context}
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **{**options, **self._tls})
        self._limit(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options, **self._tls)
        if not known:
            self._limit(manager)
        return manager

    def _limit(self, manager: Any) -> None:
        def answer(sock: Any, *args: Any, **options: Any) -> http.client.HTTPResponse:
            source: Any = _Source(sock, self._deadline)
            return http.client.HTTPResponse(source, *args, **options)

        def pool(kind: Any) -> Any:
            fields = {"response_class": staticmethod(answer)}
            connection = type("Connection", (kind.ConnectionCls,), fields)
            return type("Pool", (kind,), {"ConnectionCls": connection})

        kinds = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: pool(kind) for scheme, kind in kinds}


def too_large(status: int) -> DocSpaceError:
    """Return the error for an answer that would need too much memory."""
    return protocol_error(
        f"The answer is larger than {LARGEST_ANSWER // 2**20} MiB, or has more than "
        f"{MOST_VALUES} values, so it isn't evaluated. If the portal really has so many items, "
        "delete some of them in the portal.",
        status=status,
    )


def _inflated(inflate: Any, piece: bytes) -> Iterator[bytes]:
    """Decompress a piece, a step at a time."""
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
    """Read the body in pieces, decompressed. Raises an error as soon as it is too large."""
    encoding = clean(answer.headers.get("Content-Encoding", "identity").strip())
    if encoding.lower() not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise protocol_error(f"The answer is encoded as '{encoding[:50]}', which wasn't asked for.")
    # 47: zlib or gzip, by the header.
    inflate = None if encoding.lower() in ("identity", "") else zlib.decompressobj(47)
    content, received = bytearray(), 0
    for piece in answer.raw.stream(PIECE, decode_content=False):
        received += len(piece)
        for part in (piece,) if inflate is None else _inflated(inflate, piece):
            content += part
            if len(content) > LARGEST_ANSWER:
                raise too_large(answer.status_code)
    # Some versions of urllib3 accept a body that ends too early.
    announced = answer.headers.get("Content-Length", "")
    whole = answer.status_code == 304 or not announced.isdecimal() or received >= int(announced)
    if not whole or (inflate and received and not inflate.eof):
        raise ChunkedEncodingError("shorter than announced")
    return content


class Answer:
    """An answer whose body is still to be read. Its texts are decoded and masked."""

    def __init__(self, answer: Any, host: str, connection: Connection) -> None:
        self.status_code: int = answer.status_code
        self.host = host  # where it comes from
        self.masker = connection.masker
        headers = {name: connection.mask(_header(value)) for name, value in answer.headers.items()}
        self.headers: Mapping[str, str] = requests.structures.CaseInsensitiveDict(headers)
        # The target of a redirect as received: to be followed, never to be shown.
        self.location: str = answer.headers.get("Location", "")
        self.raw = answer.raw  # the body, for callers that don't need text


def _header(value: str) -> str:
    """Decode a header's value. It was read as Latin-1, but usually is UTF-8 if it isn't ASCII."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


class HttpSession:
    """A session with one host, for one thread at a time.

    foreign: the host isn't the portal's, so that the authorities in `ca_path` count in addition to
    the usual ones, not instead of them.
    """

    def __init__(self, connection: Connection, *, foreign: bool = False) -> None:
        self.connection = connection
        self._deadline = Deadline()
        self._session = session = requests.Session()
        # Nothing of the environment: neither .netrc, nor a CA bundle that would override ours.
        session.trust_env = False
        session.proxies.update(connection.proxies)
        own = foreign and isinstance(connection.verify, str)
        for scheme in ("http://", "https://"):
            session.mount(scheme, Adapter(self._deadline, _all_authorities() if own else None))
        session.headers["Accept"] = "application/json"
        session.headers["Accept-Encoding"] = "gzip, deflate"
        session.headers["User-Agent"] = "ansible-onlyoffice.docspace"
        # No cookies: they would be credentials for the call that must have none (C6). And requests
        # would parse the target of a redirect, which may be anything, though it isn't followed.
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
        """Send one request, and yield its answer, whose body is still to be read.

        Raises a DocSpaceError, without method and path, also while the body is read.

        Args:
            method: Such as GET.
            target: An absolute address.
            timeout: Seconds to connect, and for each read.
            whole: Seconds for the answer with its body.
            anonymous: Send no credentials.
            request: As requests takes it, such as json, data, headers.
        """

        def sign(prepared: Any) -> Any:
            if not anonymous:
                prepared.headers["Authorization"] = self.connection.authorization
            return prepared

        host = clean(self.connection.mask(urlsplit(target).netloc))[:LONGEST_HOST]
        self._deadline.begin(whole)
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
        """Give the answer that is being read so many seconds from now."""
        self._deadline.begin(seconds)


def _all_authorities() -> Any:
    """Return a TLS context that trusts the authorities of the system and of requests."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context
