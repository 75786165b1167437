"""The command line: its output and its exit code, mostly within the tests' process, since a start takes seconds.

What only a process of its own shows (the exit code, nothing of a library on stderr) is tested with each command once.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import __version__
from rag.cli.main import main
from tests.fakes.llm_server import LLMServer, Reply

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
# Of the environment; the developer's settings stay out.
KEPT = {"PATH", "HOME", "LANG", "HF_HOME", "NO_PROXY", "HTTPS_PROXY"}


class Docent:
    """Runs commands with a library of its own, by `main`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"DATA_DIR": str(folder / "data"), "EMBED_MODEL": "bundled"}

    def __call__(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        output, errors = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            _log_of_its_own(),
        ):
            patch.chdir(self.folder)
            for name, value in {**self.environment, **extra}.items():
                patch.setenv(name, value)
            try:
                code = main(arguments)
            except SystemExit as leaving:  # by argparse
                code = int(leaving.code or 0)
        return subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)


class DocentProcess(Docent):
    """Runs commands as a user does, by `python -m rag`."""

    def __call__(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name in KEPT}
        return subprocess.run(
            [sys.executable, "-m", "rag", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(REPOSITORY), **self.environment, **extra},
        )


@contextlib.contextmanager
def _log_of_its_own() -> Iterator[None]:
    """A process logs to one data folder only; here each command has another."""
    root = logging.getLogger()
    before = root.handlers[:]
    yield
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before


@pytest.fixture
def docent(tmp_path: Path) -> Docent:
    return Docent(tmp_path)


@pytest.fixture
def program(tmp_path: Path) -> DocentProcess:
    return DocentProcess(tmp_path)


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    (folder / "inner").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "ferry.txt").write_text("The ferry to the island leaves at noon. A ticket costs nine euros.")
    (folder / "inner" / "tea.md").write_text("# Tea\n\nThe tea house opens at seven in the morning.")
    (folder / ".hidden" / "secret.txt").write_text("not to be read")
    (folder / "film.mp4").write_bytes(b"\x00\x00\x00 ftypisom")
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


def test_the_text_output_reads_well_and_stderr_stays_empty(program: DocentProcess, papers: Path) -> None:
    done = program("ingest", str(papers / "ferry.txt"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "ready" in done.stdout
    done = program("ask", "When does the ferry leave?")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1] ferry.txt" in done.stdout
    assert "OPENAI_API_KEY" in done.stdout  # how to have answers written by an LLM


def test_as_processes_the_other_commands_end_with_their_code_and_nothing_else_on_stderr(
    docent: Docent, program: DocentProcess, papers: Path
) -> None:
    document, _ = docent.json("ingest", str(papers))
    assert program.json("search", "When does the ferry leave?", "--top-k", "1")[0]["file_name"] == "ferry.txt"
    assert program.json("doctor")["status"]["milvus"]["state"] == "ready"
    done = program("move", "--to", "elsewhere/library.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert program.json("delete", document["doc_id"])["left"] == 0
    assert [each["file_name"] for each in program.json("list")] == ["tea.md"]
    refused = program("reset")
    assert_one_line_error(refused, "--yes")
    assert refused.returncode == 2


def test_collections_are_apart(docent: Docent, papers: Path) -> None:
    docent.json("ingest", str(papers), "--collection", "first")
    assert docent.json("list", "--collection", "second") == []


def test_a_library_is_moved_and_found_at_the_address_that_is_told(docent: Docent, papers: Path) -> None:
    documents = docent.json("ingest", str(papers))
    done = docent("move", "--to", "elsewhere/library.db")
    assert (done.returncode, done.stderr) == (0, "")
    told = f"MILVUS_URI={docent.folder / 'elsewhere' / 'library.db'}"
    assert done.stdout.splitlines()[-1] == f"Next: set {told}"
    docent.environment["MILVUS_URI"] = told.partition("=")[2]
    assert {d["doc_id"]: d["state"] for d in docent.json("list")} == {d["doc_id"]: "ready" for d in documents}
    assert docent.json("search", "When does the ferry leave?", "--top-k", "1")[0]["file_name"] == "ferry.txt"


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
        (["eval"], {}, ["file of questions", "--compare"]),
        (["eval", "absent.jsonl"], {}, ["absent.jsonl can't be read"]),
        (["eval", "--compare", "a.jsonl", "b.jsonl"], {}, ["a.jsonl isn't a file of evaluation details"]),
        (["eval", "--compare", "a.jsonl"], {}, ["--compare"]),
    ],
)
def test_errors_are_one_line_that_names_what_is_wrong(
    docent: Docent, arguments: list[str], environment: dict[str, str], words: list[str]
) -> None:
    assert_one_line_error(docent(*arguments, **environment), *words)


def test_help_names_every_command(docent: Docent) -> None:
    done = docent("--help")
    assert done.returncode == 0
    for command in ("ingest", "search", "ask", "list", "delete", "reset", "reindex", "move", "eval", "bench", "doctor"):
        assert command in done.stdout


def test_version_is_that_of_the_package(docent: Docent) -> None:
    done = docent("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Docent {__version__}\n", "")


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
    assert report["limits"]["MAX_UPLOAD_MB"] == {"most": 200, "now": None}
    assert report["limits"]["MAX_DOCUMENTS"] == {"most": 100_000, "now": 0}
    llm_server.key = "right"
    done = docent("doctor", OPENAI_BASE_URL=llm_server.url, OPENAI_API_KEY="sk-wrong-secret")
    assert_one_line_error(done, "OPENAI_API_KEY")
    assert "sk-wrong-secret" not in done.stdout + done.stderr
    assert "MAX_QUESTION_CHARACTERS 10,000" in done.stdout and "MAX_JOBS 10,000, now 0" in done.stdout


