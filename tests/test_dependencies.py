"""What the product pulls in: pinned to the version, and under licences that fit."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parent.parent
GIVEN = ("requirements.txt", "requirements-dev.txt")


def _lines(name: str) -> list[Requirement]:
    lines = (REPOSITORY / name).read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith(("#", "-"))]


def _applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _pulled_in(given: list[Requirement]) -> dict[str, Version]:
    """All installed packages that these requirements need in this environment, by their names."""
    versions: dict[str, Version] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [requirement for requirement in given if _applies(requirement)]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found = distribution(name)
        versions[name] = Version(found.version)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                needed = map(Requirement, found.requires or [])
                waiting += [needs for needs in needed if _applies(needs, extra)]
    return versions


@pytest.fixture(scope="module")
def pulled_in() -> dict[str, Version]:
    return _pulled_in([requirement for name in GIVEN for requirement in _lines(name)])


def test_everything_that_is_installed_is_pinned_to_its_version(pulled_in: dict[str, Version]) -> None:
    """`make lock` brings constraints.txt up to date."""
    pins = {canonicalize_name(pin.name): pin.specifier for pin in _lines("constraints.txt") if _applies(pin)}
    none = SpecifierSet("==0")
    unpinned = {name: version for name, version in pulled_in.items() if version not in pins.get(name, none)}
    assert len(pulled_in) > 100
    assert not unpinned


@pytest.mark.parametrize("name", [*GIVEN, "constraints.txt"])
def test_pins_are_exact(name: str) -> None:
    loose = [str(line) for line in _lines(name) if not re.fullmatch(r"==[\w.!+]+", str(line.specifier))]
    assert not loose


def test_no_library_has_a_licence_that_asks_for_the_source_of_all(pulled_in: dict[str, Version]) -> None:
    """GPL and AGPL; the LGPL of psycopg and others does not."""
    strict = re.compile(r"(?<!L)(?<!Lesser )A?GPL|GNU (Affero )?General Public", re.IGNORECASE)
    refused = {}
    for name in pulled_in:
        metadata = distribution(name).metadata
        words = [metadata.get("License-Expression") or "", *(metadata.get_all("Classifier") or [])]
        words += [(metadata.get("License") or "").strip().partition("\n")[0]]
        said = [word for word in words if strict.search(word)]
        # With an alternative it is ours to choose.
        if said and not any(" OR " in word for word in said):
            refused[name] = said
    assert not refused
