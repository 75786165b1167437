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

# Name: module and help text. The first is the default.
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
    """The command line, with the default benchmark's name after a `bench` that has neither a name nor --help."""
    command, following = list(arguments[:1]), list(arguments[1:])
    unnamed = not following or (following[0].startswith("-") and following[0] not in {"-h", "--help"})
    return ["bench", DEFAULT, *following] if command == ["bench"] and unnamed else command + following


def run_bench(settings: Settings, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError, and KeyboardInterrupt when the process is told to end."""
    if threading.current_thread() is threading.main_thread():
        # Like Ctrl-C, so that a process that is told to end still deletes its scratch collections.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    module: Any = import_module(options.module)
    return int(module.run(settings, options))
