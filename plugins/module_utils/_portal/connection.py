# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options: their spec, their checks, the connection that they describe, its secrets.

This file is private to the collection.
"""

from __future__ import annotations

import contextlib
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ansible.module_utils.basic import AnsibleFallbackNotFound
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.parsing.convert_bool import BOOLEANS

from .errors import DocSpaceError, config_error
from .values import PORTS, Mask, has_surrogate, is_common, normalize_portal, spellings

with contextlib.suppress(Exception):  # http_session.py reports a requests that can't be imported
    from requests.utils import get_environ_proxies

LONGEST_TIMEOUT = 86400.0
# Characters of a secret from which on it is masked here: in texts with blanks, and in texts without,
# which may be an ID, a time or a path. Ansible masks shorter ones in the result.
SHORTEST_IN_TEXT = 4
SHORTEST_IN_VALUES = 8
# Characters of a value in an option that isn't secret as a whole, whose name says that it is secret.
SHORTEST_NAMED_SECRET = 8
# Characters of a proxy's user name or password. A shorter one would be masked all over the result.
SHORTEST_PROXY_SECRET = 4

_URL, _CERTS = "DOCSPACE_BASE_URL", "DOCSPACE_VALIDATE_CERTS"
_ALIASES = ["portal_url", "api_host"]
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Names of values that are secrets, in dictionaries that aren't secret as a whole.
_SECRET_NAME = re.compile(
    "pass(word|phrase|wd)|secret|token|credential|signature|"
    "(access|acess|account|api|private|master|shared|customer|encryption)[_-]?key",
    re.IGNORECASE,
)


def _set_in_environment(variable: str) -> str:
    """Read the fallback of an option. An empty variable counts as not set."""
    value = os.environ.get(variable)
    if not value:
        raise AnsibleFallbackNotFound
    return value


def _fallback(variable: str) -> Any:
    return (_set_in_environment, [variable])


# The credentials have no `fallback`: Ansible would fill it in before it checks what excludes what.
CONNECTION: dict[str, Any] = {
    "url": {"type": "str", "required": True, "aliases": _ALIASES, "fallback": _fallback(_URL)},
    "api_key": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "default": True, "fallback": _fallback(_CERTS)},
    "ca_path": {"type": "path", "fallback": _fallback("DOCSPACE_CA_PATH")},
    "timeout": {"type": "float", "default": 30.0},
    "retries": {"type": "int", "default": 3},
}


class Connection(NamedTuple):
    """What a client needs to know."""

    url: str  # without a slash at the end
    authorization: str  # the value of that header
    verify: bool | str  # False, True, or the path of a CA bundle
    proxies: dict[str, str]  # as requests takes them
    timeout: float  # seconds to connect, and for each read
    retries: int
    secrets: set[str]  # masked in all texts; it may still grow
    signatures: set[str]  # of links, chosen by a portal: masked in its texts, not in results

    def mask(self, text: str) -> str:
        """Return a text from outside without secrets. Call it before the text is changed or cut."""
        mask = self.masker()
        return text if mask is None else mask(text)

    def masker(self, content: str | None = None) -> Mask | None:
        """Return a function that masks texts, None if `content`, their origin, holds no secret."""
        known = self.secrets | self.signatures
        secrets = sorted(
            (secret for secret in known if len(secret) >= SHORTEST_IN_TEXT), key=len, reverse=True
        )
        # With an escape in it, a secret may be spelled in many ways.
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


def check_given(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
    """Check the arguments as they were given, before Ansible fills in, checks and logs them.

    Returns them without connection options that are null, which count as left out. secrets: takes
    what must not be shown of a refused `url`.
    """
    kept = {
        name: value
        for name, value in given.items()
        if value is not None or (name not in CONNECTION and name not in _ALIASES)
    }
    for name in (*CONNECTION, *_ALIASES):
        # Ansible would convert it to text.
        if isinstance(kept.get(name), (list, dict)):
            raise config_error(f"{name}: must be a single value.")
    url = next((kept[name] for name in ("url", *_ALIASES) if name in kept), None)
    if url is None:
        url = os.environ.get(_URL) or None
        if url is None:
            raise config_error(
                f"url: missing. Give the portal's address, or set {_URL} in the environment where "
                "the module runs."
            )
    if has_surrogate(url):
        raise config_error(f"{_URL}: must be UTF-8 text.")
    if isinstance(url, str):
        check_url(url, secrets)
    certs = os.environ.get(_CERTS, "")
    if certs and "validate_certs" not in kept and certs.lower() not in BOOLEANS:
        raise config_error(f"{_CERTS}: {certs[:50]!r} is neither true nor false.")
    return kept


def build_connection(
    params: dict[str, Any], secrets: set[str], *, warn: Callable[[str], None]
) -> Connection:
    """Check all connection options, and return the connection. Nothing is sent."""
    url = check_url(params["url"], secrets)
    host = urlsplit(url).hostname or ""
    if url.startswith("http:") and not _is_loopback(host):
        warn(f"The credentials and the answers of {host} travel unencrypted: use https in 'url'.")
    authorization = _authorization(params, secrets)
    if not 0 < params["timeout"] <= LONGEST_TIMEOUT:
        raise config_error("timeout: must be a number of seconds above 0, at most 86400.")
    if params["retries"] < 0:
        raise config_error("retries: must be 0 or more.")
    return Connection(
        url=url,
        authorization=authorization,
        verify=_verify(params),
        proxies=proxies_for(url, secrets),
        timeout=params["timeout"],
        retries=params["retries"],
        secrets=secrets,
        signatures=set(),
    )


def check_url(url: str, secrets: set[str]) -> str:
    """Return the address of a portal without needless slashes. secrets: takes those in a wrong one.

    The task's arguments are shown in its result, also when they are refused.
    """
    secrets |= secrets_in(url)
    address = strip_query(url)
    if "@" in address:
        raise config_error(
            f"url: must not contain credentials (***@{address.rpartition('@')[2][:100]}). Give "
            "them in 'api_key', or 'username' and 'password'."
        )
    if url != url.strip():
        raise config_error(
            "url: has white space at an end. Was it read from a file with its line end?"
        )
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        if "[" in parts.netloc and ":" not in str(host):  # old Pythons accept anything there
            host = None
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in PORTS or port == 0:
        raise _not_an_address()
    if address != url or re.search(r"[\s\x00-\x1f\x7f\\]", address):
        raise config_error(
            "url: may contain only scheme, host, port and path, such as "
            "'https://docspace.example.com'."
        )
    try:
        # Manifests and reports need its normal form.
        normalize_portal(address)
    except ValueError:
        raise _not_an_address() from None
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _not_an_address() -> DocSpaceError:
    return config_error(
        "url: must begin with http:// or https:// and a host, such as "
        "'https://docspace.example.com'."
    )


def _is_loopback(host: str) -> bool:
    numbers = host.startswith("127.") and host.replace(".", "").isdigit()
    return numbers or host in ("localhost", "::1")


def _authorization(params: dict[str, Any], secrets: set[str]) -> str:
    """Return the header's value. The environment counts only if the task gives no credentials."""
    key = params["api_key"]
    if key is None and params["username"] is None and params["password"] is None:
        key = os.environ.get("DOCSPACE_API_KEY") or os.environ.get("DOCSPACE_AUTH_TOKEN") or None
        secrets |= spellings(key) if key else set()
    if key is None:
        return _basic_authorization(params, secrets)
    if not (key and key.isascii() and key.isprintable() and " " not in key):
        raise config_error(
            "api_key: empty, or has white space, a line break or a character that a header can't "
            "carry. Was it read from a file with its line end?"
        )
    return f"Bearer {key}"


