# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file's bytes, sent without being held in memory."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Union

PIECE = 65536


class OnDisk(NamedTuple):
    """A part that lies on the disk, perhaps for many contents."""

    path: Path
    size: int


Part = Union[bytes, OnDisk]


@dataclass(frozen=True)
class Content:
    """A file, put together from parts in memory and on the disk."""

    parts: tuple[Part, ...]

    @property
    def length(self) -> int:
        """Its bytes in all."""
        return sum(size(part) for part in self.parts)

    def slice(self, start: int = 0, stop: int | None = None) -> Slice:
        """The bytes from `start` to before `stop`."""
        stop = self.length if stop is None else min(stop, self.length)
        return Slice(self, start, max(start, stop), stop - start)

    def sha256(self) -> str:
        """The checksum of the whole."""
        digest = hashlib.sha256()
        for piece in self.slice().pieces():
            digest.update(piece)
        return digest.hexdigest()


@dataclass(frozen=True)
class Slice:
    """What is sent of a content; where it is not as long as `announced`, the connection breaks."""

    content: Content
    start: int
    stop: int
    announced: int

    @property
    def breaks(self) -> bool:
        """Whether the announced length is not kept."""
        return self.stop - self.start != self.announced

    def spans(self, limit: int | None = None) -> Iterator[tuple[Part, int, int]]:
        """The parts to send, each with an offset and a number of bytes."""
        stop = self.stop if limit is None else min(self.stop, self.start + limit)
        begin = 0
        for part in self.content.parts:
            first, last = max(self.start, begin), min(stop, begin + size(part))
            if first < last:
                yield part, first - begin, last - first
            begin += size(part)

    def pieces(self, length: int = 16 * PIECE, limit: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces."""
        for part, offset, count in self.spans(limit):
            if isinstance(part, bytes):
                for first in range(offset, offset + count, length):
                    yield part[first : min(first + length, offset + count)]
                continue
            with part.path.open("rb") as file:
                file.seek(offset)
                for done in range(0, count, length):
                    yield file.read(min(length, count - done))

    def send(self, connection: socket.socket, limit: int | None = None) -> None:
        """Send the bytes; those on the disk don't pass through this process."""
        for part, offset, count in self.spans(limit):
            if isinstance(part, bytes):
                connection.sendall(part[offset : offset + count])
            else:
                with part.path.open("rb") as file:
                    connection.sendfile(file, offset, count)


def size(part: Part) -> int:
    """A part's bytes."""
    return len(part) if isinstance(part, bytes) else part.size
