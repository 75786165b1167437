"""Where details go: a rotating file in the data folder. Nothing is logged to the terminal."""

from __future__ import annotations

import contextlib
import logging
from logging.handlers import RotatingFileHandler

from rag.settings import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def log_to_file(settings: Settings) -> None:
    """Send the records of this process to `docent.log` in the data folder, 3 files of 2 MB. Again does nothing."""
    root = logging.getLogger()
    if any(isinstance(handler, RotatingFileHandler) for handler in root.handlers):
        return
    # A folder that can't be written is said by what needs it, and must not keep the app from saying so.
    with contextlib.suppress(OSError):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            settings.data_dir / "docent.log", maxBytes=2_000_000, backupCount=2, encoding="utf-8"
        )
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)
        logging.getLogger("rag").setLevel(logging.INFO)
