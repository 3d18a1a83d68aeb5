"""Before a session goes on: what it relies on is compared with what is there, and a person is asked where that is gone."""

import json
import re
import shutil

import pytest
from inline_snapshot import snapshot

from tests.cli.test_delta import append, commit, git, write


def said(text):
    return re.sub(r"\b(?=[a-f]*[0-9])[0-9a-f]{10,12}\b", "COMMIT", text)


@pytest.fixture
def project(shop):
    """The shop with a repository, and a session that stopped with two commits, an uncommitted change, and a task in hand."""
    git(shop, "init", "-q")
    commit(shop, "stock", stock_txt="pears 7\n")
    commit(shop, "prices", prices_txt="pears 2.10\n")
    append(shop, ("task.set", {"id": "scale", "title": "buy a scale", "status": "done"}))
    append(shop, ("task.set", {"id": "list", "title": "print a list", "status": "active", "depends_on": ["scale"]}))
    write(shop, stock_txt="pears 6\n", draft_md="a draft\n")
    shop("pause", "current")
    return shop


def statuses(shop):
    document = shop("resume", "--check", "--json")
    return document.code, {check["name"]: check["verdict"] for check in json.loads(document.out)["checks"]}


def test_where_nothing_changed_it_goes_on(project):
    assert statuses(project) == (0, {"project": "same", "files": "same", "tasks": "same", "dependencies": "same"})
    assert project("resume").code == 0


def test_that_others_went_on_stops_nobody(project):
    project("start", "--task", "another")
    append(project, ("task.set", {"id": "list", "title": "print a list", "status": "done"}))
    git(project, "add", "draft.md")
    git(project, "commit", "-qm", "a draft", "draft.md")
    write(project, stock_txt="pears 5\n", pyproject_toml='[project]\ndependencies = ["click>=8"]\n')
    git(project, "switch", "-qc", "summer")
    git(project, "commit", "-qam", "all")
    write(project, stock_txt="pears 4\n")
    name = "SESSION-260115-001"
    code, found = project("resume", "--check", "--json", name).code, project("resume", "--check", "--json", name).json
    assert (code, {check["name"]: check["verdict"] for check in found["checks"]}) == (
        0,
        {"project": "changed", "files": "changed", "tasks": "changed", "dependencies": "changed"},
    )
    assert project("resume", name).code == 0


@pytest.mark.parametrize(
    "rewriting",
    [
        [("commit", "-q", "--amend", "-m", "better prices", "prices.txt")],
        [("commit", "-q", "--amend", "-m", "prices", "prices.txt"), ("reflog", "expire", "--expire=now", "--all"), ("gc", "-q", "--prune=now")],
        [("branch", "kept"), ("reset", "-q", "HEAD~1"), ("checkout", "-q", "kept", "--", "prices.txt")],
    ],
    ids=["amended", "amended and pruned", "on another branch"],
)  # fmt: skip
def test_a_commit_that_is_there_in_another_form_stops_nobody(project, rewriting):
    for words in rewriting:
        git(project, *words)
    assert statuses(project)[0] == 0


def test_lost_work_stops_it_and_what_was_compared_is_said(project):
    git(project, "reset", "-q", "--hard", "HEAD~1")
    (project.workspace / "draft.md").unlink()
    project("start", "--task", "another")
    append(project, ("task.set", {"id": "scale", "title": "buy a scale", "status": "reopened"}))
    name = "SESSION-260115-001"
    assert said(project.says("resume", "--check", name)) == snapshot("""\
$ segue resume --check SESSION-260115-001
SESSION-260115-001  before it goes on
  project       failed
      commit: COMMIT, now COMMIT
      uncommitted files: 2, now 0
    ! commit COMMIT prices is lost: its work is in the history in no form
      git branch rescued COMMIT
    ! the uncommitted change of draft.md is gone
      segue checkpoint restore RECOVERY-260115-001-093004 --code
    ! the uncommitted change of stock.txt is gone
  files         changed  (stops nobody)
      changed files: 0, now 1
    - prices.txt: deleted
  tasks         changed
    - buy a scale: done before, reopened now, in SESSION-260115-002
  dependencies  failed
      task scale: done, now reopened
    ! task scale, which the current one builds on, is reopened: it was done
[exit code 3]
""")
    before = project("log", name, "--json").out
    assert said(project.says("resume", name)) == snapshot("""\
$ segue resume SESSION-260115-001
! error: session 'SESSION-260115-001' does not go on until a person has verified: commit COMMIT prices is lost: its work is in the history in no form; the uncommitted change of draft.md is gone; the uncommitted change of stock.txt is gone; and 1 more
! hint: look at it: segue resume SESSION-260115-001 --check; then go on with --verified, or with the minimum: --emergency
[exit code 3]
""")
    error = project("resume", name, "--in", "codex", "--print", "--json").error
    assert (error["code"], len(error["failures"]), [check["name"] for check in error["checks"]]) == (
        "unverified",
        4,
        ["project", "files", "tasks", "dependencies"],
    )
    assert project("log", name, "--json").out == before


