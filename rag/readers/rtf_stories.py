"""The stories of an RTF document: its body, each note, each header. Their paragraphs go into blocks and tables."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from rag.readers.lines import Line, Place
from rag.readers.rtf_fonts import Sink
from rag.readers.rtf_tables import Rows
from rag.text.blocks import Block, Heading, Item, Paragraph, Tick

_ONE_BOX = re.compile(r"\[([x ])\]([^\[\]]*)")
_DEEPEST_TABLE = 8


class Look:
    """What a group inherits: how its text looks, the properties of the paragraph, and what becomes of the text."""

    def __init__(self) -> None:
        self.is_dead = False  # a destination that isn't read
        self.is_skipped = False  # ... but a text box within it is
        self.sink: Sink | None = None
        self.math: etree._Element | None = None
        self.end: Callable[[], None] | None = None  # called at the end of the group
        self.unicode_skip = 1
        self.set_plain()
        self.set_paragraph_plain()

    def set_plain(self) -> None:
        """Text looks as in a new document."""
        self.is_hidden = self.is_deleted = self.is_struck = self.is_capital = False
        self.place = Place.BASE
        self.font = -1

    def set_paragraph_plain(self) -> None:
        """The paragraph is no heading, in no list and in no table."""
        self.style = -1
        self.level = 0  # of a heading, from 1
        self.depth = 0  # of a list
        self.tables = 0  # around the paragraph

    def inner(self) -> Look:
        """The look at the beginning of a group in this one."""
        look = Look.__new__(Look)
        look.__dict__.update(self.__dict__)
        look.end = None
        return look

    def take(self, word: str, number: int | None) -> bool:
        """Whether a control word is about the look of text or of paragraphs, which it then changes."""
        is_on = number != 0
        match word:
            case "plain":
                self.set_plain()
            case "pard":
                self.set_paragraph_plain()
            case "f":
                self.font = -1 if number is None else number
            case "v":
                self.is_hidden = is_on
            case "deleted":
                self.is_deleted = is_on
            case "strike" | "striked":
                self.is_struck = is_on
            case "caps":
                self.is_capital = is_on
            case "super" | "up":
                self.place = Place.RAISED if is_on else Place.BASE
            case "sub" | "dn":
                self.place = Place.LOWERED if is_on else Place.BASE
            case "nosupersub":
                self.place = Place.BASE
            case "s":
                self.style = -1 if number is None else number
            case "outlinelevel":
                self.level = 0 if number is None or not 0 <= number < 9 else number + 1
            case "ilvl":
                self.depth = max(number or 0, 0)
            case "intbl":
                self.tables = max(self.tables, 1)
            case "itap":
                self.tables = max(number or 0, 0)
            case _:
                return False
        return True


class Story:
    """Text that stands by itself, which is being read."""

    def __init__(self, is_note: bool = False) -> None:
        self.line = Line()
        self.sign = ""
        self.beside: list[Block] = []
        self.is_note = is_note
        # The first has the paragraphs outside of tables, the others are open tables, each in a cell of the one before.
        self._tables: list[Rows] = [Rows()]

    def end_paragraph(self, look: Look, level: int, tables: int | None = None) -> None:
        """Put the line into the innermost table as a block. `level` is that of a heading, or 0."""
        if tables is None:
            tables = look.tables or (1 if len(self._tables) > 1 and self._tables[1].cells else 0)
        rows = self.rows(tables)
        text = self.line.text()
        self.line = Line()
        if text:
            rows.blocks.append(self._block(text, look, level))
        rows.blocks += self.beside
        self.beside = []
        self.sign = ""

    def _block(self, text: str, look: Look, level: int) -> Block:
        if level:
            return Heading(f"{self.sign} {text}".strip() if self.sign != "-" else text, level)
        if self.sign:
            return Item(text, self.sign, min(look.depth, 8))
        if box := _ONE_BOX.fullmatch(text):
            return Tick(box[2].strip(), box[1] == "x")
        return Paragraph(text)

    def rows(self, depth: int) -> Rows:
        """The open table with `depth - 1` tables around it. Deeper tables are complete."""
        depth = max(0, min(depth, _DEEPEST_TABLE))
        while len(self._tables) > depth + 1:
            inner = self._tables.pop()
            self._tables[-1].blocks += inner.table()
        while len(self._tables) < depth + 1:
            self._tables.append(Rows())
        return self._tables[depth]

    def blocks(self) -> list[Block]:
        """All blocks, when the story is complete."""
        return self.rows(0).blocks