def write_lines(path: Path, *entries: object) -> Path:
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return write_lines(
        tmp_path / "mine.jsonl",
        {"id": "noon", "question": "When does the ferry leave?", "file": "ferry.txt", "quote": "leaves at noon"},
        {"id": "none", "question": "Which enzyme splits lactose?", "answerable": False},
    )


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "small set"
    (folder / "qrels").mkdir(parents=True)
    write_lines(folder / "corpus.jsonl", {"_id": "a", "text": "The lamp is green."}, {"_id": "b", "text": "Bread."})
    write_lines(folder / "queries.jsonl", {"_id": "q", "text": "Which colour has the lamp?"})
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n")
    return folder


def test_questions_are_scored_with_their_documents_and_each_outcome_is_kept(
    docent: Docent, papers: Path, questions: Path
) -> None:
    details = papers.parent / "kept"
    scores = docent.json("eval", str(questions), "--documents", str(papers), "--details", str(details))["mine"]
    assert scores["questions"] == 2
    assert (scores["hit@1"], scores["answerable refused"], scores["unanswerable refused"]) == (1, 0, 1)
    assert scores["search ms (median)"] > 0
    assert Path(scores["details"]).parent == details
    lines = [json.loads(line) for line in Path(scores["details"]).read_text().splitlines()]
    assert [line["question_id"] for line in lines] == ["noon", "none"]
    assert "leaves at noon" in lines[0]["answer"]
    assert {d["file_name"] for d in docent.json("list")} == {"ferry.txt", "tea.md"}


def test_without_answers_only_the_search_is_scored_and_shown(docent: Docent, papers: Path, questions: Path) -> None:
    done = docent("eval", str(questions), "--no-answers", "--documents", str(papers / "ferry.txt"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mine: 2 questions")
    rows = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines()[1:] if line.strip() and ":" not in line)
    assert {name.strip(): value for name, value in rows.items()}["hit@1"] == "1.000"
    assert "refused" not in done.stdout
    assert "answer ms" not in done.stdout
    kept = Path(done.stdout.strip().splitlines()[-1].removeprefix("Each question: "))
    assert (docent.folder / "data" / "eval") == kept.parent
    assert json.loads(kept.read_text().splitlines()[0])["answer"] == ""


def test_a_beir_folder_goes_into_a_collection_of_its_own(docent: Docent, papers: Path, beir: Path) -> None:
    docent.json("ingest", str(papers / "ferry.txt"))
    scores = docent.json("eval", str(beir), "--no-answers")["small set"]
    assert (scores["hit@1"], scores["nDCG@10"]) == (1, 1)
    assert [d["file_name"] for d in docent.json("list")] == ["ferry.txt"]
    corpus = docent.json("list", "--collection", "eval_small_set")
    assert {d["file_name"] for d in corpus} == {"a.txt", "b.txt"}


def test_sets_of_one_name_do_not_overwrite_each_other(docent: Docent, papers: Path, questions: Path) -> None:
    (papers.parent / "other").mkdir()
    entry = {"question": "When does the ferry leave?", "file": "ferry.txt"}
    other = write_lines(papers.parent / "other" / "mine.jsonl", entry)
    documents = ["--documents", str(papers / "ferry.txt")]
    scores = docent.json("eval", str(questions), str(other), "--no-answers", *documents)
    assert {name: each["questions"] for name, each in scores.items()} == {"mine": 2, "mine-2": 1}
    assert scores["mine"]["details"] != scores["mine-2"]["details"]


def test_a_question_about_an_absent_file_fails_the_command(docent: Docent, questions: Path) -> None:
    done = docent("eval", str(questions))
    assert_one_line_error(done, "ferry.txt", "question noon", "isn't in the library")
    assert done.returncode == 1


def test_a_document_that_cannot_be_read_fails_the_evaluation(docent: Docent, papers: Path, questions: Path) -> None:
    (papers / "empty.txt").write_bytes(b"")
    assert_one_line_error(docent("eval", str(questions), "--documents", str(papers)), "1 of 3 documents", "empty.txt")


def test_two_runs_are_compared_question_by_question(docent: Docent) -> None:
    def run(name: str, **scores: float) -> str:
        fields = {"question": "?", "answerable": None}
        return str(
            write_lines(
                docent.folder / f"{name}.jsonl",
                *({"question_id": q, **fields, "scores": {"MRR": score}} for q, score in scores.items()),
            )
        )

    before, after = run("before", one=0.5, two=1.0, three=1.0), run("after", one=1.0, two=1.0, three=0.75)
    done = docent("eval", "--compare", before, after)
    assert (done.returncode, done.stderr) == (0, "")
    head, *changed = done.stdout.splitlines()
    assert head.split() == ["MRR", "0.833", "→", "0.917", "(1", "better,", "1", "worse)"]
    assert [line.strip() for line in changed] == ["one: 0.500 → 1.000", "three: 1.000 → 0.750"]
    (difference,) = docent.json("eval", "--compare", before, after)
    assert (difference["better"], difference["worse"]) == (1, 1)
    assert difference["changed"] == [["one", 0.5, 1.0], ["three", 1.0, 0.75]]
    assert_one_line_error(docent("eval", "--compare", before, run("apart", four=1.0), "--json"), "no scored question")
