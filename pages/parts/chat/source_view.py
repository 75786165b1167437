"""The source beside the chat: the page of a PDF as a picture, other formats as text, with the sentence highlighted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.app.shared_index import shown_errors
from pages.parts.markdown.safe_markdown import safe_label, safe_text
from pages.parts.markdown.text_window import WINDOW, Span, line_start, marked_text, window
from pages.parts.wording import counted
from rag.errors import NotFound, ReadError
from rag.schema import DocumentInfo, Passage

if TYPE_CHECKING:
    from rag import DocumentIndex

# Left, top, right, bottom in shares of the page's width and height, 0 to 1.
Box = tuple[float, float, float, float]

# Heights in pixels. Streamlit doesn't know the window's; with the elements around them, both fit into 900 pixels.
CHAT_HEIGHT = 625
SOURCE_HEIGHT = 520
COLUMNS = (1, 1.15)
# The share of a portrait page's height that is in view at once.
_IN_VIEW = 0.56


@dataclass(frozen=True)
class Source:
    """A cited document beside the chat.

    `message` is the index of the answer in its conversation. `spans` are in the text of page `page` (from 1), or of the
    whole document if it has no pages. With `soft` they are a whole passage, and are highlighted in a paler colour.
    `shown` is the page in view. `start` is the first character in view of a long text (None: a little before the first
    span). With `later`, the messages after the answer are shown, too.
    """

    conversation_id: str
    message: int
    doc_id: str
    file_name: str
    page: int | None
    spans: tuple[Span, ...]
    soft: bool
    shown: int | None
    start: int | None = None
    later: bool = False


def open_source(conversation_id: str, message: int, passage: Passage, spans: tuple[Span, ...], soft: bool) -> None:
    """Open the source of a passage beside the chat. `spans` are in the passage's text."""
    st.session_state.source = Source(
        conversation_id,
        message,
        passage.doc_id,
        passage.file_name,
        passage.page,
        tuple((passage.start + start, passage.start + end) for start, end in spans),
        soft,
        passage.page,
    )


def opened_source() -> Source | None:
    """The open source of the open conversation, or None."""
    source: Source | None = st.session_state.get("source")
    conversation_id = st.query_params.get("c") or st.session_state.get("conversation")
    return source if source and source.conversation_id == conversation_id else None


def show_later_messages() -> None:
    """Show the messages after the answer whose source is open, too."""
    _change(lambda source: replace(source, later=True))


def show_source(index: DocumentIndex, source: Source) -> None:
    """Show the panel: the source's name, its page or text, and a button to download the original."""
    try:
        document = index.document(source.doc_id)
    except NotFound:
        _show_head(source, 0)
        st.info(
            f"{safe_text(source.file_name)} has been deleted from the library, so its pages can't be shown any more. "
            "The passages that the answer rests on are kept with it.",
            icon=":material/delete:",
        )
        return
    with shown_errors():
        drawn = _image_pages(index, source.doc_id) if source.shown else 0
        pages = max(drawn, document.pages)
        _show_head(source, pages)
        with st.container(horizontal=True, gap="xsmall"):
            _show_pager(source, pages)
            _show_download(index, document)
        if source.shown is None or source.shown > drawn or not _show_picture(index, source, source.shown):
            _show_text(index, source)


def _show_head(source: Source, pages: int) -> None:
    name = f"**{safe_label(source.file_name, 80)}**"
    with st.container(horizontal=True, vertical_alignment="top", gap="small", wrap=False):
        st.markdown(f"{name} · page {source.shown:,} of {pages:,}" if pages and source.shown else name, width="stretch")
        st.button("Close", key="close-source", icon=":material/close:", type="tertiary", on_click=_close)


def _show_pager(source: Source, pages: int) -> None:
    if source.shown is None:
        return
    for label, page, icon in (
        ("Previous page", source.shown - 1, ":material/chevron_left:"),
        ("Next page", source.shown + 1, ":material/chevron_right:"),
    ):
        st.button(
            label,
            key=f"source-{label}",
            icon=icon,
            icon_position="left" if page < source.shown else "right",
            disabled=not 1 <= page <= pages,
            on_click=_turn_to,
            args=(page,),
        )


def _show_download(index: DocumentIndex, document: DocumentInfo) -> None:
    st.download_button(
        "Download",
        data=partial(index.original, document.doc_id),  # read on demand: it may be large
        file_name=document.file_name,
        key="download-source",
        icon=":material/download:",
        on_click="ignore",
    )


def _show_picture(index: DocumentIndex, source: Source, page: int) -> bool:
    """Show the page as a picture, or the reason why it can't be drawn. Returns whether it was drawn."""
    spans = source.spans if page == source.page else ()
    try:
        picture, marks = _page_picture(index, source.doc_id, page, spans, source.soft)
    except ReadError as error:
        st.warning(safe_text(str(error)), icon=":material/broken_image:")
        return False
    if spans and not marks:
        st.caption("The sentence can't be highlighted: it wasn't found on the page as it is drawn.")
    top, bottom = min((mark[1] for mark in marks), default=0.0), max((mark[3] for mark in marks), default=0.0)
    low = bottom > _IN_VIEW and top > 1 - _IN_VIEW
    # Each page gets a new container, which shows its top first, or its bottom if the sentence is at the bottom.
    with st.container(height=SOURCE_HEIGHT, border=True, key=f"page-{source.doc_id}-{page}-{low}", autoscroll=low):
        st.image(picture, width="stretch", alt=f"Page {page} of {source.file_name}")
    return True


def _show_text(index: DocumentIndex, source: Source) -> None:
    text = index.page_text(source.doc_id, source.shown)
    spans = source.spans if source.shown == source.page else ()
    if not text.strip():
        st.caption("This page has no text.")
        return
    start, end = window(text, source.start, spans)
    with st.container(height=SOURCE_HEIGHT, border=True, key=f"text-{source.doc_id}-{source.shown}-{start}"):
        if start > 0:
            earlier = line_start(text, max(0, start - WINDOW))
            st.button(
                "Earlier text",
                key="earlier-text",
                icon=":material/keyboard_arrow_up:",
                type="tertiary",
                on_click=_scroll_to,
                args=(earlier,),
            )
        st.markdown(marked_text(text, start, end, spans))
        if end < len(text):
            st.button(
                "Later text",
                key="later-text",
                icon=":material/keyboard_arrow_down:",
                type="tertiary",
                on_click=_scroll_to,
                args=(end,),
            )
            st.caption(f"{counted(len(text) - end, 'more character')}")


@st.cache_data(show_spinner=False, max_entries=200)
def _image_pages(_index: DocumentIndex, doc_id: str) -> int:
    return _index.image_pages(doc_id)


@st.cache_data(show_spinner=False, max_entries=64)
def _page_picture(
    _index: DocumentIndex, doc_id: str, page: int, spans: tuple[Span, ...], soft: bool
) -> tuple[bytes, list[Box]]:
    return _index.page_image(doc_id, page, spans, soft=soft), _index.page_marks(doc_id, page, spans)


def _turn_to(page: int) -> None:
    _change(lambda source: replace(source, shown=page, start=None))


def _scroll_to(start: int) -> None:
    _change(lambda source: replace(source, start=start))


def _change(changed: Callable[[Source], Source]) -> None:
    """Change the open source. It may be another source than the one that was open when the button was drawn."""
    source: Source | None = st.session_state.get("source")
    if source:
        st.session_state.source = changed(source)


def _close() -> None:
    st.session_state.pop("source", None)
