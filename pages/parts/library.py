"""The one index of the process, and how its errors reach the page."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.safe_markdown import safe_text
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
    index = DocumentIndex(settings)
    # Closing needs executors, and those are shut down before atexit's callbacks: their own kind runs in time.
    getattr(threading, "_register_atexit", atexit.register)(index.close)
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
