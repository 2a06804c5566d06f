# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the portals of a DocSpace server as hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: portals
short_description: List the portals of a DocSpace server as hosts
version_added: 0.2.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Asks a self-hosted DocSpace server for its active portals. Each portal becomes a host of the group
    C(docspace_portals), with the variables C(docspace_url), C(docspace_tenant_id), C(docspace_name), C(docspace_domain),
    C(docspace_time_zone) and C(docspace_created).
  - The file must have a name that ends in C(docspace.yml) or C(docspace.yaml).
  - If the list can't be read, the plugin fails. It never returns a part of the hosts instead.
  - A portal that is suspended or being restored isn't in the server's list.
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Must be V(onlyoffice.docspace.portals).
    type: str
    required: true
    choices: [onlyoffice.docspace.portals]
  url:
    description:
      - The address of any portal of the server. Its administrator sees all portals of the server.
      - May be a template.
    type: str
    env:
      - name: DOCSPACE_BASE_URL
  username:
    description:
      - The e-mail address of an administrator of the portal in O(url).
      - May be a template.
    type: str
    env:
      - name: DOCSPACE_USERNAME
  password:
    description:
      - The password that belongs to O(username).
      - May be a template.
    type: str
    env:
      - name: DOCSPACE_PASSWORD
  token:
    description:
      - An authentication token of the portal in O(url), instead of O(username) and O(password). An API key isn't accepted
        by the server for this list.
      - May be a template.
    type: str
    env:
      - name: DOCSPACE_AUTH_TOKEN
  validate_certs:
    description: Whether the portal's TLS certificate must be valid.
    type: bool
    default: true
    env:
      - name: DOCSPACE_VALIDATE_CERTS
  ca_path:
    description: A file or folder with the certificates of the authorities to trust.
    type: path
    env:
      - name: DOCSPACE_CA_PATH
  timeout:
    description: Seconds to wait for a connection, and for each read of the answer. More than 0, at most 86400.
    type: float
    default: 30
  scheme:
    description: The scheme of C(docspace_url).
    type: str
    choices: [https, http]
    default: https
  host_name:
    description:
      - What names the hosts, the V(alias) of the portal or its V(domain).
      - The alias is shorter and stays the same if the server gets another domain.
    type: str
    choices: [alias, domain]
    default: alias
  include:
    description:
      - Shell patterns. Only portals whose alias or domain matches one of them become hosts.
      - If left out, all do.
    type: list
    elements: str
  exclude:
    description: Shell patterns. Portals whose alias or domain matches one of them don't become hosts.
    type: list
    elements: str
    default: []
requirements:
  - requests >= 2.25.1 on the controller
notes:
  - API keys belong to one portal each, so the server can't list them. Keep them in a file that is encrypted with
    Ansible Vault, by the name of the host, as the example shows.
  - Texts of the server are never rendered as templates.
seealso:
  - name: "Guide: Back up many portals"
    link: docsite/guide_fleet.html
    description: >-
      A nightly run for all portals of a server.
      In the collection's folder it is C(docs/docsite/rst/guide_fleet.rst).
"""

EXAMPLES = r"""
---
# docspace.yml. The password comes from DOCSPACE_PASSWORD in the environment. Only plugin, url and username are needed; the
# other lines leave out portals for tests, make groups by time zone, and cache the list.
plugin: onlyoffice.docspace.portals
url: https://docspace.example.com
username: admin@example.com
exclude: [test-*]
keyed_groups:
  - key: docspace_time_zone
    prefix: zone
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /var/cache/ansible-docspace

# group_vars/docspace_portals.yml, the connection of each host. docspace_keys is a dictionary in a file that is encrypted
# with Ansible Vault, such as {sales: sk-..., legal: sk-...}.
#
# backup_rotation_connection:
#   url: "{{ docspace_url }}"
#   api_key: "{{ docspace_keys[inventory_hostname] }}"
"""

import fnmatch
import re
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.display import Display

from ..module_utils._portal.client import Client
from ..module_utils._portal.connection import build_connection, check_url
from ..module_utils._portal.errors import DocSpaceError, config_error, protocol_error
from ..module_utils._portal.http_session import REQUESTS_ERROR
from ..module_utils._portal.module import missing_requests
from ..module_utils._portal.values import (
    clean,
    format_time,
    is_int,
    normalize_portal,
    parse_time,
    spellings,
)
from ..plugin_utils._untrusted import untrusted

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19, any text is trusted unless it is marked

    def trust_as_template(value: str) -> str:
        """Return the text as it is."""
        return value


Portal = dict[str, Any]

GROUP = "docspace_portals"
PATH = "/apisystem/portal/get"
RETRIES = 3
# Ansible before 2.19 renders names of hosts as templates, and a pattern has other characters.
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
# Text with other characters could be a template.
_PLAIN = re.compile(r"[\w .,:/+'()&@-]*")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?")


def parse_portals(tenants: Any) -> list[Portal]:
    """Read the server's list (C60): alias, and the variables of each host."""
    if not isinstance(tenants, list):
        raise protocol_error("The answer has no list of portals.")
    return [_parse_portal(tenant) for tenant in tenants]


