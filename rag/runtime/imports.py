"""Large libraries are imported when they're first needed: in a thread, since the event loop mustn't wait for them."""

from __future__ import annotations

import gc
import threading

# Held while they are imported. Their modules import each other in circles: two threads at it meet them half made.
IMPORTING = threading.RLock()


def keep() -> None:
    """What has been imported stays: the garbage collector needn't look through it, which stops everything for a tenth
    of a second each time."""
    gc.freeze()
