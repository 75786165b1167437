"""The Makefile's preparation of the virtual environment, with next to nothing to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


def new_project(folder: Path) -> Path:
    """A copy of the Makefile with empty requirements, in a folder whose name has a space."""
    project = folder / "my project"
    project.mkdir()
    shutil.copy(REPOSITORY / "Makefile", project)
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        (project / name).write_text("# nothing\n")
    return project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return new_project(tmp_path)


@pytest.fixture(scope="module")
def first_install(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A project in which `make install` was run once, and the result. Making an environment takes seconds."""
    project = new_project(tmp_path_factory.mktemp("installed"))
    return project, make(project, "install")


@pytest.fixture
def installed_project(first_install: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> Path:
    """A copy of that project with its environment."""
    return Path(shutil.copytree(first_install[0], tmp_path / "my project", symlinks=True))


def make(project: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    # The variables of the make that runs these tests would be handed down.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment.pop("PYTHON", None)
    if path is not None:
        environment["PATH"] = path
    program = shutil.which("make")
    assert program
    return subprocess.run(
        [program, *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def installed(project: Path) -> bool:
    return (project / ".venv" / ".installed-requirements-dev.txt").exists()


def test_install_makes_the_environment_once_and_again_only_for_new_requirements(
    first_install: tuple[Path, subprocess.CompletedProcess[str]], installed_project: Path
) -> None:
    project, first = installed_project, first_install[1]
    assert first.returncode == 0, first.stderr
    assert "Making the virtual environment" in first.stdout and installed(project)

    second = make(project, "install")
    assert second.returncode == 0
    assert second.stdout == "", "with everything in place nothing may be asked of pip or the network"

    for name in ("requirements.txt", "constraints.txt"):
        (project / name).write_text("# changed\n")
        third = make(project, "install")
        assert third.returncode == 0
        assert "Installing" in third.stdout and "Making the virtual environment" not in third.stdout

    # pip is what every environment has, also without a network: a constraint that it doesn't meet must be noticed.
    (project / "requirements-dev.txt").write_text("pip\n")
    (project / "constraints.txt").write_text("pip==0.0.1\n")
    refused = make(project, "install")
    assert refused.returncode != 0 and "pip==0.0.1" in refused.stdout + refused.stderr


def test_failed_installation_is_not_taken_for_done_and_heals(installed_project: Path) -> None:
    project = installed_project
    (project / ".venv" / ".installed-requirements-dev.txt").unlink()  # the environment is made, and nothing is in it
    (project / "requirements-dev.txt").write_text("./nowhere\n")
    assert make(project, "install").returncode != 0
    assert not installed(project)
    (project / "requirements-dev.txt").write_text("# nothing\n")
    healed = make(project, "install")
    assert healed.returncode == 0 and installed(project)
    assert "Making the virtual environment" not in healed.stdout


def test_environment_that_was_interrupted_is_made_anew(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    healed = make(project, "install")
    assert healed.returncode == 0, healed.stderr
    assert "Making the virtual environment" in healed.stdout and installed(project)

    # As left behind by a kill in the middle of pip.
    (project / ".venv" / ".installing").touch()
    (project / ".venv" / ".installed-requirements-dev.txt").unlink()
    healed = make(project, "install")
    assert healed.returncode == 0, healed.stderr
    assert "Making the virtual environment" in healed.stdout and installed(project)
    assert not (project / ".venv" / ".installing").exists()


def test_folder_that_is_no_environment_is_never_emptied(project: Path) -> None:
    (project / "precious").mkdir()
    (project / "precious" / "thesis.txt").write_text("years of work")
    make(project, "install", "VENV=precious")
    assert (project / "precious" / "thesis.txt").read_text() == "years of work"


def test_old_python_is_refused_with_what_to_do(project: Path) -> None:
    old = project / "python3.6"
    old.write_text("#!/bin/sh\nexit 1\n")  # what the version check exits with under an old Python
    old.chmod(0o755)
    refused = make(project, "install", "PYTHON=./python3.6")
    assert refused.returncode != 0
    assert "not a Python 3.11 or newer" in refused.stderr
    assert not (project / ".venv").exists()


def test_missing_python_is_said(project: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "cmp", "rm", "mv"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    missing = make(project, "install", path=str(tools))
    assert missing.returncode != 0
    assert "Python 3.11 or newer is needed" in missing.stderr


def test_run_starts_the_app(installed_project: Path) -> None:
    project = installed_project
    streamlit = project / ".venv" / "bin" / "streamlit"
    streamlit.write_text('#!/bin/sh\necho started "$@"\n')
    streamlit.chmod(0o755)
    started = make(project, "run")
    assert started.stdout == "started run app.py\n", "install prepares what run needs, too"
    assert "started run app.py --server.port 9000" in make(project, "run", "PORT=9000").stdout
