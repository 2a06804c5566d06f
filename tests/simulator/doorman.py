# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread that waits for connections at all listening sockets of this process."""

from __future__ import annotations

import contextlib
import functools
import queue
import selectors
import socket
import socketserver
import threading
from collections.abc import Callable


class Doorman:
    """A hundred portals need no hundred threads: each connection has one, the waiting has this."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._orders: queue.SimpleQueue[tuple[Callable[[], object], threading.Event]] = (
            queue.SimpleQueue()
        )
        self._bell, ear = socket.socketpair()
        self._selector.register(ear, selectors.EVENT_READ)
        threading.Thread(target=self._wait, name="doorman", daemon=True).start()

    def watch(self, server: socketserver.TCPServer) -> None:
        """Let in who connects to this server."""
        self._do(lambda: self._selector.register(server, selectors.EVENT_READ, server))

    def forget(self, server: socketserver.TCPServer) -> None:
        """Let nobody in any more; when this returns, the socket can be closed."""
        self._do(lambda: self._selector.unregister(server))

    def _do(self, order: Callable[[], object]) -> None:
        done = threading.Event()
        self._orders.put((order, done))
        self._bell.send(b"!")
        done.wait()

    def _wait(self) -> None:
        while True:
            for key, _events in self._selector.select():
                if key.data is None:
                    key.fileobj.recv(1)  # type: ignore[union-attr]
                    order, done = self._orders.get()
                    with contextlib.suppress(KeyError, ValueError):
                        order()
                    done.set()
                    break  # what else was ready may belong to a server that is gone now
                # The framework's own step of its loop: accept, and hand over to a thread.
                key.data._handle_request_noblock()


@functools.lru_cache(maxsize=1)
def doorman() -> Doorman:
    """The one of this process."""
    return Doorman()
