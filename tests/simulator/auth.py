# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asking, and what may they do (C3 to C6)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from werkzeug.datastructures import Headers

from .answers import ServerError, bad_format, general
from .state import Portal, User

COOKIE = "asc_auth_key"
FORGET_COOKIE = f"{COOKIE}=; expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/"


@dataclass
class Caller:
    """The outcome of authentication: a user, a wrong credential, or nobody."""

    user: User | None = None
    scopes: tuple[str, ...] = ()
    failed: bool = False
    headers: tuple[tuple[str, str], ...] = ()

    def may(self, method: str) -> bool:
        """What the key's scopes allow; only the general ones count here (C5)."""
        if not self.scopes or "*" in self.scopes or "*:write" in self.scopes:
            return True
        return "*:read" in self.scopes and method == "GET"


NOBODY = Caller()
WRONG = Caller(failed=True)


def authenticate(portal: Portal | None, headers: Headers, keys: bool = True) -> Caller:
    """Choose the scheme by how the header begins; a cookie counts when the header names none.
    Without `keys` the server does not know API keys yet."""
    given = headers.get("Authorization", "").rstrip()
    if portal is not None and portal.ownerless:
        # Restored from an archive without its people: nobody is let in any more (C38).
        return WRONG if given or COOKIE in headers.get("Cookie", "") else NOBODY
    if given.startswith("Bearer"):
        return bearer(portal, given[len("Bearer") :], keys)
    if given.startswith("Basic "):
        return basic(portal, given[len("Basic ") :])
    if given and portal is not None:
        user = by_token(portal, given)
        if user is not None:
            return Caller(user)
    return by_cookie(portal, headers.get("Cookie", ""), WRONG if given else NOBODY)


def bearer(portal: Portal | None, rest: str, keys: bool) -> Caller:
    """An API key, a portal token or an OAuth token; one space before it, no more."""
    secret = rest[1:]
    if secret.count(".") == 2:
        raise ServerError(401, "Claim 'sub' is not present in JWT", None, 0)
    if portal is None:
        raise general(500, "Could not resolve current tenant :-(.")
    if keys and secret.startswith("sk-"):
        key = portal.keys.get(secret)
        if key is None or key.state != "good":
            return WRONG
        return Caller(key.owner, key.scopes)
    user = by_token(portal, secret)
    return Caller(user) if user else WRONG


def basic(portal: Portal | None, encoded: str) -> Caller:
    """E-mail and password; what is malformed breaks the server (C4)."""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise bad_format(
            "The input is not a valid Base-64 string as it contains a non-base 64 character, "
            "more than two padding characters, or an illegal character among the padding "
            "characters."
        ) from None
    name, colon, password = text.partition(":")
    if not colon:
        raise general(500, "Unable to get password")
    user = portal.users.get(name) if portal else None
    challenge = (("WWW-Authenticate", "Basic"),)
    if user is None or user.password != password:
        return Caller(failed=True, headers=challenge)
    return Caller(user, headers=challenge)


def by_cookie(portal: Portal | None, cookies: str, otherwise: Caller) -> Caller:
    """The portal token in its cookie; a wrong one is taken away from the browser."""
    try:
        cookie = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return otherwise
    if cookie is None:
        return otherwise
    user = by_token(portal, cookie.value) if portal else None
    if user is None:
        return Caller(failed=True, headers=(("Set-Cookie", FORGET_COOKIE),))
    return Caller(user)


def by_token(portal: Portal, token: str) -> User | None:
    """The user whose portal token this is."""
    return next((user for user in portal.users.values() if token and user.token == token), None)
