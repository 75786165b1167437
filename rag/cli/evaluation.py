"""`python -m rag eval`: scores sets of questions, keeps the outcome of each question, and compares two runs."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.progress import track
from rich.table import Table

from rag.cli.console import IngestProgress, err, fail, files_of, out, print_json
from rag.errors import RagError
from rag.evaluation.evaluate import check_errors, evaluate
from rag.evaluation.outcomes import Outcome, compare, load_outcomes, save_outcomes, summary
from rag.evaluation.question_sets import QuestionSet, load_question_set
from rag.index import DocumentIndex

# The most questions printed for each score of a comparison.
SHOWN_CHANGES = 5


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="JSON lines of questions, or a BEIR folder")
    parser.add_argument("--documents", nargs="+", metavar="PATH", default=[], help="add these to the library first")
    parser.add_argument("--no-answers", action="store_true", help="only search, which is faster")
    parser.add_argument("--details", metavar="FOLDER", help="where the outcome of each question goes (DATA_DIR/eval)")
    parser.add_argument("--compare", nargs=2, metavar=("BEFORE", "AFTER"), help="compare two files of outcomes")


def run_eval(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError."""
    if options.compare:
        return _compare(options.compare[0], options.compare[1], options.json)
    if not options.files:
        return fail("Name a file of questions, a BEIR folder, or two files of outcomes after --compare.", 2)
    results: dict[str, dict[str, Any]] = {}
    sets = [load_question_set(Path(path)) for path in options.files]
    for number, questions in enumerate(sets, 1):
        if questions.name in results:  # two folders have a set of this name
            questions = replace(questions, name=f"{questions.name}-{number}")
        if questions.documents and not options.collection:
            # A corpus gets its own collection, so that it doesn't mix with the user's documents.
            name = "eval_" + re.sub(r"\W", "_", questions.name, flags=re.ASCII)
            settings = index.settings.model_copy(update={"collection": name})
            with DocumentIndex(settings, background=False) as corpus_index:
                results[questions.name] = _score(corpus_index, questions, options)
        else:
            results[questions.name] = _score(index, questions, options)
    if options.json:
        print_json(results)
    else:
        _print_scores(results)
    return 0


def _score(index: DocumentIndex, questions: QuestionSet, options: argparse.Namespace) -> dict[str, Any]:
    files: list[Any] = [path for given in options.documents for path in files_of(Path(given))]
    files += questions.documents
    if files:
        with IngestProgress(options.json) as progress:
            failed = [r for r in index.ingest(files, on_progress=progress.show) if r.status == "failed"]
        if failed:
            raise RagError(f"{len(failed)} of {len(files)} documents failed: {failed[0].error}")
    asking = track(
        evaluate(index, questions, answers=not options.no_answers),
        f"Asking {questions.name}",
        total=len(questions.questions),
        console=err,
        transient=True,
        disable=options.json or not err.is_terminal,
    )
    outcomes: list[Outcome] = []
    folder = Path(options.details) if options.details else index.settings.data_dir / "eval"
    path = folder / f"{questions.name}-{datetime.now():%Y%m%d-%H%M%S}.jsonl"
    try:
        outcomes.extend(asking)
    finally:
        if outcomes:  # after an error, the outcomes so far
            save_outcomes(path, outcomes)
    checks = {} if options.no_answers else check_errors(questions, outcomes)
    return {**summary(outcomes), **checks, "details": str(path)}


def _print_scores(results: dict[str, dict[str, Any]]) -> None:
    for name, scores in results.items():
        table = Table(title=f"{name}: {scores['questions']} questions", title_justify="left", box=None)
        table.add_column("")
        table.add_column(justify="right")
        for score, value in scores.items():
            if isinstance(value, float):
                table.add_row(score, f"{value:.0f}" if " ms" in score else f"{value:.3f}")
        out.print(table)
        out.print(f"Each question: {scores['details']}\n")


def _compare(before: str, after: str, as_json: bool) -> int:
    differences = compare(load_outcomes(Path(before)), load_outcomes(Path(after)))
    if not differences:
        return fail("The two files have no scored question in common.")
    if as_json:
        print_json([asdict(difference) for difference in differences])
        return 0
    for d in differences:
        out.print(f"{d.score:<22} {d.before:.3f} → {d.after:.3f}  ({d.better} better, {d.worse} worse)")
        for question, was, became in d.changed[:SHOWN_CHANGES]:
            out.print(f"    {question}: {was:.3f} → {became:.3f}")
    return 0
