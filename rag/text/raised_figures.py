"""Raised figures that are part of a number: the cents of a price (9⁹⁹ €), and fractions (3 ¹/₂)."""

from __future__ import annotations

import re

_CURRENCY = r"(?:[$€£¥₩₹]|EUR|USD|CHF|GBP|CAD|AUD|SEK|NOK|DKK|PLN|Kč|kr|zł|Fr\.)"
# As `raised` and `lowered` of `rag.text.blocks` write the two figures.
_FRACTION = re.compile(
    r"(?:(?<![\w.,])(\d{1,4})[ \u00a0]?)?(?:\[\^(\d{1,3})\]|\^(\d{1,3}))"
    r"\s?[/⁄∕]\s?(?:_|(?<=⁄))(\d{1,3})(?!\d)"
)
_CENTS = re.compile(
    rf"(?<![\w])(?P<before>{_CURRENCY}\s?)(?P<whole>\d+(?:[.,'’ ]\d{{3}})*)[.,]?\[\^(?P<cents>\d\d)\](?!\d)"
    rf"|(?<![\w.,])(?P<whole2>\d+(?:[.,'’ ]\d{{3}})*)[.,]?\[\^(?P<cents2>\d\d)\](?=\s?{_CURRENCY})"
)


def with_raised_figures(text: str, page: str) -> str:
    """A text of `page`, with "9[^99] €" as "9.99 €" and "3[^1]/_2" as "3 1/2".

    A raised figure at an amount of money stays the mark of a note where that mark, or the one before or after it,
    stands elsewhere on the page: marks are counted, cents are not.
    """
    if "^" not in text:
        return text
    text = _FRACTION.sub(_fraction, text)
    if "[^" not in text:
        return text
    rest = _CENTS.sub(" ", page)

    def amount(match: re.Match[str]) -> str:
        whole, cents = match["whole"] or match["whole2"], match["cents"] or match["cents2"]
        near = (int(cents) - 1, int(cents), int(cents) + 1) if cents[0] != "0" else ()
        if any(f"[^{mark}]" in rest for mark in near):
            return match[0]
        sign = "," if re.search(r"\.\d{3}$", whole) else "."
        return f"{match['before'] or ''}{whole}{sign}{cents}"

    return _CENTS.sub(amount, text)


def _fraction(match: re.Match[str]) -> str:
    whole, upper, lower = match[1], match[2] or match[3], match[4]
    return f"{whole} {upper}/{lower}" if whole else f"{upper}/{lower}"
