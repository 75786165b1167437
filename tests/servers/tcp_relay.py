"""A relay on 127.0.0.1 in front of a server, which can be closed and opened again: a connection that goes away."""

from __future__ import annotations

import contextlib
import socket
import threading


class TcpRelay:
    """Passes connections to `port` of its own on to `target` while it is open; `close` cuts the running ones."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._listener: socket.socket | None = None
        self._sockets: list[socket.socket] = []

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

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
        with contextlib.suppress(OSError):
            while True:
                incoming, _ = listener.accept()
                outgoing = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [incoming, outgoing]
                for source, sink in ((incoming, outgoing), (outgoing, incoming)):
                    threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
