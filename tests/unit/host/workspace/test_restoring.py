"""Going back to a snapshot: what is written, deleted and left, and that nothing of the user's is lost."""

import os
import shutil
import stat

import pytest

from segue.core.errors import NotFoundError, WorkspaceError
from segue.host.workspace.files import Files
from segue.ports.workspace import Untouched
from tests.unit.host.workspace.workspaces import Project, forget, picture


def names(changes):
    return [change.path for change in changes]


def test_what_was_there_comes_back_and_what_was_not_goes(project, workspace):
    before = project.files()
    taken = workspace.take()
    project.write({"stock.txt": "pears 6\n", "lib/count.py": None, "new/deep/file": "1", "trace.log": "still ignored, changed"})
    (project.root / "run.sh").chmod(0o644)
    os.symlink("/etc", project.root / "link")
    plan = workspace.preview(taken.id)
    assert (names(plan.writes), names(plan.deletes), plan.leaves) == (
        ["lib/count.py", "run.sh", "stock.txt"],
        ["link", "new/deep/file"],
        [],
    )
    assert [change.status for change in plan.writes] == ["added", "mode", "modified"]
    done = workspace.restore(plan)
    assert (done.written, done.deleted, done.leaves) == (["lib/count.py", "run.sh", "stock.txt"], ["link", "new/deep/file"], [])
    assert project.files() == before | {"trace.log": b"still ignored, changed"}
    assert not (project.root / "new").exists()


def test_a_preview_changes_nothing(project, workspace):
    taken = workspace.take()
    project.write({"stock.txt": "pears 6\n", "fresh": "1"})
    before = project.files()
    workspace.preview(taken.id)
    assert project.files() == before


def test_a_restore_is_undone_by_a_restore_of_what_was_before(project, workspace):
    taken = workspace.take()
    project.write({"stock.txt": "an edit that no snapshot has\n", "notes.md": None, "fresh": "1"})
    edited = project.files()
    done = workspace.restore(workspace.preview(taken.id))
    assert project.files() != edited
    workspace.restore(workspace.preview(done.before))
    assert project.files() == edited


def test_some_paths_alone(project, workspace):
    taken = workspace.take()
    project.write({"stock.txt": "6", "lib/count.py": "6", "lib/new.py": "6", "notes.md": "6"})
    plan = workspace.preview(taken.id, ["lib", "notes.md"])
    assert (names(plan.writes), names(plan.deletes)) == (["lib/count.py", "notes.md"], ["lib/new.py"])
    workspace.restore(plan)
    assert (project.root / "stock.txt").read_text() == "6"
    assert not (project.root / "lib/new.py").exists()


def test_what_changed_since_the_preview_stays(project, workspace):
    taken = workspace.take()
    project.write({"stock.txt": "6", "lib/count.py": "6", "fresh": "1"})
    plan = workspace.preview(taken.id)
    project.write({"stock.txt": "7, by the user", "fresh": "2", "later": "1", "notes.md": "by the user, too"})
    done = workspace.restore(plan)
    assert done.leaves == [Untouched("fresh", "changed"), Untouched("stock.txt", "changed")]
    assert (done.written, done.deleted) == (["lib/count.py"], [])
    files = project.files()
    assert (files["stock.txt"], files["fresh"], files["later"], files["notes.md"]) == (
        b"7, by the user",
        b"2",
        b"1",
        b"by the user, too",
    )


