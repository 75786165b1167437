"""The documents page: add files, watch them become ready, and manage the library."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.app.navigation import run_page
from pages.parts.app.shared_index import UNEXPECTED, attempt, open_index
from pages.parts.markdown.safe_markdown import safe_label, safe_text
from pages.parts.status import show_outgrown, show_status
from pages.parts.uploads import sample_files, show_jobs, show_undecided, take_sample, take_uploads
from pages.parts.wording import ago, counted, file_size
from rag.errors import RagError
from rag.schema import DocumentInfo, Receipt

if TYPE_CHECKING:
    from rag import DocumentIndex

log = logging.getLogger(__name__)

ROWS = 20
_STATES = {"ready": ("green", "Ready"), "pending": ("blue", "In progress"), "failed": ("red", "Failed")}


def show_documents() -> None:
    st.title("Documents", anchor=False)
    index = open_index()
    show_status(index)
    _show_receipt()
    _show_uploader(index)
    show_undecided(index)
    show_jobs(index)
    number, chunks = index.size()
    if number:
        _show_library(index, number, chunks)
    elif all(job.finished for job in index.jobs()):
        _show_empty(index)
    _show_reset(index)


def _show_uploader(index: DocumentIndex) -> None:
    from rag import SUPPORTED, format_names

    extensions = [extension.removeprefix(".") for extension in SUPPORTED]
    folder = st.segmented_control(
        "What to add", ["Files", "Folder"], default="Files", label_visibility="collapsed", key="upload-kind"
    )
    # A new key empties the uploader. Else submitted files stay in memory, and each run submits them again.
    st.session_state.setdefault("uploads-taken", 0)
    files = st.file_uploader(
        "Drop a folder here" if folder == "Folder" else "Drop files here",
        type=extensions if folder == "Folder" else None,  # the reader refuses a single file with a reason
        accept_multiple_files="directory" if folder == "Folder" else True,
        max_upload_size=index.settings.max_upload_mb,
        key=f"uploads-{folder}-{st.session_state['uploads-taken']}",
    )
    if files:
        take_uploads(index, files)
        st.session_state["uploads-taken"] += 1
        st.rerun()
    st.caption(format_names())


def _show_empty(index: DocumentIndex) -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown("#### Your library is empty", text_alignment="center", anchors=False)
        st.markdown(
            ":gray[Drop documents above. They are read, cut into passages and indexed in the background; "
            "you can ask about each as soon as it is ready.]",
            text_alignment="center",
        )
        if sample_files():
            st.button("Try the sample document", icon=":material/auto_stories:", on_click=take_sample, args=(index,))
        st.space("small")


def _show_library(index: DocumentIndex, number: int, chunks: int) -> None:
    st.subheader("Library", anchor=False)
    st.caption(f"{counted(number, 'document')} · {counted(chunks, 'chunk')}")
    show_outgrown(index)
    words = ""
    if number > ROWS // 2:
        words = st.text_input("Filter by name", placeholder="Filter by name", label_visibility="collapsed").casefold()
    named: list[DocumentInfo] | None = None
    if words:  # not in SQL, since SQLite compares Ä and ä as different letters
        named = [document for document in index.documents() if words in document.file_name.casefold()]
        number = len(named)
        if not named:
            st.caption("No document has that in its name.")
    pages = max(1, -(-number // ROWS))
    page = st.session_state.get("library-page", 1)
    first = (min(page, pages) - 1) * ROWS
    shown = index.documents(first, ROWS) if named is None else named[first : first + ROWS]
    with st.container(gap="xsmall"):
        for document in shown:
            _show_row(index, document)
    if pages > 1:
        st.pagination(pages, key="library-page")


def _show_row(index: DocumentIndex, document: DocumentInfo) -> None:
    colour, state = _STATES[document.state]
    facts = [
        *([counted(document.pages, "page")] if document.pages else []),
        *([counted(document.chunks, "chunk")] if document.chunks else []),
        file_size(document.size),
        f"added {ago(document.added_at)}",
    ]
    with (
        st.container(border=True),
        st.container(horizontal=True, vertical_alignment="center", wrap=False, horizontal_alignment="distribute"),
    ):
        with st.container(gap=None):
            st.markdown(f"**{safe_label(document.file_name, 120)}** :{colour}-badge[{state}]")
            st.caption(" · ".join(facts))
            if document.error:
                st.markdown(f":red[{safe_text(document.error)}]")
            if document.notice:
                st.markdown(f":orange[{safe_text(document.notice)}]")
        with st.popover("Actions", type="tertiary", help=f"Actions for {safe_label(document.file_name)}"):
            _show_actions(index, document)


def _show_actions(index: DocumentIndex, document: DocumentInfo) -> None:
    key = document.doc_id
    if document.state == "failed":
        st.button(
            "Retry",
            key=f"retry-{key}",
            icon=":material/refresh:",
            width="stretch",
            on_click=attempt,
            args=(index.retry, key),
        )
    st.download_button(
        "Download original",
        data=lambda: index.original(key),
        file_name=document.file_name.rsplit("/", 1)[-1],
        mime="application/octet-stream",
        key=f"download-{key}",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
    )
    if st.button("Delete", key=f"delete-{key}", icon=":material/delete:", width="stretch"):
        _confirm_delete(index, document)


@st.dialog("Delete this document?")
def _confirm_delete(index: DocumentIndex, document: DocumentInfo) -> None:
    st.markdown(
        f"**{safe_label(document.file_name, 120)}**, its {counted(document.chunks, 'chunk')} and the uploaded file "
        "will be deleted. Conversations keep the passages they quoted."
    )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="confirm-delete-document", on_click=_delete, args=(index, document)):
            st.rerun()
        if st.button("Cancel"):
            st.rerun()


def _delete(index: DocumentIndex, document: DocumentInfo) -> None:
    with _receipt_errors():
        _give_receipt(document.file_name, index.delete(document.doc_id))


def _give_receipt(deleted: str, receipt: Receipt) -> None:
    sentence = f"Deleted {deleted}: {counted(receipt.chunks, 'chunk')}; {receipt.left:,} left in Milvus."
    st.session_state.receipt = ("success" if receipt.left == 0 else "warning", sentence)


@contextmanager
def _receipt_errors() -> Iterator[None]:
    """Show an error of the block in place of the receipt, since the dialog is closed by then."""
    try:
        yield
    except RagError as error:
        st.session_state.receipt = ("error", str(error))
    except Exception:
        log.exception("deleting failed")
        st.session_state.receipt = ("error", UNEXPECTED)


def _show_receipt() -> None:
    if "receipt" not in st.session_state:
        return
    kind, sentence = st.session_state.receipt
    show = {"success": st.success, "warning": st.warning, "error": st.error}[kind]
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        show(safe_text(sentence), icon=":material/receipt_long:" if kind == "success" else ":material/error:")
        st.button(
            "",
            icon=":material/close:",
            type="tertiary",
            help="Dismiss the receipt",
            key="dismiss-receipt",
            on_click=st.session_state.pop,
            args=("receipt", None),
        )


def _show_reset(index: DocumentIndex) -> None:
    st.space("medium")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"Collection **{index.settings.collection}**", width="content")
        if st.button("Reset collection…", icon=":material/delete_forever:", type="tertiary"):
            _confirm_reset(index)


@st.dialog("Reset the whole collection?")
def _confirm_reset(index: DocumentIndex) -> None:
    name = index.settings.collection
    st.markdown("Every document, its passages and the uploaded files will be deleted. This can't be undone.")
    with st.form("reset", border=False):
        typed = st.text_input(f"Type **{name}** to confirm", key="typed-name")
        if st.form_submit_button("Reset", type="primary", on_click=_reset, args=(index,)):
            if typed.strip() == name:
                st.rerun()
            st.error("That isn't the collection's name.")


def _reset(index: DocumentIndex) -> None:
    name = index.settings.collection
    if st.session_state["typed-name"].strip() == name:
        with _receipt_errors():
            receipt = index.reset()
            _give_receipt(f"{counted(receipt.documents, 'document')} of {name}", receipt)


run_page(show_documents)
