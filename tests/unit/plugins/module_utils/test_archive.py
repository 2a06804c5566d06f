# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tracemalloc
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.archive import (
    CHUNK,
    ArchiveChecker,
    Verdict,
    archive_form,
    check_archive,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import (
    DUMP,
    MARKER,
    PORTAL,
    TABLE,
    entry,
    header,
    joined,
    packed,
    tar,
    targz,
)

FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
GOOD = targz()
PLAIN = tar()
# What a good portal archive holds, to put something hostile beside it.
REST = b"".join(entry(name, content) for name, content in PORTAL.items())
thorough = settings(max_examples=200, deadline=None, database=None)


def judge(content: bytes) -> Verdict:
    return check_archive(io.BytesIO(content))


def judge_pieces(pieces: Iterable[bytes]) -> Verdict:
    taken = ArchiveChecker()
    for piece in pieces:
        taken.feed(piece)
    return taken.finish()


def reason(content: bytes) -> str:
    """The one reason why this isn't whole."""
    verdict = judge(content)
    assert verdict.whole is False
    (problem,) = verdict.problems
    assert problem.isprintable() and len(problem) < 300
    return problem


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pack", [packed, bytes], ids=["gzip", "plain"])
@pytest.mark.parametrize(("kind", "entries"), [("portal", PORTAL), ("dump", DUMP)])
def test_a_whole_backup(kind, entries, pack, form) -> None:
    content = pack(tar(entries, form))
    assert judge(content) == Verdict(
        True, [], kind, len(content), hashlib.sha256(content).hexdigest(), len(entries)
    )


@given(
    st.dictionaries(
        st.text(
            st.characters(codec="utf-8", exclude_characters="\0/\\."), min_size=1, max_size=300
        ),
        st.binary(max_size=1500),
        max_size=6,
    ),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
@thorough
def test_entries_are_those_that_python_finds(more, form) -> None:
    """With names so long or odd that they need extension headers."""
    content = targz({**{f"files/{name}": data for name, data in more.items()}, **PORTAL}, form)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        names = archive.getnames()
    verdict = judge(content)
    assert (verdict.whole, verdict.entries) == (True, len(names)), verdict.problems


@pytest.mark.parametrize("form", FORMS)
def test_a_name_in_two_parts_is_one(form) -> None:
    """The table is found when its name is long enough for a prefix, and only when it is right."""
    long = "databases/" + "x" * 120 + "/y"
    assert judge(targz({long: b"1", **PORTAL}, form)).whole
    split = header(slice(0, 100), b"tenants_tenants".ljust(100, b"\0"), entry("x", b"1"))
    split = header(slice(257, 265), b"ustar\x0000", split)
    split = header(slice(345, 500), b"databases/core".ljust(155, b"\0"), split)
    assert judge(packed(joined(split, entry(MARKER)))).whole
    # What GNU's own form has in the place of the prefix is something else.
    gnu = header(slice(257, 265), b"ustar  \0", split)
    assert reason(packed(joined(gnu, entry(MARKER)))).startswith(f"no entry {TABLE}")


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_extension_header_names_the_next_entry_only(form) -> None:
    hidden = {"x" * 200: b"1", **{name: PORTAL[name] for name in (TABLE, MARKER)}}
    assert judge(targz(hidden, form)).kind == "portal"
    assert judge(targz(hidden, form)).entries == 3


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
@thorough
def test_a_flipped_bit_is_found_or_changes_nothing(at, bit) -> None:
    """Harmless are gzip's notes on time and system, unused bits, and those after which the same
    content comes out: a copy of zeros from elsewhere. The file's own checksum tells of them.
    """
    flipped = bytearray(GOOD)
    flipped[at] ^= 1 << bit
    verdict = judge(bytes(flipped))
    assert verdict.sha256 != hashlib.sha256(GOOD).hexdigest()
    if verdict.whole:
        assert gzip.decompress(bytes(flipped)) == PLAIN


def test_a_flipped_bit_of_the_content_is_found() -> None:
    """In an archive that is packed without being pressed every byte says something."""
    content = packed(PLAIN, 0)
    # Behind gzip's header and that of the block.
    for at in range(15, len(content), 11):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        assert not judge(bytes(flipped)).whole, at


@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 7))
@thorough
def test_a_flipped_bit_of_a_plain_archive_is_found_outside_of_the_content(at, bit) -> None:
    """A plain archive has checksums over its headers and nothing else.

    A checksum may be written with zeros, blanks or nothing around it.
    """
    flipped = bytearray(PLAIN)
    flipped[at] ^= 1 << bit
    with tarfile.open(fileobj=io.BytesIO(PLAIN)) as archive:
        members = archive.getmembers()
    inside = any(
        one.offset_data <= at < one.offset_data + one.size + -one.size % 512 for one in members
    )
    checksum = any(one.offset + 148 <= at < one.offset + 156 for one in members)
    assert judge(bytes(flipped)).whole is inside or checksum


