"""The documents page: adding, deciding on namesakes, progress, deleting with a receipt, resetting."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from rag import DocumentIndex
from rag.errors import CatalogError, LimitReached, StoreUnavailable
from rag.schema import DocumentInfo, Job, PartStatus
from tests.pages.conftest import ESSAY, OpenPage, all_text, button
from tests.pages.index_double import READY, IndexDouble

pytestmark = pytest.mark.slow

FERRY = "The new ferry is electric and takes twenty minutes to the island."


def add(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    return app.file_uploader[0].set_value([(*file, "text/plain") for file in files]).run()


def wait_until_done(index: DocumentIndex) -> None:
    deadline = time.monotonic() + 60
    while any(not job.finished for job in index.jobs()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def keyed(app: AppTest, start: str):
    return next(one for one in app.button if one.key and one.key.startswith(start))


def named(index: DocumentIndex, name: str) -> list[DocumentInfo]:
    return [document for document in index.documents() if document.file_name == name]


def test_added_file_becomes_ready_and_is_deleted_with_a_receipt(open_page: OpenPage, library: DocumentIndex) -> None:
    app = add(open_page("documents"), ("ferry.txt", FERRY.encode()))
    assert not app.exception
    wait_until_done(library)
    text = all_text(app.run())
    assert "**ferry.txt** :green-badge[Ready]" in text
    assert "1 chunk" in text

    ferry = named(library, "ferry.txt")[0]
    keyed(app, f"delete-{ferry.doc_id}").click().run()
    keyed(app, "confirm-delete-document").click().run()
    assert app.success[0].value == "Deleted ferry.txt: 1 chunk; 0 left in Milvus."
    assert not named(library, "ferry.txt")
    keyed(app, "dismiss-receipt").click().run()
    assert not app.success


def test_same_bytes_are_unchanged_at_once(open_page: OpenPage, library: DocumentIndex) -> None:
    app = add(open_page("documents"), ("varn.txt", ESSAY.encode()))
    assert "Unchanged" in all_text(app)
    assert len(named(library, "varn.txt")) == 1


def test_uploads_are_taken_once(open_page: OpenPage, library: DocumentIndex) -> None:
    app = add(open_page("documents"), ("once.txt", b"Once upon a time there was an upload."))
    assert not app.file_uploader[0].value
    wait_until_done(library)
    jobs = len(library.jobs())
    app.run()
    assert len(library.jobs()) == jobs


def test_another_document_of_a_known_name_can_be_kept_beside(open_page: OpenPage, library: DocumentIndex) -> None:
    app = add(open_page("documents"), ("varn.txt", b"Another text about the island of Varn."))
    assert "is in the library already, with other contents" in all_text(app)
    assert len(named(library, "varn.txt")) == 1, "nothing is added before the decision"
    keyed(app, "Keep both").click().run()
    wait_until_done(library)
    assert len(named(library, "varn.txt")) == 2
    labels = open_page("chat").multiselect[0].options
    assert len({label for label in labels if label.startswith("varn.txt (")}) == 2, "told apart by when they were added"


def test_another_document_of_a_known_name_can_replace_it(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("report.pdf")
    app = add(open_double("documents"), ("report.pdf", b"new"))
    keyed(app, "Replace").click().run()
    assert ("submit", "report.pdf", True) in double.calls
    assert "is in the library already" not in all_text(app)


def test_namesake_can_be_left_out(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("report.pdf")
    app = add(open_double("documents"), ("report.pdf", b"new"))
    keyed(app, "Skip").click().run()
    assert not double.calls
    assert "is in the library already" not in all_text(app)


def test_several_namesakes_are_decided_at_once(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("a.txt")
    double.add("b.txt")
    app = add(open_double("documents"), ("a.txt", b"1"), ("b.txt", b"2"))
    button(app, "Keep all").click().run()
    assert double.calls == [("submit", "a.txt", False), ("submit", "b.txt", False)]


def test_too_large_file_is_refused_on_the_server_and_the_others_go_on(
    open_double: OpenPage, double: IndexDouble
) -> None:
    double.settings = double.settings.model_copy(update={"max_upload_mb": 1})
    app = add(open_double("documents"), ("big.txt", b"x" * 1_000_001), ("small.txt", b"x"))
    assert app.error[0].value.startswith("big.txt has 1.0 MB; the limit is 1 MB")
    assert [call for call in double.calls if call[0] == "submit"] == [("submit", "small.txt", False)]


def test_reached_limit_is_said_once_with_how_many_files_it_concerns(open_double: OpenPage, double: IndexDouble) -> None:
    double.fail = LimitReached("a.txt isn't added; raise MAX_JOBS.")
    app = add(open_double("documents"), *((f"{letter}.txt", b"x") for letter in "abcd"))
    assert [error.value for error in app.error] == [
        "a.txt isn't added; raise MAX\\_JOBS. The 3 files after it weren't added either."
    ]
    assert len(double.calls) == 1


def test_reached_limit_that_concerns_one_more_file_is_said_so(open_double: OpenPage, double: IndexDouble) -> None:
    double.fail = LimitReached("a.txt isn't added.")
    app = add(open_double("documents"), ("a.txt", b"x"), ("b.txt", b"x"))
    assert [error.value for error in app.error] == ["a.txt isn't added. The 1 file after it wasn't added either."]


def test_server_takes_files_as_large_as_the_setting_says(
    open_double: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The widgets' limit is for the browser; what is sent over it the server would refuse, or take in all of it."""
    before = st.get_option("server.maxUploadSize")
    monkeypatch.setenv("MAX_UPLOAD_MB", "345")
    try:
        assert not open_double("documents").exception
        assert st.get_option("server.maxUploadSize") == 345
    finally:
        config.set_option("server.maxUploadSize", before)


