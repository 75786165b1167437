"""Why a file can't be read. Readers raise a Fault; `rag.readers.read` makes a sentence of it with the file's name."""

from __future__ import annotations

from enum import Enum

# The most characters of a document's text, and the characters that each byte of its file adds to this limit. Only a
# hostile file has more.
_MAX_TEXT = 10_000_000
_TEXT_PER_BYTE = 20


class Kind(Enum):
    """The kinds of faults, each with its sentence: {name} is the file's name, {detail} and {advice} are the fault's."""

    UNSUPPORTED = "{name} is {detail}, which is not supported; {advice}."
    PROTECTED = "{name} is protected with a password; remove the password and add the file again."
    DAMAGED = "{name} is damaged or not {detail}; open it in its own program, save it again and add that copy."
    NO_TEXT = "{name} has no text that could be read{detail}; {advice}."
    TOO_SLOW = "{name} takes too long to read, as damaged files do; save it again in its own program and add that copy."
    CRASHED = "{name} can't be read, its reader broke down; save it again in its own program and add that copy."
    TOO_LARGE = "{name} is too large: {detail}; split it into smaller files and add those."


ADVICE = {
    Kind.UNSUPPORTED: "save it as PDF or DOCX and add that",
    Kind.NO_TEXT: "add a copy with text in it",
}


class Fault(Exception):
    """A file can't be read. `detail` and `advice` are clauses that fit into the sentence of `kind`."""

    def __init__(self, kind: Kind, detail: str = "", advice: str = "") -> None:
        super().__init__(kind.name, detail)
        self.kind = kind
        self.detail = detail
        self.advice = advice

    def sentence(self, name: str) -> str:
        """The sentence for the file called `name`."""
        advice = self.advice or ADVICE.get(self.kind, "")
        return self.kind.value.format(name=name, detail=self.detail, advice=advice)


def check_length(characters: int, size: int) -> None:
    """Raise Fault if a text has more characters than an honest file of `size` bytes can have. A tiny file may name the
    same page, chapter or string a million times."""
    most = _MAX_TEXT + _TEXT_PER_BYTE * size
    if characters > most:
        raise Fault(Kind.TOO_LARGE, f"its text is longer than {most // 10**6} million characters")
