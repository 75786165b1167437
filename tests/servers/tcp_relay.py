"""A bad connection: a relay on 127.0.0.1 in front of a server, which can be closed, opened again and silenced."""

from __future__ import annotations

import contextlib
import socket
import threading
from itertools import count


class TcpRelay:
    """While open, passes connections from `port` on to the port `target`. `close` cuts all connections.

    `silence` keeps connections and accepts new ones, but passes no data on until `open`. Connections from before `open`
    stay silent even then, as behind a gateway that has lost them.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._listener: socket.socket | None = None
        self._sockets: list[socket.socket] = []
        self._numbers = count()
        self._first_live = 0  # connections with lower numbers are silent
        self._silent = False

    def open(self) -> None:
        self._silent = False
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def silence(self) -> None:
        self._silent = True
        self._first_live = next(self._numbers) + 1

    def close(self) -> None:
        if self._listener:
            # `close` alone wouldn't wake the thread that waits in `accept`.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                incoming, _ = listener.accept()
            except OSError:
                return
            number = next(self._numbers)
            if self._silent:
                self._first_live = number + 1
            try:
                outgoing = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # the server is away, so the client's connection is closed
                incoming.close()
                continue
            self._sockets += [incoming, outgoing]
            for sender, receiver in ((incoming, outgoing), (outgoing, incoming)):
                threading.Thread(target=self._pass_on, args=(number, sender, receiver), daemon=True).start()

    def _pass_on(self, number: int, sender: socket.socket, receiver: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := sender.recv(65_536):
                if number >= self._first_live:
                    receiver.sendall(data)
        if number >= self._first_live:
            with contextlib.suppress(OSError):
                receiver.shutdown(socket.SHUT_RDWR)
