"""Pages of a PDF that are pictures: whether a page is one, and the picture in which its text is recognised."""

from __future__ import annotations

import ctypes
import math
from typing import Any

from PIL import Image
from pypdfium2 import raw

from rag.readers.recognition import DOTS_PER_INCH, MOST_PIXELS

# A scan may have a stamp, a page number or the name of the scanner as text: at most so many letters on a picture that
# covers this share of the page.
_FEWEST_LETTERS = 40
_COVERED = 0.5
_MOST_OBJECTS = 40


def is_picture(page: Any, text: str) -> bool:
    """Whether a page with this text is to be recognised: it has none, or little on a picture. Hold pdfium's lock."""
    letters = sum(map(str.isalnum, text))
    if letters >= _FEWEST_LETTERS:
        return False
    count = raw.FPDFPage_CountObjects(page)
    if not letters:
        return bool(count > 0 or raw.FPDFPage_GetAnnotCount(page) > 0)
    return 0 < count <= _MOST_OBJECTS and _covered(page, count) >= _COVERED


def _covered(page: Any, count: int) -> float:
    """The share of the page that its largest picture covers."""
    width, height = page.get_size()
    largest = 0.0
    for index in range(count):
        item = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(item) == raw.FPDF_PAGEOBJ_IMAGE:
            sides = [ctypes.c_float() for _ in range(4)]
            if raw.FPDFPageObj_GetBounds(item, *sides):
                left, bottom, right, top = (side.value for side in sides)
                largest = max(largest, (right - left) * (top - bottom))
    return float(largest / max(width * height, 1.0))


def page_picture(page: Any) -> Image.Image:
    """The page as it is shown, in DOTS_PER_INCH, with fewer if it is a poster. Hold pdfium's lock."""
    width, height = (max(float(side), 1.0) for side in page.get_size())
    scale = min(DOTS_PER_INCH / 72, math.sqrt(MOST_PIXELS / (width * height)))
    bitmap = page.render(scale=scale)
    try:
        picture: Image.Image = bitmap.to_pil().convert("RGB").copy()
        return picture
    finally:
        bitmap.close()
