"""The real application on a free port, and a real browser: Chromium, driven by Playwright."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.conftest import REPOSITORY
from tests.fakes.llm_server import LLMServer
from tests.servers.milvus_server import free_ports

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = [
    "--no-sandbox",  # containers mostly forbid the sandbox, and only our own pages are opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60
# Milliseconds after which a state that doesn't come counts as missing. Speed isn't tested here: the first visit imports
# the engine, which takes over 30 s on two cores with ten busy processes each.
PATIENCE = 90_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none the tests are skipped, but not in CI.

    Not for the session: as long as Playwright is open, no other test could run an event loop on this thread.
    """
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        message = "no Chromium found: install it, for example with `apt-get install chromium`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own; afterwards it is checked that nothing was asked of any other host than this one."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda opened: asked.append(opened.url))
    yield page
    context.close()
    hosts = {urlsplit(url).hostname for url in asked if urlsplit(url).scheme not in {"data", "blob"}}
    assert hosts == {"127.0.0.1"}


@pytest.fixture(scope="module")
def app_url(tmp_path_factory: pytest.TempPathFactory, _running_llm_server: LLMServer) -> Iterator[str]:
    """The application with an empty library, the bundled embedding model and the fake LLM server."""
    folder = tmp_path_factory.mktemp("app")
    port = free_ports(1)[0]
    environment = os.environ | {
        "DATA_DIR": str(folder / "data"),
        "EMBED_MODEL": "bundled",
        "OPENAI_BASE_URL": _running_llm_server.url,
        "OPENAI_MODEL": "fake-chat-model",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "app.py"), "--server.port", str(port)]
    log = folder / "app.log"
    with log.open("wb") as output:
        # In a folder of its own, where there is no .env.
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_until_up(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    assert "Traceback" not in log.read_text(errors="replace"), log.read_text(errors="replace")[-5000:]


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return
        except (TimeoutError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the application did not start:\n{log.read_text(errors='replace')[-5000:]}")


def drop_files(page: Page, target: str, files: list[Path]) -> None:
    """Drop `files` onto the element that the selector `target` finds, as dragging them from a file manager does."""
    page.wait_for_selector(target)
    contents = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in files]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, data] of files)
                transfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name));
            return transfer;
        }""",
        contents,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(target, event, {"dataTransfer": transfer})
