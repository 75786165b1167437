"""S/MIME: the mail in a message that is signed and not encrypted (RFC 8551, in the form of RFC 5652)."""

from __future__ import annotations

# Object identifiers, as they are written.
_SIGNED_DATA = b"\x06\x09*\x86H\x86\xf7\r\x01\x07\x02"
_DATA = b"\x06\x09*\x86H\x86\xf7\r\x01\x07\x01"
_OCTETS, _OCTETS_IN_PIECES, _INDEFINITE = 0x04, 0x24, 0x80
# The signed data's identifier comes after the lengths around it.
_HEAD_BYTES = 40


def signed_content(data: bytes) -> bytes:
    """The mail that is signed; empty if `data` is encrypted, damaged, or a signature alone. The signature isn't
    checked."""
    at = data.find(_DATA)
    if _SIGNED_DATA not in data[:_HEAD_BYTES] or at < 0:
        return b""
    try:
        _, at, _ = _element(data, at + len(_DATA))
        kind, at, end = _element(data, at)
        if kind == _OCTETS:
            return data[at:end]
        pieces: list[bytes] = []
        while kind == _OCTETS_IN_PIECES and at < end and data[at] == _OCTETS:
            _, at, stop = _element(data, at)
            pieces.append(data[at:stop])
            at = stop
        return b"".join(pieces)
    except IndexError:
        return b""


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """The element that begins at `at`: its kind, and where its content begins and ends."""
    kind, length = data[at], data[at + 1]
    at += 2
    if length == _INDEFINITE:
        return kind, at, len(data)
    if length > _INDEFINITE:
        digits = length - _INDEFINITE
        length = int.from_bytes(data[at : at + digits])
        at += digits
    return kind, at, min(at + length, len(data))
