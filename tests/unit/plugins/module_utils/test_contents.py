# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables in an archive are counted in a stream, whatever somebody wrote into them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.contents import (
    FILES,
    FOLDERS,
    MISSING,
    PEOPLE,
    STORED,
    TENANTS,
    ContentsReader,
)

SCHEMA = (
    "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='row'/></xs:schema>"
)


def table(name: str, rows: Iterable[dict[str, str]], head: str = "<?xml version='1.0'?>") -> bytes:
    """A table as the server writes it."""
    lines = [head, "<DocumentElement>", SCHEMA]
    for row in rows:
        cells = "".join(f"<{key}>{value}</{key}>" for key, value in row.items())
        lines.append(f"<{name}>{cells}</{name}>")
    return "\n".join([*lines, "</DocumentElement>"]).encode()


PORTAL = {
    TENANTS: table(
        "tenants_tenants", [{"name": "Sales &amp; more", "alias": "sales", "version": "3.7.2"}]
    ),
    PEOPLE: table("core_user", [{"id": "1", "removed": "false"}, {"removed": "true"}, {"id": "3"}]),
    FOLDERS: table(
        "files_folder", [{"folder_type": str(kind)} for kind in (5, 14, 15, 16, 19, 22, 29, 31)]
    ),
    FILES: table("files_file", [{"current_version": one} for one in ("true", "false", "1", "0")]),
    STORED: b"<storage_restore><file path='a'/><file path='b'/></storage_restore>",
}


def read(
    entries: dict[bytes, bytes], kind: str | None = "portal", step: int = 1000
) -> dict[str, Any]:
    """Read an archive's entries, in pieces of so many bytes."""
    reader = ContentsReader()
    for name, content in entries.items():
        take = reader.entry(name, len(content))
        for at in range(0, len(content), step):
            if take:
                take(content[at : at + step])
    return reader.result(kind)


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_a_portal(step: int) -> None:
    stored = {
        b"files/folder_1000/file_1/v1/content.docx": b"12345",
        b"files/x": b"",
        b"avatar": b"1",
    }
    assert read({**PORTAL, **stored}, step=step) == {
        "portal_name": "Sales & more",
        "server_version": "3.7.2",
        "people": 2,
        "rooms": 6,
        "files": 2,
        "stored_files": 3,
        "stored_bytes": 6,
        "missing_files": 0,
    }


def test_a_whole_server_has_stored_files_only() -> None:
    entries = {b"dump": b"", **PORTAL, b"storage/files/a": b"123"}
    assert read(entries, "dump") == {
        **dict.fromkeys(("portal_name", "server_version", "people", "rooms", "files")),
        "stored_files": 1,
        "stored_bytes": 3,
        "missing_files": 0,
    }


def test_files_that_were_missing_when_the_backup_was_created() -> None:
    missing = b"<storage_missing><file path='a'><error>x</error></file><file/></storage_missing>"
    assert read({**PORTAL, MISSING: missing})["missing_files"] == 2
    assert read({**PORTAL, MISSING: missing[:-5]})["missing_files"] is None


def test_the_later_of_two_entries_counts() -> None:
    reader = ContentsReader()
    for content in (PORTAL[PEOPLE], table("core_user", [{"id": "9"}])):
        take = reader.entry(PEOPLE, len(content))
        assert take
        take(content)
    assert reader.result("portal")["people"] == 1


@pytest.mark.parametrize(
    ("name", "figure"), [(PEOPLE, "people"), (FOLDERS, "rooms"), (FILES, "files")]
)
def test_a_table_that_is_not_there(name: bytes, figure: str) -> None:
    left = {key: content for key, content in PORTAL.items() if key != name}
    assert read(left)[figure] is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1000,
        b"<DocumentElement>",
        b"<a><b></a></b>",
        PORTAL[PEOPLE][:-3],
        PORTAL[PEOPLE] + b"<more/>",
        b"<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><r><core_user>&b;</core_user></r>",
        b"<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r/>",
        table("core_user", [{"removed": "perhaps"}]),
        table("core_user", [{"removed": "true"}], "<?xml version='1.0' encoding='klingon'?>"),
        b"<r>" * 10_000,
        "<r><core_user/></r>".encode("utf-16")[:-1],
    ],
)
def test_a_table_that_cannot_be_read(content: bytes) -> None:
    figures = read({**PORTAL, PEOPLE: content})
    assert figures["people"] is None
    assert figures["rooms"] == 6


def test_other_encodings_of_a_true_table() -> None:
    text = PORTAL[PEOPLE].decode()
    assert read({PEOPLE: text.encode("utf-16")})["people"] == 2
    latin = text.replace("<?xml version='1.0'?>", "<?xml version='1.0' encoding='iso-8859-1'?>")
    assert read({PEOPLE: latin.encode("latin-1")})["people"] == 2


@pytest.mark.parametrize("rows", [[], [{"name": "a"}, {"name": "b"}]])
def test_a_portal_has_one_name(rows: list[dict[str, str]]) -> None:
    figures = read({TENANTS: table("tenants_tenants", rows)})
    assert figures["portal_name"] is None
    assert figures["server_version"] is None


def test_a_name_is_shown_in_one_short_line() -> None:
    rows = [{"name": " &#10;&#x202e;" + "x" * 1000, "version": ""}]
    figures = read({TENANTS: table("tenants_tenants", rows)})
    assert figures["portal_name"] == "\ufffd" + "x" * 99
    assert figures["server_version"] is None


HUGE: dict[str, tuple[bytes, bytes, bytes]] = {
    "rows": (b"<r>", b"<core_user><removed>false</removed></core_user>" * 1000, b"</r>"),
    "value": (b"<r><core_user><removed>", b"x" * 50_000, b"</removed></core_user></r>"),
    "attribute": (b"<r><core_user a='", b"x" * 50_000, b"'/></r>"),
    "comment": (b"<r><!--", b"x" * 50_000, b"--></r>"),
    "nesting": (b"<r>", b"<x>" * 16_000, b""),
}


@pytest.mark.parametrize("shape", HUGE)
def test_memory_does_not_grow_with_the_table(shape: str) -> None:
    def pieces() -> Iterator[bytes]:
        first, middle, last = HUGE[shape]
        yield first
        for _piece in range(200):
            yield middle
        yield last

    reader = ContentsReader()
    take = reader.entry(PEOPLE, 10**9)
    assert take
    tracemalloc.start()
    try:
        for piece in pieces():
            take(piece)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert reader.result("portal")["people"] == (200_000 if shape == "rows" else None)


@given(st.binary(max_size=300), st.sampled_from(sorted(PORTAL)), st.integers(0, 400))
def test_no_bytes_make_it_fail(junk: bytes, name: bytes, at: int) -> None:
    content = PORTAL[name][:at] + junk + PORTAL[name][at:]
    figures = read({**PORTAL, name: content})
    numbers = [figures[one] for one in ("people", "rooms", "files", "missing_files")]
    assert all(number is None or number >= 0 for number in numbers)
