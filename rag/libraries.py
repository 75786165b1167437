"""Large libraries are imported when they're first needed: in a thread, since the event loop mustn't wait for them."""

from __future__ import annotations

import threading

# Held while they are imported. Their modules import each other in circles: two threads at it meet them half made.
IMPORTING = threading.RLock()