def _parse_portal(tenant: Any) -> Portal:
    if not isinstance(tenant, dict):
        raise protocol_error("The list of portals has a row that isn't a portal.")
    alias, domain, number = tenant.get("portalName"), tenant.get("domain"), tenant.get("tenantId")
    if not isinstance(alias, str) or not _HOST.fullmatch(alias):
        raise protocol_error(
            f"The list of portals has an alias that can't name a host: {clean(alias)[:60]!r}."
        )
    if not isinstance(domain, str) or not _DOMAIN.fullmatch(domain) or not is_int(number):
        raise protocol_error(f"The domain or the ID of the portal '{alias}' can't be read.")
    try:
        created = format_time(parse_time(tenant["created"]))
    except (KeyError, ValueError):
        created = None
    return {
        "alias": alias,
        "docspace_tenant_id": number,
        "docspace_name": _text(tenant.get("name")),
        "docspace_domain": domain.lower(),
        "docspace_time_zone": _text(tenant.get("timeZoneId")),
        "docspace_created": created,
    }


def _text(value: Any) -> str | None:
    return clean(value)[:255] if isinstance(value, str) else None


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """The inventory plugin."""

    NAME = "onlyoffice.docspace.portals"

    def verify_file(self, path: str) -> bool:
        """Whether the file's name is one for this plugin."""
        return bool(super().verify_file(path)) and path.endswith(("docspace.yml", "docspace.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the hosts."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            self._add_hosts(self._portals(path, cache=cache))
        except DocSpaceError as error:
            request = f" ({error.method} {error.path})" if error.path else ""
            raise AnsibleParserError(f"{error.message}{request}") from error

    def _portals(self, path: str, *, cache: bool) -> list[Portal]:
        """Return the portals of the cache, or of the server. A cached list is of one server."""
        url = check_url(self._template("url") or _missing("url", "the address of a portal"), set())
        uses_cache = self.get_option("cache")
        key = self.get_cache_key(path) if uses_cache else ""
        if uses_cache and cache:
            known = self._cache.get(key)
            if isinstance(known, dict) and known.get("url") == url:
                return parse_portals(known.get("tenants"))
        tenants = self._fetch(url)
        portals = parse_portals(tenants)
        if uses_cache:
            self._cache[key] = {"url": url, "tenants": tenants}
        return portals

    def _fetch(self, url: str) -> Any:
        if REQUESTS_ERROR is not None:
            raise config_error(missing_requests(REQUESTS_ERROR))
        token, username, password = map(self._template, ("token", "username", "password"))
        if bool(token) == bool(username and password):
            raise config_error("token, username, password: give 'token', or both of the others.")
        secrets = {form for secret in (token, password) if secret for form in spellings(secret)}
        params: dict[str, Any] = {
            "url": url,
            "api_key": token,
            "username": username,
            "password": password,
            "retries": RETRIES,
        }
        for name in ("validate_certs", "ca_path", "timeout"):
            params[name] = self.get_option(name)
        display = Display()
        connection = build_connection(params, secrets, warn=display.warning)
        client = Client(connection, lambda line: display.vvv(f"{self.NAME}: {line}"))
        try:
            return client.get_object(PATH).get("tenants")
        except DocSpaceError as error:
            raise error.evolve(message=f"{error.message}{_advice(error)}") from error

    def _template(self, option: str) -> str | None:
        """Return an option with a template in it rendered, None for an empty one."""
        value = self.get_option(option)
        if isinstance(value, str) and "{{" in value:
            value = self.templar.template(value)
        return None if value is None or value == "" else str(value)

    def _add_hosts(self, portals: list[Portal]) -> None:
        self.inventory.add_group(GROUP)
        by_name = self.get_option("host_name")
        found: dict[str, str] = {}
        for portal in portals:
            names = (portal["alias"], portal["docspace_domain"])
            if not self._is_wanted(names):
                continue
            host = names[by_name == "domain"].partition(":")[0]
            if host in found:
                raise protocol_error(
                    f"Two portals have the name '{host}'. Choose another 'host_name'."
                )
            found[host] = host
            url = f"{self.get_option('scheme')}://{portal['docspace_domain']}"
            try:
                url = normalize_portal(url)
            except ValueError as error:
                raise protocol_error(
                    f"The portal '{host}' has an unusable domain: {error}."
                ) from error
            self._add_host(host, {**portal, "docspace_url": url})

    def _is_wanted(self, names: tuple[str, str]) -> bool:
        def matches(patterns: list[str]) -> bool:
            return any(fnmatch.fnmatchcase(name, one) for one in patterns for name in names)

        include = self.get_option("include")
        return (include is None or matches(include)) and not matches(self.get_option("exclude"))

    def _add_host(self, host: str, portal: Portal) -> None:
        self.inventory.add_host(host, group=GROUP)
        values = {name: _variable(value) for name, value in portal.items() if name != "alias"}
        for name, value in values.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), values, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), values, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), values, host, strict=strict)


def _variable(value: Any) -> Any:
    """Return a value of the server as a variable that is never rendered as a template."""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        # ansible-inventory shows text that isn't trusted in a wrapper.
        return trust_as_template(value)
    return untrusted(value)


def _missing(option: str, what: str) -> str:
    raise config_error(f"{option}: missing. Give {what}.")


def _advice(error: DocSpaceError) -> str:
    """Return what the status means for this call (C60)."""
    if error.status == 401:
        return " The list needs user name and password or a token; an API key isn't accepted."
    if error.status == 403:
        return " Only a server of your own lists its portals, not ONLYOFFICE's cloud."
    if error.status == 404:
        return " DocSpace 3.1.0 and newer have this list."
    return ""
