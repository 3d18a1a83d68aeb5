"""What happened in a repository meanwhile, asked of real ones: amended, rebased, pruned, forced, cloned elsewhere, moved."""

import shutil

import pytest

from segue.core.delta.uncommitted import Fate, fates
from segue.core.delta.values import FileChange
from segue.host.project.projects import GitProjects
from tests.unit.host.workspace.workspaces import Project, untouched

PROJECTS = GitProjects()


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path / "shop")
    found.git("init", "-q")
    save(found, "stock", **{"stock.txt": "pears 7\n"})
    save(found, "prices", **{"prices.txt": "pears 2.10\n"})
    return found


def save(project, message, author="ann", **files):
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-qm", message, "--allow-empty", f"--author={author} <{author}@example.org>")


def look(project):
    return PROJECTS.look(str(project.root))


def since(saved, project):
    with untouched(project.root):
        return PROJECTS.since(saved, look(project))


def became(saved, project):
    return fates(saved, look(project), since(saved, project))


def test_nothing_happened(project):
    found = since(look(project), project)
    assert (found.relation, found.commits, found.files, found.lost, found.limits) == ("same", (), (), (), ())


def test_commits_came_each_with_its_author_and_what_it_changed(project):
    saved = look(project)
    save(project, "one pear sold", "bob", **{"stock.txt": "pears 6\n"})
    project.git("mv", "prices.txt", "list.txt")
    save(project, "a list")
    found = since(saved, project)
    assert (found.relation, found.commit_count) == ("ahead", 2)
    assert [(c.author, c.subject, [(s, p) for s, p, _ in c.files]) for c in found.commits] == [
        ("ann", "a list", [("added", "list.txt"), ("deleted", "prices.txt")]),
        ("bob", "one pear sold", [("modified", "stock.txt")]),
    ]
    assert found.files == (FileChange("list.txt", "renamed", "prices.txt"), FileChange("stock.txt", "modified"))


def test_of_many_commits_the_last_are_read_and_all_are_counted(project):
    saved = look(project)
    said = "".join(
        f"commit refs/heads/main\nmark :{n + 1}\ncommitter bob <b@x> {1_700_000_000 + n} +0000\ndata 1\nx\n"
        + (f"from {saved.commit}\n" if n == 0 else "")
        for n in range(250)
    )
    import subprocess

    subprocess.run(["git", "fast-import", "--quiet"], cwd=project.root, input=said.encode(), check=True)
    found = since(saved, project)
    assert (len(found.commits), found.commit_count) == (200, 250)
    assert found.limits == ("commits: the last 200 of 250 were read",)


def test_an_amended_commit_is_known_again(project):
    saved = look(project)
    project.write({"prices.txt": "pears 2.20\n"})
    project.git("commit", "-qa", "--amend", "-m", "better prices")
    found = since(saved, project)
    assert found.relation == "diverged"
    assert [(one.subject, one.became, one.gone) for one in found.lost] == [("prices", project.git("rev-parse", "HEAD"), False)]
    assert found.operations == ("commit (amend): better prices",)


def test_rebased_commits_are_known_again(project):
    project.git("switch", "-qc", "work")
    save(project, "mine", **{"mine.txt": "1"})
    save(project, "mine too", **{"mine.txt": "2"})
    saved = look(project)
    project.git("switch", "-q", "main")
    save(project, "theirs", **{"theirs.txt": "1"})
    project.git("rebase", "-q", "main", "work")
    found = since(saved, project)
    assert found.relation == "diverged"
    assert [(one.subject, bool(one.became), one.gone) for one in found.lost] == [("mine too", True, False), ("mine", True, False)]
    assert [one.subject for one in found.commits] == ["mine too", "mine", "theirs"]


def test_commits_that_were_made_one_are_there(project):
    first = project.git("rev-parse", "HEAD~1")
    save(project, "more", **{"more.txt": "1"})
    saved = look(project)
    project.git("reset", "-q", "--soft", first)
    project.git("commit", "-qm", "all in one", "--date=2020-01-01T00:00:00Z")
    found = since(saved, project)
    assert [(one.subject, one.became, one.kept) for one in found.lost] == [("more", "", True), ("prices", "", True)]


