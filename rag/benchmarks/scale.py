"""`python -m rag bench scale`: what a library costs as it grows: searching, filling, memory, disk, opening again."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress
from rich.table import Table

from rag.benchmarks.scratch import scratch_settings
from rag.benchmarks.synthetic import DIMENSION, Corpus
from rag.console import err, out, print_json
from rag.embedding_queue import INSERTED_TOGETHER
from rag.errors import StoreError
from rag.event_loop import EventLoopThread
from rag.retrieval import CANDIDATES
from rag.settings import Settings
from rag.vector_store import VectorStore

LITE_SIZES = (1_000, 10_000, 100_000)
SERVER_SIZES = (*LITE_SIZES, 1_000_000)
# The size that the largest one is compared with.
REFERENCE = 10_000
QUESTIONS = 40
WARM_UP = 5
VISIBLE_SECONDS = 300.0
NAMESPACE = "scale"


@dataclass(frozen=True, slots=True)
class Costs:
    """What a collection of `rows` rows costs: milliseconds by search ("dense", "lexical", "both") as (p50, p95), rows
    a second while it was filled from the size before, megabytes of this process and of the disk (None where that can't
    be told), seconds to open it again and until it can be searched then."""

    rows: int
    milliseconds: dict[str, tuple[float, float]]
    rows_per_second: float
    memory_mb: float | None
    disk_mb: float | None
    open_seconds: float
    ready_seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    sizes = f"{_listed(LITE_SIZES)}; on a server also {SERVER_SIZES[-1]}"
    parser.add_argument("--sizes", type=_sizes, metavar="N,N,…", help=f"rows to measure at ({sizes})")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Fill a scratch collection of the configured kind of Milvus, and print its costs at each size. Returns 0.

    Raises StoreUnavailable or StoreError. The collection is removed whatever happens.
    """
    sizes = options.sizes or (LITE_SIZES if settings.milvus_is_lite else SERVER_SIZES)
    loop = EventLoopThread()
    try:
        quiet = options.json or not err.is_terminal
        with scratch_settings(settings) as scratch, Progress(console=err, transient=True, disable=quiet) as progress:
            task = progress.add_task("Filling", total=sizes[-1])
            costs = loop.run(measure(scratch, sizes, lambda done: progress.update(task, completed=done)))
    finally:
        loop.close()
    if options.json:
        print_json({"milvus": settings.milvus_shown, "sizes": costs, "ratio": cost_ratio(costs)})
    else:
        _print_costs(costs)
    return 0


async def measure(settings: Settings, sizes: tuple[int, ...], on_progress: Callable[[int], object]) -> list[Costs]:
    """The costs of the settings' collection, which is made here, filled to each of the ascending `sizes` and dropped.

    `on_progress` gets the number of rows so far. Raises StoreUnavailable or StoreError.
    """
    store, corpus, costs, filled = VectorStore(settings), Corpus(), [], 0
    try:
        await store.create(DIMENSION)
        for size in sizes:
            seconds = await _fill(store, corpus, filled, size, on_progress)
            # Opened again, as at a start of the app: what is searched is then what that has read.
            await store.close()
            store = VectorStore(settings)
            began = time.perf_counter()
            await store.connect()
            opened = time.perf_counter() - began
            await store.warm_up()
            first = time.perf_counter() - began
            searches = await _search(store, corpus)
            rate = (size - filled) / seconds
            costs.append(Costs(size, searches, rate, resident_mb(), _disk_mb(settings), opened, first))
            filled = size
    finally:
        try:
            if not settings.milvus_is_lite:  # of Milvus Lite the whole folder goes
                await store.drop()
        finally:
            await store.close()
    return costs


