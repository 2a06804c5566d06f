# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin in a real ansible-inventory, against a server that lists its portals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator
from ansible_collections.onlyoffice.docspace.tests.simulator.faults import Fault

ROOT = Path(__file__).resolve().parents[2]
LIST = "/apisystem/portal/get"


class Listed(NamedTuple):
    """The result of ansible-inventory."""

    code: int
    hosts: dict[str, dict[str, Any]]
    groups: dict[str, Any]
    text: str


Listing = Callable[..., Listed]


@pytest.fixture
def server() -> Iterator[Simulator]:
    """A server with the portals `localhost` and two more."""
    with Simulator() as sim:
        sim.portal.set(other_portals=[row("sales", 2), row("Legal", 3)])
        yield sim


def row(alias: str, number: int = 9, **more: Any) -> dict[str, Any]:
    """A portal in the server's list."""
    return {
        "tenantId": number,
        "portalName": alias,
        "domain": f"{alias}.docs.example.com",
        "name": f"{alias} portal",
        "status": "Active",
        "created": "2025-03-01T09:30:00.0000000+02:00",
        "timeZoneId": "Europe/Berlin",
        **more,
    }


@pytest.fixture
def listing(tmp_path: Path, server: Simulator) -> Listing:
    """Run ansible-inventory with a source that has these options."""
    place = tmp_path / "collections" / "ansible_collections" / "onlyoffice" / "docspace"
    place.parent.mkdir(parents=True)
    place.symlink_to(ROOT, target_is_directory=True)

    def run(environ: dict[str, str] | None = None, **options: Any) -> Listed:
        pair = {"username": server.portal.username, "password": server.portal.password}
        given = {"url": server.url, **({} if "token" in options else pair), **options}
        given = {"plugin": "onlyoffice.docspace.portals", **given}
        source = tmp_path / "docspace.yml"
        kept = {name: value for name, value in given.items() if value is not None}
        source.write_text(json.dumps(kept), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "inventory", "-i", str(source), "--list"],
            env={
                **{name: value for name, value in os.environ.items() if "DOCSPACE" not in name},
                "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
                "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
                "ANSIBLE_NOCOLOR": "true",
                **(environ or {}),
            },
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        found = json.loads(done.stdout) if done.returncode == 0 else {}
        hosts = found.pop("_meta", {}).get("hostvars", {})
        # A long line is folded on the screen.
        return Listed(done.returncode, hosts, found, " ".join(done.stderr.split()))

    return run


def calls(server: Simulator) -> int:
    """How often the list was read."""
    return len(server.log.find("GET", LIST))


def test_each_portal_is_a_host(listing: Listing) -> None:
    listed = listing()
    assert sorted(listed.groups["docspace_portals"]["hosts"]) == ["Legal", "localhost", "sales"]
    assert listed.hosts["Legal"] == {
        "docspace_url": "https://legal.docs.example.com",
        "docspace_tenant_id": 3,
        "docspace_name": "Legal portal",
        "docspace_domain": "legal.docs.example.com",
        "docspace_time_zone": "Europe/Berlin",
        "docspace_created": "2025-03-01T07:30:00Z",
    }


def test_names_patterns_and_groups(listing: Listing) -> None:
    listed = listing(
        host_name="domain",
        scheme="http",
        include=["s*", "*.docs.example.com"],
        exclude=["legal"],
        compose={"short": "docspace_domain.split('.')[0]"},
        keyed_groups=[{"key": "docspace_time_zone", "prefix": "zone"}],
    )
    (name,) = set(listed.hosts) - {"legal.docs.example.com"}
    assert name == "sales.docs.example.com"
    assert listed.hosts[name]["docspace_url"] == "http://sales.docs.example.com"
    # Newer versions show the result of a template as text that isn't one itself.
    assert listed.hosts[name]["short"] in ("sales", {"__ansible_unsafe": "sales"})
    assert name in listed.groups["zone_Europe_Berlin"]["hosts"]