def test_a_dropped_commit_is_lost_and_one_that_another_branch_has_is_not(project):
    saved = look(project)
    project.git("reset", "-q", "--hard", "HEAD~1")
    found = since(saved, project)
    assert (found.relation, found.refs, [one.gone for one in found.lost]) == ("behind", (), [True])
    project.git("branch", "kept", saved.commit)
    assert since(saved, project).refs == ("kept",)


def test_what_was_pruned_is_known_again_by_what_was_kept_of_it(project):
    saved = look(project)
    project.git("commit", "-q", "--amend", "-m", "said better")
    prune(project)
    found = since(saved, project)
    assert found.relation == "gone"
    assert [(one.id, one.subject, one.became) for one in found.lost] == [
        (saved.commit, "prices", project.git("rev-parse", "HEAD"))
    ]


def test_what_was_dropped_and_pruned_is_lost(project):
    saved = look(project)
    project.git("reset", "-q", "--hard", "HEAD~1")
    prune(project)
    found = since(saved, project)
    assert (found.relation, [one.gone for one in found.lost]) == ("gone", [True])


def prune(project):
    project.git("reflog", "expire", "--expire=now", "--all")
    project.git("gc", "-q", "--prune=now")


def test_a_forced_push_of_others_is_seen(project, tmp_path):
    project.git("init", "-q", "--bare", str(tmp_path / "hub"))
    project.git("remote", "add", "origin", str(tmp_path / "hub"))
    project.git("push", "-qu", "origin", "main")
    saved = look(project)
    other = Project(tmp_path / "other")
    project.git("clone", "-q", str(tmp_path / "hub"), str(other.root))
    other.git("reset", "-q", "--hard", "HEAD~1")
    save(other, "mine instead", **{"other.txt": "1"})
    other.git("push", "-qf")
    project.git("fetch", "-q")
    found = since(saved, project)
    assert (found.relation, found.upstream_rewritten) == ("same", True)
    project.git("reset", "-q", "--hard", "origin/main")
    found = since(saved, project)
    assert (found.relation, found.refs, [one.gone for one in found.lost]) == ("diverged", (), [True])


def test_another_branch_is_checked_out_and_the_old_one_goes_on(project):
    saved = look(project)
    save(project, "more", **{"more.txt": "1"})
    tip = project.git("rev-parse", "HEAD")
    project.git("switch", "-q", "--detach", "HEAD~2")
    found = since(saved, project)
    assert (look(project).branch, found.relation, found.tip, found.refs) == ("(detached)", "behind", tip, ("main",))
    project.git("branch", "-qD", "main")
    assert since(saved, project).tip == ""


def test_in_a_clone_elsewhere_the_history_is_the_same(project, tmp_path):
    saved = look(project)
    clone = Project(tmp_path / "clone")
    project.git("clone", "-q", str(project.root), str(clone.root))
    save(clone, "later", **{"a.txt": "1"})
    found = since(saved, clone)
    assert (found.relation, [one.subject for one in found.commits]) == ("ahead", ["later"])


def test_a_shallow_clone_cannot_tell(project, tmp_path):
    saved = look(project)
    save(project, "later", **{"a.txt": "1"})
    shallow = Project(tmp_path / "shallow")
    project.git("clone", "-q", "--depth=1", f"file://{project.root}", str(shallow.root))
    found = since(saved, shallow)
    assert (look(shallow).shallow, found.relation, found.lost) == (True, "unknown", ())


def test_a_submodule_that_moved_is_one_changed_file(project, tmp_path):
    inner = Project(tmp_path / "inner")
    inner.git("init", "-q")
    save(inner, "first", **{"a.txt": "1"})
    project.git("submodule", "-q", "add", str(inner.root), "inner")
    save(project, "with a part")
    saved = look(project)
    save(Project(project.root / "inner"), "second", **{"a.txt": "2"})
    assert [f.path for f in look(project).files] == ["inner"]
    save(project, "the part moved")
    assert since(saved, project).files == (FileChange("inner", "submodule"),)


def test_a_directory_that_was_renamed_is_the_same_repository(project):
    project.write({"stock.txt": "pears 6\n"})
    saved = look(project)
    moved = Project(project.root.rename(project.root.with_name("store")))
    assert since(saved, moved).relation == "same"
    assert became(saved, moved) == [Fate("stock.txt", "same")]


