# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the recordings don't cover: faults, the control plane, the log, task ends, the command."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.onlyoffice.docspace.tests import simulator
from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator
from ansible_collections.onlyoffice.docspace.tests.simulator.__main__ import main
from ansible_collections.onlyoffice.docspace.tests.simulator.settings import Settings

ROOT = Path(str(simulator.__file__)).parents[2]
LOCAL = {"storageType": "Local", "storageParams": [{"key": "filePath", "value": "/srv/backup"}]}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(clock=DrivenClock(), task_seconds=11) as running:
        yield running


def ask(
    sim: Simulator, method: str, call: str, timeout: float = 10, **options: Any
) -> requests.Response:
    headers = {"Authorization": f"Bearer {sim.key}"}
    url = f"{sim.url}/api/2.0/backup/{call}"
    return requests.request(
        method, url, headers=headers, allow_redirects=False, timeout=timeout, **options
    )


def history(sim: Simulator) -> list[dict[str, Any]]:
    rows = ask(sim, "GET", "getbackuphistory").json()["response"]
    assert isinstance(rows, list)
    return rows


def start(sim: Simulator) -> str:
    return str(ask(sim, "POST", "startbackup", json=LOCAL).json()["response"]["taskId"])


def progress(sim: Simulator) -> dict[str, Any] | None:
    found: dict[str, Any] | None = ask(sim, "GET", "getbackupprogress").json().get("response")
    return found


# Faults


@pytest.mark.parametrize("kind", ["drop", "reset"])
@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_lost_before_or_after_the_effect(
    sim: Simulator, kind: str, after: bool
) -> None:
    (one,) = sim.seed(1)
    sim.fault(kind, path="deletebackup", times=1, after=after)
    with pytest.raises(requests.ConnectionError) as raised:
        ask(sim, "DELETE", f"deletebackup/{one}")
    assert ("reset" in str(raised.value)) == (kind == "reset")
    assert sim.portal.backup(one)["removed"] is after
    assert [item.status for item in sim.requests] == [None]
    assert ask(sim, "DELETE", f"deletebackup/{one}").json()["response"] is True