@pytest.mark.parametrize("level", [0, 1, 9])
def test_every_cut_is_found(level) -> None:
    content = packed(PLAIN, level)
    assert {reason(content[:end]) for end in range(len(content))} == {
        *("the file is empty", "it is neither a gzip nor a tar file"),
        "the gzip stream is cut off before its checksum",
    }


def test_every_cut_of_a_plain_archive_is_found() -> None:
    """Up to its end mark; of the filling behind it whole blocks may be missing."""
    with tarfile.open(fileobj=io.BytesIO(PLAIN)) as archive:
        last = archive.getmembers()[-1]
        marked = last.offset_data + 512 + 1024
    for end in range(0, len(PLAIN), 7):
        assert judge(PLAIN[:end]).whole is (end >= marked and end % 512 == 0)
    assert judge(PLAIN[:marked]).whole
    assert reason(PLAIN[: marked - 1]).startswith("the archive is cut off")
    assert reason(PLAIN[: marked - 512]) == "the archive is cut off before its end mark"
    assert reason(PLAIN[:700]) == "the archive is cut off in entry 1"


@given(st.binary(min_size=1, max_size=2000))
@example(b"\0")
@example(bytes(512))
@example(GOOD)
@example(packed(b""))
@thorough
def test_whatever_follows_is_found(more) -> None:
    assert reason(GOOD + more) == "something follows the end of the gzip stream"
    assert judge(PLAIN + more).whole is (not any(more) and len(more) % 512 == 0)
    assert judge(packed(PLAIN + more)).whole is (not any(more) and len(more) % 512 == 0)


def test_what_follows_in_a_piece_of_its_own_is_found() -> None:
    assert not judge_pieces([GOOD, b"\0"]).whole
    assert judge_pieces([GOOD, b""]).whole


def test_filling_has_an_end() -> None:
    assert judge(PLAIN + bytes(512 * 1024)).whole
    assert reason(PLAIN + bytes(2 * 1024**2)).startswith("too many empty blocks")


@given(st.sampled_from([GOOD, PLAIN, GOOD[:-5], GOOD + b"x", b"", b"x" * 700]), st.data())
@thorough
def test_pieces_of_any_length_give_the_same_verdict(content, data) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=40)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)])]
    assert judge_pieces(pieces) == judge(content)


@pytest.mark.parametrize("content", [GOOD, PLAIN, GOOD[:-1], GOOD[:300]])
def test_single_bytes_give_the_same_verdict(content) -> None:
    assert judge_pieces(content[at : at + 1] for at in range(len(content))) == judge(content)


def test_the_judge_tells_early_and_goes_on_counting() -> None:
    taken = ArchiveChecker()
    taken.feed(b"<html>" * 100)
    assert taken.problem == "it is neither a gzip nor a tar file"
    taken.feed(GOOD)
    assert taken.size == 600 + len(GOOD)
    # The rest of the file needn't be read, so its checksum isn't known.
    assert taken.finish().sha256 is None


