# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reports of many portals become: table, page, JSON, metrics, sums."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.onlyoffice.docspace.tests.preview import reports
from ansible_collections.onlyoffice.docspace.tests.preview.browser import CONTRAST, Browser
from ansible_collections.onlyoffice.docspace.tests.preview.playing import ROOT, load_filter
from ansible_collections.onlyoffice.docspace.tests.preview.reports import (
    HOSTILE,
    NOW,
    ago,
    copy,
    problem,
    report,
)

publish = load_filter("docspace_report", "docspace_report")
READ = """({
  states: ['down', 'ill', 'well'].map(id => Number(document.getElementById(id).innerText)),
  rows: [...document.querySelectorAll('tr.row')].map(row => [...row.children].map(
    cell => cell.innerText.trim())),
  cards: Object.fromEntries([...document.querySelectorAll('article')].map(card => [
    card.querySelector('h3 > span').textContent, {
      state: card.querySelector('.word').innerText,
      problems: [...card.querySelectorAll('.problems li')].map(item => item.innerText),
      facts: [...card.querySelectorAll('.facts dd')].map(fact => fact.innerText),
      marks: [...card.querySelectorAll('.days li')].map(item => [
        item.querySelector('.mark').className, item.parentNode.className,
        item.title, item.querySelector('.sr').textContent]),
    }])),
  links: [...document.querySelectorAll('a')].every(a => document.querySelector(a.hash) !== null),
  headings: [...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1])),
  headers: [...document.querySelectorAll('th')].every(th => th.scope),
})"""


