"""pdfium's functions that are called for each character or object of a page, callable with plain addresses.

pypdfium2's own wrappers make Python objects for each call, which takes most of the time where a file has a million
characters. These take numbers, so that `map` calls them from C.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
from pypdfium2 import raw

Numbers = npt.NDArray[Any]
# pdfium's boxes: left, bottom, right, top.
Box = tuple[float, float, float, float]

_MOST_OBJECTS = 20_000
_ADDRESS, _INT, _UINT, _FLOAT = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint, ctypes.c_float


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    place = ctypes.cast(getattr(raw, name), ctypes.c_void_p).value
    return ctypes.PYFUNCTYPE(result, *arguments)(place)  # type: ignore[arg-type]


_unicode = _function("FPDFText_GetUnicode", _UINT, _ADDRESS, _INT)
_loose_box = _function("FPDFText_GetLooseCharBox", _INT, _ADDRESS, _INT, _ADDRESS)
_origin = _function("FPDFText_GetCharOrigin", _INT, _ADDRESS, _INT, _ADDRESS, _ADDRESS)
_angle = _function("FPDFText_GetCharAngle", _FLOAT, _ADDRESS, _INT)
_text_object = _function("FPDFText_GetTextObject", _ADDRESS, _ADDRESS, _INT)
_object = _function("FPDFPage_GetObject", _ADDRESS, _ADDRESS, _INT)
_type = _function("FPDFPageObj_GetType", _INT, _ADDRESS)
_bounds = _function("FPDFPageObj_GetBounds", _INT, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS)
_fill = _function("FPDFPageObj_GetFillColor", _INT, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS)
_marks = _function("FPDFPageObj_CountMarks", _INT, _ADDRESS)
_mode = _function("FPDFTextObj_GetTextRenderMode", _INT, _ADDRESS)
_font = _function("FPDFTextObj_GetFont", _ADDRESS, _ADDRESS)


def address(handle: Any) -> int:
    """The address of one of pdfium's objects."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def page_object(place: int) -> Any:
    """The object at an address, for pypdfium2's functions."""
    return ctypes.cast(place, raw.FPDF_PAGEOBJECT)


def characters(text_page: Any) -> tuple[str, Numbers]:
    """The page's characters and their codes. Each has the place that it has in pdfium."""
    count = max(text_page.count_chars(), 0)
    units = (ctypes.c_ushort * (count + 1))()
    if raw.FPDFText_GetText(text_page, 0, count, units) == count + 1:
        codes = np.frombuffer(units, dtype="<u2", count=count)
        text = codes.tobytes().decode("utf-16-le", "surrogatepass")
        if len(text) == count:
            return text, codes
    found = list(map(_unicode, repeat(address(text_page.raw), count), range(count)))
    text = "".join(chr(code) if code <= 0x10FFFF else "\ufffd" for code in found)
    return text, np.array([min(code, 0xFFFF) for code in found], dtype="<u2")


def loose_boxes(text_page: Any, places: Numbers) -> Numbers:
    """The boxes of characters, as high as their font: rows of left, bottom, right and top."""
    floats = np.zeros((places.size, 4), dtype=np.float32)
    begin = floats.ctypes.data
    handle = repeat(address(text_page.raw), places.size)
    deque(map(_loose_box, handle, places.tolist(), range(begin, begin + 16 * places.size, 16)), maxlen=0)
    return floats[:, (0, 3, 2, 1)].astype(np.float64)


def angles(text_page: Any, places: Numbers) -> Numbers:
    """The angles of characters, clockwise, in radians; -1 where it isn't known."""
    return np.array(list(map(_angle, repeat(address(text_page.raw), places.size), places.tolist())))


def origins(text_page: Any, places: Sequence[int]) -> Numbers:
    """Where characters stand on their baselines: rows of x and y."""
    points = np.zeros((len(places), 2), dtype=np.float64)
    begin, end = points.ctypes.data, points.ctypes.data + 16 * len(places)
    handle = repeat(address(text_page.raw), len(places))
    deque(map(_origin, handle, places, range(begin, end, 16), range(begin + 8, end + 8, 16)), maxlen=0)
    return points


def text_objects(text_page: Any, places: Sequence[int]) -> list[int]:
    """The addresses of the text objects of characters; 0 if there is none."""
    return [place or 0 for place in map(_text_object, repeat(address(text_page.raw), len(places)), places)]


def fonts(objects: Iterable[int]) -> list[int]:
    """The addresses of text objects' fonts; 0 if there is none."""
    return [(_font(place) or 0) if place else 0 for place in objects]


def objects_by_type(page: Any) -> list[tuple[int, int]]:
    """The type and the address of the objects of a page."""
    count = max(min(raw.FPDFPage_CountObjects(page), _MOST_OBJECTS), 0)
    places = [place for place in map(_object, repeat(address(page.raw), count), range(count)) if place]
    return list(zip(map(_type, places), places, strict=True))


def bounds(objects: Sequence[int]) -> list[Box]:
    """The boxes of objects."""
    floats = np.zeros((len(objects), 4), dtype=np.float32)
    begin, end = floats.ctypes.data, floats.ctypes.data + 16 * len(objects)
    edges = (range(begin + shift, end + shift, 16) for shift in (0, 4, 8, 12))
    deque(map(_bounds, objects, *edges), maxlen=0)
    return [tuple(row) for row in floats.tolist()]  # type: ignore[misc]


def fill_colours(objects: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """The red, green, blue and opacity (0 to 255) with which objects are filled; black if that isn't known."""
    channels = np.zeros((len(objects), 4), dtype=np.uint32)
    channels[:, 3] = 255
    begin, end = channels.ctypes.data, channels.ctypes.data + 16 * len(objects)
    places = (range(begin + shift, end + shift, 16) for shift in (0, 4, 8, 12))
    deque(map(_fill, objects, *places), maxlen=0)
    return [tuple(row) for row in channels.tolist()]  # type: ignore[misc]


def modes(objects: Iterable[int]) -> list[int]:
    """How text objects are painted."""
    return list(map(_mode, objects))


def mark_counts(objects: Iterable[int]) -> list[int]:
    """The number of marks around objects, such as the mark of a layer."""
    return list(map(_marks, objects))
