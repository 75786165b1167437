"""Blocks: the parts of a page as a person sees them, and the one form in which they are written as text.

Readers make blocks, and `page_text` writes them as light Markdown. `rag.text.units` finds the blocks in that text
again, so a page needs to keep nothing but its text, and every span is a span of that text.

Only what a person sees is written. Text that is struck through is marked by `struck`, figures that are raised or
lowered by `raised` and `lowered`, so that the note mark of "45¹" and the exponent of "10⁶" never become digits of the
number before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.text.raised_figures import with_raised_figures

# A table isn't filled up with empty cells where one long row among short rows would make more cells than this.
MOST_CELLS = 20_000_000
_DEEPEST_HEADING = 6

# A raised figure after one of these is an exponent: ten, a unit of length, a single letter, or letters after the sign
# of an operation. After any other text it is the mark of a note.
_BASE = re.compile(
    r"(?<![\w.,])(?:10|[cdkmµμn]?m|ft|yd|mi|[a-zA-Z])$|(?<![^\W\d_])\d+ ?(?:[cdkm]?m|in|ft|yd|mi)$"
    r"|[=+*/·×÷<>≤≥(^−-] ?[a-zA-Z]{1,3}$"
)
_EXPONENT = re.compile(r"[+−–-]?\d{1,3}|[+−–-]?[nkxyij]")
_ORDINAL = re.compile(r"(?i)st|nd|rd|th|ers?|e|[eè]re|ème|nde?|[oaºª]")
# Note marks: figures or single letters, alone, in brackets, or several with commas between them.
_NOTE = re.compile(r"[(\[]?(\d{1,3}|[a-z])[)\].]?(?:\s*[,;]\s*[(\[]?(\d{1,3}|[a-z])[)\].]?)*")
_MARK = re.compile(r"\d{1,3}|[a-z]")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading with the number that is printed before it ("2.1 Liability"). The highest level is 1."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text, a caption, or any other lines."""

    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list. `sign` is as printed: "3.", "(a)", or "-" for any bullet. The outermost list has depth 0."""

    text: str
    sign: str = "-"
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table. A merged cell's text stands in each cell that it covers. The first `header_rows` rows are its head.

    `title` is what stands above it: its title and its unit ("in millions"). A table without a head has 0 header rows.
    """

    rows: Sequence[Sequence[str]]
    header_rows: int = 1
    title: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Lines that are kept as they are."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form, its label and its entry."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A box of a form beside its label, ticked or not."""

    label: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Footnote:
    """The text of a note, joined to its mark by the same `mark` as given to `note_mark`."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A text beside the text: `kind` is "Comment", "Notes", "Attachment", "Header" … `by` is its author, if any."""

    kind: str
    text: str
    by: str = ""


Block = Heading | Paragraph | Item | Table | Code | Field | Tick | Footnote | Remark


def page_text(blocks: Iterable[Block]) -> str:
    """The blocks as light Markdown: a blank line between blocks, none between the items of a list or a form."""
    parts: list[str] = []
    raised_in: list[int] = []
    before: Block | None = None
    for block in blocks:
        text = written(block)
        if not text.strip():
            continue
        if parts:
            parts.append("\n" if _adjoin(before, block) else "\n\n")
        if "^" in text and not isinstance(block, Code):
            raised_in.append(len(parts))
        parts.append(text)
        before = block
    page = "".join(parts)
    if not raised_in:
        return page
    for index in raised_in:
        parts[index] = with_raised_figures(parts[index], page)
    return "".join(parts)


def _adjoin(before: Block | None, block: Block) -> bool:
    listed, form = (Item,), (Field, Tick)
    return (isinstance(before, listed) and isinstance(block, listed)) or (
        isinstance(before, form) and isinstance(block, form)
    )


