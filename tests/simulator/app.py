# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to an answer: routes, and the filters in the order in which the server has them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import flask
from werkzeug.datastructures import Headers

from . import body, calls, directory, storage, tasks, upload
from .answers import (
    Answer,
    Invalid,
    Rows,
    ServerError,
    envelope,
    invalid,
    not_administrator,
    problem,
)
from .auth import Caller, authenticate
from .limits import Limits
from .origin import SecondOrigin
from .state import Portal, Server
from .versions import V3_0, V3_1, V3_2, V3_5, V3_6, V3_7, Version, failure

PREFIX = "/api/2.0/backup/"
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]
GONE = ("Suspended", "RemovePending")
BUSY = ("Restoring", "Transfering", "Encryption")


class Route(NamedTuple):
    """A call: its method, its function, and what the server checks before it."""

    method: str
    call: Callable[[calls.Request], Any]
    administrator: bool = True
    anonymous: bool = False
    paid: bool = False
    body: bool = False
    since: Version = V3_0
    administrator_since: Version = V3_0


# Payment is checked here and not on start, progress and cancel (C26).
ROUTES = {
    "getbackuphistory": Route("GET", calls.get_history, paid=True),
    "deletebackup": Route("DELETE", calls.delete_one, paid=True),
    "deletebackuphistory": Route("DELETE", calls.delete_history, paid=True),
    "startbackup": Route("POST", calls.start, body=True),
    "getbackupprogress": Route("GET", calls.get_progress),
    "cancelbackup": Route("POST", calls.cancel, since=V3_7),
    "getbackupschedule": Route("GET", calls.get_schedule, paid=True),
    "createbackupschedule": Route("POST", calls.create_schedule, paid=True, body=True),
    "deletebackupschedule": Route("DELETE", calls.delete_schedule, paid=True),
    "startrestore": Route("POST", calls.start_restore, paid=True, body=True),
    "getrestoreprogress": Route(
        "GET", calls.get_restore_progress, administrator=False, anonymous=True
    ),
    "getbackupscount": Route("GET", calls.get_count, since=V3_5, administrator_since=V3_6),
    "getservicestate": Route("GET", calls.get_service_state, since=V3_5, administrator_since=V3_7),
    "backuptmp": Route("GET", calls.get_temporary_folder, administrator=False),
}


@dataclass
class Incoming:
    """What came over the wire."""

    method: str
    target: str
    path: str
    query: str
    origin: str
    headers: Headers
    body: bytes
    address: str

    @property
    def href(self) -> str:
        """The address that the answer links to: the path decoded, the query as it came."""
        return self.origin + self.path + (f"?{self.query}" if self.query else "")


class Application:
    """The server's behaviour, without sockets."""

    def __init__(self, server: Server, origin: SecondOrigin) -> None:
        self.server = server
        self.origin = origin
        self.limits = Limits()

    def answer(self, incoming: Incoming) -> Answer:
        """Answer one request."""
        if incoming.path == "/liveness":
            headers = {"Content-Type": "text/plain", "Cache-Control": "no-store, no-cache"}
            return Answer(200, b"Healthy", headers)
        if incoming.path == directory.PATH and incoming.method == "GET":
            with self.server.lock:
                return directory.portals(self.server, incoming.headers)
        if incoming.path.startswith(storage.PREFIX) or incoming.path.endswith(upload.ENDING):
            return self.file(incoming)
        name, backup_id = resolve(incoming)
        route = ROUTES.get(name)
        version = self.server.version
        if route is None or version < route.since:
            return Answer(404)
        if incoming.method == "OPTIONS" and "Access-Control-Request-Method" in incoming.headers:
            return preflight(incoming)
        if incoming.method != route.method:
            return Answer(405, headers={"Allow": route.method})
        portal = self.server.find(incoming.headers.get("Host", ""))
        try:
            caller = authenticate(portal, incoming.headers, keys=version >= V3_1)
        except ServerError as error:
            return error.answer()
        if version < V3_2:
            caller = replace(caller, scopes=())  # there, scopes do not hold for backup calls
        refusal = refuse(route, portal, caller)
        if refusal is not None or portal is None:
            return with_headers(refusal or problem(404), caller)
        return self.limited(incoming, route, portal, caller, backup_id)

    def file(self, incoming: Incoming) -> Answer:
        """A backup's file on its way out or in: other filters than the API's stand before it."""
        portal = self.server.find(incoming.headers.get("Host", ""))
        try:
            caller = authenticate(portal, incoming.headers, keys=self.server.version >= V3_1)
            with self.server.lock:
                tasks.settle(self.server)
                if incoming.path.startswith(storage.PREFIX):
                    wanted = incoming.headers.get("Range", "")
                    asked = (incoming.method, incoming.path, incoming.query, wanted)
                    answer = storage.fetch(self.server, self.origin, portal, caller, asked)
                elif portal is None:
                    return Answer(404)
                else:
                    form = (incoming.headers.get("Content-Type", ""), incoming.body)
                    answer = upload.take(self.server, portal, caller, incoming.query, form)
        except ServerError as error:
            return error.answer()
        return with_headers(answer, caller)

    def limited(
        self, incoming: Incoming, route: Route, portal: Portal, caller: Caller, backup_id: str
    ) -> Answer:
        """The rate limiter, then the call itself under the server's lock."""
        if not portal.settings.rate_limits:
            return self.perform(incoming, route, portal, caller, backup_id)
        user = caller.user.name if caller.user else incoming.address
        if not self.limits.enter(user, incoming.method, self.server.clock.now()):
            return Answer(429)
        try:
            return self.perform(incoming, route, portal, caller, backup_id)
        finally:
            self.limits.leave(user, incoming.method)

    def perform(
        self, incoming: Incoming, route: Route, portal: Portal, caller: Caller, backup_id: str
    ) -> Answer:
        """The filters that look at the portal, then the call."""
        with self.server.lock:
            tasks.settle(self.server)
            refusal = self.portal_refuses(incoming, route, portal)
            if refusal is not None:
                return with_headers(refusal, caller)
            try:
                query = body.query(incoming.query)
                if self.server.version < V3_1:
                    query.pop("dump", None)  # not known there, so not even checked
                request = calls.Request(self.server, portal, query, backup_id=backup_id)
                if route.body:
                    content_type = incoming.headers.get("Content-Type", "")
                    request.members = body.json_body(content_type, incoming.body)
                limited = route.administrator and self.server.version >= route.administrator_since
                if limited and not (caller.user and caller.user.administrator):
                    raise not_administrator()
                value = select(route.call(request), query.get("fields"))
            except Invalid as error:
                told = self.server.version >= V3_7
                answer = invalid(error, incoming.href, incoming.method, told)
            except ServerError as error:
                return failure(error, self.server.version).answer()
            else:
                answer = envelope(value, incoming.href, incoming.method)
        if "Origin" in incoming.headers:
            answer.headers["Access-Control-Allow-Origin"] = "*"
        return with_headers(answer, caller)

    def portal_refuses(self, incoming: Incoming, route: Route, portal: Portal) -> Answer | None:
        """A portal that is closed, busy (C31) or not paid for (C26)."""
        status = portal.settings.portal_status
        restoring = (portal.restore_task, self.server.dump_restore)
        if any(task and task.status == tasks.RUNNING and not task.done for task in restoring):
            status = "Restoring"
        if status in GONE:
            return problem(404)
        if status in BUSY and not route.anonymous:
            return problem(403)
        unpaid = portal.settings.tariff_state == "NotPaid"
        checked = self.server.kind == "saas" or self.server.licence
        waived = incoming.headers.get("Payment-Info", "").lower() == "false"
        if route.paid and unpaid and checked and not waived:
            return problem(402)
        return None


