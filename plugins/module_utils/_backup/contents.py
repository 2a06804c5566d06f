# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count what a backup file holds while its archive is read: people, rooms, files (C61, C62).

The tables come from outside: they are read as a stream in constant memory, and a figure that can't be
read is null. This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from xml.parsers import expat

from .._portal.values import clean

Row = dict[str, str]
Take = Callable[[bytes], None]

TENANTS = b"databases/core/tenants_tenants"
PEOPLE = b"databases/core/core_user"
FOLDERS = b"databases/default/files_folder"
FILES = b"databases/default/files_file"
STORED = b"storage/restore_info"
MISSING = b"storage/missing_info"
# `folder_type` of rooms.
ROOMS = {"15", "16", "19", "22", "29", "31"}

# Limits of memory: bytes of one tag, nested elements, characters of a value.
_LONGEST_TAG = 2**20
_DEEPEST = 64
_LONGEST_VALUE = 400
_LONGEST_NAME = 100
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class _Unreadable(Exception):
    """The table isn't one of a backup."""


class _Table:
    """Reads a table in XML piece by piece: one root, in it an element per row, in it the columns."""

    def __init__(self, row: str, columns: Iterable[str], take: Callable[[Row], None]) -> None:
        """Prepare. row: the name of the elements to read. take: is given the columns of each."""
        self._name, self._columns, self._take = row, frozenset(columns), take
        self._depth = 0
        self._row: Row | None = None
        self._column = ""
        self._value: list[str] = []
        self._length = 0
        self._fed = 0
        self._failed = self._ended = False
        self._parser = parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        # An entity could be defined there that expands to any size.
        parser.StartDoctypeDeclHandler = _refuse

    def feed(self, data: bytes) -> None:
        """Read the next bytes."""
        if self._failed:
            return
        self._fed += len(data)
        try:
            self._parser.Parse(data, False)
            # The parser keeps a tag in memory until it ends.
            if self._fed - self._parser.CurrentByteIndex > _LONGEST_TAG + len(data):
                raise _Unreadable
        except (expat.ExpatError, _Unreadable, ValueError, LookupError):
            self._failed = True

    def is_complete(self) -> bool:
        """Whether the table could be read to its end."""
        if not (self._failed or self._ended):
            self._ended = True
            try:
                self._parser.Parse(b"", True)
            except (expat.ExpatError, _Unreadable, ValueError, LookupError):
                self._failed = True
        return not self._failed

    def _start(self, name: str, _attributes: Any) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Unreadable
        if self._depth == 2 and name == self._name:
            self._row = {}
        elif self._depth == 3 and self._row is not None and name in self._columns:
            self._column, self._value, self._length = name, [], 0
            self._parser.CharacterDataHandler = self._text

    def _text(self, text: str) -> None:
        text = text[: _LONGEST_VALUE - self._length]
        self._length += len(text)
        self._value.append(text)

    def _end(self, _name: str) -> None:
        if self._depth == 3 and self._column and self._row is not None:
            self._row[self._column] = "".join(self._value)
            self._column = ""
            self._parser.CharacterDataHandler = None
        elif self._depth == 2 and self._row is not None:
            self._take(self._row)
            self._row = None
        self._depth -= 1


def _refuse(*_declaration: Any) -> None:
    raise _Unreadable


class _Count:
    """A figure: the rows of a table that count. None if one can't be read."""

    def __init__(self, row: str, columns: Iterable[str], counts: Callable[[Row], bool]) -> None:
        self._counts = counts
        self._number = 0
        self._table = _Table(row, columns, self._add)
        self.feed = self._table.feed

    def _add(self, row: Row) -> None:
        self._number += self._counts(row)

    @property
    def value(self) -> int | None:
        """The number of rows."""
        return self._number if self._table.is_complete() else None


class _Tenant:
    """The one row of the table of portals."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._table = _Table("tenants_tenants", ("name", "alias", "version"), self._add)
        self.feed = self._table.feed

    def _add(self, row: Row) -> None:
        if len(self._rows) < 2:
            self._rows.append(row)

    def column(self, *names: str) -> str | None:
        """Return the first of these columns that isn't empty."""
        if not self._table.is_complete() or len(self._rows) != 1:
            return None
        texts = (self._rows[0].get(name, "").strip() for name in names)
        return next((clean(text)[:_LONGEST_NAME] for text in texts if text), None)


def _is_person(row: Row) -> bool:
    return not _flag(row.get("removed", "false"))


def _is_current(row: Row) -> bool:
    return _flag(row.get("current_version", ""))


def _is_room(row: Row) -> bool:
    return row.get("folder_type", "").strip() in ROOMS


def _flag(text: str) -> bool:
    try:
        return _FLAGS[text.strip().lower()]
    except KeyError:
        raise _Unreadable from None


# Entry, name of a row's element, columns, which rows count.
_FIGURES: dict[str, tuple[bytes, str, tuple[str, ...], Callable[[Row], bool]]] = {
    "people": (PEOPLE, "core_user", ("removed",), _is_person),
    "rooms": (FOLDERS, "files_folder", ("folder_type",), _is_room),
    "files": (FILES, "files_file", ("current_version",), _is_current),
    "missing_files": (MISSING, "file", (), lambda _row: True),
}


class ContentsReader:
    """Takes the entries of one archive in their order."""

    def __init__(self) -> None:
        self._tenant: _Tenant | None = None
        self._counts: dict[str, _Count] = {}
        self._stored_files = self._stored_bytes = 0

    def entry(self, name: bytes, size: int) -> Take | None:
        """Note an entry. Returns a function that takes its content, None if it isn't needed."""
        if name == TENANTS:
            self._tenant = _Tenant()
            return self._tenant.feed
        for figure, (wanted, row, columns, counts) in _FIGURES.items():
            if name == wanted:
                # Of two with one name, the later one remains when the archive is unpacked.
                count = self._counts[figure] = _Count(row, columns, counts)
                return count.feed
        if name not in (STORED, b"dump") and not name.startswith(b"databases/"):
            self._stored_files += 1
            self._stored_bytes += size
        return None

    def result(self, kind: str | None) -> dict[str, Any]:
        """Return the figures, after the last entry. kind: `portal`, `dump`, None if not known."""
        portal = kind == "portal"
        tenant = self._tenant if portal else None
        figures = {name: count.value for name, count in self._counts.items()}
        return {
            "portal_name": tenant and tenant.column("name", "alias"),
            "server_version": tenant and tenant.column("version"),
            "people": figures.get("people") if portal else None,
            "rooms": figures.get("rooms") if portal else None,
            "files": figures.get("files") if portal else None,
            "stored_files": self._stored_files,
            "stored_bytes": self._stored_bytes,
            "missing_files": figures.get("missing_files", 0),
        }
