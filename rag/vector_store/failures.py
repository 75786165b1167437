"""What Milvus and pymilvus raise, as one sentence for the user."""

from __future__ import annotations

import re

from rag.errors import CollectionLost, StoreError, StoreUnavailable
from rag.settings import Settings
from rag.vector_store.lite import server as lite_server

# What a server says that isn't there, or has just come and is finding its data again.
_UNAVAILABLE = re.compile(
    r"fail connecting|unavailable|deadline|time-?out|timed out|connection|channel|not ready|no available|not healthy|"
    r"unhealthy|delegator|shard leader|node offline|node not (found|match)|initializing|abnormal"
)
# After a restart a collection may have to be loaded again, which is a part of opening it.
_NOT_LOADED = re.compile(r"not loaded|in state 'released'")
_REFUSED = re.compile(r"unauthenticated|auth check failure|permission ?denied|privilege")
_LOST = re.compile(r"collection not found|can.?t find collection|collection '\w+' does not exist")
# What Milvus says of a collection that another process hasn't got to the end of making.
_UNFINISHED = re.compile(r"createindex failed|index (not|doesn't) (found|exist)|duplicate collection|already exists?")
# What a client of Milvus Lite says where it was closed, or where Lite took too long, while a file was being opened.
_BROKEN_OFF = re.compile(r"deadline|timed? ?-?out|\bclosed\b|\bcancell?ed\b|connect first|connection")


class BeingMade(StoreUnavailable):
    """Another process is making the collection."""


class DiskFailed(StoreError):
    """Milvus Lite can't write."""


class Damaged(StoreError):
    """Milvus Lite can't read its file."""


def explain(error: Exception, settings: Settings) -> StoreError:
    """The error to raise for what a call has raised."""
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
    if isinstance(getattr(error, "code", None), int):  # pymilvus's own
        return StoreError(f"Milvus refused the operation: {first_line(error)[:200]}")
    return StoreError(f"Milvus failed with {type(error).__name__}; see the log.")


def damaged(error: Exception, settings: Settings) -> Damaged:
    """For what is raised where Milvus Lite opens a file that is there, but for what `is_broken_off`."""
    return Damaged(
        f"The Milvus Lite file {settings.milvus_address} is damaged ({first_line(error)[:120]}); stop the app, put a "
        "copy of it in its place or move it away, then start again: what it lacks is added by itself."
    )


def unreachable(settings: Settings) -> StoreUnavailable:
    return StoreUnavailable(f"Milvus doesn't answer at {settings.milvus_shown}; start it, or check MILVUS_URI.")


def lost(settings: Settings) -> CollectionLost:
    """For a collection that should be there."""
    return CollectionLost(
        f"Milvus at {settings.milvus_shown} has no collection {settings.collection} any more; its documents are added "
        "again by themselves, so try again in a moment."
    )


def is_being_made(error: BaseException) -> bool:
    """Whether a collection that couldn't be opened may be there in a moment."""
    return isinstance(error, BeingMade | CollectionLost)  # the latter: dropped between two looks at it


def is_not_loaded(error: Exception) -> bool:
    """Whether a collection has to be opened again."""
    return bool(_NOT_LOADED.search(_text(error).lower()))


def is_broken_off(error: Exception, settings: Settings) -> bool:
    """Whether nothing was found out about a file, since the call didn't come to its end."""
    nameless = _without_names(_text(error).lower(), settings)
    return isinstance(error, TimeoutError) or bool(_BROKEN_OFF.search(nameless))


def first_line(error: Exception) -> str:
    return (_text(error).splitlines() or [type(error).__name__])[0]


def _without_names(text: str, settings: Settings) -> str:
    """A collection may be called "connections"."""
    name = re.escape(settings.collection.lower())
    return re.sub(rf"\b{name}\b", "", text.replace(settings.milvus_address.lower(), ""))


def _text(error: Exception) -> str:
    return str(getattr(error, "message", "") or error)
