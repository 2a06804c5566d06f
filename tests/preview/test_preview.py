# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook retention_preview, run for real, and its page in a real browser."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.filter.backup_retention import (
    backup_retention,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.retention import OPTIONS
from ansible_collections.onlyoffice.docspace.plugins.modules.docspace_backup_prune import SPEC
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._preview import (
    KNOWN,
    MAX_BYTES,
)
from ansible_collections.onlyoffice.docspace.tests.preview.browser import CONTRAST, Browser
from ansible_collections.onlyoffice.docspace.tests.preview.playing import (
    ROOT,
    Play,
    load_filter,
    play,
)
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

NOW = "2026-11-05T12:00:00Z"
RULES = [option for option in OPTIONS if option.startswith("keep_")]
DEFAULT = {"keep_daily": 7, "keep_weekly": 4, "keep_monthly": 12}
HOSTILE = "\"'><img src=http://example.com/x onerror=alert(1)><script>alert(2)</script>{{ 7*7 }}"
# What a person reads off the page, as data. The marks are counted, not asked for their number.
READ = """({
  counts: ['total', 'kept', 'removed'].map(id => Number(document.getElementById(id).innerText)),
  policy: Object.fromEntries([...document.querySelectorAll('.policy div')].map(
    div => [div.querySelector('dt').innerText, div.querySelector('dd').innerText])),
  groups: Object.fromEntries([...document.querySelectorAll('section[id]')].map(section => [
    section.querySelector('h2').innerText,
    [...section.querySelectorAll('.why b')].slice(0, 2).map(b => b.innerText).join(', ')])),
  days: [...document.querySelectorAll('.month a')].map(a => [
    a.className, a.textContent, a.title, a.hash, document.querySelector(a.hash) !== null]),
  rows: [...document.querySelectorAll('tr.row')].map(row => [
    row.querySelector('i').innerText, row.querySelector('.reasons').innerText]),
  names: [...document.querySelectorAll('.file')].map(td => td.firstChild.textContent),
})"""


page_of = load_filter("docspace_preview", "docspace_retention_page")


def plan_of(backups: list[dict[str, Any]], policy: dict[str, Any]) -> list[tuple[str, str]]:
    """Each id with its reasons, judged apart from the page."""
    plan = backup_retention(backups, now=NOW, **policy)
    return [(item["id"], ", ".join(item["reasons"])) for item in plan["keep"] + plan["remove"]]


def counts_of(plan: list[tuple[str, str]]) -> list[int]:
    removed = sum(reasons == "not kept by any rule" for _id, reasons in plan)
    return [len(plan), len(plan) - removed, removed]


def copy(name: str, when: datetime, **more: Any) -> dict[str, Any]:
    created = f"{when:%Y-%m-%dT%H:%M:%SZ}"
    return {"id": name, "created_on": created, "storage_type": "local", "file_name": name, **more}


def mixed() -> list[dict[str, Any]]:
    """Of everything something: three storages, days with several, gaps, names that attack."""
    noon = datetime(2026, 11, 5, 10, tzinfo=timezone.utc)
    rows = [copy(f"daily-{day}", noon - timedelta(days=day)) for day in range(60)]
    rows += [copy(f"hourly-{hour}", noon - timedelta(days=2, hours=hour)) for hour in range(1, 30)]
    # Half past eleven at night in UTC is the next day in Berlin.
    rows.append(copy("late", datetime(2026, 9, 30, 23, 30, tzinfo=timezone.utc)))
    rows.append(copy("treasure", datetime(1999, 12, 31, tzinfo=timezone.utc)))
    rows.append(copy("wrong-clock", noon + timedelta(days=9)))
    store = {"storage_type": "data_store", "expires_on": "2026-11-06T10:00:00Z"}
    rows.append(copy("for-a-day", noon, **store))
    rows.append(copy(HOSTILE, noon, storage_type=HOSTILE))
    return rows


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Play:
    return play(tmp_path_factory.mktemp("invented"), preview_now=NOW)


