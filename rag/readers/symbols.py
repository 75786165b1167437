"""Characters of the fonts Symbol and Wingdings → the Unicode characters that look the same."""

from __future__ import annotations

_SYMBOL = {
    0x22: "∀", 0x24: "∃", 0x27: "∋", 0x2A: "∗", 0x2D: "−", 0x40: "≅",
    **dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True)),
    0x5C: "∴", 0x5E: "⊥",
    **dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True)),
    0x7E: "∼",
    **dict(zip(range(0xA1, 0xAF), "ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→", strict=True)),
    **dict(zip(range(0xAF, 0xC0), "↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵", strict=True)),
    **dict(zip(range(0xC0, 0xD0), "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉", strict=True)),
    **dict(zip(range(0xD0, 0xE0), "∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓", strict=True)),
    0xE0: "◊", 0xE1: "〈", 0xE2: "®", 0xE3: "©", 0xE4: "™", 0xE5: "∑", 0xF1: "〉", 0xF2: "∫",
}  # fmt: skip
_WINGDINGS = {
    0x22: "✂", 0x28: "☎", 0x2A: "✉", 0x36: "⌛", 0x3F: "✍", 0x45: "☜", 0x46: "☞", 0x47: "☝", 0x48: "☟",
    0x4A: "☺", 0x4B: "😐", 0x4C: "☹", 0x6C: "●", 0x6E: "■", 0x6F: "☐", 0x70: "☐", 0x71: "☐", 0x72: "☐", 0x73: "⬧",
    0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x78: "☒", 0x9E: "·", 0x9F: "•", 0xA7: "▪", 0xA8: "☐",
    **dict(zip(range(0x80, 0x8B), "⓪①②③④⑤⑥⑦⑧⑨⑩", strict=True)),
    **dict(zip(range(0x8B, 0x96), "⓿❶❷❸❹❺❻❼❽❾❿", strict=True)),
    0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨",
    0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {
    0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0x97: "●", 0xA2: "■", 0xA3: "☐", 0xA4: "☐",
    0x2A: "☐", 0x30: "☐", 0x35: "☐",
}  # fmt: skip
_FONTS = {
    "symbol": _SYMBOL,
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
    "wingdings 3": {},
    "webdings": {0x61: "✓", 0x72: "✗", 0x63: "☐"},
}


def is_symbol_font(font: str) -> bool:
    """Whether the letters of the font are pictures."""
    return font.strip().lower() in _FONTS


def symbol(font: str, code: int) -> str:
    """The character that a symbol font shows for a code, which may be in the private area (U+F000 to U+F0FF)."""
    code = code & 0xFF if 0xF000 <= code <= 0xF0FF else code
    signs = _FONTS.get(font.strip().lower())
    if signs is None:
        return chr(code) if 0x20 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    if code in signs:
        return signs[code]
    # Symbol has the digits and marks of ASCII; the other fonts have pictures without a counterpart.
    return chr(code) if signs is _SYMBOL and 0x20 <= code < 0x7F else "•" if code > 0x20 else " "


def symbols(font: str, text: str) -> str:
    """Text that is set in a symbol font, as it looks."""
    return "".join(
        symbol(font, ord(char)) if ord(char) < 0x100 or 0xF000 <= ord(char) <= 0xF0FF else char for char in text
    )
