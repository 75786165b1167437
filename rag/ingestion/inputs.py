"""Intake, before anything is recorded: cleans names of files, checks sizes, and reads files from the disk."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePath

from rag.errors import ReadError
from rag.text.characters import is_invisible

NAME_CHARACTERS = 255


def display_name(name: str) -> str:
    """A file's name for display: the last part of a path, composed (NFC), without invisible characters."""
    last = PurePath(name.replace("\\", "/")).name or "unnamed"
    composed = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode("utf-8"))
    clean = "".join(" " if is_invisible(c) else c for c in composed)
    return " ".join(clean.split())[-NAME_CHARACTERS:] or "unnamed"


def check_size(file_name: str, size: int, limit_mb: int) -> None:
    """Raises ReadError for more than `limit_mb` megabytes."""
    if size > limit_mb * 1_000_000:
        raise ReadError(
            f"{file_name} is too large ({size / 1e6:.0f} MB): the limit is {limit_mb} MB; split it, or raise "
            "MAX_UPLOAD_MB."
        )


def read_path(path: Path, limit_mb: int) -> bytes:
    """The bytes of a file. Raises ReadError for a folder, and for a file that can't be opened or is too large."""
    name = display_name(str(path))
    try:
        if path.is_dir():
            raise ReadError(f"{name} is a folder; name the files in it.")
        check_size(name, path.stat().st_size, limit_mb)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise ReadError(f"{name} can't be opened ({reason}); check the path and its permissions.") from error
