# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options: their spec, their checks, and the connection they make.

This file is private to the collection.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule
from ansible.module_utils.parsing.convert_bool import BOOLEANS

from .errors import config_error
from .values import has_surrogate, spellings
from .wire import Connection, proxies_for

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
    from .address import read_url

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
    from .credentials import from_pair, refuse_key

    if key or params["api_key"] is not None:
        raise refuse_key()
    return from_pair(params, secrets)
