# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup file to restore from: judged before anything is sent. Loaded only for that.

The server checks next to nothing before it replaces a portal (C38), so this is the only guard. This
file is private to the collection.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, BinaryIO, NamedTuple

from .._portal.errors import DocSpaceError, config_error
from .._portal.values import is_same_portal, normal_portal
from .archive import Judge, Verdict, form_of, judge_file
from .local_files import UnsafeFile, error_text, open_to_read, require_trusted
from .manifest import Manifest, ManifestError, place_of, read
from .pace import rate
from .record import Record

_KINDS = {"portal": "one portal", "dump": "a whole server"}


class Source(NamedTuple):
    """A file that is whole and of the kind that is asked for, open.

    form: gzip or tar. manifest: only if it is about just these bytes. doubt: why there is none, a
    clause.
    """

    path: str
    file: BinaryIO
    verdict: Verdict
    form: str | None
    manifest: Manifest | None
    doubt: str

    @property
    def record(self) -> Record | None:
        """The backup, by the manifest. What a file holds doesn't expire."""
        paper = self.manifest
        if paper is None:
            return None
        return Record(paper.id, paper.file_name, paper.storage_type, paper.created_on, None)

    def result(self) -> dict[str, Any]:
        """The result key `file`."""
        verdict = self.verdict
        return {
            "path": self.path,
            "size": verdict.size,
            "sha256": verdict.sha256,
            "kind": verdict.kind,
        }

    def facts(self) -> dict[str, Any]:
        """What a diff says of the file itself."""
        portal = None if self.manifest is None else self.manifest.portal
        return {
            "restored_from": self.path,
            "file_name": PurePath(self.path).name,
            "portal": portal,
        }

    def warnings(self, url: str) -> list[str]:
        """What a person should know before this goes to the portal with that address."""
        if self.manifest is None:
            # That there is no manifest is nothing odd.
            return [f"src: {self.doubt}."] if self.doubt != "it has no manifest" else []
        if is_same_portal(self.manifest.portal, url):
            return []
        return [
            f"src: by its manifest this is a backup of {self.manifest.portal}, not of "
            f"{normal_portal(url)}."
        ]

    def rewind(self) -> None:
        """Back to the first byte."""
        self.file.seek(0)

    def changed(self) -> DocSpaceError:
        """The file that was sent isn't the one that was judged."""
        return DocSpaceError(
            "guard",
            f"src: {self.path[:300]} was changed while it was sent, so that it isn't what was "
            "checked. Nothing was restored. Run again when nobody writes to it.",
        )


@contextmanager
def open_source(path: str, *, dump: bool, log: Callable[[str], None]) -> Iterator[Source]:
    """Open a file once, and judge it to its last byte; what is sent comes from the same descriptor."""
    try:
        file = open_to_read(path, follow=True)
    except UnsafeFile as error:
        raise config_error(f"src: {path[:300]!r} can't be used: {error}. Give a file.") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    with file:
        began = time.monotonic()
        try:
            form = form_of(file.read(512))
            file.seek(0)
            verdict = judge_file(file, Judge(os.fstat(file.fileno()).st_size))
        except OSError as error:
            raise _unreadable(path, error) from error
        log(f"checked {rate(verdict.size, time.monotonic() - began)}")
        _require_whole(path, verdict, dump)
        manifest, doubt = _manifest(path, verdict)
        if manifest is None:
            _require_trusted(path, file)
        yield Source(path, file, verdict, form, manifest, doubt)


def _require_whole(path: str, verdict: Verdict, dump: bool) -> None:
    if not verdict.whole:
        raise DocSpaceError(
            "guard",
            f"src: {path[:300]} is no whole backup: {'; '.join(verdict.problems)[:300]}. Nothing was "
            "sent: a portal that is restored from it would be lost. Take another copy.",
        )
    wanted = "dump" if dump else "portal"
    if verdict.kind != wanted:
        raise DocSpaceError(
            "guard",
            f"src: {path[:300]} holds the backup of {_KINDS.get(str(verdict.kind))}, but 'dump: "
            f"{str(dump).lower()}' means one of {_KINDS[wanted]}. Nothing was sent.",
        )


def _require_trusted(path: str, file: BinaryIO) -> None:
    """Refuse a file that somebody else may have written, where no manifest vouches for its bytes."""
    try:
        require_trusted(file.fileno(), path)
    except UnsafeFile as unsafe:
        raise DocSpaceError(
            "guard",
            f"src: {path[:300]} can't be trusted: {unsafe}, and no manifest confirms its content. "
            "Nothing was sent. If it is the right file, change its owner and mode (chown, chmod), or "
            "copy it to a folder that only you can write to.",
        ) from None


def _manifest(path: str, verdict: Verdict) -> tuple[Manifest | None, str]:
    """The file's manifest, believed only if it is about these bytes, else why it isn't."""
    try:
        paper = read(place_of(path))
    except ManifestError as error:
        return None, f"its manifest counts for nothing: {error}"
    if paper is None:
        return None, "it has no manifest"
    names = ("size", "sha256", "kind")
    wrong = [name for name in names if getattr(paper, name) != getattr(verdict, name)]
    if wrong:
        return None, f"its manifest is that of another file ({', '.join(wrong)})"
    return paper, ""


def _unreadable(path: str, error: Exception) -> DocSpaceError:
    return config_error(
        f"src: {path[:300]!r} can't be read where the module runs ({error_text(error)}). Give a backup "
        "file."
    )