def test_progress_shows_counts_and_can_be_cancelled(open_double: OpenPage, double: IndexDouble) -> None:
    double.job_list = [
        Job("j1", "report.pdf", "d", "reading", 12, 307),
        Job("j2", "notes.txt", "e", "embedding", 40, 95),
        Job("j3", "bad.bin", "f", "failed", error="bad.bin is damaged; export it again."),
    ]
    app = open_double("documents")
    texts = [bar.text for bar in app.get("progress")]
    assert texts == ["report.pdf · Reading page 12 of 307", "notes.txt · Embedding 40 of 95 chunks"]
    assert "bad.bin is damaged; export it again." in all_text(app)
    keyed(app, "cancel-j1").click().run()
    keyed(app, "dismiss-j3").click().run()
    assert ("cancel", "j1") in double.calls
    assert ("dismiss", "j3") in double.calls


def test_failed_document_says_why_and_can_be_retried(open_double: OpenPage, double: IndexDouble) -> None:
    failed = double.add("locked.pdf", state="failed", chunks=0, error="locked.pdf is encrypted.")
    app = open_double("documents")
    assert ":red[locked.pdf is encrypted.]" in all_text(app)
    keyed(app, "retry-").click().run()
    assert ("retry", failed.doc_id) in double.calls


def test_failing_deletion_says_why_and_gives_no_receipt(open_double: OpenPage, double: IndexDouble) -> None:
    document = double.add("a.txt")
    app = open_double("documents")
    keyed(app, "delete-").click().run()
    double.fail = StoreUnavailable("Milvus can't be reached.")
    keyed(app, "confirm-delete-document").click().run()
    assert "Milvus can't be reached." in app.error[0].value
    assert document.doc_id in double.library
    assert not app.success


def test_receipt_warns_when_something_is_left(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("a.txt", chunks=5)
    double.left = 2
    app = open_double("documents")
    keyed(app, "delete-").click().run()
    keyed(app, "confirm-delete-document").click().run()
    assert app.warning[0].value == "Deleted a.txt: 5 chunks; 2 left in Milvus."


def test_reset_wants_the_name_of_the_collection(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("a.txt", chunks=5)
    app = open_double("documents")
    button(app, "Reset collection…").click().run()
    app.text_input[-1].set_value("something else")
    button(app, "Reset").click().run()
    assert ("reset",) not in double.calls

    button(app, "Reset collection…").click().run()
    app.text_input[-1].set_value("docent")
    button(app, "Reset").click().run()
    assert ("reset",) in double.calls
    assert app.success[0].value == "Deleted 1 document of docent: 5 chunks; 0 left in Milvus."


def test_large_library_is_paged_and_filtered_and_quick(open_double: OpenPage, double: IndexDouble) -> None:
    for number in range(500):
        double.add(f"document {number:03}.pdf")
    app = open_double("documents")
    began = time.monotonic()
    app.run()
    assert time.monotonic() - began < 10
    assert "500 documents" in all_text(app)
    assert all_text(app).count("-badge[Ready]") == 20
    assert len(app.pagination) == 1
    app.text_input[0].set_value("DOCUMENT 123").run()
    assert "**document 123.pdf**" in all_text(app)
    assert all_text(app).count("-badge[Ready]") == 1


def test_pages_of_a_large_library_follow_each_other(open_double: OpenPage, double: IndexDouble) -> None:
    for number in range(45):
        double.add(f"document {number:02}.pdf")
    app = open_double("documents")
    assert "**document 44.pdf**" in all_text(app)
    app.session_state["library-page"] = 3
    text = all_text(app.run())
    assert "**document 04.pdf**" in text
    assert text.count("-badge[Ready]") == 5
    text = all_text(app.text_input[0].set_value("MENT 4").run())
    assert text.count("-badge[Ready]") == 5, "the filtered documents fit on a page"
    assert "**document 44.pdf**" in text


def test_a_library_too_large_for_milvus_lite_says_so(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("a.txt")
    double.state = replace(READY, outgrown="It is too large; do this: python -m rag move")
    app = open_double("documents")
    assert "It is too large; do this:" in all_text(app)
    assert "python -m rag move" in [block.value for block in app.code]


def test_a_library_that_is_being_opened_says_so(open_double: OpenPage, double: IndexDouble) -> None:
    double.state = replace(READY, milvus=PartStatus("starting", "Milvus Lite", "Preparing the library for search…"))
    assert "Preparing the library for search…" in all_text(open_double("documents"))
    assert "Preparing the library" in all_text(open_double("chat"))


def test_hostile_file_name_stays_text(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("![x](https://evil.example) :red[y] $a$.pdf")
    text = all_text(open_double("documents"))
    assert "evil" in text
    assert "![x]" not in text
    assert ":red[y" not in text


def test_empty_library_tells_what_to_do(open_double: OpenPage) -> None:
    assert "Your library is empty" in all_text(open_double("documents"))


def test_failing_catalog_is_one_sentence(open_double: OpenPage, double: IndexDouble) -> None:
    app = open_double("documents")

    def broken() -> tuple[int, int]:
        raise CatalogError("The catalog's database failed (disk full).")

    double.size = broken  # type: ignore[method-assign]
    app.run()
    assert not app.exception
    assert app.error[0].value == "The catalog's database failed (disk full)."
