# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of a server's portals, which is outside of the API (C60)."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import Headers

from .answers import JSON, Answer, dump
from .auth import authenticate
from .state import Portal, Server
from .versions import V3_1

PATH = "/apisystem/portal/get"
CREATED = "2025-03-01T09:30:00.0000000Z"


def portals(server: Server, headers: Headers) -> Answer:
    """Answer the call. API keys aren't accepted, and portals that aren't active are left out."""
    portal = server.find(headers.get("Host", ""))
    if portal is None or server.version < V3_1:
        return Answer(404)
    caller = authenticate(portal, headers, keys=False)
    if caller.user is None or not caller.user.administrator:
        return Answer(401)
    if server.kind == "saas":
        refusal = {"error": "error", "message": "Method for server edition only."}
        return Answer(403, dump(refusal), {"Content-Type": JSON})
    rows = [row(one) for one in server.portals if one.settings.portal_status == "Active"]
    rows += [dict(one) for one in portal.settings.other_portals]
    return Answer(200, dump({"tenants": rows}), {"Content-Type": JSON})


def row(portal: Portal) -> dict[str, Any]:
    """One portal of the list."""
    return {
        "tenantId": portal.tenant_id,
        "created": CREATED,
        "domain": portal.host,
        "mappedDomain": "",
        "name": portal.alias.title(),
        "ownerId": "4a58e12c-0b47-4f93-8d10-6a3f5b1c7e2d",
        "portalName": portal.alias,
        "status": "Active",
        "timeZoneId": "Europe/Berlin",
    }
