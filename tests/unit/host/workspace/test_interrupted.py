"""A restore that is killed at any point is finished, or undone, and loses no edit."""

import os
import subprocess
import sys
import textwrap

import pytest

from segue.core.errors import UnfinishedRestoreError
from segue.ports.workspace import Untouched

KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from segue.host.workspace import files, restoring
    from segue.host.workspace.workspace import GitWorkspace
    from segue.testing.fakes import FakeClock

    root, home, snapshot, point = sys.argv[1:]
    reached = 0

    def counted(module, name):
        real = getattr(module, name)

        def step(*arguments, **keywords):
            global reached
            reached += 1
            if reached == int(point):
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **keywords)

        setattr(module, name, step)

    workspace = GitWorkspace(root, Path(home), FakeClock())
    plan = workspace.preview(snapshot)
    real = restoring.perform

    def perform(*arguments):
        for name in ("unlink", "rename", "fsync", "link", "symlink", "mkdir", "rmdir"):
            counted(os, name)
        for name in ("_rename", "look"):
            counted(files, name)
        return real(*arguments)

    restoring.perform = perform
    workspace.restore(plan)
    print(reached)
    """
)


def scene(project, workspace):
    """Make a workspace that a restore has every kind of work in; return the files before, and those of the snapshot."""
    project.write({"was/gone.txt": "1", "thing": "a file"})
    os.symlink("stock.txt", project.root / "link")
    then = project.files()
    taken = workspace.take()
    project.write(
        {"stock.txt": "6", "was/gone.txt": None, "thing": None, "thing/inner": "1", "link": None, "fresh/a": "1", "fresh/b": "2"}
    )
    os.symlink("/etc", project.root / "link")
    (project.root / "was").rmdir()
    return taken, project.files(), then


def killed(project, home, taken, point):
    """Restore in a process that is killed at a point; return whether it was."""
    command = [sys.executable, "-c", KILLED, str(project.root), str(home / "segue"), taken.id, str(point)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def points(everywhere):
    return range(1, 200) if everywhere else (1, 3, 8, 15, 21, 28, 36, 43, 50, 57)


def leftovers(project):
    return [os.path.join(above, name) for above, _, names in os.walk(project.root) for name in names if "segue" in name]


@pytest.mark.parametrize("how", ["finish", "undo"])
@pytest.mark.parametrize("everywhere", [False, pytest.param(True, marks=pytest.mark.long)], ids=["some points", "all points"])
def test_a_killed_restore_is_finished_or_undone(project, workspace, home, how, everywhere):
    taken, now, then = scene(project, workspace)
    met = 0
    for point in points(everywhere):
        if not killed(project, home, taken, point):
            break
        unfinished = workspace.unfinished()
        if unfinished is not None:
            met += 1
            with pytest.raises(UnfinishedRestoreError):
                workspace.preview(taken.id)
            done = getattr(workspace, how)()
            assert done.leaves == []
            assert workspace.unfinished() is None
        assert leftovers(project) == []
        files = project.files()
        assert files == (then if unfinished is not None and how == "finish" else files)
        assert files in (now, then)
        if files == then:  # again from where it began
            back = unfinished.before if unfinished is not None else None
            if back is None:
                break
            workspace.restore(workspace.preview(back))
        assert project.files() == now
    assert met >= 5


def test_what_was_edited_since_the_kill_stays_and_is_named(project, workspace, home):
    taken, _, then = scene(project, workspace)
    assert killed(project, home, taken, 30)
    assert workspace.unfinished().snapshot == taken.id
    project.write({"stock.txt": "the user's", "was/gone.txt": "the user's, too", "other.txt": "1"})
    done = workspace.finish()
    assert done.leaves == [Untouched("stock.txt", "changed"), Untouched("was/gone.txt", "changed")]
    assert project.files() == then | {"stock.txt": b"the user's", "was/gone.txt": b"the user's, too", "other.txt": b"1"}


def test_there_is_nothing_to_finish_where_nothing_was_interrupted(project, workspace):
    assert (workspace.unfinished(), workspace.finish(), workspace.undo()) == (None, None, None)
    workspace.take()
    assert (workspace.unfinished(), workspace.finish(), workspace.undo()) == (None, None, None)


def test_a_snapshot_that_is_killed_leaves_the_earlier_ones_and_the_next_one_whole(project, workspace, home, tree_of):
    first = workspace.take()
    held = tree_of(first)
    for delay in (0.0, 0.01, 0.02, 0.04, 0.08):
        project.write({f"fresh-{delay}.txt": "1"})
        code = (
            "import sys; from pathlib import Path; from segue.host.workspace.workspace import GitWorkspace;"
            "from segue.testing.fakes import FakeClock;"
            f"GitWorkspace(sys.argv[1], Path({str(home / 'segue')!r}), FakeClock()).take()"
        )
        process = subprocess.Popen([sys.executable, "-c", code, str(project.root)])
        try:
            process.wait(timeout=0.05 + delay)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        assert tree_of(first) == held
    whole = tree_of(workspace.take())
    assert whole == {path: data for path, data in project.files().items() if not path.startswith(("trace", "build"))}


def test_locks_and_pieces_that_a_killed_git_left_are_in_the_way_of_no_later_snapshot(project, workspace, home):
    before = workspace.take()
    (repository,) = [path.parent for path in home.rglob("HEAD") if (path.parent / "segue").is_dir()]
    (latest,) = (repository / "refs" / "segue" / "latest").iterdir()
    left = [
        latest.with_name(f"{latest.name}.lock"),
        repository / "packed-refs.lock",
        repository / "objects" / "pack" / "tmp_pack_a1b2c3",
        repository / "segue" / latest.name / ".last.json.4711",
    ]
    for path in left:
        path.touch()
    project.write({"stock.txt": "pears 6\n"})
    after = workspace.take()
    assert after.tree != before.tree
    assert [path for path in left if path.exists()] == []


def test_nobody_else_may_look_into_the_repository_of_snapshots(project, workspace, home):
    workspace.take()
    (repository,) = [path.parent for path in home.rglob("HEAD") if (path.parent / "segue").is_dir()]
    assert [str(path) for path in (repository, *repository.rglob("*")) if path.lstat().st_mode & 0o077] == []
