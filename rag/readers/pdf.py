"""PDF → pages of text, with pdfium."""

from __future__ import annotations

import logging
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pypdfium2
from PIL.Image import Image
from pypdfium2 import raw

from rag.readers.cleaning import clean
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.notices import note, page_list
from rag.readers.pdf_blocks import Placed, Style, document_style, page_blocks
from rag.readers.pdf_grid import page_rules, ruled_tables
from rag.readers.pdf_hyphens import join_hyphenated
from rag.readers.pdf_layout import Row, page_rows
from rag.readers.pdf_marks import Marks, attached_files, page_marks, place_marks
from rag.readers.pdf_pictures import is_picture, page_picture
from rag.readers.pdf_running import RunningLines, join_pages
from rag.readers.pdf_runs import joined_runs, page_views
from rag.readers.pdf_visible import Layers, without_hidden
from rag.readers.recognition import recognise
from rag.schema import Page
from rag.text.blocks import Block, Paragraph, page_text
from rag.text.characters import CONTROLS

# Only one thread may be in pdfium. The lock is held for one page at a time, so that files can be read side by side.
PDFIUM_LOCK = threading.Lock()
_A_PDF = "a PDF"
_OCR = "run text recognition (OCR) on it and add that copy"
# Controls, replacement characters, and private-use characters except the bullets of symbol fonts.
_UNREADABLE = re.compile(f"[{CONTROLS}\ufffd\ue000-\uf0a6\uf0ff-\uf8ff]")
# A text is garbage above this share of unreadable characters, or with letters of at least this many scripts.
_UNREADABLE_SHARE = 0.3
_MANY_SCRIPTS = 6
# Pages whose blocks are made together; running lines and the types of headings are told from them.
_TOGETHER = 400
# The layout of a page with more runs isn't looked into.
_MOST_RUNS = 6_000
# Runs of a single character that make a page written from top to bottom.
_FEWEST_VERTICAL = 6

logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)


