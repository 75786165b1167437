"""First questions for a library, made from the names of its documents and the headings they begin with."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.chunking import document_title

MOST = 4
_HEADING = re.compile(r"^#{2,3}\s+([^\n#|]{4,60})$", re.MULTILINE)


def suggest_questions(documents: Sequence[tuple[str, str]]) -> list[str]:
    """Up to MOST questions for documents given as (file name, opening text, which may be empty)."""
    questions: list[str] = []
    for file_name, opening in documents:
        title = document_title(file_name) or file_name
        for heading in _HEADING.findall(opening)[: MOST - 1 if len(documents) == 1 else 1]:
            questions.append(f"What does {title} say about {heading.strip().rstrip('.:').lower()}?")
        questions.append(f"What is {title} about?")
    return list(dict.fromkeys(questions))[:MOST]
