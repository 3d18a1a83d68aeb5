"""What is in a snapshot, and what is not."""

import os
import socket
import subprocess
import zlib

import pytest

from segue.host.workspace.judging import Judge
from segue.host.workspace.workspace import GitWorkspace
from segue.ports.workspace import LeftOut
from segue.testing.fakes import FakeClock

TAKEN = {".gitignore": b"*.log\nbuild/\n", "stock.txt": b"pears 7\n", "lib/count.py": b"print(7)\n", "run.sh*": b"#!/bin/sh\n"}


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


def test_a_secret_that_went_with_its_directory_is_named_no_more(project, workspace):
    project.write({"conf/.env": "TOKEN=1", "other/.env": "TOKEN=1"})
    workspace.take()
    project.write({"conf/.env": None})
    assert workspace.take(["conf"]).left_out == [LeftOut("other/.env", "secret", 7)]


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


def test_what_looks_like_a_secret_is_named_and_not_taken_unless_wanted(project, workspace, open_workspace, tree_of):
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"
    project.write(
        {".env": "TOKEN=1", "certs/server.pem": key, "odd-name.txt": key, ".env.example": "TOKEN=", "conf/prod.env": "A=1"}
    )
    project.git("add", "-f", "certs/server.pem")
    taken = workspace.take()
    assert taken.left_out == [
        LeftOut(".env", "secret", 7),
        LeftOut("certs/server.pem", "secret", 40),
        LeftOut("conf/prod.env", "secret", 3),
        LeftOut("odd-name.txt", "secret", 40),
    ]
    assert tree_of(taken) == TAKEN | {"notes.md": b"untracked\n", ".env.example": b"TOKEN="}
    wanted = open_workspace(project.root, secrets=True).take()
    assert wanted.left_out == []
    assert tree_of(wanted).keys() >= {".env", "certs/server.pem", "odd-name.txt", "conf/prod.env"}


def test_no_byte_of_a_secret_gets_into_the_repository_of_snapshots(project, workspace, home):
    project.write({".env": "TOKEN=canary-4711", "id_ed25519": "canary-4711"})
    project.git("add", "-f", "id_ed25519")
    project.git("commit", "-qm", "oh no")
    for _ in range(2):
        workspace.take()
    objects = workspace._ours.git.run("cat-file", "--batch", "--batch-all-objects")
    assert b"canary-4711" not in objects
    for above, _, files in os.walk(home / "segue"):
        for name in files:
            with open(os.path.join(above, name), "rb") as file:
                data = file.read()
            assert b"canary-4711" not in data
            assert zlib.compress(b"canary-4711")[2:8] not in data


def test_a_file_over_the_limit_is_named_tracked_or_not_and_taken_when_it_is_small_again(project, open_workspace, tree_of):
    project.write({"stock.txt": "x" * 101, "fat.bin": "y" * 101, "fits.bin": "z" * 100})
    project.commit()
    workspace = open_workspace(project.root, file_bytes=100)
    taken = workspace.take()
    assert taken.left_out == [LeftOut("fat.bin", "too-large", 101), LeftOut("stock.txt", "too-large", 101)]
    assert "stock.txt" not in tree_of(taken, workspace)
    assert workspace.take(["notes.md"]).left_out == taken.left_out
    project.write({"stock.txt": "small again"})
    again = workspace.take()
    assert again.left_out == [LeftOut("fat.bin", "too-large", 101)]
    assert tree_of(again, workspace)["stock.txt"] == b"small again"


def test_too_many_files_are_named(project, open_workspace):
    project.write({f"many/{n:02}": "x" for n in range(30)})
    taken = open_workspace(project.root, files=20).take()
    assert {one.reason for one in taken.left_out} == {"too-many"}
    assert len(taken.left_out) == 11  # notes.md is one of them, too


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


def test_what_is_no_file_is_passed_over_and_one_in_the_place_of_a_file_is_named(project, workspace, tree_of):
    workspace.take()
    project.write({"stock.txt": None, "run.sh": None})
    os.mkfifo(project.root / "stock.txt")
    os.mkfifo(project.root / "pipe")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(project.root)  # the name of a socket is short
    try:
        server.bind("run.sh")
    finally:
        os.chdir(here)
    taken = workspace.take()
    server.close()
    assert taken.left_out == [LeftOut("run.sh", "special", 0), LeftOut("stock.txt", "special", 0)]
    assert tree_of(taken).keys() == {".gitignore", "lib/count.py", "notes.md"}


def test_what_is_ignored_from_now_on_is_in_no_later_snapshot(project, workspace, tree_of):
    workspace.take()
    project.write({".gitignore": "*.log\nbuild/\nnotes.md\nstock.txt\n"})
    assert tree_of(workspace.take()).keys() == {".gitignore", "stock.txt", "lib/count.py", "run.sh*"}
    project.git("rm", "-q", "--cached", "stock.txt")
    assert tree_of(workspace.take()).keys() == {".gitignore", "lib/count.py", "run.sh*"}


def test_the_lists_of_the_clone_and_of_the_user_are_honoured(project, workspace, tree_of, home):
    project.write({"mine.tmp": "1", "every.bak": "2", "kept.bak": "3"})
    (project.root / ".git/info/exclude").write_text("*.tmp\n!kept.bak\n")
    listed = home / "ignored everywhere"
    listed.write_text("*.bak")
    (home / ".gitconfig").write_text(f'[core]\n\texcludesFile = "{listed}"\n')
    assert tree_of(workspace.take()).keys() == {*TAKEN, "notes.md", "kept.bak"}


def test_the_users_list_is_found_in_its_usual_place(project, workspace, tree_of, home):
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/ignore").write_text("notes.md\n")
    assert tree_of(workspace.take()) == TAKEN


def test_a_tracked_file_is_taken_though_a_pattern_ignores_it(project, workspace, tree_of):
    project.write({"kept.log": "tracked"})
    project.git("add", "-f", "kept.log")
    assert tree_of(workspace.take())["kept.log"] == b"tracked"
    project.write({"kept.log": "changed", ".gitignore": "*.log\nbuild/\n#\n"})
    assert tree_of(workspace.take())["kept.log"] == b"changed"


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


def test_our_own_home_within_the_workspace_is_not_taken(tmp_path, tree_of):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.txt").write_text("1")
    workspace = GitWorkspace(str(tmp_path / "p"), tmp_path / "p" / "my [home]", FakeClock())
    workspace.take()
    assert tree_of(workspace.take(), workspace) == {"a.txt": b"1"}


def test_what_is_ignored_is_taken_once_the_user_tracks_it(project, workspace, tree_of):
    workspace.take()
    project.git("add", "-f", "trace.log")
    assert "trace.log" not in tree_of(workspace.take(["stock.txt"]))
    assert tree_of(workspace.take())["trace.log"] == b"ignored\n"


def test_what_is_ignored_and_tracked_is_taken_when_it_is_there_again(project, workspace, tree_of):
    project.git("add", "-f", "trace.log")
    workspace.take()
    project.write({"trace.log": None})
    assert "trace.log" not in tree_of(workspace.take())
    project.write({"trace.log": "again\n"})
    assert tree_of(workspace.take())["trace.log"] == b"again\n"


def test_what_is_ignored_and_tracked_no_more_is_not_taken_when_it_is_there_again(project, workspace, tree_of):
    project.git("add", "-f", "trace.log")
    workspace.take()
    project.write({"trace.log": None})
    workspace.take()
    project.git("rm", "-q", "--cached", "trace.log")
    workspace.take()
    project.write({"trace.log": "again\n"})
    assert "trace.log" not in tree_of(workspace.take())