def test_a_truncated_answer_promises_more_than_comes(sim: Simulator) -> None:
    sim.fault("truncate", path="getbackuphistory", times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(sim, "GET", "getbackuphistory")
    assert history(sim) == []


def test_an_answer_can_be_late_and_the_stop_does_not_wait_for_it() -> None:
    with Simulator() as sim:
        sim.fault("delay", seconds=60, times=1)
        with pytest.raises(requests.Timeout):
            ask(sim, "GET", "getbackuphistory", timeout=0.2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_answers_in_html(sim: Simulator, status: int) -> None:
    sim.fault("status", status=status, times=1)
    answer = ask(sim, "GET", "getbackuphistory")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")
    assert str(status) in answer.text
    assert history(sim) == []


def test_too_many_requests_with_and_without_a_time(sim: Simulator) -> None:
    sim.fault("status", status=429, times=1)
    sim.fault("status", status=429, times=1, headers={"Retry-After": "2"})
    first, second = (ask(sim, "GET", "getbackuphistory") for _turn in range(2))
    assert (first.status_code, first.content, first.headers.get("Retry-After")) == (429, b"", None)
    assert (second.status_code, second.headers["Retry-After"]) == (429, "2")
    assert history(sim) == []


def test_other_answers_than_the_apis(sim: Simulator) -> None:
    sim.fault("html", times=1)
    sim.fault("redirect", times=1)
    sim.fault("json", body={"message": "hello"}, times=1)
    sim.fault("answer", status=418, headers={"X-Tea": "yes"}, body="short and stout", times=1)
    answers = [ask(sim, "GET", "getbackuphistory") for _turn in range(4)]
    assert [answer.status_code for answer in answers] == [200, 302, 200, 418]
    assert answers[0].headers["Content-Type"].startswith("text/html")
    assert "Location" in answers[1].headers
    assert answers[2].json() == {"message": "hello"}
    assert (answers[3].text, answers[3].headers["X-Tea"]) == ("short and stout", "yes")


def test_a_fault_counts_only_its_own_requests(sim: Simulator) -> None:
    sim.seed(2)
    sim.fault("status", status=500, method="DELETE", path="deletebackup", skip=1, times=1)
    codes = [ask(sim, "DELETE", f"deletebackup/{item}").status_code for item in sim.portal.ids()]
    assert codes == [200, 500]
    assert history(sim) != []
    assert sim.faults.pending() == []


def test_a_fault_without_a_number_stays(sim: Simulator) -> None:
    sim.fault("status", status=503, path="getbackuphistory")
    assert {ask(sim, "GET", "getbackuphistory").status_code for _turn in range(3)} == {503}
    sim.faults.clear()
    assert history(sim) == []


def test_the_world_changes_between_two_reads(sim: Simulator) -> None:
    gone, stays = sim.seed(2)
    change = {"remove": [gone], "seed": [{"id": "0" * 31 + "1"}]}
    sim.fault("change", path="getbackuphistory", skip=1, times=1, change=change)
    first, second = ({row["id"] for row in history(sim)} for _turn in range(2))
    assert first == {gone, stays}
    assert second == {stays, "00000000-0000-0000-0000-000000000001"}


def test_a_fault_that_means_nothing_is_refused(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="kind"):
        sim.fault("earthquake")
    with pytest.raises(ValueError, match="tims"):
        sim.fault("drop", tims=1)
    with pytest.raises(ValueError, match="unknown setting"):
        sim.set(documents_delet_fails=True)


# What the server itself does, beyond the recordings


def test_rate_limits_refuse_without_effect(sim: Simulator) -> None:
    ids = sim.seed(1)
    sim.set(rate_limits=True)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {sim.key}"
        url = f"{sim.url}/api/2.0/backup/getbackupprogress"
        codes = [session.get(url, timeout=10).status_code for _turn in range(1501)]
    assert codes == [200] * 1500 + [429]
    refused = ask(sim, "DELETE", f"deletebackup/{ids[0]}")
    assert (refused.status_code, refused.content) == (429, b"")
    assert "Retry-After" not in refused.headers
    assert sim.portal.ids() == ids
    sim.advance(61)
    assert ask(sim, "DELETE", f"deletebackup/{ids[0]}").status_code == 200


def test_the_sixteenth_write_at_a_time_is_refused(sim: Simulator) -> None:
    sim.set(rate_limits=True)
    codes = []
    with sim.lock:
        threads = [
            threading.Thread(
                target=lambda: codes.append(ask(sim, "POST", "cancelbackup").status_code)
            )
            for _number in range(16)
        ]
        for thread in threads:
            thread.start()
        until(lambda: codes == [429])
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 15 + [429]


def until(condition: Any) -> None:
    """Wait for what other threads do; a failure ends it."""
    deadline = time.monotonic() + 10
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.01)


def test_postgresql_keeps_fractions_and_says_utc(sim: Simulator) -> None:
    sim.seed([{"created": "2026-03-02T02:15:00.654321Z"}])
    assert history(sim)[0]["createdOn"] == "2026-03-02T02:15:00"
    sim.set(database="postgresql", storage_type_names=True)
    assert history(sim)[0]["createdOn"] == "2026-03-02T02:15:00.654321Z"
    assert history(sim)[0]["storageType"] == "Local"


def test_a_row_can_be_as_odd_as_a_test_wants(sim: Simulator) -> None:
    sim.seed([{"row": {"createdOn": "soon", "id": "x"}}])
    assert [(row["createdOn"], row["id"]) for row in history(sim)] == [("soon", "x")]


@pytest.mark.parametrize(
    ("query", "count"), [(None, 2), ({"paid": "false"}, 2), ({"paid": "true"}, 1)]
)
def test_free_and_paid_backups_are_counted_apart(query: dict[str, str] | None, count: int) -> None:
    moment = datetime(2026, 11, 5, 12, tzinfo=timezone.utc)
    with Simulator([{}, {"paid": True}, {}], clock=DrivenClock(moment)) as sim:
        assert ask(sim, "GET", "getbackupscount", params=query).json()["response"] == count


def test_a_lost_file_takes_its_record_along_when_somebody_reads(sim: Simulator) -> None:
    lost, kept = sim.seed(2)
    sim.portal.lose_files(lost)
    assert set(sim.portal.ids()) == {lost, kept}
    assert [row["id"] for row in history(sim)] == [kept]
    assert sim.portal.ids() == [kept]


# How tasks end


def test_a_task_runs_with_the_clock_and_leaves_a_record(sim: Simulator) -> None:
    task = start(sim)
    first = progress(sim)
    assert first is not None
    assert (first["status"], first["isCompleted"]) == (0, False)
    sim.advance(6)
    second = progress(sim)
    assert second is not None
    assert (second["status"], second["progress"]) == (1, 36)
    sim.finish_tasks()
    third = progress(sim)
    assert third is not None
    assert (third["status"], third["progress"], third["isCompleted"]) == (2, 100, True)
    assert [row["id"] for row in history(sim)] == [task]
    sim.advance(25 * 3600)
    assert progress(sim) is None


@pytest.mark.parametrize(
    ("end", "expected", "recorded"),
    [
        ("warning", {"isCompleted": True, "status": 2, "progress": 100, "warning": "lost"}, True),
        ("failed", {"isCompleted": True, "status": 2, "progress": 18}, False),
        ("cancelled", {"isCompleted": True, "status": 3, "warning": "Backup cancelled"}, False),
        ("never_starts", {"isCompleted": False, "status": 0, "progress": 0}, False),
        ("stalls", {"isCompleted": False, "status": 1, "progress": 27}, False),
        ("vanishes", None, False),
        ("vanishes_recorded", None, True),
    ],
)
def test_every_end_of_a_task_can_be_caused(
    sim: Simulator, end: str, expected: dict[str, Any] | None, recorded: bool
) -> None:
    sim.set(task_end=end, task_warning="lost")
    task = start(sim)
    sim.advance(3600)
    found = progress(sim)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert {name: found[name] for name in expected} == expected
        assert bool(found["error"]) == (end == "failed")
    assert [row["id"] for row in history(sim)] == ([task] if recorded else [])


def test_another_task_can_take_the_place(sim: Simulator) -> None:
    sim.set(task_end="replaced")
    task = start(sim)
    sim.advance(6)
    found = progress(sim)
    assert found is not None
    assert found["taskId"] != task
    sim.finish_tasks()
    assert [row["id"] for row in history(sim)] == [found["taskId"]]


def test_a_restore_takes_the_portal_offline_and_may_change_its_keys(sim: Simulator) -> None:
    (one,) = sim.seed(1)
    sim.set(restore_hidden_ms=1000, restore_replaces_keys=True)
    key_before = sim.key
    begun = ask(sim, "POST", "startrestore", json={"backupId": one}).json()["response"]
    anonymous = f"{sim.url}/api/2.0/backup/getrestoreprogress"
    assert "response" not in requests.get(anonymous, timeout=10).json()
    sim.advance(5)
    assert requests.get(anonymous, timeout=10).json()["response"]["taskId"] == begun["taskId"]
    assert ask(sim, "GET", "getbackuphistory").status_code == 403
    sim.advance(10)
    assert requests.get(anonymous, timeout=10).json()["response"]["isCompleted"] is True
    url, dead = f"{sim.url}/api/2.0/backup/getbackuphistory", f"Bearer {key_before}"
    assert requests.get(url, headers={"Authorization": dead}, timeout=10).status_code == 401
    # The portal's page knows the keys that are good now.
    shown = order(sim, "GET", "")["portals"][0]
    assert key_before not in shown.values()
    for name in ("key", "read_key", "token"):
        alive = {"Authorization": f"Bearer {shown[name]}"}
        assert requests.get(url, headers=alive, timeout=10).status_code == 200


def test_a_portal_that_is_not_paid_for(sim: Simulator) -> None:
    sim.set(tariff_state="NotPaid")
    assert ask(sim, "GET", "getbackuphistory").status_code == 402
    assert ask(sim, "GET", "getbackupprogress").status_code == 200
    with Simulator(licence=False, settings={"tariff_state": "NotPaid"}) as unlicensed:
        assert ask(unlicensed, "GET", "getbackuphistory").status_code == 200


def test_a_restore_can_fail_and_the_portal_comes_back(sim: Simulator) -> None:
    (one,) = sim.seed(1)
    sim.set(task_fails_with="bad archive")
    ask(sim, "POST", "startrestore", json={"backupId": one})
    sim.advance(60)
    answer = ask(sim, "GET", "getrestoreprogress").json()["response"]
    assert (answer["isCompleted"], answer["error"]) == (True, "bad archive")
    assert ask(sim, "GET", "getbackuphistory").status_code == 200


def test_portals_of_one_server_are_found_by_their_host_name() -> None:
    hosts = ["one.example.test", "two.example.test"]
    with Simulator(kind="saas", hosts=hosts) as sim:
        one, two = sim.portals
        ids = two.seed([{"storage_type": "DataStore"}])
        url = f"{sim.url}/api/2.0/backup/getbackuphistory"
        found = {}
        for portal in (one, two):
            headers = {"Host": portal.host, "Authorization": f"Bearer {portal.key}"}
            rows = requests.get(url, headers=headers, timeout=10).json()["response"]
            found[portal.host] = [row["id"] for row in rows]
        assert found == {one.host: [], two.host: ids}


# The log and the connection


def test_the_log_counts_requests_and_keeps_no_secret(sim: Simulator) -> None:
    ids = sim.seed(2)
    history(sim)
    for item in ids:
        ask(sim, "DELETE", f"deletebackup/{item}", params={"Dump": "true"})
    requests.get(f"{sim.url}/api/2.0/backup/getbackuphistory", timeout=10)
    assert (sim.count(), sim.count("GET"), sim.count(path="deletebackup")) == (4, 2, 2)
    assert [item.status for item in sim.requests] == [200, 200, 200, 401]
    assert [item.authorization for item in sim.requests] == ["Bearer", "Bearer", "Bearer", ""]
    assert sim.requests[1].query == "Dump=true"
    assert sim.key not in str(sim.requests)


def test_a_connection_serves_many_requests_until_the_stop() -> None:
    sim = Simulator().start()
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=10)
    for _turn in range(3):
        connection.request("POST", "/api/2.0/backup/startbackup", body=b"{}")
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.getheader("Connection")) == (401, b"", None)
        open_socket = connection.sock
    assert connection.sock is open_socket
    sim.stop()
    with pytest.raises((http.client.HTTPException, OSError)):
        ask_again(connection)
    with pytest.raises(requests.ConnectionError):
        ask(sim, "GET", "getbackuphistory")
    port = sim.port
    with sim:
        assert sim.port == port
        assert history(sim) == []


