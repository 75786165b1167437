"""The command line: a thin layer over DocumentIndex. `python -m rag --help` lists the commands."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from rag import DocumentIndex, Settings
from rag.benchmarks.command import add_bench_arguments, run_bench, with_benchmark
from rag.console import IngestProgress, fail, files_of, out, print_json
from rag.errors import LLMError, RagError
from rag.eval_command import add_eval_arguments, run_eval
from rag.filetypes import SUPPORTED
from rag.logs import log_to_file, request
from rag.move_command import add_move_arguments, run_move
from rag.schema import Passage
from rag.verify_command import add_verify_arguments, run_verify

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
    search = add("search", _search, "find the passages for a question")
    search.add_argument("question", metavar="QUESTION")
    search.add_argument("--top-k", type=_positive, default=10, metavar="N", help="how many passages (10)")
    search.add_argument("--doc", action="append", metavar="DOC_ID", help="only in this document; may be repeated")
    ask = add("ask", _ask, "answer a question with its sources")
    ask.add_argument("question", metavar="QUESTION")
    ask.add_argument("--doc", action="append", metavar="DOC_ID", help="only in this document; may be repeated")
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
    add_verify_arguments(add("doctor", _doctor, "say what is configured, what is reachable, and how fast"))
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError("a number from 1 to 1000")
    return number


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(collection=options.collection) if options.collection else Settings()


# --- commands


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


def _search(index: DocumentIndex, options: argparse.Namespace) -> int:
    passages = index.search(options.question, top_k=options.top_k, doc_ids=options.doc)
    if options.json:
        print_json(passages)
    elif not passages:
        out.print("Nothing found.")
    else:
        _print_passages(passages)
    return 0


def _ask(index: DocumentIndex, options: argparse.Namespace) -> int:
    answer = index.ask(options.question, doc_ids=options.doc)
    try:
        for part in answer.tokens:
            if not options.json:
                out.print(part, end="")
    except LLMError:
        pass  # said below, from answer.error
    if options.json:
        print_json({"text": answer.text, **asdict(answer.evidence())})
    else:
        out.print("\n")
        cited = sorted({citation.number for citation in answer.citations})
        if answer.refused and answer.passages:
            out.print("The nearest passages:\n")
            cited = list(range(1, len(answer.passages) + 1))
        _print_passages([answer.passages[number - 1] for number in cited], cited)
        unsupported = sum(not citation.supported for citation in answer.citations)
        if unsupported:
            out.print(f"{unsupported} citation(s) not borne out by their passage.")
        for citation in answer.citations:
            if citation.missing:
                out.print(f"Not in passage [{citation.number}]: {', '.join(citation.missing)}.")
        if answer.unsearched:
            out.print(f"Not searched, since still being indexed: {answer.unsearched} document(s).")
        if answer.extractive:
            out.print(index.status().llm.detail)
    return fail(answer.error) if answer.error else 0


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


def _doctor(index: DocumentIndex, options: argparse.Namespace) -> int:
    if options.verify or options.repair:
        return run_verify(index, options)
    status = index.check()
    timings = index.timings()
    used = {"MAX_DOCUMENTS": index.size()[0], "MAX_JOBS": sum(not job.finished for job in index.jobs())}
    if options.json:
        limits = {name: {"most": most, "now": used.get(name)} for name, most in index.settings.limits.items()}
        shown = index.settings.shown()
        print_json({"settings": shown, "limits": limits, "status": status, "milliseconds": timings})
    else:
        for name, part in (("Embedding", status.embedding), ("Milvus", status.milvus), ("LLM", status.llm)):
            out.print(f"{name:<9}  {part.state:<8}  {part.name}  {part.detail}")
        for sentence in (status.notice, status.mismatch, status.outgrown):
            if sentence:
                out.print(sentence)
        for name, most in index.settings.limits.items():
            out.print(f"Limit      {name} {most:,}" + (f", now {used[name]:,}" if name in used else ""))
        for name, value in index.settings.shown().items():
            out.print(f"{name}={value}")
        for name, milliseconds in timings.items():
            out.print(f"{name}: {milliseconds:.0f} ms")
    bad = [part.detail for part in (status.embedding, status.milvus, status.llm) if part.state == "error"]
    bad += [status.mismatch] if status.mismatch else []
    return fail(bad[0]) if bad else 0


# --- printing


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size / 1000:.0f} kB"


def _receipt(receipt: Any, options: argparse.Namespace) -> int:
    if options.json:
        print_json(receipt)
    else:
        out.print(f"Removed {receipt.documents} document(s), {receipt.chunks} chunks; {receipt.left} left in Milvus.")
    return 0 if receipt.left == 0 else fail(f"{receipt.left} rows are still in Milvus; try again.")


def _print_passages(passages: Sequence[Passage], numbers: Sequence[int] | None = None) -> None:
    for number, passage in zip(numbers or range(1, len(passages) + 1), passages, strict=True):
        page = f", page {passage.page}" if passage.page else ""
        out.print(f"[{number}] {passage.file_name}{page}  (score {passage.score:.3f})")
        out.print(f"    {' '.join(passage.text.split())}\n")


if __name__ == "__main__":
    sys.exit(main())
