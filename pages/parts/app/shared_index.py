"""The one index of the process, and how its errors reach the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st
from streamlit import config

from pages.parts.app.shutdown import close_at_end
from pages.parts.markdown.safe_markdown import safe_text
from rag.errors import RagError

if TYPE_CHECKING:
    from rag import DocumentIndex

log = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong here. The application's log has the details."


@st.cache_resource(show_spinner="Starting…")
def open_index() -> DocumentIndex:
    """The index that all sessions share. Raises SettingsError for a wrong setting; that isn't cached."""
    from rag import DocumentIndex, Settings, log_to_file  # takes seconds, so the page's frame is drawn before

    settings = Settings()
    log_to_file(settings)
    # The widgets' own limit is the browser's business; this one the server heeds, while a file is still on its way.
    config.set_option("server.maxUploadSize", settings.max_upload_mb)
    index = DocumentIndex(settings)
    close_at_end(index.close)
    return index


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show what goes wrong inside as one sentence: never a traceback."""
    try:
        yield
    except RagError as error:
        st.error(safe_text(str(error)), icon=":material/error:")
    except Exception:
        log.exception("a page failed")
        st.error(UNEXPECTED, icon=":material/error:")


def attempt(action: Callable[..., object], *values: object) -> None:
    """`action(*values)` for a button's callback: an error is shown above the page."""
    with shown_errors():
        action(*values)