MIXED_POLICY = {
    "keep_last": 2,
    "keep_daily": 7,
    "keep_weekly": 4,
    "keep_monthly": -1,
    "timezone": "Europe/Berlin",
    "protect_ids": ["treasure", "not-there"],
}


@pytest.fixture(scope="module")
def from_file(tmp_path_factory: pytest.TempPathFactory) -> Play:
    folder = tmp_path_factory.mktemp("file")
    # As the result of docspace_backup_info is, saved; and a name relative to where we are.
    saved = {"changed": False, "backups": mixed(), "schedule": None}
    (folder / "history.json").write_text(json.dumps(saved))
    given: dict[str, Any] = {"preview_file": "history.json", "preview_policy": MIXED_POLICY}
    return play(folder, preview_now=NOW, preview_output="sub folder.html", **given)


def look(browser: Browser, page: Path, **how: Any) -> dict[str, Any]:
    """Open the page, and read what a person reads off it."""
    browser.look(page, **how)
    seen: dict[str, Any] = browser.value(READ)
    assert all(day[-1] for day in seen["days"]), "a day leads nowhere"
    return seen


def test_the_invented_history(browser: Browser, invented: Play) -> None:
    assert (invented.code, invented.changed) == (0, 1), invented.text
    year = [datetime(2026, 11, 5, 3, tzinfo=timezone.utc) - timedelta(days=n) for n in range(365)]
    plan = [reasons for _id, reasons in plan_of([copy(f"{day}", day) for day in year], DEFAULT)]
    seen = look(browser, invented.page)
    assert "An invented history" in browser.value("document.title")
    assert seen["counts"] == [365, 19, 346]
    assert [reasons for _id, reasons in seen["rows"]] == plan
    assert seen["policy"] == {"keep_daily": "7", "keep_weekly": "4", "keep_monthly": "12"}
    assert seen["groups"] == {"local": "19 kept, 346 removed"}
    marks = Counter(day[0].split()[0] for day in seen["days"])
    assert marks == {"kept": 19, "removed": 346}
    newest = seen["days"][4]  # the calendar begins with the newest month: Sunday the 1st, 2nd ...
    assert newest[:3] == [
        "kept today",
        "5DWM",
        "2026-11-05\n03:00 kept: daily, weekly, monthly (workspace_2026-11-05_03-00-00.tar.gz)",
    ]


def test_the_same_page_again_is_no_change(invented: Play) -> None:
    before = invented.page.read_bytes()
    again = play(invented.page.parent, preview_now=NOW)
    assert (again.code, again.changed) == (0, 0), again.text
    assert invented.page.read_bytes() == before


def test_a_file(browser: Browser, from_file: Play) -> None:
    assert (from_file.code, from_file.changed) == (0, 1), from_file.text
    plan = plan_of(mixed(), MIXED_POLICY)
    seen = look(browser, from_file.page)
    assert seen["counts"] == counts_of(plan)
    assert sorted(map(tuple, seen["rows"])) == sorted(plan)
    assert seen["policy"]["timezone"] == "Europe/Berlin"
    # What loses something comes first.
    assert list(seen["groups"]) == ["local", HOSTILE, "data_store"]
    assert "protects nothing here: not-there" in browser.value("document.body.innerText")
    days = {day[2].partition("\n")[0]: day for day in seen["days"]}
    assert days["2026-10-01"][2].endswith("01:30 removed: not kept by any rule (late)")
    assert days["1999-12-31"][:2] == ["apart", "31P"]
    assert days["2026-11-14"][:2] == ["apart", "14F"]
    # Of the hourly ones only the newest of each day stays: here one of twelve.
    assert days["2026-11-03"][:2] == ["mixed", "3D1/12"]
    assert "No backup\nJanuary 2000\nto August 2026" in browser.value("document.body.innerText")


