"""How fast the pages are: `python -m tests.performance.page [--json] [--no-browser]`.

Starts the real app on scratch data, and measures the following, each with its target:

- a rerun of the chat page with 100 messages and 500 documents: the time of its script on the server, and the time
  until the whole page has arrived at the other end of the websocket;
- a rerun of the documents page with 5,000 documents, with the same two times;
- the resident memory that each of 50 idle sessions on the chat page adds to the app's process;
- a cold start: seconds from the start of the process until the first words and the whole page can be seen in a
  browser, whether the page says that the model is being loaded, and seconds until the model is ready.

Milliseconds are medians; on a busy machine, read the smallest instead. A run takes about two minutes. This is no test,
since the figures depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.performance.browserless import open_session
from tests.performance.scratch_library import make_library
from tests.servers.milvus_server import free_ports

ROOT = Path(__file__).resolve().parents[2]
MESSAGES, DOCUMENTS, MANY_DOCUMENTS, SESSIONS, RERUNS = 100, 500, 5_000, 50, 15
LOADING = "Loading the embedding model"  # the text of the pages
Figures = dict[str, Any]


@dataclass
class App:
    port: int
    runs_file: Path
    process: subprocess.Popen[bytes]

    def runs(self) -> list[Figures]:
        """The runs of the whole script so far, without runs of a fragment."""
        lines = self.runs_file.read_text().splitlines() if self.runs_file.exists() else []
        return [run for run in map(json.loads, lines) if not run["fragment"]]

    def wait_for_model(self) -> None:
        deadline = time.monotonic() + 120
        with open_session(self.port) as session:
            while LOADING.encode() in session.visit()[1]:
                if time.monotonic() > deadline:
                    raise SystemExit("the app loads no model: see its log")
                time.sleep(1)

    def memory(self) -> float:
        """Resident megabytes after a collection of garbage."""
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(3)
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def running_app(data_dir: Path) -> Iterator[App]:
    port = free_ports(1)[0]
    app_file, runs = ROOT / "app.py", data_dir.parent / f"runs-{port}.jsonl"
    launcher = Path(__file__).with_name("app_under_measure.py")
    command = [sys.executable, str(launcher), str(runs), "run", str(app_file), "--server.port", str(port)]
    environment = os.environ | {"DATA_DIR": str(data_dir), "EMBED_MODEL": "bundled", "PYTHONPATH": str(ROOT)}
    with (data_dir.parent / "app.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=data_dir.parent, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_up(port, process)
            yield App(port, runs, process)
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("the app didn't start")


def measure_reruns(app: App, page: str, query: str) -> Figures:
    with open_session(app.port) as session:
        first, _ = session.visit(page, query)
        time.sleep(0.2)
        before = len(app.runs())
        visits = [session.visit(page, query) for _ in range(RERUNS)]
    time.sleep(0.2)
    runs = app.runs()[before:]
    script = [run["milliseconds"] for run in runs]
    return {
        "first_visit_ms": round(first),
        "script_ms": round(statistics.median(script)),
        "script_ms_min": round(min(script)),
        "script_cpu_ms": round(statistics.median(run["cpu"] for run in runs)),
        "arrived_ms": round(statistics.median(time for time, _ in visits)),
        "arrived_kb": round(len(visits[-1][1]) / 1000),
    }


def measure_sessions(app: App, query: str) -> Figures:
    with ExitStack() as stack:
        stack.enter_context(open_session(app.port)).visit(query=query)
        before = app.memory()
        for _ in range(SESSIONS):
            stack.enter_context(open_session(app.port)).visit(query=query)
        after = app.memory()
    return {"before_mb": round(before), "each_mb": round((after - before) / SESSIONS, 2)}


def measure_cold_start(data_dir: Path, query: str) -> Figures:
    """Seconds from the start of the process, with a browser that runs already."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto("about:blank")
        began = time.perf_counter()
        with running_app(data_dir) as app:
            times = {"server_s": time.perf_counter() - began}
            page.goto(f"http://127.0.0.1:{app.port}/?{query}")
            page.get_by_text("Chat", exact=True).first.wait_for(timeout=60_000)
            times["first_words_s"] = time.perf_counter() - began
            page.get_by_test_id("stChatInputTextArea").wait_for(timeout=60_000)
            times["whole_page_s"] = time.perf_counter() - began
            says_loading = page.get_by_text(LOADING).is_visible()
            page.get_by_text(LOADING).wait_for(state="hidden", timeout=120_000)
            times["model_ready_s"] = time.perf_counter() - began
        browser.close()
    return {name: round(seconds, 2) for name, seconds in times.items()} | {"says_that_the_model_loads": says_loading}


def measure(folder: Path, browser: bool) -> Figures:
    figures: Figures = {}
    data, many = folder / "few" / "data", folder / "many" / "data"
    query = f"c={make_library(data, DOCUMENTS, MESSAGES)}"
    make_library(many, MANY_DOCUMENTS, 2)
    if browser:
        figures["cold start"] = measure_cold_start(data, query)
    with running_app(data) as app:
        app.wait_for_model()
        figures["chat page, 100 messages, 500 documents (< 100 ms)"] = measure_reruns(app, "", query)
        figures["50 idle sessions (< 5 MB each)"] = measure_sessions(app, query)
    with running_app(many) as app:
        app.wait_for_model()
        figures["documents page, 5,000 documents (< 2 s)"] = measure_reruns(app, "documents", "")
        figures["chat page, no messages, 5,000 documents"] = measure_reruns(app, "", "")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--no-browser", action="store_true", help="leave the cold start out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), not options.no_browser)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, group in figures.items():
        print(name, *(f"  {key:22} {value}" for key, value in group.items()), sep="\n")


if __name__ == "__main__":
    main()
