"""The main job in a real browser: drop documents, ask, see the answer arrive, open its source, clean up."""

from __future__ import annotations

import re
import threading
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright of requirements-dev.txt is not installed")

from playwright.sync_api import Page, expect
from reportlab.pdfgen.canvas import Canvas

from tests.e2e.conftest import drop_files
from tests.fakes.llm_server import Body, LLMServer, Reply

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

UPLOADER = '[data-testid="stFileUploaderDropzone"]'
BRIDGE = "The bridge of Aldermoor is 812 metres long and was opened in 1931."
FERRY = "The last ferry of Aldermoor left in May 1932. Its captain was Edda Lund."
HOSTILE = (
    "![x](https://evil.example/?q=1) <img src='https://evil.example/y'> [click](https://evil.example/z) "
    ":red[red] :smile: from $5 to $6 at https://evil.example/w"
)


@pytest.fixture
def bridge_pdf(tmp_path: Path) -> Path:
    """Two pages; the second one says how long the bridge is."""
    path = tmp_path / "bridge.pdf"
    canvas = Canvas(str(path))
    canvas.drawString(72, 720, "A history of the crossings of the river Alder.")
    canvas.showPage()
    canvas.drawString(72, 720, BRIDGE)
    canvas.save()
    return path


@pytest.fixture
def ferry_text(tmp_path: Path) -> Path:
    path = tmp_path / "ferry.txt"
    path.write_text(FERRY, encoding="utf-8")
    return path


def answer_about_aldermoor(body: Body, hold: threading.Event | None = None) -> Reply:
    """Says what the passage on the asked thing says, with its number; makes a stand-alone question of a follow-up.

    The last word and the marker come when `hold` is set.
    """
    prompt = str(body["messages"][-1]["content"])
    if "<passages>" not in prompt:
        return Reply("Who was the captain of the last ferry of Aldermoor?")
    name, sentence = ("ferry.txt", FERRY) if "captain" in prompt.rsplit("Question:", 1)[1] else ("bridge.pdf", BRIDGE)
    numbers = [number for number, rest in re.findall(r"^\[(\d+)\] \((.*)", prompt, re.M) if rest.startswith(name)]
    marked = next(n for n in numbers if sentence[:20] in prompt.split(f"[{n}] (", 1)[1].split(f"[{int(n) + 1}] (")[0])
    *first, last = sentence.split(". ")[-1].rstrip(".").split(" ")
    return Reply(pieces=(*(f"{word} " for word in first), f"{last} [{marked}]."), pace=0.15, hold=hold)


def ask(page: Page, question: str) -> None:
    page.get_by_test_id("stChatInputTextArea").fill(question)
    # Not by Enter, which does nothing while a dropped file is still on its way: the button waits until it is enabled.
    page.get_by_test_id("stChatInputSubmitButton").click()


def last_answer(page: Page):
    return page.get_by_test_id("stChatMessage").last


def words(page: Page, number: int):
    """The text of the answer to question `number` (from 1), without its sources, which quote the documents."""
    return page.get_by_test_id("stChatMessage").nth(2 * number - 1).get_by_test_id("stMarkdown").first


def row(page: Page, name: str):
    """The library's row of a document: the innermost bordered box that has both its name and its state."""
    return page.get_by_test_id("stMarkdown").filter(has_text=re.compile(rf"^{re.escape(name)}\s*Ready$"))


def act_on(page: Page, name: str, action: str) -> None:
    position = page.get_by_test_id("stMarkdown").filter(has_text=re.compile(r"(Ready|Failed|In progress)$"))
    expect(position.filter(has_text=name)).to_be_visible()
    names = position.all_inner_texts()
    page.get_by_role("button", name="Actions").nth(next(i for i, text in enumerate(names) if name in text)).click()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name=action).click()