def test_names_are_text_and_nothing_else(browser: Browser, from_file: Play) -> None:
    seen = look(browser, from_file.page)
    assert HOSTILE in seen["names"]
    assert any(HOSTILE in day[2] for day in seen["days"])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read(browser: Browser, from_file: Play, dark: bool) -> None:
    look(browser, from_file.page, dark=dark)
    background = "getComputedStyle(document.body).backgroundColor"
    shown = browser.value(background)
    assert (sum(map(int, re.findall(r"\d+", shown))) < 200) is dark
    worst = browser.value(CONTRAST)
    assert worst[0][0] >= 4.5, worst


def test_kept_and_removed_differ_in_shape(browser: Browser, invented: Play) -> None:
    look(browser, invented.page)
    kept, removed = (
        browser.value(
            f"(s => [s.borderTopStyle, s.borderRadius, s.textDecorationLine])"
            f"(getComputedStyle(document.querySelector('.month a.{kind}')))"
        )
        for kind in ("kept", "removed")
    )
    assert all(one != other for one, other in zip(kept, removed))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_stays_is_loud_and_what_goes_is_quiet(
    browser: Browser, invented: Play, dark: bool
) -> None:
    look(browser, invented.page, dark=dark)
    kept, removed, empty = (
        browser.value(
            f"(s => [s.backgroundColor, s.color, s.fontWeight])"
            f"(getComputedStyle(document.querySelector('{which}')))"
        )
        for which in (".month a.kept", ".month a.removed", ".month td > span:not(.today)")
    )
    # No more ink than a day without a backup, but for its ring.
    assert removed == empty
    assert all(one != other for one, other in zip(kept, removed))


def test_a_letter_for_each_reason() -> None:
    """Each cell that keeps something says which rule does, and the page says what letters mean."""
    policy = {option: "9" if "within" in option else 3 for option in RULES}
    page = page_of(mixed(), {**policy, "protect_ids": ["treasure"], "min_keep": 70}, NOW)
    reasons = {reason for group in page["groups"] for reason in group["reasons"]}
    assert len(reasons) >= len(RULES) + len(("protected", "future", "expires", "min_keep"))
    meant = {item["letter"]: item["names"].split(", ") for item in page["letters"]}
    assert {name for names in meant.values() for name in names} == {
        reason.replace("oldest ", "") for reason in reasons
    }
    assert all(len(names) == 1 for names in meant.values())
    for group in page["groups"]:
        kept: dict[str, list[str]] = {row["day"]: [] for row in group["lists"]["kept"]}
        for row in group["lists"]["kept"]:
            kept[row["day"]] += [reason.replace("oldest ", "") for reason in row["reasons"]]
        cells = [cell for month in group["months"] for week in month["weeks"] for cell in week]
        shown = {cell["title"][:10]: cell["letters"] for cell in cells if cell and cell["kind"]}
        for day, why in kept.items():
            letters = [letter for letter, (name,) in meant.items() if name in why]
            assert shown[day] == "".join(letters if len(letters) < 6 else [*letters[:4], "+"])
        assert all(letters == "" for day, letters in shown.items() if day not in kept)


@pytest.mark.parametrize("width", [320, 768])
def test_a_narrow_window_needs_no_sideways_scrolling(
    browser: Browser, from_file: Play, width: int
) -> None:
    look(browser, from_file.page, width=width)
    assert browser.value("document.documentElement.scrollWidth") <= width


def test_paper(browser: Browser, from_file: Play) -> None:
    """Black on white also from a dark screen, and every reason is there."""
    seen = look(browser, from_file.page, dark=True, media="print", width=760)
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    worst = browser.value(CONTRAST)
    assert worst[0][0] >= 4.5, worst
    assert len(seen["rows"]) == len(mixed())
    hidden = "[...document.querySelectorAll('.reasons')].filter(e => !e.checkVisibility()).length"
    assert browser.value(hidden) == 0
    assert browser.value("document.documentElement.scrollWidth") <= 760


