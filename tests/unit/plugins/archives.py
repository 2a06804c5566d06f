# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup files of the form of C37 for the tests, and broken ones."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from typing import Any

TABLE = "databases/core/tenants_tenants"
MARKER = "storage/restore_info"
PORTAL = {
    TABLE: b"<tenants><row id='1'/></tenants>",
    "databases/files/files_file": b"<rows/>" * 300,
    "files/folder_1000/file_1/v1/content.docx": bytes(range(256)) * 7,
    "files/folder_1000/file_2/v1/content.txt": b"",
    MARKER: b"<storage_restore/>",
}
DUMP = {
    "dump": b"True",
    "databases/scheme/tenants_tenants": b"<table/>",
    "databases/data/tenants_tenants": b"<rows/>",
    "files/00/00/01/folder_1000/content.docx": b"some text",
}


def tar(entries: Mapping[str, bytes] | None = None, form: int = tarfile.GNU_FORMAT) -> bytes:
    """A plain archive, as Python's own library writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in (PORTAL if entries is None else entries).items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_790_000_000
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def packed(content: bytes, level: int = 6) -> bytes:
    return gzip.compress(content, level, mtime=0)


def targz(entries: Mapping[str, bytes] | None = None, form: int = tarfile.GNU_FORMAT) -> bytes:
    """A backup as the server writes it."""
    return packed(tar(entries, form))


def entry(name: str, content: bytes = b"", **fields: Any) -> bytes:
    """One entry: its header, with these fields of `tarfile.TarInfo`, and its content in blocks."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def header(field: slice, value: bytes, block: bytes | None = None) -> bytes:
    """A header with some bytes replaced, and a checksum that is right."""
    changed = bytearray(block or entry("files/x"))
    changed[field] = value
    changed[148:156] = b" " * 8
    changed[148:156] = b"%06o\0 " % sum(changed[:512])
    return bytes(changed)


def joined(*parts: bytes) -> bytes:
    """Entries with the end mark of an archive behind them."""
    return b"".join(parts) + bytes(1024)
