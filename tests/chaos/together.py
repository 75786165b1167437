"""Many people, several browsers' sessions and the command line at once on the same library.

`python -m tests.chaos.together --minutes 5 [--server] [--database URL] [--seed N]`. On a server two processes of
`together_worker` and the command line share a library; on Milvus Lite there is one, and the command line must be told
that the file is in use. After each round of work the library must be whole: documents, rows, files and conversations.
Ends with 1 if something was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.together_worker import document
from tests.fakes.llm_server import LLMServer
from tests.servers.milvus_server import running_milvus_server

REPOSITORY = Path(__file__).resolve().parents[2]
ROUND_SECONDS = 45
KEPT = {"PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR"}
IN_USE = "is in use by another process"


class Worker:
    """A running worker: a command in, a report out."""

    def __init__(self, folder: Path, uri: str, llm: str, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.chaos.together_worker", str(folder), "--uri", uri, "--llm", llm]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.told: dict[str, Any] = {}
        self._listen()

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def ask(self, command: str) -> dict[str, Any]:
        self.tell(command)
        return self.listen()

    def listen(self) -> dict[str, Any]:
        return self._listen()

    def _listen(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with {self._process.wait()}")
        report: dict[str, Any] = json.loads(line)
        return report

    def end(self) -> int:
        self.tell("end")
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return -9


class Together:
    """Rounds of work, and their outcome."""

    def __init__(self, seed: int, lite: bool) -> None:
        self.dice = random.Random(seed)
        self.lite = lite
        self.done: Counter[str] = Counter()
        self.sentences: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.rounds = 0

    def run(self, minutes: float, folder: Path, uri: str, database: str) -> None:
        llm = LLMServer().start()
        environment = {name: value for name, value in os.environ.items() if name in KEPT}
        environment |= {"DATA_DIR": str(folder), "EMBED_MODEL": "bundled", "COLLECTION": "together", "MILVUS_URI": uri}
        environment["DATABASE_URL"] = database
        workers: list[Worker] = []
        try:
            workers += [Worker(folder, uri, llm.url, environment) for _ in range(1 if self.lite else 2)]
            end = time.monotonic() + 60 * minutes
            while time.monotonic() < end:
                seconds = min(ROUND_SECONDS, max(end - time.monotonic(), 5))
                self._round(workers, environment, folder, seconds)
        finally:
            codes = [worker.end() for worker in workers]
            llm.stop()
        if any(codes):
            self.wrong.append(f"workers ended with {codes}")

    def _round(self, workers: list[Worker], environment: dict[str, str], folder: Path, seconds: float) -> None:
        self.rounds += 1
        for worker in workers:
            worker.tell(f"round {seconds} {self.dice.randrange(1 << 30)}")
        stop = threading.Event()
        commands = threading.Thread(target=self._commands, args=(environment, folder, stop))
        commands.start()
        for worker in workers:
            self._take(worker.listen())
        stop.set()
        commands.join()
        # Twice: the second may take up documents that the first has left.
        for worker in workers * 2:
            self._take(worker.ask("settle"))
        self._take(workers[0].ask("verify"))
        print(f"round {self.rounds}: {self.done.total()} operations, {len(self.wrong)} wrong", flush=True)

    def _take(self, report: dict[str, Any]) -> None:
        self.done.update(report["done"])
        self.sentences.update(report["sentences"])
        for wrong in report["wrong"]:
            self.wrong.append(wrong)
            print(f"round {self.rounds} WRONG {wrong}", flush=True)

    def _commands(self, environment: dict[str, str], folder: Path, stop: threading.Event) -> None:
        """The command line, beside the app."""
        papers = folder.parent / "papers"
        papers.mkdir(exist_ok=True)
        while not stop.wait(self.dice.random() * 3):
            number = self.dice.randrange(5)
            name, data = document(number, 0)
            (papers / name).write_bytes(data)
            command = self.dice.choice(
                [["list"], ["search", "walrus"], ["ingest", str(papers / name)], ["delete", "f" * 64]]
                + ([["reset", "--yes"]] if self.lite else [])
            )
            done = subprocess.run(
                [sys.executable, "-m", "rag", *command],
                cwd=REPOSITORY,
                env=environment,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            self.done[f"command {command[0]} {done.returncode}"] += 1
            said = done.stderr.strip()
            if "Traceback" in said or len(said.splitlines()) > 1:
                self.wrong.append(f"{command[0]} said {said!r}")
            if self.lite and command[0] in {"search", "reset"} and IN_USE not in said:
                self.wrong.append(f"{command[0]} beside the app said {said!r}{done.stdout!r}")

    def summary(self) -> str:
        lines = [f"{self.done.total()} operations in {self.rounds} rounds, {len(self.wrong)} wrong"]
        lines += [f"  {number:5}  {what}" for what, number in sorted(self.done.items())]
        lines += [f"  {number:5}  “{sentence}”" for sentence, number in self.sentences.most_common()]
        return "\n".join([*lines, *(f"WRONG {wrong}" for wrong in self.wrong)])


def run(minutes: float, seed: int, server: bool, database: str = "") -> Together:
    together = Together(seed, not server)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        uri = ""
        if server:
            (folder / "milvus").mkdir()
            uri = stack.enter_context(running_milvus_server(folder / "milvus"))
        together.run(minutes, folder / "data", uri, database)
    return together


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", action="store_true")
    parser.add_argument("--database", default="", help="what DATABASE_URL takes, with nothing in it yet")
    options = parser.parse_args()
    together = run(options.minutes, options.seed, options.server, options.database)
    print(together.summary())
    return 1 if together.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
