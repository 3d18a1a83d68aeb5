"""What git tracks, and what changed together."""

import os
import subprocess

from segue.host.project.tracked import commits_of, tracked


def git(place, *arguments):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_DATE": "2026-01-15T00:00:00Z"}
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=place, check=True, capture_output=True, env=env)


def test_files_and_commits_are_those_of_the_directory_whatever_their_names(tmp_path):
    git(tmp_path, "init", "-q")
    for path in ("top.txt", "d/a b.py", "d/ü\n.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("x")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first: all\n\nbody")
    (tmp_path / "d" / "a b.py").write_text("y")
    git(tmp_path, "commit", "-qam", "x" * 100)
    (tmp_path / "untracked.txt").write_text("x")
    files, commits = tracked(str(tmp_path))
    assert sorted(files) == ["d/a b.py", "d/ü\n.py", "top.txt"]
    assert [paths for _, paths in commits] == [{"d/a b.py"}, {"d/a b.py", "d/ü\n.py", "top.txt"}]
    assert [what.partition(" ")[2][8:] for what, _ in commits] == ["x" * 51 + "…", "first: all"]
    inside = tracked(str(tmp_path / "d"))
    assert (sorted(inside[0]), [paths for _, paths in inside[1]]) == (["a b.py", "ü\n.py"], [{"a b.py"}, {"a b.py", "ü\n.py"}])


def test_without_a_repository_there_is_nothing_and_what_is_no_log_is_none(tmp_path):
    assert tracked(str(tmp_path)) == ([], [])
    assert commits_of("") == commits_of("garbage\0x") == []
