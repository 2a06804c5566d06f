# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import (
    Manifest,
    ManifestError,
    backup_file_name,
    is_backup_file_name,
    manifest_path,
    read_manifest,
    write_manifest,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    is_same_portal,
    normalize_portal,
)

MADE = datetime(2026, 11, 25, 8, 27, 30, tzinfo=timezone.utc)
PAPER = Manifest(
    portal="https://docs.example.com:8443/team",
    id="2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43",
    file_name="workspace_2026-11-25.tar.gz",
    storage_type="data_store",
    created_on=MADE,
    dump=False,
    size=314701680,
    sha256="8829ad73114e4c4dca2b19af4ba174c2f2955a7ee6bbf99b5eebc7d48d42f35c",
    entries=2150,
)
FIELDS: dict[str, Any] = {
    "format": 1,
    "portal": "https://docs.example.com:8443/team",
    "id": "2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43",
    "file_name": "workspace_2026-11-25.tar.gz",
    "storage_type": "data_store",
    "created_on": "2026-11-25T08:27:30Z",
    "dump": False,
    "size": 314701680,
    "sha256": "8829ad73114e4c4dca2b19af4ba174c2f2955a7ee6bbf99b5eebc7d48d42f35c",
    "entries": 2150,
}


def refused(path: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        read_manifest(str(path))
    problem = str(caught.value)
    assert problem.isprintable() and len(problem) < 200
    return problem


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "x.json"


def test_what_is_written(place: Path) -> None:
    write_manifest(PAPER, str(place))
    assert json.loads(place.read_text(encoding="utf-8")) == FIELDS
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert read_manifest(str(place)) == PAPER
    assert [one.name for one in place.parent.iterdir()] == ["x.json"]


def test_its_mode_is_from_the_first_moment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the umask, and whatever was there before."""
    place.write_text("old", encoding="utf-8")
    place.chmod(0o644)
    modes = []
    real = os.fsync

    def note(descriptor: int) -> None:
        modes.append(os.fstat(descriptor).st_mode)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    before = os.umask(0)
    try:
        write_manifest(PAPER, str(place))
    finally:
        os.umask(before)
    assert [stat.S_IMODE(mode) for mode in modes] == [0o600]


def test_a_link_in_its_place_is_replaced_not_followed(place: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    place.symlink_to(victim)
    write_manifest(PAPER, str(place))
    assert victim.read_text(encoding="utf-8") == "precious"
    assert not place.is_symlink() and read_manifest(str(place)) == PAPER


def test_what_could_not_be_read_again_is_not_written(place: Path) -> None:
    for wrong in (PAPER._replace(sha256="x"), PAPER._replace(size=0)):
        with pytest.raises(ManifestError):
            write_manifest(wrong, str(place))
    assert not place.exists()


def test_times_are_written_in_utc(place: Path) -> None:
    there = MADE.astimezone(timezone(timedelta(hours=5)))
    write_manifest(PAPER._replace(created_on=there), str(place))
    assert json.loads(place.read_text(encoding="utf-8"))["created_on"] == FIELDS["created_on"]


def test_nothing_there_is_none(place: Path) -> None:
    assert read_manifest(str(place)) is None


def test_every_cut_is_refused(place: Path) -> None:
    """What a run leaves that dies while it writes. The line feed at the end says nothing."""
    write_manifest(PAPER, str(place))
    whole = place.read_bytes()
    for end in range(len(whole) - 1):
        place.write_bytes(whole[:end])
        assert refused(place) == "it isn't JSON"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("format", [None, 2, "1", True, 1.0, [1]]),
        ("portal", [None, "", 1, "docs.example.com", "ftp://docs.example.com"]),
        ("portal", ["https://jane:pw@docs.example.com", "https://x?a=b", "https://x\n"]),
        ("id", [None, "", 7, FIELDS["id"].upper(), f"{{{FIELDS['id']}}}", FIELDS["id"] + "\n"]),
        ("id", [FIELDS["id"].replace("-", ""), "../../etc/passwd"]),
        (
            "file_name",
            [None, "", 7, "a\nb", "\x1b[31m", "a\x85b", "a\u2028b", "\ud800", "x" * 2049],
        ),
        ("storage_type", [None, "", 7, "a\0b", ["local"]]),
        ("created_on", [None, "", 7, "2026-11-25", "2026-11-25T08:27:30", "2026-11-25T8:27:30Z"]),
        ("created_on", ["2026-11-25T08:27:30+00:00", "2026-02-30T08:27:30Z", " " + "x" * 99]),
        ("dump", [None, 0, 1, "false", []]),
        ("size", [None, 0, -1, "1", 1.5, True, 2**63, [1]]),
        ("entries", [None, 0, -1, "1", 1.5, True, 2**63]),
        ("sha256", [None, "", 7, "x" * 64, FIELDS["sha256"].upper(), FIELDS["sha256"] + "\n"]),
    ],
)
def test_every_field_has_a_form(field: str, values: list[Any], place: Path) -> None:
    without = {name: value for name, value in FIELDS.items() if name != field}
    for fields in (without, *({**FIELDS, field: value} for value in values)):
        place.write_text(json.dumps(fields), encoding="utf-8")
        assert refused(place).startswith(f"its {field} "), fields.get(field)


def test_names_of_any_language_are_fine(place: Path) -> None:
    manifest = PAPER._replace(file_name="портал\u00a0\u202fコピー.tar.gz")
    write_manifest(manifest, str(place))
    assert read_manifest(str(place)) == manifest


def test_a_field_more_does_no_harm(place: Path) -> None:
    place.write_text(json.dumps({**FIELDS, "note": "mine"}), encoding="utf-8")
    assert read_manifest(str(place)) == PAPER


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 60_000, "JSON"),
        (b"[]", "object"),
        (b'"x"', "object"),
        (b"NaN", "object"),
        (b"{}", "format"),
        (b" " * 64 * 1024 + b"{}", "longer than"),
        (b'{"format": 1' + b"0" * 60_000 + b"}", ""),
    ],
)
def test_other_content_is_refused(content: bytes, words: str, place: Path) -> None:
    place.write_bytes(content)
    assert words in refused(place)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None, database=None)
def test_no_content_is_too_odd(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    place = tmp_path_factory.mktemp("odd") / "x.json"
    place.write_bytes(content)
    assert refused(place)


def test_only_a_regular_file_of_its_own_is_one(place: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    write_manifest(PAPER, str(real))
    place.symlink_to(real)
    assert refused(place) == "it is a symbolic link"
    place.unlink()
    os.mkfifo(place)
    assert refused(place) == "it isn't a regular file"
    place.unlink()
    place.mkdir()
    assert refused(place) == "it isn't a regular file"
    assert refused(place / "x\0y").startswith("it can't be read")


def test_one_that_may_not_be_read_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> int:
        raise PermissionError(13, "Permission denied", str(place))

    # Not with its mode: the tests may run as root.
    place.touch()
    monkeypatch.setattr(os, "open", refuse)
    assert refused(place) == "it can't be read (Permission denied)"


def test_a_manifest_lies_beside_its_file() -> None:
    assert manifest_path("/x/a.tar.gz") == "/x/a.tar.gz.json"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://docs.example.com", "https://docs.example.com"),
        ("HTTPS://Docs.Example.COM:443//", "https://docs.example.com"),
        ("http://docs.example.com:80/Team//a/", "http://docs.example.com/Team/a"),
        ("http://docs.example.com:443", "http://docs.example.com:443"),
        ("https://docs.example.com:", "https://docs.example.com"),
        ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://XN--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://B\u00dcCHER.example", "https://xn--bcher-kva.example"),
        ("https://stra\u00dfe.example", "https://xn--strae-oqa.example"),
        ("https://\uff44ocs\u3002exam\u00adple.com", "https://docs.example.com"),
        ("https://docs.example.com./", "https://docs.example.com"),
        ("https://d%6Fcs.example.com", "https://docs.example.com"),
        ("https://docs.example.com/.", "https://docs.example.com"),
        ("https://docs.example.com/x/..", "https://docs.example.com"),
        ("https://docs.example.com/x//../../y", "https://docs.example.com/y"),
        ("https://docs.example.com/%2e/x/%2E%2E/te%61m", "https://docs.example.com/team"),
        ("https://docs.example.com/t%c3%abam", "https://docs.example.com/t%C3%ABam"),
        ("https://docs.example.com/t\u00ebam", "https://docs.example.com/t%C3%ABam"),
        ("https://docs.example.com/a%2fb%", "https://docs.example.com/a%2Fb%25"),
        *(
            (f"http://{host}:8092", "http://127.0.0.1:8092")
            for host in (
                *("127.1", "127.0.1", "0x7f.1", "0X7F000001", "2130706433", "017700000001"),
                *("0177.0.0.0x1", "127.0.0.1.", "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]"),
                *("\uff11\uff12\uff17.1", "%3127.1"),
            )
        ),
        ("http://[0:0::0:1]", "http://[::1]"),
        ("http://[FE80::0:1%25eth0]", "http://[fe80::1%eth0]"),
        # Neither is an address of IPv4.
        ("http://127.0.0.256", "http://127.0.0.256"),
        ("http://1.2.3.4.5", "http://1.2.3.4.5"),
        ("http://08.1", "http://08.1"),
        ("http://0x.1", "http://0x.1"),
    ],
)
def test_two_spellings_are_one_portal(url: str, expected: str) -> None:
    assert normalize_portal(url) == expected
    assert normalize_portal(expected) == expected
    assert is_same_portal(url, expected)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://docs.example.com", "https://docs.example.com", True),
        ("http://docs.example.com:443", "https://docs.example.com", True),
        ("http://docs.example.com:8443/x", "https://docs.example.com:8443/x", True),
        ("http://localhost:8092", "http://127.0.0.1:8092", True),
        ("http://LocalHost.:8092", "http://[::1]:8092", True),
        ("http://127.0.0.2:8092", "http://0.0.0.0:8092", True),
        ("http://[::]:8092", "http://[::ffff:127.0.0.1]:8092", True),
        ("http://localhost:8092", "http://localhost:8093", False),
        ("http://one.localhost:8092", "http://two.localhost:8092", False),
        ("https://docs.example.com/team", "https://docs.example.com", False),
        ("https://docs.example.com/team", "https://docs.example.com/Team", False),
        ("https://stra\u00dfe.example", "https://strasse.example", False),
        ("http://10.0.0.1", "http://10.0.0.2", False),
    ],
)
def test_which_addresses_are_of_one_portal(one: str, other: str, same: bool) -> None:
    for first, second in ((one, other), (other, one)):
        assert is_same_portal(first, second) is same


@pytest.mark.parametrize(
    "url",
    [
        *("", "docs.example.com", "ftp://docs.example.com", "https://", "https:///x", "//x"),
        *("https://jane:5ecret@x", "https://x?5ecret", "https://x#5ecret", "https://x\\5ecret"),
        *("https://x:99999", "https://x:0", "https://x:y", "https://[::1", "https://a b"),
        *(" https://x", "https://x\n", "https://x\0", "https://" + "ü" * 80),
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        normalize_portal(url)
    assert "5ecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("portal", "dump", "expected"),
    [
        ("https://docs.example.com", False, "docs.example.com_2026-11-25T08-27-30Z.tar.gz"),
        ("https://docs.example.com", True, "docs.example.com_dump_2026-11-25T08-27-30Z.tar.gz"),
        (
            "https://docs.example.com:8443/a/b_dump",
            False,
            "docs.example.com-8443-a-b-dump_2026-11-25T08-27-30Z.tar.gz",
        ),
        ("https://[2001:db8::1]:8443", False, "2001-db8-1-8443_2026-11-25T08-27-30Z.tar.gz"),
        ("https://[::]", False, "portal_2026-11-25T08-27-30Z.tar.gz"),
        ("https://x/Team", False, "x-Team_2026-11-25T08-27-30Z.tar.gz"),
        ("https://x/../..", False, "x_2026-11-25T08-27-30Z.tar.gz"),
    ],
)
def test_what_a_file_is_called(portal: str, dump: bool, expected: str) -> None:
    assert backup_file_name(portal, MADE, dump=dump) == expected


@given(
    st.sampled_from(["docs.example.com", "[::1]", "x" * 300, "-.example", "b\u00fccher", "127.1"]),
    st.one_of(st.none(), st.integers(1, 65535)),
    st.text(max_size=300),
    st.booleans(),
)
@settings(max_examples=300, deadline=None, database=None)
def test_every_portal_gives_a_name_that_a_file_may_have(host, port, prefix, dump) -> None:
    url = f"https://{host}{'' if port is None else f':{port}'}/{prefix}"
    try:
        portal = normalize_portal(url)
    except ValueError:
        return
    assert normalize_portal(portal) == portal and is_same_portal(url, portal)
    name = backup_file_name(portal, MADE, dump=dump)
    assert is_backup_file_name(name) and len(name.encode()) < 210
    assert ("_dump_" in name) is dump


def test_long_addresses_have_names_of_their_own() -> None:
    names = {backup_file_name(f"https://x/{'y' * 200}{end}", MADE, dump=False) for end in "ab"}
    assert len(names) == 2


@pytest.mark.parametrize(
    "name",
    [
        *("x.tar.gz", "x_2026-11-25T08-27-30Z.tar", "_2026-11-25T08-27-30Z.tar.gz"),
        *(".x_2026-11-25T08-27-30Z.tar.gz", "x_2026-11-25T08-27-30Z.tar.gz.json"),
        *("x_y_2026-11-25T08-27-30Z.tar.gz", "x_2026-11-25T08-27-30Z.tar.gz\n"),
    ],
)
def test_other_names_are_not_ours(name: str) -> None:
    assert not is_backup_file_name(name)
