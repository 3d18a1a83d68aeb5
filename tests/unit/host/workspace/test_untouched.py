"""Nothing of the user's repository is written, and nothing that happens to it harms a snapshot."""

import os
import shutil
import subprocess

import pytest

from segue.core.errors import NotFoundError
from tests.unit.host.workspace.workspaces import Project, forget, untouched

KINDS = ["plain", "packed", "linked", "submodule", "sparse", "split", "racy"]


@pytest.fixture(params=KINDS)
def some(request, project, tmp_path):
    """Repositories of many kinds, each with a stash, a reflog, a tag, and an index in use."""
    project.write({"stock.txt": "pears 6\n"})
    project.git("stash", "-q")
    project.git("tag", "v1")
    project.write({"stock.txt": "pears 5\n", "lib/new.py": "1"})
    project.git("add", "lib/new.py")
    if request.param == "packed":
        project.git("gc", "-q", "--prune=now")
    elif request.param == "linked":
        project.git("worktree", "add", "-q", str(tmp_path / "linked"))
    elif request.param == "submodule":
        other = Project(tmp_path / "other")
        other.git("init", "-q")
        other.write({"inner.txt": "1"})
        other.commit()
        project.git("submodule", "--quiet", "add", str(other.root), "module")
        project.write({"module/inner.txt": "2"})
    elif request.param == "sparse":
        project.git("sparse-checkout", "set", "lib")
    elif request.param == "split":
        project.git("update-index", "--split-index")
    elif request.param == "racy":
        project.git("status")
    return project


def test_everything_that_is_done_leaves_the_users_repository_byte_for_byte(some, open_workspace):
    workspace = open_workspace(some.root)
    with untouched(some.root / ".git"):
        first = workspace.take()
        some.write({"stock.txt": "pears 4\n", "lib/count.py": None, "fresh.txt": "1"})
        second = workspace.take(["stock.txt", "lib/count.py", "fresh.txt"])
        workspace.take()
        workspace.diff(first.id, second.id)
        workspace.diff(first.id)
        b"".join(workspace.patch(first.id))
        back = workspace.restore(workspace.preview(first.id))
        workspace.restore(workspace.preview(back.before))
        forget(workspace, first.id, second.id, back.before)
        workspace.take()


def test_objects_that_git_would_freshen_are_not(project, workspace):
    """Writing an object that is there already touches its file: git does so in the repositories that it borrows from, too."""
    project.write({"notes.md": "pears 7\n"})  # the bytes of stock.txt, which is in the repository
    os.utime(project.root / ".git/objects", (1, 1))
    for above, _, files in os.walk(project.root / ".git/objects"):
        for name in files:
            os.utime(os.path.join(above, name), (1, 1))
    with untouched(project.root / ".git"):
        workspace.take()
        project.write({"other.md": "#!/bin/sh\n"})
        workspace.take()


def rewrite(project):
    project.git("commit", "-q", "--amend", "-m", "other", "--no-edit")
    project.git("reflog", "expire", "--expire=now", "--all")
    project.git("stash", "clear")


def amend(project):
    project.write({"stock.txt": "amended\n"})
    project.git("commit", "-qa", "--amend", "-m", "amended")
    rewrite(project)
    project.git("gc", "-q", "--prune=now")


def orphan(project):
    project.git("checkout", "-q", "--orphan", "empty")
    project.git("rm", "-rqf", ".")
    project.git("commit", "-q", "--allow-empty", "-m", "nothing")
    project.git("branch", "-D", "main")
    project.git("reflog", "expire", "--expire=now", "--all")
    project.git("gc", "-q", "--prune=now", "--aggressive")


def delete_objects(project):
    shutil.rmtree(project.root / ".git/objects")


def delete_repository(project):
    shutil.rmtree(project.root / ".git")


def delete_all(project):
    shutil.rmtree(project.root)