@pytest.mark.parametrize(
    ("undone", "hint"),
    [
        ([("checkout", "-q", "stock.txt")], "segue checkpoint restore RECOVERY"),
        ([("stash", "-q")], "git stash pop stash@{0}"),
    ],
)
def test_uncommitted_work_that_vanished_stops_it_and_the_way_back_is_told(project, undone, hint):
    for words in undone:
        git(project, *words)
    error = project("resume", "--json").error
    assert (error["code"], [hint in failure["hint"] for failure in error["failures"]]) == ("unverified", [True])


def test_what_the_session_may_have_undone_itself_stops_nobody(project):
    bash = {"type": "tool_call", "id": "c2", "name": "Bash", "arguments": {"command": "git checkout stock.txt"}}
    append(
        project,
        ("message", {"role": "assistant", "parts": [bash]}),
        ("message", {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c2", "response": ""}]}),
    )
    git(project, "checkout", "-q", "stock.txt")
    assert statuses(project)[0] == 0


def test_a_person_is_asked_and_asked_once(project):
    git(project, "checkout", "-q", "stock.txt")
    refused = project("resume", "current", typed="n\n")
    assert (refused.code, "go on all the same? [y/N]" in refused.out) == (3, True)
    assert project("status", "--json").json["status"] == "paused"
    assert project("resume", "current", typed="y\n").code == 0
    project("pause", "--no-checkpoint", "current")
    assert project("resume").code == 0
    git(project, "reset", "-q", "--hard", "HEAD~1")
    project("pause", "--no-checkpoint", "current")
    assert len(project("resume", "--json").error["failures"]) == 1


def test_one_who_has_looked_says_so(project):
    git(project, "checkout", "-q", "stock.txt")
    assert project("resume", "--verified").code == 0
    event = [json.loads(line) for line in project("log", "current", "--json").out.splitlines()][-2]
    assert (event["kind"], event["body"]["how"], event["body"]["failures"]) == (
        "session.validated",
        "verified",
        ["the uncommitted change of stock.txt is gone"],
    )


def test_in_an_emergency_it_goes_on_with_the_minimum_to_read(project):
    git(project, "checkout", "-q", "stock.txt")
    document = project("resume", "current", "--in", "codex", "--print", "--emergency", "--json").json
    assert (document["way"], document["window"]) == ("prompt", 5_000)
    text = (project.home / document["files"][0].removeprefix("/home/dev/")).read_text()
    assert "- verify before you rely on it: the uncommitted change of stock.txt is gone" in text
    kinds = [json.loads(line)["kind"] for line in project("log", "current", "--json").out.splitlines()]
    assert kinds[-3:] == ["session.validated", "session.emergency", "session.resumed"]
    assert project("status", "--json").json["status"] == "active"


def test_the_context_that_is_restored_says_what_changed(project):
    git(project, "commit", "-qm", "a pear sold", "stock.txt")
    text = project("restore").out
    block = text[text.index("## What changed since") :]
    assert said(block[: block.index("\n\n")]) == snapshot("""\
## What changed since
- commits: 1 commit since
- commits: COMMIT ann: a pear sold (1 file)
- uncommitted: committed meanwhile (COMMIT): stock.txt
- uncommitted: uncommitted still: draft.md
- files: 1 file changed
- files: stock.txt: modified, ann in COMMIT\
""")
    assert "## What changed since" not in project("restore", "--at", "8").out


def test_a_workspace_that_is_gone_with_uncommitted_work_stops_it(project):
    project.workspace.rename(project.workspace.with_name("gone"))
    project.workspace = project.home
    error = project("resume", "last", "--json").error
    assert [re.sub(r"/\S+", "PATH", failure["text"]) for failure in error["failures"]] == snapshot(
        ["the workspace PATH is not there", "2 files with uncommitted changes went with it"]
    )


def test_a_session_that_was_never_looked_at_goes_on_anywhere(shop):
    shop("pause", "--no-checkpoint", "current")
    shop.workspace.rename(shop.workspace.with_name("gone"))
    shop.workspace = shop.home
    assert shop("resume", "last").code == 0


def test_a_repository_that_is_gone_is_asked_about_once(project):
    shutil.rmtree(project.workspace / ".git")
    refused = project("resume")
    assert (refused.code, "the repository of /shop is gone, and commit COMMIT with it" in said(refused.err)) == (3, True)
    assert project("resume", "--verified").code == 0
    project("pause", "current")
    assert project("resume").code == 0
