from __future__ import annotations

import ast
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rag import DocumentIndex, log_to_file
from rag.errors import CatalogError, EmbeddingError, RagError, StoreError, StoreUnavailable
from rag.runtime.event_loop import EventLoopThread
from rag.runtime.logs import describe, job, request
from rag.settings import Settings
from tests.fakes.llm_server import LLMServer, Reply

REPOSITORY = Path(__file__).resolve().parents[2]

# What is planted where; none of it may be found in a log, nor, but for names of files, on the terminal.
KEY = "sk-plantedkey0123456789"
TOKEN = "plantedtoken77"
PASSWORDS = ("plantedhttp%40pass", "plantedhttp@pass", "plantedmilvuspass", "planteddatabasepass")
WORDS = ("zanzibarium", "plantedquestion", "plantedhistory", "plantedreply", "plantedrefusal", "plantedtitle")
NAME = "plantedname"
SECRETS = (KEY, TOKEN, *PASSWORDS, *WORDS)

TEXT = b"The zanzibarium of the plantedtitle report weighs 40 grams. It was found in 1987 by Ada Brandt."


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    ours = [logging.getLogger(name) for name in ("rag", "pages", "__main__")]
    handlers, levels = root.handlers[:], [logger.level for logger in ours]
    for handler in handlers:
        if isinstance(handler, RotatingFileHandler):
            root.removeHandler(handler)
    yield
    for handler in set(root.handlers) - set(handlers):
        with contextlib.suppress(OSError):  # of a full disk
            handler.close()
    root.handlers[:] = handlers
    for logger, level in zip(ours, levels, strict=True):
        logger.setLevel(level)


def lines(settings: Settings) -> list[dict[str, Any]]:
    text = (settings.data_dir / "docent.log").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def all_logs(folder: Path) -> str:
    return "".join(path.read_text("utf-8") for path in folder.rglob("*.log*"))


# --- the lines


def test_each_record_is_one_object_of_json_in_a_file_of_the_data_folder(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    log_to_file(settings)
    logging.getLogger("rag.ingestion.pipeline").info("line\nbreak 🙂 \ud800 %s", 3, extra={"ms": 1.5, "chunks": 7})
    (line,) = lines(settings)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "rag.ingestion.pipeline",
        "message": "line\nbreak 🙂 ? 3",
        "process": os.getpid(),
        "ms": 1.5,
        "chunks": 7,
    }
    assert capfd.readouterr() == ("", "")


def test_asking_again_does_not_log_twice(settings: Settings) -> None:
    log_to_file(settings)
    log_to_file(settings)
    logging.getLogger("rag").warning("only once")
    assert len(lines(settings)) == 1