class Counted(io.FileIO):
    """A file that knows how many bytes were read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data or b"")
        return data or b""


HUGE = 4 * 1024**4
LONG = header(slice(124, 136), b"\x80" + (HUGE * 2).to_bytes(11, "big"))


@pytest.mark.parametrize(
    ("begin", "words"),
    [
        (b"", "neither a gzip nor a tar file"),
        (b"\x1f\x8b\x08\0", "the gzip stream is damaged"),
        (GOOD, "something follows the end of the gzip stream"),
        (PLAIN, "too many empty blocks"),
        (REST, "too many empty blocks"),
        (LONG, "cut off in entry 1"),
    ],
    ids=["zeros", "gzip header", "gzip", "tar", "tar without end", "tar with a long entry"],
)
def test_a_broken_file_is_not_read_to_its_end(tmp_path: Path, begin: bytes, words: str) -> None:
    """Four terabytes of zeros that take no room on the disk."""
    (tmp_path / "x").write_bytes(begin)
    os.truncate(tmp_path / "x", HUGE)
    with Counted(tmp_path / "x") as file:
        verdict = check_archive(cast(BinaryIO, file), ArchiveChecker(HUGE))
        assert file.count <= len(begin) + 2 * 1024**2 + CHUNK
    assert words in verdict.problems[0]
    assert verdict.sha256 is None


def test_an_archive_of_a_known_length_is_judged_alike() -> None:
    assert check_archive(io.BytesIO(PLAIN), ArchiveChecker(len(PLAIN))).whole
    assert check_archive(io.BytesIO(GOOD), ArchiveChecker(len(GOOD))).whole
    with tarfile.open(fileobj=io.BytesIO(PLAIN)) as archive:
        marked = archive.getmembers()[-1].offset_data + 512 + 1024
    for end in range(0, len(PLAIN), 7):
        known = check_archive(io.BytesIO(PLAIN[:end]), ArchiveChecker(end))
        assert (known.whole, known.problems) == (judge(PLAIN[:end])[:2])
        assert known.whole is (end >= marked and end % 512 == 0)


def test_a_judge_that_had_the_beginning_goes_on() -> None:
    taken = ArchiveChecker()
    taken.feed(GOOD[:100])
    assert check_archive(io.BytesIO(GOOD[100:]), taken) == judge(GOOD)


def test_what_is_missing_is_named() -> None:
    without = {name: data for name, data in PORTAL.items() if name != TABLE}
    assert reason(targz(without)) == f"no entry {TABLE}, as a backup has"
    without = {name: data for name, data in PORTAL.items() if name != MARKER}
    assert reason(targz(without)) == f"no entry {MARKER}, as a backup has"
    assert reason(targz({**PORTAL, TABLE: b""})) == f"the entry {TABLE} is empty"
    assert len(judge(targz({"x": b"1"})).problems) == 2
    assert len(judge(targz({})).problems) == 2
    for folder in ("databases/scheme/", "databases/data/"):
        without = {name: data for name, data in DUMP.items() if not name.startswith(folder)}
        assert reason(targz(without)) == f"no entry in {folder}, as a server's backup has"


def test_names_that_are_only_like_the_right_ones_count_for_nothing() -> None:
    assert TABLE in reason(targz({f"x/{TABLE}": b"1", f"{TABLE}2": b"1", MARKER: b""}))
    # A folder of that name is no table.
    folder = packed(joined(header(slice(156, 157), b"5", entry(TABLE)), entry(MARKER)))
    assert reason(folder) == f"no entry {TABLE}, as a backup has"
    dotted = judge(targz({f"./{name}": data for name, data in PORTAL.items()}))
    assert [problem.endswith("packed by hand?)") for problem in dotted.problems] == [True, True]


def test_both_kinds_at_once_are_none() -> None:
    verdict = judge(targz({**DUMP, **PORTAL}))
    assert (verdict.whole, verdict.kind) == (False, None)
    # A server's backup may tell of its files in the same way.
    assert judge(targz({**DUMP, MARKER: b"<x/>"})).kind == "dump"


def test_of_two_tables_the_last_counts() -> None:
    again = joined(REST, entry(TABLE, b""))
    assert reason(packed(again)) == f"the entry {TABLE} is empty"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x1f\x8b", "cut off"),
        (b"<html>login</html>" * 100, "neither"),
        (b"PK\x03\x04" + bytes(600), "neither"),
        (bytes(10240), "neither"),
        (b"\x1f\x8b\x07" + bytes(600), "damaged"),
        (packed(b""), "cut off before its end mark"),
        (packed(b"no archive at all" * 99), "header of entry 1 is damaged"),
        (packed(REST + bytes(512)), "before its end mark"),
        (packed(REST + bytes(512) + joined(REST)), "in the midst"),
        (packed(REST[:-700]), "cut off in entry"),
        (packed(joined(REST) + b"x"), "follows the end of the archive"),
    ],
)
def test_other_content(content, words) -> None:
    assert words in reason(content)


def test_gzip_s_checksum_and_length_are_compared() -> None:
    """Python's tarfile reads both of these to the end without a word."""
    for at in (-8, -4):
        broken = bytearray(GOOD)
        broken[at] ^= 1
        with tarfile.open(fileobj=io.BytesIO(bytes(broken)), mode="r|gz") as archive:
            assert len(archive.getnames()) == len(PORTAL)
        assert reason(bytes(broken)).startswith("the gzip stream is damaged (incorrect ")


