# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link of a temporary backup: `/storage/backup/root/<name>` (C34 to C36)."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

from . import body
from .answers import Answer, general
from .archive import archive
from .auth import Caller
from .content import PIECE, Content, Slice
from .origin import SecondOrigin
from .settings import Settings
from .state import Backup, Link, Portal, Server

PREFIX = "/storage/backup/root/"
VALID = timedelta(minutes=1440)
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def sign(portal: Portal, backup: Backup) -> str:
    """A link to a backup, for administrators of this portal."""
    link = Link(backup.file_name, backup.created, backup.id)
    portal.links[link.signature] = link
    return f"{PREFIX}{quote(backup.file_name)}?expire=1440&auth={link.signature}"


def content(server: Server, portal: Portal, backup: Backup) -> Content:
    """A backup's file. It is the same each time: made anew from what the portal was then."""
    switches = portal.settings
    dump = backup.dump
    if not backup.identities:
        backup.identities = identities(server, portal, dump)
    size = switches.file_size if backup.size is None else backup.size
    return archive(
        backup.identities,
        dump=dump,
        size=size,
        broken=switches.file_broken,
        moment=int(backup.created.timestamp()),
    )


def identities(server: Server, portal: Portal, dump: bool) -> list[dict[str, object]]:
    """Who a backup is: that portal's people and keys, or those of all."""
    return [item.identity() for item in (server.portals if dump else [portal])]


def fetch(
    server: Server,
    origin: SecondOrigin,
    portal: Portal | None,
    caller: Caller,
    request: tuple[str, str, str, str],
) -> Answer:
    """Answer a request for a file: its method, path, query and `Range`. Payment and the portal's
    state are not looked at."""
    method, path, query_text, wanted = request
    if method != "GET":
        return Answer(405, headers={"Allow": "GET"})
    query = body.query(query_text)
    if not query.get("auth"):
        return Answer(400)
    link = portal.links.get(query["auth"]) if portal else None
    if (
        portal is None
        or link is None
        or path != PREFIX + link.file_name
        or query.get("expire") != "1440"
        or server.clock.now() >= link.created + VALID
        or not (caller.user and caller.user.administrator)
    ):
        return Answer(403)
    backup = server.backups.get(link.backup_id)
    if backup is None or backup.file not in server.files:
        return Answer(404)
    file = content(server, portal, backup)
    return redirected(portal.settings, origin, file) or ranged(file, wanted)


def redirected(switches: Settings, origin: SecondOrigin, file: Content) -> Answer | None:
    """A larger file lies on an object storage, at an address that is good for a moment."""
    limit = switches.object_storage_over
    if limit is None or file.length <= limit:
        return None
    return Answer(302, headers={"Location": origin.grant(file)})


def ranged(file: Content, wanted: str) -> Answer:
    """The file, or what a range asks for: only `bytes=N-` comes out well (C36)."""
    headers = {"Content-Type": "application/octet-stream"}
    found = RANGE.fullmatch(wanted.strip())
    if wanted:
        headers["Accept-Ranges"] = "bytes"
    if found is None or found[0] in ("bytes=-", "bytes=0-"):
        return Answer(200, headers=headers, content=file.slice())
    first, last = found[1], found[2]
    if not first or int(first) >= file.length:
        message = "Specified argument was out of the range of valid values."
        raise general(500, message, "System.ArgumentOutOfRangeException")
    start = int(first)
    stop = min(int(last) + 1, file.length) if last else file.length
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.length}"
    return Answer(206, headers=headers, content=runs_on(file, start, stop))


def runs_on(file: Content, start: int, stop: int) -> Slice:
    """With an end the length shrinks, but the stream goes on to the file's end: it is sent piece
    by piece until one is too much."""
    announced = max(0, stop - start)
    if stop == file.length:
        return file.slice(start)
    return Slice(file, start, start + announced // PIECE * PIECE, announced)