def test_a_portal(browser: Browser, tmp_path: Path) -> None:
    with Simulator("demo") as portal:
        # A key from the environment, and an address that the playbook is told.
        done = play(
            tmp_path,
            environ={"DOCSPACE_API_KEY": portal.key},
            preview_connection={"url": portal.url},
            preview_portal=True,
            preview_policy='{"keep_last": 2, "group_by": "none"}',  # as -e name=value gives it
        )
        assert (done.code, done.changed) == (0, 1), done.text
        assert [request.method for request in portal.requests] == ["GET"]
        ids = {row["id"] for row in portal.state()["backups"] if row["tenantId"] > 0}
    seen = look(browser, done.page)
    assert browser.value("document.querySelector('.whose').innerText") == (
        f"The history of {portal.url}"
    )
    assert {row[0] for row in seen["rows"]} == ids
    # The one that expires takes no place.
    assert seen["counts"] == [len(ids), 3, len(ids) - 3]
    assert list(seen["groups"]) == ["All backups"]


def test_thousands_and_nothing(browser: Browser, tmp_path: Path) -> None:
    start = datetime(2026, 11, 5, tzinfo=timezone.utc)
    many = [copy(f"copy-{hour}", start - timedelta(hours=hour)) for hour in range(4000)]
    for backups in (many, []):
        (tmp_path / "history.json").write_text(json.dumps(backups))
        given: dict[str, Any] = {"preview_file": "history.json", "preview_policy": DEFAULT}
        done = play(tmp_path, preview_now=NOW, **given)
        assert done.code == 0, done.text
        seen = look(browser, done.page)
        assert seen["counts"] == counts_of(plan_of(backups, DEFAULT))
        assert len(seen["rows"]) == len(backups)


BAD_RUNS: dict[str, tuple[dict[str, Any], str]] = {
    "two sources": ({"preview_file": "good.json", "preview_portal": True}, "not both"),
    "no file": ({"preview_file": "none.json"}, "preview_file: there is no file"),
    "no JSON": ({"preview_file": "bad.json"}, "preview_file is not JSON"),
    "no folder": ({"preview_output": "none/page.html"}, "in a folder that exists"),
    "a bad value": ({"preview_policy": {"keep_daily": "x"}}, "keep_daily: 'x' is not"),
    "a bad time": ({"preview_now": "soon"}, "now: 'soon' is not"),
}


def test_bad_input_gets_a_sentence_and_no_page(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text("[]")
    (tmp_path / "bad.json").write_text("[{")
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(play, tmp_path, **given) for given, _sentence in BAD_RUNS.values()]
    for (what, (_given, sentence)), run in zip(BAD_RUNS.items(), runs):
        done = run.result()
        assert (done.code, done.changed) == (2, 0), f"{what}: {done.text}"
        assert sentence in done.text, f"{what}: {done.text}"
        assert "traceback" not in done.text.lower(), what
    assert list(tmp_path.glob("*.html")) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[" * 100_000, "preview_file is not JSON"),
        (b"[\xff]", "preview_file is not JSON: it isn't UTF-8"),
        (b" " * (MAX_BYTES + 1), f"preview_file is longer than {MAX_BYTES} bytes"),
    ],
    ids=["nested", "latin-1", "long"],
)
def test_files_that_are_no_history(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "history.json").write_bytes(content)
    page = page_of([], DEFAULT, NOW, file=str(tmp_path / "history.json"))
    assert page["error"].startswith(sentence)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "history.json")
    page = page_of([], DEFAULT, NOW, file=str(tmp_path / "history.json"))
    assert page["error"] == "preview_file can't be read (it isn't a regular file)"


