"""Which process is at a document: claims that run out unless they are renewed, in the columns `claimed_by` and
`claimed_until`."""

from __future__ import annotations

import os
import socket
import uuid
from datetime import datetime, timedelta
from typing import Any

from rag.storage.database import utc_now

# How long a claim holds without being renewed; a process on this machine that is gone loses it at once.
CLAIM = timedelta(seconds=60)
# Tells this process from one that had the same number before, as in a container that was restarted.
_PROCESS = uuid.uuid4().hex[:8]


def new_owner() -> str:
    """The name under which a catalog of this process claims documents."""
    return f"{socket.gethostname()}:{os.getpid()}:{_PROCESS}.{uuid.uuid4().hex[:8]}"


def until() -> datetime:
    """When a claim of this moment runs out."""
    return utc_now() + CLAIM


def is_busy(row: Any, owner: str) -> bool:
    """Whether a living process, `owner` or another, is at the document of `row`."""
    return row.claimed_by is not None and (row.claimed_by == owner or not is_claimable(row, owner))


def is_claimable(row: Any, owner: str) -> bool:
    """Whether nobody but `owner` holds the row: its claim ran out, or its process on this machine is gone."""
    if row.claimed_by is None or row.claimed_by == owner or row.claimed_until < utc_now():
        return True
    host, pid, process = row.claimed_by.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    if int(pid) == os.getpid():
        return not process.startswith(f"{_PROCESS}.")
    return not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process there; its claim runs out instead
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
