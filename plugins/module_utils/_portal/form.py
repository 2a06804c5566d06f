# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A form with one file in it, of any size, and its way to a page outside of the API.

Its bytes are read while they are sent: `requests` itself would hold all of it in memory. This file is private to the collection.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from .answers import from_answer, read_answer
from .client import Client
from .errors import DocSpaceError, protocol_error


class Form:
    """What `requests` sends as it comes: it has a length, and can be gone through, once.

    pieces: of the file, of `length` bytes in all. The file has a name, or it would be none (C39).
    """

    def __init__(self, pieces: Iterable[bytes], length: int) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._pieces, self._length = pieces, length
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            'filename="backup.tar.gz"\r\nContent-Type: application/octet-stream\r\n\r\n'
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()

    def __len__(self) -> int:
        return len(self._head) + self._length + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._pieces
        yield self._tail


def post(
    client: Client, path: str, query: dict[str, str] | None, form: Form | None, *, whole: float
) -> dict[str, Any]:
    """Send a form, or none, once: the object that the page answers with, without envelope.

    whole: seconds for all of it.
    """
    client.gate.wait(writes=True)
    target = f"{client.url}{path}" + (f"?{urlencode(query)}" if query else "")
    headers = {} if form is None else {"Content-Type": form.content_type}
    try:
        with client.wire.open(
            *("POST", target),
            timeout=client.connection.timeout,
            whole=whole,
            data=form,
            headers=headers,
        ) as answer:
            decoded, page = read_answer(answer)
        if answer.status_code >= 300:
            failure = from_answer(answer.status_code, answer.headers, decoded, page=page)
            raise failure  # type: ignore[misc]
        if not decoded:
            raise protocol_error("The answer isn't the portal's, so nothing is concluded from it.")
        return decoded
    except DocSpaceError as error:
        error.method, error.path = "POST", target[target.index("/", 8) :]
        raise