def test_a_work_tree_that_was_removed_or_moved_is_found_by_its_repository(project, tmp_path):
    tree = Project(tmp_path / "tree")
    project.git("worktree", "add", "-q", "-b", "work", str(tree.root))
    save(tree, "in the tree", **{"a.txt": "1"})
    tree.write({"a.txt": "2"})
    tree.git("stash", "-q")
    saved = look(tree)
    assert saved.common == str(project.root / ".git")
    project.git("worktree", "move", str(tree.root), str(tmp_path / "moved"))
    assert PROJECTS.work_tree(saved.common, "work") == str(tmp_path / "moved")
    project.git("worktree", "remove", str(tmp_path / "moved"))
    assert PROJECTS.work_tree(saved.common, "work") == ""
    bare = PROJECTS.without_work_tree(saved.common, "work")
    assert PROJECTS.since(saved, bare).relation == "same"
    assert (saved.stashes, bare.stashes) == (1, 1)


def test_what_became_of_each_uncommitted_change(project):
    project.write({f"{name}.txt": "1" for name in ("back", "list", "undone", "plain")})
    save(project, "more")
    project.write(
        {
            "back.txt": "b", "list.txt": "l", "undone.txt": "u", "plain.txt": "p", "stock.txt": None,
            "new.txt": "n", "shelf.txt": "s", "trash.txt": "t", "away/in.txt": "a", "other.txt": "o",
        }
    )  # fmt: skip
    saved = look(project)
    project.git("stash", "push", "-qu", "back.txt", "shelf.txt")
    project.git("switch", "-qc", "side")
    project.git("add", "other.txt")
    project.git("commit", "-qm", "on another branch")
    project.git("switch", "-q", "main")
    project.git("checkout", "-q", "undone.txt")
    (project.root / "trash.txt").unlink()
    shutil.rmtree(project.root / "away")
    project.git("commit", "-qm", "list", "list.txt", "stock.txt")
    project.write({"list.txt": "3", "new.txt": "3", "fresh.txt": "3"})
    project.git("commit", "-qm", "list again", "list.txt")
    commit = project.git("rev-parse", "HEAD~1")
    assert became(saved, project) == [
        Fate("away/", "gone"),
        Fate("back.txt", "stashed", "stash@{0}"),
        Fate("fresh.txt", "new"),
        Fate("list.txt", "committed", commit),
        Fate("new.txt", "edited"),
        Fate("other.txt", "elsewhere", project.git("rev-parse", "side")),
        Fate("plain.txt", "same"),
        Fate("shelf.txt", "stashed", "stash@{0}"),
        Fate("stock.txt", "touched", commit),
        Fate("trash.txt", "gone"),
        Fate("undone.txt", "gone"),
    ]


def test_the_commit_of_a_time_is_that_which_head_was_at(project):
    save(project, "later", **{"a.txt": "1"})
    now = look(project)
    assert PROJECTS.commit_at(now, "2099-01-01T00:00:00Z") == now.commit
    assert PROJECTS.commit_at(now, "1999-01-01T00:00:00Z") == ""
    assert PROJECTS.commit_at(now, "yesterday") == ""


def test_what_is_asked_of_a_repository_is_never_an_option_or_an_expression(project):
    for name in ("--output=x", "HEAD", "main", "x" * 40):
        assert since(look(project)._replace(commit=name), project).relation in {"unborn", "gone"}
    assert PROJECTS.has_commit(str(project.root), "--help") is False


def test_files_that_were_written_to_lately_are_known_by_their_times(tmp_path):
    import os

    for name, at in {
        "old.txt": 1_000,
        "new.txt": 3_000,
        "node_modules/x.js": 3_000,
        ".cache/y": 3_000,
        "sub/z.txt": 3_000,
    }.items():
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_text("x")
        os.utime(place, (at, at))
    assert PROJECTS.modified(str(tmp_path), 2_000) == (("new.txt", "sub/z.txt"), 2, "")


def test_a_new_file_that_a_directory_took_the_place_of_is_gone(project):
    project.write({"notes": "1"})
    saved = look(project)
    (project.root / "notes").unlink()
    project.write({"notes/today": "2"})
    assert became(saved, project) == [Fate("notes", "gone"), Fate("notes/", "new")]


def test_a_new_file_that_is_ignored_by_now_is_there(project):
    project.write({"day.log": "1", "other.log": "1"})
    saved = look(project)
    project.write({".gitignore": "*.log", "day.log": "2"})
    assert became(saved, project) == [Fate(".gitignore", "new"), Fate("day.log", "edited"), Fate("other.log", "committed")]
