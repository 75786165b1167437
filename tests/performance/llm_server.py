"""A server of the OpenAI protocol that notes when each answer begins, so that the time after it is Docent's."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

MODEL = "bench"
WORDS = 20
# Seconds between two words, as from a fast model.
WORD_SECONDS = 0.01


class LLMServer(http.server.ThreadingHTTPServer):
    """`first_bytes` has the time.perf_counter() of the first word of each answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.first_bytes: list[float] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: LLMServer

    def do_GET(self) -> None:
        self._begin("application/json")
        self.wfile.write(json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._begin("text/event-stream")
        self._send({"role": "assistant", "content": ""})
        self.server.first_bytes.append(time.perf_counter())
        for _ in range(WORDS):
            self._send({"content": "word "})
            time.sleep(WORD_SECONDS)
        self._send({}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def _send(self, delta: dict[str, str], reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def llm_server() -> Iterator[LLMServer]:
    """Runs the server on a free port of 127.0.0.1 until the end of the block."""
    with LLMServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
