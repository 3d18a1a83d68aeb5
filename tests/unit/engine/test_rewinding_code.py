"""Going back to a checkpoint with files in it: the user's edits are never lost, whenever they are made."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.errors import RestoreError
from segue.core.log.events import Draft
from segue.engine.loading import load
from segue.engine.restores import find, interrupted
from segue.engine.saving.checkpoints import create
from segue.engine.saving.rewinding import Wish, carry_out, finish, undo
from segue.host.workspace.files import Files
from segue.host.workspace.judging import Limits
from segue.host.workspace.workspace import GitWorkspace
from segue.testing.builders import assistant, user
from tests.unit.engine.rewinding_kit import Kit

IGNORED = "build.log"
ENVIRONMENT = ".env"
LARGE = "large.bin"


class Worked(Kit):
    """A session, and a project whose files are in its checkpoints."""

    def __init__(self, place):
        super().__init__(place)
        self.project = place / "project"
        self.project.mkdir()
        subprocess.run(["git", "init", "-q", str(self.project)], check=True)
        (self.project / ".gitignore").write_text("*.log\n")
        self.workspace = GitWorkspace(str(self.project), place / "ours", self.clock, Limits(file_bytes=1_000))
        self.means = self.means._replace(workspace=lambda _: self.workspace)
        self.session = self.begin(user("go"), workspace=str(self.project))
        self.meanwhile = []

    def take(self, session, *, description="", trigger="user", root=""):
        """Take a checkpoint; the user's editor saves what it has at the worst moment."""
        self.clock.advance(1)
        assert root in {"", self.workspace.root}
        saved = self.workspace.take().to_json()
        if self.meanwhile:
            self.edit(*self.meanwhile.pop())
        return create(self.desk, session, description=description, trigger=trigger, facts={"workspace": saved})

    def checkpoint(self):
        self.store.append(self.session, [assistant("done")])
        return self.take(self.session).name

    def edit(self, path, data):
        place = self.project / path
        if data is None:
            if place.is_file():
                place.unlink()
            return
        for above in reversed(place.relative_to(self.project).parents):
            if (self.project / above).is_file():
                (self.project / above).unlink()
        if place.is_dir():
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def picture(self):
        found = {}
        for above, directories, files in os.walk(self.project):
            directories[:] = [name for name in directories if name != ".git"]
            for name in files:
                place = Path(above, name)
                found[str(place.relative_to(self.project))] = place.read_bytes()
        return found

    def restore(self, name, *what):
        return carry_out(self.means, self.session, find(self.store, self.session, name), Wish(what or ("code",)))


@pytest.fixture
def worked(tmp_path):
    found = Worked(tmp_path)
    yield found
    found.store.close()


PATHS = st.sampled_from(["a.py", "b.py", "deep/c.py", "deep", "name with\nnewline", IGNORED, ENVIRONMENT, LARGE])
EDITS = st.tuples(PATHS, st.none() | st.binary(max_size=8) | st.just(b"x" * 2_000))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), EDITS),
        st.tuples(st.just("checkpoint"), st.none()),
        st.tuples(st.just("restore"), st.tuples(st.integers(0, 9), st.none() | EDITS)),
    ),
    min_size=3,
    max_size=9,
)


@settings(max_examples=8, deadline=None)
@given(STEPS)
def test_no_edit_is_ever_lost_and_every_restore_can_be_undone(steps):
    play(steps)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_no_edit_is_ever_lost_over_many_sequences(steps):
    play(steps)


def play(steps):
    """Edit, take checkpoints and restore them, as the steps say."""
    with TemporaryDirectory() as directory:
        worked = Worked(Path(directory))
        names = [worked.checkpoint()]
        pictures = {names[0]: worked.picture()}
        for step, what in steps:
            if step == "edit":
                worked.edit(*what)
            elif step == "checkpoint":
                names.append(worked.checkpoint())
                pictures[names[-1]] = worked.picture()
            else:
                there, meanwhile = what
                check_restore(worked, names[there % len(names)], pictures, meanwhile)
        worked.store.close()


def check_restore(worked, name, pictures, meanwhile):
    before = worked.picture()
    worked.meanwhile = [meanwhile] if meanwhile else []
    done = worked.restore(name)
    now = worked.picture()
    left = {one.path for one in done.code.leaves}
    saved = worked.workspace.get(find(worked.store, worked.session, done.before).snapshot)
    taken = {one.path for one in saved.left_out}

    for path, data in before.items():  # whatever was there is there, or in the checkpoint of what was there
        if now.get(path) != data and not (meanwhile and meanwhile[0].startswith(path.split("/")[0])):
            assert path not in taken
            assert worked.workspace.content(saved.id, path) == data
    if meanwhile and meanwhile[1] is not None:  # what was saved in the very moment stays, and is named where it differs
        path, data = meanwhile
        if (worked.project / path).is_file():
            assert now[path] == data
    if not meanwhile:
        then = pictures[name]
        for path in then.keys() | now.keys():
            assert now.get(path) == then.get(path) or path in left or path in taken or path == IGNORED, path
        undone = worked.restore(done.before)
        assert worked.picture() == before
        assert undone.before
        worked.restore(name)


