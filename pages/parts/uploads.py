"""Files on their way into the library: submitting them, deciding on namesakes, watching the jobs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import streamlit as st

from pages.parts.app.shared_index import attempt, shown_errors
from pages.parts.markdown.safe_markdown import safe_label, safe_text
from pages.parts.wording import ago, counted, file_size, job_progress
from rag.errors import LimitReached, ReadError
from rag.schema import DocumentInfo, Job

if TYPE_CHECKING:
    from rag import DocumentIndex

SAMPLES = Path(__file__).parents[2] / "rag" / "sample"
SHOWN_JOBS = 8
SHOWN_OUTCOMES = 4
_ICONS = {
    "ready": ":material/check_circle:",
    "unchanged": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
}


class Upload(Protocol):
    """A file as `st.file_uploader` and `st.chat_input` deliver it."""

    name: str
    size: int

    def getvalue(self) -> bytes: ...


@dataclass(frozen=True)
class Undecided:
    """An uploaded file that has the name of a document in the library, its `namesake`."""

    name: str
    data: bytes
    namesake: DocumentInfo


def take_uploads(index: DocumentIndex, uploads: Iterable[Upload]) -> list[Job]:
    """Submit the files and return their jobs.

    A file that is too large is refused, and so are all files after a limit is reached. A file with the name of another
    document waits for a decision. The session keeps refusals and waiting files for `show_undecided`. The browser checks
    sizes, too, but can't be trusted.
    """
    limit = index.settings.max_upload_mb
    jobs = []
    waiting = list(uploads)
    for place, upload in enumerate(waiting):
        if upload.size > limit * 1_000_000:
            st.session_state.setdefault("refused", []).append(
                f"{upload.name} has {file_size(upload.size)}; the limit is {limit} MB (MAX_UPLOAD_MB)."
            )
            continue
        data = upload.getvalue()
        try:
            namesake = index.namesake(upload.name, data)
            if namesake:
                st.session_state.setdefault("undecided", []).append(Undecided(upload.name, data, namesake))
            else:
                jobs.append(index.submit(upload.name, data))
        except ReadError as error:  # the later files are still submitted
            st.session_state.setdefault("refused", []).append(str(error))
        except LimitReached as error:
            rest = len(waiting) - place - 1
            werent = "wasn't" if rest == 1 else "weren't"
            untried = f" The {counted(rest, 'file')} after it {werent} added either." if rest else ""
            st.session_state.setdefault("refused", []).append(f"{error}{untried}")
            break
    return jobs


def take_sample(index: DocumentIndex) -> None:
    """Submit the sample document that comes with the product."""
    with shown_errors():
        for path in sample_files():
            index.submit(path.name, path.read_bytes())


def sample_files() -> list[Path]:
    """The sample documents of this installation; none if they were deleted."""
    return sorted(path for path in SAMPLES.glob("*") if path.is_file() and not path.name.startswith((".", "_")))


def show_undecided(index: DocumentIndex) -> None:
    """Show the refusals, and the files that wait for a decision: replace, keep both, or skip."""
    for sentence in st.session_state.get("refused", []):
        st.error(safe_text(sentence), icon=":material/error:")
    if st.session_state.get("refused"):
        st.button("Dismiss", key="dismiss-refused", on_click=st.session_state.pop, args=("refused", None))
    waiting: list[Undecided] = st.session_state.get("undecided", [])
    for place, file in enumerate(waiting[:5]):
        with st.container(border=True):
            st.markdown(
                f"**{safe_label(file.name)}** is in the library already, with other contents "
                f"(added {ago(file.namesake.added_at)}, {file_size(file.namesake.size)})."
            )
            with st.container(horizontal=True):
                for choice in ("Replace", "Keep both", "Skip"):
                    st.button(
                        choice,
                        key=f"{choice}-{place}-{file.namesake.doc_id}",
                        type="primary" if choice == "Replace" else "secondary",
                        on_click=_decide,
                        args=(index, choice, [file]),
                    )
    if len(waiting) > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"All {len(waiting)}:")
            for choice in ("Replace all", "Keep all", "Skip all"):
                st.button(choice, key=choice, on_click=_decide, args=(index, choice, list(waiting)))


def _decide(index: DocumentIndex, choice: str, files: list[Undecided]) -> None:
    with shown_errors():
        for file in files:
            if not choice.startswith("Skip"):
                index.submit(file.name, file.data, replace=choice.startswith("Replace"))
            st.session_state.undecided.remove(file)


def show_jobs(index: DocumentIndex, *, compact: bool = False) -> None:
    """Show the jobs, kept up to date while one is active. With `compact`, only the active jobs."""
    jobs = index.jobs()
    if not jobs or (compact and all(job.finished for job in jobs)):
        return
    running = any(not job.finished for job in jobs)
    st.fragment(_jobs, run_every=1 if running else None)(index, compact, sum(job.finished for job in jobs))


def _jobs(index: DocumentIndex, compact: bool, finished_before: int) -> None:
    with shown_errors():
        jobs = index.jobs()
        active = [job for job in jobs if not job.finished]
        finished = [job for job in jobs if job.finished]
        if len(finished) > finished_before:
            st.rerun()  # the library has changed
        with st.container(border=True):
            if active:
                _show_active(index, active, len(jobs))
            if finished and not compact:
                _show_finished(index, finished)


def _show_active(index: DocumentIndex, active: list[Job], total: int) -> None:
    started = sorted(active, key=lambda job: job.stage == "queued")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**Adding {counted(len(active), 'document')}**", width="content")
        if total > len(active):
            st.caption(f"{total - len(active):,} of {total:,} done", width="content")
    for job in started[:SHOWN_JOBS]:
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            fraction = min(1.0, job.done / job.total) if job.total else 0.0
            st.progress(fraction, text=f"{safe_label(job.file_name)} · {job_progress(job)}")
            st.button(
                "Cancel",
                key=f"cancel-{job.job_id}",
                help=f"Stop adding {safe_label(job.file_name)}",
                icon=":material/close:",
                type="tertiary",
                on_click=attempt,
                args=(index.cancel, job.job_id),
            )
    if len(started) > SHOWN_JOBS:
        st.caption(f"and {len(started) - SHOWN_JOBS:,} more waiting")


def _outcome(job: Job) -> str:
    colour = {"failed": "red", "cancelled": "gray"}.get(job.stage, "green")
    sentence = job_progress(job)
    name = "" if sentence.startswith(job.file_name) else f"**{safe_label(job.file_name)}** · "
    return f":{colour}[{_ICONS[job.stage]}] {name}{safe_text(sentence)}"


def _show_finished(index: DocumentIndex, finished: list[Job]) -> None:
    newest = finished[::-1]
    problems_first = sorted(newest, key=lambda job: job.stage != "failed")
    for job in problems_first[:SHOWN_OUTCOMES]:
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            st.markdown(_outcome(job), width="stretch")
            st.button(
                "Dismiss",
                key=f"dismiss-{job.job_id}",
                help=f"Dismiss {safe_label(job.file_name)}",
                icon=":material/close:",
                type="tertiary",
                on_click=attempt,
                args=(index.dismiss, job.job_id),
            )
    if len(finished) > SHOWN_OUTCOMES:
        st.caption(f"and {len(finished) - SHOWN_OUTCOMES:,} more done")
    if len(finished) > 1:
        st.button("Dismiss all", key="dismiss-all", type="tertiary", on_click=attempt, args=(index.dismiss,))
