"""A project that was moved or renamed, and a worktree that was removed: their sessions are found where the project is now."""

import json
import shutil
import subprocess

import pytest

SESSION = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


def git(directory, *arguments):
    identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


class Project:
    """A repository in which Claude Code worked; its transcript is imported."""

    def __init__(self, cli):
        self.cli = cli
        self.old = cli.workspace / "pears"
        self.old.mkdir()
        git(self.old, "init")
        (self.old / "stock.txt").write_text("7\n")
        git(self.old, "add", ".")
        git(self.old, "commit", "-m", "seven pears")

    def work(self, directory):
        record = {
            "type": "user",
            "uuid": "00000000-0000-4000-8000-000000000001",
            "parentUuid": None,
            "sessionId": SESSION,
            "cwd": str(directory),
            "timestamp": "2026-01-15T09:30:00Z",
            "message": {"role": "user", "content": "sell pears"},
        }
        file = self.cli.home / ".claude" / "projects" / "-x" / f"{SESSION}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record) + "\n")
        return self.cli("import", "--all", "--json").json["sessions"][0]

    def stand_in(self, directory):
        self.cli.workspace = directory


@pytest.fixture
def project(cli):
    return Project(cli)


def current(cli):
    session = cli("--json")
    return json.loads(session.out)["session"] and json.loads(session.out)["session"]["workspace"]


def test_an_import_again_counts_the_same_events(project):
    first = project.work(project.old)
    again = project.cli("import", str(project.cli.home / ".claude"), "--json").json["sessions"][0]
    assert (again["events"], again["new_events"]) == (first["events"], 0)


def test_that_the_commit_is_noted_is_no_activity_of_the_session(project):
    project.cli.clock.advance(86_400)
    project.work(project.old)
    (row,) = project.cli("list", "--all", "--json").json["sessions"]
    assert row["last_activity"] == "2026-01-15T09:30:00Z"
    elsewhere = project.cli("show", "last", "--format", "json").json["project"]["facts"]
    assert len(elsewhere["commit"]) == 40


def test_a_renamed_project_has_its_sessions(project):
    project.work(project.old)
    new = project.old.rename(project.old.with_name("pears and more"))
    project.stand_in(new)
    assert current(project.cli) == str(project.old)
    said = project.cli().err.replace(str(project.old), "OLD")
    assert said == "warning: OLD is gone, and its commit is here: if the project has moved, say so: segue moved OLD '/shop'\n"


def test_of_a_removed_worktree_the_sessions_are_found_in_the_repository(project):
    tree = project.cli.workspace / "tree"
    git(project.old, "worktree", "add", "-b", "side", str(tree))
    (tree / "more.txt").write_text("1\n")
    git(tree, "add", ".")
    git(tree, "commit", "-m", "more")
    project.work(tree)
    git(project.old, "worktree", "remove", "--force", str(tree))
    project.stand_in(project.old)
    assert current(project.cli) == str(tree)


def test_a_project_that_is_there_has_not_moved(project):
    project.work(project.old)
    copy = project.old.with_name("copy")
    shutil.copytree(project.old, copy)
    project.stand_in(copy)
    assert current(project.cli) is None


def test_another_repository_is_not_taken_for_it(project):
    project.work(project.old)
    shutil.rmtree(project.old)
    other = project.old.with_name("other")
    other.mkdir()
    git(other, "init")
    git(other, "commit", "--allow-empty", "-m", "other")
    project.stand_in(other)
    assert current(project.cli) is None


def test_what_was_told_to_have_moved_is_there(project):
    (project.old / "src").mkdir()
    project.work(project.old / "src")
    new = project.old.rename(project.old.with_name("fruit"))
    project.stand_in(new)
    said = project.cli("moved", str(project.old), "--json").json
    assert (said["from"], said["to"], len(said["sessions"])) == (str(project.old), "/shop", 1)
    assert project.cli("status", "last", "--json").json["workspace"] == "/shop/src"
    assert project.cli("moved", str(project.old), "--json").error["code"] == "not-found"
