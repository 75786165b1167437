"""`python -m rag doctor`: prints settings, states of services, limits and timings, or verifies the library."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from rag.cli.console import IngestProgress, fail, out, print_json
from rag.index import DocumentIndex

# How much of a limit is used now, by the limit's name; other limits are shown without it.
USED: Mapping[str, Callable[[DocumentIndex], int]] = {
    "MAX_DOCUMENTS": lambda index: index.size()[0],
    "MAX_JOBS": lambda index: sum(not job.finished for job in index.jobs()),
}


def add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--verify", action="store_true", help="compare the catalog, the kept files and Milvus instead")
    parser.add_argument("--repair", action="store_true", help="the same, and mend what is found")


def run_doctor(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError."""
    if options.verify or options.repair:
        return _verify(index, options)
    status = index.check()
    timings = index.timings()
    from rag.readers.ocr.engines import missing, summary  # late: it imports Pillow, which only this command needs

    used = {name: count(index) for name, count in USED.items()}
    if options.json:
        limits = {name: {"most": most, "now": used.get(name)} for name, most in index.settings.limits.items()}
        shown = index.settings.shown()
        scans = {"read_by": summary(index.settings.ocr), "missing": missing(index.settings.ocr)}
        print_json({"settings": shown, "limits": limits, "status": status, "scans": scans, "milliseconds": timings})
    else:
        for name, service in (("Embedding", status.embedding), ("Milvus", status.milvus), ("LLM", status.llm)):
            out.print(f"{name:<9}  {service.state:<8}  {service.name}  {service.detail}")
        out.print(f"Scans      {summary(index.settings.ocr)}")
        for sentence in (
            *missing(index.settings.ocr),
            status.notice,
            status.mismatch,
            status.outgrown,
            status.improved,
        ):
            if sentence:
                out.print(sentence)
        for name, most in index.settings.limits.items():
            out.print(f"Limit      {name} {most:,}" + (f", now {used[name]:,}" if name in used else ""))
        for name, value in index.settings.shown().items():
            out.print(f"{name}={value}")
        for name, milliseconds in timings.items():
            out.print(f"{name}: {milliseconds:.0f} ms")
    services = (status.embedding, status.milvus, status.llm)
    problems = [service.detail for service in services if service.state == "error"]
    problems += [status.mismatch] if status.mismatch else []
    return fail(problems[0]) if problems else 0


def _verify(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Verify, and with --repair mend. Returns 0 if no finding is left, else 1."""
    with IngestProgress(options.json) as progress:
        verification = index.verify(options.repair, on_progress=progress.show)
    if options.json:
        print_json(verification.findings)
    else:
        for finding in verification.findings:
            name = finding.file_name or finding.doc_id or index.settings.collection
            out.print(f"{'mended' if finding.mended else 'wrong'}  {finding.kind}  {name}  {finding.what}")
        documents, rows, findings = verification.documents, verification.rows, len(verification.findings)
        out.print(f"{documents:,} documents and {rows:,} rows looked at: {findings} findings.")
    if verification.good:
        return 0
    wrong = sum(not finding.mended for finding in verification.findings)
    if options.repair:
        return fail(f"{wrong} of {len(verification.findings)} findings can't be mended; see what each asks for.")
    return fail(f"{wrong} things are wrong; mend them with `python -m rag doctor --repair`.")