async def _fill(
    store: VectorStore, corpus: Corpus, filled: int, size: int, on_progress: Callable[[int], object]
) -> float:
    """Insert as the pipeline does, until Milvus shows all rows. Returns the seconds of that; making rows is apart."""
    seconds = 0.0
    for rows in corpus.batches(size - filled, INSERTED_TOGETHER):
        began = time.perf_counter()
        await store.insert(rows, NAMESPACE)
        seconds += time.perf_counter() - began
        filled += len(rows)
        on_progress(filled)
    began = time.perf_counter()
    await store.flush()
    while (visible := await store.count()) != size:
        if time.perf_counter() - began > VISIBLE_SECONDS:
            raise StoreError(f"Milvus shows {visible} of {size} rows after {VISIBLE_SECONDS:.0f} s; see its log.")
        await asyncio.sleep(0.05)
    return seconds + time.perf_counter() - began


async def _search(store: VectorStore, corpus: Corpus) -> dict[str, tuple[float, float]]:
    async def dense(_: str, vector: list[float]) -> object:
        return await store.search_dense(vector, CANDIDATES, None, ())

    async def lexical(terms: str, _: list[float]) -> object:
        return await store.search_lexical(terms, CANDIDATES, None, ())

    async def both(terms: str, vector: list[float]) -> object:
        return await asyncio.gather(dense(terms, vector), lexical(terms, vector))

    kinds: dict[str, Callable[[str, list[float]], Awaitable[object]]] = {"dense": dense}
    if store.has_lexical:
        kinds |= {"lexical": lexical, "both": both}
    found = {}
    for kind, search in kinds.items():
        times = []
        for _ in range(WARM_UP + QUESTIONS):
            question = corpus.question()
            began = time.perf_counter()
            await search(*question)
            times.append(1000 * (time.perf_counter() - began))
        cuts = statistics.quantiles(times[WARM_UP:], n=20, method="inclusive")
        found[kind] = (cuts[9], cuts[18])
    return found


def cost_ratio(costs: list[Costs]) -> float | None:
    """How many times the median search of the reference size the one of the largest takes; None without both."""
    reference = next((cost for cost in costs if cost.rows == REFERENCE), None)
    if reference is None or costs[-1] is reference:
        return None
    kind = list(reference.milliseconds)[-1]
    return costs[-1].milliseconds[kind][0] / reference.milliseconds[kind][0]


def resident_mb() -> float | None:
    """Megabytes of memory that this process holds now; None where the system doesn't tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * 4096 / 1_000_000


def _disk_mb(settings: Settings) -> float | None:
    if not settings.milvus_is_lite:
        return None
    return sum(path.stat().st_size for path in Path(settings.milvus_address).rglob("*") if path.is_file()) / 1_000_000


def _print_costs(costs: list[Costs]) -> None:
    kinds = list(costs[0].milliseconds)
    table = Table(box=None)
    searches = [f"{kind} p50/p95 ms" for kind in kinds]
    for name in ("rows", *searches, "rows/s", "memory MB", "disk MB", "open s", "ready s"):
        table.add_column(name, justify="right")
    for cost in costs:
        searches = [f"{p50:.0f}/{p95:.0f}" for p50, p95 in cost.milliseconds.values()]
        sizes = ["–" if size is None else f"{size:.0f}" for size in (cost.memory_mb, cost.disk_mb)]
        seconds = [f"{cost.open_seconds:.1f}", f"{cost.ready_seconds:.1f}"]
        table.add_row(f"{cost.rows:,}", *searches, f"{cost.rows_per_second:.0f}", *sizes, *seconds)
    out.print(table)
    ratio = cost_ratio(costs)
    if ratio is not None:
        out.print(f"A search at {costs[-1].rows:,} rows takes {ratio:.1f} times what it takes at {REFERENCE:,}.")


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(sorted({int(size) for size in text.split(",")}))
    if sizes[0] < 1:
        raise argparse.ArgumentTypeError("numbers of rows, such as 1000,10000")
    return sizes


def _listed(sizes: tuple[int, ...]) -> str:
    return ",".join(map(str, sizes))
