"""First questions to a library: what its documents are about, and what they say in their sections.

A question is only suggested if the document's opening pages answer it, and it is in the document's language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering import guides
from rag.answering.requests import question_about
from rag.schema import Page
from rag.text.chunking import document_title
from rag.text.languages import latin_language

MOST = 4
# The lengths, in characters, of a heading that makes a question. Those of Chinese, Japanese and Korean are shorter.
_HEADING_CHARACTERS = range(4, 61)
_CJK_HEADING_CHARACTERS = range(2, 31)
_SCRIPTS = {"ko": "[가-힣]", "ja": "[\u3040-\u30ff]", "zh": "[\u4e00-\u9fff]"}
_ASKED = ("en", "de", "fr", "es")


@dataclass(frozen=True, slots=True)
class Opening:
    """The first pages of a document, of which there may be none."""

    file_name: str
    pages: Sequence[Page]


def suggest_questions(openings: Sequence[Opening]) -> list[str]:
    """Up to MOST questions, in the order of the documents. A single document gives more than one heading."""
    questions: list[str] = []
    for opening in openings:
        title = document_title(opening.file_name) or opening.file_name
        language = _language(opening.pages)
        topics = [
            topic for heading in guides.headings(opening.pages) if (topic := _topic(heading, opening.pages, language))
        ]
        for topic in topics[: MOST - 1 if len(openings) == 1 else 1]:
            questions.append(question_about(language, title, topic))
        if guides.opening(opening.pages) or guides.columns(opening.pages):
            questions.append(question_about(language, title))
    return list(dict.fromkeys(questions))[:MOST]


def _topic(heading: str, pages: Sequence[Page], language: str) -> str:
    """The heading as a question names it; empty if nothing below it could be said, or if it tells nothing."""
    topic = re.sub(r"^(?:\d+[.)]?)+\s+", "", heading.strip()).rstrip(".: ")
    lengths = _CJK_HEADING_CHARACTERS if language in _SCRIPTS else _HEADING_CHARACTERS
    if len(topic) not in lengths or "|" in topic or topic.endswith("?"):
        return ""
    part = guides.section(pages, topic)
    if part is None or not guides.said(part):
        return ""
    return topic.lower() if language == "en" and not topic.isupper() else topic


def _language(pages: Sequence[Page]) -> str:
    """The language of a text among those in which questions are suggested; English if it is none of them."""
    text = "\n".join(page.text for page in pages)[:4000]
    for language, letters in _SCRIPTS.items():
        if len(re.findall(letters, text)) > 0.1 * len(text):
            return language
    found = latin_language(text)
    return found if found in _ASKED else "en"
