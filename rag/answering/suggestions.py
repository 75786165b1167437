"""First questions to a library, made from its documents' names and first headings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.text.chunking import document_title

MOST = 4
_HEADING = re.compile(r"^#{2,3}\s+([^\n#|]{4,60})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Opening:
    """The beginning of a document's text, which may be empty."""

    file_name: str
    text: str


def suggest_questions(openings: Sequence[Opening]) -> list[str]:
    """Up to MOST questions, in the order of the documents. A single document gives more than one heading."""
    questions: list[str] = []
    for opening in openings:
        title = document_title(opening.file_name) or opening.file_name
        for heading in _HEADING.findall(opening.text)[: MOST - 1 if len(openings) == 1 else 1]:
            questions.append(f"What does {title} say about {heading.strip().rstrip('.:').lower()}?")
        questions.append(f"What is {title} about?")
    return list(dict.fromkeys(questions))[:MOST]