def resolve(incoming: Incoming) -> tuple[str, str]:
    """The call's name, and the id where it has one; a double slash is nowhere found (C1)."""
    raw = incoming.target.split("?")[0]
    path = incoming.path.removesuffix("/")
    if "//" in raw or not path.lower().startswith(PREFIX):
        return "", ""
    name, _slash, rest = path[len(PREFIX) :].partition("/")
    name = name.lower()
    if name != "deletebackup":
        return ("", "") if rest else (name, "")
    backup_id = calls.guid(rest)
    return (name, backup_id) if backup_id else ("", "")


def refuse(route: Route, portal: Portal | None, caller: Caller) -> Answer | None:
    """No credentials, wrong ones, or a key without the scope: empty answers (C5, C6), but the
    anonymous call says 403 with a problem."""
    if route.anonymous:
        if portal is None:
            return problem(404)
        return problem(403) if caller.failed or not caller.may(route.method) else None
    if caller.user is None:
        return Answer(401)
    return None if caller.may(route.method) else Answer(403)


def with_headers(answer: Answer, caller: Caller) -> Answer:
    """The headers that authentication added."""
    answer.headers.update(caller.headers)
    return answer


def preflight(incoming: Incoming) -> Answer:
    """What a browser asks before a call from another site."""
    allowed = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": incoming.headers["Access-Control-Request-Method"],
    }
    wanted = incoming.headers.get("Access-Control-Request-Headers")
    if wanted:
        allowed["Access-Control-Allow-Headers"] = wanted
    return Answer(204, headers=allowed)


def select(value: Any, wanted: str | None) -> Any:
    """`?fields=`: only these members of the answer."""
    if wanted is None:
        return value
    names = {name.strip().lower() for name in wanted.split(",")}
    if isinstance(value, Rows):
        value = [json.loads(item) for item in value.items]
    if isinstance(value, list):
        return [{k: v for k, v in item.items() if k.lower() in names} for item in value]
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if k.lower() in names}
    return value


def create_app(server: Server, origin: SecondOrigin) -> flask.Flask:
    """The web application. Routing by Flask would merge slashes and mind the case (C1)."""
    app = flask.Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    application = Application(server, origin)

    def serve(path: str = "") -> flask.Response:
        del path  # the request has it, decoded and raw
        return respond(application)

    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, "serve", serve, methods=METHODS, provide_automatic_options=False)
    return app


def respond(application: Application) -> flask.Response:
    """One request in Flask's terms."""
    request = flask.request
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    host = request.headers.get("X-Forwarded-Host", request.headers.get("Host", ""))
    incoming = Incoming(
        method=request.method,
        target=re.sub("^[a-z]+://[^/]*", "", request.environ["REQUEST_URI"]),
        path=request.path,
        query=request.query_string.decode(errors="replace"),
        origin=f"{scheme}://{host}",
        headers=request.headers,
        body=request.get_data(),
        address=request.remote_addr or "",
    )
    answer = application.answer(incoming)
    if answer.content is not None:
        # It would be held in memory here: the web server sends it.
        request.environ["simulator.content"] = answer.content
    response = flask.Response(answer.body, answer.status)
    # An answer without a body has no type either: the default one goes.
    response.headers.pop("Content-Type", None)
    response.headers.extend(answer.headers)
    return response
