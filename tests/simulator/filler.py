# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a backup large: documents that no compression makes smaller, made once per size."""

from __future__ import annotations

import functools
import random
import shutil
import tarfile
import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .content import OnDisk

DOCUMENT = 4 * 1024 * 1024
BLOCK = 1024 * 1024
_lock = threading.Lock()


class Filler(NamedTuple):
    """Entries of an archive: as they are packed, their length and checksum unpacked."""

    packed: OnDisk
    length: int
    crc: int


class Folder:
    """A folder that goes when nobody needs it any more, at the latest with this process."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="simulator-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


_folder = functools.lru_cache(maxsize=1)(Folder)


def filler(size: int, packed: bool = True) -> Filler:
    """Documents of that many bytes in all; the next archive of this size shares the file."""
    with _lock:
        return _make(size, packed)


@functools.lru_cache(maxsize=8)
def _make(size: int, packed: bool) -> Filler:
    path = _folder().path / f"{size}-{'packed' if packed else 'plain'}"
    length = crc = 0
    # Level 0: what cannot be made smaller is stored as it is, by any compressor.
    packer = zlib.compressobj(0, zlib.DEFLATED, -15)
    with path.open("wb") as file:
        for piece in entries(size):
            length += len(piece)
            crc = zlib.crc32(piece, crc)
            file.write(packer.compress(piece) if packed else piece)
        if packed:
            file.write(packer.flush(zlib.Z_FULL_FLUSH))
    return Filler(OnDisk(path, path.stat().st_size), length, crc)


def entries(size: int) -> Iterator[bytes]:
    """Archive entries, in pieces. No two blocks are alike, or bytes from a wrong place in the file
    could look right."""
    noise = random.Random(size).randbytes(BLOCK)
    left, document, block = size, 0, 0
    while left > 0:
        document += 1
        info = tarfile.TarInfo(f"files/folder_1000/file_{document}/v1/content.docx")
        info.size = min(DOCUMENT, left)
        yield info.tobuf(tarfile.GNU_FORMAT)
        for begin in range(0, info.size, BLOCK):
            block += 1
            piece = block.to_bytes(8, "big") + noise[8:]
            yield piece[: min(BLOCK, info.size - begin)]
        yield bytes(-info.size % tarfile.BLOCKSIZE)
        left -= info.size


def joined(first: int, second: int, length: int) -> int:
    """The CRC-32 of two pieces from that of each; the second has that length. As zlib's own
    `crc32_combine` does it, which Python does not offer: matrices over bits."""
    operator = [0xEDB88320] + [1 << bit for bit in range(31)]
    for _bits in range(3):
        operator = squared(operator)  # eight times a zero bit: a zero byte
    while length:
        if length & 1:
            first = times(operator, first)
        operator = squared(operator)
        length >>= 1
    return first ^ second


def times(matrix: list[int], vector: int) -> int:
    """A matrix with a vector."""
    total = 0
    for row in matrix:
        if vector & 1:
            total ^= row
        vector >>= 1
    return total


def squared(matrix: list[int]) -> list[int]:
    """A matrix with itself."""
    return [times(matrix, row) for row in matrix]
