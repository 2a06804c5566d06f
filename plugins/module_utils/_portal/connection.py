# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in an address: what is wrong with it, and what of it nobody may see.

This file is private to the collection.

User name and password, and a key that is none. Loaded where no good key is given.

This file is private to the collection.

The proxies of the environment: what is wrong with one, and what is secret. Loaded if there are any.

This file is private to the collection.

The connection options: their spec, their checks, and the connection they make.

This file is private to the collection.
"""

from __future__ import annotations

import contextlib
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.parsing.convert_bool import BOOLEANS

from .errors import DocSpaceError, config_error

with contextlib.suppress(Exception):  # http.py reports a requests that can't be imported
    from requests.utils import get_environ_proxies
from .values import PORTS, Mask, has_surrogate, is_common, normalize_portal, spellings


def proxies_for(url: str, secrets: set[str]) -> dict[str, str]:
    """The proxies on the way to an address, as requests takes them. secrets: takes theirs."""
    proxies = get_environ_proxies(url, no_proxy=None)
    if proxies:
        check_proxies(url, proxies, secrets)
    return dict(proxies)


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


SHORTEST_IN_VALUES = 8


SHORTEST = 4


def secrets_in(address: str, shortest: int = 1) -> set[str]:
    """Credentials and the values of a query, also of an address that can't be parsed.

    As they stand, decoded, and encoded; those with so many characters at least.
    """
    place = strip_query(address)
    query = address[len(place) + 1 :]
    pair = re.sub("^[a-z0-9+.-]*:?/+", "", place.rpartition("@")[0], flags=re.IGNORECASE)
    shown = {pair, pair.partition(":")[2], query, *re.split("[=&]", query)[1::2]}
    spelled = {
        form for text in shown for form in (text, unquote(text), quote(text, "", errors="replace"))
    }
    return {secret for secret in spelled if len(secret) >= shortest}


def strip_query(address: str) -> str:
    """An address without query and fragment."""
    return re.split("[?#]", address, maxsplit=1)[0]


def read_url(url: str, secrets: set[str]) -> str:
    """The address without what doesn't count; what is secret in a wrong one goes into secrets."""
    # The task's arguments are shown in its result, also those that are refused.
    secrets |= secrets_in(url)
    address = strip_query(url)
    if "@" in address:
        raise config_error(
            f"url: no credentials in the address (***@{address.rpartition('@')[2][:100]}). Give "
            "them in 'api_key', or 'username' and 'password'."
        )
    if url != url.strip():
        raise config_error("url: white space around the address. Was it read with its line end?")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        if "[" in parts.netloc and ":" not in str(host):  # old Pythons take anything there
            host = None
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in PORTS or port == 0:
        raise _no_address()
    if address != url or re.search(r"[\s\x00-\x1f\x7f\\]", address):
        raise config_error(
            "url: only scheme, host, port and a path prefix belong into the address, such as "
            "'https://docspace.example.com'; no query, and no white space."
        )
    try:
        # What stands in manifests and reports has to have a normal form.
        normalize_portal(address)
    except ValueError:
        raise _no_address() from None
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _no_address() -> DocSpaceError:
    return config_error(
        "url: give an address that begins with http:// or https:// and a host, such as "
        "'https://docspace.example.com'."
    )


# Names of parameters whose values are secrets, in dictionaries that aren't secret as a whole.
_SECRET = re.compile(
    "pass(word|phrase|wd)|secret|token|credential|signature|"
    "(access|acess|account|api|private|master|shared|customer|encryption)[_-]?key",
    re.IGNORECASE,
)
SHORTEST_SECRET = 8


def note_secrets(given: dict[str, Any], spec: dict[str, Any], secrets: set[str]) -> None:
    """Find the secrets among the arguments before anything is checked or logged.

    Ansible takes a dictionary that is given as text for one secret, and shows the values in it. So
    such a text is replaced by the dictionary. In a dictionary that isn't secret as a whole, values
    whose name says that they are secrets become secrets, too.
    """
    refused = None
    for option, rules in spec.items():
        for name in {option, *rules.get("aliases", ())} & given.keys():
            value = given[name]
            if rules.get("type") == "dict":
                try:
                    value = given[name] = _dictionary(value)
                except (TypeError, ValueError):
                    # Parts of it may be secrets, whatever their names.
                    secrets.update(_leaves(value))
                    refused = refused or name
            secret = bool(rules.get("no_log"))
            if secret or (rules.get("type") == "dict" and isinstance(value, dict)):
                secrets.update(_secrets_in(value, whole=secret))
    if refused is not None:
        raise config_error(f"{refused}: must be a dictionary; this can't be read as one.")


def _dictionary(value: Any) -> Any:
    """What is given for a dictionary; a TypeError or ValueError if it is neither that nor blank."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return value
    found = check_type_dict(value)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _secrets_in(value: Any, *, whole: bool) -> Iterator[str]:
    if whole:
        for secret in _leaves(value):
            yield from spellings(secret)
        return
    for key, item in value.items():
        for secret in _leaves(item) if _SECRET.search(str(key)) else ():
            if len(secret) >= SHORTEST_SECRET and not is_common(secret):
                yield from spellings(secret)


def _leaves(value: Any) -> Iterator[str]:
    """The texts in a value, numbers as text among them. Keys aren't."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    elif value not in (None, "") and not isinstance(value, bool):
        yield str(value)


