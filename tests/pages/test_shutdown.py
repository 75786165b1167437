"""What the application has opened is closed when its server is told to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

APP = """
from pathlib import Path
import streamlit as st
from pages.parts.app.shutdown import close_at_end, lifespan
if __name__ != "__main__":
    app = st.App(__file__, lifespan=lifespan)
    def closer(name):
        def close():
            with Path("closed").open("a") as file:
                file.write(name)
            1 / (name != "2")
        return close
    for name in "123":
        close_at_end(closer(name))
"""


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")
def test_a_server_that_is_told_to_stop_closes_everything(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen([*command, "--server.port", str(free_port)], cwd=tmp_path, env=environment)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{free_port}/_stcore/health", timeout=2),
            ):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "closed").read_text() == "321", "the last first, and the first though another failed"