def samples(given: list[Any]) -> dict[str, dict[tuple[str, ...], float]]:
    """The metrics as a parser understands them: name -> labels' values -> value."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(publish(given)["metrics"] + "\n"):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            series = found.setdefault(sample.name.replace("docspace_backup_", "", 1), {})
            labels = tuple(sample.labels.values())
            assert labels not in series, "the same series twice"
            series[labels] = sample.value
    return found


def promtool(*arguments: str, text: str = "") -> str:
    """A test that needs it fails without it, unless somebody says why it may be left out."""
    if why := os.environ.get("PREVIEW_SKIP_PROMTOOL"):
        pytest.skip(f"PREVIEW_SKIP_PROMTOOL: {why}")
    if not shutil.which("promtool"):
        pytest.fail(
            "promtool is not on the PATH. Install it: apt-get install prometheus. To leave it out, "
            "say why in PREVIEW_SKIP_PROMTOOL."
        )
    done = subprocess.run(
        ["promtool", *arguments],
        input=text.encode(),
        check=False,
        capture_output=True,
        timeout=60,
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_the_table() -> None:
    assert publish(reports.fleet())["lines"] == [
        "5 portals, 3 with problems, as of 2026-11-05 03:40 UTC.",
        "",
        "PORTAL   NEWEST   OFF SITE    COUNT  CREATED  REMOVED         SCHEDULE          PROBLEM",
        "bravo    ?        none        ?      no       0               ?                 "
        "not reached (make)",
        "delta    none     none        14     yes      2               none              "
        "no fresh copy (fresh)",
        "charlie  12 days  none        14     yes      0               weekly sun 03:00  "
        "unpaid (make); no fresh copy (fresh)",
        "alpha    1 hour   20 minutes  14     yes      2               daily 03:00",
        "echo     3 hours  20 minutes  14     yes      2, 12 off site  daily 03:00",
        "",
        "bravo: make: not reached: The connection was refused.",
        "delta: fresh: no fresh copy: Only temporary copies.",
        "charlie: make: unpaid: Pay for the portal.",
        "charlie: fresh: no fresh copy: The newest is 12 days old.",
    ]
    assert "dry run" in publish(reports.fleet(), True)["lines"][0]
    assert publish([])["lines"][0].startswith("No portals")


def test_the_table_of_hostile_reports() -> None:
    lines = publish(reports.hostile())["lines"]
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        assert not set('"\\') & set(line), "Ansible's output escapes these"
        assert len(line) <= 200
    _sum, _blank, head, *rows = lines
    columns = [match.start() for match in re.finditer(r"(?<=  )\S", head)]
    for row in rows[:4]:
        assert all(row[at - 2 : at] == "  " for at in columns if at < len(row)), row
    assert rows[3].startswith("munchen ?? ?  ")


def test_many_problems_leave_the_table_readable() -> None:
    many = [
        report(f"p{number}", problems=[problem("read", "auth", "", "No.")]) for number in range(99)
    ]
    lines = publish(many)["lines"]
    assert len(lines) == 2 + 1 + 99 + 1 + 40 + 1
    assert lines[-1] == "and 59 more"


@pytest.mark.parametrize(
    ("schedule", "brief", "words"),
    [
        (reports.DAILY, "daily 03:00", "every day at 03:00"),
        (
            {"period": "weekly", "weekday": "monday", "hour": 0},
            "weekly mon 00:00",
            "every Monday at 00:00",
        ),
        (
            {"period": "monthly", "monthday": 31, "hour": 23},
            "monthly day 31 23:00",
            "every month on the 31st at 23:00",
        ),
        (
            {"period": "monthly", "monthday": 12, "hour": 7},
            "monthly day 12 07:00",
            "every month on the 12th at 07:00",
        ),
        ({"period": "daily", "hour": True}, "daily ?", "every day at ?"),
        (None, "none", "none"),
    ],
)
def test_a_schedule_in_words(schedule: object, brief: str, words: str) -> None:
    made = publish([report("one", schedule=schedule)])
    assert f"  {brief}" in made["lines"][3]
    assert f"<dt>schedule of the portal</dt><dd>{words}<" in made["page"]


def test_only_a_copy_that_lasts_and_is_past_is_the_newest() -> None:
    wrong_clock = {"created_on": ago(hours=-9), "expires_on": None}
    one = report("one", newest=wrong_clock, newest_offsite=wrong_clock, copies=[])
    # What the list of copies knows counts where the record named as the newest expires.
    other = {"created_on": ago(hours=1), "expires_on": ago(hours=-23)}
    two = report("two", newest=other, copies=[copy(hours=5), copy(lasting=False, hours=2)])
    newest = samples([one, two])["newest_timestamp_seconds"]
    assert newest == {("two",): (NOW - timedelta(hours=5)).timestamp()}
    assert ("one",) not in samples([one, two])["offsite_newest_timestamp_seconds"]


def test_an_assumed_backup_and_numbers_that_are_not_known() -> None:
    unknown = dict.fromkeys(("made", "removed", "offsite_removed"))
    given = [report("dry", newest={"created_on": ago(), "assumed": True}), report("cut", **unknown)]
    rows = {line.split()[0]: line.split() for line in publish(given)["lines"][3:5]}
    assert rows["dry"][:2] == ["dry", "assumed"]
    assert rows["cut"][6:8] == ["?", "?"]
    assert publish(given)["stats"]["removed"] == 2
    assert "not known, not known how many removed" in publish(given)["page"]


def test_a_clock_that_is_ahead() -> None:
    (row,) = publish([report("one", newest={"created_on": ago(minutes=-4)}, copies=[])])["lines"][
        3:
    ]
    assert row.startswith("one     0 seconds")


def previous(folder: Path, content: object) -> str:
    file = folder / "fleet.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


def test_reports_of_other_hosts_are_kept(tmp_path: Path) -> None:
    """In page, JSON and metrics, but not in the table; only those of the hosts that are named."""
    kept = [report("alpha", count=1), report("old"), report("gone"), "odd", {"host": ["odd"]}]
    file = previous(tmp_path, {"format": 1, "portals": [*kept, report("old", count=7)]})
    made = publish([report("alpha", count=2)], False, file, ["old", "new"])
    assert made["error"] == ""
    assert [line.split()[0] for line in made["lines"][3:]] == ["alpha"]
    assert made["stats"]["portals"] == 1
    counts = {one["host"]: one["count"] for one in json.loads(made["json"])["portals"]}
    assert counts == {"alpha": 2, "old": 7}
    assert 'docspace_backup_copies{portal="old"} 7' in made["metrics"]
    assert made["page"].count("<article ") == 2
    assert publish([], False, str(tmp_path / "none.json"), ["old"])["error"] == ""


@pytest.mark.parametrize("content", ["[", "[]", '{"format": 2, "portals": []}', '{"format": 1}'])
def test_a_report_that_is_none_is_not_replaced(tmp_path: Path, content: str) -> None:
    made = publish([report("alpha")], False, previous(tmp_path, content), ["old"])
    assert "can't be read" in made["error"]
    assert made["lines"][3].startswith("alpha")


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "circular link", "device", "huge"])
def test_only_a_regular_file_is_read(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "fleet.json"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    elif kind == "link":
        (tmp_path / "real").write_text("{}")
        place.symlink_to(tmp_path / "real")
    elif kind == "circular link":
        place.symlink_to(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    else:
        place.touch()
        os.truncate(place, 4 * 1024**4)
    assert str(place) in publish([], False, str(place), [])["error"]


collect = load_filter("docspace_report", "docspace_collect")


def failed(**result: Any) -> dict[str, Any]:
    """The report of a host whose task ended with such a result."""
    facts = {"docspace_failure": result, "_backup_rotation_address": "https://one.example.com"}
    (found,) = collect({"one": facts}, ["one"])
    assert found["host"] == "one" and found["portal"] == "https://one.example.com"
    assert set(found) == set(report("one"))
    return dict(found)


def test_every_host_has_a_report() -> None:
    facts = {"one": {"backup_rotation_report": report("one")}, "two": {}}
    assert [one["host"] for one in collect(facts, ["one", "two", "three"])] == [
        "one",
        "two",
        "three",
    ]
    for one in collect(facts, ["two", "three"]):
        assert one["problems"][0]["code"] == "config"
        assert (one["made"], one["removed"]) == (False, 0)


def test_a_rotation_that_was_interrupted() -> None:
    """How much it has done isn't known."""
    for result in ({"timedout": {"period": 8}}, {"steps": [{"step": "prune"}]}):
        one = failed(msg="It was cut off.", **result)
        assert [one["made"], one["removed"], one["offsite_removed"], one["count"]] == [None] * 4
        assert one["problems"][0]["code"] == "interrupted"
        assert one["problems"][0]["msg"] == "It was cut off."


