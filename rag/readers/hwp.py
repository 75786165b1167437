"""Hangul documents (HWP 5) → light Markdown, by a walk over their records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.readers.faults import Fault, Kind
from rag.readers.grids import Cell, table_blocks
from rag.readers.hangul import KIND_NAMES, Head, Numbers, paragraph_block, shown_number
from rag.readers.hangul_equations import equation_text
from rag.readers.hwp_records import (
    AN_HWP,
    CTRL_HEADER,
    EQUATION,
    FORM,
    LIST_HEADER,
    MEMO_LIST,
    PARA_CHAR_SHAPE,
    PARA_HEADER,
    PARA_TEXT,
    TABLE,
    File,
    Record,
    unpack,
    words,
)
from rag.readers.hwp_shapes import Shapes
from rag.readers.lines import Line
from rag.readers.margins import margin_lines
from rag.text.blocks import Block, Footnote, Paragraph, Remark, page_text, with_reading

# Characters below 32: those of one unit with what they show, those of eight units, and those with a control.
_SHOWN = {9: "\t", 10: "\n", 24: "-", 30: " ", 31: " "}
_OF_ONE = frozenset({0, 10, 13, *range(24, 32)})
_WITH_CONTROL = frozenset({1, 2, 3, 11, 12, 14, 15, 16, 17, 18, 21, 22, 23})
_UNITS = 8
# A property of a form's control: "Caption:wstring:5:Nuts ".
_PROPERTY = re.compile(r"(Caption|Text|Value):(?:wstring:\d{1,6}|int):([^:\r\n]{0,200}?)(?= [A-Z]\w{0,40}:|\s*$)")


def read_hwp(data: bytes) -> str:
    """The text of an HWP document as it is printed: numbers of headings and items, tables, notes, memos and equations
    at their places. Headers and footers come last; hidden comments are left out.

    Raises Fault if the document is damaged, protected, or made for distribution only.
    """
    file = File(data)
    if not file.sections:
        raise Fault(Kind.DAMAGED, AN_HWP)
    try:
        shapes = Shapes(file.records("DocInfo"))
    except Fault:  # without shapes only the looks and the numbers are lost
        shapes = Shapes([])
    walk = _Walk(shapes)
    blocks: list[Block] = []
    for section in file.sections:
        blocks += walk.blocks(file.records(section))
    lines = margin_lines(walk.margins)
    return page_text([*blocks, Paragraph("\n".join(lines))] if lines else blocks)


class _Walk:
    def __init__(self, shapes: Shapes) -> None:
        self.margins: list[str] = []
        self._shapes = shapes
        self._numbers = Numbers(shapes.numberings)
        self._outline = 1
        self._beside: list[Block] = []
        self._counts: dict[str, int] = {}

    def blocks(self, records: Sequence[Record]) -> list[Block]:
        """The blocks of the paragraphs among the records."""
        blocks: list[Block] = []
        is_memo = False
        for record in records:
            if record.tag == MEMO_LIST:
                is_memo = True
            if record.tag != PARA_HEADER:
                continue
            paragraph = self._paragraph(record)
            blocks += [Remark("Comment", page_text(paragraph))] if is_memo and paragraph else paragraph
        return blocks

    def _paragraph(self, record: Record) -> list[Block]:
        (shape,) = unpack("H", record.data, 8)
        controls = iter([inner for inner in record.inner if inner.tag == CTRL_HEADER])
        text_record = next((inner.data for inner in record.inner if inner.tag == PARA_TEXT), b"")
        shapes = next((inner.data for inner in record.inner if inner.tag == PARA_CHAR_SHAPE), b"")
        line = Line()
        for look, piece, has_control in _pieces(text_record, shapes):
            if has_control:
                control = next(controls, None)
                if control is not None:
                    self._control(control, line)
            elif piece:
                characters = self._shapes.look(look)
                line.add(piece, characters.place, characters.is_struck)
        memos = [block for inner in record.inner if inner.tag == MEMO_LIST for block in self.blocks(inner.inner)]
        text = line.text()
        head = self._shapes.head(shape)
        if head.kind == "OUTLINE":
            head = Head(head.kind, self._outline, head.level)
        sign = self._numbers.sign(head) if text or not self._beside else ""
        beside, self._beside = self._beside, []
        beside += [Remark("Comment", page_text([memo])) for memo in memos]
        return [paragraph_block(text, head, sign), *beside] if text else beside

    def _control(self, control: Record, line: Line) -> None:
        data = control.data
        match data[:4][::-1].decode("latin-1"):
            case "tbl ":
                self._beside += self._table(control)
            case "secd":
                (numbering,) = unpack("H", data, 18)
                self._outline = numbering or self._outline
            case "fn  " | "en  " as kind:
                self._note(kind, control, line)
            case "head" | "foot":
                self.margins += page_text(self._apart(control)).split("\n")
            case "atno":
                flags, number = unpack("IH", data, 4)
                form = flags >> 4 & 255
                if flags & 15 in (3, 4, 5):  # of a picture, a table or an equation
                    line.add(shown_number(number, KIND_NAMES[form] if form < len(KIND_NAMES) else "DIGIT"))
            case "eqed":
                for inner in control.inner:
                    if inner.tag == EQUATION:
                        line.add(equation_text(words(inner.data, 4)[0]))
            case "tdut":
                base, end = words(data, 4)
                line.add(with_reading(base, words(data, end)[0]))
            case "tcps":
                line.add(words(data, 4)[0])
            case "form":
                for inner in control.inner:
                    if inner.tag == FORM:
                        _form(inner.data.decode("utf-16-le", "replace"), line)
            case "gso ":
                self._beside += self._drawing(control)
            case "tcmt":
                return
            case _:
                self._beside += self._apart(control)

    def _apart(self, record: Record) -> list[Block]:
        """The blocks of the paragraphs in a control, such as a note or a text box."""
        beside, self._beside = self._beside, []
        blocks = self.blocks(record.inner)
        for inner in record.inner:
            if inner.tag != PARA_HEADER:
                blocks += self._apart(inner)
        self._beside = beside
        return blocks

    def _note(self, kind: str, control: Record, line: Line) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        # Endnotes are counted apart from footnotes.
        mark = f"{'e' if kind == 'en  ' else ''}{self._counts[kind]}"
        line.note(mark)
        self._beside.append(Footnote(mark, page_text(self._apart(control))))

    def _drawing(self, control: Record) -> list[Block]:
        """The text of a drawn object, and its caption, which has a list of its own before the object."""
        caption = [inner for inner in control.inner if inner.tag in (PARA_HEADER, LIST_HEADER)]
        drawn = [inner for inner in control.inner if inner.tag not in (PARA_HEADER, LIST_HEADER)]
        blocks = self._apart(Record(control.tag, b"", drawn))
        around = self._apart(Record(control.tag, b"", caption))
        return [*around, *blocks] if caption and _is_before(caption[0]) else [*blocks, *around]

    def _table(self, control: Record) -> list[Block]:
        cells: list[Cell] = []
        captions: list[Block] = []
        caption_is_before = True
        is_caption = True  # until the record of the table itself
        at = 0
        while at < len(control.inner):
            record = control.inner[at]
            at += 1
            if record.tag == TABLE:
                is_caption = False
            if record.tag != LIST_HEADER:
                continue
            # Some programs put the paragraphs below the list, and not after it.
            paragraphs = list(record.inner)
            while at < len(control.inner) and control.inner[at].tag == PARA_HEADER:
                paragraphs.append(control.inner[at])
                at += 1
            beside, self._beside = self._beside, []
            blocks = self.blocks(paragraphs)
            self._beside = beside
            if is_caption:
                captions += blocks
                caption_is_before = _is_before(record)
            else:
                # By the description a list's head has six bytes, in Hangul's files it has eight.
                column, row, wide, high = unpack("4H", record.data, 6 if len(record.data) == 32 else 8)
                cells.append(Cell(row, column, blocks, high, wide))
        table = table_blocks(cells)
        return [*captions, *table] if caption_is_before else [*table, *captions]


def _is_before(caption: Record) -> bool:
    """Whether a caption stands above its object or to the left of it."""
    (side,) = unpack("I", caption.data, 8)
    return side & 3 in (0, 2)


def _pieces(data: bytes, shapes: bytes) -> Iterator[tuple[int, str, bool]]:
    """The text of a paragraph in pieces that look alike, each with the number of its shape. A control is a piece."""
    changes = [unpack("2I", shapes, at) for at in range(0, len(shapes) - 7, 8)]
    look, change = 0, 0
    units = [int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data) - 1, 2)]
    begin = at = 0

    def text(end: int) -> str:
        return data[2 * begin : 2 * end].decode("utf-16-le", "replace")

    while at < len(units):
        if change < len(changes) and changes[change][0] <= at:
            yield look, text(at), False
            begin, look, change = at, changes[change][1], change + 1
            continue
        unit = units[at]
        if unit >= 32:
            at += 1
            continue
        yield look, text(at), False
        yield look, _SHOWN.get(unit, ""), unit in _WITH_CONTROL
        at += 1 if unit in _OF_ONE else _UNITS
        begin = at
    yield look, text(at), False


def _form(properties: str, line: Line) -> None:
    """Add a control of a form: its tick, its caption or its entry."""
    names = dict(
        re.findall(r"(Caption|Text|Value):(?:wstring:\d{1,6}|int|set):([^\r\n]*?)(?= [A-Z]\w*:|$)", properties)
    )
    if "CheckBox" in properties or "RadioButton" in properties:
        line.tick(names.get("Value") == "1")
    line.add(names.get("Caption") or names.get("Text") or "")
