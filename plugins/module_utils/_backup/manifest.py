# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of off-site copies, and the manifest beside each: its portal, its time and its checksum.

This file is private to the collection.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .._portal.values import clean, format_time, is_int, normal_uuid, normalize_portal
from .local_files import UnsafeFile, create, error_text, open_regular, read_at_most, require_trusted
from .record import Record

_NAME = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9.~-]*_(?:dump_)?\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.tar\.gz", re.ASCII
)
# A name may have 255 bytes, and the working names of a download are made from it.
_LONGEST = 150


def backup_file_name(portal: str, created_on: datetime, *, dump: bool) -> str:
    """What a portal's backup of a time is called: made from nothing that the server says.

    portal: as `normalize_portal` returns it. `docs.example.com-8443-team_2026-11-25T08-27-30Z.tar.gz`
    """
    parts = urlsplit(portal)
    place = "-".join(filter(None, (parts.hostname, str(parts.port or ""), parts.path)))
    # An underscore only stands between the parts, and a name begins with a letter or a digit.
    place = re.sub("[^A-Za-z0-9.~]+", "-", place).strip("-.~") or "portal"
    if len(place) > _LONGEST:
        place = f"{place[:_LONGEST]}-{hashlib.sha256(portal.encode()).hexdigest()[:8]}"
    moment = created_on.astimezone(timezone.utc).replace(microsecond=0, tzinfo=None).isoformat()
    return f"{place}_{'dump_' if dump else ''}{moment.replace(':', '-')}Z.tar.gz"


def is_backup_file_name(name: str) -> bool:
    """Whether a file's name has the form of `backup_file_name`."""
    return _NAME.fullmatch(name) is not None


MOST_BYTES = 64 * 1024
_FORMAT = 1
_SHA256 = re.compile("[0-9a-f]{64}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class ManifestError(ValueError):
    """Why a manifest is invalid, a clause such as "it isn't JSON"."""


class Manifest(NamedTuple):
    """What is known of a backup file.

    portal: its address, as it was spelled when this was written. id: a UUID in lower case with hyphens. file_name,
    storage_type: of the server's record. created_on: aware, in UTC and whole seconds. dump: of a
    whole server. size, sha256 (64 hex digits), entries: as the file was judged.
    """

    portal: str
    id: str
    file_name: str
    storage_type: str
    created_on: datetime
    dump: bool
    size: int
    sha256: str
    entries: int

    @property
    def record(self) -> Record:
        """The backup in the file. A file doesn't expire."""
        return Record(self.id, self.file_name, self.storage_type, self.created_on, None)

    @property
    def kind(self) -> str:
        """The kind of the backup, as `Verdict.kind`."""
        return "dump" if self.dump else "portal"


def manifest_path(path: str) -> str:
    """Where a file's manifest is."""
    return f"{path}.json"


def read_manifest(path: str, *, dir_fd: int | None = None) -> Manifest | None:
    """Return the manifest in a file, None if the file doesn't exist.

    Anybody may have written it: whatever isn't just what `write` writes, or belongs to somebody who
    isn't trusted, is a ManifestError. dir_fd: an open folder, in which path is a name.
    """
    try:
        descriptor = open_regular(path, dir_fd=dir_fd)
        try:
            require_trusted(descriptor, path, dir_fd=dir_fd)
            content = read_at_most(descriptor, MOST_BYTES)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except UnsafeFile as unsafe:
        raise ManifestError(str(unsafe)) from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"it can't be read ({error_text(error)})") from None
    if content is None:
        raise ManifestError(f"it is longer than {MOST_BYTES} bytes")
    return _parse(content)


def write_manifest(manifest: Manifest, path: str) -> None:
    """Write it with mode 0600, on the disk when this returns. What was at this path is replaced.

    The caller gives a name of its own and renames it: a run that dies in between leaves at that
    name what `read` refuses, or the whole. An OSError is the caller's.
    """
    fields = {"format": _FORMAT, **manifest._asdict()}
    fields["created_on"] = format_time(manifest.created_on)
    content = f"{json.dumps(fields, indent=2)}\n".encode()
    _parse(content)
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    descriptor = create(path)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(descriptor)
    except OSError:
        # The disk may be full, and an incomplete manifest is of no use.
        with contextlib.suppress(OSError):
            Path(path).unlink()
        raise
    finally:
        os.close(descriptor)


def is_portal(portal: str) -> bool:
    """Whether a manifest can name this portal, as `normalize_portal` returns it."""
    try:
        return _portal(portal) == portal
    except ValueError:
        return False


def _parse(content: bytes) -> Manifest:
    try:
        fields = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ManifestError("it isn't JSON") from None
    if not isinstance(fields, dict):
        raise ManifestError("it isn't a JSON object")
    if not is_int(fields.get("format")) or fields["format"] != _FORMAT:
        raise ManifestError(f"its format isn't {_FORMAT}")
    values = {}
    for name, check in _CHECKS.items():
        try:
            values[name] = check(fields.get(name))
        except ValueError:
            raise ManifestError(f"its {name} is missing or can't be right") from None
    return Manifest(**values)


def _portal(value: Any) -> str:
    # Earlier releases had another normal form, so compare it with `is_same_portal`.
    normalize_portal(_text(value))
    return _text(value)


def _text(value: Any) -> str:
    """One line that can be shown: no control characters, no half characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= 2048 or clean(value) != value:
        raise ValueError
    return value


def _id(value: Any) -> str:
    if normal_uuid(_text(value)) != value:
        raise ValueError
    return _text(value)


def _checksum(value: Any) -> str:
    if not _SHA256.fullmatch(_text(value)):
        raise ValueError
    return _text(value)


def _time(value: Any) -> datetime:
    moment = datetime.strptime(_text(value), _TIME).replace(tzinfo=timezone.utc)
    # strftime doesn't pad the year 1, which is the server's time for "never".
    if format_time(moment) != value:
        raise ValueError
    return moment


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _count(value: Any) -> int:
    if not is_int(value) or not 1 <= value < 2**63:
        raise ValueError
    return int(value)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "portal": _portal,
    "id": _id,
    "file_name": _text,
    "storage_type": _text,
    "created_on": _time,
    "dump": _flag,
    "size": _count,
    "sha256": _checksum,
    "entries": _count,
}
