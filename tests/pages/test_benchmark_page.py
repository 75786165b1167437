"""The speed page: it measures in the background, shows what came out, and says what went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from rag.benchmarks import WAYS, Progress, Tables, Timing, background
from rag.benchmarks.results import make_row
from rag.errors import StoreUnavailable
from tests.pages.conftest import OpenPage, all_text, button
from tests.pages.index_double import IndexDouble

pytestmark = pytest.mark.slow

SECONDS = {"synchronous": 2.0, "asynchronous": 1.0, "docent": 0.1, "one_request": 0.05}


def measured(sizes: Any, rounds: int) -> Tables:
    timings = {way: Timing(SECONDS[way], SECONDS[way], SECONDS[way]) for way in WAYS}
    rows = tuple(make_row(operation, size, timings) for operation in ("add", "search") for size in sizes)
    return Tables("Milvus Lite", "milvus_lite-3.2.2", 768, 3, 1000, rounds, rows, {"docent": 0, "asynchronous": 7})


def wait_for(run: background.BackgroundRun) -> None:
    assert run._thread is not None
    run._thread.join(10)


def test_a_measurement_is_started_shown_and_its_failure_said(
    open_double: OpenPage, double: IndexDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[background.BackgroundRun] = []
    begin = background.BackgroundRun.start

    def start(run: background.BackgroundRun, *values: Any) -> None:
        runs.append(run)
        begin(run, *values)

    def measure(settings: Any, sizes: Any, rounds: int, on_progress: Any, on_wait: Any) -> Tables:
        on_progress(Progress(1, 8, "Searching"))
        if len(runs) > 2:
            raise StoreUnavailable("Milvus doesn't answer at nowhere.")
        while len(runs) == 1:
            on_wait()
        return measured(sizes, rounds)

    monkeypatch.setattr(background.BackgroundRun, "start", start)
    monkeypatch.setattr(background, "measure_tables", measure)
    app = open_double("benchmark")
    assert "Milvus and this machine are busy" in all_text(app)

    button(app, "Measure").click().run()
    assert "It goes on when you leave this page." in all_text(app)
    button(app, "Stop").click().run()
    wait_for(runs[0])
    app.run()
    assert "Stopped before the end" in app.error[0].value

    button(app, "Measure").click().run()
    wait_for(runs[1])
    app.run()
    assert not app.exception and not app.error
    text = all_text(app)
    assert "100 searches took Docent 100 ms: 10.0 times as fast as" in text
    assert "2.0 times as long as one request with all vectors" in text
    assert "Tutorial, asynchronous: 7 of the rows" in text
    assert app.dataframe[0].value["Adds"].tolist() == [10, 100]
    assert len(app.get("vega_lite_chart")) == 2

    button(app, "Measure").click().run()
    wait_for(runs[2])
    app.run()
    assert "Milvus doesn't answer at nowhere." in app.error[0].value
    assert not app.exception
