"""Kills the app at random moments, and checks that every document is whole, or gone, afterwards.

`python -m tests.chaos.kills --kills 50 [--server] [--seed N] [--minutes 30]` takes some 10 s for each kill.
What is killed is `kill_worker`: sometimes with the processes of its readers, sometimes without. Ends with 1 if
something was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.servers.milvus_server import running_milvus_server

REPOSITORY = Path(__file__).resolve().parents[2]
# The stages in which the worker is to be hit, one after the other; each is the beginning of a stage that it reports.
TARGETS = (
    "embedding",
    "deleting",
    "resetting",
    "reading",
    "replacing",
    "adding",
    "indexing",
    "resuming",
    "deleting",
    "resetting",
    "queued",
    "replacing indexing",
    "starting",
)
CHECK_SECONDS = 240
STAGE_SECONDS = 12
# Beyond the moment in which a stage began, in seconds.
SHORTEST, LONGEST = 0.0005, 0.4
KEPT = {"PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR"}


@dataclass
class Outcome:
    """Kills by the stage that they hit, and the failures after them."""

    stages: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    seconds: float = 0.0

    def summary(self) -> str:
        kills = self.stages.total()
        lines = [f"{kills} kills, survived {kills - len(self.failed)}, in {self.seconds:.0f} s"]
        lines += [f"  {number:3}  {stage}" for stage, number in sorted(self.stages.items())]
        return "\n".join([*lines, *(f"FAILED {failure}" for failure in self.failures)])


class Worker:
    """A running worker, and the lines that it prints."""

    def __init__(self, folder: Path, uri: str, seed: str, prefer: str = "", *, check_only: bool = False) -> None:
        command = [sys.executable, "-m", "tests.chaos.kill_worker", str(folder), "--uri", uri, "--seed", seed]
        command += ["--prefer", prefer] if prefer else []
        command += ["--check-only"] if check_only else []
        environment = {name: value for name, value in os.environ.items() if name in KEPT}
        self._status = folder / "status"
        self._status.write_bytes(b"")
        self._log = (folder / "worker.log").open("ab")
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**environment, "NO_PROXY": "127.0.0.1,localhost"},
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        self.lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if line.endswith(b"\n"):  # else it was killed while it wrote
                    self.lines.put(json.loads(line))
        self.lines.put(None)

    @property
    def stage(self) -> str:
        return self._status.read_text().strip()

    def checked(self) -> list[str]:
        """Wait for the check after the start. Returns the failures."""
        try:
            line = self.lines.get(timeout=CHECK_SECONDS)
        except queue.Empty:
            return [f"not checked in {CHECK_SECONDS} s, at {self.stage}"]
        return self._told(line)

    def troubles(self) -> list[str]:
        """What else has gone wrong so far."""
        troubles = []
        while not self.lines.empty():
            troubles += self._told(self.lines.get())
        return troubles

    def _told(self, line: dict[str, Any] | None) -> list[str]:
        if line is None:
            return [f"the worker ended with {self.process.wait()} at {self.stage}; see worker.log"]
        return list(line.get("checked", line.get("trouble")))

    def wait_for(self, target: str, seconds: float) -> bool:
        """Whether it gets to a stage in that time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.stage.startswith(target):
                return True
            time.sleep(0.0005)
        return False

    def kill(self, with_readers: bool) -> str:
        """Returns the stage that it was in."""
        readers = []
        with contextlib.suppress(psutil.NoSuchProcess):
            readers = psutil.Process(self.process.pid).children(recursive=True) if with_readers else []
        self.process.send_signal(signal.SIGKILL)
        for reader in readers:
            with contextlib.suppress(psutil.NoSuchProcess):
                reader.kill()
        self.process.wait()
        self._log.close()
        return self.stage or "importing"


def run(kills: int, seed: int, folder: Path, uri: str = "", seconds: float = float("inf")) -> Outcome:
    """Kill so many times, or for so long, with everything in `folder` and Milvus at `uri` (Lite where it is empty)."""
    outcome = Outcome()
    began = time.monotonic()
    before = ""  # the kill that the next check is about
    for number in range(kills + 1):
        choose = random.Random(f"{seed} {number}")
        target = TARGETS[(number + seed) % len(TARGETS)]
        last = number == kills or time.monotonic() - began > seconds
        worker = Worker(folder, uri, f"{seed} {number}", target.split()[0], check_only=last)
        early = target.startswith(("starting", "resuming")) and not last
        wrong = [] if early else worker.checked()
        if not wrong and not last:
            worker.wait_for(target, STAGE_SECONDS)
            time.sleep(SHORTEST * (LONGEST / SHORTEST) ** choose.random())
        wrong += [] if last else worker.troubles()
        with_readers = choose.random() < 0.7
        stage = worker.kill(with_readers)
        if wrong:
            outcome.failed.add(number - 1)
            outcome.failures += [f"after {before or 'the first start'}: {sentence}" for sentence in wrong]
        if last:
            break
        before = f"seed {seed}, kill {number} at {stage}{' with' if with_readers else ' without'} its readers"
        outcome.stages[stage] += 1
        print(f"{time.monotonic() - began:5.0f} s  {before}", *wrong, sep="\n         ", flush=True)
        if wrong:
            print(*(folder / "journal.jsonl").read_text().splitlines()[-40:], sep="\n")
            shutil.rmtree(folder / "data", ignore_errors=True)
            (folder / "journal.jsonl").unlink(missing_ok=True)
            if uri:
                break  # the rows that the server holds are unknown now
    outcome.seconds = time.monotonic() - began
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=30, help="begin no further kill after so long (30)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server", action="store_true", help="on a real Milvus server instead of Milvus Lite")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server and the folder go all the same
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True)))
        uri = ""
        if options.server:
            (folder / "milvus").mkdir()
            uri = stack.enter_context(running_milvus_server(folder / "milvus"))
        outcome = run(options.kills, options.seed, folder, uri, 60 * options.minutes)
        print(outcome.summary())
        if outcome.failures:
            print((folder / "worker.log").read_text(errors="replace")[-3000:])
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
