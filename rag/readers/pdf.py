"""PDF → pages of text, with pdfium."""

from __future__ import annotations

import logging
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pypdfium2
from PIL.Image import Image
from pypdfium2 import raw

from rag.readers.cleaning import clean
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.pdf_pictures import is_picture, page_picture
from rag.readers.recognition import recognise
from rag.schema import Page
from rag.text.characters import CONTROLS

# Only one thread may be in pdfium. The lock is held for one page at a time, so that files can be read side by side.
PDFIUM_LOCK = threading.Lock()
_A_PDF = "a PDF"
_OCR = "run text recognition (OCR) on it and add that copy"
# Where a line ends in a hyphen, pdfium has one of these characters instead of the hyphen and the line break.
_HYPHEN_MARK = "[\u0002\ufffe]"
_BREAK = rf"(?:{_HYPHEN_MARK}\s?|-\n)"
# The half of a word before a hyphen at a line's end (group 1), and the half after it (group 2, not consumed).
_LINE_END_HYPHEN = re.compile(rf"(?<![^\W_])([^\W_]+){_BREAK}(?=([^\W_]+))")
_SPLIT_WORD = re.compile(rf"(?<![^\W_])[^\W_]+{_BREAK}[^\W_]+")
# Controls, replacement characters, and private-use characters except the bullets of symbol fonts.
_UNREADABLE = re.compile(f"[{CONTROLS}\ufffd\ue000-\uf0a6\uf0ff-\uf8ff]")
# A text is garbage above this share of unreadable characters, or with letters of at least this many scripts.
_UNREADABLE_SHARE = 0.3
_MANY_SCRIPTS = 6

logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)


def read_pdf(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """The pages that have text, with their 1-based places in the file. A damaged page is left out.

    Raises Fault if the file is protected or damaged, or if no page has readable text.
    """
    texts, broken = _page_texts(data, progress)
    readable = {number: text for number, text in texts.items() if text.strip() and not is_garbage(text)}
    if not readable:
        if any(text.strip() for text in texts.values()):
            raise Fault(
                Kind.NO_TEXT, ": its text layer is unreadable", "run text recognition (OCR) on it and add that copy"
            )
        if broken:
            raise Fault(Kind.DAMAGED, _A_PDF)
        raise Fault(Kind.NO_TEXT, " and may be a scan", "run text recognition (OCR) on it and add that copy")
    readable = _join_hyphenated(readable)
    return [Page(cleaned, number) for number, text in readable.items() if (cleaned := clean(text)).strip()]


def _page_texts(data: bytes, progress: Callable[[int, int], None]) -> tuple[dict[int, str], int]:
    """Each page's raw text by its number, and the number of pages that couldn't be read."""
    document = open_pdf(data)
    texts: dict[int, str] = {}
    pictures: set[int] = set()
    broken = length = 0
    try:
        with PDFIUM_LOCK:
            total = len(document)
            has_form = begin_forms(document)
        for index in range(total):
            with PDFIUM_LOCK:
                try:
                    texts[index + 1] = _page_text(document, index, has_form, pictures)
                except (pypdfium2.PdfiumError, ValueError, UnicodeError):
                    broken += 1
            if index + 1 in pictures and (
                recognised := recognise(index + 1, partial(_drawn, document, index, has_form))
            ):
                texts[index + 1] = recognised
            length += len(texts.get(index + 1, ""))
            check_length(length, len(data))
            progress(index + 1, total)
    finally:
        with PDFIUM_LOCK:
            document.close()
    return texts, broken


def open_pdf(data: bytes) -> Any:
    """pdfium's document; hold the lock to close it. Raises Fault if the file is protected, damaged, or no PDF."""
    try:
        with PDFIUM_LOCK:
            return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        protected = getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        raise Fault(Kind.PROTECTED if protected else Kind.DAMAGED, _A_PDF) from error


def begin_forms(document: Any) -> bool:
    """Whether the document has a form. If it has one, prepare it for `load_page`. Hold the lock."""
    has_form = bool(document.get_formtype() != raw.FORMTYPE_NONE)
    if has_form:
        document.init_forms()
    return has_form


def load_page(document: Any, index: int, has_form: bool) -> Any:
    """The page at `index` (from 0), with the entries of its form. Hold the lock, also to close the page."""
    page = document[index]
    if has_form and raw.FPDFPage_GetAnnotCount(page):
        # The entries of a form become text of the page only when they are flattened into it.
        try:
            page.flatten()
        finally:
            page.close()
        page = document[index]
    return page


def _page_text(document: Any, index: int, has_form: bool, pictures: set[int]) -> str:
    """The text of a page. The number of a page that has to be recognised is added to `pictures`."""
    page = load_page(document, index, has_form)
    try:
        text_page = page.get_textpage()
        try:
            text = str(text_page.get_text_range(errors="replace")).replace("\r\n", "\n")
        finally:
            text_page.close()
        if is_garbage(text) or is_picture(page, text):
            pictures.add(index + 1)
        return text
    finally:
        page.close()


def _drawn(document: Any, index: int, has_form: bool) -> Image:
    with PDFIUM_LOCK:
        page = load_page(document, index, has_form)
        try:
            return page_picture(page)
        finally:
            page.close()


def is_garbage(text: str) -> bool:
    """Whether much of the text comes from fonts that don't map their glyphs to characters."""
    visible = re.sub(rf"\s|{_HYPHEN_MARK}", "", text)
    bad = len(_UNREADABLE.findall(visible))
    if bad > len(visible) * _UNREADABLE_SHARE:
        return True
    if visible.isascii():
        return False
    scripts: Counter[str] = Counter()
    for char, count in Counter(visible).items():
        if char.isalpha():
            scripts[unicodedata.name(char, "").partition(" ")[0]] += count
    # Glyph numbers that are taken for characters give letters of many scripts, without a prevailing one.
    return len(scripts) >= _MANY_SCRIPTS and max(scripts.values()) < scripts.total() / 2


def _join_hyphenated(texts: dict[int, str]) -> dict[int, str]:
    """Rejoin words that were split at a line's end.

    A hyphen that belongs to the word stays ("self-driving"). The word's spelling elsewhere in the document tells. If
    the word is nowhere else, the hyphen stays if both halves are words of the document.
    """
    if not any(_LINE_END_HYPHEN.search(text) for text in texts.values()):
        return texts
    # The split words don't count as words: "exam" and "ple" are none just because a line ended between them.
    whole = (_SPLIT_WORD.sub(" ", text).lower() for text in texts.values())
    words = {word for text in whole for word in re.findall(r"[^\W_]+(?:-[^\W_]+)*", text)}
    pairs = {pair for word in words if "-" in word for pair in pairwise(word.split("-"))}

    def joined(match: re.Match[str]) -> str:
        left, right = match[1], match[2]
        low_left, low_right = left.lower(), right.lower()
        if (low_left, low_right) in pairs:
            return left + "-"
        if low_left + low_right in words:
            return left
        is_split = left[-1].islower() and right[0].islower() and len(left) > 1
        return left + ("" if is_split and not (low_left in words and low_right in words) else "-")

    return {number: _LINE_END_HYPHEN.sub(joined, text) for number, text in texts.items()}
