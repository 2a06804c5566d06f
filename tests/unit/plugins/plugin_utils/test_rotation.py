# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the role, and the addresses of the hosts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    normalize_portal,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation import (
    RotationOptions,
    find_duplicates,
    normal_address,
    parse_options,
)

URL = "https://docs.example.com"
CONNECTION = {"url": URL, "api_key": "sk-x"}


def parse(**given: Any) -> RotationOptions:
    """Parse these variables of a host."""
    return parse_options({"connection": CONNECTION, "max_age": "26h", **given}, None)


def test_what_is_left_out_is_not_wanted() -> None:
    found = parse()
    assert (found.schedule, found.backup, found.download) == (None, None, None)
    assert (found.prune, found.download_prune, found.download_max_age) == (None, None, None)
    assert not found.refused and not found.mistakes
    assert (found.address, found.max_age) == (URL, "26h")


def test_an_empty_dictionary_is_wanted_and_the_module_says_what_it_lacks() -> None:
    assert parse(backup={}).backup == {}


def test_where_the_copies_are() -> None:
    assert parse().folder is None
    assert parse(download={"dest": "/srv"}).folder == "/srv"
    other = parse(download={"dest": "/srv"}, download_prune={"path": "/copies"})
    assert other.folder == "/copies"


@pytest.mark.parametrize("null", [None, ""])
@pytest.mark.parametrize(
    "name", ["connection", "schedule", "backup", "download", "prune", "download_prune", "max_age"]
)
def test_a_null_is_a_mistake_that_names_it(name: str, null: str | None) -> None:
    found = parse(**{name: null})
    assert f"backup_rotation_{name}: must not be null. Leave it out instead." in found.mistakes
    assert found.refused is (name == "connection")
    # An age that is null isn't one that is misspelt as well.
    assert len(found.mistakes) == (2 if name == "connection" else 1)


@pytest.mark.parametrize("name", ["schedule", "backup", "download", "prune", "download_prune"])
def test_anything_but_a_dictionary_is_a_mistake(name: str) -> None:
    assert parse(**{name: ["keep_last"]}).mistakes == [
        f"backup_rotation_{name}: must be a dictionary of options."
    ]


@pytest.mark.parametrize("option", ["state", "id", "task_id"])
def test_no_rotation_is_about_a_backup_that_exists(option: str) -> None:
    found = parse(backup={option: "absent"})
    assert found.refused
    assert found.mistakes[0].startswith(f"backup_rotation_backup: must not have {option}.")


def test_the_connection_has_no_option_of_a_step() -> None:
    found = parse(connection={**CONNECTION, "dump": True, "max_delete": 1})
    assert found.refused
    assert found.mistakes[0].startswith(
        "backup_rotation_connection: must not have dump, max_delete."
    )


@pytest.mark.parametrize(
    "url",
    [
        *("https://me:secret@docs.example.com", "https://docs.example.com?key=secret", "", None),
        *("https://docs.example.com/#secret", "docs.example.com", "https://docs .example.com"),
    ],
)
def test_without_an_address_that_may_be_shown_nothing_is_sent(url: str | None) -> None:
    found = parse(connection={"url": url})
    assert (found.address, found.refused) == ("", True)
    assert "secret" not in str(found.mistakes)
    assert found.mistakes[0].startswith("backup_rotation_connection.url: must be the address")


def test_an_address_that_the_play_refuses() -> None:
    found = parse_options({"connection": CONNECTION}, "It is another host's.")
    assert found.refused
    assert found.mistakes == ["backup_rotation_connection.url: It is another host's."]


@pytest.mark.parametrize("age", ["26h", "1d12h", "90", 90, "1y2w3d4h"])
def test_ages(age: object) -> None:
    found = parse(max_age=age, download_max_age=age)
    assert (found.max_age, found.download_max_age, found.mistakes) == (str(age), str(age), [])


@pytest.mark.parametrize("age", ["30m", "1d1d", "-1h", "1.5h", "h", "1h ", "26H", "later", "1h2"])
def test_an_age_that_is_none(age: str) -> None:
    for name in ("max_age", "download_max_age"):
        (mistake,) = parse(**{name: age}).mistakes
        assert mistake.startswith(f"backup_rotation_{name}: must be a duration like 26h")


def test_one_run_works_on_one_history() -> None:
    copies = {"keep_last": 1}
    both = parse(backup={"dump": "yes"}, prune={**copies, "dump": True}, download_prune=copies)
    assert both.dump and not both.mistakes
    for mixed in ({"prune": copies}, {"download_prune": {**copies, "dump": False}}):
        assert parse(backup={"dump": True}, **mixed).mistakes == [
            "dump: must be the same for all steps."
        ]
    assert not parse(backup={"dump": False}).dump


def test_duplicate_hosts_are_found_whatever_the_spelling() -> None:
    places = {
        "one": "http://localhost:8092",
        "two": "https://127.0.0.1:8092/x/..",
        "three": "HTTP://LocalHost.:8092/",
        "other": "http://x",
        "none": "",
        "nothing": "",
    }
    assert find_duplicates(places) == {
        "one": ["two", "three"],
        "two": ["one", "three"],
        "three": ["one", "two"],
    }


def test_an_address_is_spelt_as_the_modules_spell_it() -> None:
    for url in (
        "HTTP://[::1]:80/",
        "https://docs.example.com:0443/",
        "http://docs.example.com/a//b",
    ):
        assert normal_address(url) == normalize_portal(url)


S3: dict[str, Any] = {
    "storage_type": "third_party_consumer",
    "storage_params": {"module": "s3", "bucket": "b", "region": "eu"},
}


def stored(**params: Any) -> dict[str, Any]:
    """The same object storage with other parameters."""
    return {**S3, "storage_params": {**S3["storage_params"], **params}}


@pytest.mark.parametrize(
    ("backup", "schedule", "different"),
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
    backup: dict[str, Any], schedule: dict[str, Any] | None, different: str
) -> None:
    found = parse(backup=backup, **({} if schedule is None else {"schedule": schedule}))
    assert found.refused is bool(different)
    if different:
        (mistake,) = found.mistakes
        assert f"schedule: {different} of third_party_consumer" in mistake
        assert "secret" not in mistake
    else:
        assert found.mistakes == []
