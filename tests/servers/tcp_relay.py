"""A relay on 127.0.0.1 in front of a server, which can be closed, opened again and silenced: a bad connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from itertools import count


class TcpRelay:
    """Passes connections to `port` of its own on to `target` while it is open; `close` cuts the running ones.

    `silence` keeps connections and takes new ones, but passes nothing on, until `open`; those of before stay silent
    even then, as behind a gateway that has forgotten them.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._listener: socket.socket | None = None
        self._sockets: list[socket.socket] = []
        self._numbers = count()
        self._forgotten = 0  # connections of lower numbers are silent
        self._silent = False

    def open(self) -> None:
        self._silent = False
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def silence(self) -> None:
        self._silent = True
        self._forgotten = next(self._numbers) + 1

    def close(self) -> None:
        if self._listener:
            # Closing alone wouldn't wake the thread that waits in accept.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                incoming, _ = listener.accept()
            except OSError:
                return
            number = next(self._numbers)
            if self._silent:
                self._forgotten = number + 1
            try:
                outgoing = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # the server is away: its clients see their connection closed
                incoming.close()
                continue
            self._sockets += [incoming, outgoing]
            for source, sink in ((incoming, outgoing), (outgoing, incoming)):
                threading.Thread(target=self._pass_on, args=(number, source, sink), daemon=True).start()

    def _pass_on(self, number: int, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if number >= self._forgotten:
                    sink.sendall(data)
        if number >= self._forgotten:
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)
