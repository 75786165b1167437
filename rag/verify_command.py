"""`python -m rag doctor --verify` and `--repair`: whether catalog, files and Milvus agree, on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from rag.console import IngestProgress, fail, out, print_json
from rag.index import DocumentIndex


def add_verify_arguments(command: Any) -> None:
    """Add the options of verifying to the command `doctor`."""
    command.add_argument("--verify", action="store_true", help="compare the catalog, the kept files and Milvus instead")
    command.add_argument("--repair", action="store_true", help="the same, and mend what is found")


def run_verify(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Verify, and mend where that is asked for. Returns 0 if nothing is wrong any more."""
    with IngestProgress(options.json) as progress:
        found = index.verify(options.repair, on_progress=progress.show)
    if options.json:
        print_json(found.findings)
    else:
        for finding in found.findings:
            name = finding.file_name or finding.doc_id or index.settings.collection
            out.print(f"{'mended' if finding.mended else 'wrong'}  {finding.kind}  {name}  {finding.what}")
        out.print(f"{found.documents:,} documents and {found.rows:,} rows looked at: {len(found.findings)} findings.")
    if found.good:
        return 0
    wrong = sum(not finding.mended for finding in found.findings)
    if options.repair:
        return fail(f"{wrong} of {len(found.findings)} findings can't be mended; see what each asks for.")
    return fail(f"{wrong} things are wrong; mend them with `python -m rag doctor --repair`.")
