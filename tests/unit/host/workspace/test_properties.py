"""Whatever a user and an agent do, in whatever order: every content that was there at a snapshot, or before a restore, comes back."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from segue.host.workspace.judging import Limits
from segue.host.workspace.workspace import GitWorkspace
from segue.testing.fakes import FakeClock
from tests.unit.host.workspace.workspaces import Project, forget, untouched

PATHS = ["a", "b", "dir/a", "dir/deep/b", "dir", "dir/deep", "line\nend", "\udcff", "x.log", ".env", "run.sh", "big"]
CASES = ["A", "DIR/a", "Dir", "X.LOG"] if sys.platform == "linux" else []  # elsewhere these are the same files, most often
PATHS += CASES
TEXTS = [b"1", b"2", b"1\r\n2\r\n", b"", b"x" * 300, b"\0\xff"]
LIMIT = 200


def is_left_out(path, data):
    return isinstance(data, bytes) and (path.split("/")[-1] == ".env" or len(data) > LIMIT)


class Machine(RuleBasedStateMachine):
    """A project, edits and git operations in it, snapshots and restores; beside them what the files were."""

    snapshots = Bundle("snapshots")

    @initialize(repository=st.booleans())
    def begin(self, repository):
        self.place = Path(tempfile.mkdtemp(prefix="property-")).resolve()
        self.project = Project(self.place / "project")
        self.repository = repository
        self.project.write({".gitignore": "*.log\n"})
        if repository:
            self.project.git("init", "-q")
            self.project.write({"a": "first"})
            self.project.commit()
        self.workspace = GitWorkspace(
            str(self.project.root),
            self.place / "home",
            FakeClock(),
            Limits(file_bytes=LIMIT),
            {**os.environ, "HOME": str(self.place)},
        )

    def teardown(self):
        if hasattr(self, "place"):
            shutil.rmtree(self.place)

    def files(self):
        """Return what a snapshot should have of what is there, and what it should leave alone."""
        found = self.project.files()
        tracked = set(self.project.git("ls-files", "-z").split("\0")) if self.is_repository() else set()
        plain = {path: path.removesuffix("*") for path in found}
        ignored = {path for path in found if plain[path].endswith(".log") and plain[path] not in tracked}
        alone = {path: found[path] for path in found if path in ignored or is_left_out(plain[path], found[path])}
        return {path: data for path, data in found.items() if path not in alone}, alone

    def is_repository(self):
        return (self.project.root / ".git").is_dir()

    # --- edits ----------------------------------------------------------------------------------

    @rule(path=st.sampled_from(PATHS), data=st.sampled_from(TEXTS), executable=st.booleans())
    def write(self, path, data, executable):
        self.clear(self.project.root / path)

        def make(place):
            place.write_bytes(data)
            place.chmod(0o755 if executable else 0o644)

        self.put(path, make)

    @rule(path=st.sampled_from(PATHS), to=st.sampled_from(["a", "dir", "/etc/passwd", "nowhere"]))
    def link(self, path, to):
        self.clear(self.project.root / path)
        self.put(path, lambda place: place.symlink_to(to))

    @rule(path=st.sampled_from(PATHS))
    def delete(self, path):
        self.clear(self.project.root / path)

    @rule(path=st.sampled_from(PATHS), mode=st.sampled_from([0o600, 0o640, 0o744, 0o777]))
    def permit(self, path, mode):
        place = self.project.root / path
        if place.is_file() and not place.is_symlink() and place.resolve() == place:
            place.chmod(mode)

    @rule(path=st.sampled_from(PATHS), to=st.sampled_from(PATHS))
    def rename(self, path, to):
        """A file, link or directory gets another name, one that differs in case alone among them."""
        old, new = self.project.root / path, self.project.root / to
        if f"{to}/".startswith(f"{path}/") or f"{path}/".startswith(f"{to}/") or not os.path.lexists(old):
            return
        if any(above.is_symlink() for above in old.parents if above != self.project.root and self.project.root in above.parents):
            return
        self.clear(new)
        with suppress(FileNotFoundError):
            self.put(to, old.rename)

    def clear(self, place):
        """Remove a file, link or directory; nothing is removed, and so nothing written, beyond a link."""
        for above in [place, *place.parents]:
            if above == self.project.root:
                break
            if above.is_symlink() or (above.is_file() and above != place):
                above.unlink()
        if place.is_dir():
            shutil.rmtree(place)
        elif place.exists():
            place.unlink()

    @precondition(lambda self: self.is_repository())
    @rule(
        command=st.sampled_from(
            [
                ["add", "-A"],
                ["commit", "-qam", "work", "--allow-empty"],
                ["commit", "-q", "--amend", "-m", "amended", "--allow-empty"],
                ["stash", "-u"],
                ["stash", "pop"],
                ["reset", "-q", "--hard"],
                ["checkout", "-qf", "-B", "other", "HEAD~0"],
                ["checkout", "-qf", "HEAD~1"],
                ["reflog", "expire", "--expire=now", "--all"],
                ["gc", "-q", "--prune=now"],
                ["rm", "-q", "--cached", "-r", "."],
                ["clean", "-fdq"],
                ["update-index", "--assume-unchanged", "a"],
                ["add", "-f", "x.log"],
            ]
        )
    )
    def use_git(self, command):
        with suppress(subprocess.CalledProcessError):
            self.project.git(*command)

    @precondition(lambda self: self.is_repository())
    @rule()
    def delete_repository(self):
        shutil.rmtree(self.project.root / ".git")

    # --- snapshots --------------------------------------------------------------------------------

    @rule(target=snapshots)
    def take(self):
        files, _ = self.files()
        with self.untouched():
            taken = self.workspace.take()
        self.compare(taken.id, files)
        return taken.id, files

    @rule(target=snapshots, touched=st.lists(st.sampled_from(PATHS), max_size=4))
    def take_touched(self, touched):
        """What was touched is as it is; the rest may be as it was last."""
        files, _ = self.files()
        with self.untouched():
            taken = self.workspace.take(touched)
        held = self.held(taken.id)
        for path in touched:
            for name in (path, f"{path}*"):
                if name in files:
                    assert held[name] == files[name]
        return taken.id, held

    @rule(target=snapshots, chosen=snapshots)
    def restore(self, chosen):
        snapshot, then = chosen
        now, alone = self.files()
        with self.untouched():
            done = self.workspace.restore(self.workspace.preview(snapshot))
        self.compare(done.before, now)
        left = {one.path for one in done.leaves}
        files = self.project.files()
        assert {path: files.get(path) for path in alone} == alone
        for path, data in then.items():
            if path.removesuffix("*") not in left:
                assert files.get(path) == data, (path, done)
        for path, data in files.items():
            if path not in then and path not in alone:
                assert path.removesuffix("*") in left, (path, done)
                assert data == now.get(path)
        return done.before, now

    @rule(
        target=snapshots,
        chosen=snapshots,
        path=st.sampled_from(PATHS),
        edit=st.sampled_from([None, b"edited meanwhile", "dir", "nowhere"]),
    )
    def restore_while_the_user_edits(self, chosen, path, edit):
        """What he did after he was shown what would be done stays, and is named."""
        plan = self.workspace.preview(chosen[0])
        shown = self.project.files()
        if edit is None:
            self.clear(self.project.root / path)
        elif isinstance(edit, str):
            self.clear(self.project.root / path)
            self.put(path, lambda place: place.symlink_to(edit))
        else:
            self.clear(self.project.root / path)
            self.put(path, lambda place: place.write_bytes(edit))
        edited = self.project.files()
        now, alone = self.files()
        done = self.workspace.restore(plan)
        self.compare(done.before, now)
        files = self.project.files()
        assert {name: files.get(name) for name in alone} == alone
        for name in edited:
            if edited[name] != shown.get(name):
                assert files.get(name) == edited[name], (name, done)
        return done.before, now

    @rule(chosen=snapshots)
    def restore_and_undo(self, chosen):
        """A restore of what was there gives back all that the first one changed."""
        before = self.project.files()
        done = self.workspace.restore(self.workspace.preview(chosen[0]))
        back = self.workspace.restore(self.workspace.preview(done.before))
        assert self.project.files() == before, (done, back)

    def put(self, path, make):
        place = self.project.root / path
        with suppress(NotADirectoryError, FileExistsError):
            place.parent.mkdir(parents=True, exist_ok=True)
            make(place)

    @rule(chosen=consumes(snapshots))
    def forget(self, chosen):
        forget(self.workspace, chosen[0])

    @rule(chosen=snapshots)
    def read(self, chosen):
        self.compare(*chosen)

    def compare(self, snapshot, files):
        assert self.held(snapshot) == files

    def held(self, snapshot):
        git = self.workspace._ours.git
        found = {}
        for record in git.run("ls-tree", "-r", "-z", "--full-tree", snapshot).split(b"\0"):
            if record:
                facts, _, path = record.partition(b"\t")
                mode, _, name = facts.decode().split(" ")
                data = git.run("cat-file", "blob", name)
                found[os.fsdecode(path) + ("*" if mode == "100755" else "")] = (
                    "-> " + os.fsdecode(data) if mode == "120000" else data
                )
        return found

    def untouched(self):
        return untouched(self.project.root / ".git")

    @invariant()
    def nothing_of_ours_is_left_in_the_workspace(self):
        if hasattr(self, "project"):
            assert not [name for name in self.project.files() if "segue" in name]


TestWorkspaces = Machine.TestCase
TestWorkspaces.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


@pytest.mark.long
@pytest.mark.timeout(14_400)
class TestManyWorkspaces(Machine.TestCase):
    """The same over many more sequences."""

    settings = settings(max_examples=2_000, stateful_step_count=20, deadline=None)
