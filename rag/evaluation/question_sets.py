"""Reads questions with known answers: JSON lines, or a folder in BEIR's layout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.answering.inputs import as_messages
from rag.errors import RagError
from rag.schema import Message


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the known facts about its answer.

    `relevant` maps names of documents to grades (above 0). `pages` are 1-based pages of the one relevant document.
    `quote` has verbatim words of the passage that answers the question. `answerable` is None if it isn't known.
    """

    question_id: str
    text: str
    history: tuple[Message, ...] = ()
    relevant: Mapping[str, float] = field(default_factory=dict)
    pages: tuple[int, ...] = ()
    quote: str = ""
    answer: str = ""
    answerable: bool | None = None

    @property
    def has_gold(self) -> bool:
        """Whether there is a document or a quote that a search should find."""
        return bool(self.relevant or self.quote) and self.answerable is not False


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions. A BEIR folder also has the documents to search, as pairs of name and bytes."""

    name: str
    questions: list[Question]
    documents: list[tuple[str, bytes]]


def load_question_set(path: Path) -> QuestionSet:
    """Read a file of JSON lines or a BEIR folder (corpus.jsonl, queries.jsonl, qrels/*.tsv).

    A line has `question`, and `file` or `quote` or both. It may have `pages` of the file, `answerable` (true or false),
    `history` (messages, oldest first), `answer` and `id`. Raises RagError, which names the line.
    """
    if path.is_dir():
        return _load_beir(path)
    return QuestionSet(path.stem, [_question(line, entry) for line, entry in _lines(path)], [])


def _question(place: str, entry: dict[str, Any]) -> Question:
    text = entry.get("question", "")
    pages = entry.get("pages") or ()
    answerable = entry.get("answerable")
    if not isinstance(text, str) or not text.strip():
        raise RagError(f'{place} has no question; give it as "question".')
    if not isinstance(pages, list | tuple) or not all(isinstance(page, int) and page > 0 for page in pages):
        raise RagError(f"{place}: pages takes a list of numbers from 1, such as [3, 4].")
    if not isinstance(answerable, bool | None):
        raise RagError(f"{place}: answerable takes true or false.")
    if pages and not entry.get("file"):
        raise RagError(f"{place} names pages but not their file.")
    if answerable is not False and not entry.get("file") and not entry.get("quote"):
        raise RagError(f"{place} names neither a file nor a quote that should be found.")
    return Question(
        str(entry.get("id", place.rsplit(" ", 1)[-1])),
        text,
        _history(place, entry),
        {str(entry["file"]): 1.0} if entry.get("file") else {},
        tuple(pages),
        str(entry.get("quote") or ""),
        str(entry.get("answer") or ""),
        answerable,
    )


def _load_beir(folder: Path) -> QuestionSet:
    grades: dict[str, dict[str, float]] = {}
    for path in sorted((folder / "qrels").glob("*.tsv")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            parts = line.split("\t")
            try:
                if float(parts[2]) > 0:
                    grades.setdefault(parts[0], {})[f"{parts[1]}.txt"] = float(parts[2])
            except (IndexError, ValueError):
                if number > 1:  # the first line may be a header
                    raise RagError(f"{path.name} line {number} isn't query, document and grade.") from None
    documents = []
    for place, entry in _lines(folder / "corpus.jsonl"):
        if "_id" not in entry or not isinstance(entry.get("text"), str):
            raise RagError(f"{place} needs _id and text.")
        title = str(entry.get("title") or "")
        text = f"{title}\n\n{entry['text']}" if title else entry["text"]
        documents.append((f"{entry['_id']}.txt", text.encode("utf-8", "replace")))
    questions = []
    for place, entry in _lines(folder / "queries.jsonl"):
        if "_id" not in entry or not isinstance(entry.get("text"), str):
            raise RagError(f"{place} needs _id and text.")
        relevant = grades.get(str(entry["_id"]), {})
        history = _history(place, entry)
        # A question without grades may not have been judged.
        answerable = entry.get("answerable", True if relevant else None)
        questions.append(Question(str(entry["_id"]), entry["text"], history, relevant, answerable=answerable))
    return QuestionSet(folder.name, questions, documents)


def _history(place: str, entry: dict[str, Any]) -> tuple[Message, ...]:
    history = entry.get("history") or ()
    if not isinstance(history, list | tuple):
        raise RagError(f"{place}: history takes a list of messages.")
    return tuple(as_messages(history))


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it isn't UTF-8"
        raise RagError(f"{path.name} can't be read ({reason}); check the path {path}.") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            place = f"{path.name} line {number}"
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise RagError(f"{place} isn't JSON: write one object a line.") from error
            if not isinstance(entry, dict):
                raise RagError(f"{place} isn't a JSON object.")
            yield place, entry
