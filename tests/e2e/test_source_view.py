"""A citation's source in a real browser: it opens beside the chat, at the sentence, while the chat goes on."""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright", reason="playwright of requirements-dev.txt is not installed")

from PIL import Image
from playwright.sync_api import Locator, Page, expect
from reportlab.pdfgen.canvas import Canvas

from tests.fakes.llm_server import Body, LLMServer, Reply
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TOWER = "The tower of Corwen is 64 metres high and was finished in 1788."
HIGHLIGHT = (255, 226, 89)


@pytest.fixture
def tower_pdf(tmp_path: Path) -> Path:
    """Three pages; the sentence on the tower is at the foot of the second one."""
    path = tmp_path / "tower.pdf"
    canvas = Canvas(str(path))
    for number, sentence in enumerate(("A history of the town.", TOWER, "The market is held on Fridays."), 1):
        canvas.drawString(72, 760, f"Page {number} of the chronicle of Corwen.")
        canvas.drawString(72, 60, sentence)
        canvas.showPage()
    canvas.save()
    return path


def answer_about_the_tower(body: Body) -> Reply:
    prompt = str(body["messages"][-1]["content"])
    numbers = re.findall(r"^\[(\d+)\] \(", prompt, re.M)
    cited = next((n for n in numbers if TOWER[:20] in re.split(r"^\[\d+\] \(", prompt, flags=re.M)[int(n)]), None)
    return Reply(f"{TOWER.rstrip('.')} [{cited}]." if cited else "What is known about the market of Corwen?")


def ask(page: Page, question: str) -> None:
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.get_by_test_id("stChatInputSubmitButton").click()


def last_answer(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage").last


def picture(page: Page, number: int) -> Locator:
    return page.get_by_role("img", name=f"Page {number} of tower.pdf")


def expect_picture(page: Page, number: int) -> None:
    """Wait until this page is drawn as a whole."""
    expect(picture(page, number)).to_be_visible()
    expect(picture(page, number)).to_have_js_property("complete", True)


def lies_beside(page: Page) -> bool:
    """Whether the source is to the right of the chat, wide enough to be read, and within the window of 1400 pixels."""
    chat, source = last_answer(page).bounding_box(), picture(page, 2).bounding_box()
    if not chat or not source:
        return False
    right = source["x"] + source["width"]
    return chat["x"] + chat["width"] <= source["x"] and source["width"] > 450 and right <= 1400


def shows_highlight(page: Page) -> bool:
    """Whether any of the highlight can be seen in the window as it is."""
    seen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    return bool((np.abs(seen - HIGHLIGHT).sum(axis=2) < 12).sum() > 500)


def ask_about_the_tower(app_url: str, page: Page, tower_pdf: Path) -> None:
    page.goto(app_url)
    page.locator('[data-testid="stChatInput"] input[type="file"]').set_input_files(tower_pdf)
    expect(page.get_by_text("tower.pdf")).to_be_visible()
    ask(page, "How high is the tower?")
    expect(last_answer(page)).to_contain_text("Sources")


def test_source_opens_beside_the_chat_and_the_chat_goes_on(
    app_url: str, page: Page, llm_server: LLMServer, tower_pdf: Path
) -> None:
    llm_server.default = answer_about_the_tower
    page.set_viewport_size({"width": 1400, "height": 900})
    ask_about_the_tower(app_url, page, tower_pdf)
    assert not shows_highlight(page)

    last_answer(page).get_by_role("button", name="Open source").first.click()
    expect_picture(page, 2)
    expect(page.get_by_text("page 2 of 3")).to_be_visible()
    wait_until(lambda: lies_beside(page))
    expect(last_answer(page).get_by_text("Sources")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Close")).to_be_in_viewport()
    wait_until(lambda: shows_highlight(page))  # the sentence at the page's foot is scrolled into view

    page.get_by_role("button", name="Next page").click()
    expect_picture(page, 3)
    assert not shows_highlight(page)
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    page.get_by_role("button", name="Previous page").click()
    # Drawn after the buttons: until then a click may reach the one that led here.
    expect_picture(page, 2)
    page.get_by_role("button", name="Previous page").click()
    expect(picture(page, 1)).to_be_visible()
    expect(page.get_by_role("button", name="Previous page")).to_be_disabled()

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "tower.pdf"
    assert Path(download.value.path()).read_bytes() == tower_pdf.read_bytes()

    hold = threading.Event()
    llm_server.script(
        Reply("What is known about the market of Corwen?"),
        Reply("Some words. " + "\n\nAnd more. " * 60, pace=0.05, hold=hold),
    )
    ask(page, "And the market?")
    expect(last_answer(page)).to_contain_text("And more.")
    page.get_by_role("button", name="Next page").click()
    expect(picture(page, 2)).to_be_visible()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    hold.set()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    assert last_answer(page).inner_text().count("And more.") == 60, "turning the page hasn't cut the answer short"
    expect(last_answer(page).get_by_text("And more.").last).to_be_in_viewport()
    expect(picture(page, 2)).to_be_visible()

    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("img", name="of tower.pdf")).to_have_count(0)
    expect(page.get_by_text("How high is the tower?").last).to_be_attached()


def test_source_in_a_narrow_window_comes_below_the_chat(
    app_url: str, page: Page, llm_server: LLMServer, tower_pdf: Path
) -> None:
    llm_server.default = answer_about_the_tower
    page.set_viewport_size({"width": 600, "height": 900})
    ask_about_the_tower(app_url, page, tower_pdf)
    last_answer(page).get_by_role("button", name="Open source").first.click()
    expect(picture(page, 2)).to_be_visible()
    chat, source = last_answer(page).bounding_box(), picture(page, 2).bounding_box()
    assert chat and source
    assert chat["y"] < source["y"]
    assert source["x"] >= 0
    assert source["x"] + source["width"] <= 600
