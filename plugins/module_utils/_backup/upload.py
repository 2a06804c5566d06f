# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify a backup file to restore from, and upload it in chunks (C39 to C42).

The server verifies almost nothing before it replaces a portal (C38), so this is the only guard.

This file is private to the collection.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, BinaryIO, NamedTuple

from .._portal.client import LONGEST_RETRY_AFTER, Client, Form
from .._portal.errors import DocSpaceError, config_error, protocol_error
from .._portal.values import first_line, is_int, is_same_portal, normalize_portal
from .archive import ArchiveChecker, Verdict, archive_form, check_archive
from .local_files import UnsafeFile, error_text, open_to_read, require_trusted
from .manifest import Manifest, ManifestError, manifest_path, read_manifest
from .record import Record
from .task import format_rate

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
        """The backup, by the manifest."""
        return None if self.manifest is None else self.manifest.record

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
            f"{normalize_portal(url)}."
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
            form = archive_form(file.read(512))
            file.seek(0)
            verdict = check_archive(file, ArchiveChecker(os.fstat(file.fileno()).st_size))
        except OSError as error:
            raise _unreadable(path, error) from error
        log(f"checked {format_rate(verdict.size, time.monotonic() - began)}")
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
        manifest = read_manifest(manifest_path(path))
    except ManifestError as error:
        return None, f"its manifest counts for nothing: {error}"
    if manifest is None:
        return None, "it has no manifest"
    names = ("size", "sha256", "kind")
    wrong = [name for name in names if getattr(manifest, name) != getattr(verdict, name)]
    if wrong:
        return None, f"its manifest is that of another file ({', '.join(wrong)})"
    return manifest, ""


def _unreadable(path: str, error: Exception) -> DocSpaceError:
    return config_error(
        f"src: {path[:300]!r} can't be read where the module runs ({error_text(error)}). Give a backup "
        "file."
    )


PAGE = "/backupFileUpload.ashx"
# The server forgets an upload so many seconds after its init, however much of it has come (C42).
VALID = 1200.0
# So many seconds of an upload tell whether the rest can be done in time.
MEASURED = 30.0
LARGEST_CHUNK = 256 * 1024**2
PIECE = 256 * 1024
_DOUBTFUL = ("connection", "timeout", "server", "protocol", "conflict")


