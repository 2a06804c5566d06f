# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup files: archives of the form that the server writes (C37), whole or broken."""

from __future__ import annotations

import json
import struct
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from .content import Content, Part
from .filler import filler, joined

TENANTS = "databases/core/tenants_tenants"
ALL_TENANTS = "databases/data/tenants_tenants"
RESTORE_INFO = "storage/restore_info"
DUMP = "dump"
BROKEN = (
    "truncated",
    "crc",
    "garbage",
    "cut_tar",
    "no_tenants",
    "no_restore_info",
    "other_kind",
    "not_gzip",
    "plain_tar",
    "empty",
)
PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>\n"
# What an archive has besides its documents, roughly.
OVERHEAD = 4096
RECORD = 10240


def archive(
    identities: Iterable[Mapping[str, Any]],
    *,
    dump: bool = False,
    size: int = 0,
    broken: str | None = None,
    moment: int = 0,
) -> Content:
    """The archive of one portal, or of the whole server, of about `size` bytes. Who its people and
    keys are stands in its table of tenants."""
    if broken == "empty":
        return Content(())
    if broken == "not_gzip":
        return Content((PAGE,))
    if broken == "other_kind":
        dump = not dump
    first, last = entries(list(identities), dump)
    dropped = {"no_tenants": (TENANTS, ALL_TENANTS, DUMP), "no_restore_info": (RESTORE_INFO,)}
    gone = dropped.get(broken or "", ())
    head = b"".join(entry(name, data, moment) for name, data in first.items() if name not in gone)
    tail = b"".join(entry(name, data, moment) for name, data in last.items() if name not in gone)
    middle = filler(max(0, size - OVERHEAD), packed=broken != "plain_tar")
    if broken == "cut_tar":
        tail = entry(RESTORE_INFO, bytes(2048), moment)[:1024]
    else:
        tail += bytes(2 * tarfile.BLOCKSIZE)
        tail += bytes(-(len(head) + middle.length + len(tail)) % RECORD)
    if broken == "plain_tar":
        return Content((head, middle.packed, tail))
    crc = zlib.crc32(tail, joined(zlib.crc32(head), middle.crc, middle.length))
    if broken == "crc":
        crc ^= 1
    length = (len(head) + middle.length + len(tail)) & 0xFFFFFFFF
    begin = b"\x1f\x8b\x08\0" + struct.pack("<L", moment & 0xFFFFFFFF) + b"\0\xff"
    end = packed(tail, zlib.Z_FINISH) + struct.pack("<LL", crc, length)
    parts: tuple[Part, ...] = (begin + packed(head, zlib.Z_FULL_FLUSH), middle.packed, end)
    if broken == "garbage":
        parts = (*parts, b"not a part of the archive\n")
    content = Content(parts)
    if broken == "truncated":
        pieces = content.slice(0, content.length * 2 // 3)
        # The documents stay on the disk: only where the file ends is another place.
        return Content(tuple(cut(part, first, count) for part, first, count in pieces.spans()))
    return content


def cut(part: Part, offset: int, count: int) -> Part:
    """The beginning of a part."""
    return part[offset : offset + count] if isinstance(part, bytes) else part._replace(size=count)


def packed(data: bytes, flush: int) -> bytes:
    """A piece of the compressed stream that stands on its own."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(flush)


def entry(name: str, data: bytes, moment: int) -> bytes:
    """One entry of the archive."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), moment
    return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE)


def entries(
    identities: list[Mapping[str, Any]], dump: bool
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What stands before the documents and what behind them."""
    tenants = table("tenants_tenants", identities)
    if dump:
        scheme = {f"databases/scheme/{name}": table(name, []) for name in ("tenants_tenants",)}
        data = {ALL_TENANTS: tenants, "databases/data/core_user": table("core_user", [])}
        return {DUMP: b"", **scheme, **data}, {}
    users = [user for item in identities for user in item.get("users", [])]
    names = [{"email": user["name"]} for user in users]
    first = {
        TENANTS: tenants,
        "databases/core/core_user": table("core_user", names),
        "databases/files/files_folder": table("files_folder", [{"id": 7, "title": "Backups"}]),
        "files/folder_1000/file_0/v1/content.docx": b"The first document.\n",
    }
    info = b'<?xml version="1.0" encoding="utf-8"?>\n<storage_restore>\n  <file path="folder_1000/'
    return first, {RESTORE_INFO: info + b'file_0/v1/content.docx" />\n</storage_restore>\n'}


def table(name: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A table in XML; a value that is no text is JSON."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<NewDataSet>"]
    for row in rows:
        cells = (f"<{key}>{escape(json.dumps(value))}</{key}>" for key, value in row.items())
        lines.append(f"  <{name}>{''.join(cells)}</{name}>")
    return "\n".join([*lines, "</NewDataSet>", ""]).encode()
