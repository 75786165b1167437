"""`python -m rag bench [BENCHMARK]`: each benchmark is a module with `add_arguments(parser)` and `run`.

`run(settings, options)` returns the exit code and raises RagError. To add one, name it in BENCHMARKS.
"""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from rag.settings import Settings

# By name: the module, and what it measures. The first is run where none is named.
BENCHMARKS = {
    "tables": ("rag.benchmarks.tables_command", "the tutorial's adds and searches, and Docent's (the default)"),
    "ingest": ("rag.benchmarks.ingest", "from files to a library, the tutorial's way and Docent's, and the limit"),
    "latency": (
        "rag.benchmarks.latency",
        "a question's way to its passages, idle and during an ingest",
    ),
    "memory": ("rag.benchmarks.memory", "the memory that large files and many rounds of ingest and delete take"),
    "scale": ("rag.benchmarks.scale", "what a library costs as it grows from 1,000 chunks to 100,000 or a million"),
}
DEFAULT = next(iter(BENCHMARKS))


def add_bench_arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The benchmarks, each with its own arguments and those of `common`."""
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")
    for name, (module, help_text) in BENCHMARKS.items():
        benchmark = benchmarks.add_parser(name, parents=[common], help=help_text, description=help_text)
        import_module(module).add_arguments(benchmark)


def with_benchmark(arguments: Sequence[str]) -> list[str]:
    """The command line with the default benchmark's name after `bench`, where none is named and no help is asked."""
    command, following = list(arguments[:1]), list(arguments[1:])
    unnamed = not following or (following[0].startswith("-") and following[0] not in {"-h", "--help"})
    return ["bench", DEFAULT, *following] if command == ["bench"] and unnamed else command + following


def run_bench(settings: Settings, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError, and KeyboardInterrupt when the process is told to end."""
    if threading.current_thread() is threading.main_thread():
        # As Ctrl-C: scratch collections must not stay behind when the process is told to end.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    module: Any = import_module(BENCHMARKS[options.benchmark][0])
    return int(module.run(settings, options))
