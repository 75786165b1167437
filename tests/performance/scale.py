"""`python -m tests.performance.bench scale`: the costs of a library as it grows.

It measures searching, filling, memory, disk, and opening again.
"""

from __future__ import annotations

import argparse

from rich.progress import Progress
from rich.table import Table

from rag.benchmarks.scratch import scratch_settings
from rag.cli.console import err, out, print_json
from rag.runtime.event_loop import EventLoopThread
from rag.settings import Settings
from tests.performance.growth import REFERENCE, Costs, cost_ratio, measure

LITE_SIZES = (1_000, 10_000, 100_000)
SERVER_SIZES = (*LITE_SIZES, 1_000_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    sizes = f"{_listed(LITE_SIZES)}; on a server also {SERVER_SIZES[-1]}"
    parser.add_argument("--sizes", type=_sizes, metavar="N,N,…", help=f"numbers of rows to measure at ({sizes})")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Fill a scratch collection of the configured kind of Milvus, and print its costs at each size. Returns 0.

    Raises StoreUnavailable or StoreError. The collection is always deleted.
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


def _print_costs(costs: list[Costs]) -> None:
    table = Table(box=None)
    searches = [f"{search} p50/p95 ms" for search in costs[0].milliseconds]
    for name in ("rows", *searches, "rows/s", "memory MB", "disk MB", "open s", "ready s"):
        table.add_column(name, justify="right")
    for cost in costs:
        searches = [f"{spread.median:.0f}/{spread.p95:.0f}" for spread in cost.milliseconds.values()]
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