@pytest.mark.parametrize("how", ["in place", "replaced", "deleted"])
def test_an_edit_in_the_very_moment_stays(project, workspace, how, monkeypatch):
    """The edit falls between the last look at the file and the exchange."""
    from segue.host.workspace import files

    taken = workspace.take()
    project.write({"stock.txt": "6"})
    plan = workspace.preview(taken.id)
    real = files.exchange
    edited = []

    def late(directory, one, other):
        if not edited:
            edited.append(other)
            if how == "in place":
                project.write({"stock.txt": "the user's"})
            elif how == "replaced":
                project.write({"stock.new": "the user's"})
                (project.root / "stock.new").rename(project.root / "stock.txt")
            else:
                (project.root / "stock.txt").unlink()
        real(directory, one, other)

    monkeypatch.setattr(files, "exchange", late)
    done = workspace.restore(plan)
    assert edited == ["stock.txt"]
    if how == "deleted":
        assert done.leaves[0].path == "stock.txt"
        assert not (project.root / "stock.txt").exists()
    else:
        assert done.leaves == [Untouched("stock.txt", "changed")]
        assert (project.root / "stock.txt").read_text() == "the user's"
    assert [name for name in os.listdir(project.root) if "segue" in name] == []


def test_an_edit_in_the_very_moment_of_a_deletion_stays(project, workspace, monkeypatch):
    from segue.host.workspace import files

    taken = workspace.take()
    project.write({"fresh": "1"})
    plan = workspace.preview(taken.id)
    real = os.rename

    def late(*arguments, **keywords):
        if arguments[0] == "fresh":
            project.write({"fresh": "the user's"})
        real(*arguments, **keywords)

    monkeypatch.setattr(files.os, "rename", late)
    done = workspace.restore(plan)
    assert done.leaves == [Untouched("fresh", "changed")]
    assert (project.root / "fresh").read_text() == "the user's"


@pytest.mark.parametrize("exchange", [True, False], ids=["renameat2", "without it"])
def test_a_file_keeps_its_permissions_and_is_never_seen_half_written(project, workspace, monkeypatch, exchange):
    from segue.host.workspace import files

    if not exchange:
        monkeypatch.setattr(files, "_renameat2", lambda: None)
    (project.root / "stock.txt").chmod(0o640)
    taken = workspace.take()
    project.write({"stock.txt": "6"})
    (project.root / "stock.txt").chmod(0o600)
    (project.root / "run.sh").chmod(0o600)
    inode = os.stat(project.root / "stock.txt").st_ino
    with open(project.root / "stock.txt", "rb") as held:
        workspace.restore(workspace.preview(taken.id))
        assert held.read() == b"6"  # who had it open still has the old one whole
    status = os.stat(project.root / "stock.txt")
    assert (stat.S_IMODE(status.st_mode), status.st_ino != inode) == (0o600, True)
    assert stat.S_IMODE(os.stat(project.root / "run.sh").st_mode) == 0o700


def test_files_links_and_directories_take_each_others_place(project, workspace):
    project.write({"thing": "a file", "tree/a": "1", "tree/b": "2"})
    os.symlink("stock.txt", project.root / "link")
    before = project.files()
    taken = workspace.take()
    project.write({"thing": None, "thing/inner": "1", "tree/a": None, "tree/b": None, "link": None})
    (project.root / "tree").rmdir()
    os.symlink("/etc", project.root / "tree")
    project.write({"link": "now a file"})
    after = project.files()
    done = workspace.restore(workspace.preview(taken.id))
    assert done.leaves == []
    assert project.files() == before
    workspace.restore(workspace.preview(done.before))
    assert project.files() == after


def test_nothing_is_written_through_a_link_out_of_the_workspace(project, workspace, tmp_path):
    outside = Project(tmp_path / "outside")
    outside.write({"count.py": "the user's own"})
    taken = workspace.take()
    shutil.rmtree(project.root / "lib")
    os.symlink(outside.root, project.root / "lib")
    (project.root / ".git/info/exclude").write_text("/lib\n")  # so that the link itself is no part of any snapshot
    done = workspace.restore(workspace.preview(taken.id))
    assert done.leaves == [Untouched("lib/count.py", "symlink", "lib")]
    assert picture(outside.root) == {"count.py": b"the user's own"}
    assert os.path.islink(project.root / "lib")


