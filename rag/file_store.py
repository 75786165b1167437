"""The uploaded bytes, kept under the data folder by the SHA-256 of their content and never by name."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path

from rag.errors import NotFound, RagError

_DOC_ID = re.compile(r"[0-9a-f]{64}")


def document_id(data: bytes) -> str:
    """A document is its bytes: their SHA-256 in hexadecimal, 64 characters."""
    return hashlib.sha256(data).hexdigest()


class FileStore:
    """Documents' bytes in `folder`. All methods may be called from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, data: bytes) -> str:
        """Keep bytes; returns their document id. Raises RagError where the folder can't be written."""
        doc_id = document_id(data)
        path = self._path(doc_id)
        try:
            if path.is_file() and path.stat().st_size == len(data):
                return doc_id
            path.parent.mkdir(parents=True, exist_ok=True)
            # Under another name first: a crash must not leave half a file under the final one.
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                temporary = Path(file.name)
                try:
                    file.write(data)
                    file.close()
                    temporary.replace(path)
                finally:
                    temporary.unlink(missing_ok=True)  # where the disk is full; after replace it is gone
        except OSError as error:
            raise RagError(
                f"The upload can't be stored ({error.strerror}); check the disk and the folder DATA_DIR."
            ) from error
        return doc_id

    def read(self, doc_id: str, limit: int = -1) -> bytes:
        """The bytes of a document, or the first `limit` of them. Raises NotFound."""
        try:
            with self._path(doc_id).open("rb") as file:
                return file.read(limit)
        except OSError as error:
            raise NotFound("The original of this document is gone; delete it here and add it again.") from error

    def remove(self, doc_id: str) -> None:
        self._path(doc_id).unlink(missing_ok=True)

    def _path(self, doc_id: str) -> Path:
        if not _DOC_ID.fullmatch(doc_id):
            raise NotFound("A document id is 64 hexadecimal digits; list the documents to see theirs.")
        return self._folder / doc_id[:2] / doc_id
