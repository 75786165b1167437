"""An answer and its passages: the text with its markers, the cited passages, and the others that were retrieved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.chat.why import show_why
from pages.parts.markdown.citation_markers import Marker, placed
from pages.parts.markdown.safe_markdown import safe_label, safe_markdown, safe_text
from pages.parts.wording import counted, passage_place
from rag import STOPPED, checked_markers
from rag.schema import Citation, Evidence, Message, Passage

# Opens a passage's source. Arguments: the passage, the spans of its text to highlight, and whether the highlight is
# paler, because no sentence bears the claim out.
OpenSource = Callable[[Passage, tuple[tuple[int, int], ...], bool], None]


def citation_marker(passages: int, citations: Sequence[Citation] | None, *, extractive: bool = False) -> Marker:
    """The badges of the markers of an answer on `passages` passages.

    A claim that isn't borne out, or wasn't checked, gets a question mark. A claim whose numbers the passage lacks gets
    an exclamation mark. Before the check (`citations` None) all badges are grey, and so are those of an extractive
    answer: a sentence of a document always bears itself out. A marker's place is the index of its citation.
    """

    def marker(number: int, place: int | None) -> str | None:
        if not 1 <= number <= passages:
            return None
        if citations is None or extractive:
            return f":gray-badge[{number}]"
        at_place = citations[place : place + 1] if place is not None else ()
        return _badge(number, [citation for citation in at_place if citation.number == number])

    return marker


def _badge(number: int, citations: Sequence[Citation]) -> str:
    """A passage's number in the colour of its worst citation. Without citations, the claim wasn't checked."""
    if any(citation.missing for citation in citations):
        return f":red-badge[{number}!]"
    if not citations or not all(citation.supported for citation in citations):
        return f":orange-badge[{number}?]"
    return f":blue-badge[{number}]"


def answer_markdown(
    text: str, passages: int, citations: Sequence[Citation] | None = None, *, extractive: bool = False
) -> str:
    """The answer's text for `st.markdown`: the checked answer, or (`citations` None) the words written so far."""
    if citations is not None:
        # Each marker is recognised by its place. The check doesn't see a marker that is written as an entity or looks
        # like code, so it must not get the badge of a checked marker.
        text, spans = checked_markers(text, passages, markdown=not extractive)
        same = [int(text[start + 1 : end - 1]) for start, end in spans] == [citation.number for citation in citations]
        text = placed(text, spans if same else ())
    # Sentences of documents are no Markdown: their stars and underscores are shown as they are.
    write = safe_text if extractive else safe_markdown
    return write(text, marker=citation_marker(passages, citations, extractive=extractive))


# Cached, since each run of the page shows all answers, and parsing an answer takes longer than sending it.
_kept_markdown = lru_cache(maxsize=500)(answer_markdown)


def show_answer(message: Message, key: str, open_source: OpenSource, *, folded: bool = False) -> None:
    """Show a stored answer with its sources. Each answer of the page has another `key`.

    With `folded`, the sources are shown only on a click: an answer's sources are some fifty elements, and the sources
    of a long conversation take a second to send and longer to draw.
    """
    evidence = message.evidence or Evidence()
    if message.content:
        st.markdown(
            _kept_markdown(message.content, len(evidence.passages), evidence.citations, extractive=evidence.extractive),
            anchors=False,
        )
    if evidence.error == STOPPED:
        kept = " The part that had arrived is kept." if message.content else ""
        st.caption(f":material/stop_circle: Stopped.{kept}")
    elif evidence.error:
        st.error(safe_text(evidence.error), icon=":material/error:")
    if evidence.extractive and evidence.passages and message.content and not evidence.refused:
        st.caption(
            ":material/format_quote: These are the closest sentences and rows found in your documents; no language "
            "model is connected. **Settings** shows how to connect one for written answers."
        )
    if evidence.unsearched:
        was, wasnt = ("was", "wasn't") if evidence.unsearched == 1 else ("were", "weren't")
        unsearched = counted(evidence.unsearched, "document")
        st.caption(f":material/hourglass: {unsearched} {was} still being indexed and {wasnt} searched.")
    unfolded: set[str] = st.session_state.setdefault("unfolded", set())
    if not folded or key in unfolded:
        _show_sources(evidence, key, open_source)
        show_why(evidence, key)
    elif evidence.passages or evidence.trace:
        st.button(
            "Show sources",
            key=f"unfold-{key}",
            icon=":material/unfold_more:",
            type="tertiary",
            on_click=unfolded.add,
            args=(key,),
        )


