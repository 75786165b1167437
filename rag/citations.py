"""Which citations of an answer are borne out, and by which sentence of the passage."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.chunking import sentence_spans
from rag.lexical import content_terms
from rag.schema import Citation, Passage

_MARKER = re.compile(r"\[(\d{1,3})\]")
_MARKERS = re.compile(r"\[(\d{1,3}(?:\s*[,;–—-]\s*\d{1,3})*)\]")
_NUMBER = re.compile(r"\d")
# The share of a claim's content words that a supporting sentence, with its neighbours, must contain.
SUPPORTED_SHARE = 0.5


def tidy_markers(text: str, passages: int) -> str:
    """Write [1, 2] and [1-3] as markers of their own, and drop those of passages that don't exist."""

    def single(match: re.Match[str]) -> str:
        numbers: list[int] = []
        for part in re.split(r"[,;]", match[1]):
            first, _, last = re.sub(r"[–—]", "-", part).partition("-")
            numbers += range(int(first), int(last or first) + 1)
        return "".join(f"[{number}]" for number in numbers if 1 <= number <= passages)

    return _MARKERS.sub(single, text)


def check_citations(text: str, passages: Sequence[Passage]) -> list[Citation]:
    """The citations of an answer in order of appearance, each once for a claim and a passage.

    A claim is the sentence before its markers. It counts as supported when one sentence of the passage holds at
    least SUPPORTED_SHARE of its content words and the passage holds all of its numbers.
    """
    citations: list[Citation] = []
    for claim, numbers in _claims(text):
        for number in numbers:
            if 1 <= number <= len(passages):
                citations.append(_check(claim, number, passages[number - 1].text))
    return citations


def _claims(text: str) -> list[tuple[str, list[int]]]:
    """(sentence without markers, its markers); markers after the full stop belong to the sentence before."""
    found: list[tuple[str, list[int]]] = []
    previous = ""
    for line in text.splitlines():
        position = 0
        for match in re.finditer(r"(?:\s*\[\d{1,3}\])+", line):
            previous = _last_sentence(line[position : match.start()]) or previous
            found.append((previous, list(dict.fromkeys(int(n) for n in _MARKER.findall(match.group())))))
            position = match.end()
            while position < len(line) and line[position] in ".!?。 ":
                position += 1
        previous = _last_sentence(line[position:]) or previous  # its marker may be on a line of its own
    return found


def _last_sentence(text: str) -> str:
    """The last sentence with a word in it, without marks of lists around it; empty if there is none."""
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    return next((sentence.strip(" -*•>") for sentence in reversed(sentences) if re.search(r"\w", sentence)), "")


def _check(claim: str, number: int, passage: str) -> Citation:
    wanted = set(content_terms(claim))
    figures = {term for term in wanted if _NUMBER.search(term)}
    best = (0.0, 0, 0)
    for start, end in sentence_spans(passage):
        here = set(content_terms(passage[start:end]))
        share = len(wanted & here) / len(wanted) if wanted else 0.0
        if share > best[0]:
            best = (share, start, end)
    supported = best[0] >= SUPPORTED_SHARE and figures <= set(content_terms(passage))
    return Citation(number, claim, best[1] if supported else 0, best[2] if supported else 0, supported)
