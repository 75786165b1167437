"""The characters that can't be seen, as ranges for a character class of a regular expression: first by what they are,
then the sets that the product removes or replaces, each with the reason why it isn't larger."""

from __future__ import annotations

import unicodedata

# Control characters (C0, DEL, C1), without the tab and without those that end a line.
CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
# They end a line, as the line feed does: carriage return, vertical tab, form feed, next line, and Unicode's separators.
LINE_ENDS = "\r\x0b\x0c\x85\u2028\u2029"
# They turn the direction of the text after them around; the marks only say which direction there is.
BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
BIDI_MARKS = "\u061c\u200e\u200f"
# Without width: soft hyphen, Mongolian vowel separator, zero-width space, word joiner, invisible operators, byte order
# mark, and the format characters that Unicode has given up.
ZERO_WIDTH = "\u00ad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff"
# With these Persian, Hindi and emoji are written: no set below holds them.
JOINERS = "\u200c\u200d"
# Marks of annotations within a line, and characters that tag a text invisibly.
ANNOTATIONS = "\ufff9-\ufffb"
TAGS = "\U000e0000-\U000e007f"
# Letters of Hangul and Khmer without a shape, the grapheme joiner, format characters of shorthand and of music, and the
# code points that Unicode keeps for more of them.
FILLERS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e0fff"
)
# They choose a shape of the character before them, except U+FE0E and U+FE0F, which make emoji of signs.
VARIATION_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0d"
# They belong in no text: halves of characters, which can't be encoded, and code points that aren't characters.
SURROGATES = "\ud800-\udfff"
NONCHARACTERS = "\ufdd0-\ufdef\ufffe\uffff"
# A place for something that isn't text.
OBJECT_REPLACEMENT = "\ufffc"

# Removed from a document's text when it is read: nobody searches for them. Fillers and selectors stay, since they may
# be part of a word as its language writes it. A change changes the indexed text.
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
# Not shown on a page: a text of a stranger must not turn the page around, and surrogates can't be sent to a browser.
# Other characters without width do no harm to the eye.
NEVER_SHOWN = CONTROLS + "\x0b\x0c" + BIDI_CONTROLS + SURROGATES
# Not printed either: a terminal obeys these, too.
NEVER_PRINTED = NEVER_SHOWN + "\r\x85"
# Not given to a language model, which reads what people don't see: controls, and Unicode's Default_Ignorable_Code_Point
# without the joiners and the two selectors of emoji.
NEVER_PROMPTED = (
    CONTROLS + ZERO_WIDTH + BIDI_MARKS + BIDI_CONTROLS + FILLERS + VARIATION_SELECTORS + ANNOTATIONS + TAGS + SURROGATES
)
# Blanks in what a user types: the controls of ASCII with all its line ends but the line feed. The rest of a question is
# left to `terms`, which knows what belongs to a word.
NEVER_TYPED = "\x00-\x08\x0b-\x1f\x7f"


def is_invisible(char: str) -> bool:
    """Whether a character of a file's name is a control or format character or ends a line, by Unicode's categories.

    Joiners count: what looks like one name must be one.
    """
    return unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}
