"""Text → terms, for BM25. They aren't left to Milvus, so that Milvus Lite and a server have the same terms.

Words become stems; runs of Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer become bigrams of characters;
numbers and codes are kept whole. A word of another language than English gives two terms, if they differ: its stem in
that language, and its stem in English. So a name is found in texts of both languages, and a wrong guess loses
nothing. Change VERSION with any change of terms: it is part of a collection's fingerprint.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Any

import snowballstemmer

from rag.text.languages import identify, is_written_in
from rag.text.stop_words import STOP_STEMS, stop_words
from rag.text.writing_systems import ACCENTS, CJK, UNSPACED

VERSION = "1"

# Marks that a word needs: the vowel signs and tones of Indic and other scripts.
_SIGNS = "".join(
    chr(code)
    for code in (*range(0x0780, 0x1DC0), *range(0xA66F, 0xABFF))
    if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
# Marks that are seldom written, such as the vowels of Hebrew and Arabic, or that only shape the letters beside them.
_UNWRITTEN = re.compile(
    "[\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc"
    f"\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u093c\u200d]|(?<=[{_SIGNS}])\u200c"
)
# Milvus Lite splits at marks, since they aren't \w. So each mark is written as two letters, for the last two hex digits
# of its code. The word around it tells the script.
_WRITTEN_SIGNS = str.maketrans(
    {sign: "".join(chr(97 + int(d, 16)) for d in f"{ord(sign) & 255:02x}") for sign in _SIGNS}
)
_DIGITS = str.maketrans(
    {chr(code): str(unicodedata.digit(chr(code))) for code in range(0x0660, 0xABFA) if chr(code).isdecimal()}
)
# Letters without a removable accent, and the letters that people type where a keyboard lacks them.
_PLAIN = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_FOLDED = _PLAIN | _WRITTEN_SIGNS
_BEYOND_LATIN = re.compile("[\u0370-\u1fff\u200c\u200d\ua4d0-\uabff]")

# A raised figure belongs to no number: without a sign between them 10⁶ would become 106.
_RAISED_AFTER_DIGIT = re.compile("(?<=\\d)([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")

# A word has letters, digits and their marks. A run has characters of CJK, or characters of UNSPACED and their signs, or
# words joined by signs such as - and /. `(?=\w)` leaves out the punctuation in the blocks of CJK and UNSPACED.
_WORD = rf"[^\W_{CJK}{UNSPACED}](?:[^\W_{CJK}{UNSPACED}]+|[{ACCENTS}{_SIGNS}])*"
_RUN = re.compile(rf"(?:(?=\w)[{CJK}])+|(?:(?=\w)[{UNSPACED}][{_SIGNS}]*)+|{_WORD}(?:[.,:/'’&+-]{_WORD})*")
_ASCII_RUN = re.compile(r"[a-z0-9]+(?:[.,:/'&+-][a-z0-9]+)*")
_CHARACTERS = re.compile(rf".[{_SIGNS}]*")
_JOINED_WORDS = re.compile(rf"[^\W_](?:[^\W_]+|[{ACCENTS}{_SIGNS}])*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_is_cjk = re.compile(rf"[{CJK}]").match
_is_unspaced = re.compile(rf"[{CJK}{UNSPACED}]").match

_local = threading.local()


def normalize(text: str) -> str:
    """The text with compatibility forms folded (NFKC), case folded, accents removed, and signs and digits in Latin."""
    return _fold(_compose(text))


def terms(text: str) -> list[str]:
    """The terms of `text`, in order, with repetitions. Each has letters, digits and underscores only."""
    return _terms(text, all_words=True)


def content_terms(text: str) -> list[str]:
    """The terms of a text without stop words, in order, with repetitions."""
    return _terms(text, all_words=False)


def lexical_text(text: str) -> str:
    """The terms of `text` joined by blanks, as the lexical field of a row stores them."""
    return " ".join(terms(text))


def lexical_question(question: str) -> str:
    """The content terms of a question, joined by blanks; all its terms if it has stop words only."""
    return " ".join(content_terms(question) or terms(question))


def _terms(text: str, all_words: bool) -> list[str]:
    composed = _compose(text)
    languages = identify(composed)
    if "turkish" in languages:  # only in Turkish I is the capital of ı
        composed = _compose(text.replace("İ", "i").replace("I", "ı"))
    collected: list[str] = []
    if composed.isascii():
        for run in _ASCII_RUN.findall(composed):
            collected += _word_terms(run, languages, all_words)
        return collected
    for run in _RUN.findall(composed):
        collected += _bigrams(run) if _is_unspaced(run) else _word_terms(run, languages, all_words)
    return collected


def _compose(text: str) -> str:
    """The text with compatibility forms and case folded and Latin digits, but with the accents and signs that stemmers
    need."""
    if not text.isascii():
        text = _RAISED_AFTER_DIGIT.sub(r"^\1", text)
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return folded
    if _BEYOND_LATIN.search(folded):
        # Devanagari has two spellings for a nasal before a consonant. They become one, and so do two nasal signs.
        folded = _UNWRITTEN.sub("", folded.translate(_DIGITS)).replace("न\u094d", "\u0902").replace("\u0901", "\u0902")
    return unicodedata.normalize("NFC", folded)


def _fold(text: str) -> str:
    if text.isascii():
        return text
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not "\u0300" <= c <= "\u036f")
    # NFD takes Hangul and Kana apart, too.
    return unicodedata.normalize("NFC", bare).translate(_FOLDED)


def _bigrams(run: str) -> list[str]:
    characters = run if _is_cjk(run) else [part.translate(_WRITTEN_SIGNS) for part in _CHARACTERS.findall(run)]
    return [a + b for a, b in pairwise(characters)] or list(characters)


@lru_cache(maxsize=65_536)
def _word_terms(run: str, languages: tuple[str, ...], all_words: bool) -> tuple[str, ...]:
    if _THOUSANDS.fullmatch(run):
        run = run.replace(",", "")
    words = _JOINED_WORDS.findall(run)
    if len(words) == 2 and run.endswith(("'s", "’s")):  # a possessive
        words = words[:1]
    collected: list[str] = []
    if len(words) > 1 and (all_words or not any(_is_foreign_stop_word(word, languages) for word in words)):
        collected.append("_".join(map(_fold, words)))
    # 23.6 and 10:30 are one term. Of covid-19, AS/400 and 2020-2021 each word is a term, too.
    if len(words) == 1 or re.search(r"[-/+&]", run) or not all(word.isdigit() for word in words):
        kept = [word for word in words if all_words or not _is_stop_word(word, languages)]
        collected += [stem for word in kept for stem in _stems(word, languages)]
        collected += [number for word in kept for number in _numbers_within(_fold(word))]
    return tuple(collected)


def _stems(word: str, languages: tuple[str, ...]) -> list[str]:
    """The stem of a word in English, then in each of `languages` that is written in the word's script, without
    repetitions."""
    stems = [_fold(_stem(word, language)) for language in languages if len(word) > 2 and is_written_in(word, language)]
    return list(dict.fromkeys([_english_stem(word), *filter(None, stems)]))


def _is_stop_word(word: str, languages: tuple[str, ...]) -> bool:
    if any(is_written_in(word, language) for language in languages):
        return _is_foreign_stop_word(word, languages)
    return _english_stem(word) in STOP_STEMS


def _is_foreign_stop_word(word: str, languages: tuple[str, ...]) -> bool:
    return any(_fold(word) in _foreign_stop_words(language) for language in languages)


@lru_cache
def _foreign_stop_words(language: str) -> frozenset[str]:
    # Many people leave accents out of questions.
    return frozenset(map(normalize, stop_words().get(language, ())))


def _numbers_within(word: str) -> list[str]:
    """The numbers in a code: FY2023 is found by 2023, too. Single digits would be found everywhere."""
    return [] if word.isdigit() or word.isalpha() else re.findall(r"\d{2,}", word)


def _english_stem(word: str) -> str:
    folded = _fold(word)
    return _stem(folded, "english") if folded.isascii() and folded.isalpha() else folded


def _stem(word: str, language: str) -> str:
    # Snowball's stemmers keep state, so they can't be shared by threads.
    stemmers: dict[str, Any] = _local.__dict__
    if language not in stemmers:
        stemmers[language] = snowballstemmer.stemmer(language)
    return str(stemmers[language].stemWord(word))
