"""The speed page: measures adds and searches on this machine, the tutorial's way and Docent's, and shows the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts.app.navigation import run_page
from pages.parts.app.shared_index import attempt, open_index, shown_errors
from pages.parts.app.shutdown import close_at_end
from pages.parts.markdown.safe_markdown import safe_text
from pages.parts.status import show_status

if TYPE_CHECKING:
    from rag.benchmarks import BackgroundRun, Operation, Tables

# A run up to 1,000 takes minutes on Milvus Lite.
_SIZES = {"Up to 100": (10, 100), "Up to 1,000": (10, 100, 1000)}

_RATIOS = {
    "Times as fast": st.column_config.NumberColumn(format="%.1f", help="Docent against the tutorial, async"),
    "Times the limit": st.column_config.NumberColumn(format="%.1f", help="Docent's time against that of one request"),
}


@st.cache_resource(show_spinner=False)
def open_run() -> BackgroundRun:
    """The measurement that all sessions share. It goes on while their users look at other pages."""
    from rag.benchmarks import BackgroundRun  # imports pymilvus, which takes seconds

    run = BackgroundRun()
    close_at_end(lambda: run.stop(wait=True))  # deletes the scratch collections
    return run


def show_speed() -> None:
    st.title("Speed", anchor=False)
    index = open_index()
    show_status(index)
    st.markdown(
        "Adds and searches single passages as the tutorial on LlamaIndex's asynchronous interface does, and the way "
        "Docent does, against the Milvus in use, in collections that are deleted afterwards."
    )
    run = open_run()
    if run.running:
        st.fragment(_show_progress, run_every=1)(run)
    else:
        _show_start(run)
    if run.error:
        st.error(safe_text(run.error), icon=":material/error:")
    if run.tables is not None:
        _show_tables(run.tables)


def _show_start(run: BackgroundRun) -> None:
    st.warning(
        "While it runs, Milvus and this machine are busy: answers and uploads of everyone who uses them take longer. "
        "It takes from half a minute to some minutes.",
        icon=":material/warning:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        sizes = st.segmented_control(
            "Adds and searches", list(_SIZES), default=next(iter(_SIZES)), label_visibility="collapsed", key="sizes"
        )
        index = open_index()
        st.button(
            "Measure",
            icon=":material/speed:",
            type="primary",
            on_click=attempt,
            args=(run.start, index.settings, _SIZES[sizes or next(iter(_SIZES))]),
        )


def _show_progress(run: BackgroundRun) -> None:
    with shown_errors():
        if not run.running:
            st.rerun()
        progress = run.progress
        done = progress.done / progress.total if progress else 0.0
        st.progress(done, safe_text(f"{progress.what}…") if progress else "Connecting…")
        st.caption("It goes on when you leave this page.")
        st.button("Stop", icon=":material/stop:", on_click=attempt, args=(run.stop,))


def _show_tables(tables: Tables) -> None:
    from rag.benchmarks import OPERATIONS, operation_chart, sentence, warnings

    for operation, heading in OPERATIONS.items():
        st.subheader(heading, anchor=False)
        st.markdown(safe_text(sentence(tables.of(operation)[-1])))
        st.altair_chart(operation_chart(tables, operation), height=380)
        st.dataframe(_rows(tables, operation), hide_index=True, height="content", column_config=_RATIOS)
    for warning in warnings(tables):
        st.warning(safe_text(warning), icon=":material/warning:")
    st.caption(
        f"{safe_text(tables.title())}; medians of {tables.rounds}. One request with everything in it is the limit: "
        "what Milvus itself needs. `python -m rag bench` measures the same."
    )


def _rows(tables: Tables, operation: Operation) -> list[dict[str, Any]]:
    from rag.benchmarks import OPERATIONS, seconds

    return [
        {
            OPERATIONS[operation]: row.count,
            "Tutorial, sync": seconds(row.synchronous.median),
            "Tutorial, async": seconds(row.asynchronous.median),
            "Docent": seconds(row.docent.median),
            "One request": seconds(row.one_request.median),
            "Times as fast": row.times_asynchronous,
            "Times the limit": row.times_one_request,
        }
        for row in tables.of(operation)
    ]


run_page(show_speed)
