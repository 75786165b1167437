"""An answer and what it rests on: the text with its markers, the cited passages, what was retrieved besides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import streamlit as st

from pages.parts.safe_markdown import Marker, safe_label, safe_markdown, safe_text
from pages.parts.turns import STOPPED
from pages.parts.wording import counted, passage_place
from rag.schema import Citation, Evidence, Message, Passage


def citation_marker(passages: int, citations: Sequence[Citation] = ()) -> Marker:
    """Markers for an answer on `passages` passages: those that aren't borne out carry a question mark.

    Citations are in the order of the text, so the second marker [2] belongs to the second citation of 2.
    """
    flags: dict[int, list[bool]] = defaultdict(list)
    for citation in citations:
        flags[citation.number].append(citation.supported)
    shown: Counter[int] = Counter()

    def marker(number: int) -> str | None:
        if not 1 <= number <= passages:
            return None
        own, place = flags[number], shown[number]
        shown[number] += 1
        supported = own[place] if place < len(own) else any(own) or not own
        return f":blue-badge[{number}]" if supported else f":orange-badge[{number}?]"

    return marker


def answer_markdown(text: str, passages: int, citations: Sequence[Citation] = (), *, extractive: bool = False) -> str:
    """The answer's text, whole or as far as it has come, for `st.markdown`."""
    marker = citation_marker(passages, citations)
    # Sentences of documents are no Markdown: a star or an underscore in them is meant.
    return safe_text(text, marker=marker) if extractive else safe_markdown(text, marker)


def show_answer(message: Message) -> None:
    """A stored answer with its sources."""
    evidence = message.evidence or Evidence()
    if message.content:
        st.markdown(
            answer_markdown(
                message.content, len(evidence.passages), evidence.citations, extractive=evidence.extractive
            ),
            anchors=False,
        )
    if evidence.error == STOPPED:
        kept = " The part that had arrived is kept." if message.content else ""
        st.caption(f":material/stop_circle: Stopped.{kept}")
    elif evidence.error:
        st.error(safe_text(evidence.error), icon=":material/error:")
    if evidence.extractive and evidence.passages and message.content:
        st.caption(
            ":material/format_quote: These are sentences taken from your documents; no language model is connected. "
            "**Settings** shows how to connect one for written answers."
        )
    _show_sources(evidence)


def _show_sources(evidence: Evidence) -> None:
    by_number: dict[int, list[Citation]] = defaultdict(list)
    for citation in evidence.citations:
        if 1 <= citation.number <= len(evidence.passages):
            by_number[citation.number].append(citation)
    if by_number:
        st.markdown("**Sources**")
        with st.container(gap="xsmall"):
            for number, citations in sorted(by_number.items()):
                _show_source(number, evidence.passages[number - 1], citations)
    if any(not citation.supported for citation in evidence.citations):
        st.caption(":orange-badge[?] No sentence of that source bears the claim out. Check it before you rely on it.")
    rest = [(n, p) for n, p in enumerate(evidence.passages, 1) if n not in by_number]
    if rest:
        with st.expander(f"Also retrieved: {counted(len(rest), 'passage')} not cited", type="compact"):
            for number, passage in rest:
                st.markdown(f":gray-badge[{number}] **{safe_label(passage_place(passage), 100)}**")
                st.markdown(safe_text(passage.text))


def _show_source(number: int, passage: Passage, citations: Sequence[Citation]) -> None:
    borne_out = all(citation.supported for citation in citations)
    badge = f":blue-badge[{number}]" if borne_out else f":orange-badge[{number}?]"
    with st.expander(f"{badge} {safe_label(passage_place(passage), 100)}"):
        spans = [(citation.start, citation.end) for citation in citations if citation.supported]
        st.markdown(safe_text(passage.text, spans))
        for citation in citations:
            if not citation.supported:
                st.caption(f":orange[Not borne out by this passage:] {safe_text(' '.join(citation.claim.split()))}")
