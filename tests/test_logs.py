from __future__ import annotations

import logging
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from rag.logs import log_to_file
from rag.settings import Settings


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("rag")
    handlers, level = root.handlers[:], ours.level
    for handler in handlers:
        if isinstance(handler, RotatingFileHandler):
            root.removeHandler(handler)
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    ours.setLevel(level)


def test_details_go_to_a_file_in_the_data_folder(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    log_to_file(settings)
    logging.getLogger("rag.ingestion").info("읽음 %s 🙂", "보고서.pdf")
    text = (settings.data_dir / "docent.log").read_text("utf-8")
    assert "INFO rag.ingestion 읽음 보고서.pdf 🙂" in text
    assert capfd.readouterr() == ("", "")


def test_asking_again_does_not_log_twice(settings: Settings) -> None:
    log_to_file(settings)
    log_to_file(settings)
    logging.getLogger("rag").warning("only once")
    assert (settings.data_dir / "docent.log").read_text("utf-8").count("only once") == 1


@pytest.mark.parametrize("obstacle", ["data", "data/docent.log/in the way"])
def test_folder_that_cannot_be_written_is_not_the_logs_business(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str], obstacle: str
) -> None:
    path = tmp_path / obstacle
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("not a folder")
    log_to_file(settings)
    logging.getLogger("rag").warning("lost")
    assert capfd.readouterr() == ("", "")