def test_options_that_are_refused() -> None:
    one = failed(msg="x", argument_errors=["This is wrong.", "So is this."])
    assert (one["made"], one["removed"]) == (False, 0)
    assert one["problems"] == [
        problem("config", "config", "wrong options", "This is wrong. So is this.")
    ]


def test_reports_without_names_stay_apart() -> None:
    given = [report("", count=1), report("", count=2)]
    assert samples(given)["copies"] == {("(report 1)",): 1, ("(report 2)",): 2}


def test_an_old_report_is_a_problem() -> None:
    given = [report("one"), report("two", checked_on=ago(hours=27))]
    assert samples(given)["problem"] == {("two", "old_report"): 1}
    # One from the future tells no time. Without any, it is the present.
    made = publish([report("one", checked_on="2200-01-01T00:00:00Z")])
    assert not json.loads(made["json"])["checked_on"].startswith("2200")


def test_the_metrics() -> None:
    hour = (NOW - timedelta(hours=1)).timestamp()
    away = (NOW - timedelta(minutes=20)).timestamp()
    assert samples(reports.fleet()) == {
        "up": {("bravo",): 0, ("delta",): 1, ("charlie",): 1, ("alpha",): 1, ("echo",): 1},
        "newest_timestamp_seconds": {
            ("charlie",): (NOW - timedelta(days=12)).timestamp(),
            ("alpha",): hour,
            ("echo",): (NOW - timedelta(hours=3)).timestamp(),
        },
        "offsite_newest_timestamp_seconds": {("alpha",): away, ("echo",): away},
        "copies": {("delta",): 14, ("charlie",): 14, ("alpha",): 14, ("echo",): 14},
        "scheduled": {("delta",): 0, ("charlie",): 1, ("alpha",): 1, ("echo",): 1},
        "problem": {
            ("bravo", "connection"): 1,
            ("delta", "stale"): 1,
            ("charlie", "payment"): 1,
            ("charlie", "stale"): 1,
        },
        "checked_timestamp_seconds": {
            (host,): NOW.timestamp() for host in ("alpha", "bravo", "charlie", "delta", "echo")
        },
    }


