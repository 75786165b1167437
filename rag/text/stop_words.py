"""Stop words: words that nearly every sentence of a language has. There are lists for the languages with a stemmer."""

from __future__ import annotations

from functools import cache

from rag.text.word_lists import DATA, read_lists, read_words

# English stop words are compared as stems, in the form that `terms` gives.
STOP_STEMS = read_words(DATA / "english_stop_stems.txt")


@cache
def stop_words() -> dict[str, frozenset[str]]:
    """Snowball's name of each other language → its stop words, case folded."""
    return read_lists(DATA / "stop_words.txt")
