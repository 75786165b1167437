"""The command line as a user runs it: a process of its own, its output and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.llm_server import LLMServer, Reply

REPOSITORY = Path(__file__).resolve().parent.parent
# Of the environment; the developer's settings stay out.
KEPT = {"PATH", "HOME", "LANG", "HF_HOME", "NO_PROXY", "HTTPS_PROXY"}


class Docent:
    """Runs `python -m rag` with a library of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{
                k: v
                for k, v in os.environ.items()
                if k in {"PATH", "HOME", "LANG", "HF_HOME", "NO_PROXY", "HTTPS_PROXY"}
            },
            "DATA_DIR": str(folder / "data"),
            "EMBED_MODEL": "bundled",
            "PYTHONPATH": str(REPOSITORY),
        }

    def __call__(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rag", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.folder,
            env={**self.environment, **extra},
        )

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def docent(tmp_path: Path) -> Docent:
    return Docent(tmp_path)


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    (folder / "inner").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "ferry.txt").write_text("The ferry to the island leaves at noon. A ticket costs nine euros.")
    (folder / "inner" / "tea.md").write_text("# Tea\n\nThe tea house opens at seven in the morning.")
    (folder / ".hidden" / "secret.txt").write_text("not to be read")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def assert_one_line_error(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode != 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def test_a_folder_is_ingested_listed_searched_asked_and_deleted(docent: Docent, papers: Path) -> None:
    results = docent.json("ingest", str(papers))
    assert [(r["file_name"], r["status"]) for r in results] == [("ferry.txt", "ready"), ("tea.md", "ready")]
    assert {d["file_name"]: d["state"] for d in docent.json("list")} == {"ferry.txt": "ready", "tea.md": "ready"}
    assert docent.json("search", "When does the ferry leave?", "--top-k", "1")[0]["file_name"] == "ferry.txt"
    answer = docent.json("ask", "When does the ferry leave?")
    assert "leaves at noon. [1]" in answer["text"]
    assert answer["citations"][0]["supported"]
    receipt = docent.json("delete", results[0]["doc_id"])
    assert (receipt["documents"], receipt["chunks"], receipt["left"]) == (1, results[0]["chunks"], 0)
    assert_one_line_error(docent("reset"), "--yes")
    assert docent.json("reset", "--yes")["left"] == 0
    assert docent.json("list") == []


def test_the_text_output_reads_well_and_stderr_stays_empty(docent: Docent, papers: Path) -> None:
    done = docent("ingest", str(papers / "ferry.txt"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "ready" in done.stdout
    done = docent("ask", "When does the ferry leave?")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1] ferry.txt" in done.stdout
    assert "OPENAI_API_KEY" in done.stdout  # how to have answers written by an LLM


def test_collections_are_apart(docent: Docent, papers: Path) -> None:
    docent.json("ingest", str(papers), "--collection", "first")
    assert docent.json("list", "--collection", "second") == []


def test_one_bad_file_fails_the_command_but_not_the_others(docent: Docent, papers: Path) -> None:
    (papers / "empty.txt").write_bytes(b"")
    done = docent("ingest", str(papers), "--json")
    assert_one_line_error(done, "empty.txt")
    assert {r["file_name"]: r["status"] for r in json.loads(done.stdout)} == {
        "empty.txt": "failed",
        "ferry.txt": "ready",
        "tea.md": "ready",
    }


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["ingest", "absent.pdf"], {}, ["absent.pdf"]),
        (["search", ""], {}, ["empty"]),
        (["delete", "nonsense"], {}, ["document"]),
        (["fly"], {}, ["fly"]),
        (["search", "x", "--top-k", "many"], {}, ["--top-k"]),
        (["list"], {"CONSISTENCY_LEVEL": "sometimes"}, ["CONSISTENCY_LEVEL", "Bounded"]),
        (["list"], {"MILVUS_URI": "ftp://x"}, ["MILVUS_URI"]),
        (["list"], {"DATABASE_URL": "nonsense"}, ["DATABASE_URL"]),
        (["list"], {"COLLECTION": "1; drop"}, ["COLLECTION"]),
        (["search", "x"], {"MILVUS_URI": "http://127.0.0.1:9"}, ["127.0.0.1:9", "MILVUS_URI"]),
    ],
)
def test_errors_are_one_line_that_names_what_is_wrong(
    docent: Docent, arguments: list[str], environment: dict[str, str], words: list[str]
) -> None:
    assert_one_line_error(docent(*arguments, **environment), *words)


def test_help_names_every_command(docent: Docent) -> None:
    done = docent("--help")
    assert done.returncode == 0
    for command in ("ingest", "search", "ask", "list", "delete", "reset", "doctor"):
        assert command in done.stdout


def test_an_llm_that_breaks_off_is_said_after_what_arrived(docent: Docent, papers: Path, llm_server: LLMServer) -> None:
    docent.json("ingest", str(papers))
    llm_server.script(Reply("The ferry leaves", then="reset"))
    done = docent("ask", "When does the ferry leave?", OPENAI_BASE_URL=llm_server.url)
    assert "The ferry leaves" in done.stdout
    assert_one_line_error(done, "broke off")


def test_the_doctor_says_what_is_reachable(docent: Docent, llm_server: LLMServer) -> None:
    report = docent.json("doctor")
    assert {name: part["state"] for name, part in report["status"].items() if isinstance(part, dict)} == {
        "embedding": "ready",
        "milvus": "ready",
        "llm": "off",
    }
    assert report["milliseconds"]["embed a question"] > 0
    llm_server.key = "right"
    done = docent("doctor", OPENAI_BASE_URL=llm_server.url, OPENAI_API_KEY="sk-wrong-secret")
    assert_one_line_error(done, "OPENAI_API_KEY")
    assert "sk-wrong-secret" not in done.stdout + done.stderr
