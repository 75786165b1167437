"""Documentation tells the truth: links, commands, settings, rooms and modules that it names are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rag.cli.bench import with_benchmark
from rag.cli.main import _parser
from rag.settings import Settings
from tests.performance import figures
from tests.test_architecture import NOUNS, ROOMS

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "CHANGELOG.md",
    *(REPOSITORY / "docs").rglob("*.md"),
]
README = (REPOSITORY / "README.md").read_text("utf-8")
# What stands for a value in a command of the documentation.
EXAMPLES = {"PATH…": "a.pdf", "FILE…": "a.jsonl", "QUESTION": "Why?", "DOC_ID": "0" * 64, "URI": "http://host:19530"}


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _anchor(heading: str) -> str:
    """The anchor that a heading gets, as GitHub makes it."""
    words = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower())
    return words.replace(" ", "-")


def _anchors(path: Path) -> set[str]:
    return {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", _text(path), re.MULTILINE)}


def test_links_lead_to_files_and_headings_that_exist() -> None:
    dead = []
    for path in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", _text(path)):
            if "://" in target:
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            if not file.exists() or (anchor and anchor not in _anchors(file)):
                dead.append(f"{path.name}: {target}")
    assert not dead


def test_each_page_of_the_documentation_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [REPOSITORY / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        targets = (target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", _text(path)))
        waiting += [(path.parent / name).resolve() for name in targets if name and "://" not in name]
    assert set(PAGES) <= reached


def _commands() -> set[str]:
    """`python -m rag …` as it is written anywhere, up to an ellipsis, a pipe or the end of the code."""
    found: set[str] = set()
    for path in PAGES:
        if path.name == "CHANGELOG.md":  # it tells of commands that are gone
            continue
        found |= set(re.findall(r"python -m rag ([a-z][^`\n|>…]*…?)", _text(path)))
    return found


@pytest.mark.parametrize("command", sorted(_commands()))
def test_commands_of_the_documentation_are_taken(command: str) -> None:
    words = [EXAMPLES.get(word, word) for word in shlex.split(command.strip().rstrip(".,;:"))]
    if words[-1] == "…":
        words[-1:] = []
    bare = {"ingest": ["a.pdf"], "search": ["Why?"], "ask": ["Why?"], "eval": ["a.jsonl"], "delete": ["0" * 64]}
    if len(words) == 1:
        words += bare.get(words[0], ["--to", "http://host:19530"] if words[0] == "move" else [])
    if words == ["bench", "ingest"]:
        words.append("a.pdf")
    _parser(with_benchmark(words)).parse_args(with_benchmark(words))


def test_the_readme_lists_each_command() -> None:
    table = README.partition("## Command line")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`([a-z]+)[ `]", table))
    (commands,) = (action.choices for action in _parser([])._actions if action.dest == "command")
    assert commands is not None
    assert set(commands) <= listed


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text(REPOSITORY / "Makefile"), re.MULTILINE))
    named = {name for path in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", _text(path), re.MULTILINE)}
    assert named <= targets


def test_settings_and_constants_of_the_documentation_exist() -> None:
    """A word in capitals with an underscore, in code, is a setting of ours or a constant of the code."""
    code = {word for room in ("rag", "pages") for path in (REPOSITORY / room).rglob("*.py") for word in _words(path)}
    settings = {name.upper() for name in Settings.model_fields}
    named = {
        name
        for path in PAGES
        for name in re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", _text(path))
        if not name.startswith(("STREAMLIT_", "PYTHON"))
    }
    assert named <= settings | code


def _words(path: Path) -> set[str]:
    return set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", _text(path)))


def test_rooms_of_the_documentation_are_those_of_the_house_in_their_order() -> None:
    rooms = [room for room in ROOMS if room not in {"index", "__main__"}]
    listing = README.partition("## Architecture")[2].partition("```")[2].partition("```")[0]
    assert [room for room in re.findall(r"\b([a-z_]+)/", listing) if room in rooms] == rooms
    assert re.findall(r"\w+", listing.splitlines()[2].partition("    ")[0]) == list(NOUNS)


def test_modules_of_the_documentation_exist() -> None:
    gone = {
        name
        for path in PAGES
        if path.name != "CHANGELOG.md"
        for name in re.findall(r"`((?:rag|pages|tests)/[\w./]+)`", _text(path))
        if not (REPOSITORY / name).exists()
    }
    assert not gone


def test_files_that_comments_and_docstrings_send_to_exist() -> None:
    gone = {
        f"{path.name}: {name}"
        for room in ("rag", "pages", "tests")
        for path in (REPOSITORY / room).rglob("*.py")
        for name in re.findall(r"(?<![\w/])(?:docs|rag|pages|tests)/[\w/]+\.(?:md|py|json|txt)\b", _text(path))
        if not (REPOSITORY / name).exists()
    }
    assert not gone


def test_tables_of_speed_are_those_of_the_figures() -> None:
    page = figures.PAGE.read_text("utf-8")
    assert figures.written(page) == page, "run python -m tests.performance.figures"