@pytest.mark.parametrize("obstacle", ["data", "data/docent.log/in the way"])
def test_folder_that_cannot_be_written_is_not_the_logs_business(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str], obstacle: str
) -> None:
    path = tmp_path / obstacle
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("not a folder")
    log_to_file(settings)
    logging.getLogger("rag").warning("lost")
    logging.getLogger("pages.documents").warning("lost, too")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_full_disk_does_not_bring_records_to_the_terminal(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "docent.log").symlink_to("/dev/full")
    log_to_file(settings)
    logging.getLogger("rag").warning("lost %s", KEY)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("level", "logged"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_level_decides_what_is_logged(settings: Settings, level: str, logged: int) -> None:
    settings = Settings(data_dir=settings.data_dir, log_level=level)
    log_to_file(settings)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("rag").log(number, "something")
    assert len(lines(settings)) == logged


# --- what may be in them


def _fail_with(message: str) -> None:
    raise ValueError(message)


def test_exception_is_logged_by_type_code_and_place_without_what_it_says(settings: Settings) -> None:
    log_to_file(settings)
    try:
        try:
            _fail_with("zanzibarium")
        except ValueError as error:
            raise FileNotFoundError(2, "plantedname") from error
    except OSError:
        logging.getLogger("rag").exception("it failed: %s", ValueError("zanzibarium"))
    (line,) = lines(settings)
    assert line["message"] == "it failed: ValueError"
    outer, inner = line["exceptions"]
    assert (outer["type"], outer["errno"], inner["type"]) == ("FileNotFoundError", 2, "ValueError")
    assert "tests/runtime/test_logs.py:" in inner["at"][-1] and inner["at"][-1].endswith(" _fail_with")
    assert "planted" not in str(line) and "zanzibarium" not in str(line)


def test_places_and_causes_are_bounded_also_of_endless_recursion() -> None:
    def endless(depth: int) -> None:
        try:
            endless(depth + 1)
        except ValueError as error:
            raise ValueError from error

    with pytest.raises(RecursionError) as caught:
        endless(0)
    described = describe(caught.value)
    assert len(described) <= 5 and all(len(entry["at"]) <= 12 for entry in described)


def test_of_other_libraries_only_the_place_is_logged(settings: Settings) -> None:
    log_to_file(settings)
    logging.getLogger("somelibrary.client").error(f"POST http://u:{PASSWORDS[2]}@host zanzibarium %s", KEY)
    (line,) = lines(settings)
    assert line["logger"] == "somelibrary.client" and line["level"] == "ERROR"
    assert line["message"].startswith("at ") and "tests/runtime/test_logs.py:" in line["message"]
    assert not [secret for secret in SECRETS if secret in str(line)]


def test_at_debug_all_is_said_but_for_the_secrets_of_the_settings(settings: Settings) -> None:
    settings = Settings(
        data_dir=settings.data_dir,
        log_level="debug",
        openai_api_key=KEY,
        milvus_token=f"root:{TOKEN}",
        openai_base_url=f"http://me:{PASSWORDS[0]}@127.0.0.1/v1",
        milvus_uri=f"http://root:{PASSWORDS[2]}@host:19530",
        database_url=f"postgresql://me:{PASSWORDS[3]}@host/db",
    )
    log_to_file(settings)
    everything = " ".join([KEY, TOKEN, *PASSWORDS])
    logging.getLogger("somelibrary").error("%s failed for zanzibarium", everything)
    logging.getLogger("rag").error("it failed", exc_info=ValueError(f"{everything} plantedquestion"))
    text = all_logs(settings.data_dir)
    assert "zanzibarium" in text and "plantedquestion" in text
    assert not [secret for secret in (KEY, TOKEN, *PASSWORDS) if secret in text]


LOGGING = [
    (f"{path.relative_to(REPOSITORY).as_posix()}:{node.lineno}", node)
    for folder in ("rag", "pages")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.Call)
    and isinstance(node.func, ast.Attribute)
    and ast.unparse(node.func.value) in {"log", "logger", "logging", "logging.getLogger('rag')"}
    and node.func.attr in {"debug", "info", "warning", "error", "exception", "critical", "log"}
]


def test_what_this_package_logs_is_constant_but_for_ids_and_numbers() -> None:
    content = {"question", "text", "content", "file_name", "title", "body", "message", "sentence", "key", "url"}
    wrong = []
    for place, call in LOGGING:
        said = call.args[1:] if ast.unparse(call.func).endswith(".log") else call.args
        values = [*said[1:], *(keyword.value for keyword in call.keywords)]
        nodes = [node for value in values for node in ast.walk(value)]
        named = {node.id for node in nodes if isinstance(node, ast.Name)}
        named |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        if (
            not (isinstance(said[0], ast.Constant) and isinstance(said[0].value, str))
            or [node for node in nodes if isinstance(node, ast.JoinedStr)]
            or named & (content | {"str", "repr", "format"})
        ):
            wrong.append(place)
    assert len(LOGGING) > 20
    assert not wrong


# --- requests and jobs


def test_what_belongs_to_a_request_has_its_id_on_the_loop_and_in_threads_too(settings: Settings) -> None:
    log_to_file(settings)
    loop = EventLoopThread()
    meeting = threading.Barrier(5)

    async def work() -> None:
        logging.getLogger("rag").info("on the loop")

    def ask() -> None:
        with request("search") as counts, request("a part of it"):
            meeting.wait(10)
            loop.run(work())
            counts["passages"] = 3

    with ThreadPoolExecutor(5) as threads:
        for done in [threads.submit(ask) for _ in range(5)]:
            done.result()
    loop.close()
    told: dict[str, list[str]] = {}
    for line in lines(settings):
        told.setdefault(line["request"], []).append(line["message"])
    assert len(told) == 5
    whole = ["search began", "a part of it began", "on the loop", "a part of it ended", "search ended"]
    assert list(told.values()) == [whole] * 5
    assert [line["passages"] for line in lines(settings) if line["message"] == "search ended"] == [3] * 5
    logging.getLogger("rag").info("afterwards")
    assert "request" not in lines(settings)[-1]


