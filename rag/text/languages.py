"""Which languages a text is in, as far as their words can be stemmed.

The script tells most languages apart; those that share one are told apart by py3langid's model of character sequences,
which is in its wheel. A wrong guess must cost little, so where English is likely no other language is named, and where
several languages are likely all of them are.
"""

from __future__ import annotations

import re
import threading

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# Snowball's names of the languages that it has stemmers for, by their codes. The languages without one are there
# because they would be taken for others. A script's first language is assumed where none is likely; Latin has no such.
_NONE = ""
_LANGUAGES = {
    "latin": {
        **dict.fromkeys(("en", "la", "sw", "tl", "vi", "zxx"), _NONE),
        "ca": "catalan",
        "cs": "czech",
        "da": "danish",
        "de": "german",
        "eo": "esperanto",
        "es": "spanish",
        "et": "estonian",
        "eu": "basque",
        "fi": "finnish",
        "fr": "french",
        "ga": "irish",
        "hu": "hungarian",
        "id": "indonesian",
        "it": "italian",
        "lt": "lithuanian",
        "nl": "dutch",
        "pl": "polish",
        "pt": "portuguese",
        "ro": "romanian",
        "st": "sesotho",
        "sv": "swedish",
        "tr": "turkish",
        **dict.fromkeys(("nn", "no"), "norwegian"),
        **dict.fromkeys(("bs", "hr", "sr"), "serbian"),
    },
    "cyrillic": {
        "ru": "russian",
        "sr": "serbian",
        **dict.fromkeys(("ba", "be", "bg", "kk", "ky", "mk", "mn", "tg", "tt", "uk"), _NONE),
    },
    "arabic": {"ar": "arabic", "fa": "persian", **dict.fromkeys(("ps", "sdh", "ug", "ur"), _NONE)},
    "devanagari": {"hi": "hindi", "ne": "nepali", **dict.fromkeys(("mr", "sa"), _NONE)},
    "greek": {"el": "greek"},
    "armenian": {"hy": "armenian"},
    "tamil": {"ta": "tamil"},
}
# Their letters and marks, case folded.
_LETTERS = {
    "latin": "a-zß-öø-ʯ\u1e00-\u1eff\u0300-\u036f",
    "cyrillic": "\u0400-\u052f\u0300-\u036f",
    "arabic": "\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06fa-\u06ff\u0750-\u077f",
    "devanagari": "\u0900-\u0963\u0971-\u097f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff\u0300-\u036f",
    "armenian": "\u0561-\u0587",
    "tamil": "\u0b82-\u0bd7",
}
_WHOLE_WORD = {script: re.compile(f"[{letters}]+") for script, letters in _LETTERS.items()}
# Single letters are symbols: of units, of formulas.
_WORDS = {script: re.compile(f"[{letters}]{{2,}}") for script, letters in _LETTERS.items()}

# Measured with the figures below: of 1,262 English questions none is taken for another language, and of 14,928 English
# passages 9, of which 4 are half Spanish; of 5 words each of 5,600 sentences in 28 other languages 97 % are known.
_ENGLISH = 0.05  # a Latin text with this probability of English is left to English
_LIKELY = 0.1  # the least probability of a language
_LIKELY_TOGETHER = 0.5
# Latin words in texts of other scripts are mostly names, or English; some words of other scripts are in many texts.
_SCRIPT_SHARE = dict.fromkeys(_LETTERS, 0.25) | {"latin": 0.5}
# Characters in which a language shows, taken from the middle of a text: its beginning may be a title or a name.
_SAMPLE = 400
# Words that other languages have few of. So many of them make a text English without the model, which takes longer than
# all else here: 90 % of English passages, 0.05 % of those in other languages.
_ASKING = frozenset({"what", "when", "where", "which", "who", "whose", "why", "how", "does", "did"})
_COMMON = """
the of and to that with from this was were is are been have has could would should it its as by their they there these
those than into
"""
_TELLTALES = _ASKING.union(_COMMON.split())
_TELLTALES_SHARE = 0.1
_TELLTALES_COUNT = 4
# Words in a question, in which one telltale that asks is enough: names in it may well be of another language.
_QUESTION = 30

_loading = threading.Lock()
_identifiers: list[LanguageIdentifier] = []


def identify(text: str) -> tuple[str, ...]:
    """The stemmers for a text, case folded and composed, by Snowball's names; English goes without saying.

    Mostly none or one; more for texts in several scripts, and for short ones that may be in several languages.
    """
    start = max(0, (len(text) - _SAMPLE) // 2)
    sample = text[start : start + _SAMPLE]
    if sample.isascii():
        if _has_telltales(sample):
            return ()
        words = " ".join(_WORDS["latin"].findall(sample))
        # A single word hardly shows its language, if not by its accents.
        return _likely("latin", words) if " " in words else ()
    letters = sum(map(str.isalpha, sample))
    found: list[str] = []
    for script, pattern in _WORDS.items():
        words = " ".join(pattern.findall(sample))
        if len(words) > _SCRIPT_SHARE[script] * letters and not (script == "latin" and _has_telltales(sample)):
            found += _likely(script, words)
    return tuple(dict.fromkeys(found))


def is_written_in(word: str, language: str) -> bool:
    """Whether a word, case folded and composed, is in a script of a language."""
    return any(
        _WHOLE_WORD[script].fullmatch(word) for script, names in _LANGUAGES.items() if language in names.values()
    )


def _has_telltales(sample: str) -> bool:
    words = sample.split()
    if len(words) <= _QUESTION and not _ASKING.isdisjoint(words):
        return True
    count = sum(map(_TELLTALES.__contains__, words))
    return count >= _TELLTALES_COUNT and count >= _TELLTALES_SHARE * len(words)


def _likely(script: str, words: str) -> tuple[str, ...]:
    names = _LANGUAGES[script]
    if not words:
        return ()
    if len(names) == 1:
        return tuple(names.values())
    ranking = [(code, share) for code, share in _identifier().rank(words) if code in names]
    if script == "latin" and dict(ranking)["en"] >= _ENGLISH:
        return ()
    likely = [(names[code], share) for code, share in ranking if share >= _LIKELY]
    if sum(share for _, share in likely) < _LIKELY_TOGETHER:
        return () if script == "latin" else tuple(names.values())[:1]
    return tuple(dict.fromkeys(name for name, _ in likely if name))


def _identifier() -> LanguageIdentifier:
    """The model: 100 MB and half a second, so it is loaded when it is first needed. It keeps no state."""
    with _loading:
        if not _identifiers:
            identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
            identifier.set_languages({code for names in _LANGUAGES.values() for code in names})
            _identifiers.append(identifier)
        return _identifiers[0]
