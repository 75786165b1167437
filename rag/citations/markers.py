"""The citation markers of an answer: tidied, and each checked against the passage that it points to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.citations.entailment import find_support
from rag.schema import Citation, Passage
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms

_NAMED = r"(?:(?:passages?|sources?|documents?|docs?|references?|refs?|citations?)[\s:#]*|[\^#])?"
_NUMBERS = rf"{_NAMED}\d{{1,3}}(?:\s*(?:[,;&–—-]|and)\s*{_NAMED}\d{{1,3}})*"
# What models write for [1][2]: [1, 2], [1-2], [^1], [passage 1], 【1†source】, \[1\], [1](https://…).
_ONE = (
    rf"(?:\\?\[\s*{_NUMBERS}\s*\\?\](?:\((?:https?:|\#)[^)\s]*\))?"
    rf"|【\s*{_NUMBERS}\s*(?:†[^】\n]*)?】|［\s*{_NUMBERS}\s*］)"
)
_MARKERS = re.compile(
    rf"(?P<blank>(?:(?<![ \t])[ \t]+)?)(?P<markers>{_ONE}(?:[ \t]*[,;]?[ \t]*{_ONE})*)", re.IGNORECASE
)
_MARK = re.compile(r"\[\d{1,3}\]")
_TIDY = re.compile(rf"(?:(?:(?<!\s)\s+)?{_MARK.pattern})+")
_NUMBER_OR_RANGE = re.compile(r"(\d{1,3})(?:\s*[–—-]\s*(?:\D{0,12}?)(\d{1,3}))?")
_ADDRESS = re.compile(r"\]\([^)]*\)|†[^】\n]*")
# Brackets in code are no citations: blocks between fences, the last of which may be missing yet, and `spans`.
_CODE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)|(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)", re.M | re.S)
_HIDDEN = "\ufdd0"  # stands for a bracket in code; no character, so no text has it
_ROUND = str.maketrans("[]【】［］", "()()()", "\\")
_LIST_MARK = re.compile(r"\s*(?:[-*•>]\s*|\d{1,3}[.)]\s+)*")


def tidy_markers(text: str, passages: int, *, markdown: bool = True) -> str:
    """Write markers as [1][2], each number once, and drop those of passages that don't exist. Code is left alone, but
    only in Markdown: of quoted sentences a backtick is just a sign."""

    def tidy(match: re.Match[str]) -> str:
        numbers = [number for number in _numbers(match["markers"], passages) if 1 <= number <= passages]
        return "".join((match["blank"], *(f"[{number}]" for number in dict.fromkeys(numbers)))) if numbers else ""

    return _shown(_MARKERS.sub(tidy, _with_hidden_code(text) if markdown else text))


def without_markers(text: str) -> str:
    """A document's text with round brackets where a marker of ours would be read: its own [3] cites nothing."""
    return re.sub(_ONE, lambda marker: marker[0].translate(_ROUND), text, flags=re.IGNORECASE)


def check_citations(text: str, passages: Sequence[Passage], *, markdown: bool = True) -> list[Citation]:
    """The citations of an answer in the order of its tidied markers, each checked as `rag.citations.entailment` does.

    A claim is the sentence, or its part since the last marker, before its markers; in a table the marker's cell with
    the first cell of its row. Where only "According to" is before it, the claim is what follows.
    """
    citations = []
    tidy = tidy_markers(text, len(passages), markdown=markdown)
    for claim, numbers in _claims(_with_hidden_code(tidy) if markdown else tidy):
        for number in numbers:
            passage = passages[number - 1]
            found = find_support(claim, passage.text, passage.file_name)
            citations.append(Citation(number, claim, found.start, found.end, found.supported, found.missing))
    return citations


def checked_markers(text: str, passages: int, *, markdown: bool = True) -> tuple[str, list[tuple[int, int]]]:
    """The tidied text, and where the markers are in it that `check_citations` checks, in the order of its citations."""
    tidy = tidy_markers(text, passages, markdown=markdown)
    return tidy, [match.span() for match in _MARK.finditer(_with_hidden_code(tidy) if markdown else tidy)]


def _numbers(markers: str, passages: int) -> Iterator[int]:
    for first, last in _NUMBER_OR_RANGE.findall(_ADDRESS.sub("]", markers)):
        yield from range(int(first), min(int(last or first), passages) + 1)


def _with_hidden_code(text: str) -> str:
    return _CODE.sub(lambda match: match[0].replace("[", _HIDDEN), text)


def _shown(text: str) -> str:
    return text.replace(_HIDDEN, "[")


def _claims(text: str) -> Iterator[tuple[str, list[int]]]:
    """(claim without markers, the numbers of its markers), in order."""
    previous = ""  # a marker may be on a line of its own
    for line in text.splitlines():
        is_row = line.lstrip().startswith("|")
        for claim, markers in _claims_of_row(line) if is_row else _claims_of_line(line, previous):
            previous = claim
            if markers:
                yield _shown(claim), [int(number) for number in re.findall(r"\d+", markers)]


def _claims_of_line(line: str, previous: str) -> Iterator[tuple[str, str]]:
    """Claims with their markers; the last one may have none."""
    position = 0
    found = list(_TIDY.finditer(line))
    for match, following in zip(found, [*found, None][1:], strict=True):
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
    cells = row.strip().strip("|").split("|")
    texts = [_TIDY.sub("", cell).strip() for cell in cells]
    for text, cell in zip(texts, cells, strict=True):
        claim = [texts[0], text] if text and text != texts[0] else [text] if text else [one for one in texts if one]
        for match in _TIDY.finditer(cell):
            yield ", ".join(filter(None, claim)), match[0]


def _sentence(text: str, *, last: bool) -> str:
    """The last or first sentence with a word in it, without marks of lists around it; empty if there is none."""
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    worded = [_LIST_MARK.sub("", one, count=1).strip(" -*•>") for one in sentences if re.search(r"\w", one)]
    return worded[-1 if last else 0] if worded else ""
