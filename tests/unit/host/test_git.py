"""What git says of a workspace, asked of real repositories."""

import subprocess

import pytest

from segue.host.git import commits_since, look


def git(place, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=main", *arguments],
        cwd=place,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "stock.txt").write_text("pears 7\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "stock")
    return tmp_path


def test_a_clean_work_tree(repository):
    seen = look(str(repository))
    assert seen == (str(repository), "main", git(repository, "rev-parse", "HEAD"), [])
    assert seen.to_json() == {"branch": "main", "commit": seen.commit, "dirty": False}


def test_what_is_not_committed_is_named_whatever_it_is_called(repository):
    (repository / "stock.txt").write_text("pears 6\n")
    (repository / "new file\nwith a line.txt").write_text("x")
    (repository / "a").write_text("x")
    git(repository, "add", "a")
    git(repository, "mv", "a", "b c")
    below = repository / "sub"
    below.mkdir()
    seen = look(str(below))
    assert seen.root == str(repository)
    assert seen.files == [
        {"path": "b c", "status": "A "},
        {"path": "stock.txt", "status": " M"},
        {"path": "new file\nwith a line.txt", "status": "??"},
    ]


def test_a_renamed_file_goes_by_its_new_name(repository):
    git(repository, "mv", "stock.txt", "store.txt")
    assert look(str(repository)).files == [{"path": "store.txt", "status": "R "}]


def test_a_repository_without_a_commit(tmp_path):
    git(tmp_path, "init", "-q")
    assert look(str(tmp_path)) == (str(tmp_path), "main", "", [])


def test_no_repository_and_no_directory_are_nothing(tmp_path):
    assert look(str(tmp_path)) is None
    assert look(str(tmp_path / "gone")) is None


def test_commits_since_another(repository):
    first = git(repository, "rev-parse", "HEAD")
    assert commits_since(str(repository), first) == []
    git(repository, "commit", "-q", "--allow-empty", "-m", "sell pears")
    git(repository, "commit", "-q", "--allow-empty", "-m", "never plums")
    assert [line.partition(" ")[2] for line in commits_since(str(repository), first)] == ["never plums", "sell pears"]


def test_a_commit_that_is_no_longer_in_the_history_is_none(repository):
    git(repository, "commit", "-q", "--allow-empty", "-m", "one")
    lost = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--amend", "--allow-empty", "-m", "another")
    assert commits_since(str(repository), lost) is None
    assert commits_since(str(repository), "") is None
    assert commits_since(str(repository), "--output=/tmp/x") is None


def test_nothing_of_the_repository_s_configuration_is_run(repository):
    ran = repository / "ran"
    git(repository, "config", "core.fsmonitor", f"touch {ran}; false")
    hook = repository / ".git" / "hooks" / "post-index-change"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    (repository / "stock.txt").write_text("pears 6\n")
    assert look(str(repository)).files == [{"path": "stock.txt", "status": " M"}]
    assert not ran.exists()
