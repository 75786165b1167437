"""The server of Milvus Lite in this process: one for each file, shared by all connections to that file.

Milvus Lite takes a second to import: call `patches.prepare` in a thread before anything here.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import threading
from pathlib import Path

_DISK_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}

# By the absolute path of a file: its connections, and how often it was closed for all of them.
_users: dict[str, int] = {}
_restarts: dict[str, int] = {}
_lock = threading.Lock()


def retain(address: str) -> None:
    """Note one more connection to a file."""
    path = str(Path(address).resolve())
    with _lock:
        _users[path] = _users.get(path, 0) + 1


def start(address: str) -> None:
    """Start the server of a file unless it runs. Raises the cause where it can't, which pymilvus would hide: an OSError
    or DataDirLockedError mostly."""
    from milvus_lite.server_manager import server_manager_instance

    failures: list[BaseException] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                failures.append(record.exc_info[1])

    # The server's manager logs the exception and returns None.
    log = logging.getLogger("milvus_lite.server_manager")
    listener = Listener(logging.ERROR)
    log.addHandler(listener)
    log.setLevel(logging.ERROR)
    log.propagate = False
    try:
        if server_manager_instance.start_and_get_uri(address) is None:
            raise failures[0] if failures else OSError("Milvus Lite didn't start")
    finally:
        log.removeHandler(listener)


def release(address: str) -> None:
    """Note one connection less. The last one stops the server, which frees the file's lock."""
    from milvus_lite.server_manager import server_manager_instance

    path = str(Path(address).resolve())
    with _lock:
        _users[path] = _users.get(path, 1) - 1
        if _users[path] <= 0:
            _users.pop(path)
            server_manager_instance.release_server(address)


def restart(address: str) -> None:
    """Stop the server of a file although connections are left: each notices by `restarts`, and starts it again.

    What Milvus Lite has written to its log it then reads from there, also rows that it has forgotten since.
    """
    from milvus_lite.server_manager import server_manager_instance

    path = str(Path(address).resolve())
    with _lock:
        _restarts[path] = restarts(address) + 1
        server_manager_instance.release_server(address)


def restarts(address: str) -> int:
    """How often the server of a file was stopped by `restart`."""
    return _restarts.get(str(Path(address).resolve()), 0)


def remove_leftover(address: str, collection: str) -> None:
    """Delete the rest of a collection whose process was killed while it made or dropped it. It has no schema, so Milvus
    Lite doesn't list it, but makes none in its place. Raises OSError."""
    folder = Path(address) / "collections" / collection
    if folder.is_dir() and not (folder / "schema.json").exists():
        shutil.rmtree(folder)


def is_locked(error: Exception) -> bool:
    """Whether a file couldn't be opened because another process has it open."""
    from milvus_lite.exceptions import DataDirLockedError

    return isinstance(error, DataDirLockedError)


def disk_failure(error: Exception) -> str:
    """The system's words where the disk is full or can't be written, such as "No space left on device"; else empty."""
    # Of an exception the server gives the text alone: "[Errno 28] …", or "… Detail: [errno 28] …".
    found = re.search(r"\[errno (\d+)\]", str(error), re.IGNORECASE)
    code = error.errno if isinstance(error, OSError) else int(found[1]) if found else None
    return os.strerror(code) if code in _DISK_FAILURES else ""
