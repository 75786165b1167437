"""The server of Milvus Lite in this process: one for each file, shared by all connections to that file.

Milvus Lite takes a second to import: call `patches.prepare` in a thread before anything here.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import shutil
import threading
from pathlib import Path

from rag.vector_store.lite.write_lock import WriteLock

logger = logging.getLogger(__name__)

_DISK_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}

# A restart waits so long for the calls under way, and then so long for those that it has broken off.
STOP_SECONDS = 10.0

_files: dict[str, LiteFile] = {}
_lock = threading.Lock()


def file_at(address: str) -> LiteFile:
    """The state of a file, the same one for all connections of this process."""
    path = str(Path(address).resolve())
    with _lock:
        if path not in _files:
            _files[path] = LiteFile(address)
        return _files[path]


class LiteFile:
    """A file of Milvus Lite: its server, the connections to it, the turns to write, and whether a write has failed.

    Where Milvus Lite can't seal rows, it forgets them, also acknowledged ones, and the next sealing deletes the log
    that has them. Where it can't write its log, nothing behind that place is read. So the file is `dirty` after a
    failed write, and nothing may be written until `reopen` is done. `number` counts the times that it was closed
    although connections were left: each compares, and connects again.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._users = 0
        self._changing = threading.Lock()  # held to start or stop the server
        self.number = 0
        self.dirty = False
        self.write_lock = WriteLock()

    def start(self) -> None:
        """Count one more connection, and start the server unless it runs. Call `release` also if this fails.

        Raises the cause of the failure, which pymilvus would hide: mostly an OSError or DataDirLockedError.
        """
        with self._changing:
            self._users += 1
            Path(self._address).parent.mkdir(parents=True, exist_ok=True)
            _start(self._address)

    def release(self) -> None:
        """Note one connection less. The last one stops the server, which frees the file's lock."""
        with self._changing:
            self._users = max(0, self._users - 1)
            if not self._users:
                if not _stopped(self._address):
                    logger.warning("Milvus Lite is closed while it still works")
                _close(self._address)
                self.dirty = False

    def mark_dirty(self, number: int) -> None:
        """Note a failed write that began when `number` was this."""
        if number == self.number:
            self.dirty = True

    async def reopen(self, seconds: float) -> None:
        """Close a dirty file; the next call opens it from its log, with the rows that Milvus Lite has forgotten.

        Raises TimeoutError where a write doesn't end, given up `seconds` ago, or where the server doesn't stop. What
        has begun goes on when the caller is cancelled.
        """
        await self.write_lock.acquire(seconds)
        try:
            closing = asyncio.get_running_loop().run_in_executor(None, self._restart)  # releases the lock
        except BaseException:  # the loop is being closed: nobody else would release it
            self.write_lock.release()
            raise
        await asyncio.shield(closing)

    def _restart(self) -> None:
        try:
            with self._changing:
                if self.dirty:
                    if not _stopped(self._address):
                        raise TimeoutError("Milvus Lite doesn't stop")
                    _close(self._address)
                    self.number += 1
                    self.dirty = False
        finally:
            self.write_lock.release()


def _key(address: str) -> str:
    """The path under which Milvus Lite's manager has a server."""
    return os.path.abspath(address)  # noqa: PTH100 - links stay


def _start(address: str) -> None:
    from milvus_lite.server_manager import server_manager_instance

    failures: list[BaseException] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == threading.get_ident() and record.exc_info and record.exc_info[1]:
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


def _stopped(address: str) -> bool:
    """Stop the server of a file, but leave the file open. Returns whether none of its calls is under way any more; one
    that is would write into a log that closing deletes."""
    from milvus_lite.server_manager import server_manager_instance

    running = server_manager_instance._servers.get(_key(address))
    if running is None:
        return True
    server = running[0]
    if not server.stop(grace=STOP_SECONDS).wait(2 * STOP_SECONDS):
        return False
    # The thread of a call that was broken off goes on, and gRPC doesn't wait for it.
    pool = getattr(getattr(server, "_state", None), "thread_pool", None)
    if pool is None:
        logger.warning("gRPC doesn't show its threads, so none is waited for")
        return True
    ending = threading.Thread(target=pool.shutdown, daemon=True)
    ending.start()
    ending.join(STOP_SECONDS)
    return not ending.is_alive()


def _close(address: str) -> None:
    """Close the file of a stopped server. Only then is the server forgotten: a client that comes meanwhile finds it
    stopped, instead of opening the file a second time."""
    from milvus_lite.server_manager import server_manager_instance

    if running := server_manager_instance._servers.get(_key(address)):
        running[1].close()
    server_manager_instance.release_server(address)


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
