"""Finds in a page's text what `rag.text.blocks` has written: tables and their cells, notes, and struck text."""

from __future__ import annotations

import re

# A longer paragraph before a table isn't its title, and neither is one that ends with a full stop.
TITLE_CHARACTERS = 240
FULL_STOPS = ".!?。！？"
# The most characters of a note that goes along with the text that refers to it.
NOTE_CHARACTERS = 400
# A single dash without a colon is an empty cell of data.
_RULE_CELL = r"[ \t]*(?:-{2,}:?|:-+:?|-:)[ \t]*"
_RULE_LINE = re.compile(rf"^[ \t]*\|(?:{_RULE_CELL}\|)+[ \t]*(?:\n|$)", re.MULTILINE)
_BARS = re.compile(r"(?<!\\)[ \t]*\|(?:[ \t]*\|)*[ \t]?")
_HEADING_MARKS = re.compile(r"^#{1,6}[ \t]+", re.MULTILINE)
_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(rf"\|?(?:{_RULE_CELL}\|)+(?:{_RULE_CELL})?")
_NOTE_MARK = re.compile(r"\[\^([^\]\s]{1,8})\]")
_NOTE_LINE = re.compile(r"^\[\^([^\]\s]{1,8})\]: .+$", re.MULTILINE)
# Note marks, and text that is struck through with the blank before it.
_MARKS = re.compile(r"\[\^[^\]\s]{1,8}\]| ?~~[^~\n]{1,2000}~~")


def table_start(text: str, place: int) -> int | None:
    """Where the table around `place` begins, with the short paragraph before it that may be its title; None if there is
    no table's line at `place`."""
    line = text.rfind("\n", 0, place) + 1
    if not text.startswith("|", line):
        return None
    start = text.rfind("\n\n", 0, line) + 2 if text.rfind("\n\n", 0, line) >= 0 else 0
    before = text.rfind("\n\n", 0, max(start - 2, 0))
    title_start = before + 2 if before >= 0 else 0
    title = text[title_start : max(start - 2, 0)].strip() if start else ""
    is_title = 0 < len(title) <= TITLE_CHARACTERS and title[-1] not in FULL_STOPS and title[0] not in "|#"
    return title_start if is_title else start


def marks_in(text: str) -> list[str]:
    """The marks of notes in a text, in order, each once: "1" for `[^1]`."""
    return list(dict.fromkeys(_NOTE_MARK.findall(text))) if "[^" in text else []


def notes_by_mark(text: str) -> dict[str, str]:
    """The notes of a text by their marks, each as its line is written, cut to NOTE_CHARACTERS."""
    notes: dict[str, str] = {}
    for match in _NOTE_LINE.finditer(text) if "[^" in text else ():
        notes.setdefault(match[1], match[0][:NOTE_CHARACTERS])
    return notes


def cells_of(line: str) -> list[str]:
    """The texts of the cells of a table's line."""
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(line.strip().removeprefix("|").removesuffix("|"))]


def is_rule(line: str) -> bool:
    """Whether a line is the rule below a table's head."""
    return bool(_RULE.fullmatch(line.strip()))


def as_words(text: str) -> str:
    """The text as a model takes it in: without the bars, rules and heading marks of light Markdown, which are tokens
    that say nothing."""
    if "|" in text:
        text = _RULE_LINE.sub("", text)
        text = _BARS.sub(" ", text)
    return _HEADING_MARKS.sub("", text) if "#" in text else text


def without_notes(text: str) -> str:
    """The text without note marks."""
    return _NOTE_MARK.sub("", text) if "[^" in text else text


def without_marks(text: str) -> str:
    """The text without note marks and without text that is struck through."""
    return _MARKS.sub("", text) if "~~" in text or "[^" in text else text


def span_with_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """The half-open span in `text` of what is at `start` to `end` in `without_marks(text)`."""
    for match in _MARKS.finditer(text) if "~~" in text or "[^" in text else ():
        length = len(match[0])
        if match.start() <= start:
            start += length
        if match.start() < end:
            end += length
    return start, end
