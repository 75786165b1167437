"""`python -m rag bench`: what it reports, and that nothing of it stays behind. How fast anything is isn't tested."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from rag import RagError, Settings, StoreError
from rag.benchmarks import BackgroundRun, Progress, background, tables
from rag.benchmarks.tutorial_store import PlainStore
from rag.cli.bench import with_benchmark
from rag.cli.main import main

WAYS = {"synchronous", "asynchronous", "docent", "one_request"}


@pytest.fixture(autouse=True)
def _few_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tables, "SEARCHED_ROWS", 20)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in (folder / "data").iterdir() if not path.name.startswith("docent.log")]


@pytest.mark.slow
def test_the_tables_are_measured_on_lite_and_nothing_stays_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = tmp_path / "chart.png"
    assert main(["bench", "--sizes", "5,3", "--rounds", "2", "--json", "--chart", str(chart)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    report = json.loads(printed.out)
    assert [(row["operation"], row["count"]) for row in report["rows"]] == [
        ("add", 3),
        ("add", 5),
        ("search", 3),
        ("search", 5),
    ]
    for row in report["rows"]:
        for way in WAYS:
            assert 0 < row[way]["min"] <= row[way]["median"] <= row[way]["max"]
        assert row["times_asynchronous"] == row["asynchronous"]["median"] / row["docent"]["median"]
        assert row["times_one_request"] == row["docent"]["median"] / row["one_request"]["median"]
    assert report["lost"] == dict.fromkeys(WAYS, 0)
    assert (report["milvus"], report["dimension"], report["top_k"], report["rounds"]) == ("Milvus Lite", 768, 3, 2)
    assert chart.read_bytes().startswith(b"\x89PNG\r\n")
    assert left_behind(tmp_path) == []


def test_nothing_stays_behind_when_it_fails_midway(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def search_in_one_request(store: PlainStore, *_: object) -> Any:
        assert left_behind(tmp_path) != []

        async def work() -> list[Any]:
            raise StoreError("Milvus went away.")

        return work

    monkeypatch.setattr(PlainStore, "search_in_one_request", search_in_one_request)
    assert main(["bench", "tables", "--sizes", "2", "--rounds", "1"]) == 1
    assert capsys.readouterr().err == "Error: Milvus went away.\n"
    assert left_behind(tmp_path) == []


@pytest.mark.milvus
def test_nothing_stays_behind_on_a_server(
    milvus_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pymilvus import MilvusClient

    monkeypatch.setenv("MILVUS_URI", milvus_server)
    assert main(["bench", "--sizes", "3", "--rounds", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["milvus"] == milvus_server
    client = MilvusClient(milvus_server)
    assert [name for name in client.list_collections() if name.startswith("docent_bench_")] == []
    client.close()


def test_the_benchmark_that_is_run_without_a_name() -> None:
    assert with_benchmark(["bench"]) == ["bench", "tables"]
    assert with_benchmark(["bench", "--json"]) == ["bench", "tables", "--json"]
    for arguments in (["bench", "tables"], ["bench", "--help"], ["bench", "absent"], ["list", "--json"], []):
        assert with_benchmark(arguments) == arguments


@pytest.mark.parametrize("option", [["--sizes", "5,none"], ["--rounds", "0"], ["--chart", "a.jpg"], ["absent"]])
def test_wrong_options_are_said_in_one_line(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", *option])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_one_measurement_at_a_time_runs_in_the_background(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = threading.Event()

    def measure(settings: Settings, sizes: Any, rounds: int, on_progress: Any, on_wait: Any) -> Any:
        on_progress(Progress(0, 8, "Adding"))
        entered.set()
        while True:
            on_wait()

    monkeypatch.setattr(background, "measure_tables", measure)
    run = BackgroundRun()
    run.start(settings, (5,))
    assert entered.wait(10)
    assert run.running and run.progress == Progress(0, 8, "Adding")
    with pytest.raises(RagError, match="under way"):
        BackgroundRun().start(settings, (5,))
    run.stop(wait=True)
    assert not run.running
    assert run.error.startswith("Stopped")
    assert run.tables is None
