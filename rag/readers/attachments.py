"""Files within a document that become documents of their own: the attachments of a mail.

A reader calls `attach`; the caller of the readers collects the attachments and adds them to the library. What can't be
added is told by `note`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from rag.readers.faults import Fault
from rag.readers.filetypes import detect
from rag.readers.notices import note

# The attachments of one document that are collected. A mail in a mail is an attachment, too, and has such itself.
MOST = 100

# Between the name of a document and that of its attachment.
WITHIN = " › "
# Attachments of a document that is attached to so many documents, one in the other, aren't added.
DEEPEST = 3
# Characters of each name, so that the names of a document in DEEPEST others fit into the name of a file.
_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Attachment:
    """The name of an attached file, and its bytes."""

    name: str
    data: bytes


@dataclass(slots=True)
class _Collection:
    room: int  # bytes
    attachments: list[Attachment] = field(default_factory=list)


_collected: ContextVar[_Collection | None] = ContextVar("attachments", default=None)


def attach(name: str, data: bytes) -> None:
    """Give an attached file to the caller of the readers. A file that can't be read becomes a notice."""
    collection = _collected.get()
    if collection is None or not data or Attachment(name, data) in collection.attachments:
        return
    if len(collection.attachments) >= MOST or len(data) > collection.room:
        note(f"Only the first {len(collection.attachments)} attachments were added; add the others by themselves.")
        return
    try:
        detect(name, data)
    except Fault as fault:
        note(f"Attachment not added: {fault.sentence(name)}")
        return
    collection.room -= len(data)
    collection.attachments.append(Attachment(name, data))


@contextmanager
def collecting(size: int) -> Iterator[list[Attachment]]:
    """Collect the attachments of a document of `size` bytes, which has no more bytes in them. The list grows while the
    readers run within."""
    collection = _Collection(size)
    token = _collected.set(collection)
    try:
        yield collection.attachments
    finally:
        _collected.reset(token)


def name_within(document: str, attachment: str) -> str:
    """The name of a document that was attached to another one: "offer.eml › prices.pdf"."""
    return WITHIN.join(map(_shortened, [*document.split(WITHIN), attachment]))


def is_too_deep(document: str) -> bool:
    """Whether the document of this name was attached to one that was attached itself, and so on, too often."""
    return document.count(WITHIN) >= DEEPEST


def _shortened(name: str) -> str:
    """The name, shortened in the middle, since its end tells the format."""
    half = _NAME_CHARACTERS // 2
    return name if len(name) <= _NAME_CHARACTERS else f"{name[:half].rstrip()}…{name[-half:].lstrip()}"
