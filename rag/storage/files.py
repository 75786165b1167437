"""The uploaded bytes and the text read from them, kept under the data folder by the SHA-256 of the bytes and never by
name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rag.errors import NotFound, RagError
from rag.ids import checked_doc_id, is_doc_id
from rag.schema import Page
from rag.text.long_texts import texts_in_parts

GONE = "The original of this document is gone; delete it here and add it again."

# Endings of a document's files.
ORIGINAL = ""
TEXT = ".pages.json"
# The folder beside the store's own for what was found in it and belongs to no document.
ASIDE = "orphans"

# Characters of text that stay in memory: documents that were asked about are asked about again.
_KEPT_CHARACTERS = 20_000_000
# A search doesn't wait for texts whose file is larger than this, in bytes.
_QUICK_BYTES = 4_000_000


def document_id(data: bytes) -> str:
    """A document is its bytes: their SHA-256 in hexadecimal, 64 characters."""
    return hashlib.sha256(data).hexdigest()


class FileStore:
    """Documents' bytes in `folder`. All methods may be called from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._texts: OrderedDict[str, list[Page]] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, data: bytes) -> str:
        """Keep bytes; returns their document id. Raises RagError where the folder can't be written."""
        doc_id = document_id(data)
        path = self._path(doc_id)
        # The same size isn't enough: who adds a document again means to mend a damaged one.
        if not self.is_whole(doc_id):
            _write_whole(path, [data])
        return doc_id

    def write_pages(self, doc_id: str, pages: Sequence[Page]) -> None:
        """Keep a document's text, unless the document was removed meanwhile. Raises RagError where the folder can't be
        written."""
        self.draft_pages(doc_id, pages)
        self.keep_pages(doc_id)

    def draft_pages(self, doc_id: str, pages: Sequence[Page]) -> None:
        """Write a document's text without keeping it yet: that is left to the process that may remove the document.

        Raises RagError where the folder can't be written.
        """
        _write_whole(self._draft_path(doc_id), _as_json(pages))

    def keep_pages(self, doc_id: str) -> None:
        """Keep the text that was drafted, unless the document was removed meanwhile. Raises RagError where the folder
        can't be written."""
        try:
            with self._lock, contextlib.suppress(FileNotFoundError):
                self._texts.pop(doc_id, None)
                if self._path(doc_id).is_file():
                    self._draft_path(doc_id).replace(self._pages_path(doc_id))
                else:
                    self._remove_pages(doc_id)
        except OSError as error:
            raise _unwritable(error) from error

    def read_pages(self, doc_id: str, file_name: str) -> list[Page]:
        """A document's text as it was chunked; read from its bytes again where it wasn't kept.

        Raises NotFound, or ReadError like `readers.read`.
        """
        pages = self._kept_pages(doc_id)
        if pages is None:
            from rag.readers.read import read  # the parsers of all formats: hardly ever needed here

            pages = read(file_name, self.read(doc_id))
            with contextlib.suppress(RagError):  # where it can't be kept, it can be shown all the same
                self.write_pages(doc_id, pages)
            self._remember(doc_id, pages)
        return pages

    def page_text(self, doc_id: str, page: int | None) -> str | None:
        """The text of a page, or of a document without pages; None where it isn't quickly at hand."""
        try:
            if doc_id not in self._texts and self._pages_path(doc_id).stat().st_size > _QUICK_BYTES:
                return None
            return next((part.text for part in self._kept_pages(doc_id) or () if part.number == page), None)
        except (OSError, NotFound):
            return None

    def _kept_pages(self, doc_id: str) -> list[Page] | None:
        """Raises NotFound."""
        with self._lock:
            if doc_id in self._texts:
                self._texts.move_to_end(doc_id)
                return self._texts[doc_id]
        pages = self._read_kept(doc_id)
        if pages is not None:
            self._remember(doc_id, pages)
        return pages

    def _read_kept(self, doc_id: str) -> list[Page] | None:
        try:
            return [Page(text, number) for number, text in json.loads(self._pages_path(doc_id).read_bytes())]
        except (OSError, ValueError, TypeError):
            return None

    def _remember(self, doc_id: str, pages: list[Page]) -> None:
        with self._lock:
            self._texts[doc_id] = pages
            sizes = {key: sum(len(page.text) for page in kept) for key, kept in self._texts.items()}
            while len(self._texts) > 1 and sum(sizes[key] for key in self._texts) > _KEPT_CHARACTERS:
                self._texts.popitem(last=False)

    def read(self, doc_id: str, limit: int = -1) -> bytes:
        """The bytes of a document, or the first `limit` of them. Raises NotFound."""
        try:
            with self._path(doc_id).open("rb") as file:
                return file.read(limit)
        except OSError as error:
            raise NotFound(GONE) from error

    def size(self, doc_id: str) -> int:
        """How many bytes a document has. Raises NotFound."""
        try:
            return self._path(doc_id).stat().st_size
        except OSError as error:
            raise NotFound(GONE) from error

    def remove(self, doc_id: str) -> None:
        """Remove all that is kept of a document. Raises RagError where the folder can't be written."""
        try:
            with self._lock:
                self._texts.pop(doc_id, None)
                for path in self._path(doc_id).parent.glob(f"{doc_id}*"):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(error) from error

    def remove_temporary(self, doc_id: str) -> None:
        """Remove what processes have left of a document that were stopped while they wrote. Raises RagError where the
        folder can't be written."""
        try:
            for path in self._path(doc_id).parent.glob(f"{doc_id}.*"):
                if path != self._pages_path(doc_id):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(error) from error

    # --- for those who verify

    def kept(self) -> dict[str, set[str]]:
        """What there is: of each document the endings of its files, ORIGINAL, TEXT or of temporary ones."""
        kept: dict[str, set[str]] = {}
        for path in self.folder.glob("??/*"):
            doc_id = path.name[:64]
            if is_doc_id(doc_id) and path.parent.name == doc_id[:2]:
                kept.setdefault(doc_id, set()).add(path.name[64:])
        return kept

    def is_whole(self, doc_id: str) -> bool:
        """Whether a document's bytes are those that were added."""
        try:
            with self._path(doc_id).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == doc_id
        except OSError:
            return False

    def has_text(self, doc_id: str) -> bool:
        """Whether a document's text is kept and can be read."""
        return self._read_kept(doc_id) is not None

    def set_aside(self, doc_id: str) -> None:
        """Take the bytes of no document out of the folder, into one beside it; remove what else there is of it.

        Raises RagError where the folders can't be written."""
        aside = self.folder.parent / ASIDE
        try:
            with contextlib.suppress(FileNotFoundError):
                aside.mkdir(parents=True, exist_ok=True)
                self._path(doc_id).replace(aside / doc_id)
        except OSError as error:
            raise _unwritable(error) from error
        self.remove(doc_id)

    def _remove_pages(self, doc_id: str) -> None:
        """With its drafts, and with what is left of one whose process was stopped while it wrote."""
        for path in self._path(doc_id).parent.glob(f"{doc_id}.pages.*"):
            path.unlink(missing_ok=True)

    def _pages_path(self, doc_id: str) -> Path:
        return self._path(doc_id).with_suffix(TEXT)

    def _draft_path(self, doc_id: str) -> Path:
        return self._path(doc_id).with_suffix(".pages.draft")

    def _path(self, doc_id: str) -> Path:
        return self.folder / checked_doc_id(doc_id)[:2] / doc_id


def _as_json(pages: Iterable[Page]) -> Iterator[bytes]:
    """[[number, text], …], a few characters at a time."""
    between = "["
    for number, parts in texts_in_parts(pages):
        yield f'{between}[{json.dumps(number)}, "'.encode("ascii")
        for part in parts:
            yield json.dumps(part)[1:-1].encode("ascii")
        yield b'"]'
        between = ", "
    yield b"[]" if between == "[" else b"]"


def _write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Raises RagError. Under another name first: a crash must not leave half a file under the final one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.writelines(pieces)
                file.close()
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)  # where the disk is full; after replace it is gone
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> RagError:
    return RagError(
        f"DATA_DIR can't be written ({error.strerror}); make room on its disk, or make it writable, then try again."
    )