def test_a_link_that_appears_while_it_is_at_work_is_not_followed(project, workspace, tmp_path, monkeypatch):
    outside = Project(tmp_path / "outside")
    outside.write({"count.py": "print(6)\n"})
    taken = workspace.take()
    project.write({"lib/count.py": "print(6)\n"})
    plan = workspace.preview(taken.id)
    real = Files.put

    def late(self, path, *rest):
        if path == "lib/count.py":
            shutil.rmtree(project.root / "lib")
            os.symlink(outside.root, project.root / "lib")
        return real(self, path, *rest)

    monkeypatch.setattr(Files, "put", late)
    done = workspace.restore(plan)
    assert done.leaves == [Untouched("lib/count.py", "symlink", "lib")]
    assert picture(outside.root) == {"count.py": b"print(6)\n"}


def test_ignored_files_are_never_touched_whatever_the_snapshot_has(project, workspace):
    taken = workspace.take()
    project.write({"notes.md": "private from now on", ".git/info/exclude": "notes.md\n"})
    done = workspace.restore(workspace.preview(taken.id))
    assert done.leaves == [Untouched("notes.md", "ignored")]
    assert (project.root / "notes.md").read_text() == "private from now on"


def test_a_directory_with_an_ignored_file_in_it_is_not_replaced(project, workspace):
    project.write({"thing": "a file"})
    taken = workspace.take()
    project.write({"thing": None, "thing/trace.log": "ignored", "thing/inner": "1"})
    done = workspace.restore(workspace.preview(taken.id))
    assert done.leaves == [Untouched("thing", "in-the-way", "thing/trace.log")]
    assert (project.root / "thing/trace.log").read_text() == "ignored"


def test_empty_directories_give_way_and_are_not_made(project, workspace):
    project.write({"thing": "a file"})
    (project.root / "empty").mkdir()
    taken = workspace.take()
    project.write({"thing": None})
    (project.root / "thing/a/b").mkdir(parents=True)
    workspace.restore(workspace.preview(taken.id))
    assert (project.root / "thing").read_text() == "a file"
    assert (project.root / "empty").is_dir()


def test_what_no_snapshot_holds_is_not_overwritten(project, open_workspace):
    workspace = open_workspace(project.root, file_bytes=100)
    taken = workspace.take()
    big = "x" * 200
    project.write({"stock.txt": big, "lib/count.py": None})
    os.mkfifo(project.root / "lib/count.py")
    done = workspace.restore(workspace.preview(taken.id))
    assert done.leaves == [Untouched("lib/count.py", "not-saved"), Untouched("stock.txt", "not-saved")]
    assert (project.root / "stock.txt").read_text() == big


def test_what_the_snapshot_left_out_is_not_deleted(project, open_workspace):
    project.write({"data.bin": "x" * 200, ".env": "TOKEN=1"})
    taken = open_workspace(project.root, file_bytes=100).take()
    other = open_workspace(project.root, file_bytes=1000, secrets=True)
    done = other.restore(other.preview(taken.id))
    assert done.leaves == [Untouched(".env", "left-out"), Untouched("data.bin", "left-out")]
    assert (project.root / ".env").read_text() == "TOKEN=1"


def test_what_the_snapshot_left_out_and_is_gone_does_not_come_back_and_is_named(project, open_workspace):
    workspace = open_workspace(project.root, file_bytes=100)
    project.write({"data.bin": "x" * 200, ".env": "TOKEN=1", "kept.bin": "x" * 200})
    taken = workspace.take()
    project.write({"data.bin": None, ".env": None})
    plan = workspace.preview(taken.id)
    gone = [Untouched(".env", "left-out", "secret"), Untouched("data.bin", "left-out", "too-large")]
    assert plan.leaves == workspace.restore(plan).leaves == gone
    assert workspace.preview(taken.id, ["lib"]).leaves == []


def test_submodules_and_repositories_within_are_left_alone(project, workspace, tmp_path):
    other = Project(tmp_path / "other")
    other.git("init", "-q")
    other.write({"inner.txt": "1"})
    other.commit()
    project.git("submodule", "--quiet", "add", str(other.root), "module")
    taken = workspace.take()
    project.write({"module/inner.txt": "2"})
    project.git("commit", "-qam", "x", at=project.root / "module")
    nested = Project(project.root / "nested")
    nested.git("init", "-q")
    nested.write({"mine.txt": "1"})
    done = workspace.restore(workspace.preview(taken.id))
    assert done.leaves == [Untouched("module", "submodule")]
    assert (project.root / "module/inner.txt").read_text() == "2"
    assert (project.root / "nested/mine.txt").read_text() == "1"


