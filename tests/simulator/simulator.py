# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as one object: a server on a free port of this machine."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import tasks
from .app import create_app
from .clock import Clock
from .control import create_control
from .faults import Fault, FaultLayer
from .log import Logged, RequestLog
from .origin import SecondOrigin
from .portal import PortalHandle
from .seeds import Seed
from .server import WebServer
from .settings import Settings
from .state import Portal, Server
from .versions import version

if TYPE_CHECKING:  # only newer Pythons have these at run time
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Simulator:
    """A small DocSpace. `with Simulator(seed="demo") as sim:` serves at `sim.url`."""

    def __init__(
        self,
        seed: Seed = "empty",
        *,
        kind: str = "standalone",
        hosts: Iterable[str] = ("portal.example.test",),
        server: str = "3.7",
        licence: bool = True,
        clock: Clock | None = None,
        task_seconds: float = 3.0,
        settings: Mapping[str, Any] | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
        certfile: str | None = None,
        keyfile: str | None = None,
    ) -> None:
        if kind not in ("standalone", "saas"):
            raise ValueError("kind is standalone or saas")
        self.clock = clock or Clock()
        self._server = Server(clock=self.clock, kind=kind, licence=licence, version=version(server))
        defaults = paced(task_seconds)
        defaults.change(settings or {})
        for number, host in enumerate(hosts, start=1):
            alias = "localhost" if kind == "standalone" else host.split(".")[0]
            self._server.portals.append(
                Portal(host, number, alias, defaults, settings=replace(defaults))
            )
        self.portals = [PortalHandle(self._server, portal) for portal in self._server.portals]
        self.portal = self.portals[0]
        self.log = RequestLog()
        self._address = address
        self._context = tls(certfile, keyfile)
        self.faults = FaultLayer(lambda *_call: [], self.log, self.apply)
        self.second_origin = SecondOrigin(self.clock, self.faults, self._serve)
        self.second_origin.scheme = "https" if self._context else "http"
        self.faults.app = create_app(self._server, self.second_origin).wsgi_app
        self.faults.control = self._control
        self._switches: WSGIApplication | None = None
        self._port = port
        self._web: WebServer | None = None
        if seed != "empty":
            for portal in self.portals:
                portal.seed(seed)

    def _control(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The switches over HTTP. Made when somebody asks: tests in this process turn them here."""
        if self._switches is None:
            self._switches = create_control(self).wsgi_app
        return self._switches(environ, start_response)

    def start(self) -> Simulator:
        """Serve; a simulator that was stopped serves again, at the same port."""
        self.faults.stopping.clear()
        self._web = self._serve(self.faults, self._port)
        self._port = self._web.port
        return self

    def _serve(self, layer: FaultLayer, port: int) -> WebServer:
        return WebServer(layer, self._address, port, self._context).start()

    def stop(self) -> None:
        """Stop to serve: connections are cut, new ones refused. The state stays."""
        if self._web is not None:
            self._web.stop()
            self._web = None
        self.second_origin.stop()

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def lock(self) -> threading.RLock:
        """While somebody holds it, all requests wait."""
        return self._server.lock

    @property
    def port(self) -> int:
        """The port that it serves at."""
        return self._port

    @property
    def url(self) -> str:
        """The portal's address."""
        return f"{'https' if self._context else 'http'}://{self._address}:{self._port}"

    @property
    def key(self) -> str:
        """An administrator's API key with all rights."""
        return self.portal.key

    @property
    def requests(self) -> list[Logged]:
        """All requests to the API so far."""
        return self.log.find()

    def count(self, method: str | None = None, path: str | None = None) -> int:
        """How many requests there were, e.g. `count("DELETE", "deletebackup")`."""
        return len(self.log.find(method, path))

    def fault(self, kind: str, **values: Any) -> None:
        """Order a fault, e.g. `fault("status", path="getbackuphistory", status=502, times=1)`;
        `Fault` in `faults.py` explains the members."""
        self.faults.add(Fault.read({"kind": kind, **values}))

    def seed(self, seed: Seed) -> list[str]:
        """Add backups to the first portal."""
        return self.portal.seed(seed)

    def set(self, **values: Any) -> None:
        """Set switches of the first portal."""
        self.portal.set(**values)

    def state(self) -> dict[str, Any]:
        """The state of the first portal."""
        return self.portal.state()

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        with self._server.lock:
            self.clock.advance(seconds)
            tasks.settle(self._server)

    def run_schedule(self, dump: bool = False) -> str | None:
        """Let the hour of the first portal's schedule, or of the server's, come. Gives the id of
        the backup that it starts, None if it starts none."""
        with self._server.lock:
            tasks.settle(self._server)
            task = tasks.run_schedule(self._server, self._server.portals[0], dump)
            return None if task is None else task.id

    def finish_tasks(self) -> None:
        """Let time pass until no backup runs."""
        with self._server.lock:
            tasks.run_to_end(self._server)

    def finish_restores(self) -> None:
        """Let time pass until no restore runs."""
        with self._server.lock:
            tasks.run_to_end(self._server, tasks.RESTORES)

    def reset(self, seed: Seed = "empty", keep_files: bool = False) -> None:
        """No backup, schedule, task, fault or logged request; people and keys stay."""
        with self._server.lock:
            self._server.reset(keep_files)
        self.faults.clear()
        self.log.clear()
        self.second_origin.requests.clear()
        if seed != "empty":
            for portal in self.portals:
                portal.seed(seed)

    def apply(self, change: Mapping[str, Any]) -> None:
        """Change the world: `seed`, `remove`, `lose_files`, `set`, `advance`, `finish_tasks`,
        `finish_restores`, each optional; `portal` is a host name."""
        host = change.get("portal", self.portal.host)
        portal = next((item for item in self.portals if item.host == host), None)
        if portal is None:
            raise ValueError(f"no portal {host!r}")
        unknown = set(change) - {
            "portal",
            "seed",
            "remove",
            "lose_files",
            "set",
            "advance",
            "finish_tasks",
            "finish_restores",
        }
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        portal.set(**change.get("set", {}))
        portal.seed(change.get("seed", "empty"))
        portal.remove(*change.get("remove", ()))
        portal.lose_files(*change.get("lose_files", ()))
        self.advance(change.get("advance", 0))
        if change.get("finish_tasks"):
            self.finish_tasks()
        if change.get("finish_restores"):
            self.finish_restores()


def paced(seconds: float) -> Settings:
    """Tasks that take so long, the first tenth of it before they start."""
    milliseconds = seconds * 1000
    return Settings(
        task_start_delay_ms=int(milliseconds / 10), task_step_ms=int(milliseconds * 0.9 / 11)
    )


def tls(certfile: str | None, keyfile: str | None) -> ssl.SSLContext | None:
    """TLS with this certificate, or none."""
    if certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile)
    return context
