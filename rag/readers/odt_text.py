"""The text of an OpenDocument paragraph: looks, fields, boxes of forms, notes, comments, furigana and frames."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from rag.readers.archives import Package
from rag.readers.formulas import mathml_text
from rag.readers.lines import Line, Place
from rag.readers.odt_styles import DRAW, FORM, OFFICE, TEXT, Look, Styles, is_hidden, number_of
from rag.text.blocks import Block, Footnote, Paragraph, Remark, Table, page_text, with_reading

_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_CHART = "{urn:oasis:names:tc:opendocument:xmlns:chart:1.0}"
_BLANKS = re.compile(r"[ \t\r\n]+")
# Blanks in a row that are kept: more only line things up.
_MOST_BLANKS = 8
_SKIPPED = (
    "tracked-changes annotation-end script scripts forms variable-decls sequence-decls user-field-decls "
    "dde-connection-decls soft-page-break note-citation title desc event-listeners image change change-start change-end"
)
_NEVER = frozenset(_SKIPPED.split())


class Texts:
    """Reads the texts of paragraphs. `blocks_of` reads the paragraphs within an element, such as a note or a frame.
    What stands beside the text comes out by `take_beside`."""

    def __init__(self, package: Package, styles: Styles, blocks_of: Callable[[etree._Element], list[Block]]) -> None:
        self._package = package
        self._styles = styles
        self._blocks_of = blocks_of
        self._controls: dict[str, etree._Element] = {}
        self._shown: set[str] = set()  # objects, each of which is read once
        self._beside: list[Block] = []

    def take_controls(self, body: etree._Element) -> None:
        """Remember the controls of the document's forms by their ids."""
        for form in body.iter(f"{OFFICE}forms"):
            for control in form.iter():
                if isinstance(control.tag, str):
                    for name in (f"{FORM}id", "{http://www.w3.org/XML/1998/namespace}id"):
                        if identity := control.get(name):
                            self._controls[identity] = control

    def take_beside(self) -> list[Block]:
        """The frames, notes and comments of the paragraphs since the last call."""
        beside, self._beside = self._beside, []
        return beside

    def read(self, element: etree._Element, line: Line, look: Look) -> None:
        """Add the text of an element to `line`."""
        self._text(element.text, line, look)
        for child in element:
            if isinstance(child.tag, str):
                self.read_element(child, line, look)
            self._text(child.tail, line, look)

    def _text(self, text: str | None, line: Line, look: Look) -> None:
        if text and not look.is_hidden:
            shift = look.shift or 0
            place = Place.RAISED if shift > 0 else Place.LOWERED if shift < 0 else Place.BASE
            text = _BLANKS.sub(" ", text)
            line.add(text.upper() if look.is_capital else text, place, bool(look.is_struck))

    def read_element(self, element: etree._Element, line: Line, look: Look) -> None:
        """Add the text of an element within a paragraph, such as a span or a frame, to `line`."""
        name = etree.QName(element).localname
        if name in _NEVER:
            return
        match name:
            case "span":
                style = self._styles.look("text", element.get(f"{TEXT}style-name", ""))
                self.read(element, line, style.over(look))
            case "s":
                self._text(" ", line, look)
                for _ in range(min(number_of(element.get(f"{TEXT}c"), 1), _MOST_BLANKS) - 1):
                    line.add(" ")
            case "tab" | "line-break":
                line.add("\t" if name == "tab" else "\n")
            case "note":
                if not look.is_hidden:
                    self._note(element, line)
            case "annotation":
                author = element.findtext(f"{_DUBLIN_CORE}creator") or ""
                self._beside.append(Remark("Comment", page_text(self._apart(element)), author.strip()))
            case "ruby":
                base, reading = Line(), Line()
                for part, into in (("ruby-base", base), ("ruby-text", reading)):
                    for child in element.iterchildren(f"{TEXT}{part}"):
                        self.read(child, into, look)
                line.add(with_reading(base.text(), reading.text()))
            case "hidden-text" | "hidden-paragraph":
                if not is_hidden(element):
                    self.read(element, line, look)
            case "content-control":
                self._content_control(element, line, look)
            case "control":
                self._control(element.get(f"{DRAW}control", ""), line)
            case "object":
                self._object(element, line)
            case "text-box" | "custom-shape" | "rect" | "ellipse" | "polygon" | "path" | "connector" | "caption":
                self._beside += self._apart(element)
            case _:
                if element.get(f"{TEXT}display") != "none":
                    self.read(element, line, look)

    def _note(self, element: etree._Element, line: Line) -> None:
        citation = element.find(f"{TEXT}note-citation")
        mark = "" if citation is None else "".join(citation.itertext()).strip()
        body = element.find(f"{TEXT}note-body")
        line.note(mark or "*")
        if body is not None:
            self._beside.append(Footnote(mark or "*", page_text(self._apart(body))))

    def _apart(self, element: etree._Element) -> list[Block]:
        beside, self._beside = self._beside, []
        try:
            return self._blocks_of(element)
        finally:
            self._beside = beside

    def _content_control(self, element: etree._Element, line: Line, look: Look) -> None:
        attributes = {etree.QName(name).localname: value for name, value in element.items()}
        if attributes.get("checkbox") == "true":
            line.tick(attributes.get("checked") == "true")
        else:
            self.read(element, line, look)

    def _control(self, identity: str, line: Line) -> None:
        """Add a control of a form with its label and its entry."""
        control = self._controls.pop(identity, None)
        if control is None:
            return
        values = {etree.QName(name).localname: value for name, value in control.items()}
        label = values.get("label", "").strip()
        match etree.QName(control).localname:
            case "checkbox" | "radio":
                state = values.get("current-state") or values.get("state") or values.get("current-selected")
                line.tick(state in ("checked", "true") or (values.get("selected") == "true" and state is None))
                line.add(label)
            case "fixed-text" | "button" | "frame":
                line.add(label)
            case "listbox":
                chosen = [o for o in control if "true" in (o.get(f"{FORM}current-selected"), o.get(f"{FORM}selected"))]
                line.add(", ".join(option.get(f"{FORM}label", "") for option in chosen))
            case "hidden" | "password":
                return
            case _:
                line.add(values.get("current-value") or values.get("value") or "")

    def _object(self, element: etree._Element, line: Line) -> None:
        """Add a formula, or the table of a chart, which is in a part of its own or in the element."""
        name = element.get(_HREF, "").removeprefix("./").strip("/")
        root = self._package.xml(f"{name}/content.xml") if name and name not in self._shown else None
        self._shown.add(name)
        math = next((element if root is None else root).iter("{http://www.w3.org/1998/Math/MathML}math"), None)
        if math is not None:
            line.add(mathml_text(math))
        elif root is not None and (chart := next(root.iter(f"{_CHART}chart"), None)) is not None:
            titles = [" ".join("".join(title.itertext()).split()) for title in chart.iterchildren(f"{_CHART}title")]
            tables = [block for block in self._apart(chart) if isinstance(block, Table)]
            self._beside += [*map(Paragraph, titles), *tables]
