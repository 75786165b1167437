"""Shows documents: their bytes, their text, and their pages as pictures."""

from __future__ import annotations

from collections.abc import Iterable

from rag.errors import NotFound
from rag.ids import checked_doc_id
from rag.schema import DocumentInfo, Page
from rag.storage.documents import Catalog
from rag.storage.files import FileStore

# The pages of a document that are read for suggested questions.
OPENING_PAGES = 8


class Originals:
    """Shows documents of one collection, and of no other. May be used from any thread."""

    def __init__(self, catalog: Catalog, files: FileStore) -> None:
        self._catalog = catalog
        self._files = files

    def document(self, doc_id: str) -> DocumentInfo:
        """Raises NotFound."""
        document = self._catalog.find(checked_doc_id(doc_id))
        if document is None:
            raise NotFound("There is no such document in this collection; list the documents to see what there is.")
        return document

    def original(self, doc_id: str) -> bytes:
        """The bytes that were uploaded. Raises NotFound."""
        self.document(doc_id)
        return self._files.read(doc_id)

    def page_text(self, doc_id: str, page: int | None = None) -> str:
        """The text that passages' spans refer to: of a page, or (None) of the whole document.

        Empty for a page without text. Raises NotFound for unknown documents and pages, ReadError.
        """
        document = self.document(doc_id)
        pages = self._files.read_pages(doc_id, document.file_name, read_original)
        if page is None:
            return "\n\n".join(part.text for part in pages)
        text = next((part.text for part in pages if part.number == page), None)
        if text is None and not 1 <= page <= max(document.pages, self.image_pages(doc_id)):
            raise NotFound(f"{document.file_name} has no page {page}.")
        return text or ""

    def image_pages(self, doc_id: str) -> int:
        """The number of pages that `page_image` can draw: all of a PDF or a picture; 0 for other formats.

        Raises NotFound.
        """
        from rag.library.page_image import count_pages

        return count_pages(self.original(doc_id))

    def page_image(self, doc_id: str, page: int, spans: Iterable[tuple[int, int]] = (), *, soft: bool = False) -> bytes:
        """A page of a PDF or picture as a PNG, at most 1,200 pixels wide. `spans` of its text (`page_text`) are
        highlighted, paler if `soft`.

        A span that isn't found on the page isn't highlighted. Raises NotFound for unknown documents and pages,
        ReadError for other formats and for pages that can't be drawn.
        """
        from rag.library.page_image import draw_page

        document = self.document(doc_id)
        marked = list(spans)
        text = self.page_text(doc_id, page) if marked else ""
        words = self._files.read_words(doc_id, page) if marked else []
        return draw_page(self._files.read(doc_id), document.file_name, page, text, marked, words, soft=soft)

    def page_marks(
        self, doc_id: str, page: int, spans: Iterable[tuple[int, int]]
    ) -> list[tuple[float, float, float, float]]:
        """The lines that `page_image` highlights: (left, top, right, bottom) in shares of the picture, 0 to 1.

        Empty if no span is found. Raises like `page_image`.
        """
        from rag.library.page_image import place_spans

        text, document = self.page_text(doc_id, page), self.document(doc_id)
        words = self._files.read_words(doc_id, page)
        return place_spans(self._files.read(doc_id), document.file_name, page, text, spans, words)

    def opening(self, document: DocumentInfo) -> list[Page]:
        """The first pages of a document, for suggested questions; empty if they aren't quickly at hand."""
        if not document.pages or self._files.page_text(document.doc_id, None) is not None:
            text = self._files.page_text(document.doc_id, None)
            return [Page(text)] if text else []
        texts = ((number, self._files.page_text(document.doc_id, number)) for number in range(1, OPENING_PAGES + 1))
        return [Page(text, number) for number, text in texts if text]


def read_original(file_name: str, data: bytes) -> list[Page]:
    """A document's pages, read from its bytes. Raises ReadError."""
    from rag.readers.read import read  # late, since it imports the parsers of all formats, which are seldom needed here

    return read(file_name, data)
