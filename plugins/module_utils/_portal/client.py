# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP against a DocSpace portal: session, TLS, retries, envelope. Knows no backup.

This file is private to the collection.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode, urlsplit

from .answers import decode, from_answer, from_exception
from .errors import DocSpaceError

REQUESTS_ERROR: str | None = None
try:
    import requests
except ImportError:
    REQUESTS_ERROR = traceback.format_exc()

API = "/api/2.0/backup/"
LONGEST_RETRY_AFTER = 30.0


class Client:
    """A session with one portal, for one thread at a time.

    url: without a slash at the end. authorization: the value of that header. verify: True, False
    or the path of a CA bundle. timeout: seconds to connect, and for each read. retries: how often
    a request is repeated at most, where that is safe. log: takes a line on each repetition.

    The attribute `last` is the method and path of the latest request.
    """

    def __init__(
        self,
        url: str,
        authorization: str,
        *,
        verify: bool | str,
        timeout: float,
        retries: int,
        log: Callable[[str], None],
    ) -> None:
        self.url = url
        self.retries = retries
        self.log = log
        self._authorization = authorization
        self._verify = verify
        self._timeout = timeout
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        self._session.headers["User-Agent"] = "ansible-onlyoffice.docspace"
        # A cookie would be a credential also for the call that must have none (C6), and requests
        # would read the goal of a redirect, which may be anything, though it isn't followed.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.get_redirect_target = lambda *_answer: None  # type: ignore[method-assign]
        self.last: tuple[str, str] | None = None

    def twin(self) -> Client:
        """The same portal over a connection of its own, for another thread."""
        return Client(
            self.url,
            self._authorization,
            verify=self._verify,
            timeout=self._timeout,
            retries=self.retries,
            log=self.log,
        )

    def get(
        self,
        call: str,
        query: dict[str, str] | None = None,
        *,
        anonymous: bool = False,
        once: bool = False,
    ) -> Any:
        """Read: the answer's `response`, None where that key is missing (C7).

        anonymous: without credentials. once: not repeated, for a caller that asks again anyway.
        """
        if once:
            return self._once("GET", call, query=query, anonymous=anonymous)
        return self._repeat("GET", call, query=query, anonymous=anonymous)

    def delete(self, call: str, query: dict[str, str] | None = None) -> Any:
        """Write. Repeated here only on 429, which had no effect (C32); else the caller decides."""
        return self._repeat("DELETE", call, query=query)

    def post(self, call: str, body: dict[str, Any] | None = None) -> Any:
        """Write, and repeat as `delete` does."""
        return self._repeat("POST", call, body=body)

    def pause(self, attempt: int, why: DocSpaceError) -> None:
        """Wait before the repetition with this number, which counts from 0."""
        delay = min(8.0, 0.5 * 2.0 ** min(attempt, 4) * random.uniform(1.0, 1.25))
        if why.retry_after is not None:
            delay = why.retry_after
        self.log(f"{why.method} {why.path}: {why.code}, repeated after {delay:.1f} s")
        time.sleep(delay)

    def _repeat(self, method: str, call: str, **request: Any) -> Any:
        attempt = 0
        while True:
            try:
                return self._once(method, call, **request)
            except DocSpaceError as error:
                again = error.code == "rate_limited" or (method == "GET" and error.transient)
                patient = (error.retry_after or 0.0) <= LONGEST_RETRY_AFTER
                if not (again and patient and attempt < self.retries):
                    raise
                self.pause(attempt, error)
                attempt += 1

    def _once(
        self,
        method: str,
        call: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        anonymous: bool = False,
    ) -> Any:
        target = f"{self.url}{API}{call}" + (f"?{urlencode(query)}" if query else "")
        self.last = method, target[target.index("/", 8) :]
        failure: DocSpaceError | None

        def sign(request: Any) -> Any:
            # A callable of our own also keeps requests from looking into .netrc.
            if not anonymous:
                request.headers["Authorization"] = self._authorization
            return request

        try:
            answer = self._session.request(
                method,
                target,
                json=body,
                auth=sign,
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
            )
            content = decode(answer.content)
            # Some versions of urllib3 take a body that ends too early for the whole one.
            announced = answer.headers.get("Content-Length", "")
            whole = answer.status_code == 304 or not announced.isdigit()
            if not whole and answer.raw.tell() < int(announced):
                raise requests.exceptions.ChunkedEncodingError("shorter than announced")
        except (requests.RequestException, OSError, ValueError) as error:
            failure = from_exception(error, urlsplit(self.url).netloc)
        else:
            failure = from_answer(answer, content)
        if failure is None:
            return content.get("response")
        failure.method, failure.path = self.last
        raise failure
