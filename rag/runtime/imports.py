"""Large libraries are imported at their first use, in a thread: the event loop doesn't wait for them."""

from __future__ import annotations

import gc
import threading

# Held during such an import. The libraries' modules import each other in circles, and a second thread would meet a
# module that is half imported.
IMPORTING = threading.RLock()


def freeze_imported() -> None:
    """Exempt all objects there are from garbage collection: each full collection of what large libraries have made
    stops every thread for a tenth of a second."""
    gc.freeze()
