# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control plane: what tests that only speak HTTP order from the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask

from .faults import Fault

if TYPE_CHECKING:
    from .simulator import Simulator


def create_control(sim: Simulator) -> flask.Flask:
    """JSON over HTTP under `/simulator/`, without credentials, for this machine only."""
    control = flask.Blueprint("control", __name__, url_prefix="/simulator")

    @control.before_request
    def from_here_only() -> None:
        address = flask.request.remote_addr or ""
        if not (address.startswith("127.") or address == "::1"):
            flask.abort(403)

    @control.errorhandler(ValueError)
    @control.errorhandler(KeyError)
    @control.errorhandler(TypeError)
    def refuse(error: Exception) -> tuple[dict[str, str], int]:
        return {"error": f"{type(error).__name__}: {error}"}, 400

    @control.get("/")
    def about() -> dict[str, Any]:
        portals = [
            {
                "host": portal.host,
                "key": portal.key,
                "read_key": portal.read_key,
                "write_key": portal.write_key,
                "user_key": portal.user_key,
                "username": portal.username,
                "password": portal.password,
                "token": portal.token,
                "ownerless": portal.ownerless,
            }
            for portal in sim.portals
        ]
        return {"url": sim.url, "portals": portals}

    @control.get("/second_origin")
    def second_origin() -> dict[str, Any]:
        found = [vars(asked) for asked in sim.second_origin.requests]
        return {"url": sim.second_origin.url, "requests": found}

    @control.post("/reset")
    def reset() -> dict[str, Any]:
        wanted = members()
        sim.reset(wanted.get("seed", "empty"), bool(wanted.get("keep_files", False)))
        return {"ids": [portal.ids() for portal in sim.portals]}

    @control.post("/seed")
    def seed() -> dict[str, Any]:
        wanted = flask.request.get_json(force=True)
        records = wanted.get("backups", "empty") if isinstance(wanted, dict) else wanted
        host = flask.request.args.get("portal", sim.portal.host)
        portals = [portal for portal in sim.portals if portal.host == host]
        return {"ids": [item for portal in portals for item in portal.seed(records)]}

    @control.post("/apply")
    def apply() -> dict[str, Any]:
        sim.apply(members())
        return {}

    @control.post("/set")
    def change() -> dict[str, Any]:
        sim.apply({"set": members(), **portal_argument()})
        return {}

    @control.post("/clock")
    def clock() -> dict[str, Any]:
        sim.apply(members())
        return {"now": sim.clock.now().isoformat()}

    @control.post("/faults")
    def order() -> dict[str, Any]:
        wanted = flask.request.get_json(force=True)
        for values in wanted if isinstance(wanted, list) else [wanted]:
            sim.faults.add(Fault.read(values))
        return pending()

    @control.get("/faults")
    def pending() -> dict[str, Any]:
        return {"faults": [fault.as_data() for fault in sim.faults.pending()]}

    @control.delete("/faults")
    def no_faults() -> dict[str, Any]:
        sim.faults.clear()
        return {}

    @control.get("/requests")
    def asked() -> dict[str, Any]:
        wanted = flask.request.args
        found = sim.log.as_data(wanted.get("method"), wanted.get("path"))
        return {"count": len(found), "requests": found}

    @control.delete("/requests")
    def forget() -> dict[str, Any]:
        sim.log.clear()
        return {}

    @control.get("/state")
    def state() -> dict[str, Any]:
        host = flask.request.args.get("portal", sim.portal.host)
        return next(portal for portal in sim.portals if portal.host == host).state()

    app = flask.Flask(__name__, static_folder=None)
    app.register_blueprint(control)
    return app


def members() -> dict[str, Any]:
    """The request's JSON object; nothing at all means an empty one."""
    value = flask.request.get_json(force=True) if flask.request.get_data() else {}
    if isinstance(value, dict):
        return value
    raise ValueError("a JSON object is expected")


def portal_argument() -> dict[str, str]:
    """The portal that the query names."""
    host = flask.request.args.get("portal")
    return {"portal": host} if host else {}
