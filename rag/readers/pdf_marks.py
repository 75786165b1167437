"""What lies upon a PDF's page: entries of its form, typed notes and stamps, comments, and attached files."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pypdfium2 import raw

from rag.readers.pdf_runs import Run, View
from rag.text.blocks import Remark

_MOST_MARKS = 5_000
_LONGEST = 20_000
_NOT_SEEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_TYPED = (raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_STAMP)
_NO_COMMENTS = (raw.FPDF_ANNOT_WIDGET, raw.FPDF_ANNOT_POPUP, raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_FILEATTACHMENT)
_PASSWORD = 1 << 13
_BOXES = (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)
_CHOICES = (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)


@dataclass(slots=True)
class Mark:
    """An entry of a form or a typed note: its text, its box on the unturned page, and whether it is a box to tick."""

    text: str
    box: tuple[float, float, float, float]
    is_tick: bool = False
    is_entry: bool = True


@dataclass(slots=True)
class Marks:
    """What lies upon a page. `typed` is also drawn by the page once it is flattened, if `drawn` says so."""

    entries: list[Mark] = field(default_factory=list)
    typed: list[Mark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    drawn: bool = False


def page_marks(page: Any, form: Any) -> Marks:
    """The marks of a page. Entries of a form are removed from the page, so that flattening doesn't draw them again.

    `form` is pdfium's handle of the document's form, or None.
    """
    marks = Marks()
    widgets: list[int] = []
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), _MOST_MARKS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            if not raw.FPDFAnnot_GetFlags(annotation) & _NOT_SEEN and _add(marks, annotation, form):
                widgets.append(index)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    if marks.drawn:
        for index in reversed(widgets):
            raw.FPDFPage_RemoveAnnot(page, index)
    return marks


def _add(marks: Marks, annotation: Any, form: Any) -> bool:
    """Add an annotation to the marks. Returns whether it is a field of the form."""
    kind = raw.FPDFAnnot_GetSubtype(annotation)
    if kind == raw.FPDF_ANNOT_LINK:
        return False
    if kind == raw.FPDF_ANNOT_WIDGET and form:
        if entry := _entry(annotation, form):
            marks.entries.append(entry)
        return True
    drawn = raw.FPDFAnnot_GetAP(annotation, raw.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None, 0) > 2
    contents = _value(annotation, b"Contents")
    if kind in _TYPED or kind == raw.FPDF_ANNOT_WIDGET:
        marks.drawn |= drawn
        if contents and kind in _TYPED:
            marks.typed.append(Mark(contents, _box(annotation), is_entry=False))
    elif kind == raw.FPDF_ANNOT_FILEATTACHMENT:
        marks.files.append(_attached(annotation) or contents)
    elif contents and kind not in _NO_COMMENTS:
        marks.remarks.append(Remark("Comment", contents, _value(annotation, b"T")))
    return False


def _entry(annotation: Any, form: Any) -> Mark | None:
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BOXES:
        return Mark("[x]" if raw.FPDFAnnot_IsChecked(form, annotation) else "[ ]", _box(annotation), is_tick=True)
    if kind == raw.FPDF_FORMFIELD_PUSHBUTTON or raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
        return None
    text = ""
    if kind in _CHOICES:
        count = min(max(raw.FPDFAnnot_GetOptionCount(form, annotation), 0), _MOST_MARKS)
        chosen = [index for index in range(count) if raw.FPDFAnnot_IsOptionSelected(form, annotation, index)]
        labels = (_buffered(partial(raw.FPDFAnnot_GetOptionLabel, form, annotation, index)) for index in chosen)
        text = ", ".join(filter(None, labels))
    text = text or _buffered(lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size))
    return Mark(" ".join(text.split()), _box(annotation)) if text.strip() else None


def _value(annotation: Any, key: bytes) -> str:
    text = _buffered(lambda buffer, size: raw.FPDFAnnot_GetStringValue(annotation, key, buffer, size))
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _buffered(call: Callable[[Any, int], int]) -> str:
    """A text of pdfium's, which a call writes into a buffer of a number of bytes; it returns the number it needs."""
    size = call(None, 0)
    if not 2 < size <= 2 * _LONGEST:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    call(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "ignore")


def _attached(annotation: Any) -> str:
    get = getattr(raw, "FPDFAnnot_GetFileAttachment", None)
    attachment = get(annotation) if get else None
    return _file_name(attachment) if attachment else ""


def _file_name(attachment: Any) -> str:
    def call(buffer: Any, size: int) -> int:
        return int(raw.FPDFAttachment_GetName(attachment, buffer, size))

    return _buffered(call)


def attached_files(document: Any) -> list[str]:
    """The names of the files that are attached to the document."""
    count = min(raw.FPDFDoc_GetAttachmentCount(document), 50)
    return [name for index in range(count) if (name := _file_name(raw.FPDFDoc_GetAttachment(document, index)))]


def _box(annotation: Any) -> tuple[float, float, float, float]:
    box = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, box)
    return box.left, min(box.bottom, box.top), box.right, max(box.bottom, box.top)


def place_marks(view: View, marks: Marks, drawn: str) -> None:
    """Put entries and typed notes into the runs of the page, each on the line of its label, as a viewer shows them.

    Typed notes that stand in `drawn`, the text of the page, are there already.
    """
    letters = _letters(drawn)
    waiting = [mark for mark in marks.typed if _letters(mark.text) not in letters]
    for mark in (*marks.entries, *waiting):
        (x0, y0), (x1, y1) = view.place(mark.box[0], mark.box[1]), view.place(mark.box[2], mark.box[3])
        left, right, top, bottom = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        for line, base in _line_places(mark, top, bottom):
            beside = [
                run for run in view.runs if top - 0.2 * run.size < run.base - 0.35 * run.size < bottom + 0.2 * run.size
            ]
            label = min(beside, key=lambda run: max(left - run.x1, run.x0 - right, 0.0), default=None)
            width = min(right - left, 0.5 * 10 * len(line))
            if label is not None and mark.is_entry:
                run = Run(line, left, left + width, label.base, label.size)
            elif mark.is_entry and not mark.is_tick and (over := _label_above(view, left, right, top)):
                over.text = f"{over.text.rstrip(': ')}: {line}"
                continue
            else:
                run = Run(line, left, left + width, base, 10.0)
            run.entry = "tick" if mark.is_tick else "value" if mark.is_entry else ""
            view.runs.append(run)


def _label_above(view: View, left: float, right: float, top: float) -> Run | None:
    above = [
        run
        for run in view.runs
        if not run.entry and run.x0 < right and run.x1 > left and 0 <= top - run.base + 0.3 * run.size < 1.5 * run.size
    ]
    return max(above, key=lambda run: run.base, default=None)


def _line_places(mark: Mark, top: float, bottom: float) -> Iterator[tuple[str, float]]:
    lines = [line.strip() for line in mark.text.split("\n") if line.strip()]
    for number, line in enumerate(lines, 1):
        yield line, top + (bottom - top) * (number - 0.3) / len(lines)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)
