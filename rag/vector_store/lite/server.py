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

# For the absolute path of a file: the number of its connections, and how often `restart` has closed it.
_users: dict[str, int] = {}
_restarts: dict[str, int] = {}
_lock = threading.Lock()


def retain(address: str) -> None:
    """Count one more connection to a file."""
    path = str(Path(address).resolve())
    with _lock:
        _users[path] = _users.get(path, 0) + 1


def start(address: str) -> None:
    """Start the server of a file unless it runs. Raises the cause of a failure, which pymilvus would hide: mostly an
    OSError or DataDirLockedError."""
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
    """Count one connection less. Without connections the server is stopped, which frees the file's lock."""
    from milvus_lite.server_manager import server_manager_instance

    path = str(Path(address).resolve())
    with _lock:
        _users[path] = _users.get(path, 1) - 1
        if _users[path] <= 0:
            _users.pop(path)
            server_manager_instance.release_server(address)


def restart(address: str) -> None:
    """Stop the server of a file although connections are left. Each of them notices by `restarts`, and starts it again.

    Milvus Lite then reads its log, which also has the rows that it has lost since.
    """
    from milvus_lite.server_manager import server_manager_instance

    path = str(Path(address).resolve())
    with _lock:
        _restarts[path] = restarts(address) + 1
        server_manager_instance.release_server(address)


def restarts(address: str) -> int:
    """How often the server of a file was stopped by `restart`."""
    return _restarts.get(str(Path(address).resolve()), 0)


def delete_leftover(address: str, collection: str) -> None:
    """Delete the remains of a collection whose process was killed while it made or deleted the collection. They have no
    schema: Milvus Lite doesn't list such a collection, but refuses to make one of its name. Raises OSError."""
    folder = Path(address) / "collections" / collection
    if folder.is_dir() and not (folder / "schema.json").exists():
        shutil.rmtree(folder)


def is_locked(error: Exception) -> bool:
    """Whether a file couldn't be opened because another process has it open."""
    from milvus_lite.exceptions import DataDirLockedError

    return isinstance(error, DataDirLockedError)


def disk_failure(error: Exception) -> str:
    """If the disk is full or can't be written, the system's words for it ("No space left on device"); else empty."""
    # The server passes on only the text of an exception: "[Errno 28] …", or "… Detail: [errno 28] …".
    number = re.search(r"\[errno (\d+)\]", str(error), re.IGNORECASE)
    code = error.errno if isinstance(error, OSError) else int(number[1]) if number else None
    return os.strerror(code) if code in _DISK_FAILURES else ""
