"""`python -m tests.performance.bench memory`: the memory of large ingests, and of rounds of ingest and delete.

It counts the resident memory of this process, with Milvus Lite, and of its reader processes, without a Milvus server.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from rag.benchmarks.scratch_library import scratch_library
from rag.cli.console import err, files_of, out, print_json
from rag.errors import RagError
from rag.index import DocumentIndex
from rag.ingestion.inputs import read_path
from rag.settings import BUNDLED_EMBED_MODEL, Settings
from tests.performance.resident import resident_mb
from tests.performance.synthetic import Corpus, text_files

MEGABYTES = 200
ROUNDS = 200
# The rounds are reported in this number of parts.
PARTS = 4
SAMPLE_SECONDS = 0.1
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """A measured step: its name, chunks and seconds, and the megabytes of memory before, at most, and after it."""

    name: str
    chunks: int
    seconds: float
    before: float
    peak: float
    after: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files to ingest one by one, in place of a text")
    parser.add_argument("--megabytes", type=int, default=MEGABYTES, metavar="N", help=f"of the text ({MEGABYTES})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"of ingest and delete ({ROUNDS})")
    parser.add_argument("--minutes", type=float, metavar="N", help="stop each ingest after N minutes")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Measure and print, which takes minutes to hours. Returns 0. Raises RagError. The library is always deleted."""
    paths = [path for given in options.paths for path in files_of(Path(given))]
    longest = 60 * options.minutes if options.minutes else float("inf")
    limit = max(settings.max_upload_mb, options.megabytes)
    steps: list[Step] = []
    with scratch_library(settings, embed_model=BUNDLED_EMBED_MODEL, embed_base_url="", max_upload_mb=limit) as index:
        corpus = Corpus()
        if paths:
            for path in paths:
                steps.append(_ingest(index, path.name, read_path(path, limit), longest))
        elif options.megabytes > 0:
            err.print(f"Making {options.megabytes} MB of text", style="dim")
            steps.append(_ingest(index, "large.txt", _text(corpus, options.megabytes), longest))
        if options.rounds > 0:
            steps += _rounds(index, corpus, options.rounds)
    if options.json:
        print_json(steps)
    else:
        _print(steps)
    return 0


def _text(corpus: Corpus, megabytes: int) -> bytes:
    # Made in a file, so that the memory for making the text doesn't count as memory of the ingest.
    with tempfile.TemporaryFile() as file:
        for _, data in text_files(corpus, 1000):
            file.write(data + b"\n\n")
            if file.tell() >= megabytes * MEGABYTE:
                break
        file.seek(0)
        return file.read(megabytes * MEGABYTE)


def _ingest(index: DocumentIndex, name: str, data: bytes, longest: float) -> Step:
    with _watched() as peak:
        before, began = resident_mb(), time.monotonic()
        job = index.submit(name, data)
        del data
        while not (now := next(snapshot for snapshot in index.jobs() if snapshot.job_id == job.job_id)).finished:
            if time.monotonic() - began > longest:
                break
            time.sleep(0.5)
        seconds, after = time.monotonic() - began, resident_mb()
    if now.error:
        raise RagError(now.error)
    if not now.finished:
        index.cancel(job.job_id)
    shown = name if now.finished else f"{name}, the first {now.done:,} chunks"
    return Step(shown, now.chunks, seconds, before, peak(), after)


def _rounds(index: DocumentIndex, corpus: Corpus, rounds: int) -> Iterator[Step]:
    """The rounds in PARTS parts, which tell memory that goes on growing from caches that fill up."""
    files = text_files(corpus, 10)
    parts = min(PARTS, rounds)
    bounds = [rounds * part // parts for part in range(parts + 1)]
    for first, end in itertools.pairwise(bounds):
        chunks, before, began = 0, resident_mb(), time.monotonic()
        with _watched() as peak:
            for _ in range(first, end):
                (result,) = index.ingest([next(files)])
                if result.status == "failed" or result.doc_id is None:
                    raise RagError(str(result.error))
                chunks += result.chunks
                index.delete(result.doc_id)
            after = resident_mb()
        name = f"rounds of ingest and delete, {first + 1} to {end}"
        yield Step(name, chunks, time.monotonic() - began, before, peak(), after)


@contextmanager
def _watched() -> Iterator[Callable[[], float]]:
    """Yields a function that returns the most megabytes held in the block so far."""
    most = [resident_mb()]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            most[0] = max(most[0], resident_mb())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: most[0]
    finally:
        stop.set()
        thread.join()


def _print(steps: list[Step]) -> None:
    table = Table(box=None)
    for heading in ("", "chunks", "seconds", "MB before", "MB at most", "MB after"):
        table.add_column(heading, justify="right" if heading else "left")
    for step in steps:
        sizes = (step.before, step.peak, step.after)
        table.add_row(step.name, f"{step.chunks:,}", f"{step.seconds:.0f}", *(f"{size:.0f}" for size in sizes))
    out.print(table)
