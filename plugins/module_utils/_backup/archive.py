# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify the bytes of a backup file in one pass, with constant memory, without extracting it.

This file is private to the collection.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, BinaryIO, NamedTuple

from .tar_reader import BLOCK, TarError, TarReader, is_header

# What a portal's backup and that of a whole server are told by (C37). The names are compared as
# they are: whether the server would find `./databases/...` isn't known, and it checks nothing.
TABLE = b"databases/core/tenants_tenants"
MARKER = b"storage/restore_info"
DUMP = b"dump"
DUMP_FOLDERS = (b"databases/scheme/", b"databases/data/")

CHUNK = 256 * 1024
_DECODED = 1024 * 1024

# Bounds of the work. gzip makes at most 1,032 bytes of one; a true backup stays far below the
# ratio as a whole, but may begin with a big file of nothing: hence the allowance.
MOST_ENTRIES = 50_000_000
MOST_RATIO = 200
ALLOWANCE = 16 * 1024**3


class Verdict(NamedTuple):
    """What came of it.

    problems: why the file isn't whole, a clause each, such as "the gzip stream ends before its
    checksum". kind: `portal`, `dump`, None for neither or not known. size: bytes, of a file that
    wasn't read to its end those that were read. sha256: 64 hex digits, None if the file was found
    to be broken before its end. entries: of the archive, as far as it could be read.
    """

    whole: bool
    problems: list[str]
    kind: str | None
    size: int
    sha256: str | None
    entries: int


class ArchiveChecker:
    """Takes a backup file's bytes in the order of the file, in pieces of any length.

    It never raises for what the bytes are. `feed` them until the end or until there is a
    `problem`, then `finish` once. `size` counts all bytes that were fed. `problem` is the first
    reason why the file is invalid, None so far; later bytes are counted and nothing else.

    total: how many bytes the file has, if that is known. An archive that needs more is broken as
    soon as its header is read.
    """

    def __init__(
        self,
        total: int | None = None,
        *,
        most_entries: int = MOST_ENTRIES,
        most_ratio: int = MOST_RATIO,
        allowance: int = ALLOWANCE,
    ) -> None:
        self.size = 0
        self.problem: str | None = None
        self._total = total
        self._most_ratio, self._allowance = most_ratio, allowance
        self._hash = hashlib.sha256()
        self._head = b""
        self._form: str | None = None
        # gzip alone with its header and checksum, neither zlib's form nor bare data.
        self._gzip: Any = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._decoded = 0
        self._contents = _Contents()
        self._tar = TarReader(self._contents.note, most_entries)

    def feed(self, data: bytes) -> None:
        """The next bytes of the file."""
        self.size += len(data)
        if self.problem is not None:
            return
        self._hash.update(data)
        if self._form is None:
            self._head += data
            if len(self._head) < BLOCK:
                return
            data = self._begin()
        self._judge(data)

    def finish(self) -> Verdict:
        """The verdict on what was fed."""
        broken_early = self.problem is not None
        if not broken_early and self._form is None:
            self._judge(self._begin())
        problems = [self.problem] if self.problem else self._end()
        return Verdict(
            whole=not problems,
            problems=problems,
            kind=self._contents.kind,
            size=self.size,
            sha256=None if broken_early else self._hash.hexdigest(),
            entries=self._tar.entries,
        )

    def _begin(self) -> bytes:
        data, self._head = self._head, b""
        self._form = archive_form(data)
        if self._form is None:
            self.problem = (
                "the file is empty" if not data else "it is neither a gzip nor a tar file"
            )
        return data

    def _judge(self, data: bytes) -> None:
        if self.problem is not None:
            return
        try:
            if self._form == "gzip":
                self._inflate(data)
            else:
                self._tar.feed(data)
                if self._total is not None and self.size + self._tar.pending > self._total:
                    raise TarError(self._tar.end())
        except TarError as broken:
            self.problem = str(broken)
        except zlib.error as error:
            self.problem = f"the gzip stream is damaged ({str(error).rpartition(': ')[2]})"

    def _inflate(self, data: bytes) -> None:
        """gzip tells of a wrong checksum or length at its end, with an exception."""
        bound = self._allowance + self._most_ratio * self.size
        while data:
            decoded = self._gzip.decompress(data, _DECODED)
            self._decoded += len(decoded)
            if self._decoded > bound:
                raise TarError("it unpacks to far more than a backup of its size does")
            self._tar.feed(decoded)
            # Never empty before all is decoded: the checksum comes last.
            data = self._gzip.unconsumed_tail
        # A second gzip stream too: some readers would go on with it, others not.
        if self._gzip.unused_data:
            raise TarError("something follows the end of the gzip stream")

    def _end(self) -> list[str]:
        if self._form == "gzip" and not self._gzip.eof:
            return ["the gzip stream is cut off before its checksum"]
        cut = self._tar.end()
        return [cut] if cut else self._contents.problems()


def check_archive(file: BinaryIO, judge: ArchiveChecker | None = None) -> Verdict:
    """Read a file from its current position to its end, or until it is known to be invalid.

    judge: one that was fed the bytes before that. An OSError is the caller's.
    """
    judge = judge or ArchiveChecker()
    while judge.problem is None and (data := file.read(CHUNK)):
        judge.feed(data)
    return judge.finish()


def archive_form(head: bytes) -> str | None:
    """`gzip` or `tar` by the first 512 bytes of a file, None for anything else."""
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    block = head[:BLOCK]
    return "tar" if len(block) == BLOCK and is_header(block) else None


class _Contents:
    """What the entries of an archive make it. Keeps what tells the kinds apart, no other name."""

    def __init__(self) -> None:
        self._sizes: dict[bytes, int] = {}
        self._folders: set[bytes] = set()
        self._dotted = False

    def note(self, name: bytes, size: int) -> None:
        """A file of the archive."""
        if name in (TABLE, MARKER, DUMP):
            # Of two with one name the later is what remains when the archive is unpacked.
            self._sizes[name] = size
        elif name.startswith(DUMP_FOLDERS):
            self._folders.add(next(one for one in DUMP_FOLDERS if name.startswith(one)))
        elif name.startswith(b"./"):
            self._dotted = True

    @property
    def kind(self) -> str | None:
        """What the entries so far make it."""
        if DUMP in self._sizes:
            return None if TABLE in self._sizes else "dump"
        return "portal" if TABLE in self._sizes or MARKER in self._sizes else None

    def problems(self) -> list[str]:
        """What is missing in the whole of it."""
        if DUMP in self._sizes and TABLE in self._sizes:
            return ["it holds both a portal's backup and that of a whole server"]
        if DUMP in self._sizes:
            missing = [name for name in DUMP_FOLDERS if name not in self._folders]
            return [f"no entry in {name.decode()}, as a server's backup has" for name in missing]
        missing = [name for name in (TABLE, MARKER) if name not in self._sizes]
        packed = " (its names begin with './': was it packed by hand?)" if self._dotted else ""
        problems = [f"no entry {name.decode()}, as a backup has{packed}" for name in missing]
        if self._sizes.get(TABLE) == 0:
            problems.append(f"the entry {TABLE.decode()} is empty")
        return problems
