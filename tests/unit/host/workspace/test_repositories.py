"""Snapshots of repositories of every kind: without a commit, sparse, split, partial, in conflict, one within another."""

import os
import subprocess

import pytest

from segue.ports.workspace import LeftOut
from tests.unit.host.workspace.workspaces import TAKEN


def test_a_repository_within_is_named_and_its_files_are_not_taken(project, workspace, tree_of):
    project.write({"vendored/inner.txt": "1"})
    project.git("init", "-q", at=project.root / "vendored")
    taken = workspace.take()
    assert taken.left_out == [LeftOut("vendored/", "nested-repository", 0)]
    assert tree_of(taken) == TAKEN | {"notes.md": b"untracked\n"}


def test_a_submodule_is_its_commit_and_is_named(project, workspace, tree_of, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    project.git("init", "-q", at=other)
    (other / "inner.txt").write_text("1")
    project.git("add", ".", at=other)
    project.git("commit", "-qm", "x", at=other)
    project.git("submodule", "--quiet", "add", str(other), "module")
    project.git("commit", "-qm", "module")
    (project.root / "module/inner.txt").write_text("changed inside")
    taken = workspace.take()
    assert taken.left_out == [LeftOut("module/", "submodule", 0)]
    assert tree_of(taken)["module"] == project.git("rev-parse", "HEAD", at=other)
    project.git("commit", "-qam", "y", at=project.root / "module")
    moved = workspace.take()
    assert tree_of(moved)["module"] == project.git("rev-parse", "HEAD", at=project.root / "module")


def test_without_a_repository(tmp_path, open_workspace, tree_of):
    place = tmp_path / "plain"
    place.mkdir()
    (place / "a.txt").write_text("1")
    (place / "b.log").write_text("2")
    (place / ".gitignore").write_text("*.log")
    workspace = open_workspace(place)
    assert tree_of(workspace.take(), workspace) == {"a.txt": b"1", ".gitignore": b"*.log"}
    (place / "a.txt").write_text("11")
    assert tree_of(workspace.take(["a.txt"]), workspace) == {"a.txt": b"11", ".gitignore": b"*.log"}
    assert sorted(os.listdir(place)) == [".gitignore", "a.txt", "b.log"]


def test_a_repository_without_a_commit(tmp_path, project, open_workspace, tree_of):
    place = tmp_path / "fresh"
    place.mkdir()
    project.git("init", "-q", at=place)
    (place / "a.txt").write_text("1")
    workspace = open_workspace(place)
    assert tree_of(workspace.take(), workspace) == {"a.txt": b"1"}


def test_a_linked_work_tree_is_a_workspace_of_its_own(project, open_workspace, tree_of, tmp_path):
    project.git("worktree", "add", "-q", str(tmp_path / "linked"))
    (tmp_path / "linked/only.txt").write_text("here")
    workspace = open_workspace(tmp_path / "linked")
    assert tree_of(workspace.take(), workspace) == TAKEN | {"only.txt": b"here"}


def test_a_sparse_checkout_is_what_is_checked_out(project, workspace, tree_of):
    project.write({"far/away.txt": "not here"})
    project.commit()
    project.git("sparse-checkout", "set", "lib")
    taken = workspace.take()
    assert taken.sparse
    assert tree_of(taken) == TAKEN | {"notes.md": b"untracked\n"}
    project.git("sparse-checkout", "disable")
    assert tree_of(workspace.take())["far/away.txt"] == b"not here"


def test_a_sparse_index_is_read(project, workspace, tree_of):
    project.write({"far/away.txt": "not here"})
    project.commit()
    project.git("sparse-checkout", "set", "--cone", "--sparse-index", "lib")
    assert tree_of(workspace.take()) == TAKEN | {"notes.md": b"untracked\n"}


def test_a_split_index_is_read(project, workspace, tree_of):
    project.git("update-index", "--split-index")
    project.write({"stock.txt": "pears 5\n"})
    project.git("add", "stock.txt")
    assert tree_of(workspace.take()) == TAKEN | {"stock.txt": b"pears 5\n", "notes.md": b"untracked\n"}


def test_a_partial_clone_is_not_completed(project, open_workspace, tree_of, tmp_path):
    project.commit()
    project.write({"notes.md": "second"})
    project.commit()
    project.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    project.git("clone", "-q", "--filter=blob:none", f"file://{project.root}", str(clone))
    workspace = open_workspace(clone)
    (tmp_path / "project").rename(tmp_path / "away")
    (clone / "stock.txt").write_text("changed")
    assert tree_of(workspace.take(), workspace) == TAKEN | {"stock.txt": b"changed", "notes.md": b"second"}


def test_a_merge_that_stands_in_conflict(project, workspace, tree_of):
    project.git("checkout", "-qb", "other")
    project.write({"stock.txt": "pears 8\n"})
    project.git("commit", "-qam", "other")
    project.git("checkout", "-q", "main")
    project.write({"stock.txt": "pears 9\n"})
    project.git("commit", "-qam", "mine")
    with pytest.raises(subprocess.CalledProcessError):
        project.git("merge", "other")
    assert b"<<<<<<<" in (project.root / "stock.txt").read_bytes()
    assert tree_of(workspace.take())["stock.txt"] == (project.root / "stock.txt").read_bytes()


def test_what_is_added_with_nothing_in_it_yet(project, workspace, tree_of):
    project.git("add", "-N", "notes.md")
    assert tree_of(workspace.take())["notes.md"] == b"untracked\n"


def test_what_the_user_asked_git_not_to_look_at_is_looked_at(project, workspace, tree_of):
    project.git("update-index", "--assume-unchanged", "stock.txt")
    project.git("update-index", "--skip-worktree", "lib/count.py")
    project.write({"stock.txt": "pears 1\n", "lib/count.py": "print(1)\n"})
    found = tree_of(workspace.take())
    assert (found["stock.txt"], found["lib/count.py"]) == (b"pears 1\n", b"print(1)\n")


def test_the_bytes_are_those_on_the_disk_whatever_attributes_say(project, workspace, tree_of):
    project.write({".gitattributes": "*.txt text eol=crlf\n*.id ident\n*.utf16 text working-tree-encoding=UTF-16\n"})
    project.write({"a.txt": "one\r\ntwo\r\n", "b.id": "$Id$\n", "c.utf16": "text\n".encode("utf-16")})
    project.commit()
    for name in ("a.txt", "b.id", "c.utf16"):
        (project.root / name).unlink()
    project.git("checkout", "--", ".")
    on_disk = {name: (project.root / name).read_bytes() for name in ("a.txt", "b.id", "c.utf16", "stock.txt")}
    assert on_disk["a.txt"] == b"one\r\ntwo\r\n"
    assert on_disk["b.id"] != b"$Id$\n"
    found = tree_of(workspace.take())
    assert {name: found[name] for name in on_disk} == on_disk


def test_pointers_of_large_files_are_files_like_others_and_so_is_what_they_point_to(project, workspace, tree_of):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    project.write({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": pointer, "b.bin": pointer})
    project.commit()
    project.git("config", "filter.lfs.smudge", "printf large-content")
    (project.root / "b.bin").unlink()
    project.git("checkout", "--", "b.bin")
    found = tree_of(workspace.take())
    assert (found["a.bin"], found["b.bin"]) == (pointer.encode(), b"large-content")