def test_documents_are_dropped_asked_about_and_deleted(
    app_url: str, page: Page, llm_server: LLMServer, bridge_pdf: Path, ferry_text: Path
) -> None:
    hold = threading.Event()
    llm_server.default = partial(answer_about_aldermoor, hold=hold)

    page.goto(app_url)
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    page.get_by_role("button", name="Go to documents").click()
    expect(page.get_by_text("Your library is empty")).to_be_visible()

    drop_files(page, UPLOADER, [bridge_pdf, ferry_text])
    expect(page.get_by_text("Ready: 2 pages")).to_be_visible(timeout=90_000)
    expect(row(page, "bridge.pdf")).to_be_visible()
    expect(row(page, "ferry.txt")).to_be_visible()

    page.get_by_role("link", name="Chat").click()
    ask(page, "How long is the bridge?")
    expect(words(page, 1)).to_contain_text("The bridge of")
    assert "1931" not in words(page, 1).inner_text(), "the first words are there before the last ones"
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    hold.set()
    expect(words(page, 1)).to_contain_text("opened in 1931")
    expect(last_answer(page)).to_contain_text("Sources")

    source = last_answer(page).get_by_test_id("stExpander").filter(has_text="bridge.pdf · page 2")
    source.locator("summary").click()
    expect(source.locator(".stMarkdownColoredBackground")).to_contain_text("812 metres long")

    ask(page, "And who was its captain?")
    expect(words(page, 2)).to_contain_text("captain was Edda Lund")
    expect(last_answer(page).get_by_test_id("stExpander").filter(has_text="ferry.txt").first).to_be_visible()
    condensing = [request.prompt for request in llm_server.chats if "<passages>" not in request.prompt]
    assert len(condensing) == 1, "the follow-up, and only that, was made a question of its own"
    assert "How long is the bridge?" in condensing[0]
    assert "And who was its captain?" in condensing[0]

    page.reload()
    expect(page.get_by_test_id("stChatMessage").first).to_contain_text("How long is the bridge?")
    expect(words(page, 2)).to_contain_text("captain was Edda Lund")

    page.get_by_role("link", name="Documents").click()
    act_on(page, "ferry.txt", "Delete")
    page.get_by_test_id("stDialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted ferry.txt: 1 chunk; 0 left in Milvus.")).to_be_visible()
    expect(row(page, "ferry.txt")).to_have_count(0)

    page.get_by_role("button", name="Reset collection").click()
    dialog = page.get_by_test_id("stDialog")
    dialog.get_by_role("textbox").fill("something else")
    dialog.get_by_role("button", name="Reset").click()
    expect(dialog.get_by_text("That isn't the collection's name.")).to_be_visible()
    dialog.get_by_role("textbox").fill("docent")
    dialog.get_by_role("button", name="Reset").click()
    expect(page.get_by_text("Deleted 1 document of docent: 2 chunks; 0 left in Milvus.")).to_be_visible()
    expect(page.get_by_text("Your library is empty")).to_be_visible()


def test_file_dropped_into_the_chat_box_is_ready_before_its_question_is_answered(
    app_url: str, page: Page, llm_server: LLMServer, ferry_text: Path
) -> None:
    llm_server.default = answer_about_aldermoor
    page.goto(app_url)
    page.locator('[data-testid="stChatInput"] input[type="file"]').set_input_files(ferry_text)
    expect(page.get_by_text("ferry.txt")).to_be_visible()
    ask(page, "Who was the captain?")
    expect(words(page, 1)).to_contain_text("captain was Edda Lund")


def test_stop_ends_the_answer_and_the_request_and_keeps_what_had_arrived(
    app_url: str, page: Page, llm_server: LLMServer
) -> None:
    llm_server.script(Reply("Some first words " + "and more " * 400, pace=0.1))
    page.goto(app_url)
    ask(page, "Who left?")
    expect(last_answer(page)).to_contain_text("Some first words")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(last_answer(page)).to_contain_text("The part that had arrived is kept.")
    expect(last_answer(page)).to_contain_text("Some first words")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    request = llm_server.chats[-1]
    assert request.over.wait(5)
    assert request.disconnected_at is not None


def test_answer_goes_on_when_the_page_is_reloaded(app_url: str, page: Page, llm_server: LLMServer) -> None:
    hold = threading.Event()
    llm_server.script(Reply("One " + "and more " * 30 + "and the end.", pace=0.1, hold=hold))
    page.goto(app_url)
    ask(page, "What is there?")
    expect(last_answer(page)).to_contain_text("One and more")
    page.reload()
    expect(last_answer(page)).to_contain_text("One and more")
    hold.set()
    expect(last_answer(page)).to_contain_text("and the end.")
    expect(page.get_by_text("Stopped.")).to_have_count(0)


def test_hostile_answer_loads_links_and_draws_nothing(app_url: str, page: Page, llm_server: LLMServer) -> None:
    llm_server.script(Reply(HOSTILE, pace=0.05))
    page.goto(app_url)
    ask(page, HOSTILE)
    expect(last_answer(page)).to_contain_text("https://evil.example/w")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    for message in page.get_by_test_id("stChatMessage").all():
        assert message.locator("img, a, .katex, .stMarkdownColoredText").count() == 0
        assert ":red[red]" in message.inner_text().replace("\u2060", "")
        assert "from $5 to $6" in message.inner_text()


def test_first_visit_to_a_page_of_its_own_address_has_the_navigation(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/settings")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    expect(page.get_by_role("link", name="Documents")).to_be_visible()
    expect(page.get_by_text("Embedding model")).to_be_visible()
