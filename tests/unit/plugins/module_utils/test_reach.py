# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the portal is reached: TLS, proxies, and networks where nobody is."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, row, task
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    RESET,
    Wire,
    empty,
    html,
    ok,
)

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"


@pytest.fixture
def authority() -> trustme.CA:
    """A private one that nobody else knows."""
    return trustme.CA()


@pytest.fixture
def ca_path(authority: trustme.CA, tmp_path: Path) -> str:
    """The file with its certificate."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def stranger(tmp_path: Path) -> str:
    """The file of an authority that has nothing to do with the portal."""
    path = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server's side of TLS."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    return made


@pytest.fixture
def tls(authority: trustme.CA) -> Iterator[Wire]:
    """A portal with a certificate of the private authority."""
    with Wire(context(authority.issue_cert("127.0.0.1", "localhost"))) as server:
        yield server
    server.verify()


def test_a_private_authority_that_is_given(tls: Wire, run: Run, ca_path: str) -> None:
    tls.expect("GET", HISTORY, ok([row()]))
    tls.expect("DELETE", f"deletebackup/{ONE}", ok(True))
    result = run("docspace_backup", url=tls.url, id=ONE, state="absent", ca_path=ca_path)
    assert result["changed"] is True
    assert "warnings" not in result
    assert tls.connections == 1, "one connection serves all requests"


def test_a_private_authority_of_the_environment(tls: Wire, run: Run, ca_path: str) -> None:
    tls.expect("GET", HISTORY, ok([]))
    result = run("docspace_backup_info", url=tls.url, env={"DOCSPACE_CA_PATH": ca_path})
    assert result["count"] == 0


def test_a_certificate_that_nobody_vouches_for(tls: Wire, run: Run, clock: Clock) -> None:
    result = run("docspace_backup_info", url=tls.url)
    assert result["failure"]["code"] == "tls"
    assert result["failure"]["status"] is None
    assert "ca_path" in result["msg"]
    assert tls.connections == 1 and clock.sleeps == [], "it is never repeated"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_no_variable_overrides_ca_path(
    variable: str, tls: Wire, run: Run, ca_path: str, stranger: str
) -> None:
    tls.expect("GET", HISTORY, ok([]))
    env = {variable: stranger}
    assert run("docspace_backup_info", url=tls.url, ca_path=ca_path, env=env)["count"] == 0
    result = run("docspace_backup_info", url=tls.url, ca_path=stranger, env={variable: ca_path})
    assert result["failure"]["code"] == "tls"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_empty_variable_switches_no_check_off(variable: str, tls: Wire, run: Run) -> None:
    """As requests before 2.28 would have it."""
    result = run("docspace_backup_info", url=tls.url, env={variable: ""})
    assert result["failure"]["code"] == "tls"


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_no_variable_switches_the_check_on_again(
    variable: str, tls: Wire, run: Run, stranger: str
) -> None:
    tls.expect("GET", HISTORY, ok([]))
    env = {variable: stranger}
    assert run("docspace_backup_info", url=tls.url, validate_certs=False, env=env)["count"] == 0


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
@pytest.mark.parametrize("ca", [False, True])
def test_a_certificate_that_is_not_checked(ca: bool, tls: Wire, run: Run, stranger: str) -> None:
    tls.expect("GET", HISTORY, ok([]))
    env = {"DOCSPACE_VALIDATE_CERTS": "no", **({"DOCSPACE_CA_PATH": stranger} if ca else {})}
    assert run("docspace_backup_info", url=tls.url, env=env)["count"] == 0


def test_the_task_decides_before_the_environment(tls: Wire, run: Run) -> None:
    env = {"DOCSPACE_VALIDATE_CERTS": "no"}
    result = run("docspace_backup_info", url=tls.url, validate_certs=True, env=env)
    assert result["failure"]["code"] == "tls"


def test_a_certificate_for_another_host(
    authority: trustme.CA, run: Run, clock: Clock, ca_path: str
) -> None:
    with Wire(context(authority.issue_cert("docspace.example.com"))) as server:
        result = run("docspace_backup_info", url=server.url, ca_path=ca_path)
        assert result["failure"]["code"] == "tls"
        assert server.connections == 1 and clock.sleeps == []


def test_a_certificate_that_has_expired(authority: trustme.CA, run: Run, ca_path: str) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    leaf = authority.issue_cert(
        "127.0.0.1", not_before=past, not_after=past + datetime.timedelta(days=1)
    )
    with Wire(context(leaf)) as server:
        result = run("docspace_backup_info", url=server.url, ca_path=ca_path)
        assert result["failure"]["code"] == "tls"
        assert "expired" in result["msg"]


def test_a_ca_file_without_a_certificate(tls: Wire, run: Run, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("nothing of the kind\n", encoding="utf-8")
    result = run("docspace_backup_info", url=tls.url, ca_path=str(path))
    assert result["failure"]["code"] == "tls"
    assert "ca_path" in result["msg"]
    assert clock.sleeps == []


def test_a_ca_folder_without_a_certificate(tls: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / "certs").mkdir()
    result = run("docspace_backup_info", url=tls.url, ca_path=str(tmp_path / "certs"))
    assert result["failure"]["code"] == "tls"


def test_https_where_only_http_is_spoken(wire: Wire, run: Run, clock: Clock) -> None:
    result = run("docspace_backup_info", url=f"https://{wire.host}")
    assert result["failure"]["code"] == "tls"
    assert clock.sleeps == []


def test_http_where_only_https_is_spoken(tls: Wire, run: Run) -> None:
    result = run("docspace_backup_info", url=f"http://{tls.host}", retries=0)
    assert result["failure"]["code"] == "connection"


def test_nobody_listens(run: Run, clock: Clock) -> None:
    with closing(socket.socket()) as bound:
        # Bound, so that nobody else takes the port; not listening, so that it refuses.
        bound.bind(("127.0.0.1", 0))
        result = run("docspace_backup_info", url=f"http://127.0.0.1:{bound.getsockname()[1]}")
    assert result["failure"]["code"] == "connection"
    assert result["failure"]["status"] is None
    assert "url" in result["msg"]
    assert len(clock.sleeps) == 3


def test_a_name_that_nobody_knows(run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    result = run("docspace_backup_info", url="https://docspace.example.com")
    assert result["failure"]["code"] == "connection"
    assert "docspace.example.com" in result["msg"]


def test_a_connection_that_nobody_takes(run: Run) -> None:
    with closing(socket.socket()) as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}"
        result = run("docspace_backup_info", url=url, timeout=0.2, retries=0)
    assert result["failure"]["code"] == "timeout"
    assert "timeout" in result["msg"]


def test_a_proxy_of_the_environment(wire: Wire, run: Run) -> None:
    target = f"http://docspace.example.com/api/2.0/backup/{HISTORY}"
    wire.expect("GET", target, ok([]))
    env = {"HTTP_PROXY": wire.url}
    assert run("docspace_backup_info", url="http://docspace.example.com", env=env)["count"] == 0


def test_hosts_that_need_no_proxy(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([]))
    env = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}
    assert run("docspace_backup_info", env=env)["count"] == 0


@pytest.mark.parametrize("answer", [empty(407), html(502)])
def test_a_proxy_that_refuses(answer: Any, wire: Wire, run: Run) -> None:
    wire.expect("CONNECT", "docspace.example.com:443", answer)
    proxy = f"http://proxyuser:pr0xy5ecret@{wire.host}"
    result = run(
        "docspace_backup_info",
        url="https://docspace.example.com",
        retries=0,
        env={"https_proxy": proxy},
        secrets=("pr0xy5ecret",),
    )
    assert result["failure"]["code"] == "connection"
    assert "proxy" in result["msg"].lower()


@pytest.mark.parametrize("answer", [CLOSE, RESET])
def test_a_proxy_that_took_the_request_and_gave_no_answer(
    answer: Any, wire: Wire, run: Run, clock: Clock
) -> None:
    """The start may have reached the portal, so it is looked up."""
    place = "http://docspace.example.com/api/2.0/backup/"
    wire.expect("GET", f"{place}getbackupprogress", ok(None))
    params = [{"key": "filePath", "value": "/srv/backup"}]
    body = {"storageType": "Local", "storageParams": params}
    wire.expect("POST", f"{place}startbackup", answer, body=body)
    wire.expect("GET", f"{place}getbackupprogress", ok(task()))
    result = run(
        "docspace_backup",
        url="http://docspace.example.com",
        storage_type="local",
        path="/srv/backup",
        wait=False,
        env={"HTTP_PROXY": wire.url},
    )
    assert (result["changed"], result["task"]["status"]) == (True, "running")


def test_a_proxy_that_is_not_there(run: Run) -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        proxy = f"http://proxyuser:pr0xy5ecret@127.0.0.1:{bound.getsockname()[1]}"
        result = run(
            "docspace_backup_info",
            url="http://docspace.example.com",
            retries=0,
            env={"http_proxy": proxy},
            secrets=("pr0xy5ecret",),
        )
    assert result["failure"]["code"] == "connection"


def test_an_address_of_a_proxy_that_is_none(run: Run) -> None:
    result = run(
        "docspace_backup_info",
        url="http://docspace.example.com",
        retries=0,
        env={"http_proxy": "http://proxyuser:pr0xy5ecret@:port"},
        secrets=("pr0xy5ecret",),
    )
    assert result["failed"]
