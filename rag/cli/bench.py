"""`python -m rag bench [BENCHMARK]`: each benchmark is a module with `add_arguments(parser)` and `run`.

`run(settings, options)` returns the exit code and raises RagError. To add one, name it in BENCHMARKS.
"""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from rag.settings import Settings

# By name: the module, and what it measures. The first is run where none is named.
BENCHMARKS = {
    "tables": ("rag.cli.bench_tables", "the tutorial's adds and searches, and Docent's (the default)"),
    "ingest": ("rag.cli.bench_ingest", "from files to a library, the tutorial's way and Docent's, and the limit"),
}
DEFAULT = next(iter(BENCHMARKS))


def add_bench_arguments(
    parser: argparse.ArgumentParser,
    common: argparse.ArgumentParser,
    benchmarks_of: Mapping[str, tuple[str, str]] = BENCHMARKS,
) -> None:
    """The benchmarks, each with its own arguments and those of `common`."""
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")
    for name, (module, help_text) in benchmarks_of.items():
        benchmark = benchmarks.add_parser(name, parents=[common], help=help_text, description=help_text)
        benchmark.set_defaults(module=module)
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
    module: Any = import_module(options.module)
    return int(module.run(settings, options))
