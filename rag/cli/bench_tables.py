"""`python -m rag bench tables`: measures, prints tables or JSON, and draws a chart on request."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from rag.benchmarks.results import OPERATIONS, Operation, Tables, seconds, sentence, warnings
from rag.benchmarks.rounds import Progress
from rag.benchmarks.tables import MAX_SIZE, ROUNDS, SIZES, measure_tables
from rag.cli.console import err, fail, out, print_json
from rag.settings import Settings

# Column headings in the order of WAYS, then the ratios. They are narrow: a terminal has 80 columns.
HEADINGS = (
    "Tutorial,\nsync",
    "Tutorial,\nasync",
    "\nDocent",
    "One\nrequest",
    "Times as fast\nas async",
    "Times as long\nas one request",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    sizes = ",".join(map(str, SIZES))
    parser.add_argument("--sizes", type=_sizes, default=SIZES, metavar="N,N,…", help=f"adds and searches ({sizes})")
    parser.add_argument("--rounds", type=_rounds, default=ROUNDS, metavar="N", help=f"medians of N rounds ({ROUNDS})")
    parser.add_argument("--chart", type=_png, metavar="FILE.png", help="draw a chart into this file")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Measure and print, which takes minutes. Returns 0, or 1 if rows were lost. Raises StoreError, and RagError for a
    chart that can't be written."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=err, transient=True, disable=options.json or not err.is_terminal) as bar:
        task = bar.add_task("Connecting", total=None)

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, description=progress.what)

        tables = measure_tables(settings, options.sizes, options.rounds, show)
    if options.json:
        print_json(tables)
    else:
        _print(tables)
    if options.chart:
        from rag.benchmarks.chart import save_png  # takes a second

        save_png(tables, options.chart)
    lost = warnings(tables)
    return fail(" ".join(lost)) if lost else 0


def _print(tables: Tables) -> None:
    out.print(f"{tables.title()}; medians of {tables.rounds}\n")
    for operation in OPERATIONS:
        out.print(_table(tables, operation))
        out.print(sentence(tables.of(operation)[-1]) + "\n")


def _table(tables: Tables, operation: Operation) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in (f"\n{OPERATIONS[operation]}", *HEADINGS):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in tables.of(operation):
        timings = [seconds(timing.median) for _, timing in row.timings()]
        ratios = [f"{row.times_asynchronous:.1f}", f"{row.times_one_request:.1f}"]
        table.add_row(f"{row.count:,}", *timings, *ratios)
    return table


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(_number(part, MAX_SIZE) for part in text.split(","))
    return tuple(sorted(set(sizes)))


def _rounds(text: str) -> int:
    return _number(text, 100)


def _number(text: str, most: int) -> int:
    if not text.strip().isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {most}, not {text!r}")
    return int(text)


def _png(text: str) -> Path:
    path = Path(text)
    # Checked before the run, which takes minutes.
    if path.suffix.lower() != ".png" or not path.parent.is_dir():
        raise argparse.ArgumentTypeError("a file ending in .png in a folder that exists")
    return path
