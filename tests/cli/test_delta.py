"""`segue delta`: what changed while a session was away, as people and programs are told."""

import json
import os
import re
import shutil
import subprocess

import pytest
from inline_snapshot import snapshot

LATER = 1_770_000_000
"""A time after all that these tests do, in February of 2026."""


def git(cli, *arguments, at=None):
    subprocess.run(
        ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=main", *arguments],
        cwd=at or cli.workspace,
        check=True,
        capture_output=True,
    )


def commit(cli, message, author="ann", **files):
    write(cli, **files)
    git(cli, "add", ".")
    git(cli, "commit", "-qm", message, "--allow-empty", f"--author={author} <{author}@example.org>")


def write(cli, **files):
    for name, text in files.items():
        (cli.workspace / name.replace("_", ".")).write_text(text)


def append(cli, *events, to="current"):
    assert cli("append", to, "--stdin", stdin="\n".join(json.dumps({"kind": k, "body": b}) for k, b in events)).code == 0


def says(cli, *arguments):
    return re.sub(r"\b[0-9a-f]{10,12}\b", "COMMIT", cli.says("delta", *arguments))


@pytest.fixture
def project(shop):
    """The shop with a repository, its session stopped for now."""
    git(shop, "init", "-q")
    commit(shop, "stock", stock_txt="pears 7\n", requirements_txt="click==8.1\nrich==13\n")
    append(shop, ("task.set", {"id": "scale", "title": "buy a scale", "status": "done"}))
    append(shop, ("task.set", {"id": "list", "title": "print a list", "status": "active", "depends_on": ["scale"]}))
    write(shop, stock_txt="pears 6\n", draft_md="a draft\n")
    shop("pause", "current")
    return shop


def test_nothing_changed(project):
    assert says(project) == snapshot("""\
$ segue delta
SESSION-260115-001  since 2026-01-15 09:30 UTC, away for less than a minute

  nothing      changed
  uncommitted  uncommitted still: draft.md, stock.txt
""")


def test_all_that_changed_is_told_and_what_to_do_about_it(project):
    name = project("status", "--json").json["name"]
    project("start", "--task", "tend the scale")
    append(
        project,
        ("decision.made", {"title": "weigh twice"}),
        ("task.set", {"id": "scale", "title": "buy a scale", "status": "reopened"}),
        ("note.used", {"id": "PLAY-007", "action": "created"}),
        ("step.completed", {"text": "look at the scale"}),
    )
    commit(project, "one pear sold", "bob", stock_txt="pears 6\n", requirements_txt="click==8.2\nhttpx==1.0\n")
    git(project, "rm", "-q", "--cached", "draft.md")
    git(project, "commit", "-qm", "no draft")
    (project.workspace / "draft.md").unlink()
    git(project, "switch", "-qc", "summer")
    project.clock.advance(90_000)
    assert says(project, name) == snapshot("""\
$ segue delta SESSION-260115-001
SESSION-260115-001  since 2026-01-15 09:30 UTC, away for 1 day 1 hour

  branch       branch is summer, it was main
  commits      2 commits since
               COMMIT ann: no draft (1 file)
               COMMIT bob: one pear sold (3 files)
  uncommitted  committed meanwhile (COMMIT): draft.md, stock.txt
  files        2 files changed
               requirements.txt: modified, bob in COMMIT
               stock.txt: modified, bob in COMMIT
  depends on   requirements.txt: click 8.1 to 8.2; httpx 1.0 is new; rich 13 is gone
  notes        created: PLAY-007
  tasks        buy a scale: is reopened, was done, in SESSION-260115-002
  sessions     SESSION-260115-002 (active), last 2026-01-15T09:30Z: buy a scale
               SESSION-260115-002 completed: look at the scale
               SESSION-260115-002 decided: weigh twice

  do           load the new notes: PLAY-007
               install the dependencies again: requirements.txt changed
               see what SESSION-260115-002 did here: segue status SESSION-260115-002
""")
    document = project("delta", name, "--json").json
    known = ("tasks", "notes", "uncommitted", "dependencies", "stale")
    assert json.loads(re.sub(r"\b[0-9a-f]{40}\b", "COMMIT", json.dumps({key: document[key] for key in known}))) == snapshot(
        {
            "tasks": [{"id": "scale", "title": "buy a scale", "before": "done", "now": "reopened", "by": "SESSION-260115-002"}],
            "notes": [{"id": "PLAY-007", "what": "created", "path": "", "by": "SESSION-260115-002", "loaded": False}],
            "uncommitted": {
                "before": 2,
                "now": 0,
                "files": [
                    {"path": "draft.md", "what": "committed", "where": "COMMIT"},
                    {"path": "stock.txt", "what": "committed", "where": "COMMIT"},
                ],
            },
            "dependencies": [
                {
                    "path": "requirements.txt",
                    "status": "modified",
                    "moved": [
                        {"package": "click", "before": "8.1", "now": "8.2"},
                        {"package": "httpx", "before": "", "now": "1.0"},
                        {"package": "rich", "before": "13", "now": ""},
                    ],
                    "total": 3,
                }
            ],
            "stale": [],
        }
    )