@pytest.mark.parametrize(
    ("backups", "policy", "sentence"),
    [
        ("7", DEFAULT, "there must be a list of backups"),
        ({"backups": None}, DEFAULT, "there must be a list of backups"),
        (["one"], DEFAULT, "item 1 is not a dictionary"),
        ([{"id": "one", "created_on": None}], DEFAULT, "created_on of one: None is not"),
        ([], {"keep_last": 0}, "policy: keeps nothing"),
        ([], {"keep_dayly": 7}, "preview_policy: 'keep_dayly' must be one of"),
        ([], {"keep_last": 1, "backups": []}, "preview_policy: 'backups' must be one of"),
        ([], {"keep_last": 1, "api_key": "x"}, "'api_key' is not part of a policy; set preview"),
        ([], {"keep_last": None}, "preview_policy: 'keep_last' is null or empty; leave it out"),
        ([], {"keep_last": 1, "storage_type": []}, "'storage_type' is null or empty"),
        ([], {"keep_last": 1, "protect_ids": [None]}, "'protect_ids' is null or empty"),
        ([], {"keep_last": 1, "name_pattern": ""}, "'name_pattern' is null or empty"),
        ([], {"keep_last": 1, "max_delete": -1}, "'max_delete' must be a number from 0"),
        ([], {"keep_last": 1, "concurrency": 11}, "'concurrency' must be a number from 1 to 10"),
        ([], {"keep_last": 1, "ids": []}, "'keep_last' can't be combined with 'ids'"),
        ([], {"ids": ["a"], "now": NOW}, "'now' can't be combined with 'ids'"),
        ([], {"ids": ["a"], "protect_ids": ["a"]}, "a is in 'ids' and 'protect_ids'"),
        ([], {"dump": True}, "policy: keeps nothing"),
        ([], "7", "preview_policy must be a dictionary"),
        ([], "{", "preview_policy can't be read"),
        ([], {"keep_last": 1, "timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not"),
    ],
)
def test_what_the_page_says_of_bad_input(backups: object, policy: object, sentence: str) -> None:
    error = page_of(backups, policy, NOW)["error"]
    assert sentence in error
    assert "\n" not in error


def test_the_policy_takes_what_the_module_takes() -> None:
    assert set(KNOWN) == set(SPEC)


def test_guards_and_choices() -> None:
    rows = [
        copy(f"{name}-{day}", datetime(2026, 11, day, tzinfo=timezone.utc), storage_type=storage)
        for storage in ("local", "documents")
        for name in ("nightly", "mine")
        for day in (1, 2, 3)
    ]
    for row in rows:
        row["id"] += row["storage_type"]
    policy = {
        "keep_last": 1,
        "storage_type": "local,data_store",  # as Ansible takes a list, too
        "name_pattern": "nightly-*",
        "protect_ids": ["mine-1local", "none-such"],
        "max_delete": 1,
        "concurrency": 4,
        "require_id": "none-such",
        "require_newer_than": "26h",
        "gather": ["schedule"],
        "dump": False,
    }
    page = page_of(rows, policy, NOW)
    assert page["error"] == ""
    (group,) = page["groups"]
    assert [row["name"] for row in group["lists"]["kept"]] == ["nightly-3"]
    assert [row["name"] for row in group["lists"]["removed"]] == ["nightly-1", "nightly-2"]
    assert page["counts"] == {"total": 3, "kept": 1, "removed": 2}
    assert [note.split(":")[0] for note in page["notes"]] == [
        "max_delete allows 1, but 2 would be removed",
        "Left out by storage_type or name_pattern, so they are kept and aren't counted",
        "Not among the backups, so protect_ids protects nothing here",
    ]
    assert page["notes"][1].endswith(" 9.")
    assert page["notes"][2].endswith(": none-such")
    assert page["policy"]["storage_type"] == "local, data_store"


def test_backups_that_are_named() -> None:
    rows = mixed()
    page = page_of(rows, {"ids": ["daily-9", "daily-1", "gone"], "max_delete": 2}, NOW)
    removed = [row["id"] for group in page["groups"] for row in group["lists"]["removed"]]
    assert removed == ["daily-9", "daily-1"], "oldest first"
    assert page["counts"] == {"total": len(rows), "kept": len(rows) - 2, "removed": 2}
    assert page["notes"] == ["Not among the backups, so ids removes nothing here: gone"]


def test_an_invented_history_fits_the_policy() -> None:
    policy = {"keep_last": 1, "storage_type": ["documents", "local"], "name_pattern": "x*"}
    page = page_of([], policy, NOW, True)
    assert [(group["name"], group["counts"]["kept"]) for group in page["groups"]] == [
        ("documents", 1),
        ("local", 1),
    ]
    assert page["policy"]["name_pattern"] == "x*"


PRUNE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - onlyoffice.docspace.docspace_backup_prune: "{{ preview_policy }}"
      check_mode: true
      register: plan
    - ansible.builtin.copy:
        content: "{{ plan | to_json }}"
        dest: "{{ 'plan.json' | realpath }}"
        mode: "0600"
"""


def test_one_variables_file_serves_the_module_and_the_preview(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "prune.yml").write_text(PRUNE)
    policy = {
        "keep_last": 1,
        "storage_type": ["local", "documents"],
        "name_pattern": "*-0?-*.tar.gz",
        "min_keep": 2,
        "max_delete": 90,
        "concurrency": 2,
        "timezone": "Europe/Berlin",
        "now": "2026-11-05T12:00:00Z",
        "group_by": "none",
        "dump": False,
    }
    days = ("2026-09-01", "2026-09-02", "2026-09-08", "2026-10-01", "2026-10-05", "2026-11-04")
    seed = [
        {
            "created": f"{day}T03:00:00Z",
            "storage_type": kind,
            "file_name": f"{kind}-{day}-.tar.gz",
        }
        for day in days
        for kind in ("Local", "Documents", "ThirdPartyConsumer")
    ]
    with Simulator(seed) as portal:
        policy["protect_ids"] = [portal.state()["backups"][-2]["id"]]
        environ = {"DOCSPACE_BASE_URL": portal.url, "DOCSPACE_API_KEY": portal.key}
        pruned = play(tmp_path, playbook="prune.yml", environ=environ, preview_policy=policy)
        assert pruned.code == 0, pruned.text
        done = play(tmp_path, environ=environ, preview_portal=True, preview_policy=policy)
        assert done.code == 0, done.text
        server = play(
            tmp_path,
            environ=environ,
            preview_portal=True,
            preview_policy={"keep_last": 1, "dump": True},
            preview_output="server.html",
        )
        assert server.code == 0, server.text
        assert "dump=true" in portal.requests[-1].query.lower()
    seen = look(browser, done.page)
    plan = json.loads((tmp_path / "plan.json").read_text())
    rows = [(row["id"], ", ".join(row["reasons"])) for row in plan["kept"] + plan["removed"]]
    assert 0 < len(plan["removed"]) < len(rows) < len(seed)
    assert seen["rows"] == list(map(list, rows))
    assert f"aren't counted: {len(seed) - len(rows)}." in browser.value("document.body.innerText")


def test_the_variables_in_the_guide(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_prune.rst").read_text()
    (variables,) = re.findall(
        r"^\.\. code-block:: yaml\n\n  ---\n((?:  .+\n)+)", guide, re.MULTILINE
    )
    assert variables.startswith("  preview_policy:\n")
    (tmp_path / "policy.yml").write_text(textwrap.dedent(variables))
    (task,) = re.findall(r"``(docspace_backup_prune: .*?)``", guide)
    task = task.replace("docspace_", "onlyoffice.docspace.docspace_")
    (tmp_path / "task.yml").write_text(f"- hosts: localhost\n  tasks:\n    - {task}\n")
    with Simulator(5) as portal:
        environ = {"DOCSPACE_BASE_URL": portal.url, "DOCSPACE_API_KEY": portal.key}
        options = ("-e", "@policy.yml")
        seen = play(tmp_path, *options, environ=environ, preview_portal=True)
        done = play(tmp_path, *options, "--check", playbook="task.yml", environ=environ)
    assert seen.code == 0, seen.text
    assert f"The history of {portal.url}" in seen.page.read_text()
    assert done.code == 0, done.text


def test_every_value_in_the_template_is_escaped() -> None:
    text = (ROOT / "playbooks" / "templates" / "retention_preview.html.j2").read_text()
    values = re.findall(r"{{.*?}}", text)
    assert len(values) > 30
    # A mark is the template's own HTML.
    assert [v for v in values if not v.endswith("| e }}") and not v.startswith("{{ mark(")] == []
