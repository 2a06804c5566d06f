# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of a night, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    normalize_portal,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation import (
    Wishes,
    address_of,
    addresses,
    options_of_role,
    read_wishes,
    shared,
)

URL = "https://docs.example.com"
CONNECTION = {"url": URL, "api_key": "sk-x"}


def wishes(*twins: str, **given: Any) -> Wishes:
    """Those of a host, which has these twins."""
    return read_wishes(
        {"connection": CONNECTION, "max_age": "26h", **given}, lambda _address: list(twins)
    )


def test_what_is_not_given_is_not_wanted() -> None:
    found = wishes()
    assert (found.schedule, found.make, found.offsite) == (None, None, None)
    assert (found.prune, found.keep) == ({}, {})
    assert found.served and not found.thins and not found.mistakes
    assert (found.address, found.limit) == (URL, 26 * 3600)


def test_an_empty_dictionary_is_wanted_and_the_module_says_what_it_lacks() -> None:
    assert wishes(make={}).make == {}


def test_the_policy_of_files_is_no_option_of_the_download() -> None:
    found = wishes(offsite={"dest": "/srv", "keep": {"keep_last": 2}})
    assert (found.offsite, found.keep, found.thins) == ({"dest": "/srv"}, {"keep_last": 2}, True)


@pytest.mark.parametrize("null", [None, ""])
@pytest.mark.parametrize("name", ["connection", "schedule", "make", "offsite", "prune", "max_age"])
def test_a_null_is_a_mistake_that_names_it(name: str, null: str | None) -> None:
    found = wishes(**{name: null})
    assert (
        f"backup_rotation_{name}: it is null. Leave it out where it is not wanted."
        in found.mistakes
    )
    assert found.served is (name != "connection")
    # An age that is null isn't one that is misspelt as well.
    assert len(found.mistakes) == (2 if name == "connection" else 1)


def test_a_null_policy_of_files_is_a_mistake_too() -> None:
    found = wishes(offsite={"dest": "/srv", "keep": None})
    assert found.mistakes[0].startswith("backup_rotation_offsite.keep: it is null.")
    assert found.keep == {}


@pytest.mark.parametrize(
    "url",
    [
        *("https://me:secret@docs.example.com", "https://docs.example.com?key=secret", "", None),
        *("https://docs.example.com/#secret", "docs.example.com", "https://docs .example.com"),
    ],
)
def test_without_an_address_that_may_be_shown_nobody_is_served(url: str | None) -> None:
    found = wishes(connection={"url": url})
    assert (found.address, found.served) == ("", False)
    assert "secret" not in str(found.mistakes)
    assert found.mistakes[0].startswith("backup_rotation_connection.url: give the address")


def test_of_twins_neither_is_served() -> None:
    found = wishes("one", "two", prune={"keep_last": 1})
    assert not found.served and not found.thins
    assert "Leave one of them out: one, two." in found.mistakes[0]
    # A host alone at its address is no twin.
    assert wishes("one").served


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("26h", 93600), ("1d12h", 129600), ("90", 90), (90, 90), ("1y2w3d4h", 33019200)],
)
def test_ages(age: object, seconds: int) -> None:
    assert wishes(max_age=age).limit == seconds


@pytest.mark.parametrize("age", ["30m", "1d1d", "-1h", "1.5h", "h", "1h ", "26H", "later", "1h2"])
def test_an_age_that_is_none(age: str) -> None:
    found = wishes(max_age=age)
    assert found.limit is None
    assert found.mistakes[0].startswith("backup_rotation_max_age: write it like 26h")


def test_one_run_works_on_one_history() -> None:
    both = wishes(make={"dump": "yes"}, prune={"keep_last": 1, "dump": True})
    assert both.dump and not both.mistakes
    mixed = wishes(make={"dump": True}, prune={"keep_last": 1})
    assert mixed.mistakes[0].startswith("dump: it must be the same")
    assert not wishes(make={"dump": False}).dump


