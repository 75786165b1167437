"""The uploaded bytes and the text read from them, as files in the data folder, named by document id, never by name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rag.errors import NotFound, RagError
from rag.ids import checked_doc_id, is_doc_id
from rag.schema import Page
from rag.text.long_texts import texts_in_segments

GONE = "The original of this document is gone; delete it here and add it again."

# Endings of a document's files.
ORIGINAL = ""
TEXT = ".pages.json"
WORDS = ".pages.words.json"
_TEMPORARY_WORDS = ".pages.words.draft"
# The folder, beside the FileStore's folder, for files that belong to no document.
ASIDE = "orphans"

# Characters of text that stay in memory: questions often follow each other on the same document.
_KEPT_CHARACTERS = 20_000_000
# The size, in bytes, of the largest file of a text that a search waits for.
_QUICK_BYTES = 4_000_000
# Bytes of a kept file that are compared at a time.
_COMPARED_BYTES = 1_000_000

# A word of a page that is a picture, and its left, top, right and bottom in shares of the picture, 0 to 1.
PlacedWord = tuple[str, float, float, float, float]

# Reads a file's pages: (file name, bytes) → pages. Raises ReadError.
ReadOriginal = Callable[[str, bytes], list[Page]]


def document_id(data: bytes) -> str:
    """The id of the document with these bytes: their SHA-256 in hexadecimal, 64 characters."""
    return hashlib.sha256(data).hexdigest()


class FileStore:
    """Documents' bytes in `folder`. All methods may be called from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._texts: OrderedDict[str, list[Page]] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, doc_id: str, data: bytes) -> None:
        """Keep a document's bytes; `doc_id` must be their id. Raises RagError if the folder can't be written."""
        path = self._path(doc_id)
        # Comparing sizes isn't enough: users add a document again to repair a damaged file.
        if not _holds(path, data):
            _write_whole(path, [data])

    def write_pages(self, doc_id: str, pages: Sequence[Page]) -> None:
        """Keep a document's text, unless the document was deleted meanwhile. Raises RagError if the folder can't be
        written."""
        self.write_temporary_pages(doc_id, pages)
        self.keep_pages(doc_id)

    def write_temporary_pages(
        self, doc_id: str, pages: Sequence[Page], words: Mapping[int, Sequence[PlacedWord]] | None = None
    ) -> None:
        """Write a document's text, and the words of its pages that are pictures by their numbers, to temporary files.
        The process that may delete the document keeps them by `keep_pages`.

        Raises RagError if the folder can't be written.
        """
        if words:
            _write_whole(self._path(doc_id).with_suffix(_TEMPORARY_WORDS), [json.dumps(words).encode("ascii")])
        _write_whole(self._temporary_pages_path(doc_id), _as_json(pages))

    def keep_pages(self, doc_id: str) -> None:
        """Keep the text in the temporary file, unless the document was deleted meanwhile. Raises RagError if the folder
        can't be written."""
        try:
            with self._lock, contextlib.suppress(FileNotFoundError):
                self._texts.pop(doc_id, None)
                if self._path(doc_id).is_file():
                    self._temporary_pages_path(doc_id).replace(self._pages_path(doc_id))
                    with contextlib.suppress(FileNotFoundError):
                        self._path(doc_id).with_suffix(_TEMPORARY_WORDS).replace(self._words_path(doc_id))
                else:
                    self._delete_pages(doc_id)
        except OSError as error:
            raise _unwritable(error) from error

    def write_attachment(self, doc_id: str, number: int, data: bytes) -> None:
        """Write a file that was attached to a document to a temporary file, which `take_attachment` reads. Raises
        RagError if the folder can't be written."""
        _write_whole(self._attachment_path(doc_id, number), [data])

    def take_attachment(self, doc_id: str, number: int) -> bytes:
        """The bytes that `write_attachment` wrote, which are deleted. Raises NotFound."""
        path = self._attachment_path(doc_id, number)
        try:
            data = path.read_bytes()
            path.unlink(missing_ok=True)
            return data
        except OSError as error:
            raise NotFound(GONE) from error

    def read_pages(self, doc_id: str, file_name: str, read: ReadOriginal) -> list[Page]:
        """A document's text as it was chunked. If it wasn't kept, `read` reads it from the bytes again.

        Raises NotFound, and ReadError like `read`.
        """
        pages = self._kept_pages(doc_id)
        if pages is None:
            pages = read(file_name, self.read(doc_id))
            with contextlib.suppress(RagError):  # a text that can't be kept can still be shown
                self.write_pages(doc_id, pages)
            self._remember(doc_id, pages)
        return pages

    def page_text(self, doc_id: str, page: int | None) -> str | None:
        """The text of a page, or (None) of a document without pages; None if it isn't quickly at hand."""
        try:
            if doc_id not in self._texts and self._pages_path(doc_id).stat().st_size > _QUICK_BYTES:
                return None
            return next((part.text for part in self._kept_pages(doc_id) or () if part.number == page), None)
        except (OSError, NotFound):
            return None

    def read_words(self, doc_id: str, page: int) -> list[PlacedWord]:
        """The words of a page that was recognised from a picture; empty for other pages."""
        try:
            return [tuple(word) for word in json.loads(self._words_path(doc_id).read_bytes()).get(str(page), ())]
        except (OSError, ValueError, TypeError, AttributeError):
            return []

    def _kept_pages(self, doc_id: str) -> list[Page] | None:
        """The kept text, from memory or the disk; None if there is none. Raises NotFound for a text that is no id."""
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
        """The size of a document in bytes. Raises NotFound."""
        try:
            return self._path(doc_id).stat().st_size
        except OSError as error:
            raise NotFound(GONE) from error

    def delete(self, doc_id: str) -> None:
        """Delete all files of a document. Raises RagError if the folder can't be written."""
        try:
            with self._lock:
                self._texts.pop(doc_id, None)
                for path in self._path(doc_id).parent.glob(f"{doc_id}*"):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(error) from error

    def delete_temporary(self, doc_id: str) -> None:
        """Delete a document's half-written files, which a stopped process has left. Raises RagError if the folder can't
        be written."""
        try:
            for path in self._path(doc_id).parent.glob(f"{doc_id}.*"):
                if path not in (self._pages_path(doc_id), self._words_path(doc_id)):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(error) from error

    # --- to verify the library

    def kept(self) -> dict[str, set[str]]:
        """The endings of each document's files: ORIGINAL, TEXT, WORDS, and the endings of temporary files."""
        endings: dict[str, set[str]] = {}
        for path in self.folder.glob("??/*"):
            doc_id = path.name[:64]
            if is_doc_id(doc_id) and path.parent.name == doc_id[:2]:
                endings.setdefault(doc_id, set()).add(path.name[64:])
        return endings

    def is_whole(self, doc_id: str) -> bool:
        """Whether a document's bytes are unchanged since they were added."""
        try:
            with self._path(doc_id).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == doc_id
        except OSError:
            return False

    def has_text(self, doc_id: str) -> bool:
        """Whether a document's text is kept and can be read."""
        return self._read_kept(doc_id) is not None

    def set_aside(self, doc_id: str) -> None:
        """Move bytes that belong to no document into the folder ASIDE, and delete the other files of this id.

        Raises RagError if the folders can't be written.
        """
        aside = self.folder.parent / ASIDE
        try:
            with contextlib.suppress(FileNotFoundError):
                aside.mkdir(parents=True, exist_ok=True)
                self._path(doc_id).replace(aside / doc_id)
        except OSError as error:
            raise _unwritable(error) from error
        self.delete(doc_id)

    def _delete_pages(self, doc_id: str) -> None:
        """Delete a document's text and all its temporary files, also those of stopped processes."""
        for path in self._path(doc_id).parent.glob(f"{doc_id}.pages.*"):
            path.unlink(missing_ok=True)

    def _pages_path(self, doc_id: str) -> Path:
        return self._path(doc_id).with_suffix(TEXT)

    def _words_path(self, doc_id: str) -> Path:
        return self._path(doc_id).with_suffix(WORDS)

    def _temporary_pages_path(self, doc_id: str) -> Path:
        return self._path(doc_id).with_suffix(".pages.draft")

    def _attachment_path(self, doc_id: str, number: int) -> Path:
        return self._path(doc_id).with_suffix(f".pages.attached{number}")

    def _path(self, doc_id: str) -> Path:
        return self.folder / checked_doc_id(doc_id)[:2] / doc_id


def _holds(path: Path, data: bytes) -> bool:
    """Whether the file exists and has exactly these bytes."""
    try:
        if path.stat().st_size != len(data):
            return False
        with path.open("rb") as file:
            place = 0
            while piece := file.read(_COMPARED_BYTES):
                if not data.startswith(piece, place):
                    return False
                place += len(piece)
            return place == len(data)
    except OSError:
        return False


def _as_json(pages: Iterable[Page]) -> Iterator[bytes]:
    """[[number, text], …], a few characters at a time."""
    between = "["
    for number, parts in texts_in_segments(pages):
        yield f'{between}[{json.dumps(number)}, "'.encode("ascii")
        for part in parts:
            yield json.dumps(part)[1:-1].encode("ascii")
        yield b'"]'
        between = ", "
    yield b"[]" if between == "[" else b"]"


def _write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a temporary file, then rename it: a crash mustn't leave half a file at `path`. Raises RagError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.writelines(pieces)
                file.close()
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)  # it is left if the disk is full; after `replace` it doesn't exist
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> RagError:
    return RagError(
        f"DATA_DIR can't be written ({error.strerror}); make room on its disk, or make it writable, then try again."
    )
