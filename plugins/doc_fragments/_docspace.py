# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options. This fragment is private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - The portal's own address, with V(https) or V(http), a host and at most a path prefix. A V(/) at its end is
        ignored.
      - An address with credentials, a query or a fragment is refused. Plain V(http) to a host other than this machine
        gives a warning, because credentials would travel unencrypted.
      - If the task doesn't give it, E(DOCSPACE_BASE_URL) is used.
    type: str
    required: true
    aliases:
      - portal_url
      - api_host
  api_key:
    description:
      - An API key, a personal access token or an OAuth access token. It is always sent as a bearer token.
      - Exactly one of O(api_key), and O(username) with O(password), is needed.
      - If the task gives neither kind, the environment where the module runs is asked for E(DOCSPACE_API_KEY), then
        E(DOCSPACE_AUTH_TOKEN), then E(DOCSPACE_USERNAME) with E(DOCSPACE_PASSWORD).
    type: str
  username:
    description:
      - The e-mail address of a portal administrator, for HTTP basic authentication.
      - If only O(password) is given, E(DOCSPACE_USERNAME) is used.
    type: str
  password:
    description:
      - The password that belongs to O(username).
      - If only O(username) is given, E(DOCSPACE_PASSWORD) is used.
    type: str
  validate_certs:
    description:
      - Whether the portal's TLS certificate must be valid. With V(false), anybody on the way can read the credentials.
      - If the task doesn't give it, E(DOCSPACE_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file or folder with the certificates of the authorities to trust, for portals with a private one.
      - It must exist where the module runs, or the task fails before it sends anything.
      - If the task doesn't give it, E(DOCSPACE_CA_PATH) is used.
    type: path
  timeout:
    description:
      - How many seconds to wait for a connection, and for each read of an answer. More than 0, at most 86400. An answer
        as a whole may take ten times that.
      - This isn't the time to wait for a backup or a restore. Nor is it the task keyword C(timeout), after which Ansible
        reports a failure while the module goes on.
    type: float
    default: 30
  retries:
    description:
      - How often a request is repeated at most. 0 or more.
      - Reading is repeated after a lost connection, a time-out and HTTP 502, 503 and 504. A delete is repeated only
        when the history says that the backup is still there; other writes never are. Everything is repeated after
        HTTP 429, because then nothing happened.
      - The first repetition comes after half a second, each further one after twice the time, up to 8 seconds. A
        C(Retry-After) of at most 30 seconds is obeyed, a longer one ends the task.
    type: int
    default: 3
requirements:
  - python >= 3.9 where the module runs
  - requests >= 2.25.1 where the module runs
notes:
  - An environment variable that is set, but empty, counts as not set.
  - An option that came out null or empty is refused, but for these connection options, where null counts as left out.
    Use C(omit).
  - Proxies are taken from the usual environment variables. C(.netrc) is never read, and redirects are never followed.
  - The API key needs no scope, or V(*) or V(*:write); V(*:read) is enough to read. Its owner must be an administrator
    of the portal.
  - Set the connection options once per play with C(module_defaults) and the group
    C(group/onlyoffice.docspace.docspace).
seealso:
  - name: "Guide: Connect to a portal"
    link: docsite/guide_connect.html
    description: >-
      Keys and their scopes, TLS with a private authority, environment, C(module_defaults), Vault.
      In the collection's folder it is C(docs/docsite/rst/guide_connect.rst).
"""
