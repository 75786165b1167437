"""Reads word lists from data files. White space separates words, and `#` begins a line of comment. In a file of several
lists a line `name:` comes before each list, and the list's words are indented."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"


def read_words(path: Path) -> frozenset[str]:
    """The words of a file with one list."""
    return frozenset(word for line in read_lines(path) for word in line.split())


def read_lists(path: Path) -> dict[str, frozenset[str]]:
    """The lists of a file with several lists, by their names."""
    words: dict[str, list[str]] = {}
    name = ""
    for line in read_lines(path):
        if line[0].isspace():
            words[name] += line.split()
        else:
            name = line.rstrip().removesuffix(":")
            words[name] = []
    return {name: frozenset(listed) for name, listed in words.items()}


def read_lines(path: Path) -> list[str]:
    """The lines of a file, without comments and empty lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]
