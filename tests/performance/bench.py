"""Benchmarks that only developers need: `python -m tests.performance.bench latency|memory|scale [--json]`.

Each benchmark is a module, as in `rag/cli/bench.py`. A run takes minutes to hours; its figures depend on the machine.
"""

from __future__ import annotations

import argparse
import sys

from rag.cli.bench import add_bench_arguments, run_bench
from rag.cli.console import fail
from rag.errors import RagError
from rag.settings import Settings

BENCHMARKS = {
    "latency": ("tests.performance.latency", "a question's way to its passages, idle and during an ingest"),
    "memory": ("tests.performance.memory", "the memory that large files and many rounds of ingest and delete take"),
    "scale": (
        "tests.performance.scale",
        "the costs of a library as it grows from 1,000 chunks to a million",
    ),
}


def main() -> int:
    """Run one benchmark. Returns the exit code."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON for machines")
    parser = argparse.ArgumentParser(prog="python -m tests.performance.bench", description=__doc__)
    add_bench_arguments(parser, common, BENCHMARKS)
    options = parser.parse_args()
    try:
        return run_bench(Settings(), options)
    except RagError as error:
        return fail(str(error))


if __name__ == "__main__":
    sys.exit(main())
