"""Whether two texts are in different languages, told by their letters and most frequent words: enough to know that
their words can't be compared."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

# The share of a script's letters in a text that doesn't make it one in that script.
TRACES = 0.1

_SCRIPTS = {
    "hangul": re.compile(r"[\uac00-\ud7a3]"),
    "han": re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f]"),
}
# Frequent words that tell languages in Latin letters apart; none of them is a word of two of these languages.
_TELLING = {
    name: frozenset(words.split())
    for name, words in {
        "en": "the of and to is was are that for with by from it its has this which be been were",
        "de": "der das und ist den dem von mit für auf ein eine einen nicht wurde sich zu werden als auch",
        "fr": "le les et est une dans pour du sur au aux qui ce cette sont il elle ne pas avec été",
        "es": "el los las y es en del para al fue son su sus más este esta como lo pero",
        "it": "il di è della delle dei nel nella sono gli che non ha più anche stato alla dal questo",
        "pt": "os é em uma um da dos na ao não foi são seu sua mais pelo pela com também",
    }.items()
}


def languages_differ(claim: str, passage: str) -> bool:
    """Whether no more than traces of the passage are in the claim's script, or both are known to be in different
    languages with Latin letters."""
    script, scripts = _script(claim), _script_shares(passage)
    if script != "latin":
        return bool(script) and scripts.get(script, 0.0) < TRACES
    mine, its = latin_language(claim), latin_language(passage)
    return scripts["latin"] < TRACES or bool(mine and its and mine != its)


@lru_cache(maxsize=512)
def _script_shares(text: str) -> dict[str, float]:
    """The share of each script in the words of a text; kana counts as Han, which it is mixed with."""
    counts = {name: float(len(pattern.findall(text))) for name, pattern in _SCRIPTS.items()}
    # A Korean or Japanese word says what an English one says in two or three times as many letters.
    counts["latin"] /= 3
    total = sum(counts.values()) or 1.0
    return {name: count / total for name, count in counts.items()}


def _script(text: str) -> str:
    """The script that most of a text is in; empty for a text without words."""
    shares = _script_shares(text)
    script = max(shares, key=lambda name: shares[name])
    return script if shares[script] else ""


@lru_cache(maxsize=512)
def latin_language(text: str) -> str:
    """The language of a text in Latin letters, if its frequent words tell it clearly; else empty."""
    words = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    hits = sorted(((sum(words[w] for w in telling), name) for name, telling in _TELLING.items()), reverse=True)
    return hits[0][1] if hits[0][0] >= 2 and hits[0][0] >= 2 * hits[1][0] else ""