def test_both_halves_go_back_and_forth(worked):
    worked.edit("a.py", b"one")
    one = worked.checkpoint()
    worked.edit("a.py", b"two")
    worked.edit("b.py", b"new")
    worked.store.append(worked.session, [user("more"), assistant("yes")])
    before, line = worked.picture(), worked.line(worked.session)

    done = worked.restore(one, "code", "conversation")

    assert worked.picture() == {".gitignore": b"*.log\n", "a.py": b"one"}
    assert worked.words(worked.session) == ["go", "done"]
    assert (done.code.written, done.code.deleted, done.plan.what) == (["a.py"], ["b.py"], ("code", "conversation"))
    assert worked.seen == [worked.session]
    worked.restore(done.before, "code", "conversation")
    assert (worked.picture(), worked.line(worked.session)) == (before, line)


def test_a_continuation_brings_back_the_files_of_the_checkpoint_that_was_taken_with_it(worked):
    worked.edit("a.py", b"one")
    facts = {"workspace": worked.workspace.take().to_json()}
    place = create(worked.desk, worked.session, continuation="plums", facts=facts).continuation
    worked.edit("a.py", b"two")
    assert worked.restore(place).code.written == ["a.py"]
    assert worked.picture()["a.py"] == b"one"


def test_where_code_cannot_be_restored_the_conversation_stays(worked):
    worked.edit("deep/a.py", b"one")
    one = worked.checkpoint()
    worked.edit("deep/a.py", b"two")
    worked.store.append(worked.session, [user("more"), assistant("yes")])
    line = worked.line(worked.session)

    class Full(GitWorkspace):
        """The disk is full when files are written."""

        def restore(self, plan):
            raise OSError(28, "No space left on device")

    worked.workspace = Full(str(worked.project), worked.place / "ours", worked.clock)
    with pytest.raises(RestoreError) as failed:
        worked.restore(one, "code", "conversation")

    assert failed.value.message == (
        f"the code of checkpoint '{one}' could not be restored, and the conversation stays as it is: No space left on device"
    )
    assert worked.line(worked.session) == line
    outcome = [e.body for e in worked.own(worked.session) if e.kind == "checkpoint.restored"][-1]
    assert (outcome["outcome"], outcome["what"]) == ("failed", [])


def test_the_log_knows_that_code_is_restored_once_a_failed_restore_is_finished(worked, monkeypatch):
    worked.edit("a.py", b"one")
    one = worked.checkpoint()
    worked.edit("a.py", b"two")
    with monkeypatch.context() as patch:
        patch.setattr(Files, "sync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(RestoreError):
            worked.restore(one, "code")

    done = finish(worked.means, worked.session)

    assert (done.snapshot, worked.picture()["a.py"]) == (find(worked.store, worked.session, one).snapshot, b"one")
    outcomes = [e.body for e in worked.own(worked.session) if e.kind == "checkpoint.restored"]
    assert [(body["outcome"], body["what"]) for body in outcomes] == [("failed", []), ("done", ["code"])]


@pytest.mark.parametrize("how", [finish, undo])
def test_a_restore_that_was_killed_between_the_halves_is_finished_or_undone(worked, how):
    worked.edit("a.py", b"one")
    one = worked.checkpoint()
    worked.edit("a.py", b"two")
    worked.store.append(worked.session, [user("more"), assistant("yes")])
    line, then = worked.line(worked.session), worked.line(worked.session, find(worked.store, worked.session, one).position)
    saved = worked.take(worked.session)
    what = {"checkpoint": one, "what": ["code", "conversation"], "before": saved.name}
    worked.store.append(worked.session, [Draft("checkpoint.restoring", what, key="segue:restore")])
    worked.workspace.restore(worked.workspace.preview(find(worked.store, worked.session, one).snapshot))
    assert interrupted(worked.store, worked.session) is not None

    how(worked.means, worked.session)

    assert interrupted(worked.store, worked.session) is None
    if how is finish:
        assert (worked.picture()["a.py"], worked.line(worked.session)) == (b"one", then)
    else:
        assert (worked.picture()["a.py"], worked.line(worked.session)) == (b"two", line)


def test_the_files_of_a_session_that_a_framework_leads_go_back_and_an_interruption_is_undone(worked):
    worked.session = worked.begin(user("go"), workspace=str(worked.project), agent="langgraph", foreign_ids=["thread-1"])
    worked.edit("a.py", b"one")
    one = worked.checkpoint()
    worked.edit("a.py", b"two")
    done = worked.restore(one, "code")
    assert worked.picture()["a.py"] == b"one"
    what = {"checkpoint": one, "what": ["code"], "before": done.before}
    worked.store.append(worked.session, [Draft("checkpoint.restoring", what, key="segue:restore")], on_key="replace")
    undo(worked.means, worked.session)
    assert worked.picture()["a.py"] == b"two"
    assert interrupted(worked.store, worked.session) is None


def test_the_uncommitted_changes_are_the_workspaces_and_stay_when_only_the_conversation_goes_back(worked):
    worked.edit("a.py", b"one")
    one = worked.checkpoint()
    worked.edit("a.py", b"two")
    worked.store.append(worked.session, [Draft("changes.seen", {"files": [{"path": "a.py"}], "branch": "main"}), user("more")])
    worked.restore(one, "conversation")
    assert worked.picture()["a.py"] == b"two"
    assert load(worked.store, worked.session).work["changes"]["files"] == [{"path": "a.py"}]
