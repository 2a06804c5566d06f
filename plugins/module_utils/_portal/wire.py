# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange over HTTP: session, TLS, proxies, credentials and time. Knows no API.

This file is private to the collection.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .errors import DocSpaceError
from .values import Mask, clean

# A shorter secret is masked only by Ansible, in the result as a whole.
SHORTEST = 4
# In a text without blanks, which may be an id, a time or a path, only those of this length are.
SHORTEST_IN_VALUES = 8
LONGEST_HOST = 260

REQUESTS_ERROR: str | None = None
try:
    import requests

    from .transport import Adapter, Budget, too_large
except Exception:  # a requests that is broken fails in any way
    REQUESTS_ERROR = traceback.format_exc()


class Connection(NamedTuple):
    """What a client needs to know. url: without a slash at the end. authorization: the value of
    that header. verify: True, False or the path of a CA bundle. proxies: as requests takes them.
    timeout: seconds to connect, and for each read. retries: how often a request is repeated at
    most, where that is safe. secrets: what no text may show; it may still grow. signatures: those
    of links, which a portal chooses: they are masked in what it says, not in results.
    """

    url: str
    authorization: str
    verify: bool | str
    proxies: dict[str, str]
    timeout: float
    retries: int
    secrets: set[str]
    signatures: set[str]

    def mask(self, text: str) -> str:
        """A text from outside without secrets. Call it before anything else is done to the text."""
        mask = self.masker()
        return text if mask is None else mask(text)

    def masker(self, content: str | None = None) -> Mask | None:
        """What masks many texts. None if content, from which they all come, holds no secret.

        With an escape in it, a secret may be spelled in many ways.
        """
        known = self.secrets | self.signatures
        secrets = sorted((one for one in known if len(one) >= SHORTEST), key=len, reverse=True)
        if content is not None and "\\" not in content:
            secrets = [secret for secret in secrets if secret in content]
            if not secrets:
                return None
        long = [secret for secret in secrets if len(secret) >= SHORTEST_IN_VALUES]

        def mask(text: str) -> str:
            for secret in secrets if " " in text else long:
                text = text.replace(secret, "********")
            return text

        return mask


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
            from .exceptions import from_exception

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
