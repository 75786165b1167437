"""What comes in from outside: names of files, files on disk, histories and questions, made fit for the inside."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from rag.errors import RagError, ReadError
from rag.schema import Message

NAME_CHARACTERS = 255

History = Sequence[Message | Mapping[str, str]]


def display_name(name: str) -> str:
    """A file's name as it is shown: the last part of a path, composed (NFC), without control characters."""
    last = PurePath(name.replace("\\", "/")).name or "unnamed"
    composed = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode("utf-8"))
    clean = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} else c for c in composed)
    return " ".join(clean.split())[-NAME_CHARACTERS:] or "unnamed"


def check_size(file_name: str, size: int, limit_mb: int) -> None:
    """Raises ReadError for more than `limit_mb` megabytes."""
    if size > limit_mb * 1_000_000:
        raise ReadError(
            f"{file_name} is too large ({size / 1e6:.0f} MB): the limit is {limit_mb} MB; split it, or raise "
            "MAX_UPLOAD_MB."
        )


def read_path(path: Path, limit_mb: int) -> bytes:
    """The bytes of a file. Raises ReadError for a folder, a file that can't be opened, or one that is too large."""
    name = display_name(str(path))
    try:
        if path.is_dir():
            raise ReadError(f"{name} is a folder; name the files in it.")
        check_size(name, path.stat().st_size, limit_mb)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise ReadError(f"{name} can't be opened ({reason}); check the path and its permissions.") from error


def as_messages(history: History) -> list[Message]:
    """Messages of a history, given as Message or {"role": …, "content": …}. Raises RagError for anything else."""
    messages = []
    for entry in history:
        if isinstance(entry, Message):
            messages.append(replace(entry, content=_clean(entry.content)))
        elif isinstance(entry, Mapping) and entry.get("role") in {"user", "assistant"}:
            messages.append(Message(entry["role"], _clean(str(entry.get("content", "")))))  # type: ignore[arg-type]
        else:
            raise RagError("A message of the history needs a role (user or assistant) and content.")
    return messages


def as_question(question: str) -> str:
    """The question without control characters and lone surrogates. Raises RagError where nothing is left."""
    clean = _clean(question).strip()
    if not clean:
        raise RagError("The question is empty; type one.")
    return clean


def _clean(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", text.encode("utf-8", "replace").decode("utf-8"))