def test_the_metrics_of_hostile_reports() -> None:
    made = samples(reports.hostile())
    up = made["up"]
    # The label is the inventory's name, in one line.
    assert set(up) == {
        (HOSTILE.replace("\n", " "),),
        (reports.LONG,),
        ("m\u00fcnchen \u4e2d\u6587 \ufffd",),
        ("(report 4)",),
    }
    assert {code for _portal, code in made["problem"]} == {"other", "server", "protocol"}


@pytest.mark.parametrize("given", [reports.fleet(), reports.hostile(), []])
def test_promtool_accepts_the_metrics(given: list[Any]) -> None:
    assert promtool("check", "metrics", text=publish(given)["metrics"] + "\n") == ""


def test_promtool_accepts_the_alert_rules() -> None:
    rules = ROOT / "playbooks" / "files" / "docspace_backups.rules.yml"
    assert "6 rules found" in promtool("check", "rules", str(rules))
    used = set(re.findall(r"\bdocspace_backup_\w+", rules.read_text()))
    there = {f"docspace_backup_{name}" for name in samples(reports.fleet())}
    assert used <= there, "a rule on a metric that isn't there"


def test_the_alert_rules() -> None:
    promtool("test", "rules", str(Path(__file__).with_name("rules_test.yml")))


def test_json_holds_the_reports_as_they_are() -> None:
    given = reports.fleet()
    made = json.loads(publish(given)["json"])
    assert (made["format"], made["checked_on"]) == (1, ago())
    assert [one["host"] for one in made["portals"]] == [
        "bravo",
        "delta",
        "charlie",
        "alpha",
        "echo",
    ]
    assert sorted(made["portals"], key=lambda one: str(one["host"])) == given
    odd = publish([report("one", count=float("nan"), more={"when": NOW, 7: ("\ud800",)})])["json"]
    (one,) = json.loads(odd, parse_constant=pytest.fail)["portals"]
    assert one["count"] is None
    assert one["more"] == {"when": str(NOW), "7": ["\ufffd"]}


def test_the_sums_for_awx() -> None:
    assert publish(reports.fleet())["stats"] == {
        "checked_on": ago(),
        "portals": 5,
        "well": 2,
        "ill": 2,
        "down": 1,
        "made": 4,
        "removed": 6,
        "offsite_removed": 12,
        "problems": {
            "bravo": ["make: not reached"],
            "delta": ["fresh: no fresh copy"],
            "charlie": ["make: unpaid", "fresh: no fresh copy"],
        },
    }
    # They become variables of a later job, where braces would be a template.
    assert not set("{}") & set(str(publish(reports.hostile())["stats"]["problems"])[1:-1])


ODD: list[Any] = [None, True, -1, 1.5, 10**30, "", "x", HOSTILE, [], [[]], [None], {}, {"a": 1}]


@pytest.mark.parametrize("key", list(report("one")))
def test_nothing_odd_in_a_report_hides_it(key: str) -> None:
    """Each value of a wrong type, and a report that lacks the key, has its row all the same."""
    given = [{**report(f"p{number}"), key: odd} for number, odd in enumerate(ODD)]
    given.append({name: value for name, value in report("lacks").items() if name != key})
    made = publish(given)
    assert made["error"] == ""
    assert len(samples(given)["up"]) == len(json.loads(made["json"])["portals"]) == len(given)
    assert made["page"].count("<article ") == len(samples(given)["up"])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "fleet.html"
    file.write_text(publish(reports.fleet() + reports.hostile())["page"])
    return file


def look(browser: Browser, page: Path, **how: Any) -> dict[str, Any]:
    browser.look(page, **how)
    seen: dict[str, Any] = browser.value(READ)
    assert seen["links"], "a link leads nowhere"
    return seen


