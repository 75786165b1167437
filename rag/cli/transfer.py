"""`python -m rag move`: copies the library to another Milvus, and prints the next steps."""

from __future__ import annotations

import argparse
from shlex import quote

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rag.cli.console import err, out, print_json
from rag.index import DocumentIndex
from rag.library.transfer import Moved


def add_move_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--to", required=True, metavar="URI", help="what MILVUS_URI will be: a file .db, or a server")
    parser.add_argument("--token", default="", help="what MILVUS_TOKEN will be (from a file: MILVUS_TOKEN)")


def run_move(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError."""
    columns = (TextColumn("Moving"), BarColumn(), MofNCompleteColumn(), TextColumn("chunks"), TimeRemainingColumn())
    quiet = options.json or not err.is_terminal
    with Progress(*columns, console=err, transient=True, disable=quiet) as progress:
        task = progress.add_task("", total=None)
        moved = index.move(
            options.to,
            options.token,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total or None),
        )
    if options.json:
        print_json(moved)
    else:
        _print_moved(moved, bool(options.token))
    return 0


def _print_moved(moved: Moved, with_token: bool) -> None:
    before = f", {moved.chunks - moved.copied} of them there before" if moved.copied < moved.chunks else ""
    out.print(f"{moved.documents} document(s) are at {moved.milvus_uri}: {moved.chunks} chunks, all counted{before}.")
    if moved.waiting:
        out.print(f"{moved.waiting} more weren't ready: they are listed there as they were, to go on or to be retried.")
    if not moved.lexical:
        out.print("That Milvus is older than 2.5 and has no BM25: it is searched by embedding only.")
    out.print(
        f"Nothing was deleted from {moved.source}; once all is well there, do it with: "
        f"MILVUS_URI={quote(moved.source)} python -m rag reset --yes --collection {moved.collection}"
    )
    out.print(
        f"Next: set MILVUS_URI={quote(moved.milvus_uri)}" + (" and MILVUS_TOKEN to that token" if with_token else "")
    )
