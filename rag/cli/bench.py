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

# Each benchmark's module and help text, by its name. The first benchmark is the default.
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
    """Add a subcommand for each benchmark, with the benchmark's arguments and the arguments of `common`."""
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")
    for name, (module, help_text) in benchmarks_of.items():
        benchmark = benchmarks.add_parser(name, parents=[common], help=help_text, description=help_text)
        benchmark.set_defaults(module=module)
        import_module(module).add_arguments(benchmark)


def with_benchmark(arguments: Sequence[str]) -> list[str]:
    """The command line. A `bench` with neither a name nor --help gets the name of the default benchmark."""
    command, options = list(arguments[:1]), list(arguments[1:])
    unnamed = not options or (options[0].startswith("-") and options[0] not in {"-h", "--help"})
    return ["bench", DEFAULT, *options] if command == ["bench"] and unnamed else command + options


def run_bench(settings: Settings, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError, and KeyboardInterrupt on SIGTERM."""
    if threading.current_thread() is threading.main_thread():
        # SIGTERM acts like Ctrl-C: the benchmark still deletes its scratch collections.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    module: Any = import_module(options.module)
    return int(module.run(settings, options))