def written(block: Block) -> str:
    """A block as light Markdown, without line ends around it."""
    match block:
        case Heading(text, level):
            return f"{'#' * min(max(level, 1), _DEEPEST_HEADING)} {_one_line(text)}" if text.strip() else ""
        case Paragraph(text):
            return text.strip("\n")
        case Item(text, sign, depth):
            first, *others = text.strip().split("\n")
            indent = "  " * depth
            return "\n".join([f"{indent}{sign} {first}", *(f"{indent}  {line}" for line in others)])
        case Table(rows, header_rows, title):
            return "\n".join(table_lines(rows, header_rows, title))
        case Code(text, language):
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
            return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}" if text.strip() else ""
        case Field(label, value):
            label = _one_line(label).rstrip(": ")
            return f"{label}: {_one_line(value)}" if label else _one_line(value)
        case Tick(label, ticked):
            return f"[{'x' if ticked else ' '}] {_one_line(label)}"
        case Footnote(mark, text):
            return f"{note_mark(mark)}: {_one_line(text)}"
        case Remark(kind, text, by):
            return f"{kind}{f' ({by})' if by else ''}: {text.strip()}"


def table_lines(rows: Iterable[Sequence[str]], header_rows: int = 1, title: str = "") -> Iterator[str]:
    """The lines of a pipe table, after its title and a blank line. Empty rows are left out, and the head is one line.

    Markdown has one line for a table's head. So the rows of a larger head are joined column by column: "2023" over "Q1"
    gives "2023 Q1". Rows are kept as lines, since their cells would take many times the memory.
    """
    head: list[list[str]] = []
    lines: list[tuple[int, str]] = []
    for row in rows:
        width = max((index + 1 for index, cell in enumerate(row) if cell.strip()), default=0)
        if not width:
            continue
        if len(head) < header_rows:
            head.append([_cell(cell) for cell in row[:width]])
        else:
            lines.append((width, _row(row[:width])))
    if not head and not lines:
        return
    columns = joined_header(head)
    width = max([len(columns), *(cells for cells, _ in lines)])
    padded = width if width * len(lines) <= MOST_CELLS else 0
    if title.strip():
        yield title.strip()
        yield ""
    yield _row(columns + [""] * (width - len(columns)))
    yield "|" + " --- |" * width
    for cells, line in lines:
        yield line + "  |" * (padded - cells)


def joined_header(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a head as one: each column's texts from top to bottom, with blanks between, each once."""
    width = max((len(row) for row in rows), default=0)
    columns = [[row[index].strip() for row in rows if index < len(row)] for index in range(width)]
    return [" ".join(dict.fromkeys(filter(None, column))) for column in columns]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    if not text:  # as most cells of a vast sheet are
        return ""
    line = _one_line(text)
    return re.sub(r"(?<!\\)\|", r"\\|", line) if "|" in line else line


def _one_line(text: str) -> str:
    return " ".join(text.split())


def raised(before: str, mark: str) -> str:
    """A raised text as it is written after `before`, the text before it on its line: `^6`, `[^1]`, or as it is.

    A figure after 10, a unit or a single letter is an exponent, and so is any figure with a sign. Other figures, and
    single small letters, are note marks. Words, ordinals (1st) and signs (*, †, ™) stay as they are.
    """
    mark = mark.strip()
    if _EXPONENT.fullmatch(mark) and (_BASE.search(before) or mark[0] in "+−–-"):
        return "^" + mark.replace("−", "-").replace("–", "-")
    if before[-1:].isdigit() and _ORDINAL.fullmatch(mark):
        return mark
    if _NOTE.fullmatch(mark) and before.strip():
        return "".join(map(note_mark, _MARK.findall(mark)))
    return mark


def lowered(before: str, mark: str) -> str:
    """A lowered text as it is written after `before`: CO2, x_i, log_10."""
    mark = mark.strip()
    return mark if mark.isdigit() and re.search(r"[A-Z)\]][a-z]?$", before) else f"_{mark}" if mark else ""


def note_mark(mark: str) -> str:
    """The mark of a note within a text, and at the beginning of the note."""
    return f"[^{mark.strip()}]"


def struck(text: str) -> str:
    """Text that is struck through."""
    inner = text.strip().replace("~~", "")
    return text.replace(text.strip(), f"~~{inner}~~", 1) if inner else text


def with_reading(text: str, reading: str) -> str:
    """Text with the small print above it that says how it is read: 東京(とうきょう)."""
    return f"{text}({reading.strip()})" if reading.strip() else text