def test_since_a_checkpoint_or_a_position(project):
    project("resume", "current")
    project("checkpoint", "create", "-m", "one")
    commit(project, "one pear sold")
    project("checkpoint", "create", "-m", "two")
    commit(project, "another", stock_txt="pears 5\n")
    places = [place["name"] for place in project("checkpoint", "list", "--json").json["checkpoints"]]
    assert [c["subject"] for c in project("delta", "--json").json["history"]["commits"]] == ["another"]
    told = project("delta", "--since", places[1], "--json").json
    assert [c["subject"] for c in told["history"]["commits"]] == ["another", "one pear sold"]
    assert project("delta", places[1], "--json").json["history"] == told["history"]
    assert project("delta", "--since", str(told["position"]), "--json").json["history"] == told["history"]
    assert project("delta", "--since", "RECOVERY-1", "--json").error["code"] == "not-found"
    assert project("delta", "--since", "999", "--json").error["code"] == "not-found"


def test_without_git_the_files_are_compared_with_the_checkpoint(shop):
    write(shop, stock_txt="pears 7\n", plums_txt="3\n")
    shop("pause", "current")
    write(shop, stock_txt="pears 6\n", prices_txt="2.10\n")
    (shop.workspace / "plums.txt").unlink()
    assert says(shop) == snapshot("""\
$ segue delta
SESSION-260115-001  since 2026-01-15 09:30 UTC, away for less than a minute

  files        3 files changed since the checkpoint
               plums.txt: deleted
               prices.txt: added
               stock.txt: modified
""")


def test_without_git_and_without_a_checkpoint_the_times_of_files_tell(shop):
    write(shop, stock_txt="pears 7\n", old_txt="1\n")
    os.utime(shop.workspace / "old.txt", (1_000, 1_000))
    os.utime(shop.workspace / "stock.txt", (LATER, LATER))
    found = shop("delta", "--json").json["files"]
    assert (found["by"], [one["path"] for one in found["named"]]) == ("times", ["stock.txt"])


def test_a_project_that_was_renamed_is_found_where_it_is(project):
    write(project, stock_txt="pears 5\n")
    project.workspace = project.workspace.rename(project.workspace.with_name("store"))
    told = project("delta", "last", "--json").json
    old = str(project.workspace.with_name("shop"))
    assert told["workspace"] == {"state": "moved", "path": "/shop", "before": old}
    assert [(fate["path"], fate["what"]) for fate in told["uncommitted"]["files"]] == [
        ("draft.md", "same"),
        ("stock.txt", "edited"),
    ]
    assert told["suggestions"] == [f"say that the project has moved: segue moved {old} /shop"]
    project("moved", str(project.workspace.with_name("shop")), str(project.workspace))
    assert project("delta", "--json").json["workspace"]["state"] == "here"


