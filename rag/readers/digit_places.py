"""The places for digits in a number format, such as 0, # and ?, and the digits put into them."""

from __future__ import annotations

# The signs of a section of a format code, each with whether it is a text.
Pieces = tuple[tuple[str, bool], ...]


def before_point(pieces: Pieces) -> Pieces:
    """The pieces before the decimal point."""
    at = next((i for i, (piece, text) in enumerate(pieces) if piece == "." and not text), len(pieces))
    return pieces[:at]


def places_after_point(pieces: Pieces) -> int:
    """The digits after the decimal point."""
    return sum(not text and piece in "0#?" for piece, text in pieces[len(before_point(pieces)) :])


def commas(pieces: Pieces) -> tuple[bool, int]:
    """Whether commas group the digits, and how many commas behind the digits divide the number by a thousand."""
    signs = "".join(piece for piece, text in before_point(pieces) if not text and piece in "0#?,")
    after = "".join(piece for piece, text in pieces[len(before_point(pieces)) :] if not text and piece in "0#?,")
    kept = signs.rstrip(",")
    behind = len(signs) - len(kept) if kept else 0
    return "," in kept.lstrip(","), behind + len(after) - len(after.rstrip(","))


def filled(pieces: Pieces, whole: str, decimals: str, thousands: bool) -> str:
    """The digits put into the places of a section. Digits without a place stand at the first place."""
    before = before_point(pieces)
    left = [i for i, (piece, text) in enumerate(before) if not text and piece in "0#?"]
    out: list[str] = []
    rest, written = whole, 0
    for index in range(len(before) - 1, -1, -1):
        piece, text = before[index]
        if text or piece not in "0#?":
            out.append("" if piece == "," and not text else piece)
            continue
        taken = rest[-1:] if index != left[0] else rest
        rest = rest[: len(rest) - len(taken)]
        for digit in reversed(taken or {"0": "0", "?": " "}.get(piece, "")):
            if thousands and written and written % 3 == 0 and digit != " ":
                out.append(",")
            out.append(digit)
            written += digit != " "
    result = "".join(reversed(out))
    at = 0
    last = len(decimals.rstrip("0"))
    pending = ""
    for piece, text in pieces[len(before) :]:
        if not text and piece == ".":
            pending = "."
        elif not text and piece in "0#?":
            if piece == "0" or at < last:
                result += pending + decimals[at : at + 1]
                pending = ""
            at += 1
        elif text or piece != ",":
            # A decimal point without digits stays, as Excel shows "5." for 5 in the format 0.#
            result += pending + piece
            pending = ""
    return result + pending
