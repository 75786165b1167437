"""Pictures → their text, recognised: PNG, JPEG, WebP, and TIFF with several pages."""

from __future__ import annotations

import io
import math
import struct
import warnings
from collections.abc import Callable

from PIL import Image, ImageOps

from rag.readers.cleaning import clean
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.recognition import MOST_PIXELS, is_on, recognise
from rag.schema import Page

# A picture with more pixels isn't opened: unpacked it takes three bytes a pixel. A3 at 600 dots has 70 million.
_MOST_UNPACKED = 100_000_000
_MOST_PAGES = 2_000
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "MPO")
# What Pillow raises for damage.
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, struct.error)
_OFF = "set OCR=auto to have it read, or run text recognition (OCR) on it and add the PDF or text that it makes"


def read_image(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """The pages that have text, with their 1-based numbers; most pictures have one page.

    Raises Fault if recognition is off, or the picture is damaged, too large, or has no text.
    """
    if not is_on():
        raise Fault(Kind.UNSUPPORTED, "a picture", _OFF)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow about large pictures and odd tags
        return _pages(data, progress)


def _pages(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    pages: list[Page] = []
    length = broken = 0
    with _opened(data) as picture:
        total = _frames(picture)
        for index in range(total):
            frame = _frame(picture, index)
            text = recognise(index + 1, lambda frame=frame: frame) if frame else None  # type: ignore[misc]
            broken += frame is None
            if text and (cleaned := clean(text)).strip():
                pages.append(Page(cleaned, index + 1))
                length += len(cleaned)
                check_length(length, len(data))
            progress(index + 1, total)
    if broken == total:
        raise Fault(Kind.DAMAGED, "a picture")
    if not pages:
        raise Fault(Kind.NO_TEXT, "", "add a sharper picture, or a document with text in it")
    return pages


def count_frames(data: bytes) -> int:
    """The number of pages of a picture; 0 for other files."""
    try:
        with warnings.catch_warnings(), _opened(data) as picture:
            warnings.simplefilter("ignore")
            return _frames(picture)
    except Fault:
        return 0


def draw_frame(data: bytes, number: int) -> Image.Image | None:
    """Page `number` (from 1) of a picture; None if there is no such page or it is damaged. Raises Fault."""
    with warnings.catch_warnings(), _opened(data) as picture:
        warnings.simplefilter("ignore")
        return _frame(picture, number - 1) if 1 <= number <= _frames(picture) else None


def _frames(picture: Image.Image) -> int:
    # An MPO is a photograph with previews.
    try:
        return min(int(getattr(picture, "n_frames", 1)), _MOST_PAGES) if picture.format == "TIFF" else 1
    except _DAMAGE:
        return 1


def _opened(data: bytes) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except _DAMAGE as error:
        raise Fault(Kind.DAMAGED, "a picture") from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    return picture


def _frame(picture: Image.Image, index: int) -> Image.Image | None:
    """A page of the picture: upright, opaque, and at most MOST_PIXELS large; None if it is damaged."""
    try:
        picture.seek(index)
        if picture.width * picture.height > _MOST_UNPACKED:
            raise _too_large()
        factor = math.sqrt(picture.width * picture.height / MOST_PIXELS)
        if factor > 1:
            picture.draft("RGB", (int(picture.width / factor), int(picture.height / factor)))  # for JPEG alone
        frame = ImageOps.exif_transpose(_opaque(picture))
        factor = math.sqrt(frame.width * frame.height / MOST_PIXELS)
        if factor > 1:
            size = max(1, int(frame.width / factor)), max(1, int(frame.height / factor))
            frame = frame.resize(size, Image.Resampling.LANCZOS)
        return frame
    except _DAMAGE:
        return None
    except Image.DecompressionBombError as error:
        raise _too_large() from error


def _opaque(picture: Image.Image) -> Image.Image:
    """In grey or colours, with white where it is transparent. Sixteen bits of grey become eight."""
    exif = picture.getexif()
    if picture.mode.startswith(("I", "F")):
        picture.load()
        low, high = picture.getextrema()
        scale = 255 / max(float(high) - float(low), 1e-6)  # type: ignore[arg-type]
        shown = picture.point(lambda value: value * scale - float(low) * scale).convert("L")  # type: ignore[arg-type]
    elif picture.has_transparency_data:
        colours = picture.convert("RGBA")
        shown = Image.new("RGB", colours.size, "white")
        shown.paste(colours, mask=colours)
    else:
        plain = "L" if picture.mode in ("1", "L") else "RGB"
        picture.load()
        shown = picture.copy() if picture.mode == plain else picture.convert(plain)
    shown.info["exif"] = exif.tobytes() if exif else b""
    return shown


def _too_large() -> Fault:
    return Fault(Kind.TOO_LARGE, f"a picture has more than {_MOST_UNPACKED // 10**6} million pixels")
