# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup files on their way out of the simulator: links, ranges, archives, and what spoils them."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator
from ansible_collections.onlyoffice.docspace.tests.simulator.archive import BROKEN

BROKE = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(clock=DrivenClock(), task_seconds=11) as running:
        yield running


def send(sim: Simulator, method: str, call: str, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {sim.key}"}
    url = f"{sim.url}/api/2.0/backup/{call}"
    return requests.request(method, url, headers=headers, timeout=10, **options)


def made(sim: Simulator, **body: Any) -> str:
    """The link of a new temporary backup."""
    send(sim, "POST", "startbackup", json={"storageType": "DataStore", **body})
    sim.finish_tasks()
    dump = {"Dump": "true"} if body.get("dump") else {}
    return str(send(sim, "GET", "getbackupprogress", params=dump).json()["response"]["link"])


def fetch(
    sim: Simulator, link: str, method: str = "GET", key: str | None = "", **headers: str
) -> requests.Response:
    if key is not None:
        headers["Authorization"] = f"Bearer {key or sim.key}"
    url = sim.url + link
    return requests.request(method, url, headers=headers, timeout=10, allow_redirects=False)


def names(data: bytes) -> list[str]:
    """The archive's entries; its checksum is looked at, too."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as entries:
        return entries.getnames()


def test_a_link_leads_to_a_whole_archive(sim: Simulator) -> None:
    link = made(sim)
    answer = fetch(sim, link)
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert not {"Accept-Ranges", "ETag", "Last-Modified"} & set(answer.headers)
    entries = names(answer.content)
    assert entries[0].startswith("databases/")
    assert "databases/core/tenants_tenants" in entries
    assert any(name.startswith("files/") for name in entries)
    assert entries[-1] == "storage/restore_info"
    assert fetch(sim, link).content == answer.content
    assert fetch(sim, made(sim)).content != answer.content


def test_the_archive_of_the_whole_server(sim: Simulator) -> None:
    entries = names(fetch(sim, made(sim, dump=True)).content)
    assert entries[0] == "dump"
    assert {"databases/scheme/tenants_tenants", "databases/data/tenants_tenants"} <= set(entries)


def test_who_may_follow_a_link(sim: Simulator) -> None:
    link = made(sim)
    for key in (sim.key, sim.portal.read_key, sim.portal.write_key, sim.portal.token):
        assert fetch(sim, link, key=key).status_code == 200
    refused = [fetch(sim, link, key=key) for key in (None, sim.portal.user_key, "sk-wrong")]
    assert [(answer.status_code, answer.content) for answer in refused] == [(403, b"")] * 3
    name, _question, query = link.partition("?")
    assert fetch(sim, name).status_code == 400
    assert fetch(sim, f"{name}?expire=1440").status_code == 400
    for wrong in (link + "x", link.replace("1440", "9999"), f"{name}x?{query}"):
        assert fetch(sim, wrong).status_code == 403
    assert fetch(sim, link, "HEAD").status_code == 405
    assert fetch(sim, link, "POST").status_code == 405
    sim.set(tariff_state="NotPaid", portal_status="Suspended")
    assert fetch(sim, link).status_code == 200
    assert "auth=..." in sim.requests[-1].query


def test_how_long_a_link_is_good(sim: Simulator) -> None:
    link = made(sim)
    sim.advance(23 * 3600)
    assert fetch(sim, link).status_code == 200
    sim.advance(2 * 3600)
    assert fetch(sim, link).status_code == 403


def test_a_link_of_a_deleted_backup_and_one_from_before_a_restore(sim: Simulator) -> None:
    gone, link = made(sim), made(sim)
    old, new = sorted(sim.portal.ids(), key=lambda item: link in str(sim.portal.backup(item)))
    send(sim, "DELETE", f"deletebackup/{old}")
    send(sim, "DELETE", f"deletebackup/{new}")
    assert fetch(sim, gone).status_code == 404
    link = made(sim)
    (last,) = sim.portal.ids()
    send(sim, "POST", "startrestore", json={"backupId": last})
    sim.finish_restores()
    assert fetch(sim, link).status_code == 403


def test_another_portal_does_not_know_the_link() -> None:
    with Simulator(kind="saas", hosts=["one.example.test", "two.example.test"]) as sim:
        one, two = sim.portals
        host = {"Host": one.host, "Authorization": f"Bearer {one.key}"}
        url = f"{sim.url}/api/2.0/backup"
        start = {"storageType": "DataStore"}
        requests.post(f"{url}/startbackup", json=start, headers=host, timeout=10)
        sim.finish_tasks()
        task = requests.get(f"{url}/getbackupprogress", headers=host, timeout=10).json()
        link = task["response"]["link"]
        assert fetch(sim, link, key=one.key, Host=one.host).status_code == 200
        assert fetch(sim, link, key=two.key, Host=two.host).status_code == 403


def test_ranges_as_the_server_has_them(sim: Simulator) -> None:
    link = made(sim)
    whole = fetch(sim, link).content
    size = len(whole)
    from_start = fetch(sim, link, Range="bytes=0-")
    assert (from_start.status_code, from_start.content) == (200, whole)
    assert from_start.headers["Accept-Ranges"] == "bytes"
    rest = fetch(sim, link, Range="bytes=1000-")
    assert (rest.status_code, rest.content) == (206, whole[1000:])
    assert rest.headers["Content-Range"] == f"bytes 1000-{size - 1}/{size}"
    assert fetch(sim, link, Range=f"bytes={size - 1}-").content == whole[-1:]
    for wrong in (f"bytes={size}-", "bytes=-5"):
        assert fetch(sim, link, Range=wrong).status_code == 500
    with pytest.raises(BROKE):
        fetch(sim, link, Range="bytes=1000-1999")
    assert [item.range for item in sim.requests if item.range][1] == "bytes=1000-"


def test_a_range_with_an_end_runs_on(sim: Simulator) -> None:
    sim.set(file_size=300_000)
    link = made(sim)
    whole = fetch(sim, link).content
    headers = {"Authorization": f"Bearer {sim.key}", "Range": "bytes=10-200009"}
    with requests.get(sim.url + link, headers=headers, timeout=10, stream=True) as answer:
        assert (answer.status_code, answer.headers["Content-Length"]) == (206, "200000")
        came = until_it_breaks(answer)
    assert whole[10:].startswith(came)
    assert 195_000 < len(came) <= 3 * 65536


def test_the_size_can_be_set_and_no_memory_is_needed_for_it(sim: Simulator) -> None:
    sim.set(file_size=50_000_000)
    answer = fetch(sim, made(sim))
    assert abs(len(answer.content) - 50_000_000) < 100_000
    assert len(names(answer.content)) > 10
    blocks = {answer.content[at : at + 1000] for at in range(0, 50_000_000, 1_000_000)}
    assert len(blocks) == 50


def test_a_large_file_lies_elsewhere_for_a_moment(sim: Simulator) -> None:
    sim.set(object_storage_over=30_000)
    link = made(sim)
    answer = fetch(sim, link)
    assert (answer.status_code, answer.content) == (302, b"")
    place = answer.headers["Location"]
    assert place.startswith(sim.second_origin.url) and not place.startswith(sim.url)
    file = requests.get(place, timeout=10)
    assert names(file.content)[-1] == "storage/restore_info"
    part = requests.get(place, headers={"Range": "bytes=100-199", "X-Tea": "yes"}, timeout=10)
    assert (part.status_code, part.content) == (206, file.content[100:200])
    assert [asked.headers.get("X-Tea") for asked in sim.second_origin.requests] == [None, "yes"]
    assert all("Authorization" not in asked.headers for asked in sim.second_origin.requests)
    headers = {"Authorization": f"Bearer {sim.key}"}
    assert requests.get(place, headers=headers, timeout=10).status_code == 200
    assert sim.second_origin.requests[-1].headers["Authorization"] == f"Bearer {sim.key}"
    sim.advance(16)
    assert requests.get(place, timeout=10).status_code == 403
    sim.set(object_storage_over=300_000)
    assert fetch(sim, link).status_code == 200


def test_faults_on_the_second_origin(sim: Simulator) -> None:
    sim.set(object_storage_over=0)
    place = fetch(sim, made(sim)).headers["Location"]
    sim.fault("cut", path="/object-storage/*", size=100, times=1)
    with pytest.raises(BROKE):
        requests.get(place, timeout=10)
    assert requests.get(place, timeout=10).status_code == 200


def until_it_breaks(answer: requests.Response) -> bytes:
    """What comes until the connection breaks; without that the test fails."""
    came = bytearray()
    try:
        for piece in answer.iter_content(100):
            came += piece
    except BROKE:
        return bytes(came)
    raise AssertionError("the connection did not break")


# What spoils a file


def received(sim: Simulator, link: str, **headers: str) -> int:
    """How many bytes come before the connection breaks."""
    headers["Authorization"] = f"Bearer {sim.key}"
    with requests.get(sim.url + link, headers=headers, timeout=10, stream=True) as answer:
        return len(until_it_breaks(answer))


def test_cut_again_and_again(sim: Simulator) -> None:
    link = made(sim)
    sim.fault("cut", path="/storage/*", size=20_000, times=2)
    assert received(sim, link) == 20_000
    assert received(sim, link, Range="bytes=20000-") == 20_000
    assert fetch(sim, link, Range="bytes=40000-").status_code == 206


def test_a_file_that_drips(sim: Simulator) -> None:
    link = made(sim)
    whole = fetch(sim, link).content
    sim.fault("drip", path="/storage/*", size=20_000, seconds=0.05, times=1)
    begun = time.monotonic()
    assert fetch(sim, link).content == whole
    assert time.monotonic() - begun >= 0.15
    sim.fault("drip", path="/storage/*", size=1, seconds=60, times=1)
    headers = {"Authorization": f"Bearer {sim.key}"}
    with requests.get(sim.url + link, headers=headers, timeout=10, stream=True) as answer:
        assert answer.raw.read(1) == whole[:1]


def test_wrong_places_in_a_file(sim: Simulator) -> None:
    link = made(sim)
    size = len(fetch(sim, link).content)
    sim.fault("range", path="/storage/*", shift=5, times=1)
    sim.fault("range", path="/storage/*", total=7, times=1)
    sim.fault("headers", path="/storage/*", headers={"content-range": "bytes x"}, times=1)
    sim.fault("whole", path="/storage/*", skip=3, times=1)
    answers = [fetch(sim, link, Range="bytes=9-") for _turn in range(4)]
    assert [answer.headers.get("Content-Range") for answer in answers] == [
        f"bytes 14-{size + 4}/{size}",
        f"bytes 9-{size - 1}/{size + 7}",
        "bytes x",
        None,
    ]
    assert [answer.status_code for answer in answers] == [206, 206, 206, 200]
    assert len(answers[3].content) == size


def test_an_answer_that_swells(sim: Simulator) -> None:
    sim.fault("gzip", path="getbackuphistory", size=3_000_000, times=1)
    answer = send(sim, "GET", "getbackuphistory")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < 10_000
    assert len(answer.content) > 3_000_000
    assert answer.json()["response"] == []


def members(data: bytes) -> list[str]:
    """All entries with their whole content read."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for info in archive:
            file = archive.extractfile(info)
            assert file is None or len(file.read()) == info.size
        return archive.getnames()


@pytest.mark.parametrize("dump", [False, True])
def test_archives_that_lack_what_they_should_have(sim: Simulator, dump: bool) -> None:
    link = made(sim, dump=dump)
    whole = set(names(fetch(sim, link).content))
    tenants = {"databases/core/tenants_tenants", "databases/data/tenants_tenants", "dump"}
    for broken, gone in (("no_tenants", tenants), ("no_restore_info", {"storage/restore_info"})):
        sim.set(file_broken=broken)
        assert set(names(fetch(sim, link).content)) == whole - gone
    sim.set(file_broken="other_kind")
    assert ("dump" in names(fetch(sim, link).content)) is not dump
    sim.set(file_broken="plain_tar")
    assert set(members(fetch(sim, link).content)) == whole
    sim.set(file_broken=None)
    assert set(members(gzip.decompress(fetch(sim, link).content))) == whole


@pytest.mark.parametrize(
    "broken", sorted(set(BROKEN) - {"no_tenants", "no_restore_info", "other_kind", "plain_tar"})
)
@pytest.mark.parametrize("dump", [False, True])
def test_archives_that_cannot_be_read_to_their_end(sim: Simulator, broken: str, dump: bool) -> None:
    link = made(sim, dump=dump)
    sim.set(file_broken=broken)
    with pytest.raises((OSError, EOFError, tarfile.TarError)):
        members(gzip.decompress(fetch(sim, link).content))
