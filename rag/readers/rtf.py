"""RTF → light Markdown, by a walk over its groups and control words."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from rag.readers.faults import Fault, Kind
from rag.readers.field_codes import computed
from rag.readers.formulas import omml_text
from rag.readers.list_numbers import word_number
from rag.readers.margins import margin_lines
from rag.readers.rtf_fonts import Fonts, Instruction, Sheet
from rag.readers.rtf_stories import Look, Story
from rag.readers.rtf_tables import Edge
from rag.readers.rtf_tokens import MATH, MATH_VALUES, SIGNS, SKIPPED, STARRED, tokens
from rag.text.blocks import Block, Footnote, Paragraph, Remark, page_text

_AN_RTF = "an RTF document"
_SIGNATURE = b"{\\rtf"
_MARGINS = re.compile("(?:header|footer)[lrf]?")
_MATH = MATH | MATH_VALUES
_MERGES = frozenset({"clmgf", "clmrg", "clvmgf", "clvmrg"})
_NUMBERS = {"nar": "decimal", "nalc": "lowerLetter", "nauc": "upperLetter", "nrlc": "lowerRoman", "nruc": "upperRoman"}
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A footnote begins within these bytes after its mark; an endnote says so at its beginning.
_AHEAD, _BEGINNING = 400, 60


def read_rtf(data: bytes) -> str:
    """The text of an RTF document with headings, lists, tables, notes and comments. Headers and footers come last;
    deleted and hidden text is left out.

    Raises Fault if the document can't be parsed.
    """
    begin = data.find(_SIGNATURE)
    if begin < 0:
        raise Fault(Kind.DAMAGED, _AN_RTF)
    document = _Document(data[begin:])
    blocks = document.read()
    lines = margin_lines(document.margins)
    return page_text([*blocks, Paragraph("\n".join(lines))] if lines else blocks)


class _Document:
    def __init__(self, data: bytes) -> None:
        self.margins: list[str] = []
        self._data = data
        self._look = Look()
        self._groups: list[Look] = []
        self._stories = [Story()]
        self._fonts = Fonts()
        self._sheet = Sheet()
        self._bytes = bytearray()
        self._skip = 0  # bytes that stand for the last character in older programs
        self._edges: list[Edge] = []
        self._merges: set[str] = set()
        self._is_head = False
        self._counts = {"footnote": 0, "endnote": 0}
        self._formats = {"footnote": "decimal", "endnote": "lowerRoman"}
        self._mark = ""  # the mark whose note is still to come
        self._author = ""
        self._has_first_pages = b"\\titlepg" in data

    def read(self) -> list[Block]:
        """The blocks of the body."""
        is_first = is_starred = False  # of the words of a group
        for word, number, text, end in tokens(self._data):
            if not word:
                is_first = False
                self._take_text(text)
                continue
            if self._bytes:
                self._flush()
            self._skip = 0
            if word == "{":
                self._groups.append(self._look)
                self._look = self._look.inner()
                is_first, is_starred = True, False
                continue
            if word == "*" and is_first:
                is_starred = True
                continue
            if word == "}":
                self._end_group()
            elif not self._look.is_dead:
                is_destination = is_first and self._destination(word, is_starred, end)
                if not is_destination:
                    self._word(word, number, end)
            is_first = is_starred = False
        self._flush()
        while self._groups:
            self._end_group()
        return self._end_story()

    def _end_group(self) -> None:
        if self._look.end is not None:
            self._look.end()
        if self._groups:
            self._look = self._groups.pop()

    # --- Text

    def _take_text(self, text: bytes) -> None:
        if self._skip:
            skipped = min(self._skip, len(text))
            self._skip -= skipped
            text = text[skipped:]
        if not self._look.is_dead:
            self._bytes += text

    def _decode(self, data: bytes) -> str:
        return self._fonts.decoded(data, self._look.font)

    def _flush(self) -> None:
        if self._bytes:
            text = bytes(self._bytes)
            self._bytes.clear()
            if self._look.sink is not None:
                self._look.sink.text(text)
            else:
                self._add(self._decode(text))

    def _add(self, text: str) -> None:
        look = self._look
        if look.is_skipped or look.is_hidden or look.is_deleted:
            return
        if look.math is None:
            self._stories[-1].line.add(text.upper() if look.is_capital else text, look.place, look.is_struck)
        elif look.math.tag in MATH_VALUES:
            look.math.set("val", _NOT_IN_XML.sub("", text.strip()))
        else:
            etree.SubElement(look.math, "t").text = _NOT_IN_XML.sub("", text)

    # --- Destinations

    def _destination(self, word: str, is_starred: bool, end: int) -> bool:
        """Whether the first word of a group names a destination, which then begins."""
        look = self._look
        if word in SKIPPED or (is_starred and word not in STARRED):
            look.is_dead = True
            return True
        if look.sink is not None:
            return False
        if look.math is not None:
            if word.startswith("m") and word[1:] in _MATH:
                look.math = etree.SubElement(look.math, word[1:])
            return True
        if _MARGINS.fullmatch(word):
            # The first page has a header of its own only if the section says so.
            look.is_dead = word.endswith("f") and not self._has_first_pages
            if not look.is_dead:
                self._begin_story(lambda blocks: self.margins.extend(page_text(blocks).split("\n")))
            return True
        match word:
            case "fonttbl":
                look.sink = self._fonts
            case "stylesheet":
                look.sink = self._sheet
            case "fldinst" | "atnauthor":
                look.sink = instruction = Instruction(self._decode)
                look.end = lambda: self._end_instruction(word, instruction)
            case "footnote" if not look.is_skipped:
                self._begin_note(end)
            case "annotation":
                author, self._author = self._author, ""
                self._begin_story(lambda blocks: self._put_beside(Remark("Comment", page_text(blocks), author)))
            case "shptxt" | "dptxbxtext":
                self._begin_story(lambda blocks: self._put_beside(*blocks))
            case "listtext" | "pntext":
                self._begin_story(self._set_sign)
            case "shpinst" | "do" | "upr":
                look.is_skipped = True
            case "ud":
                look.is_skipped = False
            case "moMath":
                look.math = root = etree.Element("oMath")
                look.end = lambda: self._stories[-1].line.add(omml_text(root))
            case _:
                return False
        return True

    def _begin_story(self, use: Callable[[list[Block]], None], is_note: bool = False) -> None:
        self._look.is_skipped = False
        self._look.set_plain()
        self._look.set_paragraph_plain()
        self._stories.append(Story(is_note))
        self._look.end = lambda: use(self._end_story())

    def _end_story(self) -> list[Block]:
        self._end_paragraph()
        return self._stories.pop().blocks()

    def _put_beside(self, *blocks: Block) -> None:
        self._stories[-1].beside += blocks

    def _set_sign(self, blocks: list[Block]) -> None:
        sign = " ".join(page_text(blocks).split())
        self._stories[-1].sign = sign if any(char.isalnum() for char in sign) else "-"

    def _end_instruction(self, word: str, instruction: Instruction) -> None:
        if word == "atnauthor":
            self._author = instruction.shown.strip()
        elif self._look.is_hidden or self._look.is_deleted or self._look.is_skipped:
            return
        elif "FORMCHECKBOX" in instruction.shown:
            self._stories[-1].line.tick(instruction.entry == 1)
        elif "FORMDROPDOWN" in instruction.shown and 0 <= instruction.entry < len(instruction.choices):
            self._stories[-1].line.add(instruction.choices[instruction.entry])
        else:
            self._stories[-1].line.add(computed(instruction.shown.strip()))

    # --- Notes

    def _next_mark(self, end: int) -> str:
        """The automatic mark of the note that begins after `end`."""
        begin = self._data.find(b"\\footnote", end - len(b"\\footnote "), end + _AHEAD)
        beginning = self._data[begin : begin + _BEGINNING] if begin >= 0 else b""
        kind = "endnote" if b"\\ftnalt" in beginning else "footnote"
        self._counts[kind] += 1
        return word_number(self._counts[kind], self._formats[kind])

    def _begin_note(self, end: int) -> None:
        line = self._stories[-1].line
        mark, self._mark = self._mark, ""
        if not mark:
            mark = line.take_raised() or self._next_mark(end)
            line.note(mark)
        self._begin_story(lambda blocks: self._end_note(mark, blocks), is_note=True)

    def _end_note(self, mark: str, blocks: list[Block]) -> None:
        text = page_text(blocks)
        if not mark.isalnum():  # the note repeats a mark that was typed
            text = text.removeprefix(mark).strip()
        self._put_beside(Footnote(mark, text))

    # --- Words

    def _end_paragraph(self, tables: int | None = None) -> None:
        look = self._look
        self._stories[-1].end_paragraph(look, look.level or self._sheet.level(look.style), tables)

    def _word(self, word: str, number: int | None, end: int) -> None:
        look = self._look
        if look.sink is not None:
            look.sink.word(word, number)
            if word == "u":
                self._skip = look.unicode_skip
        elif word in ("ansicpg", "mac", "pc", "pca"):
            self._fonts.set_page(word, number)
        elif word == "deff":
            self._fonts.default = -1 if number is None else number
        elif word == "uc":
            look.unicode_skip = max(number or 0, 0)
        elif word in ("s", "cs") and self._sheet.is_hidden(word, number):
            look.is_hidden = True
        elif look.is_skipped or look.take(word, number) or self._table_word(word, number):
            return
        elif word == "u":
            code = (number or 0) % 0x10000
            font_sign = 0xF000 <= code <= 0xF0FF
            self._add(self._fonts.decoded(bytes([code & 0xFF]), look.font) if font_sign else chr(code))
            self._skip = look.unicode_skip
        elif word in SIGNS:
            self._add(SIGNS[word])
        elif word in ("par", "sect"):
            if not look.is_deleted:
                self._end_paragraph()
        elif word == "chftn":
            if not (self._stories[-1].is_note or look.is_hidden or look.is_deleted):
                self._mark = self._next_mark(end)
                self._stories[-1].line.note(self._mark)
        elif (match := re.fullmatch("(a?)ft(n[a-z]{2,3})", word)) and match[2] in _NUMBERS:
            self._formats["endnote" if match[1] else "footnote"] = _NUMBERS[match[2]]

    def _table_word(self, word: str, number: int | None) -> bool:
        if word in _MERGES:
            self._merges.add(word)
            return True
        story, tables = self._stories[-1], self._look.tables
        match word:
            case "trowd":
                self._edges, self._is_head = [], False
                self._merges.clear()
            case "cellx":
                self._edges.append(Edge(number or 0, frozenset(self._merges)))
                self._merges.clear()
            case "trhdr":
                self._is_head = True
            case "cell" | "nestcell":
                depth = 1 if word == "cell" else max(tables, 2)
                self._end_paragraph(depth)
                story.rows(depth).end_cell()
            case "row" | "nestrow":
                story.rows(1 if word == "row" else max(tables, 2)).end_row(self._edges, self._is_head)
            case _:
                return False
        return True
