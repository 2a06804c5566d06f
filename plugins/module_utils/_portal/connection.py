# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options: their spec, their checks, and the connection they make.

This file is private to the collection.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule
from ansible.module_utils.parsing.convert_bool import BOOLEANS

from .errors import config_error
from .wire import Connection

LONGEST_TIMEOUT = 86400.0
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
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
    if isinstance(url, str):
        check_url(url, secrets)
    certs = os.environ.get(_CERTS, "")
    if certs and "validate_certs" not in kept and certs.lower() not in BOOLEANS:
        raise config_error(f"{_CERTS}: {certs[:50]!r} is neither true nor false.")
    return kept


def note_secrets(url: str, secrets: set[str]) -> str:
    """What is secret in an address goes into secrets. Gives it without query and fragment."""
    address = re.split("[?#]", url, maxsplit=1)[0]
    query = url[len(address) + 1 :]
    secret = re.sub(r"^[a-z0-9+.-]*:?/+", "", address.rpartition("@")[0], flags=re.IGNORECASE)
    # The task's arguments are shown in its result, also those that are refused.
    shown = {secret, secret.partition(":")[2], query, *re.split("[=&]", query)[1::2]}
    secrets.update((shown | set(map(unquote, shown))) - {""})
    return address


def check_url(url: str, secrets: set[str]) -> str:
    """The address without what doesn't count; what is secret in a wrong one goes into secrets."""
    address = note_secrets(url, secrets)
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
    if not host or parts.scheme not in ("http", "https") or port == 0:
        raise config_error(
            "url: give an address that begins with http:// or https:// and a host, such as "
            "'https://docspace.example.com'."
        )
    if address != url or re.search(r"[\s\x00-\x1f\x7f\\]", address):
        raise config_error(
            "url: only scheme, host, port and a path prefix belong into the address, such as "
            "'https://docspace.example.com'; no query, and no white space."
        )
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def build_connection(module: AnsibleModule) -> Connection:
    """Check all that concerns the connection, before anything is sent."""
    from .proxies import proxies_for

    params = module.params
    url = check_url(params["url"], module.no_log_values)
    host = urlsplit(url).hostname or ""
    if url.startswith("http:") and not _LOOPBACK.fullmatch(host):
        module.warn(
            f"The credentials and the answers of {host} travel unencrypted: use https in 'url'."
        )
    authorization = _authorization(module)
    if not 0 < params["timeout"] <= LONGEST_TIMEOUT:
        raise config_error("timeout: give a number of seconds above 0, and at most 86400.")
    if params["retries"] < 0:
        raise config_error("retries: give 0 or more.")
    verify = _verify(params)
    proxies = proxies_for(url, module.no_log_values)
    return Connection(
        url=url,
        authorization=authorization,
        verify=verify,
        proxies=proxies,
        timeout=params["timeout"],
        retries=params["retries"],
        secrets=module.no_log_values,
    )


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


def _authorization(module: AnsibleModule) -> str:
    """The header's value. The environment counts only where the task gives neither kind."""
    params = module.params
    key, user, password = params["api_key"], params["username"], params["password"]
    if key is None and user is None and password is None:
        key = _secret(module, "DOCSPACE_API_KEY") or _secret(module, "DOCSPACE_AUTH_TOKEN")
    if key is None:
        user = os.environ.get("DOCSPACE_USERNAME") or None if user is None else user
        password = _secret(module, "DOCSPACE_PASSWORD") if password is None else password
        if user is None and password is None:
            raise config_error(
                "No credentials: give 'api_key', or 'username' and 'password', or set "
                "DOCSPACE_API_KEY in the environment where the module runs."
            )
        if not user or not password:
            missing = "password" if user else "username"
            raise config_error(f"{missing}: missing; 'username' and 'password' go together.")
        if re.search(r"[\x00-\x1f\x7f]", user + password) or ":" in user:
            raise config_error(
                "username, password: no line breaks or other control characters, and no colon in "
                "the user name. Was one read from a file with its line end?"
            )
        basic = b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape")).decode()
        module.no_log_values.add(basic)
        return f"Basic {basic}"
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise config_error(
            "api_key: empty, or with white space, a line break or a character that a header can't "
            "carry. Was it read from a file with its line end?"
        )
    return f"Bearer {key}"


def _secret(module: AnsibleModule, variable: str) -> str | None:
    """A variable of the environment; what is read becomes a secret of the run."""
    value = os.environ.get(variable) or None
    if value:
        module.no_log_values.add(value)
    return value
