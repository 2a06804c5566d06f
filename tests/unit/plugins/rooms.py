# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module for another resource: what `_portal` gives is all that it takes. It isn't shipped.

It makes sure that a room of a title is there. CONTRIBUTING.md goes through it. One of the
collection would begin with its documentation.
"""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.client import Client
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.errors import (
    protocol_error,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.module import (
    Result,
    run_module,
)

API = "/api/2.0/files/rooms"
CUSTOM = 5  # the type of a room without rules of its own
PAGE = 2  # so that three rooms are two pages

Room = dict[str, Any]


def read_rooms(client: Client) -> list[Room]:
    """All rooms. As many as the portal says there are, or none of them is believed."""
    rooms: dict[int, Room] = {}
    while True:
        query = {"startIndex": str(len(rooms)), "count": str(PAGE)}
        items, total = client.get_page(API, query, read=parse_rooms)
        known = len(rooms)
        rooms.update({room["id"]: room for room in items})
        if len(items) < PAGE or len(rooms) == known:
            break
    if total is not None and total != len(rooms):
        raise protocol_error(
            f"The portal says that there are {total} rooms, and lists {len(rooms)}. Run again: they "
            "may have changed in between."
        )
    return list(rooms.values())


def parse_rooms(response: Any) -> list[Room]:
    """The rooms of a page."""
    folders = response.get("folders") if isinstance(response, dict) else None
    if not isinstance(folders, list):
        raise protocol_error("The portal's answer holds no readable list of rooms.")
    return [parse_room(folder) for folder in folders]


def parse_room(response: Any) -> Room:
    """What a result says of a room."""
    try:
        return {"id": int(response["id"]), "title": str(response["title"])}
    except (KeyError, TypeError, ValueError) as error:
        raise protocol_error("The portal's answer holds no readable room.") from error


def run(module: AnsibleModule, client: Client) -> Result:
    """Find the room, or make it."""
    title = module.params["title"]
    before = next((room for room in read_rooms(client) if room["title"] == title), None)
    after = before or {"id": None, "title": title}
    if before is None and not module.check_mode:
        after = client.post(API, {"title": title, "roomType": CUSTOM}, read=parse_room)
    changed = before is None
    return Result(changed=changed, room=after, diff={"before": before or {}, "after": after})


def main() -> None:
    """The way in."""
    run_module(run, {"title": {"type": "str", "required": True}})
