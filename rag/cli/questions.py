"""`python -m rag search` and `ask`: the passages for a question, and its answer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from rag.cli.console import fail, out, print_json
from rag.errors import LLMError
from rag.index import DocumentIndex
from rag.schema import Passage


def add_search_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command `search`."""
    parser.add_argument("question", metavar="QUESTION")
    parser.add_argument("--top-k", type=_positive, default=10, metavar="N", help="how many passages (10)")
    parser.add_argument("--doc", action="append", metavar="DOC_ID", help="only in this document; may be repeated")


def add_ask_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command `ask`."""
    parser.add_argument("question", metavar="QUESTION")
    parser.add_argument("--doc", action="append", metavar="DOC_ID", help="only in this document; may be repeated")


def run_search(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError."""
    passages = index.search(options.question, top_k=options.top_k, doc_ids=options.doc)
    if options.json:
        print_json(passages)
    elif not passages:
        out.print("Nothing found.")
    else:
        _print_passages(passages)
    return 0


def run_ask(index: DocumentIndex, options: argparse.Namespace) -> int:
    """Returns the exit code. Raises RagError."""
    answer = index.ask(options.question, doc_ids=options.doc)
    try:
        for token in answer.tokens:
            if not options.json:
                out.print(token, end="")
    except LLMError:
        pass  # the last line reports answer.error
    if options.json:
        print_json({"text": answer.text, **asdict(answer.evidence())})
    else:
        out.print("\n")
        numbers = sorted({citation.number for citation in answer.citations})
        if answer.refused and answer.passages:
            out.print("The nearest passages:\n")
            numbers = list(range(1, len(answer.passages) + 1))
        _print_passages([answer.passages[number - 1] for number in numbers], numbers)
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


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError("a number from 1 to 1000")
    return number


def _print_passages(passages: Sequence[Passage], numbers: Sequence[int] | None = None) -> None:
    for number, passage in zip(numbers or range(1, len(passages) + 1), passages, strict=True):
        page = f", page {passage.page}" if passage.page else ""
        out.print(f"[{number}] {passage.file_name}{page}  (score {passage.score:.3f})")
        out.print(f"    {' '.join(passage.text.split())}\n")