def _show_sources(evidence: Evidence, key: str, open_source: OpenSource) -> None:
    by_number: dict[int, list[Citation]] = defaultdict(list)
    for citation in evidence.citations:
        if 1 <= citation.number <= len(evidence.passages):
            by_number[citation.number].append(citation)
    numbered = list(enumerate(evidence.passages, 1))
    if evidence.refused and numbered:
        st.markdown("**Nearest passages**")
        st.caption("Nothing was found that clearly answers the question. These passages came nearest.")
    elif by_number:
        st.markdown("**Sources**")
    # A refusal shows all its passages here, and no "Also retrieved" below.
    with st.container(gap="xsmall"):
        for number, passage in numbered:
            if number in by_number or evidence.refused:
                _show_source(
                    number, passage, by_number[number], f"{key}-{number}", open_source, extractive=evidence.extractive
                )
    if not evidence.extractive:
        _show_legend(evidence.citations)
    rest = [(number, passage) for number, passage in numbered if number not in by_number and not evidence.refused]
    if rest:
        label = f"Also retrieved: {counted(len(rest), 'passage')} not cited"
        with st.expander(label, type="compact", key=f"rest-{key}"):
            for number, passage in rest:
                with _row():
                    label = f":gray-badge[{number}] **{safe_label(passage_place(passage), 100)}**"
                    st.markdown(label, width="stretch")
                    _open_button(passage, (), f"{key}-{number}", open_source)
                _show_context(passage)
                st.markdown(safe_text(passage.text))


def _show_legend(citations: Sequence[Citation]) -> None:
    if any(citation.missing for citation in citations):
        st.caption(":red-badge[!] That passage doesn't hold the numbers of the claim. Don't rely on them.")
    if any(not citation.supported and not citation.missing for citation in citations):
        st.caption(":orange-badge[?] No sentence of that passage bears the claim out. Check it before you rely on it.")


def _show_source(
    number: int,
    passage: Passage,
    citations: Sequence[Citation],
    key: str,
    open_source: OpenSource,
    *,
    extractive: bool = False,
) -> None:
    badge = _badge(number, citations) if citations and not extractive else f":gray-badge[{number}]"
    spans = tuple((citation.start, citation.end) for citation in citations if citation.supported)
    with _row():
        # The key keeps the expander open when a source is opened and the answer moves into a column.
        with st.expander(f"{badge} {safe_label(passage_place(passage), 100)}", key=f"source-{key}"):
            _show_context(passage)
            st.markdown(safe_text(passage.text, spans))
            for citation in () if extractive else citations:
                _show_doubt(citation)
        _open_button(passage, spans, key, open_source)


def _show_context(passage: Passage) -> None:
    """Show the title and the head of the table whose rows a passage begins with."""
    table = passage.context.partition("\n")[2]
    if table:
        st.caption(safe_text(table))


def _show_doubt(citation: Citation) -> None:
    claim = safe_text(" ".join(citation.claim.split()))
    if citation.missing:
        numbers = [safe_label(number, 30) for number in citation.missing]
        are_not = f"{', '.join(numbers[:-1])} and {numbers[-1]} aren't" if len(numbers) > 1 else f"{numbers[0]} isn't"
        st.caption(f":red[{are_not} in this passage:] {claim}")
    elif not citation.supported:
        st.caption(f":orange[Not borne out by this passage:] {claim}")


def _row() -> DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="top", gap="xsmall")


def _open_button(passage: Passage, spans: tuple[tuple[int, int], ...], key: str, open_source: OpenSource) -> None:
    """Show the button that opens the source at `spans`, or at the whole passage if `spans` is empty."""
    st.button(
        "Open source",
        key=f"open-source-{key}",
        help=f"Show {safe_label(passage_place(passage), 100)} beside the chat",
        icon=":material/find_in_page:",
        on_click=open_source,
        args=(passage, spans or ((0, len(passage.text)),), not spans),
    )
