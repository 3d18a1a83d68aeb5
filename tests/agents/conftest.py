"""The real coding agents: where they are installed, and a place for each test."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.agents.model_server import ModelServer
from tests.agents.model_server.scenario import FACT
from tests.agents.programs import Place, Program
from tests.agents.story import Story

PREFIX = Path(__file__).parents[2] / ".cache" / "agents"


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "project"
    path.mkdir()
    subprocess.run(["git", "init", "--quiet", str(path)], check=True)
    return path


@pytest.fixture
def server(project):
    with ModelServer(str(project)) as server:
        yield server


@pytest.fixture
def place(tmp_path, project, server):
    return _place(tmp_path / "home", project, server)


def _place(home: Path, project: Path, server: ModelServer) -> Place:
    assert (PREFIX / ".installed").exists(), "the agents are installed by: make test-agents"
    home.mkdir()
    return Place(home, project, PREFIX, server.url)


class Begun(NamedTuple):
    """A session that an agent began, to go on elsewhere: nothing may be written into its home."""

    program: Program
    project: Path
    story: Story


@pytest.fixture(scope="session")
def begun(tmp_path_factory) -> Callable[[type[Program]], Begun]:
    """Returns each agent's own session of `[[plan]]`, run once."""
    known: dict[type[Program], Begun] = {}

    def one(kind: type[Program]) -> Begun:
        if kind not in known:
            known[kind] = _begin(kind, tmp_path_factory.mktemp(kind.__name__))
        return known[kind]

    return one


PLAN = "Please build notes [[plan]]"


def _begin(kind: type[Program], path: Path) -> Begun:
    project = path / "project"
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    with ModelServer(str(project)) as server:
        program = kind(_place(path / "home", project, server))
        program.run(PLAN)
        return Begun(program, project, Story.of(server.requests[-1], [PLAN], FACT))
