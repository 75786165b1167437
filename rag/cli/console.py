"""Shared by the commands: printing, the progress bar of ingestion, and the files of a path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rag.readers.formats import SUPPORTED
from rag.schema import Job
from rag.text.characters import NEVER_PRINTED

# A terminal would obey control characters of a document or a model.
_UNPRINTABLE = re.compile(f"[{NEVER_PRINTED}]")


class _Terminal(Console):
    """A console that replaces unprintable characters, so that no printed text controls the terminal."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(_printable(value) if isinstance(value, str) else value for value in objects), **options)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


out = _Terminal(highlight=False, soft_wrap=True, markup=False)
err = _Terminal(stderr=True, highlight=False, soft_wrap=True, markup=False)


class IngestProgress:
    """A progress bar of chunks, with the number of files. Shown on a terminal only, and never if `quiet`."""

    def __init__(self, quiet: bool) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("chunks"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal)
        self._task = self._progress.add_task("Starting", total=None)

    def __enter__(self) -> IngestProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, jobs: list[Job]) -> None:
        done = sum(job.chunks if job.finished else job.done for job in jobs if job.stage != "reading")
        total = sum(job.chunks for job in jobs)
        finished = sum(job.finished for job in jobs)
        stages = ", ".join(sorted({job.stage for job in jobs if not job.finished and job.stage != "queued"}))
        description = f"{finished} of {len(jobs)} files {stages}"
        self._progress.update(self._task, completed=done, total=total or None, description=description)


def files_of(path: Path) -> Iterator[Path]:
    """The path itself, or the files in a folder that have a supported format and aren't hidden."""
    try:
        is_folder = path.is_dir()
    except OSError:  # no file can have this name; opening it raises the error for the user
        is_folder = False
    if not is_folder:
        yield path
        return
    for inner in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
        if inner.is_file() and not hidden and inner.suffix.lower() in SUPPORTED:
            yield inner


def print_json(value: Any) -> None:
    """Print `value`, which may hold dataclasses and times, as JSON."""
    # Not through rich, which wraps long lines.
    print(_printable(json.dumps(value, default=_plain, ensure_ascii=False, indent=2)))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def fail(sentence: str, code: int = 1) -> int:
    """Print the sentence as one line on stderr. Returns `code`, the exit code."""
    err.print(f"Error: {' '.join(sentence.split())}")
    return code
