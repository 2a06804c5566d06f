# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server finds when it opens a file to restore (C38): it is not very careful."""

from __future__ import annotations

import gzip
import json
import tarfile
import xml.etree.ElementTree as ET  # the simulator's own archives, on this machine
import zlib
from dataclasses import dataclass, field
from typing import IO, Any

from .archive import ALL_TENANTS, DUMP, TENANTS

PIECE = 1024 * 1024


@dataclass
class Verdict:
    """What was found. With a `problem` the task fails; `touched` says that by then the portal's
    data is gone already."""

    problem: str = ""
    touched: bool = False
    dump: bool = False
    tenants: bool = False
    identities: list[dict[str, Any]] = field(default_factory=list)


def judge(file: IO[bytes]) -> Verdict:
    """Read the archive as the server does; the file is closed afterwards."""
    verdict = Verdict()
    with file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream: Any = gzip.GzipFile(fileobj=file) if packed else file
        try:
            with tarfile.open(fileobj=stream, mode="r|") as entries:
                for info in entries:
                    verdict.touched = True
                    look(entries, info, verdict)
            while stream.read(PIECE):
                pass
        except gzip.BadGzipFile as error:
            # Something behind the end is overlooked, a wrong checksum is not.
            if "Not a gzipped file" not in str(error) or not verdict.touched:
                verdict.problem = str(error)
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            verdict.problem = str(error) or type(error).__name__
    return verdict


def look(entries: tarfile.TarFile, info: tarfile.TarInfo, verdict: Verdict) -> None:
    """One entry: only those that say what the archive is."""
    if info.name == DUMP:
        verdict.dump = True
    elif info.name in (TENANTS, ALL_TENANTS):
        verdict.tenants = True
        data = entries.extractfile(info)
        text = data.read() if data else b""
        try:
            rows = ET.fromstring(text)  # noqa: S314
            verdict.identities = [{c.tag: json.loads(c.text or "null") for c in r} for r in rows]
        except (ET.ParseError, ValueError):
            verdict.identities = []  # an archive of somebody else's, which names nobody
