# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange over HTTP: session, TLS, proxies, credentials and time. Knows no API.

This file is private to the collection.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .errors import DocSpaceError

REQUESTS_ERROR: str | None = None
try:
    import requests

    from .transport import Adapter, Budget
except Exception:  # a requests that is broken fails in any way
    REQUESTS_ERROR = traceback.format_exc()


class Connection(NamedTuple):
    """What a client needs to know. url: without a slash at the end. authorization: the value of
    that header. verify: True, False or the path of a CA bundle. proxies: as requests takes them.
    timeout: seconds to connect, and for each read. retries: how often a request is repeated at
    most, where that is safe. secrets: what no text may show; it may still grow.
    """

    url: str
    authorization: str
    verify: bool | str
    proxies: dict[str, str]
    timeout: float
    retries: int
    secrets: set[str]

    def mask(self, text: str) -> str:
        """A text without secrets, to be called before it is cut."""
        for secret in sorted(self._long_secrets(), key=len, reverse=True):
            text = text.replace(secret, "********")
        return text

    def suspect(self, content: bytes | bytearray) -> bool:
        """Whether a secret may be in it. With an escape in it, one may be spelled in many ways."""
        return b"\\" in content or any(
            secret.encode("utf-8", "surrogateescape") in content for secret in self._long_secrets()
        )

    def _long_secrets(self) -> list[str]:
        # Short ones are left to Ansible: here they would make ids unreadable.
        return [secret for secret in self.secrets if len(secret) >= 8]


class Wire:
    """A session with one host, for one thread at a time.

    foreign: the host isn't the portal's, so that an authority which is given counts beside the
    usual ones, not in their place.
    """

    def __init__(self, connection: Connection, *, foreign: bool = False) -> None:
        self.connection = connection
        self._budget = Budget()
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
    ) -> Iterator[Any]:
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
                yield answer
            finally:
                # Back into the pool if it was read to its end, else closed.
                answer.close()
        except DocSpaceError:
            raise
        except Exception as error:
            from .exceptions import from_exception

            host = urlsplit(target).netloc
            raise from_exception(error, host, self.connection.mask) from error

    def more(self, seconds: float) -> None:
        """From here on, the answer that is read may take so many seconds more."""
        self._budget.begin(seconds)


def proxies_for(url: str, secrets: set[str]) -> dict[str, str]:
    """The proxies on the way to an address, as requests takes them. secrets: takes theirs."""
    proxies = requests.utils.get_environ_proxies(url, no_proxy=None)
    if proxies:
        from .proxies import check_proxies

        check_proxies(url, proxies, secrets)
    return dict(proxies)


def _all_authorities() -> Any:
    """What TLS trusts without being told: the system's authorities, and those of requests."""
    import ssl

    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context
