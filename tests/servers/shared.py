"""One server for all processes of a test run: the first that asks starts it, the last that leaves kills it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def shared_server(folder: Path, start: Callable[[Path], tuple[str, int]]) -> Iterator[str]:
    """Yield the address of the server that the processes with the same `folder` share.

    `start` gets a folder for the server's data, waits until the server is ready, and returns its address and process
    group. A process that crashes counts as one that has left, since the kernel releases its lock.
    """
    data, running = folder / "data", folder / "running.json"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("w") as users:
        with _alone(folder):
            if not running.exists():
                data.mkdir(exist_ok=True)
                running.write_text(json.dumps(start(data)))
            address, group = json.loads(running.read_text())
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield address
        finally:
            with _alone(folder), contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while another process uses the server
                running.unlink()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
                _delete(data)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one process is in here at a time."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _delete(data: Path) -> None:
    """Half a gigabyte that pytest would keep for three sessions. The dying server may still write for a moment."""
    for _ in range(20):
        shutil.rmtree(data, ignore_errors=True)
        if not data.exists():
            return
        time.sleep(0.1)