class Upload:
    """One file's way to the portal.

    The server appends what comes, without number or checksum (C41), so no chunk is sent twice:
    after an answer that leaves a doubt all begins anew. A new init throws away what was there (C41), so
    there is none while a restore may be reading it.

    begun: whether anything of it may lie there. in_use: whether a restore may be reading what lies there.
    """

    def __init__(self, client: Client, source: Source, in_use: Callable[[], bool]) -> None:
        self.begun = False
        self._client, self._source, self._in_use = client, source, in_use
        self._start = self._first = 0.0
        self._sent = 0
        self._hash = hashlib.sha256()

    def send(self) -> None:
        """Send the file. When this returns the portal has just the bytes that were judged."""
        attempt = 0
        while True:
            try:
                self._send_once()
                return
            except DocSpaceError as error:
                if attempt >= self._client.retries or not _is_doubtful(error):
                    raise
                self._client.log("the upload begins anew")
                self._client.pause(attempt, error)
                if self.begun and self._in_use():
                    raise DocSpaceError(
                        "conflict",
                        "Nothing was restored: the upload broke off, and it isn't begun anew, because a "
                        "restore task may run on the portal by now. Run again when none does.",
                    ) from error
                attempt += 1

    def discard(self, failed: DocSpaceError) -> str | None:
        """Throw away what was sent: the next start would take it, whoever gives that (C43).

        Not while a restore may be reading it. failed: why the task fails. Returns a warning on what
        is left.
        """
        if not self.begun:
            return None
        if failed.changed or self._in_use():
            return (
                "The uploaded file was left on the portal, because a restore may be using it. A "
                "restore from an uploaded file would take it, so start none by hand. The next upload "
                "replaces it."
            )
        try:
            self._init()
            self._client.log("what was uploaded is thrown away again")
            return None
        except DocSpaceError as error:
            self._client.log(f"{error.method} {error.path}: {error.code}")
            return (
                "What was uploaded may still lie on the portal, in whole or in part, and a restore "
                "from an uploaded file would take it. Start none by hand; the next upload replaces "
                "it."
            )

    def _send_once(self) -> None:
        size, chunks = self._source.verdict.size, 0
        self._start, self._sent = time.monotonic(), 0
        self._hash = hashlib.sha256()
        chunk = self._init()
        self._source.rewind()
        self._first = time.monotonic()
        while self._sent < size:
            length = min(chunk, size - self._sent)
            self.begun = True
            ended = self._ask(None, Form(self._pieces(length), length))["EndUpload"]
            chunks += 1
            if ended is not (self._sent == size):
                raise protocol_error(
                    f"The portal says that the upload {'ends' if ended else 'goes on'} after "
                    f"{self._sent} of {size} bytes, so it doesn't have what was sent. Nothing was "
                    "restored. Is somebody else uploading a file at the same time?"
                )
        seconds = time.monotonic() - self._first
        if self._hash.hexdigest() != self._source.verdict.sha256:
            raise self._source.changed()
        self._client.log(f"uploaded {format_rate(size, seconds)}, in {chunks} chunks")

    def _init(self) -> int:
        """Begin anew. Gives how many bytes a chunk may have."""
        query = {
            "init": "true",
            "totalSize": str(self._source.verdict.size),
            "extension": "tar.gz" if self._source.form == "gzip" else "tar",
        }
        answer = self._ask(query, None)
        chunk: Any = answer.get("ChunkSize")
        if not is_int(chunk) or chunk < 1 or answer["EndUpload"]:
            raise protocol_error(
                "The portal doesn't say how large a chunk of the upload may be. Nothing was restored."
            )
        return int(min(chunk, LARGEST_CHUNK))

    def _ask(self, query: dict[str, str] | None, form: Form | None) -> dict[str, Any]:
        try:
            answer = self._client.post_form(PAGE, query, form, whole=VALID)
        except DocSpaceError as error:
            if error.status != 413:
                raise
            message = (
                "Nothing was restored: a server before the portal takes no request as large as a "
                f"chunk of the upload, {len(form) if form else 0} bytes (HTTP 413). Raise its "
                "limit, such as client_max_body_size of nginx."
            )
            raise error.evolve(message=message) from error
        # Always HTTP 200 when the portal answers: the body says whether it means it (C40).
        done, ended = answer.get("Success"), answer.get("EndUpload")
        if done is True and isinstance(ended, bool):
            return answer
        refusal = protocol_error("The portal's answer to a part of the upload makes no sense.")
        if done is False:
            refusal = _refusal(first_line(answer.get("Message") or ""))
        raise refusal.evolve(method="POST", path=PAGE)

    def _pieces(self, count: int) -> Iterator[bytes]:
        """So many bytes of the file from where it stands. They are read while they are sent."""
        while count:
            self._require_time()
            try:
                piece = self._source.file.read(min(PIECE, count))
            except OSError as error:
                # Not `config`: the upload has begun.
                raise DocSpaceError(
                    "task_failed",
                    f"src: the file can't be read any more ({error_text(error)}). Nothing was "
                    "restored.",
                ) from error
            if not piece:
                raise self._source.changed()
            self._hash.update(piece)
            self._sent += len(piece)
            count -= len(piece)
            yield piece

    def _require_time(self) -> None:
        """Give up as soon as it is known that the whole can't be there in time."""
        now, size = time.monotonic(), self._source.verdict.size
        passed, measured = now - self._start, now - self._first
        if passed < VALID and (measured < MEASURED or not self._sent):
            return
        left = (size - self._sent) * measured / max(self._sent, 1)
        if passed + left < VALID:
            return
        raise _TooSlow(
            "timeout",
            "Nothing was restored: the portal gives an upload 20 minutes, and this one can't be "
            f"done in that. {format_rate(self._sent, measured)} of {size} bytes went; "
            f"{size / VALID / 1e6 * 8:.2g} Mbit/s are needed. Run the task on a machine nearer to the "
            "portal ('delegate_to').",
        )


class _TooSlow(DocSpaceError):
    """No repetition helps."""


def _is_doubtful(error: DocSpaceError) -> bool:
    """Whether an upload that begins anew may come through."""
    if error.code == "rate_limited":
        return (error.retry_after or 0.0) <= LONGEST_RETRY_AFTER
    answered = 300 <= (error.status or 0) < 500
    return error.code in _DOUBTFUL and not answered and not isinstance(error, _TooSlow)


def _refusal(says: str) -> DocSpaceError:
    """What the portal's words against an upload mean."""
    code, sentence = (
        "rejected",
        "The portal refuses the upload. Look into its log, and whether its disk has room.",
    )
    if "access denied" in says.lower():
        code = "auth" if says.startswith('"guest"') else "forbidden"
        sentence = "Only an administrator of the portal may upload a file to restore from."
    elif "backup_temp is not disc" in says:
        sentence = (
            # C46
            "This portal keeps its temporary files on an object storage and takes no upload: restore "
            "from a backup in its history instead ('id')."
        )
    elif "Need init upload" in says:
        code, sentence = (
            "conflict",
            "The portal knows nothing of this upload any more. Another one may have taken its place: "
            "a portal has one at a time.",
        )
    return DocSpaceError(
        code,
        f"Nothing was restored. {sentence} It says: {says[:300] or 'nothing'}",
        status=200,
        detail=says or None,
    )
