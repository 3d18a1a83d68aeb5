"""The real coding agents: where they are installed, and a place for each test."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.beginnings import Beginning, Begun
from tests.agents.model_server import ModelServer
from tests.agents.programs import Place, Program

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


@pytest.fixture(scope="session")
def begun(tmp_path_factory) -> Callable[[type[Program], Beginning], Begun]:
    """Returns each agent's session of a beginning, run once."""
    known: dict[tuple[type[Program], Beginning], Begun] = {}

    def one(kind: type[Program], how: Beginning) -> Begun:
        if (kind, how) not in known:
            path = tmp_path_factory.mktemp(f"{kind.__name__}-{how.__name__}")
            project = path / "project"
            subprocess.run(["git", "init", "--quiet", str(project)], check=True)
            with ModelServer(str(project)) as server:
                known[kind, how] = how(kind(_place(path / "home", project, server)), server)
        return known[kind, how]

    return one