def test_what_a_sparse_checkout_had_not_is_not_deleted(project, workspace):
    project.write({"far/away.txt": "1"})
    project.commit()
    project.git("sparse-checkout", "set", "lib")
    taken = workspace.take()
    project.git("sparse-checkout", "disable")
    project.write({"fresh.txt": "1"})
    done = workspace.restore(workspace.preview(taken.id))
    assert done.leaves == [Untouched("far/away.txt", "sparse")]
    assert done.deleted == ["fresh.txt"]


def test_names_of_every_kind_come_back(project, workspace):
    project.write(dict.fromkeys(["a b", "line\nend", "tab\t", "-r", ":(top)x", "*", "ünï", "back\\slash", "�", "./..x"[2:]], "1"))
    before = project.files()
    taken = workspace.take()
    for name in before.keys() - {".gitignore", "run.sh*"}:
        os.unlink(project.root / name)
    workspace.restore(workspace.preview(taken.id))
    kept = {path: data for path, data in before.items() if not path.startswith(("trace", "build"))}
    assert project.files() == kept


def test_a_snapshot_is_restored_in_another_directory(project, workspace, open_workspace, tmp_path):
    taken = workspace.take()
    other = open_workspace(tmp_path / "elsewhere")
    done = other.restore(other.preview(taken.id))
    assert done.leaves == []
    assert picture(tmp_path / "elsewhere") == {
        path: data for path, data in project.files().items() if not path.startswith(("trace", "build"))
    }


def test_a_snapshot_that_is_gone_is_not_restored(project, workspace):
    taken = workspace.take()
    project.write({"stock.txt": "6"})
    plan = workspace.preview(taken.id)
    forget(workspace, taken.id)
    with pytest.raises(NotFoundError):
        workspace.restore(plan)
    assert (project.root / "stock.txt").read_text() == "6"


def test_a_restored_file_that_the_system_refuses_is_named_and_the_others_come_back(project, workspace, monkeypatch):
    taken = workspace.take()
    project.write({"stock.txt": "6", "lib/count.py": "6"})
    plan = workspace.preview(taken.id)
    from segue.host.workspace import files

    real = files._make

    def full(directory, aside, new, content, like):
        if like == "count.py":
            raise OSError(28, "No space left on device")
        real(directory, aside, new, content, like)

    monkeypatch.setattr(files, "_make", full)
    done = workspace.restore(plan)
    assert done.written == ["stock.txt"]
    assert done.leaves == [Untouched("lib/count.py", "failed", "[Errno 28] No space left on device")]
    assert (project.root / "lib/count.py").read_text() == "6"


def test_a_home_directory_is_never_restored(home, open_workspace):
    with pytest.raises(WorkspaceError):
        open_workspace(home).take()
    with pytest.raises(WorkspaceError):
        open_workspace("/").take()


def test_what_was_ignored_then_stays_though_the_list_of_it_is_gone(project, workspace):
    project.write({"lib/.gitignore": "made/\n", "lib/made/big": "1", "odd.tmp": "1"})
    then = workspace.take()
    project.write({".gitignore": None, "lib/.gitignore": None, "odd.tmp": None, "new.md": "1"})
    done = workspace.restore(workspace.preview(then.id))
    left = [Untouched(path, "ignored") for path in ("build/out.bin", "lib/made/big", "trace.log")]
    assert (done.leaves, sorted(done.deleted)) == (left, ["new.md"])
    assert {path: project.files().get(path) for path in ("lib/made/big", "trace.log")} == {
        "lib/made/big": b"1", "trace.log": b"ignored\n",
    }  # fmt: skip
