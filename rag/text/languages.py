"""Tells the languages of a text by its letters, its frequent words, and a model of character sequences.

There are two purposes. `identify` names the stemmers for a text. A wrong guess must cost little: if English is likely,
no other language is named, and if several languages are likely, all of them are. `languages_differ` and
`latin_language` compare a claim with a passage. They answer only if they are sure, and load no model.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from rag.text.word_lists import DATA, read_lists
from rag.text.writing_systems import ACCENTED, ACCENTS, HAN, HANGUL, KANA, LETTERS

# Per script, the codes of languages and the names of their Snowball stemmers. Languages without a stemmer are listed,
# since they would be taken for others. If no language is likely, the script's first is assumed, except in Latin script.
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
_WRITTEN = {script: letters + (ACCENTS if script in ACCENTED else "") for script, letters in LETTERS.items()}
_WHOLE_WORD = {script: re.compile(f"[{letters}]+") for script, letters in _WRITTEN.items()}
# Single letters are symbols, as in formulas, so words have at least two.
_WORDS = {script: re.compile(f"[{letters}]{{2,}}") for script, letters in _WRITTEN.items()}

# Measured with the figures below: of 1,262 English questions none is taken for another language, and of 14,928 English
# passages 9 are, of which 4 are half Spanish. Given 5 words of a sentence, 97 % of 5,600 sentences in 28 other
# languages are recognised.
_ENGLISH = 0.05  # a Latin text with this probability of English is left to English
_LIKELY = 0.1  # the least probability of a language
_LIKELY_TOGETHER = 0.5
# The least share of a text's letters at which a script counts. Latin words in a text of another script are mostly names
# or English; many texts have a few words of another script.
_SCRIPT_SHARE = dict.fromkeys(LETTERS, 0.25) | {"latin": 0.5}
# Characters that are examined. They come from the middle of a text, since its beginning may be a title or a name.
_SAMPLE = 400
# With this share and this number of telltales a text is English, and the slow model isn't asked. This holds for 90 % of
# English passages, and for 0.05 % of passages in other languages.
_TELLTALES_SHARE = 0.1
_TELLTALES_COUNT = 4
# A text of at most this many words counts as a question. In a question one English question word is enough.
_QUESTION = 30
_TELLTALES = read_lists(DATA / "telltales.txt")
_ASKING = _TELLTALES["english questions"]
_ENGLISH_WORDS = _TELLTALES["english"] | _ASKING
_LATIN_WORDS = {name.removeprefix("latin "): words for name, words in _TELLTALES.items() if name.startswith("latin ")}

# The scripts of claims and passages that are compared. Kana counts as Han, since Japanese mixes the two.
_COMPARED = {
    "hangul": re.compile(f"[{HANGUL}]"),
    "han": re.compile(f"[{KANA}{HAN}]"),
    "cyrillic": re.compile(f"[{LETTERS['cyrillic']}]"),
    "latin": re.compile(f"[{LETTERS['latin']}]"),
}
# A Korean or Japanese word needs one letter where an English word needs two or three.
_LATIN_LETTERS_PER_OTHER = 3
# Below this share of its letters, a text doesn't count as written in a script.
_TRACES = 0.1

_loading = threading.Lock()
_identifiers: list[LanguageIdentifier] = []


def identify(text: str) -> tuple[str, ...]:
    """The stemmers for a text (case folded and composed), by Snowball's names. English always counts, and isn't named.

    There is mostly none or one; more for a text in several scripts, and for a short text that may be in several
    languages.
    """
    start = max(0, (len(text) - _SAMPLE) // 2)
    sample = text[start : start + _SAMPLE]
    if sample.isascii():
        if _has_telltales(sample):
            return ()
        words = " ".join(_WORDS["latin"].findall(sample))
        # A single word without accents hardly shows its language.
        return _likely("latin", words) if " " in words else ()
    letters = sum(map(str.isalpha, sample))
    names: list[str] = []
    for script, pattern in _WORDS.items():
        words = " ".join(pattern.findall(sample))
        if len(words) > _SCRIPT_SHARE[script] * letters and not (script == "latin" and _has_telltales(sample)):
            names += _likely(script, words)
    return tuple(dict.fromkeys(names))


def is_written_in(word: str, language: str) -> bool:
    """Whether a word (case folded and composed) is in a script of `language`."""
    return any(
        _WHOLE_WORD[script].fullmatch(word) for script, names in _LANGUAGES.items() if language in names.values()
    )


def _has_telltales(sample: str) -> bool:
    words = sample.split()
    if len(words) <= _QUESTION and not _ASKING.isdisjoint(words):
        return True
    count = sum(map(_ENGLISH_WORDS.__contains__, words))
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
    """The model. It takes 100 MB and half a second, so it is loaded when it is first needed. It keeps no state."""
    with _loading:
        if not _identifiers:
            identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
            identifier.set_languages({code for names in _LANGUAGES.values() for code in names})
            _identifiers.append(identifier)
        return _identifiers[0]


def languages_differ(claim: str, passage: str) -> bool:
    """Whether a claim's words can't be compared with a passage's: if hardly anything of the passage is in the claim's
    script, or if both are in Latin script but clearly in different languages."""
    script, passage_shares = _script(claim), _script_shares(passage)
    if script != "latin":
        return bool(script) and passage_shares.get(script, 0.0) < _TRACES
    claim_language, passage_language = latin_language(claim), latin_language(passage)
    if not (claim_language and passage_language):
        claim_language, passage_language = short_language(claim), short_language(passage)
    differ = bool(claim_language and passage_language and claim_language != passage_language)
    return passage_shares["latin"] < _TRACES or differ


@lru_cache(maxsize=512)
def short_language(text: str) -> str:
    """The language of a short text, if its only frequent word and the model that knows many agree; else empty."""
    hits = _frequent_words(text)
    if not hits[0][0] or hits[0][0] == hits[1][0]:
        return ""
    words = " ".join(_WORDS["latin"].findall(text.casefold()[:_SAMPLE]))
    ranking = [(code, share) for code, share in _identifier().rank(words) if code in _LANGUAGES["latin"]]
    return hits[0][1] if ranking and ranking[0][0] == hits[0][1] else ""


@lru_cache(maxsize=512)
def _script_shares(text: str) -> dict[str, float]:
    """The share of each compared script in the letters of a text."""
    folded = text.casefold()
    counts = {script: float(len(pattern.findall(folded))) for script, pattern in _COMPARED.items()}
    counts["latin"] /= _LATIN_LETTERS_PER_OTHER
    total = sum(counts.values()) or 1.0
    return {script: count / total for script, count in counts.items()}


def _script(text: str) -> str:
    """The script of most of a text; empty for a text without words."""
    shares = _script_shares(text)
    script = max(shares, key=lambda name: shares[name])
    return script if shares[script] else ""


@lru_cache(maxsize=512)
def latin_language(text: str) -> str:
    """The code of a text's language (en, de, fr, es, it, pt), if its frequent words show it clearly; else empty."""
    hits = _frequent_words(text)
    return hits[0][1] if hits[0][0] >= 2 and hits[0][0] >= 2 * hits[1][0] else ""


def _frequent_words(text: str) -> list[tuple[int, str]]:
    """How many frequent words of each language a text has, and the language's code, the most first."""
    words = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    return sorted(((sum(words[w] for w in frequent), code) for code, frequent in _LATIN_WORDS.items()), reverse=True)
