"""Questions to git come to an end, and what was not answered is named."""

import pytest

from segue.host.project.asking import Git


@pytest.fixture
def program(tmp_path, monkeypatch):
    """What is called git here."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")

    def write(script):
        (place / "git").write_text(f"#!/bin/sh\n{script}\n")
        (place / "git").chmod(0o755)

    return write


def test_a_git_that_never_answers_is_ended_and_named(program, tmp_path):
    program("exec sleep 600")
    git = Git(str(tmp_path), seconds=1.5)
    assert (git.ask("log", of="commits"), git.limits) == (None, ["commits: it takes git too long"])
    assert (git.ask("status", of="files"), git.limits[1:]) == (None, ["files: git had no time left"])


def test_an_answer_without_end_is_cut_off_and_named(program, tmp_path):
    program("exec yes")
    git = Git(str(tmp_path))
    assert (git.ask("log", of="commits"), git.limits) == (None, ["commits: it is too much"])


def test_where_there_is_no_git_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    git = Git(str(tmp_path))
    assert (git.ask("log", of="commits"), git.limits) == (None, ["commits: there is no git"])


def test_a_git_that_the_workspace_brings_along_is_none(tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\ntouch ran\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", ".:")
    monkeypatch.chdir(tmp_path)
    assert (Git(str(tmp_path)).ask("log"), (tmp_path / "ran").exists()) == (None, False)


def test_an_answer_that_fails_is_none_and_no_loss(tmp_path):
    git = Git(str(tmp_path))
    assert (git.ask("rev-parse", "HEAD", of="commit"), git.limits) == (None, [])
