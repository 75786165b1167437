"""The records of a Hangul document (HWP 5), by Hancom's published description of the format, revision 1.3."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from olefile import OleFileIO

from rag.readers.faults import Fault, Kind

AN_HWP = "an HWP document"
# Tags of records.
CHAR_SHAPE, NUMBERING, PARA_SHAPE = 0x15, 0x17, 0x19
PARA_HEADER, PARA_TEXT, PARA_CHAR_SHAPE, CTRL_HEADER, LIST_HEADER = 0x42, 0x43, 0x44, 0x47, 0x48
TABLE, EQUATION, FORM, MEMO_LIST = 0x4D, 0x58, 0x5B, 0x5D
_SIGNATURE = b"HWP Document File"
_COMPRESSED, _PASSWORD, _DISTRIBUTION, _DRM, _CERTIFICATE, _CERTIFICATE_DRM = (1 << n for n in (0, 1, 2, 4, 8, 10))
# Bytes of a stream unpacked, and records of a document. Text and shapes take a small part of these.
_MOST_BYTES = 128 * 1024 * 1024
_MOST_RECORDS = 2_000_000
_LONG = 0xFFF  # the size stands in the next four bytes


@dataclass(slots=True)
class Record:
    """A record with the records that belong to it."""

    tag: int
    data: bytes
    inner: Sequence[Record] = field(default_factory=list)


class File:
    """The streams of a document. Raises Fault if it is damaged, protected, or made for distribution only."""

    def __init__(self, data: bytes) -> None:
        try:
            self._file = OleFileIO(io.BytesIO(data))
            header = self._file.openstream("FileHeader").read(256)
            names = ["/".join(path) for path in self._file.listdir()]
        except MemoryError:
            raise
        except Exception as error:  # olefile raises errors of struct, of indexing and of its own for damage
            raise Fault(Kind.DAMAGED, AN_HWP) from error
        if not header.startswith(_SIGNATURE) or len(header) < 40:
            raise Fault(Kind.DAMAGED, AN_HWP)
        (flags,) = struct.unpack_from("<I", header, 36)
        if flags & _PASSWORD:
            raise Fault(Kind.PROTECTED)
        if flags & _DISTRIBUTION:
            advice = "open it in Hangul, end its distribution mode with its password, or print it as PDF, and add that"
            raise Fault(
                Kind.UNSUPPORTED, "a Hangul document for distribution (배포용 문서), which is encrypted", advice
            )
        if flags & (_DRM | _CERTIFICATE | _CERTIFICATE_DRM):
            raise Fault(Kind.UNSUPPORTED, "a Hangul document that is encrypted for certain people (DRM)")
        self._is_compressed = bool(flags & _COMPRESSED)
        sections = [name for name in names if name.startswith("BodyText/Section") and name[16:].isdigit()]
        self.sections = sorted(sections, key=lambda name: int(name[16:]))
        self._count = 0

    def records(self, stream: str) -> list[Record]:
        """The records of a stream, as a tree. Raises Fault if there is no such stream, or if it is damaged."""
        try:
            data = self._file.openstream(stream).read()
        except MemoryError:
            raise
        except Exception as error:
            raise Fault(Kind.DAMAGED, AN_HWP) from error
        if self._is_compressed:
            data = _inflated(data)
        root = Record(0, b"", [])
        path = [root]  # the records that are open, by their levels
        for tag, level, content in _flat(data):
            self._count += 1
            if self._count > _MOST_RECORDS:
                raise Fault(Kind.TOO_LARGE, f"it holds more than {_MOST_RECORDS // 10**6} million records")
            del path[level + 1 :]
            record = Record(tag, content, [])
            path[-1].inner.append(record)  # type: ignore[attr-defined]
            path.append(record)
        return list(root.inner)


def _inflated(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15)
    try:
        unpacked = unpacker.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise Fault(Kind.DAMAGED, AN_HWP) from error
    if unpacker.unconsumed_tail:
        raise Fault(Kind.TOO_LARGE, f"a stream of it unpacks to more than {_MOST_BYTES // 2**20} MB")
    return unpacked


def _flat(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Each record's tag, level and content. A cut record ends the stream."""
    at = 0
    while at + 4 <= len(data):
        (header,) = struct.unpack_from("<I", data, at)
        at += 4
        size = header >> 20
        if size == _LONG:
            if at + 4 > len(data):
                return
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
        yield header & 0x3FF, (header >> 10) & 0x3FF, data[at : at + size]
        at += size


def unpack(form: str, data: bytes, at: int) -> tuple[int, ...]:
    """Numbers of a record, little endian; zeros if the record is too short for them."""
    whole = "<" + form
    size = struct.calcsize(whole)
    if at < 0 or at + size > len(data):
        return (0,) * len(struct.unpack(whole, bytes(size)))
    return struct.unpack_from(whole, data, at)


def words(data: bytes, at: int) -> tuple[str, int]:
    """A text with its length before it, and where it ends."""
    (length,) = unpack("H", data, at)
    end = at + 2 + 2 * length
    return data[at + 2 : end].decode("utf-16-le", "replace"), end
