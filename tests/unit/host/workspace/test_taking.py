"""What is in a snapshot."""

import os

from segue.host.workspace.judging import Judge
from tests.unit.host.workspace.workspaces import TAKEN


def test_a_snapshot_has_what_is_tracked_and_what_is_not_but_nothing_that_is_ignored(project, workspace, tree_of):
    taken = workspace.take()
    assert tree_of(taken) == TAKEN | {"notes.md": b"untracked\n"}
    assert (taken.root, taken.left_out, taken.more, taken.changing, taken.sparse, taken.full) == (
        str(project.root),
        [],
        0,
        (),
        False,
        True,
    )
    assert workspace.get(taken.id) == taken


def test_the_tree_is_the_one_that_git_itself_would_write(project, workspace):
    taken = workspace.take()
    project.git("add", "-A")
    assert taken.tree == project.git("write-tree")


def test_deletions_modes_links_and_changes_are_seen(project, workspace, tree_of):
    workspace.take()
    project.write({"stock.txt": "pears 6\n", "lib/count.py": None, "notes.md": "more\n"})
    (project.root / "run.sh").chmod(0o644)
    os.symlink("/etc/passwd", project.root / "link")
    os.symlink("lib", project.root / "folder")
    taken = workspace.take()
    assert tree_of(taken) == {
        ".gitignore": b"*.log\nbuild/\n",
        "stock.txt": b"pears 6\n",
        "run.sh": b"#!/bin/sh\n",
        "notes.md": b"more\n",
        "link": "-> /etc/passwd",
        "folder": "-> lib",
    }


def test_a_change_of_the_same_size_within_the_same_tick_is_seen(project, workspace, tree_of):
    workspace.take()
    for n in range(20):
        project.write({"stock.txt": f"pears {n % 10}\n"})
        assert tree_of(workspace.take())["stock.txt"] == f"pears {n % 10}\n".encode()


def test_names_of_every_kind(project, workspace, tree_of):
    names = [
        "a b",
        "line\nend",
        "tab\tname",
        "-r",
        ":(top)x",
        "*",
        "[a]",
        "ünï",
        "q\"uote'",
        "back\\slash",
        "\udcff\udcfe",
        "#x",
        "!x",
        "? y",
    ]
    project.write({name: f"of {name!r}" for name in names})
    taken = workspace.take()
    assert taken.left_out == []
    assert {name: tree_of(taken).get(name) for name in names} == {name: f"of {name!r}".encode() for name in names}
    project.write(dict.fromkeys(names, "again"))
    touched = workspace.take(names)
    assert {tree_of(touched)[name] for name in names} == {b"again"}


def test_touched_files_alone_are_looked_at(project, workspace, tree_of):
    workspace.take()
    project.write(
        {"stock.txt": "pears 6\n", "new/one.py": "1", "new/two.py": "2", "lib/count.py": None, "notes.md": "changed unseen"}
    )
    project.write({"more.log": "ignored"})
    touched = [
        "stock.txt",
        str(project.root / "lib/count.py"),
        "new",
        "more.log",
        "../elsewhere",
        "/etc/passwd",
        ".git/config",
        "no/such",
    ]
    taken = workspace.take(touched)
    expected = TAKEN | {"stock.txt": b"pears 6\n", "new/one.py": b"1", "new/two.py": b"2", "notes.md": b"untracked\n"}
    del expected["lib/count.py"]
    assert tree_of(taken) == expected
    assert not taken.full
    assert tree_of(workspace.take()) == expected | {"notes.md": b"changed unseen"}


def test_a_directory_that_went_is_gone_with_all_that_was_in_it(project, workspace, tree_of):
    workspace.take()
    (project.root / "lib/count.py").unlink()
    (project.root / "lib").rmdir()
    assert "lib/count.py" not in tree_of(workspace.take(["lib"]))


def test_a_file_becomes_a_directory_and_a_directory_a_file(project, workspace, tree_of):
    workspace.take()
    project.write({"stock.txt": None, "stock.txt/inner": "1", "lib/count.py": None})
    (project.root / "lib").rmdir()
    project.write({"lib": "a file"})
    taken = workspace.take()
    assert {path: text for path, text in tree_of(taken).items() if path.startswith(("stock", "lib"))} == {
        "stock.txt/inner": b"1",
        "lib": b"a file",
    }


def test_a_directory_that_became_a_link_is_a_link_and_what_is_behind_it_is_not_taken(project, workspace, tree_of, tmp_path):
    workspace.take()
    (project.root / "lib").rename(tmp_path / "moved")
    os.symlink(tmp_path / "moved", project.root / "lib")
    for touched in (None, ["lib/count.py"], None):
        found = tree_of(workspace.take(touched))
        assert {path: text for path, text in found.items() if path.startswith("lib")} == {"lib": f"-> {tmp_path / 'moved'}"}


def test_nothing_at_all(tmp_path, open_workspace, tree_of):
    workspace = open_workspace(tmp_path / "nowhere")
    assert tree_of(workspace.take(), workspace) == {}
    (tmp_path / "empty").mkdir()
    workspace = open_workspace(tmp_path / "empty")
    assert tree_of(workspace.take(), workspace) == {}


def test_files_that_are_written_all_the_time_are_taken_and_named(project, workspace, tree_of):
    real = Judge.stamp

    def busy(self, path):
        if path == "notes.md":
            with (project.root / path).open("a") as file:
                file.write("x")
        return real(self, path)

    Judge.stamp = busy
    try:
        taken = workspace.take()
    finally:
        Judge.stamp = real
    assert taken.changing == ("notes.md",)
    assert tree_of(taken)["notes.md"].startswith(b"untracked\nx")