def _basic_authorization(params: dict[str, Any], secrets: set[str]) -> str:
    """Return the header of basic authentication. The environment completes the pair."""
    user, password = params["username"], params["password"]
    if user is None:
        user = os.environ.get("DOCSPACE_USERNAME") or None
    if password is None:
        password = os.environ.get("DOCSPACE_PASSWORD") or None
    if user is None and password is None:
        raise config_error(
            "No credentials: give 'api_key', or 'username' and 'password', or set "
            "DOCSPACE_API_KEY in the environment where the module runs."
        )
    if not user or not password:
        missing = "password" if user else "username"
        raise config_error(f"{missing}: missing; 'username' and 'password' go together.")
    invalid = re.search(r"[\x00-\x1f\x7f]", user + password) or has_surrogate([user, password])
    if invalid or ":" in user:
        raise config_error(
            "username, password: must be UTF-8 text without line breaks or other control "
            "characters, and the user name without a colon. Was one read from a file with its "
            "line end?"
        )
    basic = b64encode(f"{user}:{password}".encode()).decode()
    secrets |= {*spellings(password), *spellings(basic)}
    return f"Basic {basic}"


def _verify(params: dict[str, Any]) -> bool | str:
    """Return what to check certificates against.

    Decided here, because old versions of requests take an empty variable for "don't check".
    """
    ca_path = params["ca_path"]
    if ca_path and not os.access(ca_path, os.R_OK):
        raise config_error(
            f"ca_path: {ca_path!r} can't be read where the module runs. Put the CA bundle there."
        )
    if not params["validate_certs"]:
        return False
    if ca_path:
        return str(ca_path)
    for variable in _BUNDLES:
        bundle = os.environ.get(variable)
        if bundle and not os.access(bundle, os.R_OK):
            raise config_error(f"{variable}: {bundle!r} can't be read where the module runs.")
        if bundle:
            return bundle
    return True