def test_two_gzip_streams_are_none() -> None:
    half = len(PLAIN) // 2
    two = packed(PLAIN[:half]) + packed(PLAIN[half:])
    assert gzip.decompress(two) == PLAIN
    assert reason(two) == "something follows the end of the gzip stream"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (entry("../etc/passwd", b"x"), "leads out"),
        (entry("files/../../x", b"x"), "leads out"),
        (entry("files\\..\\x", b"x"), "leads out"),
        (entry("/etc/passwd", b"x"), "leads out"),
        (entry("..", type=tarfile.DIRTYPE), "leads out"),
        (entry("x", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link"),
        (entry("x", type=tarfile.LNKTYPE, linkname=TABLE), "is a link"),
        (entry("x", type=tarfile.CHRTYPE), "neither a file nor a folder"),
        (entry("x", type=tarfile.BLKTYPE), "neither a file nor a folder"),
        (entry("x", type=tarfile.FIFOTYPE), "neither a file nor a folder"),
        (entry("x", type=tarfile.GNUTYPE_SPARSE), "neither a file nor a folder"),
        (entry("x", type=b"V"), "neither a file nor a folder"),
        (entry("x", type=tarfile.DIRTYPE, size=512) + bytes(512), "folder with content"),
        (header(slice(124, 136), b"\xff" * 12), "no possible size"),
        (header(slice(124, 136), b"\x80" + b"\xff" * 11), "no possible size"),
        (header(slice(124, 136), b"0000000000x\0"), "no possible size"),
        (header(slice(124, 136), b"-1\0".ljust(12)), "no possible size"),
        (header(slice(124, 136), b"77777777777\0"), "cut off in entry 1"),
        (
            header(slice(124, 136), b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7),
            "cut off in entry 1",
        ),
        (entry("\x1b[31mred\n\udcff", type=b"V"), "entry 1 (\ufffd[31mred\ufffd\ufffd)"),
        (entry("x" * 99, type=b"V"), "x)"),
    ],
)
def test_hostile_entries(bad, words) -> None:
    assert words in reason(packed(joined(bad, REST)))


def test_names_with_dots_that_lead_nowhere_are_fine() -> None:
    assert judge(targz({"files/a..b/...": b"1", "files/..x": b"1", **PORTAL})).whole


def test_sizes_in_base_256_are_read() -> None:
    big = header(slice(124, 136), b"\x80" + bytes(9) + b"\x02\x01", entry("files/x"))
    assert judge(packed(joined(big + bytes(1024), REST))).whole


def extension(kind: bytes, content: bytes) -> bytes:
    return entry("././@LongLink", content, type=kind)