def read_pdf(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """The pages that have text, as light Markdown, with their 1-based places in the file. A damaged page is left out,
    and a notice names pages without readable text and attached files.

    Raises Fault if the file is protected or damaged, or if no page has readable text.
    """
    pages = _Pages(data)
    texts = pages.read(progress)
    if not any(text.strip() for text in texts.values()):
        if pages.garbled:
            raise Fault(Kind.NO_TEXT, ": its text layer is unreadable", _OCR)
        if pages.broken:
            raise Fault(Kind.DAMAGED, _A_PDF)
        raise Fault(Kind.NO_TEXT, " and may be a scan", _OCR)
    pages.tell()
    texts = join_hyphenated(texts)
    return [Page(cleaned, number) for number, text in texts.items() if (cleaned := clean(text)).strip()]


@dataclass(slots=True)
class _Draft:
    """A page before its blocks are made: the rows of its upright text, and the rest."""

    number: int
    rows: list[Row]
    height: float
    others: list[list[Row]]
    marks: Marks


@dataclass(slots=True)
class _Pages:
    """Reads the pages of a PDF one after the other. `pictures` are the numbers of pages whose text is to be recognised,
    `garbled` those of them that have unreadable text, `broken` those of damaged pages, and `vertical` has the texts of
    pages that are written from top to bottom."""

    data: bytes
    garbled: list[int] = field(default_factory=list)
    pictures: set[int] = field(default_factory=set)
    broken: list[int] = field(default_factory=list)
    vertical: dict[int, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    layers: Layers = field(default_factory=Layers)
    running: RunningLines = field(default_factory=RunningLines)
    style: Style | None = None

    def read(self, progress: Callable[[int, int], None]) -> dict[int, str]:
        """Each page's text by its number."""
        document = open_pdf(self.data)
        texts: dict[int, str] = {}
        drafts: list[_Draft] = []
        length = 0
        try:
            with PDFIUM_LOCK:
                total = len(document)
                form = begin_forms(document)
                self.files += attached_files(document)
            for index in range(total):
                with PDFIUM_LOCK:
                    try:
                        draft = self._draft(document, index, form)
                    except (pypdfium2.PdfiumError, ValueError, UnicodeError):
                        draft = None
                        self.broken.append(index + 1)
                if index + 1 in self.pictures:
                    recognised = recognise(index + 1, partial(_drawn, document, index, form))
                    if recognised:
                        texts[index + 1] = recognised
                        length += len(recognised)
                if draft:
                    drafts.append(draft)
                    length += sum(len(row.text) for rows in (draft.rows, *draft.others) for row in rows)
                check_length(length, len(self.data))
                if len(drafts) >= _TOGETHER:
                    texts |= self._written(drafts)
                    drafts = []
                progress(index + 1, total)
        finally:
            with PDFIUM_LOCK:
                document.close()
        return dict(sorted((texts | self.vertical | self._written(drafts)).items()))

    def _draft(self, document: Any, index: int, form: bool) -> _Draft | None:
        page = document[index]
        try:
            marks = page_marks(page, document.formenv if form else None)
            if marks.drawn:
                # Typed notes and stamps become text of the page only when they are flattened into it.
                raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
                page.close()
                page = document[index]
            text_page = page.get_textpage()
            try:
                return self._with_runs(page, text_page, index + 1, marks)
            finally:
                text_page.close()
        finally:
            page.close()

    def _with_runs(self, page: Any, text_page: Any, number: int, marks: Marks) -> _Draft | None:
        views = page_views(page, text_page)
        without_hidden(page, views, self.layers)
        for view in views:
            view.runs = joined_runs(view.runs)
        text = " ".join(run.text for view in views for run in view.runs)
        self.files += marks.files
        if is_garbage(text):
            self.garbled.append(number)
            self.pictures.add(number)
            return None
        if is_picture(page, text):
            self.pictures.add(number)
        if _is_vertical([run.text for view in views for run in view.runs]):
            # pdfium follows such lines from top to bottom.
            self.vertical[number] = str(text_page.get_text_range(errors="replace")).replace("\r\n", "\n")
            return None
        main = views[0]
        place_marks(main, marks, text)
        if not any(view.runs for view in views) and not marks.remarks:
            return None
        if len(main.runs) <= _MOST_RUNS:
            main.runs = ruled_tables(page_rules(page, main), main.runs)
        others = [page_rows(view.runs) for view in views[1:]]
        return _Draft(number, page_rows(main.runs), main.height, others, marks)

    def _written(self, drafts: list[_Draft]) -> dict[int, str]:
        for draft in drafts:
            self.running.add(draft.number, draft.rows, draft.height)
        self.style = self.style or document_style(draft.rows for draft in drafts)
        pages: list[tuple[int, list[Placed]]] = []
        edges: dict[int, tuple[list[str], list[str]]] = {}
        for draft in drafts:
            rows, above, below = self.running.split(draft.number, draft.rows, draft.height)
            edges[draft.number] = (above, below)
            pages.append((draft.number, _blocks(rows, self.style)))
        join_pages(pages)
        texts: dict[int, str] = {}
        for draft, (number, placed) in zip(drafts, pages, strict=True):
            upper, lower = (list(map(Paragraph, lines)) for lines in edges[number])
            for rows in draft.others:
                placed += _blocks(rows, self.style)
            blocks: list[Block] = [*upper, *(each.block for each in placed), *lower, *draft.marks.remarks]
            texts[number] = page_text(blocks)
        return texts

    def tell(self) -> None:
        """Tell the user what of the document isn't read."""
        if self.broken:
            verb = "is" if len(self.broken) == 1 else "are"
            note(f"{page_list(self.broken).capitalize()} {verb} damaged and left out.")
        for name in dict.fromkeys(self.files):
            note(f"The document has the file {name} attached, which isn't read; add it by itself.")


def _is_vertical(texts: Sequence[str]) -> bool:
    """Whether most runs are a single character of Chinese, Japanese or Korean."""
    single = sum(len(text) == 1 and text > "\u2e80" for text in texts)
    return single >= _FEWEST_VERTICAL and single > 0.8 * len(texts)


def _blocks(rows: list[Row], style: Style) -> list[Placed]:
    """The blocks of rows; a paragraph, row by row, if their layout can't be understood."""
    if len(rows) <= _MOST_RUNS:
        try:
            return page_blocks(rows, style)
        except (ValueError, IndexError, ArithmeticError, RecursionError):
            logging.getLogger(__name__).warning("the layout of a page can't be understood", exc_info=True)
    return [Placed(Paragraph("\n".join(row.text for row in rows)))]


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


def _drawn(document: Any, index: int, has_form: bool) -> Image:
    with PDFIUM_LOCK:
        page = load_page(document, index, has_form)
        try:
            return page_picture(page)
        finally:
            page.close()


def is_garbage(text: str) -> bool:
    """Whether much of the text comes from fonts that don't map their glyphs to characters."""
    visible = re.sub(r"\s|[\u0002\ufffe]", "", text)
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
