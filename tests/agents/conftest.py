"""The real coding agents: where they are installed, and a place for each test."""

import subprocess
from pathlib import Path

import pytest

from tests.agents.model_server import ModelServer
from tests.agents.programs import Place

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
    assert (PREFIX / ".installed").exists(), "the agents are installed by: make test-agents"
    home = tmp_path / "home"
    home.mkdir()
    return Place(home, project, PREFIX, server.url)