def refuse_key() -> DocSpaceError:
    """The failure of a key that no header can carry."""
    return config_error(
        "api_key: empty, or with white space, a line break or a character that a header can't "
        "carry. Was it read from a file with its line end?"
    )


def from_pair(params: dict[str, Any], secrets: set[str]) -> str:
    """The header's value for basic authentication. A half that is missing comes from the environment."""
    user, password = params["username"], params["password"]
    user = os.environ.get("DOCSPACE_USERNAME") or None if user is None else user
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
    odd = re.search(r"[\x00-\x1f\x7f]", user + password) or has_surrogate([user, password])
    if odd or ":" in user:
        raise config_error(
            "username, password: must be UTF-8 text without line breaks or other control "
            "characters, and the user name without a colon. Was one read from a file with its "
            "line end?"
        )
    basic = b64encode(f"{user}:{password}".encode()).decode()
    secrets |= {*spellings(password), *spellings(basic)}
    return f"Basic {basic}"


# A name as short as this would be masked all over the result.
SHORTEST_PROXY_SECRET = 4


def check_proxies(url: str, proxies: Mapping[str, str], secrets: set[str]) -> None:
    """Refuse a proxy on the way to an address that can't be read. secrets: takes those of all."""
    for place in proxies.values():
        secrets |= secrets_in(str(place), SHORTEST_PROXY_SECRET)
    address = proxies.get(urlsplit(url).scheme) or proxies.get("all")
    if address and not _readable(address):
        # Checked here, because others quote a part of it, cut within a secret.
        raise config_error(
            "The address of the proxy can't be read. Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY "
            "in the environment where the module runs. Special characters in a user name or a "
            "password are written as %40 and the like."
        )


def _readable(address: str) -> bool:
    place = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(place)
        # What is no port is a ValueError.
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    known = not has_surrogate(address) and re.fullmatch("https?|socks[45][ah]?", parts.scheme)
    odd = re.search(r"[\s\\\x00-\x1f\x7f]", address) or parts.query or parts.fragment
    return bool(known and host and port != 0 and not odd and "@" not in parts.path)


LONGEST_TIMEOUT = 86400.0
# An address of which nothing has to be said.
_PLAIN = re.compile(
    r"https?://[a-zA-Z0-9.-]+(:[1-9]\d{0,3}|:[1-5]\d{4})?(/[a-zA-Z0-9._~-]+)*", re.ASCII
)
_URL, _CERTS = "DOCSPACE_BASE_URL", "DOCSPACE_VALIDATE_CERTS"
_ALIASES = ["portal_url", "api_host"]
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def _set_in_environment(variable: str) -> str:
    """A fallback for an option: a variable that is set, but empty, counts as not set."""
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


def check_given(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
    """Look at the arguments as they were given, before Ansible fills in, checks and logs them.

    A connection option that is null counts as left out: the result is without it. secrets: takes
    what must not be shown of a refused `url`.
    """
    kept = {
        name: value
        for name, value in given.items()
        if value is not None or (name not in CONNECTION and name not in _ALIASES)
    }
    for name in (*CONNECTION, *_ALIASES):
        # Ansible would make a text of it.
        if isinstance(kept.get(name), (list, dict)):
            raise config_error(f"{name}: give one value, not several or none.")
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


def check_url(url: str, secrets: set[str]) -> str:
    """The address without what doesn't count; what is secret in a wrong one goes into secrets."""
    if _PLAIN.fullmatch(url):
        return url

    return read_url(url, secrets)


def build_connection(module: AnsibleModule) -> Connection:
    """Check all that concerns the connection, before anything is sent."""
    params, secrets = module.params, module.no_log_values
    url = check_url(params["url"], secrets)
    host = urlsplit(url).hostname or ""
    if url.startswith("http:") and not _is_loopback(host):
        module.warn(
            f"The credentials and the answers of {host} travel unencrypted: use https in 'url'."
        )
    authorization = _authorization(params, secrets)
    if not 0 < params["timeout"] <= LONGEST_TIMEOUT:
        raise config_error("timeout: give a number of seconds above 0, and at most 86400.")
    if params["retries"] < 0:
        raise config_error("retries: give 0 or more.")
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


def _is_loopback(host: str) -> bool:
    numbers = host.startswith("127.") and host.replace(".", "").isdigit()
    return numbers or host in ("localhost", "::1")


def _verify(params: dict[str, Any]) -> bool | str:
    """What to check certificates against. Resolved here, because an old requests takes an empty
    variable for "no check"."""
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


def _authorization(params: dict[str, Any], secrets: set[str]) -> str:
    """The header's value. The environment counts only where the task gives neither kind."""
    key = params["api_key"]
    if key is None and params["username"] is None and params["password"] is None:
        key = os.environ.get("DOCSPACE_API_KEY") or os.environ.get("DOCSPACE_AUTH_TOKEN")
        # What was read becomes a secret of the run.
        secrets |= spellings(key) if key else set()
    if key and key.isascii() and key.isprintable() and " " not in key:
        return f"Bearer {key}"

    if key or params["api_key"] is not None:
        raise refuse_key()
    return from_pair(params, secrets)