def test_a_work_tree_that_was_removed_is_told_of_by_its_repository(project):
    tree = project.workspace.with_name("tree")
    git(project, "worktree", "add", "-q", "-b", "work", str(tree))
    main, project.workspace = project.workspace, tree
    project("start", "--task", "in a tree")
    commit(project, "in the tree", tree_txt="1\n")
    write(project, tree_txt="2\n")
    project("pause", "current")
    project.workspace = main
    git(project, "worktree", "remove", "--force", str(tree))
    told = project("delta", "last", "--json").json
    assert (told["workspace"]["state"], told["history"]["relation"]) == ("removed", "same")
    assert told["suggestions"][0].startswith("bring the files back as the checkpoint has them")
    assert "segue moved" not in project().err  # nobody took it elsewhere


def test_a_workspace_that_is_gone_is_no_error(shop):
    shop("pause", "current")
    shutil.rmtree(shop.workspace)
    shop.workspace = shop.home
    assert shop("delta", "last", "--json").json["workspace"]["state"] == "gone"


def test_a_session_that_never_looked_goes_by_the_time(shop):
    git(shop, "init", "-q")
    then = "2026-01-01T00:00:00Z"
    os.environ["GIT_COMMITTER_DATE"] = then
    try:
        commit(shop, "before")
        os.environ["GIT_COMMITTER_DATE"] = "2026-02-01T00:00:00Z"
        commit(shop, "after", stock_txt="1")
    finally:
        del os.environ["GIT_COMMITTER_DATE"]
    found = shop("delta", "--json").json["history"]
    assert (found["estimated"], [c["subject"] for c in found["commits"]]) == (True, ["after"])


def test_a_command_that_is_suggested_is_what_it_says_whatever_a_branch_is_called(project):
    name = "x;$(touch${IFS}y)"
    git(project, "switch", "-qc", name)
    project("resume", "current")
    project("checkpoint", "create")
    git(project, "stash", "-q")
    git(project, "switch", "-q", "--detach", "HEAD~0")
    commit(project, "elsewhere")
    git(project, "reset", "-q", "--hard", "HEAD~1")
    git(project, "commit", "-q", "--amend", "--allow-empty", "-m", "apart")
    assert f"go back to the branch: git switch '{name}'" in project("delta", "--json").json["suggestions"]


def test_notes_that_changed_are_told_and_those_it_had_loaded_are_marked(project):
    library = project.workspace / "organizations" / "shop" / "context-library"
    library.mkdir(parents=True)
    (library / "2026-01-001-pears.md").write_text("---\nid: 2026-01-001\ntitle: pears\n---\nseven\n")
    project("resume", "current")
    project("note", "show", "2026-01-001")
    project("pause", "current")
    (library / "2026-01-001-pears.md").write_text("---\nid: 2026-01-001\ntitle: pears\n---\nsix\n")
    (library / "2026-01-002-plums.md").write_text("---\nid: 2026-01-002\ntitle: plums\ncreated: 2026-02-01\n---\nthree\n")
    for path, at in (("draft.md", 1_000), ("organizations/shop/context-library/2026-01-002-plums.md", LATER)):
        os.utime(project.workspace / path, (at, at))
    found = [(note["id"], note["what"], note["loaded"]) for note in project("delta", "--json").json["notes"]]
    assert found == [("2026-01-001", "updated", True), ("2026-01-002", "created", False)]


def test_a_repository_that_is_gone_is_told_of(project):
    shutil.rmtree(project.workspace / ".git")
    assert says(project) == snapshot("""\
$ segue delta
SESSION-260115-001  since 2026-01-15 09:30 UTC, away for less than a minute

  history      there is no repository any more, it was at COMMIT
""")
    assert project("delta", "--json").json["history"]["relation"] == "gone"


def test_a_repository_that_git_does_not_read_is_no_unchanged_one(project):
    (project.workspace / ".git" / "HEAD").write_text("nothing\n")
    told = says(project).partition("\n\n")[2]
    assert told.startswith("  not seen     repository: ")
    assert project("resume", "--check").code == 0  # it may be whole: nobody can tell
