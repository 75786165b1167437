"""The exceptions of Milvus and pymilvus, each turned into one sentence for the user."""

from __future__ import annotations

import re

from rag.errors import CollectionLost, StoreError, StoreUnavailable
from rag.settings import Settings
from rag.vector_store.lite import server as lite_server

# Errors of a server that is down, or has just started and is still loading its data.
_UNAVAILABLE = re.compile(
    r"fail connecting|unavailable|deadline|time-?out|timed out|connection|channel|not ready|no available|not healthy|"
    r"unhealthy|delegator|shard leader|node offline|node not (found|match)|initializing|abnormal|"
    # Milvus Lite, whose file was closed for another connection.
    r"wal already closed|milvuslite is closed"
)
# After a restart a collection may have to be loaded again; opening it does so.
_NOT_LOADED = re.compile(r"not loaded|in state 'released'")
_REFUSED = re.compile(r"unauthenticated|auth check failure|permission ?denied|privilege")
_LOST = re.compile(r"collection not found|can.?t find collection|collection '\w+' does not exist")
# Errors about a collection that another process is still making.
_UNFINISHED = re.compile(r"createindex failed|index (not|doesn't) (found|exist)|duplicate collection|already exists?")
# Errors of a client of Milvus Lite that was closed, or waited too long, while a file was being opened.
_INTERRUPTED = re.compile(r"deadline|timed? ?-?out|\bclosed\b|\bcancell?ed\b|connect first|connection")


class BeingMade(StoreUnavailable):
    """Another process is making the collection."""


class DiskFailed(StoreError):
    """Milvus Lite can't write."""


class Damaged(StoreError):
    """Milvus Lite can't read its file."""


def explain(error: Exception, settings: Settings) -> StoreError:
    """The error to raise in place of `error`, an exception of a call to Milvus."""
    from grpc import RpcError

    lite, address = settings.milvus_is_lite, settings.milvus_address
    lower = _text(error).lower()
    nameless = _without_names(lower, settings)
    if lite and lite_server.is_locked(error):
        return StoreUnavailable(
            f"The Milvus Lite file {address} is in use by another process, such as the app; stop that one, or use a "
            "Milvus server by setting MILVUS_URI."
        )
    if lite and (failure := lite_server.disk_failure(error)):
        return DiskFailed(
            f"The Milvus Lite file {address} can't be written ({failure}); make room on its disk, or make it writable, "
            "then try again."
        )
    if lite and isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return StoreError(f"The Milvus Lite file {address} can't be opened ({error}); check DATA_DIR and MILVUS_URI.")
    if _REFUSED.search(nameless):
        return StoreError(f"Milvus at {settings.milvus_shown} refused the login; check MILVUS_TOKEN.")
    if _LOST.search(lower):
        return lost(settings)
    if _UNFINISHED.search(lower):
        return BeingMade(
            f"The collection {settings.collection} at {settings.milvus_shown} is being made by another process; try "
            "again in a moment."
        )
    if isinstance(error, (TimeoutError, OSError, RpcError)) or _UNAVAILABLE.search(nameless) or is_not_loaded(error):
        return unreachable(settings)
    if isinstance(getattr(error, "code", None), int):  # an exception of pymilvus
        return StoreError(f"Milvus refused the operation: {first_line(error)[:200]}")
    return StoreError(f"Milvus failed with {type(error).__name__}; see the log.")


def damaged(error: Exception, settings: Settings) -> Damaged:
    """The error for a failure to open an existing Milvus Lite file, unless it `is_interrupted`."""
    return Damaged(
        f"The Milvus Lite file {settings.milvus_address} is damaged ({first_line(error)[:120]}); stop the app, put a "
        "copy of it in its place or move it away, then start again: missing documents are added again automatically."
    )


def unreachable(settings: Settings) -> StoreUnavailable:
    if settings.milvus_is_lite:
        return busy(settings)
    return StoreUnavailable(f"Milvus doesn't answer at {settings.milvus_shown}; start it, or check MILVUS_URI.")


def busy(settings: Settings) -> StoreUnavailable:
    """For Milvus Lite, which is never away: a write takes long, or the file is closed and opened after a failed one."""
    return StoreUnavailable(
        f"The Milvus Lite file {settings.milvus_address} is still being written; try again in a moment."
    )


def lost(settings: Settings) -> CollectionLost:
    """The error for a collection that no longer exists although it should."""
    return CollectionLost(
        f"Milvus at {settings.milvus_shown} has no collection {settings.collection} any more; its documents are added "
        "again by themselves, so try again in a moment."
    )


def is_being_made(error: BaseException) -> bool:
    """Whether a collection that couldn't be opened may exist in a moment."""
    return isinstance(error, BeingMade | CollectionLost)  # lost: deleted by another process while this one opened it


def is_not_loaded(error: Exception) -> bool:
    """Whether a collection has to be loaded again, and opened for that."""
    return bool(_NOT_LOADED.search(_text(error).lower()))


def is_interrupted(error: Exception, settings: Settings) -> bool:
    """Whether the call was interrupted, so that it says nothing about the file."""
    nameless = _without_names(_text(error).lower(), settings)
    return isinstance(error, TimeoutError) or bool(_INTERRUPTED.search(nameless))


def first_line(error: Exception) -> str:
    return (_text(error).splitlines() or [type(error).__name__])[0]


def _without_names(text: str, settings: Settings) -> str:
    """The text without the collection's name and the address, which could match a pattern (a collection called
    "connections")."""
    name = re.escape(settings.collection.lower())
    return re.sub(rf"\b{name}\b", "", text.replace(settings.milvus_address.lower(), ""))


def _text(error: Exception) -> str:
    return str(getattr(error, "message", "") or error)
