"""The walk over an HTML page. It is a loop, not a recursion: pages may be nested deeper than Python's stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from rag.readers.flow import Context, Flow
from rag.readers.formulas import mathml_text
from rag.readers.html_forms import CONTROLS, button_text, control_of, labelled_ids
from rag.readers.html_lists import OpenList, begin_list
from rag.readers.html_looks import Look, Looks, is_copy_of_formula
from rag.readers.html_names import BLOCKS, DROPPED, INLINE_BOXES, drawing_text, name_of, preformatted
from rag.readers.html_notes import NoteLinks
from rag.readers.html_tables import OpenTable, blocks_of
from rag.readers.lines import Place
from rag.text.blocks import Block, Code, Paragraph, with_reading

_CONTAINERS_NAMES = "div li section td th dd button a header footer article main aside figure label nav tr"
_CONTAINERS = frozenset(_CONTAINERS_NAMES.split())
# Elements that may be the text of a note.
_NOTES = frozenset(["li", "p", "div", "aside", "section", "dd"])
_TABLE_PARTS = {"table": "table", "table-row": "tr", "table-cell": "td", "table-caption": "caption"}

# Elements that may be the text of a note.
_NOTES = frozenset(["li", "p", "div", "aside", "section", "dd"])
_TABLE_PARTS = {"table": "table", "table-row": "tr", "table-cell": "td", "table-caption": "caption"}


@dataclass(slots=True)
class _Open:
    """An element whose end hasn't come yet: its look, and what has to be done at its end."""

    element: etree._Element
    name: str
    children: Iterator[etree._Element]
    look: Look
    place: Place
    is_flexible: bool
    at_end: list[Callable[[], None]]


