"""The one index of the process, and its errors on the page."""

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
    """The index that all sessions share. Raises SettingsError for a wrong setting; the next call then tries again."""
    from rag import DocumentIndex, Settings, log_to_file  # takes seconds, so the page's frame is drawn before

    settings = Settings()
    log_to_file(settings)
    # The browser checks the limit of the widget. The server checks this limit while it receives a file.
    config.set_option("server.maxUploadSize", settings.max_upload_mb)
    index = DocumentIndex(settings)
    close_at_end(index.close)
    return index


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show an error of the block as one sentence, never as a traceback."""
    try:
        yield
    except RagError as error:
        st.error(safe_text(str(error)), icon=":material/error:")
    except Exception:
        log.exception("a page failed")
        st.error(UNEXPECTED, icon=":material/error:")


def attempt(action: Callable[..., object], *values: object) -> None:
    """Call `action(*values)` from a button. Its error is shown above the page."""
    with shown_errors():
        action(*values)
