"""The server of Milvus Lite, which runs in this process: one for each file, for all who use that file.

And what is slow or loud in this version of it. Its modules take a second to import: not before `prepare`.
"""

from __future__ import annotations

import errno
import importlib
import logging
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.vector_store.lite import queries, searches, storage

# As LlamaIndex calls it.
VECTOR_FIELD = "embedding"
_DISK_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}

_users: dict[str, int] = {}
_lock = threading.Lock()


def prepare() -> None:
    """Import it. To be called in a thread, before anything else of this module."""
    importlib.import_module("milvus_lite.server_manager")
    _trust_vectors()
    searches.install()
    queries.install()
    storage.install()


def retain(address: str) -> None:
    """Note one more user of a file."""
    path = str(Path(address).resolve())
    with _lock:
        _users[path] = _users.get(path, 0) + 1


def start(address: str) -> None:
    """Start the in-process server of a Lite file. Raises what is in the way, which pymilvus would hide."""
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
    """Stop the in-process server of a Lite file when its last user is gone, which frees the file's lock."""
    from milvus_lite.server_manager import server_manager_instance

    path = str(Path(address).resolve())
    with _lock:
        _users[path] = _users.get(path, 1) - 1
        if _users[path] <= 0:
            _users.pop(path)
            server_manager_instance.release_server(address)


def remove_leftover(address: str, collection: str) -> None:
    """Remove what is left of a collection where a process was killed while it made or dropped it: it has no schema, so
    Milvus Lite doesn't know it, but makes none in its place. Raises OSError."""
    folder = Path(address) / "collections" / collection
    if folder.is_dir() and not (folder / "schema.json").exists():
        shutil.rmtree(folder)


def is_locked(error: Exception) -> bool:
    """Whether a file couldn't be opened since another process has it open."""
    from milvus_lite.exceptions import DataDirLockedError

    return isinstance(error, DataDirLockedError)


def disk_failure(error: Exception) -> str:
    """What the system says where the disk is full or can't be written; else empty."""
    # From the server comes but the text of an exception: "[Errno 28] …", or "… Detail: [errno 28] …".
    found = re.search(r"\[errno (\d+)\]", str(error), re.IGNORECASE)
    code = error.errno if isinstance(error, OSError) else int(found[1]) if found else None
    return os.strerror(code) if code in _DISK_FAILURES else ""


def _trust_vectors() -> None:
    """Have it not look at each number of a vector, two fifths of an insert: by the protocol they are floats."""
    collection: Any = importlib.import_module("milvus_lite.engine.collection")
    validate = collection.validate_record
    if validate.__module__ == __name__:
        return

    class Trusted(list[float]):
        """Has its length, but nothing to look at."""

        def __iter__(self) -> Iterator[float]:
            return iter(())

    def validate_record(record: dict[str, Any], *arguments: Any, **options: Any) -> None:
        vector = record.get(VECTOR_FIELD)
        if not isinstance(vector, list):
            validate(record, *arguments, **options)
            return
        record[VECTOR_FIELD] = Trusted(vector)
        try:
            validate(record, *arguments, **options)
        finally:
            record[VECTOR_FIELD] = vector

    collection.validate_record = validate_record