def proxies_for(url: str, secrets: set[str]) -> dict[str, str]:
    """Return the environment's proxies for an address, as requests takes them.

    Raises an error for one that can't be parsed. secrets: takes the credentials of all.
    """
    proxies = dict(get_environ_proxies(url, no_proxy=None))
    for proxy in proxies.values():
        secrets |= secrets_in(str(proxy), SHORTEST_PROXY_SECRET)
    used = proxies.get(urlsplit(url).scheme) or proxies.get("all")
    if used and not _is_proxy_address(used):
        # Checked here, because others quote a part of it, cut within a secret.
        raise config_error(
            "The proxy's address can't be parsed. Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY "
            "in the environment where the module runs. Special characters in a user name or a "
            "password are written as %40 and the like."
        )
    return proxies


def _is_proxy_address(address: str) -> bool:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        # A port that isn't a number raises a ValueError.
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    known = not has_surrogate(address) and re.fullmatch("https?|socks[45][ah]?", parts.scheme)
    invalid = re.search(r"[\s\\\x00-\x1f\x7f]", address) or parts.query or parts.fragment
    return bool(known and host and port != 0 and not invalid and "@" not in parts.path)


def secrets_in(address: str, shortest: int = 1) -> set[str]:
    """Return credentials and query values of an address, which may be malformed.

    As written, decoded, and encoded; those with at least so many characters.
    """
    place = strip_query(address)
    query = address[len(place) + 1 :]
    pair = re.sub("^[a-z0-9+.-]*:?/+", "", place.rpartition("@")[0], flags=re.IGNORECASE)
    found = {pair, pair.partition(":")[2], query, *re.split("[=&]", query)[1::2]}
    spelled = {
        form for text in found for form in (text, unquote(text), quote(text, "", errors="replace"))
    }
    return {secret for secret in spelled if len(secret) >= shortest}


def strip_query(address: str) -> str:
    """Return an address without query and fragment."""
    return re.split("[?#]", address, maxsplit=1)[0]


def note_secrets(given: dict[str, Any], spec: dict[str, Any], secrets: set[str]) -> None:
    """Find the secrets among the arguments, before anything is checked or logged.

    Ansible takes a secret dictionary that is given as text for one secret, and shows the values in
    it, so such a text is replaced by the dictionary. In a dictionary that isn't secret as a whole,
    values with a name such as `password` become secrets, too.
    """
    refused = None
    for option, rules in spec.items():
        for name in {option, *rules.get("aliases", ())} & given.keys():
            value = given[name]
            if rules.get("type") == "dict":
                try:
                    value = given[name] = _as_dictionary(value)
                except (TypeError, ValueError):
                    # Parts of it may be secrets, whatever their names.
                    secrets.update(_leaves(value))
                    refused = refused or name
            secret = bool(rules.get("no_log"))
            if secret or (rules.get("type") == "dict" and isinstance(value, dict)):
                secrets.update(_secrets_of(value, whole=secret))
    if refused is not None:
        raise config_error(f"{refused}: must be a dictionary; this can't be read as one.")


def _as_dictionary(value: Any) -> Any:
    """Return the dictionary, or a blank value. Raises a TypeError or ValueError for others."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return value
    found = check_type_dict(value)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _secrets_of(value: Any, *, whole: bool) -> Iterator[str]:
    if whole:
        for secret in _leaves(value):
            yield from spellings(secret)
        return
    for key, item in value.items():
        for secret in _leaves(item) if _SECRET_NAME.search(str(key)) else ():
            if len(secret) >= SHORTEST_NAMED_SECRET and not is_common(secret):
                yield from spellings(secret)


def _leaves(value: Any) -> Iterator[str]:
    """Yield the texts in a value, and the numbers as text, but no keys."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    elif value not in (None, "") and not isinstance(value, bool):
        yield str(value)