def test_request_that_fails_is_logged_with_its_exception(settings: Settings) -> None:
    log_to_file(settings)
    with pytest.raises(ValueError), request("ask"), job("f" * 32):
        _fail_with("plantedquestion")
    began, failed = lines(settings)
    assert failed["message"] == "ask failed" and failed["exceptions"][0]["type"] == "ValueError"
    assert failed["request"] == began["request"] and failed["ms"] >= 0


# --- planted secrets


@pytest.mark.slow
def test_nothing_planted_is_logged_whatever_is_done_and_fails(
    settings: Settings, llm_server: LLMServer, free_port: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    llm_server.models = ["llama3.2"]
    settings = Settings(
        data_dir=settings.data_dir,
        embed_model="bundled",
        openai_base_url=llm_server.url.replace("//", f"//me:{PASSWORDS[0]}@"),
        openai_api_key=KEY,
        openai_model="llama3.2",
        max_question_characters=200,
    )
    log_to_file(settings)
    history = [{"role": "user", "content": "plantedhistory?"}, {"role": "assistant", "content": "plantedhistory."}]
    with DocumentIndex(settings) as index:
        results = index.ingest(
            [
                (f"{NAME}.txt", TEXT),
                (f"{NAME}.pdf", b"%PDF-1.7 zanzibarium"),
                (f"{NAME}.docx", b"PK\x03\x04 zanzibarium"),
                (f"{NAME}.exe", b"MZ\x90\0 zanzibarium"),
                (f"{NAME} empty.txt", b""),
            ]
        )
        assert [result.status for result in results] == ["ready", *["failed"] * 4]
        assert index.search("plantedquestion about zanzibarium", history=history)
        llm_server.script(Reply("What is plantedreply?"), Reply("It weighs 40 grams, plantedreply [1]."))
        assert "40 grams" in index.ask("plantedquestion?", history=history).text
        # The history has the stand-alone question asked for first; a refusal isn't tried again, a failure is.
        for status, said_before in ((401, history), (500, [])):
            llm_server.default = lambda body, status=status: Reply(
                status=status, code="plantedrefusal", message=f"plantedrefusal of {KEY}"
            )
            assert index.ask("plantedquestion?", history=said_before).text == ""
        llm_server.default = lambda body: Reply("plantedreply", then="error", message=f"plantedrefusal {KEY}")
        assert index.ask("plantedquestion?").text == "plantedreply"
        llm_server.default = lambda body: Reply("plantedreply", then="garbage")
        index.ask("plantedquestion?").text  # noqa: B018
        for wrong in ("plantedquestion" * 20, " \x00"):
            with pytest.raises(RagError):
                index.search(wrong)
        with pytest.raises(RagError):
            index.search("plantedquestion", doc_ids=['plantedquestion" or 1 == 1'])
        # A database that fails while it is told a question.
        talk = index.conversations.create("plantedtitle")
        with sa.create_engine(settings.database_address).begin() as connection:
            connection.execute(sa.text("DROP TABLE messages"))
        from rag.schema import Message

        with pytest.raises(CatalogError):
            index.conversations.add(talk.conversation_id, Message("user", "plantedquestion"))
        assert index.delete(results[0].doc_id or "").left == 0

    away = {"data_dir": settings.data_dir, "embed_model": "bundled", "milvus_token": f"root:{TOKEN}"}
    milvus = f"http://root:{PASSWORDS[2]}@127.0.0.1:{free_port}"
    with DocumentIndex(Settings(**away, milvus_uri=milvus), background=False) as index, pytest.raises(StoreUnavailable):
        index.search("plantedquestion")
    with pytest.raises(CatalogError):
        DocumentIndex(Settings(database_url=f"postgresql://me:{PASSWORDS[3]}@127.0.0.1:{free_port}/db", **away))
    embeddings = f"http://me:{PASSWORDS[0]}@127.0.0.1:{free_port}/v1"
    elsewhere = {**away, "embed_base_url": embeddings, "embed_api_key": KEY, "data_dir": tmp_path / "elsewhere"}
    with (
        DocumentIndex(Settings(**elsewhere), background=False) as index,
        contextlib.suppress(EmbeddingError, StoreError),
    ):
        index.ingest([(f"{NAME}.txt", TEXT)])

    told = lines(settings)
    assert {"search ended", "ask ended", "the answer ended", "ingesting failed", "LLM request failed"} <= {
        line["message"].partition(":")[0] for line in told
    }
    kinds = {cause["type"].rpartition(".")[2] for line in told for cause in line.get("exceptions", ())}
    assert {"ReadError", "StoreUnavailable", "OperationalError"} <= kinds
    stages = [(line["stage"], line["doc"]) for line in told if "stage" in line and line["job"]]
    of_the_first = [stage for stage, doc in stages if (results[0].doc_id or "").startswith(doc)]
    assert of_the_first[:5] == ["queued", "reading", "embedding", "indexing", "ready"]
    failures = [line for line in told if line["message"] == "ingesting failed"]
    assert len({line["job"] for line in failures}) >= 4
    asked = [line["request"] for line in told if line["message"] == "ask began"]
    assert [line["request"] for line in told if line["message"] == "the answer ended"] == asked
    text = all_logs(settings.data_dir) + all_logs(tmp_path / "elsewhere")
    assert not [secret for secret in (*SECRETS, NAME) if secret in text]
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_nothing_planted_is_on_the_terminal_of_a_command_or_in_its_log(
    tmp_path: Path, llm_server: LLMServer, free_port: int
) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / f"{NAME}.txt").write_bytes(TEXT)
    (papers / f"{NAME}.pdf").write_bytes(b"%PDF-1.7 zanzibarium")
    llm_server.default = lambda body: Reply(status=500, message=f"plantedrefusal {KEY}")
    environment = {
        **os.environ,
        "DATA_DIR": str(tmp_path / "data"),
        "EMBED_MODEL": "bundled",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": llm_server.url.replace("//", f"//me:{PASSWORDS[0]}@"),
        "OPENAI_MODEL": "llama3.2",
        "PYTHONASYNCIODEBUG": "1",  # has asyncio log more
    }
    commands: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["ingest", str(papers)]),
        ({}, ["ask", "plantedquestion"]),
        ({"MILVUS_URI": f"http://root:{PASSWORDS[2]}@127.0.0.1:{free_port}"}, ["search", "plantedquestion"]),
        ({"MILVUS_URI": f"ftp://root:{PASSWORDS[2]}@127.0.0.1"}, ["search", "plantedquestion"]),
        ({"DATABASE_URL": f"postgresql://me:{PASSWORDS[3]}@127.0.0.1:{free_port}/db"}, ["list"]),
        ({"DATABASE_URL": f"postgresql://me:{PASSWORDS[3]}@127.0.0.1:port/db"}, ["list"]),
    ]
    program = (
        "import json, os, sys\n"
        "from rag.cli.main import main\n"
        "for changed, command in json.loads(sys.argv[1]):\n"
        "    os.environ.update(changed)\n"
        "    print('exit', main(command), flush=True)\n"
        "    for name in changed:\n"
        "        del os.environ[name]\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, json.dumps(commands)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stdout.count("exit 1") == len(commands), run.stdout + run.stderr
    errors = run.stderr.splitlines()
    assert len(errors) == len(commands) and all(line.startswith("Error: ") for line in errors)
    assert not [secret for secret in SECRETS if secret in run.stderr]
    text = all_logs(tmp_path / "data")
    told = [json.loads(line) for line in text.splitlines()]
    assert {f"command {command} failed" for command in ("search", "list")} <= {line["message"] for line in told}
    commands_ids = {line["request"] for line in told if line["message"].startswith("command ")}
    assert len(commands_ids) == 5, "one command has a setting that is wrong, and nowhere to log yet"
    assert not [secret for secret in (*SECRETS, NAME) if secret in text]
