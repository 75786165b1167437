"""The text of a Word paragraph: runs, fields, boxes of forms, notes, comments, furigana, formulas and symbols."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lxml import etree

from rag.readers.docx_drawings import Drawings
from rag.readers.docx_styles import Look, Styles, W, look_of, switch, value
from rag.readers.field_codes import computed
from rag.readers.formulas import omml_text
from rag.readers.lines import Line, Place
from rag.readers.list_numbers import word_number
from rag.readers.symbols import is_symbol_font, symbol, symbols
from rag.text.blocks import Block, Footnote, Remark, page_text, with_reading

_LONGEST_INSTRUCTION = 2000
_PLACES = {"superscript": Place.RAISED, "subscript": Place.LOWERED}
# Elements whose text isn't shown: properties, deleted text, the instructions of fields, and pictures.
_NEVER_SHOWN = (
    "pPr rPr sdtPr sdtEndPr ctrlPr del moveFrom delText delInstrText rt object footnoteRef "
    "endnoteRef annotationRef separator continuationSeparator lastRenderedPageBreak softHyphen "
    "commentRangeStart commentRangeEnd"
)
_NEVER = frozenset(_NEVER_SHOWN.split())
_FIXED = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "pgNum": "", "softHyphen": ""}


@dataclass(frozen=True, slots=True)
class Notes:
    """The footnotes or endnotes by their ids, the format of their marks, and the number of the first."""

    parts: Mapping[str, etree._Element]
    format: str
    first: int


@dataclass(slots=True)
class _Field:
    instruction: str = ""
    is_result: bool = False
    data: etree._Element | None = None


class Runs:
    """Reads the runs of paragraphs, in the document's order: fields go on from one paragraph to the next.

    `blocks_of` reads the paragraphs within an element, such as a note or a text box. What stands beside the text comes
    out by `take_beside`.
    """

    def __init__(
        self,
        styles: Styles,
        drawings: Drawings,
        notes: Mapping[str, Notes],
        comments: Mapping[str, etree._Element],
        blocks_of: Callable[[etree._Element], list[Block]],
    ) -> None:
        self._styles = styles
        self._drawings = drawings
        self._notes = notes
        self._comments = dict(comments)
        self._blocks_of = blocks_of
        self._marks: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._fields: list[_Field] = []
        self._beside: list[Block] = []

    def take_beside(self) -> list[Block]:
        """The text boxes, charts, notes and comments of the paragraphs since the last call."""
        beside, self._beside = self._beside, []
        return beside

    def read(self, paragraph: etree._Element, line: Line, look: Look) -> None:
        """Add the paragraph's text to `line`. `look` is the look of the paragraph's style."""
        self._children(paragraph, line, look)
        # A field's result may go on in the next paragraphs, its instruction doesn't: its end is missing or deleted.
        self._fields = [field for field in self._fields if field.is_result]

    def _children(self, element: etree._Element, line: Line, look: Look) -> None:
        for child in element:
            self._element(child, line, look)

    def _element(self, element: etree._Element, line: Line, look: Look) -> None:
        if not isinstance(element.tag, str):
            return
        name = etree.QName(element).localname
        if name in _NEVER:
            return
        match name:
            case "r":
                self._run(element, line, look)
            case "oMath" | "oMathPara":
                if self._is_shown and not look.is_hidden:
                    line.add(omml_text(element))
            case "AlternateContent":
                self._alternatives(element, line, look)
            case "drawing" | "pict":
                if not look.is_hidden:
                    self._beside += self._drawings.blocks(element)
            case "fldSimple":
                self._simple_field(element, line, look)
            case "commentReference":
                self._comment(element.get(f"{W}id", ""))
            case "footnoteReference" | "endnoteReference":
                if self._is_shown and not look.is_hidden:
                    self._note(name.removesuffix("Reference"), element, line)
            case "fldChar":
                self._field_sign(element, line)
            case "instrText":
                if self._fields and not self._fields[-1].is_result:
                    field = self._fields[-1]
                    field.instruction = (field.instruction + (element.text or ""))[:_LONGEST_INSTRUCTION]
            case "t" | "sym" | "ruby" | "tab" | "ptab" | "br" | "cr" | "noBreakHyphen":
                if self._is_shown and not look.is_hidden:
                    self._add(element, name, line, look)
            case _:
                self._children(element, line, look)

    @property
    def _is_shown(self) -> bool:
        """Whether the place is outside of the instructions of fields."""
        return all(field.is_result for field in self._fields)

    def _run(self, run: etree._Element, line: Line, look: Look) -> None:
        properties = run.find(f"{W}rPr")
        if properties is not None:
            if properties.find(f"{W}del") is not None or properties.find(f"{W}moveFrom") is not None:
                return
            style = value(properties, "rStyle")
            look = look_of(properties).over(self._styles.look(style or "")).over(look)
        for child in run:
            self._element(child, line, look)

    def _add(self, element: etree._Element, name: str, line: Line, look: Look) -> None:
        place = _PLACES.get(look.place or "", Place.BASE)
        is_struck = bool(look.is_struck)
        if name == "t":
            text = element.text or ""
            if look.font and is_symbol_font(look.font):
                text = symbols(look.font, text)
            line.add(text.upper() if look.is_capital else text, place, is_struck)
        elif name == "sym":
            code = element.get(f"{W}char", "")
            if re.fullmatch("[0-9A-Fa-f]{1,6}", code):
                line.add(symbol(element.get(f"{W}font", ""), int(code, 16)), place, is_struck)
        elif name == "ruby":
            base, reading = Line(), Line()
            for part, into in (("rubyBase", base), ("rt", reading)):
                for child in element.iterchildren(f"{W}{part}"):
                    self._children(child, into, look)
            line.add(with_reading(base.text(), reading.text()), Place.BASE, is_struck)
        else:
            line.add(_FIXED[name])

    def _alternatives(self, element: etree._Element, line: Line, look: Look) -> None:
        """Read the newest version, or an older one if it has no text."""
        for version in element:
            inner, before = Line(), len(self._beside)
            if isinstance(version.tag, str):
                self._children(version, inner, look)
            if inner.text() or len(self._beside) > before:
                line.extend(inner)
                return

    # --- Fields

    def _simple_field(self, element: etree._Element, line: Line, look: Look) -> None:
        if "FORMCHECKBOX" in element.get(f"{W}instr", "").upper():
            self._box(element.find(f"{W}fldData"), line)
        inner = Line()
        self._children(element, inner, look)
        if inner.text():
            line.extend(inner)
        else:
            line.add(computed(element.get(f"{W}instr", "")))

    def _field_sign(self, element: etree._Element, line: Line) -> None:
        match element.get(f"{W}fldCharType"):
            case "begin":
                self._fields.append(_Field(data=element.find(f"{W}ffData")))
            case "separate" if self._fields:
                self._ended(self._fields[-1], line)
                self._fields[-1].is_result = True
            case "end" if self._fields:
                field = self._fields.pop()
                if not field.is_result:
                    self._fields.append(field)
                    self._ended(field, line)
                    self._fields.pop()

    def _ended(self, field: _Field, line: Line) -> None:
        """Add what a field shows by its instruction alone."""
        if not all(outer.is_result for outer in self._fields[:-1]):
            return
        if field.data is not None and field.data.find(f"{W}checkBox") is not None:
            self._box(field.data.find(f"{W}checkBox"), line)
        elif field.data is not None and (choices := field.data.find(f"{W}ddList")) is not None:
            names = [entry.get(f"{W}val", "") for entry in choices.iterchildren(f"{W}listEntry")]
            chosen = value(choices, "result") or value(choices, "default") or "0"
            if chosen.isdigit() and int(chosen) < len(names):
                line.add(names[int(chosen)])
        else:
            line.add(computed(field.instruction))

    def _box(self, box: etree._Element | None, line: Line) -> None:
        checked = switch(box, "checked")
        line.tick(bool(switch(box, "default") if checked is None else checked))

    # --- Notes and comments

    def _note(self, kind: str, reference: etree._Element, line: Line) -> None:
        notes = self._notes[kind]
        key = kind, reference.get(f"{W}id", "")
        if key in self._marks:
            line.note(self._marks[key])
            return
        if switch_attribute(reference, "customMarkFollows"):
            # The mark is the text after the reference.
            following = list(reference.itersiblings(f"{W}t"))
            mark = "".join(t.text or "" for t in following).strip() or "*"
            for t in following:
                t.text = ""
        else:
            count = self._counts.get(kind, notes.first)
            self._counts[kind] = count + 1
            mark = word_number(count, notes.format)
        self._marks[key] = mark
        line.note(mark)
        part = notes.parts.get(key[1])
        if part is not None:
            text = self._apart(part)
            self._beside.append(Footnote(mark, text.removeprefix(mark).strip() if mark in "*†‡§" else text))

    def _comment(self, comment_id: str) -> None:
        comment = self._comments.pop(comment_id, None)
        if comment is not None:
            self._beside.append(Remark("Comment", self._apart(comment), comment.get(f"{W}author", "").strip()))

    def _apart(self, element: etree._Element) -> str:
        """The text of a note or a comment, which has fields of its own."""
        fields, beside = self._fields, self._beside
        self._fields, self._beside = [], []
        try:
            return page_text(self._blocks_of(element))
        finally:
            self._fields, self._beside = fields, beside


def switch_attribute(element: etree._Element, name: str) -> bool:
    """Whether an attribute is set, and on."""
    return element.get(f"{W}{name}", "0") not in ("0", "false", "off")
