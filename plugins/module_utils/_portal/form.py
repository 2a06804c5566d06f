# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A form with one file in it, of any size: its bytes are read while they are sent.

`requests` itself would hold all of it in memory. This file is private to the collection.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator


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