def test_what_the_page_shows(browser: Browser, page: Path) -> None:
    seen = look(browser, page)
    assert seen["states"] == [2, 4, 3]
    names = [row[0].split("\n")[0].split(" ")[0] for row in seen["rows"]]
    assert names[:3] == ["(report", "bravo", "delta"]
    assert names[-3:] == ["alpha", "echo", "m\u00fcnchen"]
    assert list(seen["cards"])[1:4] == ["bravo", "delta", "charlie"]
    charlie = seen["cards"]["charlie"]
    assert charlie["state"] == "has problems"
    assert charlie["problems"] == [
        "unpaid (make) Pay for the portal.",
        "no fresh copy (fresh) The newest is 12 days old.",
    ]
    assert charlie["facts"] == [
        "12 days old\n2026-10-24 03:40 UTC",
        "none found",
        "14 backups",
        "one created, none removed",
        "every Sunday at 03:00\nin the portal's time zone",
    ]
    assert charlie["marks"] == [
        ["mark lasting", "days portal", *["2026-10-16 on the portal: 03:40 non-expiring"] * 2],
        [
            *("mark both", "days portal"),
            *["2026-10-24 on the portal: 02:40 expires, 03:40 non-expiring"] * 2,
        ],
    ]
    # 14 on the portal, 8 off site, each with a text of its own.
    assert len({mark[2] for mark in seen["cards"]["alpha"]["marks"]}) == 22
    assert seen["cards"]["bravo"]["facts"] == [
        *("not known", "none found", "not known", "none created, none removed", "not known"),
    ]
    assert seen["cards"]["delta"]["marks"][0][0] == "mark temporary"
    assert seen["headings"][:2] == [1, 2]
    assert all(after - before <= 1 for before, after in zip(seen["headings"], seen["headings"][1:]))
    assert seen["headers"], "a header of the table says not whose it is"


def test_names_are_text_and_nothing_else(browser: Browser, page: Path) -> None:
    seen = look(browser, page)
    line = HOSTILE.replace("\n", " ")
    assert line in seen["cards"]
    assert seen["cards"][line]["problems"][1].endswith(line)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read(browser: Browser, page: Path, dark: bool) -> None:
    look(browser, page, dark=dark)
    shown = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", shown))) < 200) is dark
    worst = browser.value(CONTRAST)
    assert worst[0][0] >= 4.5, worst


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_no_width_needs_sideways_scrolling(browser: Browser, page: Path, width: int) -> None:
    look(browser, page, width=width)
    assert browser.value("document.documentElement.scrollWidth") <= width
    # Nor does one text lie on another.
    overlap = """[...document.querySelectorAll('.list tr, .facts')].filter(row => {
      const boxes = [...row.children].map(cell => cell.getBoundingClientRect());
      return boxes.some((a, i) => boxes.slice(i + 1).some(b => a.width && b.width &&
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1));
    }).length"""
    assert browser.value(overlap) == 0
    narrow = "Math.min(...[...document.querySelectorAll('.days .mark')].map(m => m.offsetWidth))"
    assert browser.value(narrow) >= 8


def test_kinds_differ_in_shape(browser: Browser, page: Path) -> None:
    look(browser, page)
    lasting, temporary = (
        browser.value(
            f"(s => [s.borderTopStyle === 'solid' && s.backgroundColor, s.borderRadius])"
            f"(getComputedStyle(document.querySelector('.days .{kind}')))"
        )
        for kind in ("lasting", "temporary")
    )
    assert all(one != other for one, other in zip(lasting, temporary))
    shapes = "new Set([...document.querySelectorAll('symbol')].map(s => s.innerHTML)).size"
    assert browser.value(shapes) == 3


def test_paper(browser: Browser, page: Path) -> None:
    """Black on white also from a dark screen."""
    seen = look(browser, page, dark=True, media="print", width=703)
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    worst = browser.value(CONTRAST)
    assert worst[0][0] >= 4.5, worst
    assert browser.value("document.documentElement.scrollWidth") <= 703
    assert len(seen["cards"]) == 9


def test_a_page_without_portals(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "fleet.html"
    file.write_text(publish([])["page"])
    browser.look(file)
    assert "There are no portals" in browser.value("document.body.innerText")
