"""The frame around every page: its configuration, the navigation, and errors as sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from pages.parts.app.shared_index import shown_errors
from pages.parts.chat.source_view import opened_source


def run_app() -> None:
    """Draw the navigation and run the page that the address names."""
    # The icon is a file, since the browser would fetch a Material icon from Google.
    st.set_page_config(page_title="Docent", page_icon=Path(__file__).with_name("icon.png"))
    st.logo(":material/menu_book:", size="large")
    page = st.navigation(
        [
            st.Page("pages/chat.py", title="Chat", icon=":material/forum:", default=True),
            st.Page("pages/documents.py", title="Documents", icon=":material/folder_open:", url_path="documents"),
            st.Page("pages/benchmark.py", title="Speed", icon=":material/speed:", url_path="benchmark"),
            st.Page("pages/settings.py", title="Settings", icon=":material/tune:", url_path="settings"),
        ]
    )
    # The layout is set before the page runs: a later change would make the page jump.
    beside = page.url_path == "" and opened_source() is not None
    st.set_page_config(layout="wide" if beside else "centered", initial_sidebar_state="collapsed" if beside else "auto")
    with shown_errors():
        page.run()


def run_page(show: Callable[[], None]) -> None:
    """Draw the page with `show`, in the frame.

    Until app.py has called `st.navigation` once, Streamlit itself runs the scripts of a folder named "pages". If the
    first visit after a start is to the address of a page, this function therefore draws the frame.
    """
    if PagesManager.uses_pages_directory:
        run_app()
    else:
        show()
