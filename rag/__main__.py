"""The command line: a thin layer over DocumentIndex. `python -m rag --help` lists the commands."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from rag import DocumentIndex, Settings
from rag.benchmarks.command import add_bench_arguments, run_bench, with_benchmark
from rag.console import IngestProgress, fail, files_of, out, print_json
from rag.doctor_command import add_doctor_arguments, run_doctor
from rag.errors import RagError
from rag.eval_command import add_eval_arguments, run_eval
from rag.filetypes import SUPPORTED
from rag.logs import log_to_file, request
from rag.move_command import add_move_arguments, run_move
from rag.question_commands import add_ask_arguments, add_search_arguments, run_ask, run_search

BENCH_HELP = "measure how fast this Milvus, this machine and Docent are"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 only if all went well."""
    arguments = with_benchmark(sys.argv[1:] if arguments is None else arguments)
    options = _parser(arguments).parse_args(arguments)
    try:
        settings = _settings(options)
        log_to_file(settings)
        with request(f"command {options.command}"):
            if options.command == "bench":
                # Benchmarks bring their own collections; the app may be holding the library's.
                return run_bench(settings, options)
            # Commands that only look must not take up unfinished work: they are gone in a moment.
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
        """One line instead of the usage."""
        self.exit(fail(f"{message}; see `{self.prog} --help`.", 2))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON for machines")
    common.add_argument("--collection", metavar="NAME", help="the collection to use instead of COLLECTION")
    parser = _Parser(prog="python -m rag", description="Chat with your documents, by command.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Any, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common], help=help_text, description=help_text)
        command.set_defaults(run=run)
        return command

    ingest = add("ingest", _ingest, "add files and folders to the library")
    ingest.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder")
    ingest.add_argument("--replace", action="store_true", help="remove other documents of the same name")
    add_search_arguments(add("search", run_search, "find the passages for a question"))
    add_ask_arguments(add("ask", run_ask, "answer a question with its sources"))
    add("list", _list, "list the documents")
    delete = add("delete", _delete, "remove a document")
    delete.add_argument("doc_id", metavar="DOC_ID")
    reset = add("reset", _reset, "remove all documents of the collection")
    reset.add_argument("--yes", action="store_true", help="really do it")
    add_eval_arguments(add("eval", run_eval, "score answers to questions whose answers are known"))
    add("reindex", _reindex, "build the collection again with the settings in force")
    add_move_arguments(add("move", run_move, "copy the collection with its vectors to another Milvus"))
    bench = commands.add_parser("bench", help=BENCH_HELP, description=BENCH_HELP)
    if "bench" in arguments[:1]:  # no other command waits for the benchmarks to be imported
        add_bench_arguments(bench, common)
    add_doctor_arguments(add("doctor", run_doctor, "say what is configured, what is reachable, and how fast"))
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(collection=options.collection) if options.collection else Settings()


# --- the library's commands


def _ingest(index: DocumentIndex, options: argparse.Namespace) -> int:
    sources = [path for given in options.paths for path in files_of(Path(given))]
    if not sources:
        return fail(f"There is no file to ingest in {', '.join(options.paths)}; supported: {' '.join(SUPPORTED)}.")
    with IngestProgress(options.json) as progress:
        results = index.ingest(sources, replace=options.replace, on_progress=progress.show)
    if options.json:
        print_json(results)
    else:
        for result in results:
            counts = f"{result.pages} pages, {result.chunks} chunks" if result.status != "failed" else result.error
            out.print(f"{result.status:<9}  {result.file_name}  ({counts})")
    failed = [result for result in results if result.status == "failed"]
    if not failed:
        return 0
    one = len(failed) == 1
    return fail(str(failed[0].error) if one else f"{len(failed)} of {len(results)} files failed: {failed[0].error}")


def _list(index: DocumentIndex, options: argparse.Namespace) -> int:
    documents = index.documents()
    if options.json:
        print_json(documents)
    elif not documents:
        out.print("The library is empty; add files with `python -m rag ingest PATH`.")
    else:
        for d in documents:
            added = d.added_at.astimezone().strftime("%Y-%m-%d %H:%M")
            counts = d.error if d.state == "failed" else f"{d.pages} pages, {d.chunks} chunks, {_size(d.size)}, {added}"
            out.print(f"{d.doc_id}  {d.state:<7}  {d.file_name}  ({counts})")
    return 0


def _delete(index: DocumentIndex, options: argparse.Namespace) -> int:
    return _receipt(index.delete(options.doc_id), options)


def _reset(index: DocumentIndex, options: argparse.Namespace) -> int:
    if not options.yes:
        count = len(index.documents())
        return fail(f"This removes {count} documents of {index.settings.collection}; say --yes to do it.", 2)
    return _receipt(index.reset(), options)


def _reindex(index: DocumentIndex, options: argparse.Namespace) -> int:
    with IngestProgress(options.json) as progress:
        jobs = index.wait(index.reindex(), on_progress=progress.show)
    failed = [job for job in jobs if job.stage == "failed"]
    if options.json:
        print_json(jobs)
    else:
        out.print(f"{len(jobs) - len(failed)} documents indexed again.")
    return fail(f"{len(failed)} failed: {failed[0].error}") if failed else 0


# --- printing


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size / 1000:.0f} kB"


def _receipt(receipt: Any, options: argparse.Namespace) -> int:
    if options.json:
        print_json(receipt)
    else:
        out.print(f"Removed {receipt.documents} document(s), {receipt.chunks} chunks; {receipt.left} left in Milvus.")
    return 0 if receipt.left == 0 else fail(f"{receipt.left} rows are still in Milvus; try again.")


if __name__ == "__main__":
    sys.exit(main())
