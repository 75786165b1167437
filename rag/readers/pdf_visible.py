"""Finds the text of a PDF's page that nobody sees: on layers that are off, white on white, transparent, not painted."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pypdfium2 import raw

from rag.readers.pdf_runs import View
from rag.readers.pdfium import bounds, fill_colours, mark_counts, modes, objects_by_type, page_object

_UNPAINTED = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
# From 0 to 255. White text is at least this light, and so is paper.
_WHITE = 250
# The most groups of layers of a page, and pages of a document, that are drawn to see whether a layer is on.
_MOST_GROUPS = 8
_MOST_DRAWN = 100
_DRAWN_WIDTH = 800
_MOST_OBJECTS = 20_000


@dataclass(slots=True)
class Layers:
    """The layers of a document that were seen so far, by their marks, and whether each is on."""

    shown: dict[tuple[str, ...], bool] = field(default_factory=dict)
    drawn: int = 0


def without_hidden(page: Any, views: Sequence[View], layers: Layers) -> None:
    """Remove the runs that aren't visible from the views of a page.

    Text that isn't painted is kept where a picture lies under it and little else is written on the page: it is the
    recognised text of a scan. It is also kept on a layer that is on.
    """
    handles = list({run.handle for view in views for run in view.runs if run.handle})
    if len(handles) > _MOST_OBJECTS:
        return
    pale, unpainted, hidden = set(), set(), set()
    groups: dict[tuple[str, ...], list[int]] = {}
    for handle, mode, (*colour, opacity), marks in zip(
        handles, modes(handles), fill_colours(handles), mark_counts(handles), strict=True
    ):
        if mode in _UNPAINTED:
            unpainted.add(handle)
        elif mode == raw.FPDF_TEXTRENDERMODE_FILL and not opacity:
            hidden.add(handle)
        elif mode == raw.FPDF_TEXTRENDERMODE_FILL and min(colour) >= _WHITE:
            pale.add(handle)
        if marks > 0 and (layer := _layer(page_object(handle))):
            groups.setdefault(layer, []).append(handle)
    if pale:
        hidden |= _on_paper(page, list(pale))
    if unpainted:
        hidden |= unpainted if not _is_scan(page, views, unpainted) else set()
    for layer, members in list(groups.items())[:_MOST_GROUPS]:
        if _is_shown(page, layer, members, layers):
            hidden.difference_update(unpainted.intersection(members))
        else:
            hidden.update(members)
    if hidden:
        for view in views:
            view.runs = [run for run in view.runs if run.handle not in hidden]


def _layer(text_object: Any) -> tuple[str, ...]:
    """What names the object's layer; empty if it is on none."""
    names: list[str] = []
    for index in range(min(raw.FPDFPageObj_CountMarks(text_object), 20)):
        mark = raw.FPDFPageObj_GetMark(text_object, index)
        if _wide(raw.FPDFPageObjMark_GetName, mark) == "OC":
            keys = [
                _wide(raw.FPDFPageObjMark_GetParamKey, mark, key)
                for key in range(min(raw.FPDFPageObjMark_CountParams(mark), 20))
            ]
            names += ["OC"] + [
                _wide(raw.FPDFPageObjMark_GetParamStringValue, mark, key.encode()) for key in sorted(keys)
            ]
    return tuple(names)


def _wide(function: Any, *arguments: Any) -> str:
    """A text that pdfium writes into a buffer, up to 200 characters."""
    buffer, length = (ctypes.c_ushort * 200)(), ctypes.c_ulong()
    if not function(*arguments, buffer, 400, length) or not 2 <= length.value <= 400:
        return ""
    return bytes(buffer)[: length.value - 2].decode("utf-16-le", "replace")


def _on_paper(page: Any, pale: list[int]) -> set[int]:
    """Which of the white text objects have nothing behind them but paper: no coloured area, picture or form."""
    behind = [(kind, place) for kind, place in objects_by_type(page) if kind != raw.FPDF_PAGEOBJ_TEXT]
    places = [place for _, place in behind]
    boxes = [
        box
        for (kind, _), box, (*colour, opacity) in zip(behind, bounds(places), fill_colours(places), strict=True)
        if kind != raw.FPDF_PAGEOBJ_PATH or (opacity and min(colour) < _WHITE)
    ]
    return {
        place
        for place, (left, bottom, right, top) in zip(pale, bounds(pale), strict=True)
        if not any(x0 <= (left + right) / 2 <= x1 and y0 <= (bottom + top) / 2 <= y1 for x0, y0, x1, y1 in boxes)
    }


def _is_scan(page: Any, views: Sequence[View], unpainted: set[int]) -> bool:
    """Whether the unpainted text is the text of a scan: a picture covers most of the page, and less is painted."""
    runs = [run for view in views for run in view.runs]
    painted = sum(len(run.text) for run in runs if run.handle not in unpainted)
    if painted > sum(len(run.text) for run in runs) - painted:
        return False
    width, height = page.get_size()
    pictures = (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_FORM)
    boxes = bounds([place for kind, place in objects_by_type(page) if kind in pictures])
    area = sum((right - left) * (top - bottom) for left, bottom, right, top in boxes)
    return bool(area > width * height / 3)


def _is_shown(page: Any, layer: tuple[str, ...], members: list[int], layers: Layers) -> bool:
    """Whether a layer is on. pdfium doesn't tell, but its drawing differs without the layer's text if it is on."""
    if layer not in layers.shown:
        if layers.drawn >= _MOST_DRAWN:
            return True
        layers.drawn += 1
        for handle in members:  # in grey, which differs from paper and from ink
            text_object = page_object(handle)
            raw.FPDFTextObj_SetTextRenderMode(text_object, raw.FPDF_TEXTRENDERMODE_FILL)
            raw.FPDFPageObj_SetFillColor(text_object, 128, 128, 128, 255)
        before = _drawn(page)
        _set_active(members, False)
        try:
            after = _drawn(page)
        finally:
            _set_active(members, True)
        layers.shown[layer] = not np.array_equal(before, after)
    return layers.shown[layer]


def _set_active(members: Iterable[int], active: bool) -> None:
    for handle in members:
        raw.FPDFPageObj_SetIsActive(page_object(handle), active)


def _drawn(page: Any) -> Any:
    width, height = page.get_size()
    bitmap = page.render(scale=min(_DRAWN_WIDTH / max(width, height, 1.0), 2.0), grayscale=True, may_draw_forms=False)
    try:
        return bitmap.to_numpy().copy()
    finally:
        bitmap.close()
