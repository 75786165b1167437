"""What people ask for beside the answer to a question: a greeting, the library, a document's guide, a writer's task."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from rag.answering.asking import folded

Kind = Literal["greeting", "count", "documents", "documents_about", "section", "about", "summary", "task"]
_KINDS: tuple[Kind, ...] = ("greeting", "count", "documents", "documents_about", "section", "about", "summary", "task")
_DATA = Path(__file__).parent / "data" / "requests.toml"
_MARKS = " \t?!¿¡.,:;'\"“”„«»‘’「」？！。，、：؟"


@dataclass(frozen=True, slots=True)
class Request:
    """A request of one of the kinds. `document` and `topic` are as the question names them, or empty."""

    kind: Kind
    language: str
    document: str = ""
    topic: str = ""

    @property
    def is_of_this_document(self) -> bool:
        """Whether the document isn't named, but pointed at: "this document"."""
        return not self.document or any(
            re.fullmatch(pattern, self.document) for texts in _requests().values() for pattern in texts.get("this", ())
        )

    def says(self, sentence: str, **values: object) -> str:
        """A sentence of the data file in the request's language, with its values filled in. `documents` is a count."""
        says: dict[str, str] = _requests()[self.language]["says"]
        count = values.get("documents")
        if isinstance(count, int):
            values["documents"] = says["one"] if count == 1 else says["many"].format(count=f"{count:,}")
        return says[sentence].format(**values)


def request_in(question: str) -> Request | None:
    """The request that a whole question is; None for a question like any other."""
    text = folded(question).strip(_MARKS)
    for kind in _KINDS:
        for language, patterns in _patterns().items():
            for pattern in patterns.get(kind, ()):
                if match := pattern.fullmatch(text):
                    groups = {name: (value or "").strip(_MARKS) for name, value in match.groupdict().items()}
                    return Request(kind, language, groups.get("document", ""), groups.get("topic", ""))
    return None


def words_of_name(name: str) -> frozenset[str]:
    """The words of a document's name, without marks, articles and the kind of file."""
    bare = re.sub(r"\.[a-z0-9]{2,5}$", "", folded(name))
    words = frozenset(re.findall(r"[^\W_]+", bare))
    return words - frozenset(_requests()["articles"]["words"]) or words


def question_about(language: str, name: str, topic: str = "") -> str:
    """The question what a document is about, or what it says in the section under the heading `topic`."""
    asks: dict[str, str] = _requests()[language]["asks"]
    return asks["section" if topic else "about"].format(name=name, topic=topic)


def opens_a_document(heading: str) -> bool:
    """Whether under this heading a document says what it is about."""
    bare = folded(heading).strip(_MARKS)
    return any(part.strip(_MARKS) in _opening_words() for part in (bare, re.split(r"[.:)] |^\d+ ", bare)[-1]))


@cache
def _requests() -> dict[str, dict[str, Any]]:
    return tomllib.loads(_DATA.read_text(encoding="utf-8"))


@cache
def _opening_words() -> frozenset[str]:
    return frozenset(_requests()["openings"]["words"])


@cache
def _patterns() -> dict[str, dict[str, list[re.Pattern[str]]]]:
    return {
        language: {kind: [re.compile(pattern) for pattern in texts.get(kind, ())] for kind in _KINDS}
        for language, texts in _requests().items()
        if "says" in texts
    }