def ask_again(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/")
    connection.getresponse()


def test_tls_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "server.pem")
    with Simulator(certfile=certificate) as sim:
        assert sim.url.startswith("https://")
        answer = ask(sim, "GET", "getbackuphistory", verify=certificate)
        assert answer.json()["links"][0]["href"].startswith("https://")
        with pytest.raises(requests.exceptions.SSLError):
            ask(sim, "GET", "getbackuphistory")
        assert ask(sim, "GET", "getbackuphistory", verify=certificate).status_code == 200


def make_certificate(path: Path) -> str:
    """A key and a certificate that vouches for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(pem))
    return str(path)


# The control plane


def order(sim: Simulator, method: str, path: str, **options: Any) -> dict[str, Any]:
    answer = requests.request(method, f"{sim.url}/simulator/{path}", timeout=10, **options)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def test_the_control_plane_does_what_the_methods_do(sim: Simulator) -> None:
    assert order(sim, "GET", "")["portals"][0]["key"] == sim.key
    (first,) = order(sim, "POST", "seed", json=[{"storage_type": "Documents"}])["ids"]
    assert order(sim, "POST", "seed", json={"backups": 3})["ids"]
    order(sim, "POST", "set", json={"documents_delete_fails": True})
    assert ask(sim, "DELETE", f"deletebackup/{first}").status_code == 500
    rows = {row["id"]: row for row in order(sim, "GET", "state")["backups"]}
    assert (rows[first]["removed"], rows[first]["file_exists"]) == (True, True)
    order(sim, "POST", "faults", json={"kind": "drop", "path": "getbackuphistory"})
    assert order(sim, "GET", "faults")["faults"][0]["kind"] == "drop"
    order(sim, "DELETE", "faults")
    assert len(history(sim)) == 3
    asked = order(sim, "GET", "requests", params={"method": "DELETE"})
    assert (asked["count"], asked["requests"][0]["status"]) == (1, 500)
    order(sim, "DELETE", "requests")
    assert order(sim, "GET", "requests")["count"] == 0
    task = start(sim)
    order(sim, "POST", "clock", json={"advance": 5})
    assert order(sim, "GET", "state")["task"]["status"] == 1
    order(sim, "POST", "clock", json={"finish_tasks": True})
    assert task in sim.portal.ids()
    order(sim, "POST", "apply", json={"remove": [task], "seed": 4})
    assert task not in sim.portal.ids()
    order(sim, "POST", "reset", json={"seed": "demo"})
    assert len(history(sim)) == 12
    order(sim, "POST", "reset")
    assert history(sim) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("set", {"nonsense": 1}),
        ("seed", [{"nonsense": 1}]),
        ("faults", {"kind": "nonsense"}),
        ("apply", {"remove": ["nonsense"]}),
        ("apply", []),
    ],
)
def test_the_control_plane_refuses_what_it_does_not_know(
    sim: Simulator, path: str, body: Any
) -> None:
    answer = requests.post(f"{sim.url}/simulator/{path}", json=body, timeout=10)
    assert answer.status_code == 400
    assert "nonsense" in answer.text or path == "apply"


# The command


@contextlib.contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.simulator", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def exported(process: subprocess.Popen[str], count: int) -> dict[str, str]:
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _turn in range(count)]
    assert all(line.startswith("export ") for line in lines), lines
    return dict(line[len("export ") :].split("=", 1) for line in lines)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_what_a_shell_needs_and_ends_cleanly(
    tmp_path: Path, ending: signal.Signals
) -> None:
    written = tmp_path / "environment"
    with running("--seed", "3", "--portals", "2", "--write-env", str(written)) as process:
        names = exported(process, 4)
        for number in ("", "_2"):
            url, key = names[f"DOCSPACE_BASE_URL{number}"], names[f"DOCSPACE_API_KEY{number}"]
            answer = requests.get(
                f"{url}/api/2.0/backup/getbackuphistory",
                headers={"Authorization": f"Bearer {key}"},
                timeout=10,
            )
            assert answer.json()["count"] == 3
        until(written.exists)
        assert written.read_text().split() == [
            word for name, value in names.items() for word in ("export", f"{name}={value}")
        ]
        process.send_signal(ending)
        assert process.wait(timeout=10) == 0


def test_the_command_seeds_from_a_file_and_can_hand_out_a_key_that_only_reads(
    tmp_path: Path,
) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps([{"file_name": "mine.tar.gz", "age_days": 2}]))
    with running("--seed", str(seed), "--read-only-key") as process:
        names = exported(process, 2)
        url = f"{names['DOCSPACE_BASE_URL']}/api/2.0/backup"
        headers = {"Authorization": f"Bearer {names['DOCSPACE_API_KEY']}"}
        rows = requests.get(f"{url}/getbackuphistory", headers=headers, timeout=10).json()
        assert [row["fileName"] for row in rows["response"]] == ["mine.tar.gz"]
        assert requests.post(f"{url}/cancelbackup", headers=headers, timeout=10).status_code == 403


def test_the_command_says_why_it_cannot_serve(
    sim: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main(["--port", str(sim.port)]) == 1
        assert "is not free" in capsys.readouterr().err
        assert main(["--seed", os.fspath(tmp_path / "nosuch.json")]) == 1
        assert "nosuch.json" in capsys.readouterr().err
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def test_the_command_sets_switches_and_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n  {item.name}=" in shown for item in fields(Settings))
    for wrong in ("tariff_state=Free", "nonsense=1", "rate_limits"):
        with pytest.raises(SystemExit):
            main(["--set", wrong])
        assert "--set" in capsys.readouterr().err
    with running("--set", "tariff_state=NotPaid", "--set", 'folders=["9"]') as process:
        names = exported(process, 2)
        url = names["DOCSPACE_BASE_URL"]
        settings = requests.get(f"{url}/simulator/state", timeout=10).json()["settings"]
        assert (settings["tariff_state"], settings["folders"]) == ("NotPaid", ["9"])
        headers = {"Authorization": f"Bearer {names['DOCSPACE_API_KEY']}"}
        call = f"{url}/api/2.0/backup/getbackuphistory"
        assert requests.get(call, headers=headers, timeout=10).status_code == 402
