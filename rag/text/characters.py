"""Invisible characters, as ranges for a character class of a regular expression. First come the groups of characters,
then the sets of them that are removed or replaced, each with the reason why it isn't larger."""

from __future__ import annotations

import unicodedata

# Control characters (C0, DEL, C1), without the tab and the line ends.
CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
# Line ends beside the line feed: carriage return, vertical tab, form feed, next line, and Unicode's two separators.
LINE_ENDS = "\r\x0b\x0c\x85\u2028\u2029"
# The controls turn the direction of the text after them; the marks only state a direction.
BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
BIDI_MARKS = "\u061c\u200e\u200f"
# Characters without width: soft hyphen, Mongolian vowel separator, zero-width space, word joiner, invisible operators,
# byte order mark, and format characters that Unicode has deprecated.
ZERO_WIDTH = "\u00ad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff"
# Persian, Hindi and emoji need joiners, so no set below has them.
JOINERS = "\u200c\u200d"
# Marks around annotations within a line, and invisible tags of a text.
ANNOTATIONS = "\ufff9-\ufffb"
TAGS = "\U000e0000-\U000e007f"
# Shapeless letters of Hangul and Khmer, the grapheme joiner, format characters of shorthand and of music, and the code
# points that Unicode reserves for more such characters.
FILLERS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e0fff"
)
# Variation selectors choose the shape of the character before them. Emoji need U+FE0E and U+FE0F, which aren't here.
VARIATION_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0d"
# Halves of characters, which can't be encoded, and code points that aren't characters: they belong in no text.
SURROGATES = "\ud800-\udfff"
NONCHARACTERS = "\ufdd0-\ufdef\ufffe\uffff"
# Stands for an object within a text, such as a picture.
OBJECT_REPLACEMENT = "\ufffc"

# Removed from a document's text when it is read, since nobody searches for them. Fillers and selectors stay: in some
# languages they are part of a word. A change here changes the indexed text.
NEVER_IN_A_TEXT = (
    SURROGATES
    + CONTROLS
    + ZERO_WIDTH
    + BIDI_MARKS
    + BIDI_CONTROLS
    + NONCHARACTERS
    + ANNOTATIONS
    + OBJECT_REPLACEMENT
    + TAGS
)
# Not shown on a page: a stranger's text must not turn the page around, and surrogates can't be sent to a browser.
# Other characters without width do no harm there.
NEVER_SHOWN = CONTROLS + "\x0b\x0c" + BIDI_CONTROLS + SURROGATES
# Not printed: a terminal also obeys the carriage return and the next line.
NEVER_PRINTED = NEVER_SHOWN + "\r\x85"
# Not given to a language model, which would read text that people don't see: controls, and Unicode's characters with
# the property Default_Ignorable_Code_Point, except the joiners and the two selectors of emoji.
NEVER_PROMPTED = (
    CONTROLS + ZERO_WIDTH + BIDI_MARKS + BIDI_CONTROLS + FILLERS + VARIATION_SELECTORS + ANNOTATIONS + TAGS + SURROGATES
)
# Replaced by blanks in a question: ASCII's controls, and its line ends except the line feed. All other characters are
# left to `terms`, which knows the characters of words.
NEVER_TYPED = "\x00-\x08\x0b-\x1f\x7f"


def is_invisible(char: str) -> bool:
    """Whether a character of a file name is a control or format character or a line end, by Unicode's categories.

    Joiners count: two names that look the same must be the same.
    """
    return unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}
