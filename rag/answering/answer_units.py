"""The parts of passages that may answer a question: sentences, items of lists, fields, rows of tables, and whole lists.

Headings, questions, rules and heads of tables answer nothing, but tell what the parts below them are about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.answering.asking import Asked
from rag.answering.prompts import estimate_tokens
from rag.answering.table_rows import Reading, Row, RowReader, plain_rows, read_row
from rag.citations.markers import without_markers
from rag.schema import Passage
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms, terms
from rag.text.written import without_notes

# A longer "sentence", in characters, is a table without full stops.
LONGEST = 600
# A shorter line is a fragment, unless it ends as a sentence does, or is an item of a list or a field. In estimated
# tokens: 9 are 25 Latin letters, or 9 Korean ones.
SHORTEST_TOKENS = 9
# The most rows or items of a list that are shown.
MOST_LISTED = 12

_HEADING = re.compile(r"(#{1,6})[ \t]+([^\n]*)(?:\n|$)")
_FENCE = re.compile(r"`{3,}[^\n]*")
_LINE_OF_DOTS = re.compile(r".*(?:\. ?){4,}\s*[\divxlc]+$|.*…+\s*\d+$")
_FOLIO = re.compile(r"[-–—\s]*(?:page|seite|p\.)?\s*\d{1,4}(?:\s*(?:/|of|von)\s*\d{1,4})?[-–—\s]*", re.IGNORECASE)
_SIGN = re.compile(r"^(?:[-*+•‣▪□■○●◦※☐☑ㅇ·]|\d{1,3}[.)]|\([^\W_]{1,4}\)|[①-⑳])[ \t]+(?=\S)")
_ITEM = re.compile(r"(?:[-*+•‣▪□■○●◦ㅇ]|\d{1,3}[.)]|\([^\W_]{1,4}\)|[①-⑳])[ \t]+\S.*", re.DOTALL)
_FIELD = re.compile(r"([^:：\n]{1,80})[:：][ \t]+(\S.*)", re.DOTALL)
_SENTENCE = re.compile(r".*\w.*[.!。！]['\"”’)\]]*$", re.DOTALL)
_QUESTION = re.compile(r".*[?？]['\"”’)\]]*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AnswerUnit:
    """A part of passage `number`, counted from 1.

    `text` is shown, and compared by meaning; `value` is the part of it that may be the asked value. `terms` are the
    terms that the part holds, `label` those of its label if it has one, `about` those of its table's title and group,
    or of a question that it answers, `near` those of the headings, the document's title and the sentences before it.
    `reading` is there for a table's row, `lines` for a list.
    """

    number: int
    text: str
    value: str
    terms: frozenset[str]
    near: frozenset[str]
    about: frozenset[str] = frozenset()
    label: frozenset[str] = frozenset()
    reading: Reading | None = None
    lines: tuple[str, ...] = ()


def answer_units(asked: Asked, passages: Sequence[Passage]) -> list[AnswerUnit]:
    """The parts of the passages that may be shown for a question, in order, each once."""
    units = [unit for number, passage in enumerate(passages, 1) for unit in _Parts(number, passage, asked).units()]
    # Overlapping passages share sentences; the first passage keeps them.
    return list({unit.text: unit for unit in reversed(units)}.values())[::-1]


@dataclass
class _Parts:
    """Goes through the parts of a passage, and keeps what stands above each."""

    number: int
    passage: Passage
    asked: Asked
    heading: str = ""
    before: str = ""  # the sentence or line before
    earlier: str = ""  # the one before that
    question: str = ""  # a question that the next part answers
    items: list[str] = field(default_factory=list)
    intro: str = ""

    def __post_init__(self) -> None:
        path, _, _ = self.passage.context.partition("\n")
        self.title = frozenset(terms(f"{self.passage.file_name} {path}"))

    def units(self) -> Iterator[AnswerUnit]:
        text = self.passage.text
        reader: RowReader | None = None
        parts = list(_parts(text))
        for index, part in enumerate(parts):
            if _FENCE.fullmatch(part):
                continue
            if part.startswith("|"):
                if reader is None:
                    yield from self._list()
                    reader = RowReader("" if index else self.passage.context, self.before)
                reader.read(part, parts[index + 1] if index + 1 < len(parts) else "")
                continue
            if reader is not None:
                yield from self._table(reader.finished())
                reader = None
            yield from self._prose(part)
        if reader is not None:
            yield from self._table(reader.finished())
        yield from self._list()

    def _near(self, *texts: str) -> frozenset[str]:
        return self.title | frozenset(terms("\n".join((self.heading, *texts))))

    def _prose(self, part: str) -> Iterator[AnswerUnit]:
        while heading := _HEADING.match(part):
            yield from self._list()
            self.heading, self.before = without_notes(heading[2]).strip(), ""
            self.question = self.heading if _QUESTION.fullmatch(self.heading) else ""
            part = part[heading.end() :]
        if rows := plain_rows(without_notes(part), self.before):
            yield from self._list()
            yield from self._table(rows)
            return
        flat = " ".join(without_notes(part).split())
        if not re.search(r"\w", flat) or _FOLIO.fullmatch(flat) or _LINE_OF_DOTS.fullmatch(flat):
            return
        if _ITEM.fullmatch(flat):
            if not self.items:
                self.intro = self.before
            self.items.append(_unsigned(flat))
        else:
            yield from self._list()
        bare = _unsigned(flat)
        if _QUESTION.fullmatch(bare):
            self.question = self.before = bare
            return
        field_match = _FIELD.fullmatch(bare)
        sentence = _SENTENCE.fullmatch(bare)
        whole = sentence or field_match or self.items or self.question
        long_enough = (
            estimate_tokens(flat) >= SHORTEST_TOKENS and not bare.endswith((":", "：")) and not _is_title(bare)
        )
        if len(flat) <= LONGEST and (whole or long_enough):
            yield self._unit(bare, field_match)
            self.question = ""
        self.earlier, self.before = self.before, bare

    def _unit(self, bare: str, labelled: re.Match[str] | None) -> AnswerUnit:
        shown = without_markers(bare)
        return AnswerUnit(
            self.number,
            shown,
            labelled[2] if labelled else shown,
            frozenset(terms(bare)),
            self._near(self.intro) if self.items else self._near(self.before, self.earlier),
            frozenset(terms(self.question)),
            frozenset(content_terms(labelled[1])) if labelled else frozenset(),
        )

    def _list(self) -> Iterator[AnswerUnit]:
        items, self.items = self.items, []
        if len(items) > 1 and "list" in self.asked.kinds:
            yield self._listed(items, f"{self.intro}\n{self.heading}")

    def _listed(self, lines: Sequence[str], about: str) -> AnswerUnit:
        shown = tuple(without_markers(line) for line in lines[:MOST_LISTED])
        text = "\n".join(shown)
        return AnswerUnit(self.number, text, text, frozenset(terms(about)), self._near(text), lines=shown)

    def _table(self, rows: Sequence[Row]) -> Iterator[AnswerUnit]:
        before = self.before
        for row in rows:
            reading = read_row(self.asked, row)
            said = without_markers(reading.text())
            if re.search(r"\w", said) and len(said) <= LONGEST:
                heads = " ".join(row.heads[index] for index in (*reading.columns, *reading.given))
                yield AnswerUnit(
                    self.number,
                    said,
                    reading.value,
                    reading.label_terms | frozenset(terms(f"{heads} {reading.value} {reading.given_values}")),
                    self._near(before, " ".join(row.heads)),
                    frozenset(terms(f"{row.title}\n{row.group}")),
                    reading.label_terms,
                    reading,
                )
        if len(rows) > 1 and "list" in self.asked.kinds:
            whole = [Reading(row, tuple(row.values()), False, ()).text() for row in rows]
            about = "\n".join((before, self.heading, rows[0].title, *rows[0].heads))
            if sum(map(len, whole[:MOST_LISTED])) < 4 * LONGEST:
                yield self._listed(whole, about)
        self.before = ""


def _parts(text: str) -> Iterator[str]:
    """The lines of tables, and the sentences, items and headings between them."""
    prose: list[str] = []
    for line in [*text.split("\n"), "|"]:
        if not line.startswith("|"):
            prose.append(line)
            continue
        between = "\n".join(prose)
        yield from (between[slice(*span)] for span in sentence_spans(between))
        prose = []
        if line != "|":
            yield line


def _is_title(text: str) -> bool:
    """Whether a text that is no sentence reads like a title or a table's head: most of its longer words are
    capitalised."""
    long = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 3]
    return bool(long) and text[-1] not in ".!。" and sum(word[0].isupper() for word in long) > 0.6 * len(long)


def _unsigned(text: str) -> str:
    while match := _SIGN.match(text):
        text = text[match.end() :]
    return text
