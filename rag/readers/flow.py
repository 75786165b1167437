"""Blocks in the making: text, boxes of forms and line breaks come in one after another, and blocks go out.

The reader says where paragraphs end, and what the text is within: a heading, an item of a list, a term, a note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.readers.form_fields import LONGEST_LABEL, Control, form_blocks, tidy
from rag.readers.lines import Line, Place
from rag.text.blocks import Block, Field, Footnote, Heading, Item, Paragraph, written

_BLANKS = re.compile(r"[ \t\n\r\f]+")
# Lines that are broken within Chinese or Japanese are joined without a blank.
_WIDE = "\u3001-\u30ff\u3400-\u9fff\uff01-\uff60"
_WIDE_BREAK = re.compile(rf"(?<=[{_WIDE}])[ \t]*[\r\n]\s*(?=[{_WIDE}])")
_NOTE_MARK = re.compile(r"\[\^([^\[\]]{1,10})\]")
_LEAD = re.compile(r"[(\[]?(\d{1,3}|[a-z*†‡])[)\].]?")
# Arrows that lead from a note back to its mark.
_BACK = "↩↑⏎^\ufe0e\ufe0f \t\n"


@dataclass(slots=True)
class Context:
    """What a text is within: kind "heading", "item", "term", "definition", "note" or "text"."""

    kind: str
    level: int = 0
    sign: str = "-"
    depth: int = 0
    mark: str = ""
    texts: list[str] = field(default_factory=list)


class Flow:
    """The blocks of a page, of a cell, or of a caption. `marks` are the note marks that the text has so far."""

    def __init__(self, marks: set[str]) -> None:
        self.blocks: list[Block] = []
        self.flushes = 0
        # The terms before a definition.
        self.term = ""
        self._marks = marks
        self._parts: list[Line | Control] = []
        self._contexts: list[Context] = [Context("text")]
        self._lead = ""
        self._ends_blank = True
        self._last = ""

    # --- text comes in

    @property
    def last(self) -> str:
        """The last characters of the paragraph so far."""
        return self._last

    @property
    def size(self) -> int:
        """The number of the paragraph's parts so far."""
        return len(self._parts)

    def add(self, text: str, place: Place = Place.BASE, is_struck: bool = False, keeps_lines: bool = False) -> None:
        """Add text. Runs of blanks are one blank, unless lines are kept."""
        if not keeps_lines:
            if not text.isascii():
                text = _WIDE_BREAK.sub("", text)
            text = _BLANKS.sub(" ", text)
            if self._ends_blank and text.startswith(" "):
                text = text[1:]
        if not text:
            return
        if not self._last and place is Place.RAISED and not self._parts:
            self._lead += text
            return
        self._ends_blank = text[-1].isspace()
        self._last = (self._last + text)[-20:]
        self._line().add(text, place, is_struck)

    def space(self) -> None:
        """Part what comes next from the text before."""
        if self._last:
            self.add(" ")

    def line_break(self) -> None:
        """End the line."""
        if self._last or self._lead:
            self._line().add("\n")
            self._ends_blank = True
            self._last = (self._last + "\n")[-20:]

    def note(self, mark: str) -> None:
        """Add the mark of a note."""
        self._line().note(mark)
        self._ends_blank, self._last = False, self._last + "]"

    def control(self, control: Control) -> None:
        """Add a box or an entry of a form."""
        self._parts.append(control)
        self._ends_blank, self._last = True, self._last or " "

    def _line(self) -> Line:
        if not self._parts or isinstance(self._parts[-1], Control):
            self._parts.append(Line())
        last = self._parts[-1]
        assert isinstance(last, Line)
        return last

    def cut_line(self) -> None:
        """Begin a new part of the paragraph, so that `take_label` finds where a label begins."""
        self._parts.append(Line())

    def has_control(self, begin: int) -> bool:
        """Whether a control is among the parts from `begin` on."""
        return any(isinstance(part, Control) for part in self._parts[begin:])

    def take_label(self, begin: int) -> str:
        """The text of the parts from `begin` on, which is taken out. If one control is among them, the text becomes its
        label, and the result is ""."""
        parts = self._parts[begin:]
        controls = [part for part in parts if isinstance(part, Control)]
        if len(controls) > 1:
            return ""
        label = " ".join(filter(None, (tidy(part.text()) for part in parts if isinstance(part, Line))))
        self._parts[begin:] = controls
        self._ends_blank = True
        if not controls:
            return label
        controls[0].label = controls[0].label or label
        return ""

    def label_control(self, identity: str, label: str) -> bool:
        """Give a control of this paragraph its label; False if it isn't in this paragraph."""
        for part in reversed(self._parts):
            if isinstance(part, Control) and part.identity == identity:
                part.label = part.label or label
                return True
        return False

    # --- blocks go out

    def begin(self, context: Context) -> None:
        """Begin a heading, an item, a term, a definition, a note or other text."""
        self.flush()
        self._settle()
        self._contexts.append(context)

    def end(self) -> None:
        """End what was begun last."""
        self.flush()
        self._settle()
        if len(self._contexts) > 1:
            self._contexts.pop()

    def put(self, blocks: Sequence[Block]) -> None:
        """Add blocks after the text so far."""
        self.flush()
        self._settle()
        self.blocks += blocks

    def flush(self) -> None:
        """End the paragraph."""
        self.flushes += 1
        if not self._parts and not self._lead:
            return
        parts, lead = self._parts, self._lead.strip()
        self._parts, self._lead, self._ends_blank, self._last = [], "", True, ""
        if any(isinstance(part, Control) for part in parts):
            blocks = form_blocks(parts)
        else:
            text = tidy("".join(part.text() for part in parts if isinstance(part, Line)) if parts else "")
            if "[^" in text:
                self._marks.update(_NOTE_MARK.findall(text))
            match = _LEAD.fullmatch(lead)
            if match and match[1] in self._marks and text:
                blocks = [Footnote(match[1], text.strip(_BACK))]
            else:
                text = f"{lead} {text}".strip()
                blocks = [Paragraph(text)] if text else []
        self._place(blocks)

    def _place(self, blocks: list[Block]) -> None:
        context = self._contexts[-1]
        if context.kind == "text":
            for block in blocks:
                before = self.blocks[-1] if self.blocks else None
                if isinstance(block, Field) and not block.label and isinstance(before, Paragraph):
                    label = before.text
                    if label.endswith(":") and "\n" not in label and len(label) <= LONGEST_LABEL:
                        self.blocks.pop()
                        block = Field(label, block.value)
                self.blocks.append(block)
        elif context.kind == "definition":
            term, context.mark = context.mark, ""
            is_short = term[-1:] not in "?!." and len(term) <= LONGEST_LABEL
            if term and is_short and len(blocks) == 1 and isinstance(blocks[0], Paragraph):
                blocks = [Field(term, blocks[0].text)]
            elif term:
                self.blocks.append(Paragraph(term))
            self.blocks += blocks
        else:
            context.texts += map(written, blocks)

    def _settle(self) -> None:
        """Make a block of the texts in what was begun last."""
        context = self._contexts[-1]
        texts, context.texts = context.texts, []
        if not texts:
            return
        match context.kind:
            case "heading":
                self.blocks.append(Heading(" ".join(texts), context.level))
            case "item" if context.sign:
                self.blocks.append(Item("\n".join(texts), context.sign, context.depth))
                context.sign = ""
            case "note":
                text = " ".join(texts).strip(_BACK)
                begin = re.match(rf"[(\[]?{re.escape(context.mark)}[)\].:]?\s+", text)
                self.blocks.append(Footnote(context.mark, text[begin.end() :] if begin else text))
            case "term":
                self.term = "; ".join(filter(None, [self.term, *texts]))
            case _:
                self.blocks.append(Paragraph("\n".join(texts)))
