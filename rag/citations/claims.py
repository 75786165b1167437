"""Finds the claims of an answer by their markers, and checks each against the passage that the marker names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.citations.entailment import check_claim
from rag.citations.markers import TIDY_MARKERS, hide_code, show_code, tidy_markers
from rag.schema import Citation, Passage
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms

# Bullets, quotation marks and numbers at the beginning of a list's item.
_LIST_MARK = re.compile(r"\s*(?:[-*•>]\s*|\d{1,3}[.)]\s+)*")


def check_citations(text: str, passages: Sequence[Passage], *, markdown: bool = True) -> list[Citation]:
    """The citations of an answer in the order of its tidied markers, each checked by `rag.citations.entailment`.

    A claim is the sentence before its markers, or the part of the sentence since the last marker. In a table it is the
    marker's cell, with the first cell of the row. If only words such as "According to" precede a marker, it is the text
    after the marker.
    """
    citations = []
    tidy = tidy_markers(text, len(passages), markdown=markdown)
    for claim, numbers in _claims(hide_code(tidy) if markdown else tidy):
        for number in numbers:
            passage = passages[number - 1]
            verdict = check_claim(claim, passage.text, passage.file_name, passage.context)
            citations.append(Citation(number, claim, verdict.start, verdict.end, verdict.borne_out, verdict.missing))
    return citations


def _claims(text: str) -> Iterator[tuple[str, list[int]]]:
    """Each claim without its markers, and the numbers of the markers, in order."""
    previous = ""  # the last claim: a marker may stand alone on the line after its claim
    for line in text.splitlines():
        is_row = line.lstrip().startswith("|")
        for claim, markers in _claims_of_row(line) if is_row else _claims_of_line(line, previous):
            previous = claim
            if markers:
                yield show_code(claim), [int(number) for number in re.findall(r"\d+", markers)]


def _claims_of_line(line: str, previous: str) -> Iterator[tuple[str, str]]:
    """Each claim of a line with its markers; the last claim may have none."""
    position = 0
    matches = list(TIDY_MARKERS.finditer(line))
    for match, following in zip(matches, [*matches, None][1:], strict=True):
        claim = _sentence(line[position : match.start()], last=True)
        if not content_terms(claim) and (claim or not position):
            after = _sentence(line[match.end() : following.start() if following else None], last=False)
            claim = f"{claim} {after.lstrip(' ,:')}".strip() if content_terms(after) else claim
        previous = claim or previous
        yield previous, match[0]
        # Markers after the full stop belong to the sentence before it.
        position = match.end()
        while position < len(line) and line[position] in ".!?。 ":
            position += 1
    yield _sentence(line[position:], last=True) or previous, ""


def _claims_of_row(row: str) -> Iterator[tuple[str, str]]:
    """Each claim of a table's row with its markers. Markers alone in a cell belong to the whole row."""
    cells = row.strip().strip("|").split("|")
    texts = [TIDY_MARKERS.sub("", cell).strip() for cell in cells]
    for text, cell in zip(texts, cells, strict=True):
        claim = (
            [texts[0], text]
            if text and text != texts[0]
            else [text]
            if text
            else [cell_text for cell_text in texts if cell_text]
        )
        for match in TIDY_MARKERS.finditer(cell):
            yield ", ".join(filter(None, claim)), match[0]


def _sentence(text: str, *, last: bool) -> str:
    """The last (or first) sentence with a word in it, without marks of lists around it; empty if there is none."""
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    worded = [_LIST_MARK.sub("", s, count=1).strip(" -*•>") for s in sentences if re.search(r"\w", s)]
    return worded[-1 if last else 0] if worded else ""
