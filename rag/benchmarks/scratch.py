"""Where benchmarks work: never in a collection or a Milvus Lite file of the user's."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from rag.errors import StoreError
from rag.event_loop import POLL_SECONDS
from rag.settings import Settings

REMOVAL_ATTEMPTS = 20


@contextmanager
def scratch_settings(settings: Settings) -> Iterator[Settings]:
    """The settings with a collection name that nobody uses; on Milvus Lite with a file of its own, removed afterwards.

    The file lies in a folder beside the configured one, so on the same disk: that one may be in use by the app, and
    only one process can open it. On a server the collection itself has to be dropped by whoever makes it. Raises
    StoreError where no folder can be made, or where it stays.
    """
    name = f"docent_bench_{uuid4().hex[:12]}"
    if not settings.milvus_is_lite:
        yield settings.model_copy(update={"collection": name})
        return
    beside = Path(settings.milvus_address).resolve().parent
    try:
        beside.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=beside))
    except OSError as error:
        raise StoreError(f"No scratch folder can be made in {beside} ({error.strerror}); check DATA_DIR.") from error
    try:
        yield settings.model_copy(update={"collection": name, "milvus_uri": str(folder / "scratch.db")})
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    # Threads of Milvus Lite may still be writing for a moment after its server was stopped.
    for _ in range(REMOVAL_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(POLL_SECONDS)
    raise StoreError(f"The scratch folder {folder} could not be removed.")
