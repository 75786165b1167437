"""Text as BM25 sees it: normalised and segmented by us, so that every language and every Milvus gets the same words.

Latin words are reduced to their stems, runs of Chinese, Japanese and Korean to character bigrams, numbers and codes
are kept whole. A change here changes VERSION, which is part of a collection's fingerprint.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

import snowballstemmer

VERSION = "1"

# Kana, Han and Hangul: scripts whose words aren't separated, or carry particles.
_CJK = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003134f"
# Those blocks also hold marks that aren't letters, such as the middle dot of Katakana.
_RUN = re.compile(rf"(?:(?=\w)[{_CJK}])+|[^\W_{_CJK}]+(?:[.,:/'’&+-][^\W_{_CJK}]+)*")
_PARTS = re.compile(r"[^\W_]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_is_cjk = re.compile(rf"[{_CJK}]").match

# Words that are in every sentence; stems, as `terms` gives them.
_FUNCTION_WORDS = """
a an the and or but if of to in on at by for from with as is are was were be been being it its this that these those he
she they them his her their we our you your i not no do doe did done have has had which who whom what when where how whi
than then so such there here also can could may might will would shall should about into over under between after befor
all ani some each other more most document passag accord state say said
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())

_local = threading.local()


def normalize(text: str) -> str:
    """Compatibility forms folded (NFKC), case folded, accents of Latin letters removed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFD", folded)
    # U+0300 to U+036F are the accents of Latin, Greek and Cyrillic; Hangul and Kana must be composed again.
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f"))


def terms(text: str) -> list[str]:
    """The terms of `text`, in order, with repetitions. Each consists of letters, digits and underscores only."""
    found: list[str] = []
    for match in _RUN.finditer(normalize(text)):
        run = match.group()
        if _is_cjk(run):
            found.extend(run[i : i + 2] for i in range(len(run) - 1)) if len(run) > 1 else found.append(run)
        else:
            found.extend(_word_terms(run))
    return found


def content_terms(text: str) -> list[str]:
    """The terms of a text that carry its meaning."""
    return [term for term in terms(text) if term not in FUNCTION_WORDS]


def lexical_text(text: str) -> str:
    """The terms of `text` joined by blanks: what is stored in the lexical field."""
    return " ".join(terms(text))


def lexical_question(question: str) -> str:
    """What is searched for: the terms that carry the question's meaning, or all of them where none does."""
    return " ".join(content_terms(question) or terms(question))


@lru_cache(maxsize=65_536)
def _word_terms(run: str) -> tuple[str, ...]:
    if _THOUSANDS.fullmatch(run):
        run = run.replace(",", "")
    parts = _PARTS.findall(run)
    if len(parts) == 2 and run.endswith(("'s", "’s")):  # a possessive
        parts = parts[:1]
    if len(parts) == 1:
        return (_stem(parts[0]), *_numbers_within(parts[0]))
    whole = "_".join(parts)
    # 23.6 and 10:30 are one thing; of covid-19, AS/400 and 2020-2021 each part is found too.
    if all(part.isdigit() for part in parts) and not re.search(r"[-/+&]", run):
        return (whole,)
    return (whole, *(_stem(part) for part in parts), *(number for part in parts for number in _numbers_within(part)))


def _numbers_within(word: str) -> list[str]:
    """FY2023 is found by 2023 too; single digits would be found everywhere."""
    return [] if word.isdigit() or word.isalpha() else re.findall(r"\d{2,}", word)


def _stem(word: str) -> str:
    if not word.isascii() or not word.isalpha():
        return word
    if not hasattr(_local, "stemmer"):  # Snowball's stemmers keep state, so each thread has its own
        _local.stemmer = snowballstemmer.stemmer("english")
    return str(_local.stemmer.stemWord(word))