class Walk:
    """Reads a page, whose notes are found by `notes`."""

    def __init__(self, root: etree._Element, notes: NoteLinks) -> None:
        self._root = root
        self._notes = notes
        self._looks = Looks(root)
        self._marks: set[str] = set()
        self._flows = [Flow(self._marks)]
        self._tables: list[OpenTable] = []
        self._lists: list[OpenList] = []
        self._labelled = labelled_ids(root) if next(root.iter("label", "{*}label"), None) is not None else set()
        self._labels: dict[str, str] = {}
        self._rubies: list[tuple[list[str], list[str]]] = []
        self._is_reading = False

    @property
    def _flow(self) -> Flow:
        return self._flows[-1]

    def blocks(self) -> list[Block]:
        """The blocks of the page."""
        stack: list[_Open] = []
        outer = _Open(self._root, "", iter(()), self._looks.first, Place.BASE, False, [])
        if opened := self._begin(self._root, outer):
            stack.append(opened)
        while stack:
            top = stack[-1]
            child = next(top.children, None)
            if child is None:
                for action in reversed(top.at_end):
                    action()
                stack.pop()
                if stack:
                    self._text(top.element.tail, stack[-1])
                continue
            opened = self._begin(child, top) if isinstance(child.tag, str) else None
            if opened is None:
                self._text(child.tail, top)
            else:
                stack.append(opened)
                self._text(child.text, opened)
        self._flow.end()
        return self._flow.blocks

    # --- text

    def _text(self, text: str | None, within: _Open) -> None:
        if not text or not within.look.is_seen:
            return
        if within.name in ("table", "tr", "tbody", "thead", "tfoot") and text.isspace():
            return
        if self._rubies:
            self._rubies[-1][self._is_reading].append(text)
        else:
            if within.is_flexible and text.strip():
                self._flow.flush()
            self._flow.add(text, within.place, within.look.is_struck, within.look.keeps_lines)

    # --- elements

    def _begin(self, element: etree._Element, outer: _Open) -> _Open | None:
        """Begin an element; None if nothing within it is read."""
        name = name_of(element)
        if name in DROPPED or element.get("role") == "navigation":
            return None
        style = self._looks.style(element, name)
        if self._looks.is_hidden(element, name, style) or is_copy_of_formula(element):
            if name in CONTROLS and (label := self._labels.pop(element.get("id", ""), "")):
                self._flow.add(f" {label} ")
            return None
        flow = self._flow
        look = self._looks.look(element, name, style, outer.look)
        display = style.get("display", "")
        if display.startswith("table") and name in ("div", "span", "li", "ul", "p", "section", "dl", "dt", "dd"):
            name = _TABLE_PARTS.get(display, name)
        flexible = display in ("flex", "inline-flex", "grid", "inline-grid")
        opened = _Open(element, name, iter(element), look, outer.place, flexible, [])
        if not self._leaf(element, name, opened):
            return None
        is_block = name in BLOCKS or outer.is_flexible or display in ("block", "flex", "grid", "list-item", "flow-root")
        if (is_block and display not in ("inline", "contents")) or name in ("tr", "td", "th", "table", "li"):
            flow.flush()
            opened.at_end.append(flow.flush)
        elif name in INLINE_BOXES or display.startswith("inline-"):
            flow.space()
            opened.at_end.append(flow.space)
        elif self._is_glued(element, outer):
            flow.space()
        if name in _NOTES and not flow.last and (mark := self._notes.mark_of(element)):
            flow.begin(Context("note", mark=mark))
            opened.at_end.append(flow.end)
            return opened
        self._structure(element, name, opened, style)
        return opened

    def _is_glued(self, element: etree._Element, outer: _Open) -> bool:
        """Whether an element stands in a box of its own beside the one before, with no blank between them."""
        before = element.getprevious()
        if before is None or before.tail or not isinstance(before.tag, str) or outer.name not in _CONTAINERS:
            return False
        parent = outer.element
        if (parent.text or "").strip() or outer.look.keeps_lines:
            return False
        texts = ("" if len(before) else before.text) or "..", element.text or "a."
        begins_word = texts[1].lstrip()[:1].isalnum()
        return self._flow.last[-1:].isalnum() and begins_word and all(len(text.strip()) > 1 for text in texts)

    def _leaf(self, element: etree._Element, name: str, opened: _Open) -> bool:
        """Read an element whose children aren't read one by one; False if it was one."""
        seen, flow = opened.look.is_seen, self._flow
        match name:
            case "br":
                flow.line_break()
            case "hr":
                flow.flush()
            case "math":
                try:
                    text = mathml_text(element) or element.get("alttext", "")
                except RecursionError:
                    text = " ".join("".join(element.itertext()).split())
                if seen and text:
                    flow.add(text, opened.place, opened.look.is_struck)
            case "pre" | "xmp" | "listing" | "plaintext":
                if seen:
                    text, language = preformatted(element)
                    flow.put([Code(text, language)])
            case "svg":
                if seen and (text := drawing_text(element)):
                    flow.put([Paragraph(text)])
            case "input" | "select" | "textarea":
                if seen:
                    self._control(element, name)
            case _:
                return True
        return False

    def _control(self, element: etree._Element, name: str) -> None:
        if text := button_text(element, name):
            self._flow.add(f" {text} ")
        elif (control := control_of(element, name)) is not None:
            control.identity = element.get("id", "")
            control.label = self._labels.pop(control.identity, "")
            self._flow.control(control)

    def _structure(self, element: etree._Element, name: str, opened: _Open, style: dict[str, str]) -> None:
        flow, at_end = self._flow, opened.at_end
        match name:
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                flow.begin(Context("heading", level=int(name[1])))
                at_end.append(flow.end)
            case "ul" | "ol" | "menu" | "dir":
                self._lists.append(begin_list(element, name, style))
                at_end.append(self._end_list)
            case "li":
                depth = len(self._lists)
                sign = self._lists[-1].next_sign(element, style) if self._lists else "-"
                flow.begin(Context("item", sign=sign, depth=min(max(depth - 1, 0), 9)))
                at_end.append(flow.end)
            case "dt":
                flow.begin(Context("term"))
                at_end.append(flow.end)
            case "dd":
                flow.begin(Context("definition", mark=flow.term))
                flow.term = ""
                at_end.append(flow.end)
            case "dl":
                at_end.append(lambda: self._end_terms(flow))
            case "table":
                self._tables.append(OpenTable(element.get("role") in ("presentation", "none")))
                at_end.append(lambda: self._end_table())
            case "thead" | "tbody" | "tfoot" if self._tables:
                table, before = self._tables[-1], self._tables[-1].part
                table.part = name
                at_end.append(lambda: setattr(table, "part", before))
            case "tr" if self._tables:
                self._tables[-1].add_row()
            case "td" | "th" | "caption" if self._tables:
                self._cell(element, name, at_end)
            case "sup" | "sub":
                opened.place = Place.RAISED if name == "sup" else Place.LOWERED
                if name == "sup" and not flow.last:
                    at_end.append(flow.space)
            case "a" if self._notes.link(element, opened.place is Place.RAISED):
                opened.place = Place.RAISED
            case "label":
                self._label(element, at_end)
            case "ruby":
                self._rubies.append(([], []))
                at_end.append(lambda: self._end_ruby(opened))
            case "rt" | "rtc" if self._rubies:
                self._is_reading = True
                at_end.append(lambda: setattr(self, "_is_reading", False))
            case "q":
                flow.add("“")
                at_end.append(lambda: flow.add("”"))
            case _ if element.get("role") in ("checkbox", "radio", "switch") and element.get("aria-checked"):
                flow.add("☑ " if element.get("aria-checked") == "true" else "☐ ")

    # --- ends of elements

    def _end_list(self) -> None:
        self._lists.pop()

    def _end_terms(self, flow: Flow) -> None:
        if flow.term:
            flow.put([Paragraph(flow.term)])
            flow.term = ""

    def _cell(self, element: etree._Element, name: str, at_end: list[Callable[[], None]]) -> None:
        table = self._tables[-1]
        cell = None if name == "caption" else table.add_cell(element, name == "th")
        flow, lists = Flow(self._marks), self._lists
        self._flows.append(flow)
        self._lists = []

        def end() -> None:
            flow.end()
            self._flows.pop()
            self._lists = lists
            if cell is None:
                table.title = flow.blocks
            else:
                cell.blocks = flow.blocks

        at_end.append(end)

    def _end_table(self) -> None:
        self._flow.put(blocks_of(self._tables.pop()))

    def _end_ruby(self, opened: _Open) -> None:
        base, reading = (" ".join("".join(texts).split()) for texts in self._rubies.pop())
        text = with_reading(base, reading)
        if self._rubies:
            self._rubies[-1][self._is_reading].append(text)
        elif text:
            self._flow.add(text, opened.place, opened.look.is_struck)

    def _label(self, element: etree._Element, at_end: list[Callable[[], None]]) -> None:
        flow = self._flow
        flow.cut_line()
        begin, flushes, target = flow.size - 1, flow.flushes, element.get("for", "")

        def end() -> None:
            if flow.flushes != flushes:
                return
            if target in self._labelled or flow.has_control(begin):
                label = flow.take_label(begin)
                if label and not flow.label_control(target, label):
                    self._labels[target] = label

        at_end.append(end)