@pytest.mark.parametrize("harm", [amend, orphan, delete_objects, delete_repository, delete_all])
def test_a_snapshot_outlives_what_the_user_does_to_his_repository(project, workspace, tree_of, harm):
    project.write({"stock.txt": "pears 6\n"})
    before = project.files()
    taken = workspace.take()
    held = tree_of(taken)
    harm(project)
    assert tree_of(taken) == held
    workspace.restore(workspace.preview(taken.id))
    kept = {path: data for path, data in project.files().items() if not path.startswith(("trace.log", "build/"))}
    assert kept == {path: data for path, data in before.items() if not path.startswith(("trace.log", "build/"))}


def test_the_repository_of_snapshots_is_whole_by_itself(project, workspace, home):
    workspace.take()
    shutil.rmtree(project.root)
    place = home / "segue/workspaces"
    assert not (place / "objects/info/alternates").exists()
    done = subprocess.run(
        ["git", "fsck", "--full", "--strict", "--no-dangling"], cwd=place, capture_output=True, text=True, check=False
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "unborn" not in line]) == (0, [])


def test_a_workspace_that_moved_has_its_snapshots(project, workspace, open_workspace, tmp_path):
    taken = workspace.take()
    project.write({"stock.txt": "pears 6\n"})
    project.root.rename(tmp_path / "elsewhere")
    moved = open_workspace(tmp_path / "elsewhere")
    done = moved.restore(moved.preview(taken.id))
    assert done.written == ["stock.txt"]
    assert (tmp_path / "elsewhere/stock.txt").read_text() == "pears 7\n"


def test_another_branch_is_another_state_and_nothing_more(project, workspace, tree_of):
    project.write({f"many/{n}.txt": f"{n}" for n in range(1100)})
    project.commit()
    first = workspace.take()
    project.git("checkout", "-qb", "other")
    project.write({f"many/{n}.txt": f"other {n}" for n in range(1100)})
    project.git("commit", "-qam", "other")
    assert tree_of(workspace.take())["many/7.txt"] == b"other 7"
    project.git("checkout", "-q", "main")
    assert workspace.take().tree == first.tree


def test_a_damaged_index_of_ours_is_made_anew(project, workspace, tree_of):
    taken = workspace.take()
    (workspace._ours.own / "index").write_bytes(b"DIRC garbage")
    assert workspace.take().tree == taken.tree
    (workspace._ours.own / "last.json").write_text("{")
    assert workspace.take().tree == taken.tree


def test_a_damaged_index_of_the_users_is_done_without(project, workspace, tree_of):
    (project.root / ".git/index").write_bytes(b"DIRC garbage")
    assert tree_of(workspace.take()).keys() == {".gitignore", "stock.txt", "lib/count.py", "run.sh*", "notes.md"}


def test_lost_objects_of_ours_are_taken_again(project, workspace, tree_of):
    workspace.take()
    shutil.rmtree(workspace._ours.path / "objects" / "pack")
    (workspace._ours.path / "objects" / "pack").mkdir()
    project.write({"notes.md": "changed\n"})
    taken = workspace.take()
    assert tree_of(taken).keys() == {".gitignore", "stock.txt", "lib/count.py", "run.sh*", "notes.md"}


def test_forgotten_snapshots_are_gone_and_the_others_are_whole(project, workspace, tree_of):
    project.write({"notes.md": os.urandom(20_000)})
    first = workspace.take()
    project.write({"notes.md": "second\n"})
    second = workspace.take()
    assert forget(workspace, first.id, "0" * 40, "nonsense") > 19_000
    with pytest.raises(NotFoundError):
        workspace.get(first.id)
    assert tree_of(second)["notes.md"] == b"second\n"
    assert forget(workspace, first.id) == 0
    assert forget(workspace, second.id) >= 0
    assert tree_of(workspace.take())["notes.md"] == b"second\n"


def test_many_snapshots_stay_few_packs(project, workspace, tree_of):
    taken = []
    for n in range(45):
        project.write({"notes.md": f"{n}\n"})
        taken.append(workspace.take(["notes.md"]))
    packs = [name for name in os.listdir(workspace._ours.path / "objects/pack") if name.endswith(".pack")]
    assert len(packs) <= 41
    assert [tree_of(one)["notes.md"] for one in taken[::11]] == [f"{n}\n".encode() for n in range(0, 45, 11)]
