"""`python -m rag ingest`, `list`, `delete`, `reset` and `reindex`: the documents of the library."""

from __future__ import annotations

import argparse
from pathlib import Path

from rag.cli.console import IngestProgress, fail, files_of, out, print_json
from rag.index import DocumentIndex
from rag.readers.formats import SUPPORTED
from rag.schema import Receipt


def add_ingest_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command `ingest`."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder")
    parser.add_argument("--replace", action="store_true", help="delete other documents of the same name")


def add_delete_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command `delete`."""
    parser.add_argument("doc_id", metavar="DOC_ID")


def add_reset_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command `reset`."""
    parser.add_argument("--yes", action="store_true", help="really do it")


def run_ingest(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code: 0 if no file failed. Raises RagError."""
    paths = [path for given in options.paths for path in files_of(Path(given))]
    if not paths:
        return fail(f"There is no file to ingest in {', '.join(options.paths)}; supported: {' '.join(SUPPORTED)}.")
    with IngestProgress(options.json) as progress:
        results = index.ingest(paths, replace=options.replace, on_progress=progress.show)
    if options.json:
        print_json(results)
    else:
        for result in results:
            counts = f"{result.pages} pages, {result.chunks} chunks" if result.status != "failed" else result.error
            out.print(f"{result.status:<9}  {result.file_name}  ({counts})")
            if result.notice:
                out.print(f"{'':<9}  {result.notice}")
    failed = [result for result in results if result.status == "failed"]
    if not failed:
        return 0
    one = len(failed) == 1
    return fail(str(failed[0].error) if one else f"{len(failed)} of {len(results)} files failed: {failed[0].error}")


def run_list(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns 0. Raises RagError."""
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


def run_delete(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError."""
    return _print_receipt(index.delete(options.doc_id), options)


def run_reset(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code: 2 without --yes. Raises RagError."""
    if not options.yes:
        count = len(index.documents())
        return fail(f"This deletes {count} documents of {index.settings.collection}; say --yes to do it.", 2)
    return _print_receipt(index.reset(), options)


def run_reindex(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code: 0 if no document failed. Raises RagError."""
    with IngestProgress(options.json) as progress:
        jobs = index.wait(index.reindex(), on_progress=progress.show)
    failed = [job for job in jobs if job.stage == "failed"]
    if options.json:
        print_json(jobs)
    else:
        out.print(f"{len(jobs) - len(failed)} documents indexed again.")
    return fail(f"{len(failed)} failed: {failed[0].error}") if failed else 0


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size / 1000:.0f} kB"


def _print_receipt(receipt: Receipt, options: argparse.Namespace) -> int:
    if options.json:
        print_json(receipt)
    else:
        out.print(f"Deleted {receipt.documents} document(s), {receipt.chunks} chunks; {receipt.left} left in Milvus.")
    return 0 if receipt.left == 0 else fail(f"{receipt.left} rows are still in Milvus; try again.")
