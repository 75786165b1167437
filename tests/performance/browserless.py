"""A session with the app without a browser: Streamlit's protocol over a websocket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class Session:
    """A session of one user. It is idle between visits."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def visit(self, page: str = "", query: str = "") -> tuple[float, bytes]:
        """Run a page. Returns the milliseconds until the whole page has arrived, and its messages' bytes."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        began, arrived = time.perf_counter(), b""
        self._socket.send(message.SerializeToString())
        while True:
            data = self._socket.recv(timeout=120)
            assert isinstance(data, bytes)
            arrived += data
            answer = ForwardMsg.FromString(data)
            if answer.WhichOneof("type") == "script_finished" and answer.script_finished in DONE:
                return 1000 * (time.perf_counter() - began), arrived


@contextmanager
def open_session(port: int) -> Iterator[Session]:
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None) as socket:
        yield Session(socket)
