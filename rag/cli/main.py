"""`python -m rag COMMAND`: the parser, and the running of one command.

A command is a function `run_…(index, options)` of another module, which returns the exit code and raises RagError.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from rag import DocumentIndex, Settings, __version__
from rag.cli.bench import add_bench_arguments, run_bench, with_benchmark
from rag.cli.console import fail
from rag.cli.doctor import add_doctor_arguments, run_doctor
from rag.cli.documents import (
    add_delete_arguments,
    add_ingest_arguments,
    add_reset_arguments,
    run_delete,
    run_ingest,
    run_list,
    run_reindex,
    run_reset,
)
from rag.cli.evaluation import add_eval_arguments, run_eval
from rag.cli.questions import add_ask_arguments, add_search_arguments, run_ask, run_search
from rag.cli.transfer import add_move_arguments, run_move
from rag.errors import RagError
from rag.runtime.logs import log_to_file, request

BENCH_HELP = "measure how fast this Milvus, this machine and Docent are"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code: 0 for success, 2 for wrong arguments, 130 for Ctrl-C, else 1."""
    arguments = with_benchmark(sys.argv[1:] if arguments is None else arguments)
    options = _parser(arguments).parse_args(arguments)
    try:
        settings = _settings(options)
        log_to_file(settings)
        with request(f"command {options.command}"):
            if options.command == "bench":
                # A benchmark opens no library: it makes its own collections, and the app may have the Lite file open.
                return run_bench(settings, options)
            # Commands other than `ingest` end in a moment, so they resume no unfinished document.
            with DocumentIndex(settings, background=options.command == "ingest") as index:
                return int(options.run(index, options))
    except RagError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail("Stopped.", 130)
    except BrokenPipeError:
        return 1
    except Exception as error:
        logging.getLogger("rag").exception("the command failed")
        return fail(
            f"Something unexpected went wrong ({type(error).__name__}); the log in DATA_DIR says where, and with "
            "LOG_LEVEL=DEBUG also what."
        )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one line in place of argparse's usage text, and exit with code 2."""
        self.exit(fail(f"{message}; see `{self.prog} --help`.", 2))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON for machines")
    common.add_argument("--collection", metavar="NAME", help="the collection to use instead of COLLECTION")
    parser = _Parser(prog="python -m rag", description="Chat with your documents, by command.")
    parser.add_argument("--version", action="version", version=f"Docent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Any, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common], help=help_text, description=help_text)
        command.set_defaults(run=run)
        return command

    add_ingest_arguments(add("ingest", run_ingest, "add files and folders to the library"))
    add_search_arguments(add("search", run_search, "find the passages for a question"))
    add_ask_arguments(add("ask", run_ask, "answer a question with its sources"))
    add("list", run_list, "list the documents")
    add_delete_arguments(add("delete", run_delete, "delete a document"))
    add_reset_arguments(add("reset", run_reset, "delete all documents of the collection"))
    add_eval_arguments(add("eval", run_eval, "score answers to questions whose answers are known"))
    add("reindex", run_reindex, "build the collection again with the settings in force")
    add_move_arguments(add("move", run_move, "copy the collection with its vectors to another Milvus"))
    bench = commands.add_parser("bench", help=BENCH_HELP, description=BENCH_HELP)
    if "bench" in arguments[:1]:  # else skipped: importing the benchmarks takes time
        add_bench_arguments(bench, common)
    add_doctor_arguments(add("doctor", run_doctor, "say what is configured, what is reachable, and how fast"))
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(collection=options.collection) if options.collection else Settings()
