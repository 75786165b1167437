"""The fields of a form within a paragraph: joins each with its label."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.readers.lines import Line
from rag.text.blocks import Block, Field, Paragraph, Tick

LONGEST_LABEL = 120


@dataclass(slots=True)
class Control:
    """A box to tick, or an entry of a form, with its label once it is known."""

    value: str = ""
    ticked: bool | None = None
    label: str = ""
    identity: str = ""


def tidy(text: str) -> str:
    """The text without blanks around its lines."""
    return "\n".join(line.strip() for line in text.split("\n")).strip() if "\n" in text else text.strip()


def form_blocks(parts: Sequence[Line | Control]) -> list[Block]:
    """The blocks of a paragraph with fields: each with its label, which stands in it, before it or after it."""
    items: list[str | Control] = []
    for part in parts:
        if isinstance(part, Control):
            items.append(part)
        elif text := tidy(part.text()):
            items.append(text)
    if _is_sentence(items):
        return [Paragraph(" ".join(item if isinstance(item, str) else _inline(item) for item in items))]
    first = items[0] if items else ""
    labels_come_first = isinstance(first, str)
    blocks: list[Block] = []
    label = ""
    waiting: Control | None = None  # a box whose label comes after it
    for item in items:
        if isinstance(item, str):
            if waiting is not None:
                head, _, item = item.partition("\n")
                blocks.append(Tick(head, bool(waiting.ticked)))
                waiting = None
            if label:
                blocks.append(Paragraph(label))
            label = item
            continue
        if waiting is not None:
            blocks.append(Tick("", bool(waiting.ticked)))
            waiting = None
        if not item.label and (item.ticked is None or labels_come_first):
            rest, _, last = label.rpartition("\n")
            if len(last) <= LONGEST_LABEL:
                item, label = replace(item, label=last), rest
        if label:
            blocks.append(Paragraph(label))
            label = ""
        if item.ticked is None:
            blocks.append(Field(item.label, item.value))
        elif item.label:
            blocks.append(Tick(item.label, item.ticked))
        else:
            waiting = item
    if waiting is not None:
        blocks.append(Tick("", bool(waiting.ticked)))
    if label:
        blocks.append(Paragraph(label))
    return blocks


def _is_sentence(items: Sequence[str | Control]) -> bool:
    """Whether entries stand within a sentence: "I, Ada Lovelace, live at …"."""
    for before, after in itertools.pairwise(items):
        is_entry = isinstance(before, Control) and before.ticked is None
        if is_entry and isinstance(after, str) and (after[0].islower() or after[0] in ",.;)"):
            return True
    return False


def _inline(control: Control) -> str:
    if control.ticked is None:
        return f"{control.label} {control.value}".strip()
    return f"[{'x' if control.ticked else ' '}] {control.label}".strip()
