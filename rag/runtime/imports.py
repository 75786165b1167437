"""For imports of large libraries: at their first use, and in a thread, so that the event loop doesn't wait."""

from __future__ import annotations

import gc
import threading

# Held during such an import. The libraries' modules import each other in circles, so a second thread could get a half
# imported module.
IMPORTING = threading.RLock()


def freeze_imported() -> None:
    """Exempt all present objects from garbage collection. With the many objects of large libraries, each full
    collection would stop every thread for a tenth of a second."""
    gc.freeze()
