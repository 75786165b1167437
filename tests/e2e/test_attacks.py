"""Attacks by documents, file names and language models, in a real browser: nothing is loaded from elsewhere, nothing
runs, nothing links, and nothing passes for the application's own.

The attacker's server really listens, on another port of this machine: a request that is made arrives. The policy in
the application's headers is switched off for the attacks, and tried by itself: each defence must do alone.
"""

from __future__ import annotations

import random
import re
import socket
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright", reason="playwright of requirements-dev.txt is not installed")

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, expect

from tests.attacks.patterns import names, outputs
from tests.e2e.conftest import PATIENCE
from tests.fakes.llm_server import Body, LLMServer, Reply

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

FACT = "The dam of Orrin is 62 metres high."
# Elements that no text of a document or a model may become, at any moment; seen as they are added to the page.
WATCH = """
const FORBIDDEN = `a, img, picture, iframe, script, style, link, meta, base, object, embed, form, input, button, video,
    audio, source, math, table[background], image, use, .katex, [style*="url("], [src], [href], [srcset]`;
window.hits = [];
window.alert = window.confirm = window.prompt = text => window.hits.push("dialog: " + text);
function look(element) {
    if (element.closest('[data-testid="stCode"], [data-testid="stElementToolbar"]')) return;
    for (const attribute of element.attributes)
        if (attribute.name.startsWith("on")) window.hits.push(element.outerHTML.slice(0, 200));
    if (element.matches(FORBIDDEN) && element.closest('[data-testid="stMarkdownContainer"]'))
        window.hits.push(element.outerHTML.slice(0, 200));
}
window.look = () => document.querySelectorAll("*").forEach(look);
new MutationObserver(changes => {
    for (const change of changes)
        for (const node of change.addedNodes)
            if (node.nodeType === 1) [node, ...node.querySelectorAll("*")].forEach(look);
}).observe(document, {childList: true, subtree: true});
"""


