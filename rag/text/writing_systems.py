"""The characters of each writing system, as ranges for a character class of a regular expression.

`CJK` is the one definition of Chinese, Japanese and Korean characters: terms are bigrams of them, claims are compared
in runs of them, and their writing systems tell languages apart.
"""

from __future__ import annotations

KANA = "\u3040-\u30ff\u31f0-\u31ff"
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
HANGUL = "\uac00-\ud7a3"
# Here blanks don't separate words, or words carry particles. The blocks also have signs that aren't letters, such as
# the middle dot of Katakana.
CJK = KANA + HAN + HANGUL
# Thai, Lao, Burmese and Khmer: they have no blanks between words, and their letters carry signs.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"

# The accents of Latin, Greek and Cyrillic letters where they are characters of their own.
ACCENTS = "\u0300-\u036f"

# The letters (case folded) and vowel signs of writing systems with languages that have stemmers.
LETTERS = {
    "latin": "a-zß-öø-ʯ\u1e00-\u1eff",
    "cyrillic": "\u0400-\u052f",
    "arabic": "\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06fa-\u06ff\u0750-\u077f",
    "devanagari": "\u0900-\u0963\u0971-\u097f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "armenian": "\u0561-\u0587",
    "tamil": "\u0b82-\u0bd7",
}
# The writing systems whose letters may carry an accent.
ACCENTED = frozenset({"latin", "cyrillic", "greek"})
