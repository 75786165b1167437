"""`python -m rag bench ingest PATH…`: measures, and prints a table or JSON."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from rag.benchmarks.ingest import Ingested, measure
from rag.cli.console import err, files_of, out, print_json
from rag.errors import ReadError
from rag.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="medians of N rounds (1)")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Measure and print, which takes minutes. Returns 0. Raises RagError. Scratch collections are always deleted."""
    paths = [path for given in options.paths for path in files_of(Path(given))]
    if missing := [path for path in paths if not path.is_file()]:
        raise ReadError(f"There is no file {missing[0]}; check the path.")
    measured = measure(settings, paths, max(1, options.rounds), lambda step: err.print(step, style="dim"))
    if options.json:
        print_json({**asdict(measured), "ratios": measured.ratios})
    else:
        _print(measured)
    return 0


def _print(measured: Ingested) -> None:
    table = Table(box=None)
    table.add_column("")
    table.add_column("seconds", justify="right")
    for name, seconds in (
        ("tutorial, 1,024-token chunks, of which the model sees 256", measured.tutorial),
        ("tutorial, 256-token chunks: all the text", measured.tutorial_whole_text),
        ("Docent: all the text", measured.docent),
        ("limit: embedding alone", measured.limit),
        *((f"  {name} alone, on one core", seconds) for name, seconds in measured.stages.items()),
    ):
        table.add_row(name, f"{seconds:.1f}")
    out.print(f"{measured.chunks:,} chunks, {measured.tokens:,} tokens")
    out.print(table)
    for name, ratio in measured.ratios.items():
        out.print(f"Docent: {ratio:.2f} {name}")