def pax(**records: str) -> bytes:
    content = b""
    for key, value in records.items():
        record = f" {key}={value}\n".encode()
        length = len(record) + 2
        content += b"%d" % (length if len(str(length)) == 2 else length + 1) + record
    return content


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (extension(b"L", b""), "empty or too long"),
        (extension(b"x", b"x" * (1024**2 + 1)), "empty or too long"),
        (extension(b"L", b"x" * 1024**2) + entry("x"), None),
        (extension(b"L", b"x\0") * 9, "too many extension headers"),
        (extension(b"x", pax(comment="x")) * 9, "too many extension headers"),
        (extension(b"x", pax(comment="x")) * 3 + entry("x"), None),
        (extension(b"L", b"a/../../b\0") + entry("x"), "leads out"),
        (extension(b"x", pax(path="a/../../b")) + entry("x"), "leads out"),
        (extension(b"x", pax(size="1024")) + entry("x") + bytes(1024), None),
        (extension(b"x", pax(size="-1")) + entry("x"), "can't be read"),
        (extension(b"x", pax(size="9" * 19)) + entry("x"), "can't be read"),
        (extension(b"x", pax(size="9" * 60)) + entry("x"), "can't be read"),
        (extension(b"x", b"99 path=x\n") + entry("x"), "can't be read"),
        (extension(b"x", b"3 path=x\n") + entry("x"), "can't be read"),
        (extension(b"x", b"0 \n") + entry("x"), "can't be read"),
        (extension(b"x", b"9" * 5000 + b" a=b\n") + entry("x"), "can't be read"),
        (extension(b"x", b"7 path\n") + entry("x"), "can't be read"),
        (extension(b"x", b"5 =x\n") + entry("x"), "can't be read"),
        (extension(b"x", b"9 path=xx") + entry("x"), "can't be read"),
        (extension(b"g", pax(comment="x")) + entry("x"), None),
        (extension(b"g", pax(path="x")) + entry("x"), "a form no backup has"),
        (extension(b"g", pax(size="1")) + entry("x"), "a form no backup has"),
        (extension(b"x", pax(**{"GNU.sparse.major": "1"})) + entry("x"), "a form no backup has"),
    ],
)
def test_extension_headers(bad, words) -> None:
    content = packed(joined(bad, REST))
    if words is None:
        assert judge(content).problems == []
    else:
        assert words in reason(content)


def test_an_extension_header_needs_an_entry() -> None:
    assert "was announced" in reason(packed(joined(REST, extension(b"L", b"x\0"))))
    assert "cut off in entry 6" in reason(packed(REST + extension(b"L", b"x\0")))


def test_entries_have_a_bound() -> None:
    assert ArchiveChecker(most_entries=5).finish().entries == 0
    taken = ArchiveChecker(most_entries=4)
    taken.feed(GOOD)
    assert taken.finish().problems == ["it has more than 4 entries"]


def test_a_bomb_is_stopped() -> None:
    """Ten MB of zeros in ten kB, with a bound that a test can afford."""
    head = header(slice(124, 136), b"77777777777\0")
    pack = zlib.compressobj(9, wbits=31)
    bomb = pack.compress(head + bytes(10 * 1024**2)) + pack.flush()
    taken = ArchiveChecker(allowance=1024**2)
    taken.feed(bomb)
    assert taken.problem == "it unpacks to far more than a backup of its size does"
    assert ArchiveChecker().finish().problems == ["the file is empty"]


def test_a_backup_that_packs_well_is_no_bomb() -> None:
    entries = {**PORTAL, "files/zeros": bytes(5 * 1024**2)}
    assert judge(targz(entries)).whole


class Endless(io.RawIOBase):
    """A file of 200 MB of content, made while it is read."""

    def __init__(self) -> None:
        pack = zlib.compressobj(1, wbits=31)
        piece = hashlib.sha256(b"x").digest() * 32 * 1024
        head = entry("files/big", size=200 * len(piece))[:512]
        self.parts = iter(
            [
                pack.compress(REST + head),
                *(pack.compress(piece) for _number in range(200)),
                pack.compress(bytes(1024)) + pack.flush(),
            ]
        )
        self.rest = b""

    def read(self, size: int = -1) -> bytes:
        while len(self.rest) < size:
            more = next(self.parts, None)
            if more is None:
                break
            self.rest += more
        data, self.rest = self.rest[:size], self.rest[size:]
        return data


def test_memory_does_not_grow_with_the_file() -> None:
    file = Endless()
    tracemalloc.start()
    try:
        verdict = check_archive(cast(BinaryIO, file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert verdict.whole, verdict.problems
    assert peak < 8 * CHUNK + 4 * 1024**2


def test_memory_does_not_grow_with_the_entries() -> None:
    def peak(count: int) -> int:
        one = entry("files/" + "x" * 80)
        content = packed(joined(one * count, REST), 1)
        tracemalloc.start()
        try:
            assert judge(content).entries == count + len(PORTAL)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(40_000) < peak(4_000) + 1024**2


def test_the_form_is_told_by_the_content() -> None:
    assert (archive_form(GOOD[:512]), archive_form(PLAIN[:512])) == ("gzip", "tar")
    for other in (b"", b"\x1f", bytes(512), b"x" * 512, PLAIN[:511], PLAIN[1:513]):
        assert archive_form(other) is None