def test_a_token_and_the_environment(listing: Listing, server: Simulator) -> None:
    assert listing(token=server.portal.token).hosts
    environ = {
        "DOCSPACE_BASE_URL": server.url,
        "DOCSPACE_USERNAME": server.portal.username,
        "DOCSPACE_PASSWORD": server.portal.password,
    }
    assert listing(environ, url=None, username=None, password=None).hosts
    template = "{{ lookup('ansible.builtin.env', 'PASS') }}"
    assert listing({"PASS": server.portal.password}, password=template).hosts


def test_the_cache_serves_until_it_is_flushed_or_the_url_changes(
    listing: Listing, server: Simulator, tmp_path: Path
) -> None:
    cached: dict[str, Any] = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile"}
    cached["cache_connection"] = str(tmp_path / "cache")
    first = listing(**cached)
    assert calls(server) == 1
    assert listing(**cached).hosts == first.hosts
    assert calls(server) == 1
    listing(**cached, url=server.url.replace("127.0.0.1", "localhost"))
    assert calls(server) == 2
    listing(cache=False)
    assert calls(server) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": None}, "url: missing"),
        ({"url": "portal.example.com"}, "url: must begin with http"),
        ({"username": None, "password": None}, "give 'token', or both of the others"),
        ({"password": None}, "give 'token', or both of the others"),
        ({"password": "wrong pa55word"}, "an API key isn't accepted"),
        ({"timeout": 0}, "timeout: must be"),
        ({"ca_path": "/none.pem"}, "ca_path: '/none.pem' can't be read"),
    ],
)
def test_wrong_options(listing: Listing, options: dict[str, Any], message: str) -> None:
    listed = listing(**options)
    assert listed.code != 0
    assert message in listed.text
    assert "pa55word" not in listed.text


def test_an_api_key_is_not_accepted(listing: Listing, server: Simulator) -> None:
    listed = listing(token=server.portal.key)
    assert listed.code != 0
    assert "an API key isn't accepted" in listed.text
    assert server.portal.key not in listed.text


def test_the_cloud_has_no_list(listing: Listing) -> None:
    host = "acme.docspace.example.test"
    with Simulator(kind="saas", hosts=[host]) as cloud:
        refusal = {"error": "error", "message": "Method for server edition only."}
        cloud.faults.add(Fault("status", path=LIST, status=403, body=refusal))
        listed = listing(url=cloud.url)
    assert listed.code != 0
    assert "Only a server of your own lists its portals" in listed.text
    assert "Method for server edition only." in listed.text


def test_a_page_of_a_proxy_is_no_list(listing: Listing, server: Simulator) -> None:
    server.faults.add(Fault("html", path=LIST))
    listed = listing()
    assert listed.code != 0
    assert "doesn't come from the portal" in listed.text


def test_a_portal_that_is_being_restored_is_not_listed(listing: Listing, server: Simulator) -> None:
    server.portal.set(portal_status="Restoring")
    assert sorted(listing().hosts) == ["Legal", "sales"]


@pytest.mark.parametrize(
    ("portal", "message"),
    [
        (row("{{ lookup('pipe', 'id') }}"), "an alias that can't name a host"),
        (row("a b"), "an alias that can't name a host"),
        (row("-x"), "an alias that can't name a host"),
        (row("x", domain="evil.example.com/x?y"), "The domain or the ID of the portal 'x'"),
        (row("x", tenantId="9"), "The domain or the ID of the portal 'x'"),
        (row("sales", domain="other.example.com"), "Two portals have the name 'sales'"),
        ("sales", "a row that isn't a portal"),
    ],
)
def test_a_list_with_one_bad_row_gives_no_host(
    portal: Any, message: str, listing: Listing, server: Simulator
) -> None:
    rows = [row("sales", 2), portal]
    server.faults.add(Fault("json", path=LIST, body={"tenants": rows}))
    listed = listing()
    assert listed.code != 0
    assert message in listed.text


def test_text_of_the_server_is_no_template(listing: Listing, server: Simulator) -> None:
    evil = "{{ lookup('ansible.builtin.env', 'HOME') }}"
    server.portal.set(other_portals=[row("sales", name=evil, timeZoneId=evil)])
    found = listing().hosts["sales"]
    for name in ("docspace_name", "docspace_time_zone"):
        value = found[name]
        assert evil in (value, value.get("__ansible_unsafe") if isinstance(value, dict) else value)
