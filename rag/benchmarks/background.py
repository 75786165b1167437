"""Runs the benchmark "tables" in the background for the page, one run at a time in a process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from rag.benchmarks.results import Tables
from rag.benchmarks.rounds import Progress
from rag.benchmarks.tables import ROUNDS, measure_tables
from rag.errors import Cancelled, RagError
from rag.settings import Settings

logger = logging.getLogger(__name__)

UNEXPECTED = "The measurement failed unexpectedly. The application's log has the details."
STOP_SECONDS = 60.0

_one_at_a_time = threading.Lock()


class BackgroundRun:
    """Starts and stops runs. `tables` is the result of the last complete run. `error` is the reason why the last run
    broke off, or empty."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.tables: Tables | None = None
        self.error = ""
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, settings: Settings, sizes: Sequence[int], rounds: int = ROUNDS) -> None:
        """Measure in a new thread. Raises RagError if a run is under way in this process."""
        if not _one_at_a_time.acquire(blocking=False):
            raise RagError("A measurement is under way already; wait until it has ended.")
        self.progress, self.error = None, ""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(settings, sizes, rounds), name="rag-bench", daemon=True)
        self._thread.start()

    def stop(self, wait: bool = False) -> None:
        """Stop the run, which then deletes its collections. With `wait`, return when it has, or after STOP_SECONDS."""
        self._stop.set()
        if wait and self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _run(self, settings: Settings, sizes: Sequence[int], rounds: int) -> None:
        try:
            self.tables = measure_tables(settings, sizes, rounds, self._show, self._check)
        except RagError as error:
            self.error = str(error)
        except Exception:
            logger.exception("the measurement failed")
            self.error = UNEXPECTED
        finally:
            _one_at_a_time.release()

    def _show(self, progress: Progress) -> None:
        self.progress = progress

    def _check(self) -> None:
        if self._stop.is_set():
            raise Cancelled("Stopped before the end; nothing was kept.")
