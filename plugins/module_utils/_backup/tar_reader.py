# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tar archive's headers, checked one by one. Knows nothing of backups.

This file is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Callable

BLOCK = 512
_NOTHING = bytes(BLOCK)
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")
_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,6}) ")
_PAX_SIZE = re.compile(rb"[0-9]{1,19}")

# Bounds of size and memory. Two empty blocks end an archive; writers fill up to 10 KiB or so.
_MOST_SIZE = 2**63 - 1
_MOST_EXTENSION = 1024 * 1024
_MOST_EXTENSIONS = 8
_MOST_PADDING = 1024 * 1024


class TarError(Exception):
    """Why the archive can't be whole."""


class TarReader:
    """Walks a tar archive that comes in pieces. Content is passed over, names are not kept.

    note: is told name and size of each file. most_entries: more of them are Broken. entries: how
    many there were, without extension headers. Links, devices and names that lead out of the
    archive are Broken: no backup holds any.
    """

    def __init__(self, note: Callable[[bytes, int], None], most_entries: int) -> None:
        self.entries = 0
        self._note = note
        self._most_entries = most_entries
        self._held = b""
        self._pass = 0
        self._zeros = 0
        self._padding = 0
        # Of the entry to come, from extension headers: its name and size, how many there were.
        self._name: bytes | None = None
        self._size: int | None = None
        self._extensions = 0
        # The extension header whose content is being read: its type, bytes to come, what came.
        self._type = b""
        self._wanted = 0
        self._content = bytearray()

    def feed(self, data: bytes) -> None:
        at, end = 0, len(data)
        while at < end:
            if self._zeros == 2:
                self._pad(data[at:])
                return
            if self._pass:
                step = min(self._pass, end - at)
                self._pass -= step
                at += step
                continue
            step = BLOCK - len(self._held)
            block = data[at : at + step]
            if self._held:
                block = self._held + block
            at += step
            if len(block) < BLOCK:
                self._held = block
                return
            self._held = b""
            if self._wanted:
                self._extend(block)
            else:
                self._header(block)

    @property
    def pending(self) -> int:
        """How many bytes of content the last entry still needs."""
        return self._pass

    def end(self) -> str | None:
        """What is missing, now that nothing more comes, None for nothing."""
        if self._pass:
            return f"the archive is cut off in entry {self.entries}"
        if self._extensions or (self._held and not self._zeros):
            return f"the archive is cut off in entry {self.entries + 1}"
        if self._zeros < 2:
            return "the archive is cut off before its end mark"
        if self._padding % BLOCK:
            return "the archive doesn't end with a full block"
        return None

    def _pad(self, data: bytes) -> None:
        self._padding += len(data)
        if data.count(0) != len(data):
            raise TarError("something follows the end of the archive")
        if self._padding > _MOST_PADDING:
            raise TarError("too many empty blocks follow the end of the archive")

    def _header(self, block: bytes) -> None:
        number = self.entries + 1
        if block == _NOTHING:
            if self._extensions:
                raise TarError(f"the archive ends before entry {number}, which was announced")
            self._zeros += 1
            return
        if self._zeros:
            raise TarError("an empty block stands in the midst of the archive")
        if not is_header(block):
            raise TarError(f"the header of entry {number} is damaged (its checksum is wrong)")
        size = _number(block[124:136])
        if size is None or size > _MOST_SIZE:
            raise TarError(f"the header of entry {number} gives no possible size")
        kind = block[156:157]
        if kind in (b"L", b"K", b"x", b"g"):
            self._begin_extension(kind, size, number)
        else:
            self._entry(block, kind, size if self._size is None else self._size, number)

    def _begin_extension(self, kind: bytes, size: int, number: int) -> None:
        self._extensions += 1
        if self._extensions > _MOST_EXTENSIONS:
            raise TarError(f"too many extension headers before entry {number}")
        if not 0 < size <= _MOST_EXTENSION:
            raise TarError(f"an extension header before entry {number} is empty or too long")
        self._type, self._wanted, self._content = kind, size, bytearray()

    def _extend(self, block: bytes) -> None:
        self._content += block
        if len(self._content) < self._wanted:
            return
        content = bytes(self._content[: self._wanted])
        self._wanted, self._content = 0, bytearray()
        if self._type == b"L":
            self._name = content.rstrip(b"\0")
        elif self._type in (b"x", b"g"):
            self._read_pax(content, self._type == b"g")

    def _read_pax(self, content: bytes, for_all: bool) -> None:
        """Records of the form `<length> <key>=<value>` and a line feed, their length in bytes."""
        broken = TarError(f"the extension header before entry {self.entries + 1} can't be read")
        at = 0
        while at < len(content):
            found = _PAX_RECORD.match(content, at)
            end = at + int(found.group(1)) if found else 0
            if not found or not found.end() < end <= len(content) or content[end - 1] != 10:
                raise broken
            key, equals, value = content[found.end() : end - 1].partition(b"=")
            at = end
            if not key or not equals:
                raise broken
            if key.startswith(b"GNU.sparse.") or (for_all and key in (b"path", b"size")):
                raise TarError(f"entry {self.entries + 1} is written in a form no backup has")
            if key == b"path":
                self._name = value
            elif key == b"size":
                if not _PAX_SIZE.fullmatch(value) or int(value) > _MOST_SIZE:
                    raise broken
                self._size = int(value)

    def _entry(self, block: bytes, kind: bytes, size: int, number: int) -> None:
        name = self._name
        if name is None:
            name = block[:100].partition(b"\0")[0]
            if block[257:263] == b"ustar\0" and block[345]:
                name = block[345:500].partition(b"\0")[0] + b"/" + name
        self._name, self._size, self._extensions = None, None, 0
        if number > self._most_entries:
            raise TarError(f"it has more than {self._most_entries} entries")
        self.entries = number
        if kind in (b"1", b"2"):
            raise TarError(f"entry {number} ({_shown(name)}) is a link, which no backup holds")
        if kind == b"5":
            if size:
                raise TarError(f"entry {number} ({_shown(name)}) is a folder with content")
        elif kind not in (b"0", b"\0", b"7"):
            raise TarError(f"entry {number} ({_shown(name)}) is neither a file nor a folder")
        if name[:1] in (b"/", b"\\") or (b".." in name and b".." in re.split(rb"[/\\]", name)):
            raise TarError(f"the name of entry {number} ({_shown(name)}) leads out of the archive")
        self._pass = size + -size % BLOCK
        if kind != b"5":
            self._note(name, size)


def is_header(block: bytes) -> bool:
    """Whether the checksum of a header is right: the sum of its bytes, its own field as blanks."""
    found = _OCTAL.fullmatch(block[148:156])
    if not found or not found.group(1):
        return False
    return int(found.group(1), 8) == sum(block) - sum(block[148:156]) + 8 * 32


def _number(field: bytes) -> int | None:
    """A number of a header: octal digits, or base 256 behind a set first bit. None for neither."""
    if field[0] & 0x80:
        # One below zero comes out as far too big.
        return int.from_bytes(field, "big") & (1 << 8 * len(field) - 1) - 1
    found = _OCTAL.fullmatch(field)
    return int(found.group(1) or b"0", 8) if found else None


def _shown(name: bytes) -> str:
    """A name as it may stand in a message: one line, no control or half characters, bounded."""
    text = name[:400].decode("utf-8", "replace")
    text = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return text if len(text) <= 100 else f"{text[:97]}..."