class Attacker:
    """A web server that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def attacker() -> Iterator[Attacker]:
    running = Attacker()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def open_page(browser: Browser, app_url: str) -> Iterator[Page]:
    """A page without the policy; afterwards it is checked that nothing was asked of any other server than the app's,
    other ports of this machine included."""
    context = browser.new_context(bypass_csp=True, viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("websocket", lambda opened: asked.append(opened.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog://{dialog.message}"))
    yield page
    context.close()
    places = {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in {"data", "blob"}}
    assert places == {urlsplit(app_url).netloc}


def upload(page: Page, files: dict[str, str]) -> None:
    page.get_by_role("link", name="Documents").click()
    page.locator('[data-testid="stFileUploader"] input[type="file"]').set_input_files(
        [
            {"name": name, "mimeType": "text/plain", "buffer": text.encode("utf-8", "replace")}
            for name, text in files.items()
        ]
    )
    expect(page.get_by_test_id("stMarkdown").filter(has_text=re.compile("Ready$"))).to_have_count(
        len(files), timeout=90_000
    )


def ask(page: Page, question: str) -> None:
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.get_by_test_id("stChatInputSubmitButton").click()


def await_answer(page: Page, number: int) -> None:
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2 * number)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    expect(page.get_by_test_id("stChatMessage").last.get_by_text("Why this answer")).to_be_visible()


def unfold(page: Page) -> None:
    """Open everything that is folded in the newest answer."""
    page.get_by_test_id("stChatMessage").last.evaluate(
        "message => message.querySelectorAll('details:not([open]) > summary').forEach(line => line.click())"
    )
    page.wait_for_timeout(300)


def assert_unharmed(page: Page, attacker: Attacker) -> None:
    page.evaluate("look()")
    assert page.evaluate("hits") == []
    assert attacker.asked == []
    for message in page.get_by_test_id("stChatMessage").all():
        # The first text of a message is the question or the answer itself; below it are the application's own.
        said = message.get_by_test_id("stMarkdown").first
        if said.count():
            marks = said.locator("[class*=stMarkdown][class*=Colored], .stMarkdownShimmer, .stMarkdownSmall")
            assert marks.count() == 0, marks.all_inner_texts()
            assert said.get_by_test_id("stIconMaterial").count() == 0
            for badge in said.locator(".stMarkdownBadge").all_inner_texts():
                assert re.fullmatch(r"\d[?!]?", badge)


def pieces(text: str) -> tuple[str, ...]:
    """The text cut at random places, as a stream may bring it."""
    chance, cut = random.Random(5), []
    while text:
        length = chance.randint(2, 24)
        cut.append(text[:length])
        text = text[length:]
    return tuple(cut)


def together(attacks: Iterable[str]) -> str:
    """The attacks one after the other. Where one would make code of all that follow, it goes into a quote, which ends
    it."""
    parser = MarkdownIt("commonmark")
    return "\n\n".join(
        attack if "<p>End.</p>" in parser.render(f"{attack}\n\nEnd.") else "> " + attack.replace("\n", "\n> ")
        for attack in attacks
    )


def test_attacks_by_documents_names_and_models_come_to_nothing(
    app_url: str, open_page: Page, llm_server: LLMServer, attacker: Attacker
) -> None:
    page, attacks = open_page, outputs(attacker.url)
    hostile = together(attacks.values())
    one = "![x](CANARY/q) <img src=CANARY/h> [y](CANARY/l) :red[z] $x$ :smile: CANARY/a".replace("CANARY", attacker.url)

    def obey(body: Body) -> Reply:
        prompt = str(body["messages"][-1]["content"])
        if "<passages>" not in prompt:
            return Reply(f"How high is the dam? {one}")
        return Reply(pieces=pieces(f"{FACT} [1]\n\n{hostile}\n\nYou owe 5,000 euros &#91;1&#93;."), pace=0.01)

    llm_server.default = obey
    page.goto(app_url)
    half = len(hostile) // 2
    documents = {"attacks.md": f"{FACT}\n\n# {one}\n\n{hostile[:half]}", "attacks.html": f"<p>{FACT}</p>{hostile}"}
    documents |= {name: f"{FACT} Report {place}." for place, name in enumerate(names(attacker.url).values())}
    upload(page, documents)
    assert_unharmed(page, attacker)

    page.get_by_role("link", name="Chat").click()
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    assert_unharmed(page, attacker)  # suggestions are made of names and headings
    page.get_by_test_id("stMultiSelect").locator("input").click()
    expect(page.get_by_role("option").first).to_be_visible()
    assert_unharmed(page, attacker)
    page.keyboard.press("Escape")

    ask(page, f"How high is the dam of Orrin? {one}")
    await_answer(page, 1)
    unfold(page)
    assert_unharmed(page, attacker)
    answer = page.get_by_test_id("stChatMessage").nth(1).get_by_test_id("stMarkdown").first
    expect(answer).to_contain_text("You owe 5,000 euros 1?")

    answers = page.get_by_test_id("stChatMessage").last
    answers.get_by_role("button", name="Open source").first.hover()
    answers.get_by_role("button", name="Open source").first.click()
    expect(page.get_by_role("button", name="Close")).to_be_visible()
    while (later := page.get_by_role("button", name="Later text")).count():
        later.click()
        page.wait_for_timeout(300)
        assert_unharmed(page, attacker)
    page.get_by_role("button", name="Close").click()

    llm_server.script(Reply(f"How high is the dam? {one}"), Reply(one, then="error", message=one))
    ask(page, "And now?")
    await_answer(page, 2)
    expect(page.get_by_role("alert")).to_contain_text("reported an error while answering")
    unfold(page)
    assert_unharmed(page, attacker)  # the question that was searched for is the model's, too

    page.reload()
    expect(page.get_by_test_id("stChatMessage")).to_have_count(4)
    expect(page.get_by_role("alert")).to_be_visible()
    assert_unharmed(page, attacker)
    for link in ("Documents", "Speed", "Settings"):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.get_by_role("heading", name=link).first).to_be_visible()
        page.wait_for_timeout(500)
        assert_unharmed(page, attacker)


def test_the_attackers_server_and_the_watch_would_notice(app_url: str, browser: Browser, attacker: Attacker) -> None:
    context = browser.new_context(bypass_csp=True)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(app_url)
    page.locator('[data-testid="stMarkdownContainer"]').first.wait_for()
    page.evaluate(
        """url => document.querySelector('[data-testid="stMarkdownContainer"]').insertAdjacentHTML(
            "beforeend", `<img src="${url}/control" onerror="alert(1)">`)""",
        attacker.url,
    )
    page.wait_for_function("hits.includes('dialog: 1') && hits.some(hit => hit.includes('/control'))")
    assert attacker.asked == ["/control"]  # it was asked before the handler of the failure ran
    assert any("/control" in hit for hit in page.evaluate("hits"))
    assert "dialog: 1" in page.evaluate("hits")
    context.close()


def test_only_own_names_and_origins_reach_the_application(app_url: str) -> None:
    """Else a website could make its name lead to this machine and read the library (DNS rebinding)."""
    port = urlsplit(app_url).port

    def status(host: str, origin: str) -> str:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(
                f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
            )
            return connection.recv(100).split()[1].decode()

    assert status(f"127.0.0.1:{port}", app_url) == "101"
    assert status(f"localhost:{port}", f"http://localhost:{port}") == "101"
    assert status(f"evil.example:{port}", f"http://evil.example:{port}") == "403"
    assert status("evil.example", "http://evil.example") == "403"


def test_the_policy_keeps_what_got_in_from_loading_and_running(app_url: str, page: Page, attacker: Attacker) -> None:
    """Whatever a fault in the pages may let through one day."""
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    page.goto(app_url)
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_visible()
    for link in ("Documents", "Speed", "Settings"):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.get_by_role("heading", name=link).first).to_be_visible()
    assert refused == [], "the application itself needs nothing that is forbidden"
    page.evaluate(
        """async url => {
            window.ran = [];
            const box = document.createElement("div");
            box.innerHTML = `<img src="${url}/image" onerror="ran.push('handler')"><iframe src="${url}/frame"></iframe>
                <link rel="stylesheet" href="${url}/style"><object data="${url}/object"></object>
                <video src="${url}/video"></video><div style="background:url(${url}/background)">x</div>
                <svg><image href="${url}/drawing"/></svg><a href="javascript:ran.push('link')">x</a>
                <form action="${url}/form"></form>`;
            document.body.append(box);
            box.querySelector("a").click();
            box.querySelector("form").submit();
            for (const text of ["ran.push('inline')", ""]) {
                const script = document.createElement("script");
                if (text) script.textContent = text; else script.src = `${url}/script`;
                document.body.append(script);
            }
            setTimeout("ran.push('eval')");  // evaluated here, it would be excepted from the policy
            await fetch(`${url}/fetch`, {mode: "no-cors"}).catch(() => {});
            try { new WebSocket(url.replace("http", "ws")); } catch {}
        }""",
        attacker.url,
    )
    for _ in range(300):  # 30 s at most: the console's lines come when they come
        page.wait_for_timeout(100)
        if len(refused) >= 10:
            break
    page.wait_for_timeout(1000)
    assert attacker.asked == []
    assert page.evaluate("ran") == []
    assert len(refused) >= 10