def test_addresses_are_found_once_and_a_host_that_can_not_be_read_stops_no_other() -> None:
    class Unreadable(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise RuntimeError("no such variable")

    hosts: dict[str, Any] = {
        "one": {"backup_rotation_connection": {"url": "HTTPS://Docs.Example.com:443//"}},
        "two": {"_backup_rotation_address": URL, "backup_rotation_connection": {"url": "http://x"}},
        "other": {"backup_rotation_connection": {"url": f"{URL}/team"}},
        "odd": {"backup_rotation_connection": {"url": "{{ not_there }}"}},
        "none": {},
        "sealed": Unreadable(backup_rotation_connection=1),
    }
    found = addresses(hosts, [*hosts, "gone"])
    assert found == {"one": URL, "two": URL, "other": f"{URL}/team"} | dict.fromkeys(
        ("odd", "none", "sealed", "gone"), ""
    )
    assert shared(found) == {URL: ["one", "two"]}


def test_duplicate_hosts_are_found_whatever_the_spelling() -> None:
    places = {"one": "http://localhost:8092", "two": "https://127.0.0.1:8092", "other": "http://x"}
    both = ["one", "two"]
    assert shared({**places, "none": ""}) == {places["one"]: both, places["two"]: both}


def test_an_address_is_spelt_as_the_modules_spell_it() -> None:
    for url in (
        "HTTP://[::1]:80/",
        "https://docs.example.com:0443/",
        "http://docs.example.com/a//b",
    ):
        assert address_of(url) == normalize_portal(url)


def test_the_role_says_which_options_there_are() -> None:
    assert set(options_of_role()) == {
        *(f"backup_rotation_{name}" for name in ("connection", "schedule", "make", "offsite")),
        *(f"backup_rotation_{name}" for name in ("prune", "max_age", "fail")),
    }


S3: dict[str, Any] = {
    "storage_type": "third_party_consumer",
    "storage_params": {"module": "s3", "bucket": "b", "region": "eu"},
}


def stored(**params: Any) -> dict[str, Any]:
    """The same object storage with other parameters."""
    return {**S3, "storage_params": {**S3["storage_params"], **params}}


@pytest.mark.parametrize(
    ("make", "schedule", "different"),
    [
        (S3, S3, ""),
        (stored(subdir="backup"), S3, ""),
        (S3, stored(subdir="backup"), ""),
        (S3, stored(subdir="daily"), "subdir"),
        (S3, stored(bucket="c", region="us"), "bucket, region"),
        (S3, stored(module="google"), "module"),
        (S3, stored(module="S3"), ""),
        (S3, stored(serviceurl="https://s3.example.com"), "serviceurl"),
        (stored(private_container="a"), stored(private_container="b"), "private_container"),
        (S3, stored(acl="private"), ""),
        (S3, {**S3, "storage_params": {"module": "s3", "bucket": "b"}}, "region"),
        (S3, {**S3, "storage_params": "module=s3 bucket=b region=eu"}, ""),
        (S3, {**S3, "storage_params": "module=s3 bucket=c region=eu"}, "bucket"),
        (S3, {**S3, "storage_secrets": {"acl": "secret-value"}}, ""),
        (
            {**S3, "storage_params": {"module": "s3"}, "storage_secrets": {"bucket": "b-secret"}},
            {**S3, "storage_params": {"module": "s3", "bucket": "b-secret"}},
            "",
        ),
        (S3, {**stored(bucket="c"), "storage_type": "local"}, ""),
        (S3, {**stored(bucket="c"), "state": "absent"}, ""),
        (S3, None, ""),
        ({"storage_type": "local"}, {"storage_type": "local", "path": "/x"}, ""),
    ],
)
def test_backup_and_schedule_share_one_place_in_an_object_storage(
    make: dict[str, Any], schedule: dict[str, Any] | None, different: str
) -> None:
    given = {"make": make} if schedule is None else {"make": make, "schedule": schedule}
    found = wishes(**given)
    assert found.served is not bool(different)
    if different:
        (mistake,) = found.mistakes
        assert f"schedule: {different} of third_party_consumer" in mistake
        assert "secret" not in mistake
    else:
        assert found.mistakes == []
