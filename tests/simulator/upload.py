# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The upload of a backup file: `backupFileUpload.ashx` (C39 to C42, C46)."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from . import body
from .answers import Answer, dump
from .auth import Caller
from .state import Portal, Server, Upload
from .versions import V3_1

# After any other path, but not in any case.
ENDING = "/backupFileUpload.ashx"
VALID = timedelta(minutes=20)
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class Refused(Exception):
    """What the answer says against it; its status is 200 all the same (C40)."""


def take(
    server: Server, portal: Portal, caller: Caller, query_text: str, form: tuple[str, bytes]
) -> Answer:
    """An init, or a chunk. Neither scopes nor payment nor the portal's state are looked at."""
    query = body.query(query_text)
    size = portal.settings.chunk_size
    try:
        demand(portal, caller)
        if query.get("init") == "true":
            begin(server, portal, query)
            ended = False
        else:
            ended = append(server, portal, *form)
        said: dict[str, Any] = {"Success": True, "ChunkSize": size, "EndUpload": ended}
    except Refused as refusal:
        message = str(refusal)
        said = {"Success": False, "Message": message, "ChunkSize": 0, "EndUpload": False}
    return Answer(200, dump(said))


def demand(portal: Portal, caller: Caller) -> None:
    """Only an administrator may, and only onto a disk."""
    if caller.user is None or not caller.user.administrator:
        name = caller.user.shown if caller.user else "guest"
        right = '"Edit Portal Settings"'
        cause = "Edit Portal Settings: access denied."
        raise Refused(f'"{name}" access denied {right}. Cause: {cause}.')
    if portal.settings.temp_on_object_storage:
        raise Refused("backup_temp is not disc")


def begin(server: Server, portal: Portal, query: dict[str, str]) -> None:
    """A new upload; what was there is thrown away, whoever sent it (C41)."""
    text = query.get("totalsize", "")
    total = int(text) if text.lstrip("-").isdigit() else 0
    if total <= 0:
        raise Refused("Total size must be greater than 0.")
    path = server.folder / f"{portal.tenant_id}.upload"
    path.unlink(missing_ok=True)
    portal.upload = Upload(path, total, server.clock.now())


def append(server: Server, portal: Portal, content_type: str, data: bytes) -> bool:
    """A chunk goes to the end of what is there: it has no number. True when all is there."""
    upload, now = portal.upload, server.clock.now()
    if upload is None or upload.ended or now >= upload.begun + VALID:
        raise Refused("Need init upload.")
    chunk = file_of(content_type, data)
    if len(chunk) > portal.settings.chunk_size:
        raise Refused(f"Chunk size must not exceed {portal.settings.chunk_size} bytes.")
    with upload.path.open("ab") as file:
        file.write(chunk)
        upload.ended = file.tell() >= upload.total
    if server.version < V3_1:
        upload.begun = now
    return upload.ended


def file_of(content_type: str, data: bytes) -> bytes:
    """The form's first file, whatever its name; without a file name it is no file."""
    mimetype, options = parse_options_header(content_type)
    if mimetype not in FORMS:
        raise Refused(
            "This request does not have a Content-Type header. Forms are available from requests "
            "with bodies like POSTs and a form Content-Type of either "
            "application/x-www-form-urlencoded or multipart/form-data."
        )
    parser = FormDataParser(stream_factory=in_memory, silent=True)
    _stream, _form, files = parser.parse(io.BytesIO(data), mimetype, len(data), options)
    first = next(iter(files.values()), None)
    if first is None:
        raise Refused(
            "Index was out of range. Must be non-negative and less than the size of the "
            "collection. (Parameter 'index')"
        )
    content: bytes = first.read()
    return content


def in_memory(*_about: object, **_more: object) -> io.BytesIO:
    """Where the parser puts a file: a chunk is small."""
    return io.BytesIO()
